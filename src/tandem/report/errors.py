"""Sync errors as people meet them: one entry per cause, with what to do (rule N4).

A lost privilege on a table of a million rows is one thing to repair, not a million lines to read.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from tandem.actions.arguments import Action
from tandem.dynamics.errors import RecordInactive
from tandem.model.errors import NeedsPerson
from tandem.rules.brakes import Brakes
from tandem.runtime.subscription import Subscription
from tandem.state.queues import Lane
from tandem.sync.pushing.balance import Balance


class NoSuchError(NeedsPerson):
    """An error was named that is not kept."""

    code = "no-such-error"
    advice = "`tandem errors` lists the errors with their ids."


class FileUnwritable(NeedsPerson):
    """A report cannot be written to its file."""

    code = "file-unwritable"
    advice = "Name a file in a folder that exists and may be written."


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncError:
    """One failure that is kept. `crm_id` and `person_id` are None where a whole table failed."""

    id: int
    cause: str
    entity: str
    crm_id: str | None
    person_id: int | None
    operation: str
    direction: str
    level: str
    code: str
    field: str | None
    message: str
    advice: str
    state: str
    times: int
    first_at: str
    last_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """All errors of one cause that are not healed, newest first; `message` and `advice` are the newest one's.

    `heals_when` says when it is tried again by itself. `counted`: what only waits for a record to be reactivated is no
    failure to be told of (P17).
    """

    cause: str
    entity: str
    operation: str
    code: str
    field: str | None
    message: str
    advice: str
    times: int
    first_at: str
    last_at: str
    heals_when: str
    counted: bool
    errors: list[SyncError]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFilter:
    """Which errors are meant; what is None narrows nothing.

    `text` is searched for in all that an error says, ignoring case. `since` and `until`, as times are stored: the error
    was met between them, both included.
    """

    entities: frozenset[str] | None = None
    operation: str | None = None
    direction: str | None = None
    level: str | None = None
    code: str | None = None
    text: str | None = None
    since: str | None = None
    until: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) is not None for each in fields(self))

    def means(self, error: SyncError) -> bool:
        """Is this one of them?"""
        return (
            (self.entities is None or error.entity in self.entities)
            and all(
                getattr(self, name) in (None, getattr(error, name))
                for name in ("operation", "direction", "level", "code")
            )
            and (self.text is None or self.text.lower() in _said(error))
            and (self.since is None or error.last_at >= self.since)
            and (self.until is None or error.first_at <= self.until)
        )


_EVERY = ErrorFilter()
_ACTIONS = frozenset(each.value for each in Action)


def read_errors(subscription: Subscription, wanted: ErrorFilter = _EVERY) -> list[SyncError]:
    """The errors kept that are meant, newest first, healed ones included."""
    errors = (SyncError(**row) for row in subscription.state.journal.errors())
    return [each for each in errors if wanted.means(each)]


def by_cause(errors: Iterable[SyncError]) -> list[Cause]:
    """The errors that are not healed, by cause, the cause met last first."""
    known = sorted((each for each in errors if each.state != "healed"), key=attrgetter("cause"))
    groups = [list(group) for _, group in groupby(known, key=attrgetter("cause"))]
    return sorted((_cause(group) for group in groups), key=attrgetter("last_at"), reverse=True)


def write_csv(errors: Iterable[SyncError], path: Path) -> int:
    """Write errors to a CSV file, one a row, and return how many. Raises FileUnwritable."""
    names = [name for name in SyncError.__slots__ if name != "cause"]
    rows = [[getattr(each, name) for name in names] for each in errors]
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *rows])
    except OSError as problem:
        raise FileUnwritable(f"{path} cannot be written: {problem.strerror}.", file=str(path)) from None
    return len(rows)


def heals_when(error: SyncError) -> str:
    """When an error heals without anybody's asking, as the end of a sentence."""
    if error.direction == "pull":
        return "the table can be read"
    if _is_of_action(error):
        return "the action is done: by the next cycle where it waits, else when it is asked for again under another id"
    if error.code == RecordInactive.code:
        return "the record is reactivated in Dynamics"
    return "the person is edited, its record changes in Dynamics, or the fields do"


def retry(subscription: Subscription, error_id: int | None, wanted: ErrorFilter = _EVERY) -> int:
    """Count an error, or all that are meant (None), as open again: the next cycle tries; how many it tries.

    An action that was refused is not among them: it was carried out for nobody, and its request never acts again.
    Raises NoSuchError.
    """
    chosen = _chosen(subscription, error_id, wanted)
    tried = [each for each in chosen if not _is_of_action(each)]
    people = [each.person_id for each in tried if each.direction == "push" and each.person_id is not None]
    with subscription.database.transaction():
        subscription.state.journal.set_error_states([each.id for each in chosen], "open")
        subscription.state.nominations.add(people, Lane.RETRY, at=subscription.now())
        Balance(subscription.state, Brakes(), subscription.now).changed(len(set(people)))
    return len(tried)


def ignore(subscription: Subscription, error_id: int | None, wanted: ErrorFilter = _EVERY) -> int:
    """Do not count an error, or all that are meant (None), any more, however often they come again; how many these are.

    Raises NoSuchError.
    """
    chosen = _chosen(subscription, error_id, wanted)
    with subscription.database.transaction():
        subscription.state.journal.set_error_states([each.id for each in chosen], "ignored")
    return len(chosen)


def _chosen(subscription: Subscription, error_id: int | None, wanted: ErrorFilter) -> list[SyncError]:
    """One error, or all that are meant, but for those that healed. Raises NoSuchError."""
    kept = [each for each in read_errors(subscription, wanted) if each.state != "healed"]
    chosen = [each for each in kept if error_id in (None, each.id)]
    if error_id is not None and not chosen:
        raise NoSuchError(f"There is no error {error_id}.", error=error_id)
    return chosen


def _cause(errors: list[SyncError]) -> Cause:
    newest: dict[str, Any] = {
        name: getattr(errors[0], name)
        for name in ("cause", "entity", "operation", "code", "field", "message", "advice", "last_at")
    }
    return Cause(
        **newest,
        times=sum(each.times for each in errors),
        first_at=min(each.first_at for each in errors),
        heals_when=heals_when(errors[0]),
        counted=errors[0].code != RecordInactive.code,
        errors=errors,
    )


def _is_of_action(error: SyncError) -> bool:
    """Did an action meet it, which somebody asked for once, and not the sync, which sends what differs again?"""
    return error.operation in _ACTIONS


def _said(error: SyncError) -> str:
    """All that an error says, in lower case, to be searched."""
    words = (error.entity, error.crm_id, error.person_id, error.code, error.field, error.message, error.advice)
    return "\n".join(str(each) for each in words if each is not None).lower()
