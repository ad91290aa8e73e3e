"""Why a person differs from its record in a field (rule R1).

Two sides that differ are either on their way to agree, or somebody should know why they are not. Whoever asks gets the
one reason that stands in the way first, from nothing but stored facts: the answer must come while Dynamics is away.

    the record | the field                    | the person          | outcome
    -----------+------------------------------+---------------------+--------------------------------------------------
    parked     | -                            | -                   | PARKED   nothing moves until the filter says Yes
    live       | waits for a decision         | -                   | HELD     its hold tells how to decide
    live       | cannot be read any more      | -                   | BROKEN   its column is gone, changed, hidden
    live       | goes another way by choice   | -                   | CHOSEN   blocked, pull-only, read-only
    live       | cannot fit its column        | -                   | REFUSED  before it is sent
    live       | -                            | is deleted there    | LEFT     its deletion is held, or was refused
    live       | -                            | its table is held   | HELD     too much was written (R6)
    live       | -                            | is to be looked at  | WAITING  edited, nominated, or being written
    live       | was refused                  | -                   | REFUSED  the stored error of the field
    live       | -                            | was refused         | REFUSED  the stored error of the whole record
    live       | -                            | -                   | LEFT     a hold on its table was cancelled

The first row that fits counts. What fits its column is told from what is stored of it; limits of numbers and required
columns are known to Dynamics only, so a value beyond those waits until it was refused once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from tandem.mapping.values import same
from tandem.rules.presence import LinkState
from tandem.rules.sending import Difference, Sending, decide_sending
from tandem.rules.units import Unit


class Reason(StrEnum):
    """What stands between the two values."""

    WAITING = "waiting"
    REFUSED = "refused"
    HELD = "held"
    BROKEN = "broken"
    CHOSEN = "chosen"
    PARKED = "parked"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """A reason in words; `hold_id` of the hold that keeps the field, `code` of the refusal."""

    reason: Reason
    text: str
    hold_id: int | None = None
    code: str | None = None


class Refusal(NamedTuple):
    """An error on the way to Dynamics that is not healed, of one field or, without `field`, of the whole record."""

    field: str | None
    code: str
    message: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is stored about one person's way to Dynamics.

    `held`: the holds of its fields by API name; `broken`: why fields of its table cannot be read any more, by API name;
    `deleted`: its record was deleted in Dynamics, and that is not carried out here; `table_hold`: the hold that keeps
    back every write of its table; `waits`: it is to be looked at, or something of it is being written.
    """

    state: LinkState
    held: Mapping[str, int] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    deleted: bool = False
    table_hold: int | None = None
    waits: bool = False
    errors: Sequence[Refusal] = ()


_CHOSEN = {
    Difference.BLOCKED: "the field was blocked by choice",
    Difference.FROM: "the field goes from Dynamics to marketing only",
    Difference.READ_ONLY: "Dynamics takes no value for this field",
}
_PARKED = Why(reason=Reason.PARKED, text="the sync filter excludes the record; nothing moves until it says Yes")
_WAITING = Why(reason=Reason.WAITING, text="it is sent in the next cycle")
_DELETED = Why(
    reason=Reason.LEFT,
    text="its record was deleted in Dynamics, and a hold keeps that from happening here: restore the record to send it",
)
_LEFT = Why(reason=Reason.LEFT, text="it is not sent since a hold was cancelled; any edit of the person sends it")


def reasons(
    units: Sequence[Unit], *, person: Mapping[str, Any], base: Mapping[str, Any], facts: Facts
) -> dict[str, Why]:
    """The reason of each selected field in which `person` differs from `base`, by API name."""
    sending = decide_sending(units, person=person, base=base, frozen=facts.held)
    found = dict[str, Why]()
    for unit in units:
        names = [each.api_name for each in unit.fields]
        for each in unit.fields:
            name = each.api_name
            if name in base and not same(each, person.get(name), base[name]):
                found[name] = _reason(name, names, sending, facts)
    return found


def _reason(name: str, unit: Sequence[str], sending: Sending, facts: Facts) -> Why:
    """The reason of one field; state and status reason are kept back by each other's holds and problems."""
    difference, goes = sending.differs.get(name), name in sending.sent
    if facts.state is LinkState.PARKED:
        return _PARKED
    if difference is Difference.FROZEN:
        return _held(next(facts.held[each] for each in (name, *unit) if each in facts.held))
    if name in facts.broken:
        return Why(reason=Reason.BROKEN, text=f"{facts.broken[name]}; it moves again when that is mended")
    if difference is not None:
        return Why(reason=Reason.CHOSEN, text=_CHOSEN[difference])
    if not goes:
        problem = min((each for each in sending.problems if each.field in unit), key=lambda each: each.field != name)
        return Why(reason=Reason.REFUSED, text=f"{problem.message} {problem.advice}", code=problem.code)
    if facts.deleted:
        return _DELETED
    if facts.table_hold is not None:
        return _held(facts.table_hold)
    if facts.waits:
        return _WAITING
    return _refused(name, facts.errors) or _LEFT


def _held(hold: int) -> Why:
    return Why(reason=Reason.HELD, text=f"it waits for a decision: tandem holds, hold {hold}", hold_id=hold)


def _refused(name: str, errors: Sequence[Refusal]) -> Why | None:
    """The error of the field, else that of the whole record."""
    known = [each for each in errors if each.field in (name, None)]
    error = min(known, key=lambda each: each.field is None, default=None)
    if error is None:
        return None
    return Why(reason=Reason.REFUSED, text=f"{error.message} {error.advice}", code=error.code)
