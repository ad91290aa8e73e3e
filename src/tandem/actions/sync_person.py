"""*Sync Person to Microsoft*: gives a person its record in Dynamics, or makes a contact of its lead (rules F1, P10).

Dynamics answers late, twice or not at all, and the process may be killed between any two lines. So nothing here
concludes from an answer: what is wanted is stored first, what became of it is stored by whoever sees it first, and the
outcome is read from there.

    killed, or without an answer          | what goes on, and where
    --------------------------------------+-----------------------------------------------------------------------
    before the record is asked for        | it is wanted still: the next cycle makes it, or the same request does
    while it is being made                | looked for under its id: found, it is the person's; else it is wanted
    while the lead is being qualified     | its contact is looked for: found, it is done; else it is qualified again
    and an earlier try arrives late       | the lead is closed by then: its contact is looked for once more
    while edits of the lead are sent      | the same request goes on, or the next cycle does
"""

from collections import defaultdict
from dataclasses import dataclass

from tandem.actions import arguments
from tandem.actions.owners import find_owner
from tandem.actions.requests import Acted, Request, RequestState
from tandem.dynamics.errors import NotAnswered, StateConflict
from tandem.marketing.records import Person
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, NeedsRecord, RetryLater, TandemError
from tandem.model.ids import PersonId
from tandem.rules.actions import SyncPerson, decide_sync_person
from tandem.rules.brakes import HoldKind
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.queues import Intent, IntentKind, Lane
from tandem.sync.context import Context, Counts
from tandem.sync.edits import person_here
from tandem.sync.pushing.balance import Balance
from tandem.sync.pushing.creating import id_of_new_record
from tandem.sync.pushing.push import Pusher
from tandem.sync.pushing.recovery import settle_qualify
from tandem.sync.pushing.telling import ALREADY_LINKED, failed_person, sent_person
from tandem.sync.removing import WriteUnderWay

PARKED = "The sync filter says No for its record in Dynamics: nothing moves in either direction."
UNREADABLE = "A table it takes cannot be read: `tandem validate` says why."
_REFUSALS = {SyncPerson.PARKED: PARKED, SyncPerson.UNREADABLE: UNREADABLE}
_TRIES = 2
"""How often what the person has is sent: once more where it is seen that the first time did not arrive."""


def sync_person(request: Request) -> Acted:
    """Make the person a lead or a contact in Dynamics, at once.

    Raises UnknownPerson, WriteUnderWay, and what concerns the whole organisation.
    """
    asked = request.asked(arguments.SyncPerson)
    return _SyncPerson(
        request=request, wanted=Entity(asked.wanted.value) if asked.wanted else None, owner=asked.owner
    ).carry_out()


def pusher_of(request: Request) -> Pusher:
    """The way to Dynamics, for what one request sends."""
    return Pusher(
        request.context, request.plans, request.tables.people(), defaultdict[Entity, Counts](Counts).__getitem__
    )


def why_not_yet(state: SyncState, entity: Entity) -> str:
    """What most likely keeps a write of this table from being carried out now."""
    if state.journal.open_hold(HoldKind.OWN_WRITES.value, entity) is not None:
        return f"Writes to {entity.value} are held: `tandem holds` says why."
    return "Dynamics could not take it now."


@dataclass(frozen=True, slots=True, kw_only=True)
class _SyncPerson:
    """One request. `wanted` None: what the person is, else a lead."""

    request: Request
    wanted: Entity | None
    owner: str | None

    @property
    def context(self) -> Context:
        """What it works with."""
        return self.request.context

    @property
    def state(self) -> SyncState:
        """What the sync remembers."""
        return self.context.state

    @property
    def person_id(self) -> int:
        """Whom it is about."""
        return self.request.person_id

    def carry_out(self) -> Acted:
        """Do what is asked for, unless somebody has seen its outcome meanwhile."""
        pusher_of(self.request).recover()
        if not self.request.is_open:
            return self.request.stored()
        with self.context.database.transaction():
            step, entity = self._begin()
        problem = None
        if self.request.is_open:
            problem = self._send()
            if step is SyncPerson.QUALIFY:
                problem = problem or self._qualify()
        return self.request.stored(why_not_yet=problem.message if problem else why_not_yet(self.state, entity))

    # What is wanted -------------------------------------------------------------------------------------------------

    def _begin(self) -> tuple[SyncPerson, Entity]:
        """Decide, and store what was decided; belongs into a transaction."""
        person, at = person_here(self.context.marketing, self.person_id), self.context.now()
        link, wish = self.request.link(), self._wish()
        if any(each.person_id == person.id for each in self.state.intents.begun()):
            raise WriteUnderWay(f"Person {person.id} is being written to Dynamics.", person=person.id)
        if link is not None and wish is not None:
            self._give_up(wish)
        record = link.entity if link else None
        entity = self.wanted or record or (wish.entity if wish else Entity.LEAD)
        self.request.begin()
        step = decide_sync_person(
            link.state if link else LinkState.NONE,
            record=record,
            wanted=entity,
            read={entity, record or entity} <= self.request.plans.keys(),
        )
        match step:
            case SyncPerson.CREATE:
                self._want(person, entity, wish)
            case SyncPerson.QUALIFY:
                self._nominate(person.id)
            case SyncPerson.NOTHING:
                self.request.settle(RequestState.DONE, ALREADY_LINKED)
                self.context.marketing.people.log([sent_person(person.id, record or entity, ALREADY_LINKED)], at=at)
            case SyncPerson.PARKED | SyncPerson.UNREADABLE:
                self._refuse(person.id, entity, _REFUSALS[step])
        return step, entity

    def _wish(self) -> Intent | None:
        """The record somebody asked for before, which was not made yet."""
        return self.state.intents.of_people([self.person_id]).get(self.person_id)

    def _want(self, person: Person, entity: Entity, wish: Intent | None) -> None:
        """Store the wish for a record; an earlier one goes on in it, under its id where the table is the same."""
        try:
            owner = find_owner(self.context.marketing.mirrors, self.owner) if self.owner is not None else None
        except NeedsPerson as problem:
            self._refuse(person.id, entity, f"{problem.message} {problem.remedy}")
            return
        crm_id = id_of_new_record(self.state, self.context.marketing.people, person.id)
        if wish is not None:
            crm_id, owner = (wish.crm_id if wish.entity is entity else crm_id), owner or wish.owner
            self._give_up(wish)
        self.state.intents.want(
            Intent(crm_id, entity, person.id, IntentKind.CREATE, {}, owner, self.request.id), at=self.context.now()
        )
        self._nominate(person.id)
        Balance(self.state, self.context.settings.brakes, self.context.now).changed(1)

    def _give_up(self, wish: Intent) -> None:
        self.state.intents.end([wish])
        earlier = self.state.actions.of(wish.action_id) if wish.action_id else None
        if wish.action_id and wish.action_id != self.request.id and earlier and earlier.state == RequestState.BEGUN:
            reason = f"Request {self.request.id} took its place."
            self.state.actions.settle(wish.action_id, RequestState.REFUSED.value, reason, at=self.context.now())

    def _nominate(self, person: int) -> None:
        self.state.nominations.add([person], Lane.FRESH, at=self.context.now())

    def _refuse(self, person: PersonId, entity: Entity, reason: str) -> None:
        self.request.settle(RequestState.REFUSED, reason)
        self.context.marketing.people.log([failed_person(person, entity, reason)], at=self.context.now())

    # Sending --------------------------------------------------------------------------------------------------------

    def _send(self) -> TandemError | None:
        """Send what the person has, the wish or its edits; what prevented it, if it may pass."""
        try:
            for _ in range(_TRIES):
                pusher = pusher_of(self.request)
                pusher.push_person(self.person_id)
                if all(each.person_id != self.person_id for each in self.state.intents.begun()):
                    break
                pusher.recover()
        except RetryLater as problem:
            return problem
        return None

    def _qualify(self) -> TandemError | None:
        """Make a contact of the lead; what prevented it, if it may pass."""
        lost: TandemError | None = None
        for _ in range(_TRIES):
            intent = self._begin_to_qualify()
            if intent is None:
                return WriteUnderWay(f"Person {self.person_id} has just been changed.", person=self.person_id)
            contact, closed = None, None
            try:
                contact = self.context.dynamics.qualify(intent.crm_id)
            except NotAnswered as problem:
                lost = problem
            except StateConflict as problem:
                closed = problem
            except RetryLater as problem:
                with self.context.database.transaction():
                    self.state.intents.end([intent])
                return problem
            except (NeedsPerson, NeedsRecord) as problem:
                self._not_qualified(intent, problem)
                return None
            try:
                if settle_qualify(
                    self.context, self.request.plans, self.request.tables.people(), intent, contact=contact
                ):
                    return None
            except RetryLater as problem:
                return problem
            if closed is not None:
                self._not_qualified(intent, closed)
                return None
        return lost

    def _begin_to_qualify(self) -> Intent | None:
        """Store that the lead is about to be qualified; None where it is not the person's any more, or not alone."""
        with self.context.database.transaction():
            link = self.request.link()
            live = link is not None and link.state is LinkState.LIVE and link.entity is Entity.LEAD
            if link is None or not live or self._wish() is not None:
                return None
            intent = Intent(link.crm_id, Entity.LEAD, self.person_id, IntentKind.QUALIFY, {}, None, self.request.id)
            self.state.intents.begin([intent], at=self.context.now())
            return intent

    def _not_qualified(self, intent: Intent, problem: TandemError) -> None:
        """Dynamics refused: a closed lead, a missing right, a plug-in."""
        with self.context.database.transaction():
            self.state.intents.end([intent])
            self.state.journal.add_error(
                problem,
                entity=intent.entity,
                operation=intent.kind.value,
                direction="push",
                level="record",
                crm_id=intent.crm_id,
                person_id=intent.person_id,
                at=self.context.now(),
            )
            self._refuse(PersonId(intent.person_id), Entity.CONTACT, problem.message)
