"""What all actions in Dynamics have in common: they are stored first, done once, and end with a reason (rules F2-F4).

Each of them would else find out for itself that a person is parked, has no record yet, is being written, or that the
answer was lost; the one that forgot a case would act twice, or never.

    what stands in the way                   | the request is    | and then
    -----------------------------------------+-------------------+------------------------------------------------------
    nobody of that id; a write under way     | not stored        | whoever asked is told
    the sync filter says No                  | refused           | the reason is in the person's log
    Dynamics, or the person asked for        | refused           | the same, and an error of the record
    no record yet                            | begun             | Sync Person to Microsoft makes it, then it goes on
    Dynamics cannot take it now, no answer   | begun             | the same request goes on, or the next cycle does
    the sync user, the address               | begun             | everybody is told; it goes on when that is mended
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tandem.actions import arguments
from tandem.actions.arguments import Action, Record
from tandem.actions.requests import OF_EVERYBODY, Acted, Request, RequestState
from tandem.actions.sync_person import PARKED, UNREADABLE, pusher_of, sync_person
from tandem.dynamics.errors import DynamicsError
from tandem.model.errors import NeedsPerson, NeedsRecord, RetryLater, TandemError
from tandem.rules.presence import LinkState
from tandem.state.links import Link
from tandem.sync.applier import How
from tandem.sync.edits import person_here
from tandem.sync.removing import WriteUnderWay


class NotForParked(NeedsPerson):
    """The sync filter keeps the person's record out: nothing moves in either direction."""

    code = "not-for-parked"
    advice = "Set the filter column of the record to Yes in Dynamics."


class NoRecord(NeedsPerson):
    """The person has no record in Dynamics, and could not get one."""

    code = "no-record"
    advice = "`tandem action sync-person` makes the record; `tandem errors` lists what keeps it from being made."


class NotYet(RetryLater):
    """Dynamics cannot take the action at this moment, or has not got what it needs."""

    code = "action-not-yet"
    advice = "Nothing to do: the next cycle goes on with it, and so does the same request."


def carry_out(request: Request, act: Callable[[], None]) -> Acted:
    """Store the request, then `act`, which finishes it or raises what stands in the way: see the table.

    Raises UnknownPerson, WriteUnderWay, and what concerns the whole organisation.
    """
    context, pusher = request.context, pusher_of(request)
    pusher.recover()
    pusher.give_up_wishes(request.person_id)
    with context.database.transaction():
        person = person_here(context.marketing, request.person_id)
        if any(each.person_id == person.id for each in context.state.intents.begun()):
            raise WriteUnderWay(f"Person {person.id} is being written to Dynamics.", person=person.id)
        request.begin()
    try:
        act()
    except OF_EVERYBODY:
        raise
    except RetryLater as problem:
        return request.stored(why_not_yet=problem.message)
    except (NeedsPerson, NeedsRecord) as problem:
        _refuse(request, problem)
    return request.stored()


def record_of(request: Request, made_as: Record | None, *, owner: str | None = None) -> Link:
    """The person's record, which is made first where there is none, for `owner` where one is given.

    Raises NotForParked, NoRecord or NotYet.
    """
    link = request.link()
    if link is None:
        wanted = arguments.SyncPerson(wanted=made_as, owner=owner)
        made = sync_person(replace(request, id=creation_of(request), action=Action.SYNC_PERSON, arguments=wanted))
        if made.state is RequestState.REFUSED:
            raise NoRecord(made.outcome)
        link = request.link()
        if made.state is RequestState.BEGUN or link is None:
            raise NotYet(made.outcome)
    if link.state is LinkState.PARKED:
        raise NotForParked(PARKED)
    if link.entity not in request.plans:
        raise NoRecord(UNREADABLE)
    return link


def creation_of(request: Request) -> str:
    """The id of the request that makes the record for this one."""
    return f"{request.id}:record"


def read_record(request: Request, link: Link) -> Any:
    """The person's record as it is now; what it brings is taken over like any other change of it.

    Raises NotYet where it is gone, or not the person's any more.
    """
    context, plan = request.context, request.plans[link.entity]
    rows, _ = context.dynamics.fetch(plan.table, [link.crm_id], plan.decoder)
    with context.database.transaction():
        if not rows:
            context.state.deletions.add(link.entity, [link.crm_id])
        request.tables.people()[link.entity].apply(rows, How.LIVE)
        now = request.link()
    if not rows:
        raise NotYet(
            f"Its {link.entity.value} was deleted in Dynamics: the next cycle takes that over first, unless it is held "
            "with others; `tandem holds` lists that."
        )
    if now is None or (now.crm_id, now.state) != (link.crm_id, LinkState.LIVE):
        raise NotYet(f"Its {link.entity.value} has just changed in Dynamics.")
    return rows[0]


def _refuse(request: Request, problem: TandemError) -> None:
    """What Dynamics refused is an error of the record as well, with its advice (P7); what was asked wrongly is not."""
    by_dynamics = isinstance(problem, DynamicsError)
    with request.context.database.transaction():
        request.refuse(problem.message if by_dynamics or not problem.remedy else f"{problem.message} {problem.remedy}")
        if by_dynamics:
            request.fail(problem)
