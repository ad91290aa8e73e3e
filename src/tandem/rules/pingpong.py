"""When two automations undo each other for ever (rule R6).

A workflow in Dynamics writes "Germany", a smart campaign in marketing writes "DE", and each takes the other's value for
news: the pair would be written back and forth day and night, and every write is a real change to the next brake. So a
field of one person that went back and forth is left alone, on that person only, until somebody decides.

    the last moves of the field                      | outcome
    -------------------------------------------------+------------------------------------------------
    the same two values, three times each by turns   | FREEZE
    the same two values, fewer times                 | GO      somebody changed their mind
    three values by turns                            | GO
    the same two values, both from one side          | GO      nobody answers it
    back and forth, then a third value               | GO      it is over
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

_TIMES = 3


class Move(NamedTuple):
    """One change of a field: who made it, and the value it has since."""

    source: str
    value: Any


def alternates(moves: Sequence[Move]) -> bool:
    """Do the last of these moves, oldest first, set the same two values by turns, each its own source's?"""
    last = moves[-2 * _TIMES :]
    ours, theirs = last[::2], last[1::2]
    return (
        len(last) == 2 * _TIMES
        and ours[0].source != theirs[0].source
        and ours[0].value != theirs[0].value
        and all(move == ours[0] for move in ours)
        and all(move == theirs[0] for move in theirs)
    )
