"""What one table's stream reads and how its rows become marketing records.

A delta link fixes its columns for ever (reference 4.4), so the columns are part of the stream's identity. A selection
may be smaller than that: what the links bring and nobody selects is not looked at.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

import msgspec

from tandem.dynamics.rows import RowDecoder, selection
from tandem.mapping.fields import FILTER_COLUMN, Field, internal_columns
from tandem.mapping.projection import Projection
from tandem.mapping.selection import offered_fields, read_columns
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.schema import ColumnType, Table
from tandem.rules.paths import Step
from tandem.rules.presence import passes
from tandem.rules.units import units_of
from tandem.state.state import FieldChoice

_ROW_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CODEC = 1
"""Raised when stored values would be read differently: every table is then read again."""


class FilterUnreadable(NeedsPerson):
    """The sync filter exists and cannot be read, so nothing tells which records are excluded."""

    code = "filter-unreadable"
    advice = (
        f"Give the sync user read access to the column {FILTER_COLUMN} (column security profile), make it a "
        "Two-Options column, or delete it."
    )


class LookupGone(NeedsPerson):
    """A lookup that a custom entity's path goes by is no longer there, or the sync user cannot read it."""

    code = "lookup-gone"
    advice = (
        "Nothing is lost: its custom objects stay and are not read meanwhile. Bring the lookup back, or the right to "
        "read it; or choose another path: `tandem entities --disable` the entity, then `--enable` it."
    )


def filter_problem(entity: Entity, table: Table, unreadable: Collection[str]) -> str | None:
    """Why the sync filter of a table cannot be obeyed (D7); None where it can, and where there is none."""
    column = table.columns.get(FILTER_COLUMN)
    if column is None or FILTER_COLUMN not in internal_columns(entity):
        return None
    if column.type is not ColumnType.BOOLEAN:
        return f"The column {FILTER_COLUMN} of {entity.value} is no Two-Options column."
    if not column.readable or FILTER_COLUMN in unreadable:
        return f"The sync user cannot read the sync filter {FILTER_COLUMN} of {entity.value}."
    return None


class Identity:
    """What of a table is to be read: `wanted` are the columns for a selection, `internal` those that the rules need.

    Raises FilterUnreadable, and LookupGone for a path whose lookup cannot be read.
    """

    def __init__(
        self,
        entity: Entity,
        table: Table,
        fields: Iterable[Field],
        *,
        organization_id: str,
        unreadable: Collection[str],
        lookup: Step | None = None,
    ) -> None:
        if problem := filter_problem(entity, table, unreadable):
            raise FilterUnreadable(f"{problem} The table is not synced.", entity=entity.value)
        path = [] if lookup is None else [_usable(lookup, table, unreadable)]
        self.entity = entity
        always = [table.primary_id, *read_columns(entity, table, (), unreadable), *path]
        self.internal = tuple(dict.fromkeys(always))
        self.wanted = tuple(dict.fromkeys([*always, *read_columns(entity, table, fields, unreadable)]))
        self._table = table
        self._described = [organization_id, entity.value, str(_CODEC), *([] if lookup is None else [str(lookup)])]

    def fingerprint(self, columns: Sequence[str]) -> str:
        """What a stream with these columns is known by: links of another one bring something else."""
        described = "\n".join([*self._described, *sorted(selection(self._table, columns))])
        return hashlib.sha256(described.encode()).hexdigest()[:32]


class TablePlan:
    """One table's columns, decoder and projection under the current selection.

    `columns` are those a stream's links bring; all that the fields need where none are given.
    """

    def __init__(
        self,
        entity: Entity,
        table: Table,
        fields: Iterable[Field],
        *,
        organization_id: str,
        unreadable: Collection[str],
        columns: Sequence[str] | None = None,
        lookup: Step | None = None,
        address_block: bool = False,
        consent: bool = False,
    ) -> None:
        self.entity = entity
        self.table = table
        self.fields = tuple(fields)
        identity = Identity(
            entity, table, self.fields, organization_id=organization_id, unreadable=unreadable, lookup=lookup
        )
        self.columns = list(identity.wanted if columns is None else columns)
        self.fingerprint = identity.fingerprint(self.columns)
        self.decoder = RowDecoder(table, self.columns)
        self.projection = Projection(self.fields)
        self.units = units_of(self.fields, address_block=address_block, consent=consent)
        self.id = attrgetter(table.primary_id)
        self.version = attrgetter("versionnumber")
        self.email = self.get(next((field.column for field in self.fields if field.api_name == "email"), ""))
        self.wanted = self._filter()
        self.reference = self._reference(lookup)

    def get(self, column: str) -> Callable[[Any], Any]:
        """A reader of one column; of one the organisation lacks, or that is not read, always None."""
        return attrgetter(column) if column in self.decoder.fields else _nothing

    def payload(self, row: Any) -> str:
        """A row as JSON that `decoder.decode_row` reads again, for a row that must wait."""
        return _ROW_ENCODER.encode(row).decode()

    def knows_filter(self, payload: str) -> bool:
        """Does a row that waited say what its sync filter does, where the table has one by now?"""
        return FILTER_COLUMN not in self.decoder.fields or f'"{FILTER_COLUMN}"' in payload

    def _reference(self, lookup: Step | None) -> Callable[[Any], str | None]:
        """A reader of the record that a row names by `lookup`; one in another table is none of the path's (C1)."""
        if lookup is None:
            return _nothing
        value, kind, target = self.get(lookup.column), self.get(f"{lookup.column}_type"), lookup.target
        return lambda row: value(row) if kind(row) in (None, target) else None

    def _filter(self) -> Callable[[Any], bool]:
        if FILTER_COLUMN not in self.decoder.fields:
            return lambda _row: True
        value = attrgetter(FILTER_COLUMN)
        return lambda row: passes(value(row))


def _nothing(_row: Any) -> None:
    return None


def _usable(lookup: Step, table: Table, unreadable: Collection[str]) -> str:
    """The lookup's column. Raises LookupGone."""
    column = table.columns.get(lookup.column)
    if column is None or column.type is not ColumnType.LOOKUP or not column.readable or column.name in unreadable:
        raise LookupGone(f"The lookup {lookup.column} of {table.name} is gone, or cannot be read.", table=table.name)
    return column.name


def chosen_fields(
    entity: Entity, table: Table, choices: Mapping[str, FieldChoice], unreadable: Collection[str] = ()
) -> list[Field]:
    """The selected fields the organisation still has, under the names, directions and policies that were chosen.

    A column of another type than the one that was chosen is another column (D6).
    """
    fields = []
    for offer in offered_fields(entity, table, unreadable):
        choice = choices.get(offer.field.column)
        if choice is not None and choice.selected and choice.type in (None, offer.field.type):
            fields.append(
                replace(offer.field, api_name=choice.api_name, direction=choice.direction, policy=choice.policy)
            )
    return fields


def default_choices(entity: Entity, table: Table, unreadable: Collection[str] = ()) -> list[FieldChoice]:
    """The choices when nobody chose: section 7 and every readable custom column (D1)."""
    return [
        FieldChoice(
            entity=entity,
            column=offer.field.column,
            api_name=offer.field.api_name,
            direction=offer.field.direction,
            selected=offer.default,
            type=offer.field.type,
        )
        for offer in offered_fields(entity, table, unreadable)
        if offer.default
    ]
