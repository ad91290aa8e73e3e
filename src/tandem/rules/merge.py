"""Whose the winner of a merge in Dynamics is, and what that person holds (rules P12, D10).

Fields that Dynamics knows are the winner's: Dynamics already decided them. Fields only marketing knows would be lost
with the loser, so the winner takes them where it has none. Scores count both histories: they are added (a setting).

    the field             | winner | loser | outcome
    ----------------------+--------+-------+--------------------------------------------------------
    known to Dynamics     | -      | -     | WINNER
    only in marketing     | value  | -     | WINNER
    only in marketing     | empty  | value | LOSER
    only in marketing     | empty  | empty | WINNER
    Person Score, summed  | value  | value | SUM     in Dynamics too, where its table has the score
    Person Score, summed  | empty  | value | SUM
    Person Score, summed  | -      | empty | WINNER

The record that lost says nothing any more, its filter neither: the winner's decides who is synced (D10). The loser's
person is dropped in no case.

    the loser's person   | the winner's link               | outcome
    ---------------------+---------------------------------+----------------------------------------------------------
    nobody, or elsewhere | -                               | NOBODY  there is nobody to go on
    theirs               | none                            | GO_ON   what it is, its filter says when it is read
    theirs               | excluded                        | PARK    its filter says No
    theirs               | without a person                | ASK     it goes on, and the record is asked for
    theirs               | set aside, of the same person   | ASK     it goes on, and the record is asked for
    theirs               | of the same person              | NOBODY  it goes on as that already
    theirs               | of another person               | JOIN    two people become one
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tandem.rules.presence import LinkState


class Heir(StrEnum):
    """What becomes of the person whose record lost a merge."""

    NOBODY = "nobody"
    GO_ON = "go-on"
    PARK = "park"
    ASK = "ask"
    JOIN = "join"


def decide_heir(person: int | None, winner: LinkState, owner: int | None) -> Heir:
    """One row of the second table: the person of the loser that is to go on, and the winner's link with its person."""
    if person is None:
        return Heir.NOBODY
    if winner is LinkState.NONE:
        return Heir.GO_ON
    if winner is LinkState.EXCLUDED:
        return Heir.PARK
    if owner is None or (owner == person and winner is LinkState.SUPERSEDED):
        return Heir.ASK
    return Heir.NOBODY if owner == person else Heir.JOIN


SCORE = "leadScore"
"""The API name of Person Score."""


@dataclass(slots=True, kw_only=True)
class MergedPerson:
    """The survivor's values; `edited` are those that differ from what Dynamics holds now and are to be sent."""

    values: dict[str, Any]
    base: dict[str, Any]
    edited: dict[str, Any] = field(default_factory=dict)


def merge_people(
    loser: Mapping[str, Any],
    winner: Mapping[str, Any],
    *,
    base: Mapping[str, Any],
    mapped: Collection[str],
    sum_scores: bool,
) -> MergedPerson:
    """Fold `loser` into `winner`; `mapped` are the API names the winner's table maps."""
    merged = MergedPerson(values=dict(winner), base=dict(base))
    for name, value in loser.items():
        if name not in mapped and winner.get(name) in (None, ""):
            merged.values[name] = value
    if sum_scores and loser.get(SCORE):
        merged.values[SCORE] = _added(winner.get(SCORE) or 0, loser[SCORE])
        if SCORE in mapped:
            merged.base.setdefault(SCORE, winner.get(SCORE))
            merged.edited[SCORE] = merged.values[SCORE]
    return merged


def _added(first: Any, second: Any) -> Any:
    if isinstance(first, int) and isinstance(second, int):
        return first + second
    return Decimal(str(first)) + Decimal(str(second))
