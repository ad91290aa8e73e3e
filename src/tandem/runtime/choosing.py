"""Chooses fields of a connected subscription, while it syncs or not (rules D1, D5, D6).

The choice is made against what Dynamics offers at that moment; everything that follows from it is the next cycle's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tandem.dynamics.errors import TableUnknown
from tandem.dynamics.port import DynamicsOrganisation
from tandem.mapping.ranges import Range
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.schema import Table
from tandem.runtime.subscription import Subscription
from tandem.state.quick_syncs import QuickSync
from tandem.sync.choosing import ListedField, Selection, Wishes, store_choices
from tandem.sync.quick_syncs import cancel


class NoDates(NeedsPerson):
    """A range of dates was given for records that do not tell the date, or for no field."""

    code = "no-dates"
    advice = "Name the fields with --select; without a range all records are refreshed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """The tables as Dynamics has them, and the columns of each that the sync user cannot read, by logical name."""

    tables: Mapping[str, Table]
    unreadable: Mapping[str, frozenset[str]]


def look_up(subscription: Subscription, dynamics: DynamicsOrganisation, entities: Sequence[Entity]) -> Offered:
    """What Dynamics offers of these entities' tables. Raises TableUnknown where it has none of them."""
    user = dynamics.who_am_i().user_id
    tables = dynamics.tables([each.table for each in entities], subscription.settings.language)
    if not tables:
        raise TableUnknown(f"The organisation has no table {entities[0].table}.", table=entities[0].table)
    rights = {name: dynamics.column_rights(user, table) for name, table in tables.items()}
    return Offered(
        tables={name: rights[name].narrow(table) for name, table in tables.items()},
        unreadable={name: each.unreadable for name, each in rights.items()},
    )


def list_fields(subscription: Subscription, offered: Offered, entities: Sequence[Entity]) -> list[ListedField]:
    """The fields of these entities; those of a table the organisation lacks are left out."""
    choices, listed = subscription.state.choices(), list[ListedField]()
    for entity in entities:
        table = offered.tables.get(entity.table)
        if table is not None:
            unreadable = offered.unreadable[entity.table]
            listed += Selection(entity, table, choices.get(entity, {}), unreadable).listed()
    return listed


def choose(
    subscription: Subscription, offered: Offered, entity: Entity, wishes: Wishes, *, wanted: Range | None = None
) -> None:
    """Grant `wishes`; what is selected by them is refreshed, of all records or of those `wanted`.

    Belongs into a transaction. Raises UnknownField, FieldInQuickSync, NoDates; nothing is changed then.
    """
    table, unreadable = offered.tables[entity.table], offered.unreadable[entity.table]
    if wanted is not None and not wishes.select:
        raise NoDates("A range of dates says which records' fields are refreshed, but no field is named.")
    if wanted is not None and wanted.dated_by.column not in table.columns:
        raise NoDates(f"The records of {entity.value} do not say when they were {wanted.dated_by}.")
    choices = subscription.state.choices().get(entity, {})
    selection = Selection(entity, table, choices, unreadable)
    store_choices(
        subscription.state,
        choices,
        selection.changed(wishes),
        now=subscription.now,
        refresh=selection.columns(wishes.select),
        wanted=wanted,
    )


def cancel_quick_sync(subscription: Subscription, number: int) -> QuickSync:
    """Give up a quick sync: what it brought stays. Raises UnknownQuickSync."""
    with subscription.database.transaction():
        return cancel(subscription.state, number, at=subscription.now())
