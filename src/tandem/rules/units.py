"""Which fields are decided as one, and how (rules P4, P15).

Fields that say one thing together must not be decided apart: the street of one side with the city of the other is an
address nobody has, and an amount without its currency is another amount. Nor has every collision a loser: of two sets
of choices both sides' changes can be kept, a score can count both, and of two answers about consent the stricter one
is the safe one.

    the fields                | chosen                    | decided  | outcome
    --------------------------+---------------------------+----------+------------------------------------------------
    state and status reason   | -                         | together | SCALAR       one side's pair
    amounts and currency      | -                         | together | SCALAR       where the currency is selected
    an address                | the setting address_block | together | SCALAR       lines, city, state, country, code
    any other                 | marketing, dynamics, hold | alone    | SCALAR       the choice beats the kind
    a number, but an amount   | add                       | alone    | COUNTER
    several choices           | -                         | alone    | SET
    a consent                 | the setting consent_wins  | alone    | RESTRICTIVE  true means opted out
    a lookup                  | -                         | alone    | REFERENCE    an id, decided like a scalar
    any other                 | -                         | alone    | SCALAR

The first row that fits counts. What was chosen for one member holds for the whole unit; of several choices the most
careful one: hold, then dynamics, then marketing.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tandem.mapping.fields import COUNTED, CURRENCY, Field, Policy
from tandem.model.schema import ColumnType

CONSENT = frozenset({"donotphone", "donotbulkemail", "donotemail", "donotfax", "donotsendmm"})
"""The columns of P15; true is an opt-out (reference 8.1)."""

_ADDRESS = re.compile(
    r"(address[123])_(?:line[123]|city|county|stateorprovince|country|postalcode|postofficebox)", re.ASCII
)
_PAIR = (ColumnType.STATE, ColumnType.STATUS)
_MOST_CAREFUL_FIRST = (Policy.HOLD, Policy.DYNAMICS, Policy.MARKETING)


class Kind(StrEnum):
    """How the two sides' changes of a unit become one."""

    SCALAR = "scalar"  # one side's value stays
    SET = "set"  # what either side added or removed is added and removed
    COUNTER = "counter"  # what either side added is added up
    RESTRICTIVE = "restrictive"  # an opt-out stays
    REFERENCE = "reference"  # one side's record stays


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Fields that are decided as one; `policy` is what was chosen to settle a collision instead of P4's winner."""

    fields: tuple[Field, ...]
    kind: Kind = Kind.SCALAR
    policy: Policy | None = None
    names: frozenset[str] = field(init=False, repr=False, compare=False)
    """The API names of the fields."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset(each.api_name for each in self.fields))


def units_of(fields: Iterable[Field], *, address_block: bool, consent: bool) -> tuple[Unit, ...]:
    """The units of one table's selected fields; each field is in exactly one."""
    fields = tuple(fields)
    has_currency = any(each.column == CURRENCY for each in fields)
    groups: dict[str, list[Field]] = {}
    for each in fields:
        name = _group(each, address_block=address_block, has_currency=has_currency)
        groups.setdefault(name, []).append(each)
    return tuple(_unit(group, consent=consent) for group in groups.values())


def split_units(units: Iterable[Unit], names: Collection[str]) -> tuple[list[Unit], list[Unit]]:
    """The units of the fields with these API names, and those of the others; a unit may have members in both."""
    parts: tuple[list[Unit], list[Unit]] = [], []
    for unit in units:
        for part, named in zip(parts, (True, False), strict=True):
            fields = tuple(each for each in unit.fields if (each.api_name in names) is named)
            if fields:
                part.append(replace(unit, fields=fields))
    return parts


def _group(field: Field, *, address_block: bool, has_currency: bool) -> str:
    """The name of the unit a field belongs to: its column's where it stands alone."""
    if field.type in _PAIR:
        return "statecode"
    if has_currency and field.type is ColumnType.MONEY:
        return CURRENCY
    address = _ADDRESS.fullmatch(field.column) if address_block else None
    return address[1] if address else field.column


def _unit(fields: Sequence[Field], *, consent: bool) -> Unit:
    chosen = {field.policy for field in fields}
    policy = next((each for each in _MOST_CAREFUL_FIRST if each in chosen), None)
    kind = Kind.SCALAR if policy or len(fields) > 1 else _kind(fields[0], consent=consent)
    return Unit(fields=tuple(fields), kind=kind, policy=policy)


def _kind(field: Field, *, consent: bool) -> Kind:
    if field.policy is Policy.ADD and field.type in COUNTED:
        return Kind.COUNTER
    if field.type is ColumnType.CHOICES:
        return Kind.SET
    if consent and field.column in CONSENT:
        return Kind.RESTRICTIVE
    return Kind.REFERENCE if field.type is ColumnType.LOOKUP else Kind.SCALAR
