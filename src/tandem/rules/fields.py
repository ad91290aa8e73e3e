"""Folds one pulled row into a person, unit by unit (rules P3, P4, P11, P15, P19).

Three facts per field: what both sides last agreed on (the base), what the person holds, what the row says. A pull that
wrote whole rows would wipe edits that have not been sent yet; so only what left the base in Dynamics is looked at, and
where marketing edited it too, one rule settles it and nothing is lost: the loser is journalled. A unit is one field or
several that decide as one; it is "changed" or "edited" where any member is, and "equal now" where all are.

    kind    | Dynamics       | marketing      | equal now | settled by | outcome
    --------+----------------+----------------+-----------+------------+-----------------------------------------------
    any     | as agreed      | as agreed      | -         | -          | NOTHING
    any     | as agreed      | edited         | -         | -          | KEEP       the edit waits to be sent
    any     | changed        | edited         | yes       | -          | AGREE      the base closes
    consent | opt-out lifted | as agreed      | no        | -          | HOLD       it is lifted by a person only (P15)
    any     | changed        | as agreed      | no        | -          | TAKE       the person takes Dynamics' value
    consent | opted out      | edited         | no        | -          | OVERWRITE  the opt-out wins (P15)
    consent | changed        | opted out      | no        | -          | INSIST     the opt-out waits to be sent (P15)
    any     | changed        | edited         | no        | direction  | OVERWRITE  what is never sent cannot win
    set     | changed        | edited         | no        | kind       | MERGE      what each added and removed
    counter | changed        | edited         | no        | kind       | MERGE      what each added
    scalar  | changed        | edited         | no        | Dynamics   | OVERWRITE  a collision on a contact (P4)
    scalar  | changed        | edited         | no        | marketing  | INSIST     on a lead (P4): it waits to be sent
    scalar  | changed        | edited         | no        | hold       | HOLD       chosen to be asked (P4)

The first row that fits counts; a reference is decided like a scalar. "Settled by" Dynamics or marketing: the choice for
the field, else P4's winner. The base holds only the fields where the person differs from what was agreed; a field not
in it was agreed as the person holds it. Where nothing was ever agreed (P19), both sides began empty, and neither sets
nor counters can be merged:

    Dynamics | marketing | equal now | settled by | outcome
    ---------+-----------+-----------+------------+--------------------------------------------------------------------
    -        | -         | yes       | -          | NOTHING
    value    | empty     | no        | -          | TAKE       the person takes Dynamics' value
    empty    | value     | no        | -          | KEEP       the person keeps its value, which waits to be sent
    value    | value     | no        | Dynamics   | OVERWRITE  a collision: a new field, a quick sync
    value    | value     | no        | marketing  | INSIST     a collision: a lead linked by its e-mail (P1)
    value    | value     | no        | hold       | HOLD       chosen to be asked (P4)

Two things come before both tables: a row that answers our own write, and a field that waits for a person.

    the field | Dynamics                | the person     | outcome
    ----------+-------------------------+----------------+----------------------------------------------------------
    frozen    | other than the person   | -              | FOLLOW   the base says what Dynamics holds; nothing moves
    frozen    | as the person           | -              | FREE     they agree, so there is nothing left to settle
    sent      | as the person           | -              | AGREE    the base closes
    sent      | as it was sent          | edited again   | KEEP     the later edit waits to be sent
    sent      | as before the write     | edited again   | KEEP     the later edit waits to be sent
    sent      | neither before nor sent | edited again   | INSIST   the same, and what Dynamics made of it is journalled
    sent      | as before the write     | as it was sent | HOLD     Dynamics undid it: it is not fought
    sent      | an opt-out ignored      | as it was sent | HOLD     it is lifted by a person only (P15)
    sent      | neither before nor sent | as it was sent | TAKE     Dynamics rewrote it: accepted once, no collision
    sent      | not read                | edited again   | KEEP     the later edit waits to be sent
    sent      | not read                | as it was sent | AGREE    a field that only goes to Dynamics
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from tandem.mapping.fields import Field, Policy
from tandem.mapping.values import same
from tandem.rules.brakes import HoldKind
from tandem.rules.units import Kind, Unit

_NOTHING_SENT: Mapping[str, Any] = MappingProxyType({})
_MERGED = (Kind.SET, Kind.COUNTER)


class Winner(StrEnum):
    """Who wins a collision; nobody while a person is asked."""

    MARKETING = "marketing"
    CRM = "crm"
    NOBODY = "nobody"


_CHOSEN = {Policy.MARKETING: Winner.MARKETING, Policy.DYNAMICS: Winner.CRM, Policy.HOLD: Winner.NOBODY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """A field both sides changed; the loser's value goes to the journal."""

    field: str
    base: Any
    marketing: Any
    crm: Any
    winner: Winner
    rule: str


class Held(NamedTuple):
    """A field that moves neither way from now on, until a person settles it."""

    field: str
    why: HoldKind


@dataclass(slots=True, kw_only=True)
class Folded:
    """What became of one row. `changes` holds (API name, old, new) of the values the person takes.

    `held` are fields that a person must settle from now on, `freed` frozen fields that settled themselves.
    """

    values: dict[str, Any]
    base: dict[str, Any]
    changes: list[tuple[str, Any, Any]] = field(default_factory=list)
    collisions: list[Collision] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)

    @property
    def told(self) -> bool:
        """Is there anything to write besides the base?"""
        return bool(self.changes or self.collisions or self.held or self.freed)

    def followed_by(self, other: "Folded") -> "Folded":
        """Both folds as one, where `other` went on with the values of this one and other fields."""
        return Folded(
            values=other.values,
            base={**self.base, **other.base},
            changes=self.changes + other.changes,
            collisions=self.collisions + other.collisions,
            held=self.held + other.held,
            freed=self.freed + other.freed,
        )

    def put_back(self, name: str) -> bool:
        """The person keeps a field that was emptied until somebody decides; False where it was not emptied."""
        emptied = next((each for each in self.changes if each[0] == name and each[2] is None), None)
        if emptied is None:
            return False
        self.changes.remove(emptied)
        self.values[name], self.base[name] = emptied[1], None
        return True

    def take(self, name: str, new: Any) -> None:
        """The person takes Dynamics' value, and the two agree."""
        self._set(name, new)
        self.base.pop(name, None)

    def keep_what_is_lost(self, rule: str, *, of: Collection[str] | None = None) -> None:
        """Whatever value the person loses, or loses `of` these fields, goes to the journal, its own edit or not."""
        told = {each.field for each in self.collisions}
        self.collisions += [
            Collision(field=name, base=old, marketing=old, crm=new, winner=Winner.CRM, rule=rule)
            for name, old, new in self.changes
            if old not in (None, "") and name not in told and (of is None or name in of)
        ]

    def leave(self, each: Field, crm: Any) -> None:
        """The person keeps its value; the base says what Dynamics holds, where that is something else."""
        if same(each, crm, self.values.get(each.api_name)):
            self.base.pop(each.api_name, None)
        else:
            self.base[each.api_name] = crm

    def merge(self, each: Field, merged: Any, crm: Any) -> None:
        """The person takes what was made of both values; Dynamics may still have to."""
        if not same(each, merged, self.values.get(each.api_name)):
            self._set(each.api_name, merged)
        self.leave(each, crm)

    def hold(self, each: Field, crm: Any, why: HoldKind) -> None:
        """The person keeps its value, and a person must say what becomes of it."""
        self.leave(each, crm)
        self.held.append(Held(each.api_name, why))

    def _set(self, name: str, new: Any) -> None:
        self.changes.append((name, self.values.get(name), new))
        if new is None:
            self.values.pop(name, None)
        else:
            self.values[name] = new


class _Member(NamedTuple):
    """The facts about one field of a unit that Dynamics changed."""

    field: Field
    agreed: Any
    held: Any
    crm: Any
    edited: bool
    moved: bool
    differs: bool


def fold_row(
    units: Iterable[Unit],
    *,
    row: Mapping[str, Any],
    person: Mapping[str, Any],
    base: Mapping[str, Any],
    winner: Winner,
    rule: str,
    sent: Mapping[str, Any] = _NOTHING_SENT,
    frozen: Collection[str] = frozenset(),
) -> Folded:
    """Fold `row` (pulled fields by API name) into `person`, given the agreed values that differ from it in `base`.

    `sent`: the values by API name of the write that this row answers; `frozen`: API names that wait for a person.
    """
    folded = Folded(values=dict(person), base=dict(base))
    agreed = {**person, **base}
    touched = {name for name, crm in row.items() if crm != agreed.get(name)}.union(sent, frozen)
    for unit in units:
        if touched.isdisjoint(unit.names):
            continue
        fields: Sequence[Field] = unit.fields
        if frozen:
            fields = _follow(folded, fields, row, frozen)
        if sent:
            fields = _answer(folded, unit.kind, fields, row, sent)
        if _moved(folded, fields, row):
            _decide(folded, unit, _members(folded, fields, row), winner=winner, rule=rule)
    return folded


def first_fold(
    units: Iterable[Unit],
    *,
    row: Mapping[str, Any],
    person: Mapping[str, Any],
    rule: str,
    winner: Winner = Winner.CRM,
    frozen: Collection[str] = frozenset(),
) -> Folded:
    """Fold `row` into a person it was never agreed with (P19): an empty side is filled, of two values `winner`'s stays.

    The base then tells what is still to be sent to Dynamics.
    """
    plain = unmerged(units)
    names = [each.api_name for unit in plain for each in unit.fields]
    began_empty = {name: None for name in names if name in row and person.get(name) not in (None, "")}
    return fold_row(plain, row=row, person=person, base=began_empty, winner=winner, rule=rule, frozen=frozen)


def unmerged(units: Iterable[Unit]) -> list[Unit]:
    """The units, none of them merged: without a past that is certain nobody knows what either side added."""
    return [replace(unit, kind=Kind.SCALAR) if unit.kind in _MERGED else unit for unit in units]


# What waits for a person, and what answers our own write --------------------------------------------------------------


def _follow(
    folded: Folded, fields: Sequence[Field], row: Mapping[str, Any], frozen: Collection[str]
) -> Sequence[Field]:
    """The base of the frozen fields follows Dynamics. They are freed together; the other fields are returned."""
    waiting = [each for each in fields if each.api_name in frozen and each.api_name in row]
    for each in waiting:
        folded.leave(each, row[each.api_name])
    if not any(each.api_name in folded.base for each in waiting):
        folded.freed += [each.api_name for each in waiting]
    return [each for each in fields if each.api_name not in frozen]


def _answer(
    folded: Folded, kind: Kind, fields: Sequence[Field], row: Mapping[str, Any], sent: Mapping[str, Any]
) -> Sequence[Field]:
    """What the row answers to the fields that were sent; the other fields are returned."""
    for each in fields:
        name = each.api_name
        if name not in sent:
            continue
        # A field that only goes to Dynamics is not read; it holds what it was sent.
        crm, held, before = row.get(name, sent[name]), folded.values.get(name), folded.base.get(name)
        if same(each, crm, held):
            folded.leave(each, crm)
        elif not same(each, held, sent[name]):
            if not same(each, crm, sent[name]) and not same(each, crm, before):
                lost = Collision(
                    field=name, base=sent[name], marketing=held, crm=crm, winner=Winner.MARKETING, rule="P5"
                )
                folded.collisions.append(lost)
            folded.leave(each, crm)
        elif same(each, crm, before):
            folded.hold(each, crm, HoldKind.UNDONE)
        elif kind is Kind.RESTRICTIVE and _opted_out(held):
            folded.hold(each, crm, HoldKind.CONSENT)
        else:
            folded.take(name, crm)
    return [each for each in fields if each.api_name not in sent]


# The tables -----------------------------------------------------------------------------------------------------------


def _agreed(folded: Folded, name: str) -> Any:
    return folded.base[name] if name in folded.base else folded.values.get(name)


def _moved(folded: Folded, fields: Iterable[Field], row: Mapping[str, Any]) -> bool:
    """Did Dynamics change any of these fields? Most were not, so this is the hot path of a pull."""
    for each in fields:
        name = each.api_name
        if name in row:
            crm, agreed = row[name], _agreed(folded, name)
            if crm != agreed and not same(each, crm, agreed):
                return True
    return False


def _members(folded: Folded, fields: Iterable[Field], row: Mapping[str, Any]) -> list[_Member]:
    members = []
    for each in fields:
        name = each.api_name
        if name in row:
            agreed, held, crm = _agreed(folded, name), folded.values.get(name), row[name]
            moved, differs = not same(each, crm, agreed), not same(each, crm, held)
            members.append(_Member(each, agreed, held, crm, name in folded.base, moved, differs))
    return members


def _decide(folded: Folded, unit: Unit, members: Sequence[_Member], *, winner: Winner, rule: str) -> None:
    """One unit that Dynamics changed."""
    differing = [each for each in members if each.differs]
    edited = any(each.edited for each in members)
    if not differing:
        # Sets and counters too: a row may be the late answer to our own write, which must not count twice.
        for each in members:
            folded.leave(each.field, each.crm)
    elif unit.kind is Kind.RESTRICTIVE and not edited and _opted_out(members[0].held):
        folded.hold(members[0].field, members[0].crm, HoldKind.CONSENT)
    elif not edited:
        for each in differing:
            folded.take(each.field.api_name, each.crm)
    elif unit.kind is Kind.RESTRICTIVE and any(_opted_out(each.held) or _opted_out(each.crm) for each in members):
        _settle(folded, members, Winner.MARKETING if _opted_out(members[0].held) else Winner.CRM, "P15")
    elif not all(each.field.pushed for each in differing):
        _settle(folded, members, Winner.CRM, rule)
    elif unit.kind in _MERGED:
        folded.merge(members[0].field, _merged(unit.kind, members[0]), members[0].crm)
    else:
        _settle(folded, members, _CHOSEN[unit.policy] if unit.policy else winner, rule)


def _settle(folded: Folded, members: Sequence[_Member], winner: Winner, rule: str) -> None:
    """Give the whole unit to the winner, and journal what the other side changed."""
    for each in members:
        lost = {Winner.CRM: each.edited, Winner.MARKETING: each.moved, Winner.NOBODY: True}[winner]
        if each.differs and lost:
            name, agreed, held, crm = each.field.api_name, each.agreed, each.held, each.crm
            folded.collisions.append(
                Collision(field=name, base=agreed, marketing=held, crm=crm, winner=winner, rule=rule)
            )
        if winner is Winner.NOBODY:
            folded.hold(each.field, each.crm, HoldKind.CONFLICT)
        elif winner is Winner.CRM and each.differs:
            folded.take(each.field.api_name, each.crm)
        else:
            # Observed, so this is the base now; marketing's value is still to be sent.
            folded.leave(each.field, each.crm)


# The kinds ------------------------------------------------------------------------------------------------------------


def _opted_out(value: Any) -> bool:
    return value is True


def _merged(kind: Kind, each: _Member) -> Any:
    """The base with both sides' changes."""
    if kind is Kind.COUNTER:
        return _number(each.crm) + _number(each.held) - _number(each.agreed)
    agreed, held, crm = _codes(each.agreed), _codes(each.held), _codes(each.crm)
    codes = (agreed & held & crm) | (held - agreed) | (crm - agreed)
    return ",".join(sorted(codes, key=lambda code: (len(code), code))) or None


def _number(value: Any) -> Any:
    return value if isinstance(value, int) else Decimal(str(value or 0))


def _codes(value: Any) -> frozenset[str]:
    return frozenset(code for part in str(value or "").split(",") if (code := part.strip()))
