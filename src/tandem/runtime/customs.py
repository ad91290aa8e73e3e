"""Enables and disables custom entities (rules C1, C3, C4).

Nothing is copied or removed here: what is enabled is a choice, and the next cycle does what follows from it. So an
administrator can choose while a sync runs, and a kill between the choice and the work loses neither.
"""

from tandem.dynamics.errors import TableUnknown
from tandem.dynamics.port import DynamicsOrganisation
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.schema import Table
from tandem.rules.paths import CustomEntity, SecondPath
from tandem.runtime.discovery import custom_entity
from tandem.runtime.subscription import Subscription
from tandem.sync.defined import definition
from tandem.sync.plan import Identity, chosen_fields, default_choices
from tandem.sync.succession import still_brings


class FormerPath(NeedsPerson):
    """A custom entity was disabled, its records are still here, and it was to be enabled by another path.

    They name whom the former path leads to: until they were read again, each would be shown at somebody else.
    """

    code = "former-path"
    advice = "Run `tandem sync`, or wait for the next cycle of `tandem run`: it removes them. Then enable it again."


class EntityNotEnabled(NeedsPerson):
    """A custom entity was to be disabled that is not enabled."""

    code = "entity-not-enabled"
    advice = "Nothing was changed. `tandem entities` lists what is enabled."


def enable_entity(subscription: Subscription, dynamics: DynamicsOrganisation, custom: CustomEntity) -> bool:
    """Sync a custom entity from now on; False where it is enabled with this path already.

    Its fields are those chosen when it was enabled before, else the default ones (D1). The next cycle begins its copy.
    Raises SecondPath, FormerPath, TableUnknown, LookupGone or FilterUnreadable; nothing is changed then.
    """
    state, (table, identity, unreadable) = subscription.state, _readable(subscription, dynamics, custom)
    choices = default_choices(custom.entity, table, unreadable)
    fields = chosen_fields(custom.entity, table, {choice.column: choice for choice in choices}, unreadable)
    with subscription.database.transaction():
        held = state.customs.all().get(custom.entity)
        if held is None:
            stream = state.streams.all().get(custom.entity)
            if stream is not None and not still_brings(identity, table, stream):
                raise FormerPath(
                    f"The records of {custom.entity.value} by its former path are still here.",
                    entity=custom.entity.value,
                )
            if custom.entity not in state.choices():
                state.put_choices(choices)
            subscription.marketing.define_fields([definition(field) for field in fields])
            state.customs.add(custom, at=subscription.now())
        elif held.path != custom.path:
            raise SecondPath(f"{custom.entity.value} is enabled with the path {held.path}.", entity=custom.entity.value)
    return held is None


def disable_entity(subscription: Subscription, name: str) -> Entity:
    """Sync the custom entity of that logical name no more.

    The next cycle removes its records and its place in the table; the choice of its fields stays. Raises
    EntityStandard or EntityNotEnabled.
    """
    entity = custom_entity(name)
    with subscription.database.transaction():
        if entity not in subscription.state.customs.all():
            raise EntityNotEnabled(f"{entity.value} is not enabled.", entity=entity.value)
        subscription.state.customs.remove(entity)
    return entity


def _readable(
    subscription: Subscription, dynamics: DynamicsOrganisation, custom: CustomEntity
) -> tuple[Table, Identity, frozenset[str]]:
    """The entity's table, which can be read along its path, what of it will be, and which columns cannot be read."""
    steps, user, binding = custom.path.steps, dynamics.who_am_i().user_id, subscription.binding
    tables = dynamics.tables([step.table for step in steps], subscription.settings.language)
    read = list[tuple[Table, Identity, frozenset[str]]]()
    for entity, step in zip((custom.entity, custom.path.via), steps, strict=False):
        table = tables.get(step.table)
        if entity is None or table is None:
            raise TableUnknown(f"The organisation has no table {step.table}.", table=step.table)
        unreadable = dynamics.column_rights(user, table).unreadable
        organization = binding.organization_id if binding else ""
        identity = Identity(entity, table, (), organization_id=organization, unreadable=unreadable, lookup=step)
        read.append((table, identity, unreadable))
    return read[0]
