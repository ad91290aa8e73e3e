"""Every action there is, and the one door to them all (behaviour section 5, rules F1-F5).

A command, a webhook and a program that asked in ways of their own would each check other things: one would send what
another refuses. Whoever asks goes through `perform`; an action is one line of the table below.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from tandem.actions.arguments import ARGUMENTS, Action, Arguments
from tandem.actions.campaigns import add_to_campaign, remove_from_campaign
from tandem.actions.carrying import NotYet
from tandem.actions.change_owner import change_owner
from tandem.actions.create_task import NoSubject, create_task
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
from tandem.mapping.checks import CONTROL_CHARACTERS
from tandem.model.errors import NeedsPerson, NeedsRecord, RetryLater, TandemError
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.edits import NotEditable, UnknownPerson, person_here
from tandem.sync.removing import NotMergeable, WriteUnderWay

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

_OF_ONE_PERSON = (UnknownPerson, RequestIdTaken, WriteUnderWay, NoSubject, NotEditable, NotMergeable)
"""What keeps an action from one person and says nothing of the others."""
LONGEST_ID = 200
"""Characters that the id of a request has at most; what Tandem adds to it comes on top."""
_LONGEST_NAME = 400
"""Characters of an argument that names something, an owner or a campaign: no name is as long."""
_LONGEST = dict.fromkeys(["subject", "description", "value"], 1_048_576)
"""Characters of those that are texts: more are no text that somebody wrote."""
_PAGE = 100
"""Requests that were cut off and are read at once."""
_PLACE = "actions_gone_on"
"""The setting that keeps how far the last round of going on came, as [asked at, id]."""


def read_arguments(action: Action, given: Mapping[str, Any] | Arguments) -> Arguments:
    """The arguments of an action, from a mapping by name as JSON has it. Raises BadArguments."""
    if isinstance(given, ARGUMENTS[action]):
        given = msgspec.to_builtins(given)
    try:
        found = msgspec.convert(given, ARGUMENTS[action])
    except msgspec.ValidationError as problem:
        raise BadArguments(f"{action.value}: {problem}.") from None
    for name, text in msgspec.structs.asdict(found).items():
        longest = _LONGEST.get(name, _LONGEST_NAME)
        if isinstance(text, str) and len(text) > longest:
            raise BadArguments(f"{action.value}: {name} is longer than {longest:,} characters.")
        if isinstance(text, str) and CONTROL_CHARACTERS.search(text):
            raise BadArguments(f"{action.value}: {name} holds control characters, or is no Unicode.")
    return found


def _read_id(request: str | None) -> str:
    """The id of a request, made where none is given. Raises BadArguments: an empty one would know no repetition."""
    if request is None:
        return new_request_id()
    if not request or len(request) > LONGEST_ID or CONTROL_CHARACTERS.search(request):
        raise BadArguments(
            f"This is no id of a request: {request[:LONGEST_ID]!a}.",
            advice=f"Give 1 to {LONGEST_ID} characters, or leave it out and Tandem makes one.",
        )
    return request


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
    return _perform(engine, context, action, person_id, read_arguments(action, arguments), _read_id(request))


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
    given, request = read_arguments(action, arguments), _read_id(request)
    for person in people:
        mine = f"{request}:{person}"
        try:
            yield _perform(engine, context, action, person, given, mine)
        except _OF_ONE_PERSON as problem:
            reason = f"{problem.message} {problem.remedy}"
            yield Acted(request=mine, person=person, state=RequestState.REFUSED, outcome=reason)


def _perform(
    engine: Engine, context: Context, action: Action, person: int, arguments: Arguments, request: str
) -> Acted:
    asked = Request(context=context, engine=engine, id=request, action=action, person_id=person, arguments=arguments)
    with context.writing():
        known = asked.known()
        return known if known is not None and known.state is not RequestState.BEGUN else _CARRIED_OUT_BY[action](asked)


def go_on(engine: Engine, context: Context) -> None:
    """Go on with requests that were cut off, or that Dynamics could not take when they were made; oldest first.

    For no longer than fresh edits may wait; the next time begins where this one ended, so that those that cannot be
    carried out keep none behind them waiting. One that cannot be carried out now either is an error of its person; a
    person's record that waits to be made has one of its own, after a few tries. While nothing may be written (S9) they
    wait.

    Raises what concerns the whole organisation; the rest is gone on with the next time.
    """
    actions = context.state.actions
    if context.state.reviews.open() is not None or not actions.begun(limit=1):
        return
    engine.tables()
    until = context.monotonic() + context.settings.fresh_interval
    place = context.state.setting(_PLACE) or ("", "")
    while begun := actions.begun(limit=_PAGE, after=place):
        for place in begun:
            if context.stopping() or context.monotonic() >= until:
                return
            with context.database.transaction():
                # Before it is tried: one that brings the process down does not do so first thing every time.
                context.state.put_setting(_PLACE, place)
            with context.writing():
                _go_on(engine, context, place[1])
    with context.database.transaction():
        context.state.put_setting(_PLACE, None)


def _go_on(engine: Engine, context: Context, request: str) -> None:
    stored = context.state.actions.of(request)
    if stored is None or stored.state != RequestState.BEGUN:
        return
    action = Action(stored.kind)
    asked = Request(
        context=context, engine=engine, id=request, action=action, person_id=stored.person_id, arguments=Arguments()
    )
    try:
        person_here(context.marketing, stored.person_id)
        given = read_arguments(action, msgspec.json.decode(stored.arguments or "{}"))
        acted = _CARRIED_OUT_BY[action](replace(asked, arguments=given))
    except (*OF_EVERYBODY, RetryLater) as problem:
        if not isinstance(problem, WriteUnderWay):
            raise
    except (NeedsPerson, NeedsRecord) as problem:
        with context.database.transaction():
            asked.refuse(problem.message)
    except TandemError as problem:
        # A fault of this one alone must not end the sync, and with it everybody else's.
        with context.database.transaction():
            asked.fail(problem)
    else:
        if acted.state is RequestState.BEGUN and action is not Action.SYNC_PERSON:
            with context.database.transaction():
                asked.fail(NotYet(acted.outcome))
