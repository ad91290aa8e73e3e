"""When work is held for a person because it is too improbable to be meant (rule R6).

A lost role, a wrong organisation or a bulk-delete job looks on the wire like thousands of honest deletions. A brake
holds exactly that work, keeps everything else going, and waits to be approved or cancelled.

    what was read               | records known | outcome
    ----------------------------+---------------+--------------------------------------------------------------
    20 deletions                | 100           | GO    never more than the floor
    21 deletions                | 100           | HOLD
    21 deletions                | 1,000         | HOLD  2 % of 1,000 is the floor
    200 deletions               | 10,000        | GO    2 % exactly
    201 deletions               | 10,000        | HOLD
    no rows, read to the end    | 1             | HOLD  an empty table where records were known
    no rows, read to the end    | 0             | GO    a table that was always empty
    one row, read to the end    | 10,000        | GO    absence is judged as deletions
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """The limits, settable (R6)."""

    delete_floor: int = 20
    delete_share: float = 0.02

    def delete_limit(self, known: int) -> int:
        """How many records of an entity may be deleted in one cycle without asking."""
        return max(self.delete_floor, int(known * Decimal(str(self.delete_share))))

    def holds_deletes(self, deletes: int, *, known: int) -> bool:
        """Are these deletions of one cycle too many? `known` counts the entity's records before them."""
        return deletes > self.delete_limit(known)


def holds_empty(rows: int, *, known: int) -> bool:
    """Does a table that was read to its end answer empty where rows were known?"""
    return rows == 0 and known > 0
