"""Folds one pulled row into a person, field by field (rules P3, P4, P11, P19).

Three facts per field: what both sides last agreed on (the base), what the person holds, what the row says. A pull that
wrote whole rows would wipe edits that have not been sent yet; so only a field whose Dynamics value left the base is
written, and where marketing edited the same field the policy of P4 decides and the loser is journalled.

    Dynamics  | marketing | equal now | winner    | outcome
    ----------+-----------+-----------+-----------+-------------------------------------------------------------------
    as agreed | as agreed | -         | -         | NOTHING
    as agreed | edited    | -         | -         | KEEP       the edit stays, and waits to be sent
    changed   | as agreed | -         | -         | TAKE       the person takes Dynamics' value
    changed   | edited    | yes       | -         | AGREE      the base closes
    changed   | edited    | no        | Dynamics  | OVERWRITE  a collision on a contact (P4)
    changed   | edited    | no        | marketing | INSIST     a collision on a lead (P4): the edit waits to be sent

The base holds only the fields where the person differs from what was agreed; a field not in it was agreed as the
person holds it. Where nothing was ever agreed (P19) an empty side is filled from the other:

    Dynamics | marketing | equal now | winner    | outcome
    ---------+-----------+-----------+-----------+--------------------------------------------------------------------
    -        | -         | yes       | -         | NOTHING
    value    | empty     | no        | -         | TAKE       the person takes Dynamics' value
    empty    | value     | no        | -         | KEEP       the person keeps its value, which waits to be sent
    value    | value     | no        | Dynamics  | OVERWRITE  a collision: a new field, a quick sync
    value    | value     | no        | marketing | INSIST     a collision: a lead linked by its e-mail (P1)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tandem.mapping.fields import Field
from tandem.mapping.values import same


class Winner(StrEnum):
    """Who wins a collision."""

    MARKETING = "marketing"
    CRM = "crm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """A field both sides changed; the loser's value goes to the journal."""

    field: str
    base: Any
    marketing: Any
    crm: Any
    winner: Winner
    rule: str


@dataclass(slots=True, kw_only=True)
class Folded:
    """What became of one row. `changes` holds (API name, old, new) of the values the person takes."""

    values: dict[str, Any]
    base: dict[str, Any]
    changes: list[tuple[str, Any, Any]] = field(default_factory=list)
    collisions: list[Collision] = field(default_factory=list)


def fold_row(
    fields: Iterable[Field],
    *,
    row: Mapping[str, Any],
    person: Mapping[str, Any],
    base: Mapping[str, Any],
    winner: Winner,
    rule: str,
) -> Folded:
    """Fold `row` (pulled fields by API name) into `person`, given the agreed values that differ from it in `base`."""
    folded = Folded(values=dict(person), base=dict(base))
    for each in fields:
        name = each.api_name
        crm, held = row.get(name), person.get(name)
        edited = name in base
        agreed = base[name] if edited else held
        if same(each, crm, agreed):
            continue
        if not edited:
            _take(folded, name, held, crm)
        elif same(each, crm, held):
            del folded.base[name]
        else:
            folded.collisions.append(
                Collision(field=name, base=agreed, marketing=held, crm=crm, winner=winner, rule=rule)
            )
            if winner is Winner.CRM:
                del folded.base[name]
                _take(folded, name, held, crm)
            else:
                # Observed, so this is the base now; marketing's value is still to be sent.
                folded.base[name] = crm
    return folded


def first_fold(
    fields: Iterable[Field],
    *,
    row: Mapping[str, Any],
    person: Mapping[str, Any],
    rule: str,
    winner: Winner = Winner.CRM,
) -> Folded:
    """Fold `row` into a person it was never agreed with (P19): an empty side is filled, of two values `winner`'s stays.

    The base then tells what is still to be sent to Dynamics.
    """
    folded = Folded(values=dict(person), base={})
    for each in fields:
        name = each.api_name
        crm, held = row.get(name), person.get(name)
        if same(each, crm, held):
            continue
        if crm in (None, ""):
            folded.base[name] = crm
            continue
        if held not in (None, ""):
            folded.collisions.append(
                Collision(field=name, base=None, marketing=held, crm=crm, winner=winner, rule=rule)
            )
            if winner is Winner.MARKETING:
                folded.base[name] = crm
                continue
        _take(folded, name, held, crm)
    return folded


def _take(folded: Folded, name: str, old: Any, new: Any) -> None:
    folded.changes.append((name, old, new))
    if new is None:
        folded.values.pop(name, None)
    else:
        folded.values[name] = new
