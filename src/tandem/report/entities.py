"""The custom entities of an organisation as an administrator sees them: what is synced, what could be, and why not.

A table that is missing from the list looks like a fault of Tandem. So every table with a path is in it, what was
enabled stays in it when its path is gone, and what cannot be enabled gives the reason (rules C1, C2).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tandem.model.entities import Entity
from tandem.rules.offers import Offer
from tandem.rules.paths import CustomEntity, Path, Step
from tandem.runtime.discovery import Discovery
from tandem.runtime.subscription import Subscription

_GONE = "the organisation does not have this path any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPath:
    """One way of a table, `path` as it is typed. `obstacle`: why it cannot be chosen."""

    path: str
    steps: tuple[Step, ...]
    enabled: bool
    proposed: bool
    obstacle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntity:
    """A table with a path. `records`: what marketing has of it, None where it is not enabled.

    `obstacle`: why it cannot be enabled, or why what is enabled cannot be read now; `warning`: what to know.
    """

    entity: Entity
    label: str
    custom: bool
    enabled: bool
    records: int | None
    obstacle: str | None
    warning: str | None
    paths: list[ListedPath]


def list_entities(subscription: Subscription, discovery: Discovery) -> list[ListedEntity]:
    """What is enabled first, then custom tables, then those that ship with Dynamics."""
    enabled, counts = subscription.state.customs.all(), subscription.marketing.counts()

    def records(entity: Entity) -> int | None:
        return counts.get(entity.marketing_name, (0, 0))[0] if entity in enabled else None

    listed = [
        _offered(each, enabled.get(Entity(name)), records(Entity(name))) for name, each in discovery.offers.items()
    ]
    listed += [
        _lost(custom, records(entity)) for entity, custom in enabled.items() if entity.value not in discovery.offers
    ]
    return sorted(listed, key=lambda each: not each.enabled)


def _offered(offer: Offer, custom: CustomEntity | None, records: int | None) -> ListedEntity:
    obstacle, chosen = offer.obstacle, custom.path if custom else None
    offered = {each.path: each.obstacle for each in offer.paths}
    if chosen is not None:
        obstacle = offered.setdefault(chosen, _GONE)
    return ListedEntity(
        entity=Entity(offer.table.name),
        label=offer.table.label,
        custom=offer.table.custom,
        enabled=chosen is not None,
        records=records,
        obstacle=obstacle,
        warning=offer.warning,
        paths=list(_paths(offered, chosen)),
    )


def _paths(offered: dict[Path, str | None], chosen: Path | None) -> Iterator[ListedPath]:
    for number, (path, obstacle) in enumerate(offered.items()):
        proposed = number == 0 and chosen is None and obstacle is None
        yield ListedPath(path=str(path), steps=path.steps, enabled=path == chosen, proposed=proposed, obstacle=obstacle)


def _lost(custom: CustomEntity, records: int | None) -> ListedEntity:
    return ListedEntity(
        entity=custom.entity,
        label=custom.label,
        custom=True,
        enabled=True,
        records=records,
        obstacle=_GONE,
        warning=None,
        paths=list(_paths({custom.path: _GONE}, custom.path)),
    )
