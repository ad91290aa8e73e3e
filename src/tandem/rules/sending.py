"""What of a person's values goes to Dynamics, and what does not and why (rules P4, P5, P7, D1, D3, R1).

Dynamics counts every column of a write as changed and refuses the whole write for one value that does not fit. So only
fields in which the person differs from what Dynamics holds are sent, and each is looked at alone: what may not go is a
difference by rule, what cannot go is a problem of that field, and everything else goes.

    the field               | its value               | outcome
    ------------------------+-------------------------+---------------------------------------------------------
    frozen                  | -                       | FROZEN          a person must settle it first
    blocked                 | -                       | BLOCKED         the difference was chosen (P4)
    pull-only               | -                       | FROM            the difference was chosen (P4)
    read-only in Dynamics   | -                       | READ_ONLY       the currency too (D1, D3)
    required                | empty                   | REQUIRED        the API lets ApplicationRequired pass (P7)
    any other               | empty                   | SEND            emptying a field is an edit
    any                     | too long, no option ... | MISFIT          with a code of its own
    any                     | fits                    | SEND            numbers at the column's decimals
    state or status reason  | Qualified, on a lead    | QUALIFIED       that takes QualifyLead
    state or status reason  | no valid pair           | STATE_PAIR
    state or status reason  | a valid pair            | SEND            both are written

The first row that fits counts; for state and status reason the last three come after the first four. A record that is
made knows no base: every value is sent.

    the field               | its value               | outcome
    ------------------------+-------------------------+---------------------------------------------------------
    state or status reason  | -                       | NOTHING         a record is made in its first state
    required, may be sent   | empty                   | REQUIRED        the record is not made
    required, is never sent | -                       | REQUIRED        the record is not made
    required                | too long, no option ... | MISFIT          the record is not made
    any other, is not sent  | -                       | NOTHING
    any other               | empty                   | NOTHING
    any other               | too long, no option ... | MISFIT          the others are sent
    any other               | fits                    | SEND
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from tandem.mapping.checks import MisfitCode, misfit
from tandem.mapping.fields import Direction, Field
from tandem.mapping.values import at_scale, same
from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType, Required
from tandem.rules.qualify import QUALIFIED
from tandem.rules.units import Unit

_REQUIRED = (Required.APPLICATION, Required.SYSTEM)
_STATE_COLUMN, _STATUS_COLUMN = "statecode", "statuscode"


class Difference(StrEnum):
    """Why the two sides may differ in a field (R1)."""

    FROZEN = "frozen"
    BLOCKED = "blocked"
    FROM = "from"
    READ_ONLY = "read-only"


class ProblemCode(StrEnum):
    """Why a field cannot be sent, besides a value that does not fit."""

    REQUIRED = "required-empty"
    QUALIFIED = "qualified-state"
    STATE_PAIR = "state-pair"


_ADVICE: dict[str, str] = {
    MisfitCode.WRONG_TYPE: "Correct the value in marketing.",
    MisfitCode.TOO_LONG: "Shorten the value in marketing, or lengthen the column in Dynamics.",
    MisfitCode.CONTROL_CHARACTERS: "Type the value again in marketing, without what was pasted along.",
    MisfitCode.OUT_OF_RANGE: "Correct the value in marketing, or widen the column's limits in Dynamics.",
    MisfitCode.UNKNOWN_OPTION: "Choose another option in marketing, or add this one in Dynamics.",
    MisfitCode.BAD_DATE: "Correct the date in marketing.",
    ProblemCode.REQUIRED: "Give it a value in marketing, or make the column optional in Dynamics.",
    ProblemCode.QUALIFIED: "Sync the person to Microsoft as a contact: that qualifies the lead.",
    ProblemCode.STATE_PAIR: "Set state and status reason to values that belong together.",
}
_NO_PAIR = (ProblemCode.STATE_PAIR, "does not belong to the other of state and status reason.")


class FieldProblem(NamedTuple):
    """Why one field cannot be sent. `field` is its API name, or the column where nobody selected one."""

    field: str
    code: str
    message: str
    advice: str


@dataclass(slots=True, kw_only=True)
class Sending:
    """One person's write. `values` are stored values by column, None clears; `sent` are the same by API name.

    `problems` are fields that cannot go, `differs` those that may not, by API name. `missing` are required columns
    that a new record would lack: it must not be made.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)
    problems: list[FieldProblem] = field(default_factory=list)
    differs: dict[str, Difference] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def send(self, each: Field, value: Any) -> None:
        """The field goes, if its value fits."""
        value = at_scale(each, value) if value != "" else None
        found = misfit(each, value)
        if found is None:
            self.values[each.column] = self.sent[each.api_name] = value
        else:
            self.refuse(each.api_name, found.code, found.message)

    def refuse(self, name: str, code: str, message: str) -> None:
        """The field cannot go."""
        self.problems.append(FieldProblem(name, code, f"{name} {message}", _ADVICE[code]))


def decide_sending(
    units: Iterable[Unit], *, person: Mapping[str, Any], base: Mapping[str, Any], frozen: Collection[str] = frozenset()
) -> Sending:
    """What goes to a record that holds `base` where it differs from `person` (both by API name).

    `frozen`: API names that wait for a person.
    """
    sending = Sending()
    for unit in units:
        if unit.names.isdisjoint(base):
            continue
        edited = [
            each
            for each in unit.fields
            if (name := each.api_name) in base and not same(each, person.get(name), base[name])
        ]
        allowed = []
        for each in edited:
            difference = _difference(each, frozen)
            if difference is None:
                allowed.append(each)
            else:
                sending.differs[each.api_name] = difference
        if allowed and _is_pair(allowed[0]):
            _send_pair(sending, unit, allowed, person, frozen)
        else:
            for each in allowed:
                _send_edit(sending, each, person.get(each.api_name))
    return sending


def decide_creation(units: Iterable[Unit], *, person: Mapping[str, Any], required: Iterable[Column] = ()) -> Sending:
    """What a record is made of; `required` are the columns that must not be empty, selected or not."""
    sending = Sending()
    fields = [each for unit in units for each in unit.fields if not _is_pair(each)]
    for each in fields:
        value = person.get(each.api_name)
        if each.pushed and value not in (None, ""):
            sending.send(each, value)
    names = {each.column: each.api_name for each in fields}
    refused = {problem.field for problem in sending.problems}
    for column in required:
        if column.name not in sending.values:
            name = names.get(column.name, column.name)
            sending.missing.append(name)
            if name not in refused:
                sending.refuse(name, ProblemCode.REQUIRED, "is required in Dynamics and would be empty.")
    return sending


def _is_pair(each: Field) -> bool:
    return each.type in (ColumnType.STATE, ColumnType.STATUS)


def _difference(each: Field, frozen: Collection[str]) -> Difference | None:
    if each.api_name in frozen:
        return Difference.FROZEN
    if each.direction is Direction.BLOCKED:
        return Difference.BLOCKED
    if each.direction is Direction.FROM:
        return Difference.FROM
    return None if each.writable else Difference.READ_ONLY


def _send_edit(sending: Sending, each: Field, value: Any) -> None:
    if each.required in _REQUIRED and value in (None, ""):
        sending.refuse(each.api_name, ProblemCode.REQUIRED, "is required in Dynamics and cannot be emptied.")
    else:
        sending.send(each, value)


def _send_pair(
    sending: Sending, unit: Unit, edited: Sequence[Field], person: Mapping[str, Any], frozen: Collection[str]
) -> None:
    """State and status reason together: one without the other picks a default or is refused (reference 5.7)."""
    if any(each.api_name in frozen for each in unit.fields):
        sending.differs |= {each.api_name: Difference.FROZEN for each in edited}
        return
    trial = Sending()
    for each in unit.fields:
        if each.pushed:
            trial.send(each, person.get(each.api_name))
    wrong = _NO_PAIR if trial.problems else _complete(unit, trial.values)
    if wrong is None:
        sending.values |= trial.values
        sending.sent |= trial.sent
        return
    sending.problems += trial.problems
    misfits = {problem.field for problem in trial.problems}
    for each in edited:
        if each.api_name not in misfits:
            sending.refuse(each.api_name, *wrong)


def _complete(unit: Unit, values: dict[str, Any]) -> tuple[ProblemCode, str] | None:
    """Put the state beside a status reason that goes alone; what is wrong with the pair, if anything is."""
    reasons = [option for each in unit.fields if each.type is ColumnType.STATUS for option in each.options]
    implied = next((option.state for option in reasons if option.value == values.get(_STATUS_COLUMN)), None)
    state = values.setdefault(_STATE_COLUMN, implied)
    if None in values.values() or implied not in (None, state):
        return _NO_PAIR
    if unit.fields[0].entity is Entity.LEAD and state == QUALIFIED:
        return ProblemCode.QUALIFIED, "says Qualified, which no write can make of a lead."
    return None
