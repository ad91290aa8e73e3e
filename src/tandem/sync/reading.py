"""Reads one table: its first copy, its changes, and fresh edits while it is still being copied (S2, S3, S12).

A page's rows, their effects and the checkpoint are one transaction. Killed anywhere, the reading goes on at the page
that was not committed; asked twice for a page, it finds every row at a known version.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from tandem.dynamics.errors import TokenExpired
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page
from tandem.rules.brakes import holds_empty
from tandem.state.streams import Reading, Stream, StreamState
from tandem.sync import deletions
from tandem.sync.applier import Applier, How, OrganisationRestored
from tandem.sync.context import Context, Counts, Progress
from tandem.sync.holds import blanking
from tandem.sync.pages import pages
from tandem.sync.plan import TablePlan
from tandem.sync.quick_syncs import end_riding, take_along
from tandem.sync.telling import tell_copied

_OVERLAP = timedelta(minutes=10)
"""How far fresh edits reach back: the two clocks differ, and `modifiedon` has whole seconds (reference 3.6)."""
_DOUBTED = 100
"""Records that are asked for where a page shows older states: one request."""
_SWEEP_EVERY = timedelta(hours=24)
_TOKEN = re.compile(r"\$deltatoken=(\d+)%21")
_HOW = {
    Reading.FIRST_COPY: How.COPY,
    Reading.BASELINE: How.BASELINE,
    Reading.SELECTION: How.SELECTION,
    Reading.RELINK: How.RELINK,
    Reading.ADOPT: How.ADOPT,
}


class TableReader:
    """One table's stream at work."""

    def __init__(
        self, context: Context, plan: TablePlan, applier: Applier, stream: Stream, *, before: Stream | None = None
    ) -> None:
        """`before`: the stream whose place this one is to take; it goes on meanwhile."""
        self._context = context
        self._plan = plan
        self._applier = applier
        self._before = before
        self.stream = stream
        self._size = min(context.settings.page_size, plan.decoder.page_size)
        self._modified = plan.get("modifiedon")

    # The first copy, and reading again ------------------------------------------------------------------------------

    def copy(self, until: Callable[[], bool]) -> Counts:
        """Read on from the checkpoint until the table is done or `until` says to pause. At least one page is read."""
        counts, started = Counts(), self._context.monotonic()
        if self.stream.delta_link is None or self.stream.next_link is not None:
            self._copy_pages(counts, until)
        if self.stream.next_link is None and self.stream.delta_link is not None:
            if self._before is None:
                self._complete(counts)
            else:
                self._complete_beside()
        counts.seconds = self._context.monotonic() - started
        return counts

    def _copy_pages(self, counts: Counts, until: Callable[[], bool]) -> None:
        stream = self.stream
        start: PageQuery | str = stream.next_link or self._begin()
        begun, before = self._context.monotonic(), stream.rows_read
        try:
            for page in self._pages(start):
                self._believed(page, lambda believed: self._store(believed, counts))
                passed = self._context.monotonic() - begun
                rate = (stream.rows_read - before) / passed if passed > 0 else None
                self._context.report(
                    Progress(entity=stream.entity, rows=stream.rows_read, total=stream.total, rate=rate)
                )
                if page.next_link is not None and (until() or self._context.stopping()):
                    return
        except TokenExpired as problem:
            # The place inside the read is no longer accepted: from the start again, known versions are skipped.
            with self._context.database.transaction():
                stream.begin_again(problem.message)
                self._context.state.streams.put(stream)

    def _begin(self) -> PageQuery:
        stream = self.stream
        if stream.reading is Reading.FIRST_COPY and self._applier.count_known():
            # It was begun before, and fresh edits were read since: some of those may have been deleted by now.
            stream.reading = Reading.BASELINE
        # Beside another stream reads are numbered as that one's: which of them began later must be known.
        stream.reads_begun = stream.reads_begun + 1 if self._before is None else self._before.reads_begun
        stream.rows_read = 0
        with self._context.database.transaction():
            if stream.reading is Reading.SELECTION:
                take_along(self._context, stream, [field.column for field in self._plan.projection.fields])
            stream.begun_at = self._context.now()
            if self._before is None:
                # What an earlier read listed may have been deleted before this one began, and no delta will tell.
                self._context.state.seen.forget(stream.entity)
            self._context.state.streams.put(stream)
        order = None
        if stream.weak:
            order = ",".join([*(["modifiedon"] if self._has_modified else []), self._plan.table.primary_id])
        return self._query(track_changes=not stream.weak, orderby=order)

    def _store(self, page: Page, counts: Counts) -> None:
        stream, state = self.stream, self._context.state
        with self._context.database.transaction():
            applied = self._apply(page.rows, _HOW[stream.reading])
            counts.add(applied)
            if stream.reading is not Reading.FIRST_COPY and self._before is None:
                state.seen.add(stream.entity, [self._plan.id(row) for row in page.rows])
            was = stream.place
            stream.rows_read += len(page.rows)
            if stream.reading is Reading.SELECTION:
                state.quick_syncs.advance_riding(
                    stream.fingerprint,
                    rows=stream.rows_read,
                    changed=applied.created + applied.updated,
                    total=stream.total,
                )
            stream.next_link = page.next_link
            if page.next_link is None:
                # Until the table is completed a delta link without a next link says: read to its end.
                stream.delta_link = page.delta_link or _WEAK_END
            state.streams.checkpoint(stream, was=was)

    def _complete(self, counts: Counts) -> None:
        """The last steps of a copy, each harmless to repeat: indexes, deletions by absence, then the stream is live."""
        stream, state = self.stream, self._context.state
        with self._context.database.transaction():
            counts.deleted += deletions.carry_out_approved(self._context, stream.entity, self._applier)
            if deletions.holds_if_empty(self._context, stream.entity, self._applier, rows=stream.rows_read):
                stream.state = StreamState.HALTED
                stream.reason = "the table answered empty, although its records are known"
                state.streams.put(stream)
                return
        if stream.live_at is None:
            # A table without change tracking is read again in every cycle; its indexes are there then.
            with self._context.database.transaction():
                self._context.marketing.build_indexes(stream.entity)
        absent = self._absent() if stream.reading is not Reading.FIRST_COPY else []
        with self._context.database.transaction():
            blanking.settle(self._context, stream.entity, self._applier)
            state.deletions.add(stream.entity, absent)
            counts.deleted += deletions.settle(self._context, stream.entity, self._applier)
            state.seen.forget(stream.entity)
            self._note_fields_read()
            stream.state, stream.reason = StreamState.LIVE, None
            stream.reads_finished = stream.reads_begun
            if stream.live_at is None:
                stream.live_at = self._context.now()
                tell_copied(state, stream.entity, at=stream.live_at)
            stream.token_at, stream.fresh_mark = self._context.now(), stream.begun_at
            state.streams.put(stream)

    def _complete_beside(self) -> None:
        """The stream can take the other one's place, as soon as that was read once more (see `rules.succession`)."""
        stream, state = self.stream, self._context.state
        with self._context.database.transaction():
            if holds_empty(stream.rows_read, known=self._applier.count_known()):
                # Nothing was learned; that the table is empty is found out by the stream that is in force.
                stream.begin_again("the table answered empty, although its records are known")
            else:
                blanking.settle(self._context, stream.entity, self._applier)
                self._note_fields_read()
                stream.state, stream.reason = StreamState.LIVE, None
                stream.token_at, stream.fresh_mark = self._context.now(), stream.begun_at
            state.streams.put(stream)

    def _note_fields_read(self) -> None:
        stream = self.stream
        names = [field.api_name for field in self._plan.projection.fields]
        if stream.reading is Reading.SELECTION:
            end_riding(self._context, stream)
        self._context.state.note_fields_read(stream.entity, names)

    def _absent(self) -> list[str]:
        """Records the read did not list and Dynamics does not find one by one either (S11, reference 4.6)."""
        missing, known = list[str](), iter(self._applier.all_known())
        while chunk := list(islice(known, self._size)):
            seen = self._context.state.seen.among(self.stream.entity, chunk)
            missing += [each for each in chunk if each not in seen]
        _, gone = self._context.dynamics.fetch(self._plan.table, missing, self._plan.decoder)
        return gone

    # Changes --------------------------------------------------------------------------------------------------------

    @property
    def is_unfinished(self) -> bool:
        """Is the table still being copied, or followed through a bulk change?"""
        return self.stream.state is StreamState.COPYING or self.in_bulk

    @property
    def in_bulk(self) -> bool:
        """Is the read of changes in hand so large that it goes on behind fresh edits (R6)?"""
        if self.stream.state is not StreamState.LIVE or self.stream.next_link is None:
            return False
        brakes, rows = self._context.settings.brakes, self.stream.rows_read
        return rows >= brakes.bulk_floor and brakes.is_bulk(rows, known=self._applier.count_known())

    def changes(self, until: Callable[[], bool] = lambda: False) -> Counts:
        """Read what changed since the last time, to its end or until `until` says to pause after a page.

        A change of more than half the table pauses by itself. Raises TokenExpired when Dynamics forgot the place.
        """
        started = self._context.monotonic()
        if self.stream.weak:
            counts = self._weak_changes()
        else:
            try:
                counts = self._delta(until)
            except TokenExpired:
                if self.stream.next_link is None:
                    raise
                # Only the place inside this read was forgotten; the read can begin again.
                self.stream.next_link = None
                with self._context.database.transaction():
                    self._context.state.streams.put(self.stream)
                counts = self._delta(until)
        counts.seconds = self._context.monotonic() - started
        return counts

    def _delta(self, until: Callable[[], bool]) -> Counts:
        stream, counts = self.stream, Counts()
        start = stream.next_link or stream.delta_link or ""
        if stream.next_link is None:
            stream.reads_begun += 1
            stream.rows_read = 0
        for page in self._pages(start):
            self._believed(page, lambda believed: self._store_changes(believed, counts))
            if page.next_link is not None and (self._context.stopping() or until()):
                break
        return counts

    def _store_changes(self, page: Page, counts: Counts) -> None:
        stream = self.stream
        with self._context.database.transaction():
            counts.add(self._apply_changes(page.rows))
            self._context.state.deletions.add(stream.entity, page.deleted)
            was = stream.place
            stream.next_link, stream.rows_read = page.next_link, stream.rows_read + len(page.rows)
            if page.next_link is None:
                self._end_delta(page, counts)
            self._context.state.streams.checkpoint(stream, was=was)

    def _believed(self, page: Page, store: Callable[[Page], None]) -> None:
        """Store a page; where it has older states than are known, only if Dynamics itself has them still (S9).

        A page that was on its way while somebody of this subscription wrote a record holds that record as it was.
        """
        try:
            store(page)
        except OrganisationRestored as problem:
            plan = self._plan
            rows, _ = self._context.dynamics.fetch(plan.table, list(problem.older)[:_DOUBTED], plan.decoder)
            if any(plan.version(row) < problem.older[plan.id(row)] for row in rows):
                raise
            store(replace(page, rows=[row for row in page.rows if plan.id(row) not in problem.older]))

    def _end_delta(self, page: Page, counts: Counts) -> None:
        stream = self.stream
        _check_token(stream.entity.value, stream.delta_link, page.delta_link)
        stream.delta_link = page.delta_link
        stream.reads_finished = stream.reads_begun
        stream.token_at = self._context.now()
        self._end_of_selection()
        blanking.settle(self._context, stream.entity, self._applier)
        counts.deleted += deletions.settle(self._context, stream.entity, self._applier)

    def _weak_changes(self) -> Counts:
        """Without change tracking: by `modifiedon`, and a full read once a day, or every time, for the deletions."""
        stream = self.stream
        age = _moment(self._context.now()) - _moment(stream.begun_at or self._context.now())
        if self._has_modified and age < _SWEEP_EVERY:
            stream.reads_begun += 1
            counts = self.fresh()
            if not self._context.stopping():
                # Read to the end, so what it did not bring is not there (P11).
                stream.reads_finished = stream.reads_begun
                self._end_of_selection()
            with self._context.database.transaction():
                blanking.settle(self._context, stream.entity, self._applier)
                self._context.state.streams.put(stream)
            return counts
        reading = Reading.SELECTION if stream.reading is Reading.SELECTION else Reading.BASELINE
        stream.state, stream.reading, stream.delta_link = StreamState.COPYING, reading, None
        return self.copy(lambda: False)

    def fresh(self) -> Counts:
        """Edits made since the reading began, by `modifiedon`, so that they do not wait for its end (S12)."""
        stream, counts = self.stream, Counts()
        mark = stream.fresh_mark or stream.begun_at
        if not self._has_modified or mark is None:
            return counts
        since = (_moment(mark) - _OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = self._query(filter=f"modifiedon ge {since}", orderby=f"modifiedon,{self._plan.table.primary_id}")
        for page in self._pages(query):
            self._believed(page, lambda believed: self._store_fresh(believed, counts))
            if self._context.stopping():
                break
        return counts

    def _store_fresh(self, page: Page, counts: Counts) -> None:
        stream = self.stream
        in_review = stream.reading.is_review and stream.state is StreamState.COPYING
        with self._context.database.transaction():
            counts.add(self._apply(page.rows, _HOW[stream.reading]) if in_review else self._apply_changes(page.rows))
            marks = [stream.fresh_mark, *(self._modified(row) for row in page.rows)]
            stream.fresh_mark = max((mark for mark in marks if mark), default=stream.begun_at)
            self._context.state.streams.checkpoint(stream, was=stream.place)

    def _pages(self, start: PageQuery | str) -> Iterator[Page]:
        """The pages from `start` on, each with what applying it needs at hand: no request goes out in a transaction."""
        for page in pages(self._context.dynamics, start, self._plan.decoder, page_size=self._size):
            self._applier.prepare(page.rows)
            yield page

    def _apply_changes(self, rows: Sequence[Any]) -> Counts:
        """Apply what changed. The first changes after a change of columns may be known without the new ones."""
        counts = self._apply(rows, How.LIVE)
        if self.stream.reading is Reading.SELECTION:
            again = self._applier.apply(rows, How.SELECTION)
            counts.created, counts.updated = counts.created + again.created, counts.updated + again.updated
        return counts

    def _end_of_selection(self) -> None:
        """All that changed since the columns changed was looked at."""
        if self.stream.reading is Reading.SELECTION:
            self.stream.reading = Reading.BASELINE

    def _apply(self, rows: Sequence[Any], how: How) -> Counts:
        """Apply rows that Dynamics has just answered with: a deletion of one that is not carried out yet is void."""
        self._context.state.deletions.withdraw(self.stream.entity, [self._plan.id(row) for row in rows])
        return self._applier.apply(rows, how)

    @property
    def _has_modified(self) -> bool:
        return "modifiedon" in self._plan.decoder.fields

    def _query(self, **options: Any) -> PageQuery:
        return PageQuery(table=self._plan.table, columns=self._plan.columns, page_size=self._size, **options)


_WEAK_END = "end"
"""Stands where a table without change tracking has no delta link."""


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _check_token(table: str, before: str | None, after: str | None) -> None:
    """A token that counts back tells of a restore in place (S9). Tokens are opaque; one that does not look like the
    documented form (reference 4.2) is not judged."""
    old, new = _TOKEN.search(before or ""), _TOKEN.search(after or "")
    if old and new and int(new[1]) < int(old[1]):
        raise OrganisationRestored(
            f"The changes of {table} now end before the place Tandem has read to ({new[1]} after {old[1]}).",
            entity=table,
        )
