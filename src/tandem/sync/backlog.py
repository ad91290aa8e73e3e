"""What is left to do of each table: one figure for whoever looks and for the history of cycles.

Two ways of counting it would tell of a backlog that grows where none does.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tandem.model.entities import Entity
from tandem.rules.brakes import HoldKind
from tandem.state.state import SyncState
from tandem.state.streams import Reading, StreamState
from tandem.sync.tables import synced_entities
from tandem.sync.waiting import AMBIGUOUS, LEAD_OF_CONTACT

_OF_READING = (HoldKind.MASS_DELETE, HoldKind.EMPTY_TABLE, HoldKind.MASS_BLANK)
"""Holds on what was read; the others keep fields and writes back."""


class Backlog(NamedTuple):
    """Records of one table that were read and not applied, or that a copy has left to read (N3).

    An insert has no record here yet, an update has; `since` is when it began, where that is known.
    """

    entity: Entity
    inserts: int
    updates: int
    since: str | None


def read_backlog(state: SyncState) -> Iterator[Backlog]:
    """The backlog by its causes; a table may have several."""
    stored = state.streams.all()
    streams = [stored[entity] for entity in synced_entities(state) if entity in stored]
    for stream in (*streams, *state.streams.successors().values()):
        left = max(0, (stream.total or 0) - stream.rows_read)
        if stream.state is StreamState.COPYING and left:
            first = stream.reading is Reading.FIRST_COPY
            yield Backlog(stream.entity, left if first else 0, 0 if first else left, stream.begun_at)
    for name, _target, kind, _reason, count, since in state.waiting.counts():
        # Other references wait while their record itself is applied; a role's row is nothing but its reference.
        if kind in (LEAD_OF_CONTACT, AMBIGUOUS) or name in (Entity.CONNECTION, Entity.OPPORTUNITY_ROLE):
            yield Backlog(Entity(name), count, 0, since)
    for hold in state.journal.braked():
        if hold.kind in _OF_READING:
            yield Backlog(hold.entity, 0, hold.count, hold.at)


def count_backlog(state: SyncState) -> dict[Entity, int]:
    """Records that are left to do, of the tables that have any."""
    counts: Counter[Entity] = Counter()
    for each in read_backlog(state):
        counts[each.entity] += each.inserts + each.updates
    return dict(counts)
