"""Looks at every record on both sides once in a while, and does something about what nothing explains (rules R1, S3).

Agreement that is only concluded from having followed every change is a hope. So each table is walked in the order of
its ids, a batch with each request and a few batches in a cycle, behind everything else. What a look may do is what a
read does: apply a row, take up a deletion behind the brakes, nominate. A value nobody changed is never written over.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from tandem.mapping.fields import Field
from tandem.mapping.values import same
from tandem.rules.verification import (
    ALARM,
    BATCH,
    REMEDIES,
    UNEXPLAINED,
    Verdict,
    batches_due,
    decide_doubt,
    decide_record,
)
from tandem.state.notices import NoticeKind
from tandem.state.queues import Lane
from tandem.state.streams import Stream, StreamState
from tandem.state.verification import Circle, Doubt, Finding
from tandem.sync import deletions
from tandem.sync.applier import Applier, Drift, How, Kept, check_versions
from tandem.sync.context import Context, Counts, Progress
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.balance import Balance

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One record: Dynamics' row (None: there is none), what is kept of it, and the fields that are kept otherwise."""

    crm_id: str
    row: Any
    kept: Kept
    drifted: Sequence[Field]
    verdict: Verdict


class Verifier:
    """Walks one table, while `may_look`; `stream` is its reading."""

    def __init__(self, context: Context, plan: TablePlan, applier: Applier, stream: Stream) -> None:
        self._context = context
        self._plan = plan
        self._applier = applier
        self._stream = stream

    @property
    def may_look(self) -> bool:
        """Is the table compared, and read as far as can be? While it is copied, or followed through a bulk change, what
        is not read yet would be taken for a difference."""
        return self._applier.is_compared and self._stream.state is StreamState.LIVE and self._stream.next_link is None

    def work(self, until: Callable[[], bool]) -> Counts:
        """Look again at what was doubted, then go on round the circle as far as is due or until `until` says stop."""
        counts = Counts()
        self.look_again(counts)
        circle = self._circle()
        if circle is None:
            return counts
        elapsed = _days(circle.begun_at, self._context.now())
        days = self._context.settings.verification_days
        for _ in range(batches_due(circle.records, looked_at=circle.checked, elapsed=elapsed, days=days)):
            if until() or not self._look_on(circle, counts):
                break
        return counts

    def whole(self, counts: Counts) -> None:
        """Begin the circle anew and close it, unless a stop is asked for: the next cycles go on then."""
        last = self._last()
        number = 1 if last is None else last.number + (last.finished_at is not None)
        circle = self._begin(number)
        while self._look_on(circle, counts):
            self._context.report(
                Progress(entity=self._plan.entity, rows=circle.checked, total=circle.records, rate=None)
            )
            if self._context.stopping():
                return

    # The circle -----------------------------------------------------------------------------------------------------

    def _last(self) -> Circle | None:
        """The circle in hand, else the last one that was closed."""
        return next(reversed(self._context.state.verifications.circles().get(self._plan.entity, [])), None)

    def _circle(self) -> Circle | None:
        """The circle in hand; a new one begins when the time of the last one is over."""
        last = self._last()
        if last is None:
            return self._begin(1)
        if last.finished_at is None:
            return last
        if _days(last.begun_at, self._context.now()) < self._context.settings.verification_days:
            return None
        return self._begin(last.number + 1)

    def _begin(self, number: int) -> Circle:
        records, at = self._applier.count_known(), self._context.now()
        circle = Circle(entity=self._plan.entity, number=number, begun_at=at, records=records)
        with self._context.database.transaction():
            self._context.state.verifications.put(circle)
        return circle

    def _look_on(self, circle: Circle, counts: Counts) -> bool:
        """Look at the next batch; False when the circle is closed."""
        ids = self._applier.known_after(circle.place, limit=BATCH)
        if ids and not self._look(ids, circle, counts):
            return True
        if len(ids) < BATCH:
            with self._context.database.transaction():
                self._close(circle)
            return False
        return True

    def _close(self, circle: Circle) -> None:
        verifications, entity = self._context.state.verifications, self._plan.entity
        circle.finished_at = self._context.now()
        verifications.put(circle)
        verifications.forget_findings(entity, before=circle.begun_at)
        if not circle.found.total():
            self._context.state.notices.settle(NoticeKind.VERIFICATION, entity.value, at=circle.finished_at)
            self._context.state.notices.settle(NoticeKind.VERIFICATION, _stream_of(entity.value), at=circle.finished_at)

    # One look -------------------------------------------------------------------------------------------------------

    def _look(self, ids: Sequence[str], circle: Circle, counts: Counts) -> bool:
        """Look at these; False where that has to be done once more. Raises OrganisationRestored."""
        rows = self._fetch(ids)
        with self._context.database.transaction():
            looks = [self._look_at(key, rows.get(key), kept) for key, kept in self._applier.kept(ids).items()]
            older = {each.crm_id: each.kept.version for each in looks if each.verdict is Verdict.RESTORED}
            if not older:
                self._doubt([each for each in looks if each.verdict is Verdict.DOUBT], circle)
                self._carry_out(looks, circle, counts)
                circle.place = ids[-1]
                circle.checked += len(ids)
                circle.explained += sum(each.kept.explained for each in looks)
                self._context.state.verifications.put(circle)
        if older:
            # A row may have been on its way while somebody of this subscription wrote the record. If not, the circle
            # stays here, and whoever goes on stops again.
            again = self._fetch(list(older)).items()
            check_versions(self._plan.entity.value, [(key, self._plan.version(row)) for key, row in again], older)
            return False
        counts.verified += len(ids)
        return True

    def _fetch(self, ids: Sequence[str]) -> dict[str, Any]:
        rows, _ = self._context.dynamics.fetch(self._plan.table, ids, self._plan.decoder)
        self._applier.prepare(rows)
        return {self._plan.id(row): row for row in rows}

    def _look_at(self, crm_id: str, row: Any, kept: Kept) -> _Look:
        version = None if row is None else self._plan.version(row)
        drifted = self._drifted(row, kept) if version == kept.version and kept.wanted else ()
        verdict = decide_record(
            version,
            kept.version,
            wanted=row is not None and self._plan.wanted(row),
            kept=kept.wanted,
            drifted=bool(drifted),
            forgotten=bool(kept.forgotten),
        )
        return _Look(crm_id=crm_id, row=row, kept=kept, drifted=drifted, verdict=verdict)

    @cached_property
    def _compared(self) -> frozenset[str]:
        """The columns of which every record's value was read: what a quick sync has yet to bring, or brought for some
        records only (D5), is not known of the others."""
        state, entity = self._context.state, self._plan.entity
        read = (state.fields_read(entity) or set()) - state.fields_partly_read(entity)
        asked = {column for each in state.quick_syncs.open() if each.entity is entity for column in each.columns}
        return frozenset(field.column for field in self._plan.projection.fields if field.api_name in read) - asked

    def _drifted(self, row: Any, kept: Kept) -> list[Field]:
        projection = self._plan.projection
        return [
            field
            for field, value in zip(projection.fields, projection.values(row), strict=True)
            if value != (held := kept.values.get(field.api_name))
            and field.column in self._compared
            and not same(field, value, held)
        ]

    # What follows from it -------------------------------------------------------------------------------------------

    def _doubt(self, looks: Sequence[_Look], circle: Circle) -> None:
        """Look again later, but for deletions that are here already and wait for somebody, or were refused."""
        state, entity = self._context.state, self._plan.entity
        known = state.deletions.among(entity, [each.crm_id for each in looks if each.row is None])
        circle.explained += len(known)
        doubted = [
            Doubt(each.crm_id, None if each.row is None else self._plan.version(each.row))
            for each in looks
            if each.crm_id not in known
        ]
        state.verifications.doubt(entity, doubted, after_read=self._stream.reads_begun)

    def _carry_out(self, looks: Sequence[_Look], circle: Circle, counts: Counts) -> None:
        """Do something about what nothing explains, and keep that it was found."""
        found = {each: [look for look in looks if look.verdict is each] for each in UNEXPLAINED}
        for verdict, how in ((Verdict.MISSED, How.LIVE), (Verdict.MISFILED, How.SELECTION)):
            if rows := [look.row for look in found[verdict]]:
                self._apply(rows, how, counts)
        if drifts := [Drift(look.row, look.drifted) for look in found[Verdict.DRIFTED]]:
            self._applier.drifted(drifts)
        self._send([look.kept.person_id for look in found[Verdict.FORGOTTEN]])
        if gone := [look.crm_id for look in found[Verdict.GONE]]:
            self._context.state.deletions.add(self._plan.entity, gone)
            counts.deleted += deletions.settle(self._context, self._plan.entity, self._applier)
        self._note([look for each in found.values() for look in each], circle)

    def _apply(self, rows: Sequence[Any], how: How, counts: Counts) -> None:
        self._context.state.deletions.withdraw(self._plan.entity, [self._plan.id(row) for row in rows])
        applied = self._applier.apply(rows, how)
        applied.read = 0
        counts.add(applied)

    def _send(self, people: Collection[int | None]) -> None:
        forgotten = [each for each in people if each is not None]
        self._context.state.nominations.add(forgotten, Lane.RETRY, at=self._context.now())
        Balance(self._context.state, self._context.settings.brakes, self._context.now).changed(len(forgotten))

    def _note(self, looks: Sequence[_Look], circle: Circle) -> None:
        if not looks:
            return
        entity, at = self._plan.entity, self._context.now()
        findings = [
            Finding(entity, look.crm_id, name, look.kept.person_id, look.verdict, at)
            for look in looks
            for name in _fields_of(look)
        ]
        self._context.state.verifications.note(findings)
        circle.found.update(each.verdict for each in findings)
        self._tell(circle, at)

    def _tell(self, circle: Circle, at: str) -> None:
        notices, name = self._context.state.notices, self._plan.entity.value
        told = "; ".join(f"{count:,} {verdict.value}: {REMEDIES[verdict]}" for verdict, count in circle.found.items())
        notices.tell(
            NoticeKind.VERIFICATION,
            name,
            f"Looking at every {name} on both sides found differences that nothing explains: {told}.",
            advice="`tandem verify` lists them.",
            at=at,
        )
        missed = circle.found[Verdict.MISSED]
        if missed > circle.records * ALARM:
            notices.tell(
                NoticeKind.VERIFICATION,
                _stream_of(name),
                f"{missed:,} of {circle.records:,} records of {name} had changes that Dynamics never told of.",
                advice=f"Changes are lost on the way: `tandem fields {name} --select COLUMN`, for any field that is "
                "selected, reads every record once more. Report it if it happens again.",
                at=at,
            )

    # The second look ------------------------------------------------------------------------------------------------

    def look_again(self, counts: Counts) -> None:
        """Look again at what was doubted, where the table was read to its end since."""
        verifications, entity = self._context.state.verifications, self._plan.entity
        finished = self._stream.reads_finished
        while doubts := verifications.doubts(entity, finished=finished, limit=BATCH):
            rows, doubted = self._fetch([each.crm_id for each in doubts]), dict(doubts)
            circle = self._last() or self._begin(1)
            with self._context.database.transaction():
                kept = self._applier.kept(list(doubted))
                looks = [self._again(doubted[key], key, rows.get(key), each) for key, each in kept.items()]
                self._carry_out(looks, circle, counts)
                verifications.settle_doubts(entity, list(doubted))
                verifications.put(circle)

    def _again(self, doubted: int | None, crm_id: str, row: Any, kept: Kept) -> _Look:
        verdict = decide_doubt(doubted, None if row is None else self._plan.version(row), kept.version)
        return _Look(crm_id=crm_id, row=row, kept=kept, drifted=(), verdict=verdict)


def _fields_of(look: _Look) -> Sequence[str | None]:
    """What a finding is about: single fields, or the whole record."""
    match look.verdict:
        case Verdict.DRIFTED:
            return [field.api_name for field in look.drifted]
        case Verdict.FORGOTTEN:
            return look.kept.forgotten
        case _:
            return [None]


def _stream_of(name: str) -> str:
    return f"changes of {name}"


def _days(since: str, now: str) -> float:
    return (datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds() / _DAY
