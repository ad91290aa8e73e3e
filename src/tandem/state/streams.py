"""Streams: how far each table has been read.

A checkpoint advances by compare-and-set in the transaction of its page's effects, so a page is never lost, and a
process that was thought dead cannot move it back.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

import msgspec

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.model.entities import Entity
from tandem.model.errors import OurBug

_SQL = load_statements("tandem.state")
_COLUMNS = msgspec.json.Decoder(tuple[str, ...])


class StreamState(StrEnum):
    """Where a table's reading stands."""

    COPYING = "copying"
    LIVE = "live"
    HALTED = "halted"


class Reading(StrEnum):
    """Why a table is being read from its start."""

    FIRST_COPY = "first-copy"
    BASELINE = "baseline"  # the token was lost; rows at a known version are skipped, deletions found by absence
    SELECTION = "selection"  # other columns are selected now; known rows are looked at again, up to its first changes
    RELINK = "relink"  # another organisation, or an older state of it: no version that is known says anything
    ADOPT = "adopt"  # the database may be older than what Dynamics has seen of it: what is remembered may be outdated

    @property
    def is_review(self) -> bool:
        """Is nothing to be written before it is over (S9, S10)?"""
        return self in (Reading.RELINK, Reading.ADOPT)


Place = tuple[str | None, str | None]
"""Where a stream stands: (next link, delta link)."""


@dataclass(slots=True, kw_only=True)
class Stream:
    """One table's reading. Times are ISO 8601 UTC; `total` is an estimate.

    `columns` are what its links bring, by logical name; None: unknown. A `successor` is read beside the table's stream,
    whose place it takes; it is live as soon as it was read to its end.
    """

    entity: Entity
    fingerprint: str
    state: StreamState = StreamState.COPYING
    next_link: str | None = None
    delta_link: str | None = None
    weak: bool = False
    reading: Reading = Reading.FIRST_COPY
    reads_begun: int = 0
    reads_finished: int = 0
    rows_read: int = 0
    total: int | None = None
    begun_at: str | None = None
    live_at: str | None = None
    token_at: str | None = None
    fresh_mark: str | None = None
    reason: str | None = None
    columns: tuple[str, ...] | None = None
    successor: bool = False

    @property
    def place(self) -> Place:
        """Where the reading stands: the next page, and the link the next read begins with."""
        return self.next_link, self.delta_link

    @property
    def read_until(self) -> str | None:
        """Edits made since then may not have been read."""
        by_token = self.state is StreamState.LIVE and not self.weak
        return self.token_at if by_token else self.fresh_mark or self.begun_at

    def begin_again(self, reason: str, reading: Reading | None = None) -> None:
        """Read the table from the start and find what differs, deletions included: its place was lost (S11), or
        `reading` says why."""
        self.fresh_mark = self.read_until
        if reading is not None:
            self.reading = reading
        elif self.reading is Reading.FIRST_COPY or (
            self.state is StreamState.LIVE and self.reading is not Reading.SELECTION
        ):
            # A read for other columns that is not done yet, its first changes included, has to look at known rows.
            self.reading = Reading.BASELINE
        self.state, self.next_link, self.delta_link = StreamState.COPYING, None, None
        self.rows_read, self.reason = 0, reason


_NAMES = tuple(each.name for each in fields(Stream))


class Streams:
    """The streams of one subscription."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[Entity, Stream]:
        """The stream of each table."""
        return {stream.entity: stream for stream in self._every() if not stream.successor}

    def successors(self) -> dict[Entity, Stream]:
        """The streams that are to take the place of their table's."""
        return {stream.entity: stream for stream in self._every() if stream.successor}

    def _every(self) -> list[Stream]:
        return [_stream(row) for row in self._database.all(_SQL["streams"])]

    def put(self, stream: Stream) -> None:
        """Store the whole stream, whatever is there."""
        self._database.run(_SQL["put_stream"], **_values(stream))

    def checkpoint(self, stream: Stream, *, was: Place) -> None:
        """Store the stream after a page. Raises OurBug when it does not stand any more where it `was`."""
        next_link, delta_link = was
        changed = self._database.run(
            _SQL["checkpoint"], was_next=next_link or "", was_delta=delta_link or "", **_values(stream)
        )
        if changed != 1:
            raise OurBug(
                f"The checkpoint of {stream.entity.value} was moved by somebody else.", entity=stream.entity.value
            )

    def drop(self, entity: Entity) -> None:
        """Forget how far the table was read, by its stream and by the successor of that."""
        self._database.run(_SQL["forget_stream"], entity=entity.value)


class Deletions:
    """Deletions that were read and are not applied yet: the read goes on, or a person must approve them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entity: Entity, ids: Sequence[str]) -> None:
        """Remember deletions of the read in hand."""
        self._database.run_many(_SQL["add_deletion"], [{"entity": entity.value, "crm_id": crm_id} for crm_id in ids])

    def withdraw(self, entity: Entity, ids: Collection[str]) -> None:
        """These records are there after all."""
        row = self._database.one(_SQL["has_deletions"], entity=entity.value)
        if row and row[0]:
            self._database.run(_SQL["withdraw_deletions"], entity=entity.value, ids=self._database.array(list(ids)))

    def among(self, entity: Entity, ids: Sequence[str]) -> set[str]:
        """Which of these are to be deleted, wait for somebody to approve it, or stay because somebody refused it."""
        rows = self._database.all(_SQL["deletions_among"], entity=entity.value, ids=self._database.array(ids))
        return {row[0] for row in rows}

    def pending(self, entity: Entity) -> list[str]:
        """The deletions of the read in hand."""
        return [row[0] for row in self._database.all(_SQL["pending_deletions"], entity=entity.value)]

    def forget(self, entity: Entity) -> None:
        """Nothing that was read of this table's deletions counts any more, held ones included."""
        self._database.run(_SQL["forget_deletions"], entity=entity.value)

    def clear(self, entity: Entity) -> None:
        """The read's deletions are settled."""
        self._database.run(_SQL["clear_deletions"], entity=entity.value)

    def hold(self, entity: Entity, hold_id: int) -> None:
        """Keep the read's deletions for a person to approve."""
        self._database.run(_SQL["hold_deletions"], entity=entity.value, hold_id=hold_id)

    def held(self, hold_id: int) -> list[str]:
        """The records a hold keeps from being deleted."""
        return [row[0] for row in self._database.all(_SQL["held_deletions"], hold_id=hold_id)]

    def release(self, hold_id: int) -> None:
        """The hold is settled."""
        self._database.run(_SQL["clear_held_deletions"], hold_id=hold_id)

    def approved_holds(self, entity: Entity) -> list[int]:
        """Holds whose deletions a person approved and no cycle has carried out yet."""
        return [row[0] for row in self._database.all(_SQL["approved_holds"], entity=entity.value)]

    def count_applied(self, entity: Entity, records: int) -> None:
        """So many records were deleted."""
        if records:
            self._database.run(_SQL["count_deleted"], entity=entity.value, records=records)

    def applied(self) -> dict[str, int]:
        """How many records were deleted since the first copy, by logical name."""
        return dict(self._database.all(_SQL["deleted_counts"]))


class Seen:
    """What a re-baseline has listed so far; what it did not list when it ends may have been deleted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, entity: Entity, ids: Sequence[str]) -> None:
        """These records were listed."""
        self._database.run_many(_SQL["saw"], [{"entity": entity.value, "crm_id": crm_id} for crm_id in ids])

    def among(self, entity: Entity, ids: Sequence[str]) -> set[str]:
        """Which of these were listed."""
        rows = self._database.all(_SQL["seen_among"], entity=entity.value, ids=self._database.array(ids))
        return {row[0] for row in rows}

    def count(self, entity: Entity) -> int:
        """How many records were listed."""
        row = self._database.one(_SQL["seen_count"], entity=entity.value)
        return int(row[0]) if row else 0

    def forget(self, entity: Entity) -> None:
        """The re-baseline is over."""
        self._database.run(_SQL["forget_seen"], entity=entity.value)


def _values(stream: Stream) -> dict[str, object]:
    values = {name: getattr(stream, name) for name in _NAMES}
    values.update(
        entity=stream.entity.value,
        state=stream.state.value,
        reading=stream.reading.value,
        weak=int(stream.weak),
        columns=None if stream.columns is None else msgspec.json.encode(stream.columns).decode(),
        successor=int(stream.successor),
    )
    return values


def _stream(row: Sequence[object]) -> Stream:
    values = dict(zip(_NAMES, row, strict=True))
    values["entity"] = Entity(str(values["entity"]))
    values["state"] = StreamState(str(values["state"]))
    values["reading"] = Reading(str(values["reading"]))
    values["weak"] = bool(values["weak"])
    values["columns"] = None if values["columns"] is None else _COLUMNS.decode(str(values["columns"]))
    values["successor"] = bool(values["successor"])
    return Stream(**values)  # type: ignore[arg-type]
