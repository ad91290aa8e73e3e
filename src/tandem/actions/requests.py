"""Remembers what was asked for, so that the same request never acts twice (behaviour section 5).

A webhook that got no answer asks again. Were the second call not known for the first, it would make a second record.
So every request has an id, which is stored before anything is done and keeps the outcome; whoever finds out later what
became of it, the next cycle or the one after a crash, stores it there too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from tandem.actions.arguments import Action, Arguments
from tandem.dynamics.errors import SignInMisconfigured, SignInRefused, TlsFailed
from tandem.dynamics.writes import OF_THE_CONNECTION
from tandem.marketing.records import BY_HAND, Activity, ActivityType
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, OurBug, TandemError
from tandem.rules.presence import LinkState
from tandem.state.links import Link
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.known_tables import OrganisationChanged
from tandem.sync.plan import TablePlan
from tandem.sync.review import require_no_review
from tandem.sync.tables import Tables

A = TypeVar("A", bound=Arguments)

OF_EVERYBODY = (*OF_THE_CONNECTION, SignInRefused, SignInMisconfigured, TlsFailed, OrganisationChanged)
"""What stands in the way of every request, so that no single one is refused for it."""


class RequestState(StrEnum):
    """How far a request is. One that was refused may still be carried out when its cause has gone: then it is done."""

    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"


class RequestIdTaken(NeedsPerson):
    """The request id was given to something else before."""

    code = "request-id-taken"
    advice = "Give each request an id of its own; leave it out and Tandem makes one."


class BadArguments(NeedsPerson):
    """The arguments do not fit the action."""

    code = "bad-arguments"
    advice = "`--help` lists the arguments of an action, as in `tandem action change-owner --help`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of a request. `outcome` says in words what was done, else why it was not, or not yet.

    `record` and `record_id` are what the person is in Dynamics now; `details` are ids that the action works with, by
    name, such as the `task` it made.
    """

    request: str
    person: int
    state: RequestState
    outcome: str
    record: Entity | None = None
    record_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


_LOGGED_AS = {
    Action.SYNC_PERSON: ActivityType.SYNC_PERSON,
    Action.CHANGE_OWNER: ActivityType.CHANGE_OWNER,
    Action.CREATE_TASK: ActivityType.CREATE_TASK,
    Action.ADD_TO_CAMPAIGN: ActivityType.ADDED_TO_CAMPAIGN,
    Action.REMOVE_FROM_CAMPAIGN: ActivityType.REMOVED_FROM_CAMPAIGN,
}
"""The entry of the person's log that tells of an action; what marketing logs of itself is not told twice."""


def new_request_id() -> str:
    """An id for a request that came without one."""
    return str(uuid4())


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request at work. Whatever it does belongs under `context.writing()`."""

    context: Context
    engine: Engine
    id: str
    action: Action
    person_id: int
    arguments: Arguments

    @cached_property
    def tables(self) -> Tables:
        """The tables of the organisation that the subscription is bound to. Whoever writes asks for them first.

        Raises OrganisationChanged, and ReviewGoesOn while nothing may be written.
        """
        require_no_review(self.context.state)
        return self.engine.tables()

    @property
    def plans(self) -> dict[Entity, TablePlan]:
        """The plans of leads and contacts, as far as they can be read."""
        return {entity: plan for entity, plan in self.tables.widest.items() if entity.is_person}

    def asked(self, kind: type[A]) -> A:
        """The arguments, as those of the action that is being carried out."""
        if not isinstance(self.arguments, kind):
            raise OurBug(f"{self.action.value} was given the arguments of something else.", person=self.person_id)
        return self.arguments

    def link(self) -> Link | None:
        """The link in force, or the one that is parked."""
        return self.context.state.links.of_people([self.person_id]).get(self.person_id)

    def is_parked(self) -> bool:
        """Does the sync filter keep the person's record out?"""
        link = self.link()
        return link is not None and link.state is LinkState.PARKED

    # What is kept of it ---------------------------------------------------------------------------------------------

    def known(self, *, why_not_yet: str = "") -> Acted | None:
        """What is stored of the request, or None where it was never made. Raises RequestIdTaken."""
        stored = self.context.state.actions.of(self.id)
        if stored is None:
            return None
        if (stored.kind, stored.person_id) != (self.action, self.person_id):
            said = f"Request {self.id!r} was {stored.kind} of person {stored.person_id}."
            raise RequestIdTaken(said, person=self.person_id)
        if stored.arguments not in (None, self._written()):
            raise RequestIdTaken(f"Request {self.id!r} was {stored.kind} in another way.", person=self.person_id)
        now = self.context.marketing.people.resolve(self.person_id)
        link = self.context.state.links.of_people([now]).get(now) if now is not None else None
        return Acted(
            request=self.id,
            person=self.person_id,
            state=RequestState(stored.state),
            outcome=stored.outcome or why_not_yet,
            record=link.entity if link else None,
            record_id=link.crm_id if link else None,
            details=self.details(),
        )

    def stored(self, *, why_not_yet: str = "") -> Acted:
        """What is stored of the request, which was begun."""
        found = self.known(why_not_yet=why_not_yet)
        if found is None:
            raise OurBug(f"Nothing is stored of request {self.id}.", person=self.person_id)
        return found

    @property
    def is_open(self) -> bool:
        """Is its outcome not known yet?"""
        found = self.known()
        return found is None or found.state is RequestState.BEGUN

    def details(self) -> dict[str, Any]:
        """The ids it chose or was given."""
        stored = self.context.state.actions.of(self.id)
        return msgspec.json.decode(stored.details) if stored and stored.details else {}

    def asked_at(self) -> str:
        """When it was asked for first."""
        stored = self.context.state.actions.of(self.id)
        return stored.at if stored else self.context.now()

    # Each of the following belongs into a transaction ---------------------------------------------------------------

    def begin(self) -> None:
        """Store that it is asked for; one that is known goes on."""
        self.context.state.actions.begin(
            self.id, self.action.value, self.person_id, arguments=self._written(), at=self.context.now()
        )

    def note(self, **details: Any) -> None:
        """Keep ids, before they go out."""
        noted = msgspec.json.encode({**self.details(), **details}).decode()
        self.context.state.actions.note(self.id, noted)

    def settle(self, state: RequestState, outcome: str) -> None:
        """Its outcome is known; what an earlier request like it failed of has gone, or is about to be said anew."""
        journal = self.context.state.journal
        failed = journal.push_errors([self.person_id]).get(self.person_id, ())
        journal.heal_errors([each["id"] for each in failed if each["operation"] == self.action])
        self.context.state.actions.settle(self.id, state.value, outcome, at=self.context.now())

    def finish(self, outcome: str, **detail: Any) -> None:
        """It is done; `detail` goes into the person's log."""
        self.settle(RequestState.DONE, outcome)
        self._log(outcome=outcome, **detail)

    def refuse(self, reason: str) -> None:
        """It is not carried out, for a reason that goes into the person's log."""
        self.settle(RequestState.REFUSED, reason)
        self._log(outcome="failed", reason=reason)

    def fail(self, problem: TandemError) -> None:
        """It is an error of the person's record as well, so that an administrator sees it (P7)."""
        link = self.link()
        self.context.state.journal.add_error(
            problem,
            entity=link.entity if link else Entity.LEAD,
            operation=self.action.value,
            direction="push",
            level="record",
            crm_id=link.crm_id if link else None,
            person_id=self.person_id,
            at=self.context.now(),
        )

    def _log(self, **detail: Any) -> None:
        """Of somebody who was merged meanwhile it stands in the log of the person that goes on."""
        kind, people = _LOGGED_AS.get(self.action), self.context.marketing.people
        person = people.resolve(self.person_id)
        if kind is not None and person is not None:
            text = msgspec.json.encode(detail).decode()
            people.log([Activity(person, kind, source=BY_HAND, detail=text)], at=self.context.now())

    def _written(self) -> str:
        return msgspec.json.encode(self.arguments).decode()
