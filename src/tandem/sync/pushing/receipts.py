"""Stores what the answers to writes teach (rules P5-P8, P17, R2).

An answer is the only proof of what Dynamics holds. What it says, the base, the version, the error and the end of the
intent are stored together, so that no kill leaves half of it.

    the answer                     | outcome
    -------------------------------+------------------------------------------------------------------------------------
    the record as it is now        | agreed: what Dynamics made of the values is the base (P6)
    another version by now (412)   | read again, folded, decided again: three times, then in the next cycle (P5)
    no such record (404)           | the deletion is left to the deletions of the table, behind their brakes (P8)
    a refusal                      | an error of this record with its reason; everything else goes on (P7)
    not now (429, 5xx)             | the next cycle; a fault that stays three times is an error
    none                           | the intent stays open and is read back before anything else (R2)
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tandem.dynamics.errors import (
    DuplicateKey,
    DynamicsError,
    NotAnswered,
    RowNotFound,
    Throttled,
    Unavailable,
    VersionMismatch,
)
from tandem.marketing.records import Activity
from tandem.model.entities import Entity
from tandem.model.errors import TandemError
from tandem.state.queues import Intent, IntentKind
from tandem.sync.applier import How
from tandem.sync.context import Context, Counts
from tandem.sync.people import PeopleApplier
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.balance import Balance
from tandem.sync.pushing.outgoing import Outgoing
from tandem.sync.pushing.telling import failed_person

_TRIES = 3


@dataclass(slots=True)
class _Answers:
    """The answers to one request, sorted by what they ask for."""

    rows: list[tuple[Outgoing, Any]] = field(default_factory=list)
    doubtful: list[tuple[Outgoing, DynamicsError]] = field(default_factory=list)
    later: list[tuple[Outgoing, DynamicsError]] = field(default_factory=list)
    refused: list[tuple[Outgoing, DynamicsError]] = field(default_factory=list)


class Receipts:
    """The receipts of one push. `tried` holds the people that are not to be looked at again in it."""

    def __init__(
        self,
        context: Context,
        plans: Mapping[Entity, TablePlan],
        appliers: Mapping[Entity, PeopleApplier],
        counts: Callable[[Entity], Counts],
        balance: Balance,
    ) -> None:
        self.tried = set[int]()
        self._context = context
        self._plans = plans
        self._appliers = appliers
        self._counts = counts
        self._balance = balance
        self._collided = Counter[int]()

    def store(self, entity: Entity, chunk: Sequence[Outgoing], answers: Sequence[Any]) -> bool:
        """Store what the answers to one request teach; False where the rest of the table's writes should wait."""
        sorted_answers = _sorted(chunk, answers)
        doubtful = [each.intent.crm_id for each, _ in sorted_answers.doubtful]
        plan = self._plans[entity]
        rows, missing = self._context.dynamics.fetch(plan.table, doubtful, plan.decoder) if doubtful else ([], [])
        with self._context.database.transaction():
            self._agree(entity, sorted_answers.rows)
            self._fold_again(entity, sorted_answers.doubtful, rows, missing)
            self._refuse(entity, sorted_answers.refused)
            self._leave(entity, sorted_answers.later)
        return not any(isinstance(problem, Throttled) for _, problem in sorted_answers.later)

    # Each of the following belongs into a transaction ---------------------------------------------------------------

    def _agree(self, entity: Entity, rows: Sequence[tuple[Outgoing, Any]]) -> None:
        if not rows:
            return
        state = self._context.state
        sent = {each.intent.crm_id: each.intent.sent for each, _ in rows}
        self._appliers[entity].apply([row for _, row in rows], How.ANSWER, sent=sent)
        state.intents.end([each.intent for each, _ in rows])
        known = state.journal.failures([each.person.id for each, _ in rows])
        still: dict[int, set[tuple[str, str | None]]] = {
            each.person.id: {(p.code, p.field) for p in each.sending.problems} for each, _ in rows
        }
        state.journal.heal_errors(
            [error for person, errors in known.items() for error, *cause in errors if tuple(cause) not in still[person]]
        )
        state.nominations.settle([each.nomination for each, _ in rows])
        self._counts(entity).pushed += len(rows)
        self._balance.wrote(entity, len(rows))

    def _fold_again(
        self, entity: Entity, doubtful: Sequence[tuple[Outgoing, DynamicsError]], rows: list[Any], missing: list[str]
    ) -> None:
        """The records as they are now: changed meanwhile, gone, or there although something they name is not.

        One that was to be made is there already where an earlier try arrived after it was looked for in vain.
        """
        if not doubtful:
            return
        state = self._context.state
        self._counts(entity).add(self._appliers[entity].apply(rows, How.LIVE))
        mismatched = [each for each, problem in doubtful if isinstance(problem, VersionMismatch)]
        unnamed = [
            (each, problem)
            for each, problem in doubtful
            if (isinstance(problem, RowNotFound) and each.intent.crm_id not in missing)
            or (isinstance(problem, DuplicateKey) and each.intent.crm_id in missing)
        ]
        gone = [each for each, _ in doubtful if each.version is not None and each.intent.crm_id in missing]
        state.deletions.add(entity, [each.intent.crm_id for each in gone])
        self.withdraw([each.intent for each, _ in doubtful])
        state.nominations.settle([each.nomination for each in gone])
        self._refuse(entity, unnamed)
        self._collided.update(each.person.id for each in mismatched)
        self.tried.update(each.person.id for each in mismatched if self._collided[each.person.id] >= _TRIES)

    def _refuse(self, entity: Entity, refused: Sequence[tuple[Outgoing, DynamicsError]]) -> None:
        """Not carried out, and not tried again until its cause may have gone."""
        if refused:
            self._report(entity, refused)
            self.withdraw([each.intent for each, _ in refused])

    def _report(self, entity: Entity, failed: Sequence[tuple[Outgoing, DynamicsError]]) -> None:
        """An error of each record with its reason, told once in the person's log."""
        state, at = self._context.state, self._context.now()
        known = state.journal.failures([each.person.id for each, _ in failed])
        news = list[Activity]()
        for each, problem in failed:
            if problem.code not in {code for _, code, _ in known.get(each.person.id, ())}:
                news.append(failed_person(each.person.id, entity, problem.message))
            self.add_error(problem, entity, each.person.id, each.intent.crm_id if each.version is not None else None)
            if each.intent.action_id is not None:
                state.actions.settle(each.intent.action_id, "refused", problem.message, at=at)
        self._context.marketing.people.log(news, at=at)
        state.nominations.settle([each.nomination for each, _ in failed])
        self._counts(entity).failed += len(failed)

    def _leave(self, entity: Entity, later: Sequence[tuple[Outgoing, DynamicsError]]) -> None:
        """Nobody's fault: once more in the next cycle, and an error where a fault stays.

        A fault leaves open whether the write was carried out, so its intent is read back.
        """
        throttled = [each for each, problem in later if isinstance(problem, Throttled)]
        self.withdraw([each.intent for each in throttled])
        self.tried.update(each.person.id for each in throttled)
        faults = [(each, problem) for each, problem in later if not isinstance(problem, Throttled)]
        self._report(entity, [each for each in faults if each[0].nomination.attempts + 1 >= _TRIES])
        self._put_off([each for each, _ in faults])

    def unanswered(self, entity: Entity, chunk: Sequence[Outgoing], problem: NotAnswered) -> None:
        """Nothing is known of these. One that is never answered, alone in its request, is an error after a while."""
        if len(chunk) == 1 and chunk[0].nomination.attempts + 1 >= _TRIES:
            self._report(entity, [(chunk[0], problem)])
        self._put_off(chunk)

    def _put_off(self, page: Sequence[Outgoing]) -> None:
        self.tried.update(each.person.id for each in page)
        self._context.state.nominations.tried([each.nomination for each in page])

    def withdraw(self, intents: Iterable[Intent]) -> None:
        """These were certainly not carried out: an update is decided anew, a creation is wanted still."""
        intents = list(intents)
        self._context.state.intents.end([each for each in intents if each.kind is IntentKind.UPDATE])
        wanted = [each for each in intents if each.kind is IntentKind.CREATE]
        self._context.state.intents.not_begun(wanted, at=self._context.now())

    def add_error(self, problem: TandemError, entity: Entity, person: int, crm_id: str | None) -> None:
        self._context.state.journal.add_error(
            problem,
            entity=entity,
            operation="create" if crm_id is None else "update",
            direction="push",
            level="record",
            crm_id=crm_id,
            person_id=person,
            at=self._context.now(),
        )


def _sorted(chunk: Sequence[Outgoing], answers: Sequence[Any]) -> _Answers:
    found = _Answers()
    for each, answer in zip(chunk, answers, strict=True):
        match answer:
            case DuplicateKey() if each.version is None:
                found.doubtful.append((each, answer))
            case VersionMismatch() | RowNotFound() if each.version is not None:
                found.doubtful.append((each, answer))
            case Throttled() | Unavailable():
                found.later.append((each, answer))
            case DynamicsError():
                found.refused.append((each, answer))
            case row:
                found.rows.append((each, row))
    return found
