"""Remembers what was asked for, so that the same request never acts twice (behaviour section 5).

A webhook that got no answer asks again. Were the second call not known for the first, it would make a second record.
So every request has an id, which is stored before anything is done and keeps the outcome; whoever finds out later what
became of it, the next cycle or the one after a crash, stores it there too.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.sync.context import Context


class Action(StrEnum):
    """What can be asked for."""

    SYNC_PERSON = "sync-person"


class RequestState(StrEnum):
    """How far a request is. One that was refused may still be carried out when its cause has gone: then it is done."""

    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"


class RequestIdTaken(NeedsPerson):
    """The request id was given to something else before."""

    code = "request-id-taken"
    advice = "Give each request an id of its own; leave it out and Tandem makes one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of a request. `outcome` is a word for what was done, else the reason why it was not, or not yet.

    `record` and `record_id` are what the person is in Dynamics now.
    """

    request: str
    person: int
    state: RequestState
    outcome: str
    record: Entity | None = None
    record_id: str | None = None


def new_request_id() -> str:
    """An id for a request that came without one."""
    return str(uuid4())


def acted(context: Context, request: str, action: Action, person_id: int, *, why_not_yet: str = "") -> Acted | None:
    """What is stored of a request, or None where it was never made. Raises RequestIdTaken."""
    stored = context.state.actions.of(request)
    if stored is None:
        return None
    kind, person, state, outcome = stored
    if (kind, person) != (action, person_id):
        raise RequestIdTaken(f"Request {request!r} was {kind} of person {person}.", person=person_id)
    now = context.marketing.people.resolve(person)
    link = context.state.links.of_people([now]).get(now) if now is not None else None
    return Acted(
        request=request,
        person=person,
        state=RequestState(state),
        outcome=outcome or why_not_yet,
        record=link.entity if link else None,
        record_id=link.crm_id if link else None,
    )
