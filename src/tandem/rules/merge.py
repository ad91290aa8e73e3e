"""What the person that survives a merge in Dynamics holds (rule P12).

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
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

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
