"""Does a cycle without doing it: the same code, the real Dynamics to read from, and nothing kept or sent.

A preview that is worked out by other code than the work is a guess. So the cycle itself runs, in a transaction that is
taken back, on a Dynamics that answers each write with the record as it would be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tandem.dynamics.errors import DynamicsError, VersionMismatch
from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.rows import VERSION, RowDecoder
from tandem.dynamics.writes import RowWrite
from tandem.model.errors import OurBug

_READS = frozenset(
    [
        *("root", "requests", "who_am_i", "schema_version", "look", "tables", "column_rights", "record_counts"),
        *("read_page", "fetch", "fetch_names", "count"),
    ]
)
"""What changes nothing in Dynamics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWrite:
    """A write that was not sent. `before` and `after` hold values by logical column; a new record has no `before`."""

    table: str
    record: str
    creates: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(slots=True)
class Rehearsal:
    """Reads from `dynamics` and keeps every write in `writes` instead of sending it."""

    dynamics: DynamicsOrganisation
    writes: list[PlannedWrite] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        if name not in _READS:
            # Only somebody's action does anything else, never a cycle.
            raise OurBug(f"A rehearsed cycle was about to ask Dynamics for {name}.")
        return getattr(self.dynamics, name)

    def write(self, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any | DynamicsError]:
        """The records as they would be; one with another version than the write is for says so, as Dynamics does."""
        updated = [each for each in writes if each.version is not None]
        table = writes[0].table
        rows, _ = self.dynamics.fetch(table, [each.id for each in updated], decoder) if updated else ([], [])
        found = {getattr(row, table.primary_id): row for row in rows}
        return [self._answer(each, found.get(each.id), decoder) for each in writes]

    def _answer(self, write: RowWrite, row: Any, decoder: RowDecoder) -> Any | DynamicsError:
        if write.version is None:
            row = decoder.row_type(**{write.table.primary_id: write.id, VERSION: 0})
        elif row is None or getattr(row, VERSION) != write.version:
            return VersionMismatch("The record changed since it was read.", record=write.id)
        read = [name for name in write.values if name in decoder.fields]
        before = {name: getattr(row, name) for name in read} if write.version is not None else {}
        self.writes.append(
            PlannedWrite(
                table=write.table.name,
                record=write.id,
                creates=write.version is None,
                before=before,
                after=dict(write.values),
            )
        )
        for name in read:
            value = write.values[name]
            setattr(row, name, value[1] if isinstance(value, tuple) else value)
        setattr(row, VERSION, getattr(row, VERSION) + 1)
        return row
