"""*Sync Person to Microsoft*: gives a person its record in Dynamics, or makes a contact of its lead (rules F1, P10).

Dynamics answers late, twice or not at all, and the process may be killed between any two lines. So nothing here
concludes from an answer: what is wanted is stored first, what became of it is stored by whoever sees it first, and the
outcome is read from there.

    killed, or without an answer          | what goes on, and where
    --------------------------------------+-----------------------------------------------------------------------
    before the record is asked for        | it is wanted still: the next cycle makes it, or the same request does
    while it is being made                | looked for under its id: found, it is the person's; else it is wanted
    while the lead is being qualified     | its contact is looked for: found, it is done; else it was refused
    while edits of the lead are sent      | the same request goes on; the edits are sent in any case
"""

from collections import defaultdict
from dataclasses import dataclass

from tandem.actions.owners import find_owner
from tandem.actions.requests import Acted, Action, RequestState, acted, new_request_id
from tandem.dynamics.errors import NotAnswered
from tandem.marketing.port import Person
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, NeedsRecord, OurBug, RetryLater, TandemError
from tandem.model.ids import PersonId
from tandem.rules.actions import SyncPerson, decide_sync_person
from tandem.rules.brakes import HoldKind
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.queues import Intent, IntentKind, Lane
from tandem.sync.context import Context, Counts
from tandem.sync.cycle import Engine
from tandem.sync.edits import person_here
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.balance import Balance
from tandem.sync.pushing.creating import new_record_id
from tandem.sync.pushing.push import Pusher
from tandem.sync.pushing.recovery import settle_qualify
from tandem.sync.pushing.telling import ALREADY_LINKED, failed_person, sent_person
from tandem.sync.removing import WriteUnderWay
from tandem.sync.tables import Tables

_REFUSALS = {
    SyncPerson.PARKED: "The sync filter says No for its record in Dynamics: nothing moves in either direction.",
    SyncPerson.UNREADABLE: "A table it takes cannot be read: `tandem validate` says why.",
}
_TRIES = 2
"""How often what the person has is sent: once more where it is seen that the first time did not arrive."""


def sync_person(
    engine: Engine,
    context: Context,
    person_id: int,
    *,
    wanted: Entity | None = None,
    owner: str | None = None,
    request: str | None = None,
) -> Acted:
    """Make the person a lead or a contact in Dynamics, at once; `wanted` None: what it is, else a lead.

    `owner` names the user or team that is to own a new record. A request whose outcome is known is answered with it;
    one whose outcome is not yet known goes on. Raises UnknownPerson, RequestIdTaken, WriteUnderWay, BeingWritten, and
    what concerns the whole organisation.
    """
    request = request or new_request_id()
    with context.writing():
        known = acted(context, request, Action.SYNC_PERSON, person_id)
        if known is None or known.state is RequestState.BEGUN:
            return _Request(
                context=context,
                tables=engine.tables(),
                person_id=person_id,
                wanted=wanted,
                owner=owner,
                request=request,
            ).carry_out()
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """One request, under `context.writing()`."""

    context: Context
    tables: Tables
    person_id: int
    wanted: Entity | None
    owner: str | None
    request: str

    @property
    def plans(self) -> dict[Entity, TablePlan]:
        """The plans of leads and contacts, as far as they can be read."""
        return {entity: plan for entity, plan in self.tables.plans.items() if entity.is_person}

    @property
    def state(self) -> SyncState:
        """What the sync remembers."""
        return self.context.state

    def carry_out(self) -> Acted:
        """Do what is asked for, unless somebody has seen its outcome meanwhile."""
        self._pusher().recover()
        known = acted(self.context, self.request, Action.SYNC_PERSON, self.person_id)
        if known is not None and known.state is not RequestState.BEGUN:
            return known
        with self.context.database.transaction():
            step, entity = self._begin()
        problem = None
        if self._stored().state is RequestState.BEGUN:
            problem = self._send()
            if step is SyncPerson.QUALIFY:
                problem = problem or self._qualify()
        return self._stored(why_not_yet=problem.message if problem else self._why_not_yet(entity))

    def _pusher(self) -> Pusher:
        return Pusher(self.context, self.plans, self.tables.people(), defaultdict[Entity, Counts](Counts).__getitem__)

    def _stored(self, *, why_not_yet: str = "") -> Acted:
        found = acted(self.context, self.request, Action.SYNC_PERSON, self.person_id, why_not_yet=why_not_yet)
        if found is None:
            raise OurBug(f"Nothing is stored of request {self.request}.", person=self.person_id)
        return found

    def _why_not_yet(self, entity: Entity) -> str:
        if self.state.journal.open_hold(HoldKind.OWN_WRITES.value, entity) is not None:
            return f"Writes to {entity.value} are held: `tandem holds` says why."
        return "Dynamics could not take it now."

    # What is wanted -------------------------------------------------------------------------------------------------

    def _begin(self) -> tuple[SyncPerson, Entity]:
        """Decide, and store what was decided; belongs into a transaction."""
        person, at = person_here(self.context.marketing, self.person_id), self.context.now()
        link, wish = self.state.links.of_people([person.id]).get(person.id), self._wish()
        if any(each.person_id == person.id for each in self.state.intents.begun()):
            raise WriteUnderWay(f"Person {person.id} is being written to Dynamics.", person=person.id)
        if link is not None and wish is not None:
            self._give_up(wish)
        record = link.entity if link else None
        entity = self.wanted or record or (wish.entity if wish else Entity.LEAD)
        self.state.actions.begin(self.request, Action.SYNC_PERSON.value, person.id, at=at)
        step = decide_sync_person(
            link.state if link else LinkState.NONE,
            record=record,
            wanted=entity,
            read={entity, record or entity} <= self.plans.keys(),
        )
        match step:
            case SyncPerson.CREATE:
                self._want(person, entity, wish)
            case SyncPerson.QUALIFY:
                self._nominate(person.id)
            case SyncPerson.NOTHING:
                self._settle(RequestState.DONE, ALREADY_LINKED)
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
        crm_id = new_record_id()
        if wish is not None:
            crm_id, owner = (wish.crm_id if wish.entity is entity else crm_id), owner or wish.owner
            self._give_up(wish)
        self.state.intents.want(
            Intent(crm_id, entity, person.id, IntentKind.CREATE, {}, owner, self.request), at=self.context.now()
        )
        self._nominate(person.id)
        Balance(self.state, self.context.settings.brakes, self.context.now).changed(1)

    def _give_up(self, wish: Intent) -> None:
        self.state.intents.end([wish])
        earlier = self.state.actions.of(wish.action_id) if wish.action_id else None
        if wish.action_id and wish.action_id != self.request and earlier and earlier[2] == RequestState.BEGUN:
            reason = f"Request {self.request} took its place."
            self.state.actions.settle(wish.action_id, RequestState.REFUSED.value, reason, at=self.context.now())

    def _nominate(self, person: int) -> None:
        self.state.nominations.add([person], Lane.FRESH, at=self.context.now())

    def _refuse(self, person: PersonId, entity: Entity, reason: str) -> None:
        self._settle(RequestState.REFUSED, reason)
        self.context.marketing.people.log([failed_person(person, entity, reason)], at=self.context.now())

    def _settle(self, state: RequestState, outcome: str) -> None:
        self.state.actions.settle(self.request, state.value, outcome, at=self.context.now())

    # Sending --------------------------------------------------------------------------------------------------------

    def _send(self) -> TandemError | None:
        """Send what the person has, the wish or its edits; what prevented it, if it may pass."""
        try:
            for _ in range(_TRIES):
                pusher = self._pusher()
                pusher.push_person(self.person_id)
                if all(each.person_id != self.person_id for each in self.state.intents.begun()):
                    break
                pusher.recover()
        except RetryLater as problem:
            return problem
        return None

    def _qualify(self) -> TandemError | None:
        """Make a contact of the lead; what prevented it, if it may pass."""
        with self.context.database.transaction():
            link = self.state.links.of_people([self.person_id]).get(self.person_id)
            live = link is not None and link.state is LinkState.LIVE and link.entity is Entity.LEAD
            if link is None or not live or self._wish() is not None:
                return WriteUnderWay(f"Person {self.person_id} has just been changed.", person=self.person_id)
            intent = Intent(link.crm_id, Entity.LEAD, self.person_id, IntentKind.QUALIFY, {}, None, self.request)
            self.state.intents.begin([intent], at=self.context.now())
        try:
            contact = self.context.dynamics.qualify(intent.crm_id)
        except NotAnswered:
            contact = None
        except RetryLater as problem:
            with self.context.database.transaction():
                self.state.intents.end([intent])
            return problem
        except (NeedsPerson, NeedsRecord) as problem:
            self._not_qualified(intent, problem)
            return None
        try:
            settle_qualify(self.context, self.plans, self.tables.people(), intent, contact=contact)
        except RetryLater as problem:
            return problem
        return None

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
