"""Which entities an organisation could sync beside the standard ones, and by which paths (rules C1, C2).

The list and the choice go by the same facts: what is proposed to an administrator is what is stored afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import TableUnknown
from tandem.dynamics.relationships import Relationships
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.rules.offers import Offer, offer
from tandem.rules.paths import CustomEntity, PathManyToMany, SecondPath, discover, pick
from tandem.runtime.subscription import Subscription
from tandem.runtime.syncing import Estimate, estimate


class EntityNotOffered(NeedsPerson):
    """A table cannot be enabled as a custom entity, or not by this path."""

    code = "entity-not-offered"
    advice = (
        "Where a right is missing, give the sync user's security role read privilege for the whole organisation on "
        "that table; else choose another path. `tandem entities --all` tells what is open, and why the rest is not."
    )


class EntityStandard(NeedsPerson):
    """A standard entity was to be enabled or disabled."""

    code = "entity-standard"
    advice = (
        "Standard entities are synced by themselves, and `tandem fields` chooses their fields; campaigns have a switch "
        "of their own: `tandem campaigns`."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What can be enabled. `offers`: every table with a path by logical name, custom ones first."""

    relationships: Relationships
    offers: Mapping[str, Offer]

    def choose(self, name: str, wanted: Sequence[str] = ()) -> CustomEntity:
        """The table `name` as a custom entity, by the one path wanted, or by the proposed one.

        Raises EntityStandard, TableUnknown, EntityNotOffered, SecondPath and what `rules.paths.pick` raises.
        """
        entity = custom_entity(name)
        table = self.relationships.tables.get(entity.value)
        if table is None and entity.value in self.relationships.many_to_many:
            raise PathManyToMany(f"{entity.value} is the table of a many-to-many relationship.", entity=entity.value)
        if table is None:
            raise TableUnknown(f"The organisation has no table {entity.value}.", table=entity.value)
        if len(wanted) > 1:
            raise SecondPath(f"{len(wanted)} paths were named for {entity.value}.", entity=entity.value)
        found = self.offers.get(entity.value)
        offered = {each.path: each.obstacle for each in found.paths} if found else {}
        path = pick(
            entity.value, tuple(offered), next(iter(wanted), None), many_to_many=self.relationships.many_to_many
        )
        if obstacle := offered[path]:
            raise EntityNotOffered(f"{entity.value} by {path} cannot be enabled: {obstacle}.", entity=entity.value)
        return CustomEntity(entity=entity, label=table.label, path=path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is to be enabled, and what copying it will cost; None where it is enabled already."""

    custom: CustomEntity
    estimate: Estimate | None


def choose_entity(subscription: Subscription, dynamics: Dynamics, name: str, wanted: Sequence[str] = ()) -> Chosen:
    """The table `name` by the one path wanted, else by the path it is enabled by, else by the proposed one.

    Nothing is enabled by this. Raises what `Discovery.choose` raises.
    """
    custom = discover_entities(dynamics, language=subscription.settings.language).choose(name, wanted)
    held = subscription.state.customs.all().get(custom.entity)
    if held is not None:
        return Chosen(custom=custom if wanted else held, estimate=None)
    read = [each for each in (custom.path.via, custom.entity) if each]
    return Chosen(custom=custom, estimate=estimate(subscription, dynamics, only=read))


def custom_entity(name: str) -> Entity:
    """The entity of that logical name. Raises EntityStandard."""
    entity = Entity(name.strip().lower())
    if entity.is_standard:
        raise EntityStandard(f"{entity.value} is a standard entity.", entity=entity.value)
    return entity


def discover_entities(dynamics: Dynamics, *, language: int) -> Discovery:
    """Every table with a path to lead, contact or account, with labels in `language` (an LCID); three requests."""
    relationships = dynamics.relationships(dynamics.who_am_i().user_id, language)
    tables = relationships.tables
    offers = [
        offer(tables[name], paths, tables.get)
        for name, paths in discover(relationships.lookups).items()
        if name in tables
    ]
    offers.sort(key=lambda each: (not each.table.custom, each.table.name))
    return Discovery(relationships=relationships, offers={each.table.name: each for each in offers})
