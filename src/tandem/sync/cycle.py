"""One cycle: fresh edits of every table first, then a slice of whatever is still being copied (S1-S3, S12).

A cycle ends early for what concerns everything (another organisation, no sign-in, no answer, a full disk); what
concerns one table stops that table only and is tried again in the next cycle.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from functools import partial

from tandem.model.entities import Entity
from tandem.model.errors import OurBug, RetryLater, TandemError
from tandem.state.queues import Lane
from tandem.state.streams import Stream, StreamState
from tandem.sync.applier import How
from tandem.sync.backlog import count_backlog
from tandem.sync.campaigns import begin_refresh, refresh_lists
from tandem.sync.context import Context
from tandem.sync.cycle_report import CycleReport, Outcome
from tandem.sync.guarding import Guard
from tandem.sync.known_tables import KnownTables
from tandem.sync.people import PeopleApplier
from tandem.sync.pushing.balance import Balance
from tandem.sync.pushing.push import Pusher
from tandem.sync.quick_syncs import QuickSyncReader, quick_sync_readers
from tandem.sync.reading import TableReader
from tandem.sync.retention import retain
from tandem.sync.review import end_review
from tandem.sync.tables import (
    Tables,
    count_rows,
    entities_read,
    forget_unsynced,
)
from tandem.sync.telling import (
    tell_braked,
    tell_complete,
    tell_digest,
    tell_expiry,
    tell_stopped,
    tell_works,
)
from tandem.sync.verifying import Verifier

log = logging.getLogger("tandem.sync")

_SCHEMA = "schema"
"""The setting that keeps the mark of the definitions that the last cycle worked with."""


class Engine:
    """Runs the cycles of one subscription, bound to `organization_id`. Holds no state that a restart would miss.

    `count` counts a cycle before it does anything, and raises where the database turns out to be another one (S10).
    """

    def __init__(self, context: Context, *, organization_id: str, count: Callable[[], None] = lambda: None) -> None:
        self.organization_id = organization_id
        self._count = count
        self._context = context
        self._known = KnownTables(context, organization_id=organization_id)

    @property
    def context(self) -> Context:
        """What it works with."""
        return self._context

    def cycle(self, only: Collection[Entity] | None = None, *, backfill: bool = True) -> CycleReport:
        """One cycle, of every table or of those in `only`; without `backfill` nothing is copied on.

        Raises what stops everything: HaltStream, NeedsPerson or RetryLater; nothing is half-done then.
        """
        context, report = self._context, CycleReport()
        started, before = context.monotonic(), context.dynamics.requests
        with context.database.transaction():
            number = context.state.journal.begin_cycle(at=context.now())
        outcome = Outcome.FAILED
        try:
            self._cycle(report, only, backfill=backfill)
            outcome = Outcome.TABLES_FAILED if report.problems else Outcome.DONE
        except TandemError as problem:
            report.stopped_by = problem
            if isinstance(problem, RetryLater):
                outcome = Outcome.TO_BE_RETRIED
            raise
        except Exception as problem:
            report.stopped_by = OurBug(f"A cycle failed in a way Tandem does not know: {type(problem).__name__}.")
            raise
        finally:
            report.requests = context.dynamics.requests - before
            report.seconds = context.monotonic() - started
            self._record(number, outcome, report)
            log.info("cycle over", extra={"cycle": number, "outcome": outcome.value, "rows": report.sums()})
        return report

    def tables(self) -> Tables:
        """The tables as they are now. Raises OrganisationChanged before anything else is asked."""
        return self._known.now()

    def _retry_what_was_refused(self) -> None:
        """Under other definitions what Dynamics did not take may fit (P7)."""
        state, schema = self._context.state, self._known.schema
        if schema is None or schema == state.setting(_SCHEMA):
            return
        with self._context.database.transaction():
            failed = state.nominations.add_failed(Lane.RETRY, at=self._context.now())
            Balance(state, self._context.settings.brakes, self._context.now).changed(failed)
            state.put_setting(_SCHEMA, schema)

    def _cycle(self, report: CycleReport, wished: Collection[Entity] | None, *, backfill: bool) -> None:
        self._count()
        tables, guard = self.tables(), Guard(self._context, self._known, report)
        only = entities_read(self._context.state, wished)
        self._retry_what_was_refused()
        for entity, problem in tables.problems.items():
            if entity in only:
                guard.fail(entity, problem)
        streams, successors = self._known.settled(tables)
        wanted = {entity: stream for entity, stream in streams.items() if entity in only}
        if Entity.CAMPAIGN in wanted:
            begin_refresh(self._context, wanted[Entity.CAMPAIGN])
        # While a table waits for a person its successor could not take over, however far it is.
        heirs = {
            entity: stream
            for entity, stream in successors.items()
            if entity in wanted and wanted[entity].state is not StreamState.HALTED
        }
        self._estimate_totals([*wanted.values(), *heirs.values()])
        readers = {
            entity: TableReader(self._context, tables.plans[entity], tables.appliers[entity], stream)
            for entity, stream in wanted.items()
        }
        beside = {
            entity: TableReader(
                self._context, tables.successors[entity], tables.widest_appliers[entity], stream, before=wanted[entity]
            )
            for entity, stream in heirs.items()
        }
        pusher, in_review = self._pusher(tables, report, only), self._context.state.reviews.open() is not None
        if not in_review:
            with self._context.writing():
                pusher.recover()
        self._fresh(readers, guard)
        if Entity.CAMPAIGN in readers and Entity.CAMPAIGN not in report.problems:
            lists = partial(refresh_lists, self._context)
            guard.work(Entity.CAMPAIGN, readers[Entity.CAMPAIGN].stream, lists)
        if not in_review:
            self._push(pusher, report)
        quick_syncs = quick_sync_readers(self._context, tables, wanted, heirs)
        if backfill:
            self._backfill([*readers.items(), *beside.items()], report, guard)
        if backfill and not in_review:
            self._refresh(quick_syncs, report, guard)
            self._verify(tables, readers, report, guard)
        self._settle_waiting(tables, streams, report)
        guard.recover()
        disabled = forget_unsynced(self._context, tables.entities, self._slice()) if backfill else []
        if backfill:
            retain(self._context, self._slice())
        reading = {each for each, reader in readers.items() if reader.is_unfinished}
        asked = set() if in_review else quick_syncs.keys()
        report.unfinished = [*(each for each in readers if each in reading | heirs.keys() | asked), *disabled]
        report.completed_copy = self._note_completed_copy(streams, report.problems)
        if in_review:
            # What waited for the end of the review is sent in the next cycle.
            report.unsent = end_review(self._context, tables)

    def _estimate_totals(self, streams: Iterable[Stream]) -> None:
        """How many rows there will be in the tables whose reading is about to begin."""
        beginning = [
            stream
            for stream in streams
            if stream.state is StreamState.COPYING and stream.next_link is None and stream.delta_link is None
        ]
        counts = count_rows(self._context.dynamics, [stream.entity for stream in beginning])
        with self._context.database.transaction():
            for stream in beginning:
                stream.total = counts.get(stream.entity)
                self._context.state.streams.put(stream)

    def _fresh(self, readers: dict[Entity, TableReader], guard: Guard) -> None:
        for entity, reader in readers.items():
            if self._context.stopping():
                return
            match reader.stream.state:
                case StreamState.LIVE if reader.in_bulk:
                    pass
                case StreamState.LIVE:
                    guard.work(entity, reader.stream, partial(reader.changes, _in_bulk(reader)))
                case StreamState.COPYING:
                    guard.work(entity, reader.stream, reader.fresh)
                case _:
                    guard.retry_halted(entity, reader.stream)

    def _slice(self) -> Callable[[], bool]:
        """Tells when work that begins now has lasted for as long as fresh edits may wait, or a stop is asked for."""
        context = self._context
        deadline = context.monotonic() + context.settings.fresh_interval
        return lambda: context.stopping() or context.monotonic() >= deadline

    def _push(self, pusher: Pusher, report: CycleReport) -> None:
        """Send what marketing changed, for as long as it may keep fresh edits of Dynamics waiting."""
        if self._context.stopping():
            return
        pusher.count_news(
            sum(counts.created + counts.updated for entity, counts in report.entities.items() if entity.is_person)
        )
        report.unsent = not pusher.push(self._slice())

    def _pusher(self, tables: Tables, report: CycleReport, only: Collection[Entity]) -> Pusher:
        plans = {entity: plan for entity, plan in tables.widest.items() if entity.is_person and entity in only}
        return Pusher(self._context, plans, tables.people(), report.counts)

    def _backfill(self, readers: Iterable[tuple[Entity, TableReader]], report: CycleReport, guard: Guard) -> None:
        """Copy on, in the order of `Entity`, until it is time to look for fresh edits again."""
        over = self._slice()
        for entity, reader in readers:
            if over():
                return
            if reader.in_bulk and entity not in report.problems:
                guard.work(entity, reader.stream, partial(reader.changes, over))
            elif reader.stream.state is StreamState.COPYING and entity not in report.problems:
                guard.work(entity, reader.stream, partial(reader.copy, over))
                if reader.stream.state is StreamState.COPYING and entity not in report.problems:
                    return

    def _verify(self, tables: Tables, readers: dict[Entity, TableReader], report: CycleReport, guard: Guard) -> None:
        """Look at some records on both sides, for no longer than fresh edits may wait (R1)."""
        before, over = self._context.dynamics.requests, self._slice()
        for entity, reader in readers.items():
            if over():
                break
            verifier = Verifier(self._context, tables.plans[entity], tables.appliers[entity], reader.stream)
            if verifier.may_look and entity not in report.problems:
                guard.work(entity, reader.stream, partial(verifier.work, over))
        report.verifying = self._context.dynamics.requests - before

    def _refresh(self, readers: dict[Entity, QuickSyncReader], report: CycleReport, guard: Guard) -> None:
        """Go on with quick syncs, until it is time to look for fresh edits again (D5)."""
        over = self._slice()
        for entity, reader in readers.items():
            if over():
                return
            if entity not in report.problems:
                guard.work(entity, reader.stream, partial(reader.work, over))

    def _settle_waiting(self, tables: Tables, streams: dict[Entity, Stream], report: CycleReport) -> None:
        """Contacts whose lead did not come with a later read become people of their own (P11)."""
        contacts, leads = tables.widest_appliers.get(Entity.CONTACT), streams.get(Entity.LEAD)
        if isinstance(contacts, PeopleApplier) and leads is not None:
            how = How.COPY if streams[Entity.CONTACT].live_at is None else How.LIVE
            more = True
            while more:
                with self._context.database.transaction():
                    more = contacts.settle_waiting(leads.reads_finished, how, report.counts(Entity.CONTACT))

    def _note_completed_copy(self, streams: dict[Entity, Stream], problems: dict[Entity, TandemError]) -> bool:
        """True in the cycle in which the first copy came to its end."""
        if self._context.state.setting("first_copy_completed_at") is not None:
            return False
        if problems or any(stream.live_at is None for stream in streams.values()):
            return False
        with self._context.database.transaction():
            self._context.state.put_setting("first_copy_completed_at", self._context.now())
            tell_complete(self._context.state, at=self._context.now())
        log.info("first copy complete")
        return True

    def _record(self, number: int, outcome: Outcome, report: CycleReport) -> None:
        state, at = self._context.state, self._context.now()
        report.backlog = count_backlog(state)
        with self._context.database.transaction():
            state.journal.end_cycle(
                number, outcome=outcome.value, requests=report.requests, counts=report.as_json(), at=at
            )
            if report.stopped_by is not None and not self._context.stopping():
                tell_stopped(state, report.stopped_by, at=at)
            elif outcome in (Outcome.DONE, Outcome.TABLES_FAILED):
                tell_works(state, at=at)
            tell_braked(state, at=at)
            tell_digest(state, at=at)
            tell_expiry(state, at=at)


def _in_bulk(reader: TableReader) -> Callable[[], bool]:
    """A bulk change pauses its reading, so that the other tables are read first (R6)."""
    return lambda: reader.in_bulk
