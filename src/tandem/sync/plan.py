"""What one table's stream reads and how its rows become marketing records.

A delta link fixes its columns for ever (reference 4.4), so the columns are part of the stream's identity: another
selection, a field that begins to be pulled, or a column that vanished, is another fingerprint and starts another read.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

import msgspec

from tandem.dynamics.rows import RowDecoder
from tandem.mapping.fields import FILTER_COLUMN, Field
from tandem.mapping.projection import Projection
from tandem.mapping.selection import offered_fields, read_columns
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.schema import Table
from tandem.rules.presence import passes
from tandem.rules.units import units_of
from tandem.state.state import FieldChoice

_ROW_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CODEC = 1
"""Raised when stored values would be read differently: every table is then read again."""


class FilterUnreadable(NeedsPerson):
    """The sync filter exists and the sync user cannot read it, so nothing tells which records are excluded."""

    code = "filter-unreadable"
    advice = (
        f"Give the sync user read access to the column {FILTER_COLUMN} (column security profile), or delete the column."
    )


class TablePlan:
    """One table's columns, decoder and projection under the current selection."""

    def __init__(
        self,
        entity: Entity,
        table: Table,
        fields: Iterable[Field],
        *,
        organization_id: str,
        unreadable: Collection[str],
        address_block: bool = False,
        consent: bool = False,
    ) -> None:
        if FILTER_COLUMN in unreadable:
            raise FilterUnreadable(
                f"The sync user cannot read {FILTER_COLUMN} on {entity.value}: the table is not synced.",
                entity=entity.value,
            )
        self.entity = entity
        self.table = table
        self.fields = tuple(fields)
        self.columns = read_columns(entity, table, self.fields, unreadable)
        self.decoder = RowDecoder(table, self.columns)
        self.projection = Projection(self.fields)
        self.units = units_of(self.fields, address_block=address_block, consent=consent)
        self.id = attrgetter(table.primary_id)
        self.version = attrgetter("versionnumber")
        self.email = self.get(next((field.column for field in self.fields if field.api_name == "email"), ""))
        self.wanted = self._filter()
        pulled = sorted(field.column for field in self.projection.fields)
        described = "\n".join([organization_id, entity.value, str(_CODEC), *sorted(self.decoder.select), *pulled])
        self.fingerprint = hashlib.sha256(described.encode()).hexdigest()[:32]

    def get(self, column: str) -> Callable[[Any], Any]:
        """A reader of one column; of one the organisation lacks, or that is not read, always None."""
        return attrgetter(column) if column in self.decoder.fields else _nothing

    def payload(self, row: Any) -> str:
        """A row as JSON that `decoder.decode_row` reads again, for a row that must wait."""
        return _ROW_ENCODER.encode(row).decode()

    def _filter(self) -> Callable[[Any], bool]:
        if FILTER_COLUMN not in self.decoder.fields:
            return lambda _row: True
        value = attrgetter(FILTER_COLUMN)
        return lambda row: passes(value(row))


def _nothing(_row: Any) -> None:
    return None


def chosen_fields(
    entity: Entity, table: Table, choices: Mapping[str, FieldChoice], unreadable: Collection[str] = ()
) -> list[Field]:
    """The selected fields the organisation still has, under the names, directions and policies that were chosen."""
    fields = []
    for offer in offered_fields(entity, table, unreadable):
        choice = choices.get(offer.field.column)
        if choice is not None and choice.selected:
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
        )
        for offer in offered_fields(entity, table, unreadable)
        if offer.default
    ]
