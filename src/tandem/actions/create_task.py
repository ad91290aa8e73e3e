"""*Create Task in Microsoft*: a task about a person's record (rules F3, R2).

A task made twice is called twice; one that names no column its organisation demands is made never. So its id is chosen
and stored before it goes out, everything that can be wrong with it is found before anything is sent, and what an answer
that got lost has left is looked for.

    without an answer             | what goes on
    ------------------------------+------------------------------------------------------------------------------------
    to the task itself            | it is sent again under the same id: there already, it is that one
    to its status, when it closes | the task is read: closed, it is done; else it is closed
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from tandem.actions import arguments
from tandem.actions.carrying import NotYet, carry_out, read_record, record_of
from tandem.actions.owners import find_owner, owner_of
from tandem.actions.requests import Acted, BadArguments, Request
from tandem.actions.words import words_of
from tandem.dynamics.errors import DuplicateKey, NotAnswered, RowNotFound, Unavailable, VersionMismatch
from tandem.dynamics.rows import RowDecoder
from tandem.dynamics.tasks import TASK
from tandem.dynamics.writes import RowWrite
from tandem.mapping.checks import EARLIEST, LATEST, text_length
from tandem.mapping.tokens import fill
from tandem.model.errors import NeedsPerson, NeedsRecord
from tandem.model.schema import Column, ColumnType, Option, Table
from tandem.state.links import Link
from tandem.sync.edits import person_here
from tandem.sync.pushing.creating import new_record_id
from tandem.sync.pushing.outgoing import required_columns

_STATE, _STATUS, _PRIORITY = "statecode", "statuscode", "prioritycode"
_OPEN = 0
_NOON = "T12:00:00Z"
"""The time of a due date without one: noon in London is the same day almost everywhere."""
_LONGEST = 36_500
"""Days from now that a task can be due in at most."""
_TRIES = 3


class NoSubject(NeedsRecord):
    """The task would have no subject, because this person has no value for its tokens."""

    code = "no-subject"
    advice = "Give the person the value, or the token a default as in {{lead.First Name:default=somebody}}."


class TaskColumnRequired(NeedsPerson):
    """Forms of this organisation demand columns of a task that the action does not fill."""

    code = "task-column-required"
    advice = "Make the column optional for tasks in Dynamics, or let a business rule or a plug-in fill it."


class TaskGone(NeedsPerson):
    """Somebody deleted the task before it was closed."""

    code = "task-gone"
    advice = "Ask for another one, if there is still something to be done."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """A task as it is to be. `closing` is the state it is given when it is there; `notes` tell what was cut."""

    decoder: RowDecoder
    values: Mapping[str, Any]
    closing: Mapping[str, int] | None
    notes: tuple[str, ...]


def create_task(request: Request) -> Acted:
    """Make a task about the person's record, at once; the record is made first where there is none.

    Raises UnknownToken, BadArguments, NoSubject and TaskColumnRequired before anything is stored or sent,
    UnknownPerson, WriteUnderWay, and what concerns the whole organisation.
    """
    return carry_out(request, partial(_create, request, _described(request)))


# What it is to be ---------------------------------------------------------------------------------------------------


def _described(request: Request) -> _Task:
    asked, context = request.asked(arguments.CreateTask), request.context
    table, at = _table(request), request.asked_at()
    person = person_here(context.marketing, request.person_id)
    words = words_of(context, person, campaign=asked.campaign, at=at)
    subject = _cut(table, "subject", " ".join(fill(asked.subject, words).split()))
    description = _cut(table, "description", fill(asked.description, words).strip())
    if not asked.subject.strip():
        raise BadArguments("The task has no subject.", advice="Give it one; it may hold tokens.")
    if not subject[0]:
        raise NoSubject(f"The task would have no subject: person {person.id} has no value for it.", person=person.id)
    values: dict[str, Any] = {
        "subject": subject[0],
        "description": description[0] or None,
        "scheduledend": _due(table, asked.due, at=at),
    }
    if asked.priority is not None:
        values[_PRIORITY] = _option(table, _PRIORITY, asked.priority).value
    status = _option(table, _STATUS, asked.status) if asked.status is not None else None
    closing = None
    if status is not None and status.state not in (None, _OPEN):
        closing = {_STATE: int(status.state or _OPEN), _STATUS: status.value}
    elif status is not None:
        values[_STATUS] = status.value
    known = {name: value for name, value in values.items() if name in table.columns and value is not None}
    return _Task(
        decoder=RowDecoder(table, (_STATE, _STATUS)),
        values=known,
        closing=closing,
        notes=tuple(note for _, note in (subject, description) if note),
    )


def _table(request: Request) -> Table:
    """The definition of tasks. Raises TaskColumnRequired where it demands what the action cannot give."""
    known = request.tables.others
    if TASK not in known:
        known |= request.context.dynamics.tables([TASK], request.context.settings.language)
    table = known[TASK]
    filled = {"subject", "description", "scheduledend", "regardingobjectid", _PRIORITY}
    missing = [column.label or column.name for column in required_columns(table) if column.name not in filled]
    if missing:
        raise TaskColumnRequired(f"Tasks of this organisation need {', '.join(sorted(missing))}.")
    return table


def _cut(table: Table, column: str, text: str) -> tuple[str, str]:
    """The text as far as the column holds it, and a note where that is not all."""
    longest = table.columns[column].max_length if column in table.columns else None
    length = text_length(text)
    if longest is None or length <= longest:
        return text, ""
    kept = text.encode("utf-16-le")[: 2 * longest].decode("utf-16-le", "ignore").rstrip()
    return kept, f"the {column} was cut from {length:,} to {longest:,} characters"


def _due(table: Table, text: str, *, at: str) -> str:
    """When the task is due, as the column takes it; `at` is the moment from which days are counted."""
    wanted = text.strip()
    try:
        if wanted.startswith("+"):
            moment = datetime.fromisoformat(at) + timedelta(days=_days(wanted.removeprefix("+")))
        elif len(wanted) == len("2026-03-31"):
            moment = datetime.fromisoformat(f"{date.fromisoformat(wanted).isoformat()}{_NOON}")
        else:
            moment = datetime.fromisoformat(wanted)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if not EARLIEST <= moment <= LATEST:
            raise ValueError(text)
    except (ValueError, OverflowError):
        raise BadArguments(
            f"{wanted!r} is no due date.",
            advice="Give a date such as 2026-03-31, a time such as 2026-03-31T09:00:00Z, or days from now such as +10; "
            "Dynamics takes none before 1753.",
        ) from None
    column = table.columns.get("scheduledend")
    is_day = column is not None and column.type is ColumnType.DATE
    return moment.date().isoformat() if is_day else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _days(text: str) -> int:
    number = text.strip().removesuffix("days").removesuffix("day").strip()
    if not number.isdecimal() or int(number) > _LONGEST:
        raise ValueError(text)
    return int(number)


def _option(table: Table, name: str, text: str) -> Option:
    """The option that a label or a code names; a label that several have names none (D3)."""
    column = table.columns.get(name, Column(name=name, type=ColumnType.CHOICE))
    wanted = text.strip().lower()
    found = [each for each in column.options if each.label.strip().lower() == wanted]
    found = found if len(found) == 1 else [each for each in column.options if str(each.value) == wanted]
    if not found:
        offered = ", ".join(f"{each.label} ({each.value})" for each in column.options)
        raise BadArguments(f"{text!r} is no {column.label or name} of a task.", advice=f"Give one of: {offered}.")
    return found[0]


# Making it ----------------------------------------------------------------------------------------------------------


def _create(request: Request, task: _Task) -> None:
    asked, context = request.asked(arguments.CreateTask), request.context
    mirrors = context.marketing.mirrors
    owner = find_owner(mirrors, asked.owner) if asked.owner is not None else None
    link = record_of(request, asked.made_as)
    owner = owner or owner_of(mirrors, person_here(context.marketing, request.person_id))
    task_id = request.details().get(TASK) or new_record_id()
    with context.database.transaction():
        request.note(task=task_id)
    bound = {"regardingobjectid": (link.entity.value, link.crm_id), "ownerid": owner}
    values = {**task.values, **{name: value for name, value in bound.items() if value is not None}}
    _make(request, link, RowWrite(table=task.decoder.table, id=task_id, values=values, version=None), task.decoder)
    if task.closing is not None:
        _close(request, task_id, task)
    with context.database.transaction():
        request.finish("; ".join(("task created", *task.notes)), task=task_id, regarding=link.crm_id)


def _make(request: Request, link: Link, write: RowWrite, decoder: RowDecoder) -> None:
    for _ in range(_TRIES):
        try:
            request.context.dynamics.write_task(write, decoder)
        except (NotAnswered, Unavailable):
            continue
        except DuplicateKey:
            pass  # An earlier try arrived: nobody else knows the id.
        except RowNotFound:
            read_record(request, link)  # It is there: so the owner is gone.
            raise
        return
    raise NotYet("Dynamics did not answer.")


def _close(request: Request, task_id: str, task: _Task) -> None:
    """Give the task the state that none can be made with (reference 8.8)."""
    dynamics, wanted = request.context.dynamics, dict(task.closing or {})
    for _ in range(_TRIES):
        rows, _missing = dynamics.fetch(task.decoder.table, [task_id], task.decoder)
        if not rows:
            raise TaskGone(f"Task {task_id} was deleted before it was closed.")
        if wanted == {name: getattr(rows[0], name) for name in wanted}:
            return
        write = RowWrite(table=task.decoder.table, id=task_id, values=wanted, version=rows[0].versionnumber)
        try:
            dynamics.write_task(write, task.decoder)
        except (NotAnswered, Unavailable, VersionMismatch, RowNotFound):
            continue
        return
    raise NotYet(f"Task {task_id} is made, but Dynamics did not take its status.")
