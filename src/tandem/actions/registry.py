"""Every action there is, and the one door to them all (behaviour section 5, rules F1-F5).

A command, a webhook and a program that asked in ways of their own would each check other things: one would send what
another refuses. Whoever asks goes through `perform`; an action is one line of the table below.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tandem.actions.arguments import ARGUMENTS, Action, Arguments
from tandem.actions.campaigns import add_to_campaign, remove_from_campaign
from tandem.actions.carrying import NotYet
from tandem.actions.change_owner import change_owner
from tandem.actions.create_task import create_task
from tandem.actions.in_marketing import change_data_value, delete_person, merge_people
from tandem.actions.requests import (
    OF_EVERYBODY,
    Acted,
    BadArguments,
    Request,
    RequestIdTaken,
    RequestState,
    new_request_id,
)
from tandem.actions.sync_person import sync_person
from tandem.model.errors import NeedsPerson, NeedsRecord
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.edits import UnknownPerson, person_here
from tandem.sync.removing import WriteUnderWay

_CARRIED_OUT_BY: Mapping[Action, Callable[[Request], Acted]] = {
    Action.SYNC_PERSON: sync_person,
    Action.CHANGE_OWNER: change_owner,
    Action.ADD_TO_CAMPAIGN: add_to_campaign,
    Action.REMOVE_FROM_CAMPAIGN: remove_from_campaign,
    Action.CREATE_TASK: create_task,
    Action.DELETE_PERSON: delete_person,
    Action.CHANGE_DATA_VALUE: change_data_value,
    Action.MERGE_PEOPLE: merge_people,
}
"""Who carries an action out. Each stores what it is about to do before it does it, and finds out what became of it."""

_OF_ONE_PERSON = (UnknownPerson, RequestIdTaken, WriteUnderWay)
"""What keeps an action from one person and says nothing of the others."""
_AT_ONCE = 100
"""Requests that were cut off and are gone on with in one go."""


def read_arguments(action: Action, given: Mapping[str, Any] | Arguments) -> Arguments:
    """The arguments of an action, from a mapping by name as JSON has it. Raises BadArguments."""
    if isinstance(given, ARGUMENTS[action]):
        return given
    try:
        return msgspec.convert(given, ARGUMENTS[action])
    except msgspec.ValidationError as problem:
        raise BadArguments(f"{action.value}: {problem}.") from None


def perform(
    engine: Engine,
    context: Context,
    action: Action,
    person_id: int,
    arguments: Mapping[str, Any] | Arguments,
    request: str | None = None,
) -> Acted:
    """Carry an action out for one person, at once.

    A request whose outcome is known is answered with it; one whose outcome is not yet known goes on. What an action
    cannot do for this person is its outcome. Raises BadArguments, UnknownPerson, RequestIdTaken, WriteUnderWay and
    BeingWritten, before anything is stored or sent, and what concerns the whole organisation.
    """
    asked = Request(
        context=context,
        engine=engine,
        id=request or new_request_id(),
        action=action,
        person_id=person_id,
        arguments=read_arguments(action, arguments),
    )
    with context.writing():
        known = asked.known()
        return known if known is not None and known.state is not RequestState.BEGUN else _CARRIED_OUT_BY[action](asked)


def perform_each(
    engine: Engine,
    context: Context,
    action: Action,
    people: Iterable[int],
    arguments: Mapping[str, Any] | Arguments,
    request: str | None = None,
) -> Iterator[Acted]:
    """The same for many people, one after the other: what becomes of each, as soon as it is known.

    Each has a request of its own, `request:person`. What keeps it from one person is that person's outcome; raises what
    concerns all of them.
    """
    given, request = read_arguments(action, arguments), request or new_request_id()
    for person in people:
        mine = f"{request}:{person}"
        try:
            yield perform(engine, context, action, person, given, mine)
        except _OF_ONE_PERSON as problem:
            reason = f"{problem.message} {problem.remedy}"
            yield Acted(request=mine, person=person, state=RequestState.REFUSED, outcome=reason)


def go_on(engine: Engine, context: Context) -> None:
    """Go on with requests that were cut off, or that Dynamics could not take when they were made; oldest first.

    One that cannot be carried out now either is an error of its person; a person's record that waits to be made has one
    of its own, after a few tries. While nothing may be written (S9) they wait.

    Raises what concerns the whole organisation; the rest is gone on with the next time.
    """
    begun = context.state.actions.begun(limit=_AT_ONCE)
    if not begun or context.state.reviews.open() is not None:
        return
    engine.tables()
    for request in begun:
        if context.stopping():
            return
        with context.writing():
            _go_on(engine, context, request)


def _go_on(engine: Engine, context: Context, request: str) -> None:
    stored = context.state.actions.of(request)
    if stored is None or stored.state != RequestState.BEGUN:
        return
    try:
        person_here(context.marketing, stored.person_id)
    except UnknownPerson as problem:
        with context.database.transaction():
            context.state.actions.settle(request, RequestState.REFUSED.value, problem.message, at=context.now())
        return
    action = Action(stored.kind)
    given = msgspec.json.decode(stored.arguments or "{}", type=ARGUMENTS[action])
    asked = Request(
        context=context, engine=engine, id=request, action=action, person_id=stored.person_id, arguments=given
    )
    try:
        acted = _CARRIED_OUT_BY[action](asked)
    except WriteUnderWay:
        return
    except OF_EVERYBODY:
        raise
    except (NeedsPerson, NeedsRecord) as problem:
        with context.database.transaction():
            asked.refuse(problem.message)
        return
    if acted.state is RequestState.BEGUN and action is not Action.SYNC_PERSON:
        with context.database.transaction():
            asked.fail(NotYet(acted.outcome))
