"""Brings the values of single fields for records that are here (rules D5, D6, S12, P19).

A delta lists what changes; what a newly selected field holds already it never tells. So the records are read once more,
by the page, behind fresh edits, under a checkpoint of their own. Where the table is being read from its start for other
columns anyway, a quick sync of all records rides on that reading instead of asking for every page twice. Each row is
looked at like one of any other read: unsent edits, collisions and people deleted in marketing are decided as always.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from tandem.dynamics.errors import TokenExpired
from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page
from tandem.mapping.ranges import Range
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, RetryLater
from tandem.model.schema import Table
from tandem.rules.brakes import Brakes
from tandem.state import SyncState
from tandem.state.notices import NoticeKind
from tandem.state.queues import Lane
from tandem.state.quick_syncs import QuickSync, QuickSyncState
from tandem.state.streams import Stream, StreamState
from tandem.sync.applier import Applier, How
from tandem.sync.context import Context, Counts, Progress
from tandem.sync.holds import blanking
from tandem.sync.pages import pages
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.balance import Balance
from tandem.sync.succession import rides
from tandem.sync.tables import Tables, count_rows


class UnknownQuickSync(NeedsPerson):
    """A quick sync was to be cancelled that is not there, or is over."""

    code = "unknown-quick-sync"
    advice = "`tandem fields` lists the quick syncs that wait or run, with their numbers."


def cancel(state: SyncState, number: int, *, at: str) -> QuickSync:
    """Give up a quick sync: what it brought stays, what it did not reach stays as it is. Belongs into a transaction.

    Raises UnknownQuickSync.
    """
    found = next((each for each in state.quick_syncs.open() if each.id == number), None)
    if found is None:
        raise UnknownQuickSync(f"No quick sync {number} waits or runs.", quick_sync=number)
    state.quick_syncs.end(number, QuickSyncState.CANCELLED, at=at)
    _note_read(state, found, all_records=False, at=at)
    return found


def take_along(context: Context, stream: Stream, columns: Collection[str]) -> None:
    """What waits and can ride on the reading of `stream` that begins, does; `columns` are those it looks at.

    Belongs into a transaction.
    """
    for each in context.state.quick_syncs.open():
        if each.entity is stream.entity and rides(each, stream) and set(each.columns) <= set(columns):
            context.state.quick_syncs.begin(
                each.id, stream.fingerprint, rides=True, total=stream.total, at=context.now()
            )


def end_riding(context: Context, stream: Stream) -> None:
    """The reading of `stream` came to its end, and what rode on it as well. Belongs into a transaction."""
    for each in context.state.quick_syncs.open():
        if each.rides and each.fingerprint == stream.fingerprint:
            _end(context, each)


class QuickSyncReader:
    """Reads for the quick syncs of one table that do not ride; while it has a `successor` more columns are to come.

    `asked` are the numbers of those whose fields the plan knows, if they are synced at all.
    """

    def __init__(
        self,
        context: Context,
        plan: TablePlan,
        applier: Applier,
        stream: Stream,
        *,
        successor: bool,
        asked: Collection[int],
    ) -> None:
        self._context = context
        self._plan = plan
        self._applier = applier
        self.stream = stream
        self._successor = successor
        self._asked = asked
        self._served = {field.column for field in plan.projection.fields}
        self._size = min(context.settings.page_size, plan.decoder.page_size)

    def due(self) -> list[QuickSync]:
        """Those that can go on now, oldest first."""
        if self.stream.state is not StreamState.LIVE:
            return []
        return [
            each
            for each in self._context.state.quick_syncs.open()
            if each.entity is self._plan.entity
            and each.id in self._asked
            and not each.rides
            and (set(each.columns) <= self._served or not self._successor)
        ]

    def work(self, until: Callable[[], bool]) -> Counts:
        """Read on, one quick sync after the other, until `until` says to pause after a page."""
        counts, started = Counts(), self._context.monotonic()
        for each in self.due():
            if self._served.isdisjoint(each.columns):
                # None of its fields is synced any more.
                with self._context.database.transaction():
                    cancel(self._context.state, each.id, at=self._context.now())
            elif not self._read(each, counts, until):
                break
        counts.seconds = self._context.monotonic() - started
        return counts

    def _read(self, quick_sync: QuickSync, counts: Counts, until: Callable[[], bool]) -> bool:
        """Read one on; False where it is to be paused."""
        begun, each = self._context.monotonic(), quick_sync
        if each.state is QuickSyncState.WAITING or each.fingerprint != self.stream.fingerprint:
            each = self._begin(each)
        before, start = each.rows_done, each.next_link or self._query(each)
        try:
            for page in pages(self._context.dynamics, start, self._plan.decoder, page_size=self._size):
                self._applier.prepare(page.rows)
                with self._context.database.transaction():
                    now = self._store(each, page, counts)
                if now is None:
                    return True
                each, passed = now, self._context.monotonic() - begun
                rate = (each.rows_done - before) / passed if passed > 0 else None
                self._context.report(Progress(entity=each.entity, rows=each.rows_done, total=each.total, rate=rate))
                if page.next_link is not None and (until() or self._context.stopping()):
                    return False
        except TokenExpired:
            # The place inside the reading is no longer accepted. What it brought stays; the next cycle begins it again.
            self._begin(each)
            return False
        return True

    def _begin(self, each: QuickSync) -> QuickSync:
        total = count_wanted(self._context.dynamics, self._plan.table, each.entity, each.range)
        with self._context.database.transaction():
            self._context.state.quick_syncs.begin(
                each.id, self.stream.fingerprint, rides=False, total=total, at=self._context.now()
            )
        return replace(each, fingerprint=self.stream.fingerprint, next_link=None, rows_done=0, total=total)

    def _query(self, each: QuickSync) -> PageQuery:
        return PageQuery(
            table=self._plan.table,
            columns=self._plan.columns,
            page_size=self._size,
            filter=each.range.condition if each.range else None,
            orderby=self._plan.table.primary_id,
        )

    def _store(self, each: QuickSync, page: Page, counts: Counts) -> QuickSync | None:
        """Apply a page and move the checkpoint; None where somebody cancelled it meanwhile, and nothing is applied."""
        state, rows = self._context.state, page.rows
        if not state.quick_syncs.advance(each, next_link=page.next_link, rows=len(rows)):
            return None
        state.deletions.withdraw(each.entity, [self._plan.id(row) for row in rows])
        applied = self._applier.apply(rows, How.SELECTION)
        counts.add(applied)
        changed = applied.created + applied.updated
        state.quick_syncs.count_changed(each.id, changed)
        now = replace(
            each,
            next_link=page.next_link,
            rows_done=each.rows_done + len(rows),
            rows_changed=each.rows_changed + changed,
        )
        if page.next_link is None:
            blanking.settle(self._context, each.entity, self._applier)
            _end(self._context, now)
        return now


def count_wanted(dynamics: DynamicsOrganisation, table: Table, entity: Entity, wanted: Range | None) -> int | None:
    """How many records there are to read; None where Dynamics does not tell, such as for a range of more than 50,000.

    It only says how long it will take, so what Dynamics cannot count is read all the same.
    """
    if wanted is None:
        return count_rows(dynamics, [entity]).get(entity)
    try:
        return dynamics.count(table, wanted.condition)
    except (NeedsPerson, RetryLater):
        return None


def quick_sync_readers(
    context: Context, tables: Tables, streams: Mapping[Entity, Stream], successors: Collection[Entity]
) -> dict[Entity, QuickSyncReader]:
    """What reads for quick syncs that can go on now, by table."""
    readers = {
        entity: QuickSyncReader(
            context,
            tables.plans[entity],
            tables.appliers[entity],
            stream,
            successor=entity in successors,
            asked=tables.quick_syncs,
        )
        for entity, stream in streams.items()
    }
    return {entity: reader for entity, reader in readers.items() if reader.due()}


def _end(context: Context, each: QuickSync) -> None:
    """It came to its end, and that is told. Belongs into a transaction."""
    state, at = context.state, context.now()
    if not state.quick_syncs.end(each.id, QuickSyncState.DONE, at=at):
        return
    names = ", ".join(_note_read(state, each, all_records=each.range is None, at=at))
    whose = "all records" if each.range is None else f"the records {each.range}"
    state.notices.tell(
        NoticeKind.QUICK_SYNC,
        f"{each.entity.value} {each.id}",
        f"Quick sync {each.id} is done: {names} of {each.entity.value}, for {whose}. {each.rows_done:,} records were "
        f"read, {each.rows_changed:,} changed.",
        advice="Nothing to do. `tandem conflicts` lists the values that gave way to others.",
        at=at,
    )


def _note_read(state: SyncState, each: QuickSync, *, all_records: bool, at: str) -> list[str]:
    """What both sides hold of those of its fields that are pulled still counts as agreed from now on; their names."""
    choices = state.choices().get(each.entity, {})
    names = [choices[column].api_name for column in each.columns if column in choices and choices[column].is_pulled]
    state.note_fields_refreshed(each.entity, names, all_records=all_records)
    if not all_records and each.entity.is_person and not state.fields_given_up(each.entity).isdisjoint(names):
        # Of the records that were not reached, marketing's edits since the field was given up are sent all the same.
        Balance(state, Brakes(), lambda: at).changed(state.nominations.add_unsent(each.entity, Lane.BACKFILL, at=at))
    return names
