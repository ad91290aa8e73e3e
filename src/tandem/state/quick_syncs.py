"""Quick syncs: which fields are to be refreshed of which records, and how far that has come (rule D5).

A refresh that lived only in the process that runs it would be forgotten by a kill, and nobody would know which half of
the records has the new field. So it is a row from the moment it is asked for; its checkpoint moves with its pages.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.ranges import DatedBy, Range
from tandem.model.entities import Entity

_SQL = load_statements("tandem.state")
_COLUMNS = msgspec.json.Decoder(tuple[str, ...])
_KEPT = 1_000
"""Quick syncs that are listed at most, the newest ones."""


class QuickSyncState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class AskedBy(StrEnum):
    """Who wanted it: somebody who chose fields, or the sync itself for a column that came back (D6)."""

    PERSON = "person"
    SYNC = "sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickSync:
    """One quick sync. `columns` by logical name; no `range` means all records; `total` is an estimate or None.

    It reads by the columns of the stream `fingerprint`, or `rides` on that stream's own reading. Times are ISO 8601
    UTC.
    """

    id: int
    entity: Entity
    columns: tuple[str, ...]
    range: Range | None
    asked_by: AskedBy
    state: QuickSyncState
    fingerprint: str | None
    rides: bool
    next_link: str | None
    rows_done: int
    rows_changed: int
    total: int | None
    asked_at: str
    began_at: str | None
    ended_at: str | None


class QuickSyncs:
    """The quick syncs of one subscription."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self,
        entity: Entity,
        columns: Collection[str],
        *,
        asked_by: AskedBy,
        at: str,
        wanted: Range | None = None,
    ) -> None:
        """These columns are to be refreshed, of all records or of those in the range `wanted`."""
        self._database.run(
            _SQL["ask_quick_sync"],
            entity=entity.value,
            columns=msgspec.json.encode(sorted(columns)).decode(),
            dated_by=wanted.dated_by.value if wanted else None,
            since=wanted.since if wanted else None,
            until=wanted.until if wanted else None,
            asked_by=asked_by.value,
            at=at,
        )

    def open(self) -> list[QuickSync]:
        """Those that are not over, oldest first."""
        return [_quick_sync(row) for row in self._database.all(_SQL["open_quick_syncs"])]

    def newest(self, *, limit: int = _KEPT) -> list[QuickSync]:
        """The last ones asked for, newest first."""
        return [_quick_sync(row) for row in self._database.all(_SQL["quick_syncs"], limit=limit)]

    def begin(self, quick_sync: int, fingerprint: str, *, rides: bool, total: int | None, at: str) -> None:
        """It reads from the start, by the columns of that stream or together with it."""
        self._database.run(
            _SQL["begin_quick_sync"], id=quick_sync, fingerprint=fingerprint, rides=int(rides), total=total, at=at
        )

    def advance(self, each: QuickSync, *, next_link: str | None, rows: int) -> bool:
        """One page further; False where somebody cancelled it meanwhile. Belongs into the page's transaction."""
        place = {"next_link": next_link, "was_next": each.next_link or ""}
        return self._database.run(_SQL["advance_quick_sync"], id=each.id, rows=rows, **place) == 1

    def count_changed(self, quick_sync: int, records: int) -> None:
        """So many records changed on its last page."""
        self._database.run(_SQL["count_changed"], id=quick_sync, records=records)

    def advance_riding(self, fingerprint: str, *, rows: int, changed: int, total: int | None) -> None:
        """The stream that they ride on has read `rows` so far; `changed` records changed on its last page."""
        self._database.run(
            _SQL["advance_riding"], fingerprint=fingerprint, rows=rows, changed=changed, total=total
        )  # fmt: skip

    def wait_again(self, entity: Entity, *, but: str) -> None:
        """What rode on another stream of the table than `but` waits for the next one: that one is given up."""
        self._database.run(_SQL["wait_again"], entity=entity.value, fingerprint=but)

    def begin_anew(self) -> None:
        """Whatever runs waits, and reads from the start: its place, or the stream that it rode on, is lost."""
        self._database.run(_SQL["begin_quick_syncs_anew"])

    def end(self, quick_sync: int, state: QuickSyncState, *, at: str) -> bool:
        """It is done or cancelled; False where it is over already."""
        return self._database.run(_SQL["end_quick_sync"], id=quick_sync, state=state.value, at=at) == 1


def _quick_sync(row: Sequence[object]) -> QuickSync:
    number, entity, columns, dated_by, since, until, asked_by, state, fingerprint, rides, *rest = row
    next_link, rows_done, rows_changed, total, asked_at, began_at, ended_at = rest
    wanted = None
    if dated_by is not None:
        wanted = Range(dated_by=DatedBy(str(dated_by)), since=_text(since), until=_text(until))
    return QuickSync(
        id=_number(number),
        entity=Entity(str(entity)),
        columns=_COLUMNS.decode(str(columns)),
        range=wanted,
        asked_by=AskedBy(str(asked_by)),
        state=QuickSyncState(str(state)),
        fingerprint=_text(fingerprint),
        rides=bool(rides),
        next_link=_text(next_link),
        rows_done=_number(rows_done),
        rows_changed=_number(rows_changed),
        total=None if total is None else _number(total),
        asked_at=str(asked_at),
        began_at=_text(began_at),
        ended_at=_text(ended_at),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> int:
    return int(str(value))
