"""Sends what marketing changed to Dynamics (rules S4, P5-P7, P17, R2, R6).

A write whose answer was lost may have been carried out, and one sent twice may undo what happened in between. So each
is a stored intent before its first byte leaves, goes out under the version it was decided on, and is closed together
with what the answer taught; an intent found open is read back before anything else touches its record.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile

from tandem.dynamics.errors import NotAnswered
from tandem.mapping.projection import decode_fields
from tandem.marketing.records import Activity
from tandem.model.entities import Entity
from tandem.model.errors import TandemError
from tandem.model.ids import PersonId
from tandem.rules.presence import LinkState
from tandem.state.queues import Lane, Nomination
from tandem.sync.applier import How
from tandem.sync.context import Context, Counts
from tandem.sync.holds.holding import free_fields
from tandem.sync.merging import UNREAD
from tandem.sync.people import PeopleApplier
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.balance import Balance
from tandem.sync.pushing.outgoing import Decided, FieldNotSent, Outgoing, decide, freeze_ping_pong
from tandem.sync.pushing.receipts import Receipts
from tandem.sync.pushing.recovery import read_back
from tandem.sync.pushing.telling import ALREADY_LINKED, failed_person, sent_person
from tandem.sync.succession import is_read_again

_PAGE = 500
"""People looked at in one go."""
_SLOW = 30.0
"""Seconds after which a batch is called too large: the service cuts an operation at about 120 (reference 0.3)."""


class Pusher:
    """The way back of one subscription. `counts` gives the counts a table's work is added to."""

    def __init__(
        self,
        context: Context,
        plans: Mapping[Entity, TablePlan],
        appliers: Mapping[Entity, PeopleApplier],
        counts: Callable[[Entity], Counts],
    ) -> None:
        self._context = context
        self._plans = plans
        self._appliers = appliers
        self._counts = counts
        self._balance = Balance(context.state, context.settings.brakes, context.now)
        self._size = context.settings.write_batch
        self._receipts = Receipts(context, plans, appliers, counts, self._balance)
        self._tried = self._receipts.tried

    def push(self, until: Callable[[], bool]) -> bool:
        """Send what waits to be sent; False where `until` said to stop before everything was looked at."""
        while True:
            with self._context.writing():
                self.recover()
                self.give_up_wishes()
                self._take_up_edits()
                page = self._context.state.nominations.next(limit=_PAGE, but=self._tried)
                if not page:
                    return True
                if until():
                    return False
                self._send(page)

    def push_person(self, person_id: int) -> None:
        """Send what one person has, now, unless a stop is asked for. Belongs under `context.writing()`."""
        while nomination := self._context.state.nominations.one(person_id):
            if person_id in self._tried or self._context.stopping():
                return
            self._send([nomination])

    def count_news(self, count: int) -> None:
        """Dynamics changed so many people: each may lead to a write (R6)."""
        if count:
            with self._context.database.transaction():
                self._balance.changed(count)

    def recover(self) -> None:
        """Find out what became of writes whose answer was never stored. Belongs under `context.writing()`."""
        read_back(self._context, self._plans, self._appliers, self._counts)

    def give_up_wishes(self, person_id: int | None = None) -> None:
        """Whoever has a record by now needs no other one: it was restored, merged, or found by its e-mail (P1, P8).

        Of one person or, where none is named, of everybody.
        """
        state, at = self._context.state, self._context.now()
        if person_id is None:
            wanted = {each.person_id: each for each in state.intents.wanted()}
        else:
            begun = {each.person_id for each in state.intents.begun()}
            wanted = {} if person_id in begun else state.intents.of_people([person_id])
        linked = state.links.of_people(list(wanted)) if wanted else {}
        if not linked:
            return
        given_up = [wanted[person] for person in linked]
        with self._context.database.transaction():
            state.intents.end(given_up)
            for each in given_up:
                if each.action_id is not None:
                    state.actions.settle(each.action_id, "done", ALREADY_LINKED, at=at)
            news = [sent_person(PersonId(each.person_id), each.entity, ALREADY_LINKED) for each in given_up]
            self._context.marketing.people.log(news, at=at)

    # Nominations ----------------------------------------------------------------------------------------------------

    def _take_up_edits(self) -> None:
        """Marketing's own edits nominate their people."""
        people, state = self._context.marketing.people, self._context.state
        while edits := people.feed():
            with self._context.database.transaction():
                state.nominations.add([person for _, person, _ in edits], Lane.FRESH, at=self._context.now())
                people.forget_feed(edits[-1][0])
                self._balance.changed(len(edits))

    def _send(self, page: Sequence[Nomination]) -> None:
        self._read_unknown(page)
        with self._context.database.transaction():
            decided = decide(self._context, self._plans, page)
            freeze_ping_pong(self._context, decided)
            self._note(decided)
            allowed = {entity: self._balance.allows(entity, len(page)) for entity, page in decided.outgoing.items()}
        self._tried.update(each.person_id for each in decided.later)
        for entity, outgoing in decided.outgoing.items():
            if allowed[entity]:
                self._send_all(entity, outgoing)
            else:
                self._tried.update(each.person.id for each in outgoing)

    def _read_unknown(self, page: Sequence[Nomination]) -> None:
        """Read the records of which nobody knows what they hold; then they are decided like any other (P4, D4, D5).

        While a table is read again for other columns, a version that is known does not tell what is in them; nor does
        it where a field was refreshed of some records only.
        """
        state = self._context.state
        links = state.links.of_people([each.person_id for each in page]).values()
        streams, successors, asked = state.streams.all(), state.streams.successors(), state.quick_syncs.open()
        for entity, plan in self._plans.items():
            read_again = is_read_again(streams, successors, asked, entity)
            partly = state.fields_partly_read(entity).intersection(
                field.api_name for field in plan.fields if field.pulled
            )
            ids = [
                each.crm_id
                for each in links
                if each.entity is entity
                and each.state is LinkState.LIVE
                and (read_again or each.version == UNREAD or not partly.isdisjoint(decode_fields(each.base)))
            ]
            rows, _ = self._context.dynamics.fetch(plan.table, ids, plan.decoder) if ids else ([], [])
            if rows:
                with self._context.database.transaction():
                    self._counts(entity).add(self._appliers[entity].apply(rows, How.ANSWER))

    def _note(self, decided: Decided) -> None:
        """Store what was decided without asking Dynamics."""
        state, at = self._context.state, self._context.now()
        known = state.journal.failures(list(decided.sound))
        news = list[Activity]()
        for entity, person, crm_id, problem in decided.problems:
            if (problem.code, problem.field) not in {each[1:] for each in known.get(person.id, ())}:
                news.append(failed_person(person.id, entity, problem.message, field=problem.field))
                self._counts(entity).failed += 1
            self._receipts.add_error(FieldNotSent(problem), entity, person.id, crm_id)
        for intent, sending in decided.refused:
            if intent.action_id is not None:
                reason = " ".join(each.message for each in sending.problems)
                state.actions.settle(intent.action_id, "refused", reason, at=at)
        self._context.marketing.people.log(news, at=at)
        free_fields(self._context, decided.freed)
        settled = {each.person_id for each in decided.settled}
        healed = [
            error
            for person, errors in known.items()
            if person in settled
            for error, code, name in errors
            if (code, name) not in decided.sound[person]
        ]
        state.journal.heal_errors(healed)
        state.nominations.settle(decided.settled)

    # One request ----------------------------------------------------------------------------------------------------

    def _send_all(self, entity: Entity, outgoing: list[Outgoing]) -> None:
        waiting = list(outgoing)
        while waiting and not self._context.stopping():
            chunk = self._next_chunk(waiting)
            waiting = waiting[len(chunk) :]
            with self._context.database.transaction():
                chunk = self._still_true(chunk)
                self._context.state.intents.begin([each.intent for each in chunk], at=self._context.now())
            if chunk and not self._send_chunk(entity, chunk):
                self._tried.update(each.person.id for each in waiting)
                return

    def _still_true(self, chunk: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Those whose person and link are as they were decided on; the others are nominated still, if they are there.

        Belongs into the transaction that begins their writes: from then on nobody deletes or merges these people.
        """
        ids = [each.person.id for each in chunk]
        people, links = self._context.marketing.people.get(ids), self._context.state.links.of_people(ids)
        return [each for each in chunk if each.person.id in people and each.is_for(links.get(each.person.id))]

    def _next_chunk(self, waiting: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """What goes in one request. What was not answered goes in smaller company: one alone may be the cause."""
        attempts = waiting[0].nomination.attempts
        size = max(1, self._size >> 2 * attempts)
        return list(takewhile(lambda each: each.nomination.attempts == attempts, waiting[:size]))

    def _send_chunk(self, entity: Entity, chunk: Sequence[Outgoing]) -> bool:
        """One request and what it teaches; False where the rest of the table's writes should wait."""
        plan, settings = self._plans[entity], self._context.settings
        begun = self._context.monotonic()
        try:
            answers = self._context.dynamics.write(
                [each.request(plan, check_duplicates=settings.check_duplicates) for each in chunk], plan.decoder
            )
        except NotAnswered as problem:
            # Their intents stay open and are read back.
            with self._context.database.transaction():
                self._receipts.unanswered(entity, chunk, problem)
            return False
        except TandemError:
            # Nothing was carried out.
            with self._context.database.transaction():
                self._receipts.withdraw([each.intent for each in chunk])
            raise
        slow = self._context.monotonic() - begun > _SLOW
        self._size = max(1, self._size // 2) if slow else min(settings.write_batch, self._size * 2)
        return self._receipts.store(entity, chunk, answers)
