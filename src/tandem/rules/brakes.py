"""When work is held for a person because it is too improbable to be meant (rule R6).

A lost role, a wrong organisation, a broken form or two automations that answer each other look on the wire like
thousands of honest changes. A brake holds exactly that work, keeps everything else going, and waits to be approved or
cancelled. A bulk job of somebody's is no fault: it is done behind the fresh edits.

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
    99 blanked of one field     | 100           | GO    too few to be a pattern
    100 blanked of one field    | 100           | HOLD
    100 blanked of one field    | 2,000         | GO    5 % exactly
    101 blanked of one field    | 2,000         | HOLD
    999 changes in one delta    | 1,000         | GO    too few to hold anybody up
    1,000 changes in one delta  | 1,999         | LATER  more than half: the backfill lane
    1,000 changes in one delta  | 2,000         | GO    half exactly

    own writes | real changes | outcome
    -----------+--------------+---------------------------------------------------------------------------
    100        | 0            | GO    never more than the floor
    101        | 67           | HOLD  one and a half writes for each change would be 100
    150        | 100          | GO    1.5 exactly
    151        | 100          | HOLD
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class HoldKind(StrEnum):
    """Why work waits for a person: a brake (R6), a field that is being fought over, or a field chosen to be asked."""

    MASS_DELETE = "mass-delete"
    EMPTY_TABLE = "empty-table"
    MASS_BLANK = "mass-blank"
    OWN_WRITES = "own-writes"
    PING_PONG = "ping-pong"
    UNDONE = "undone"
    CONFLICT = "conflict"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brakes:
    """The limits, settable (R6)."""

    delete_floor: int = 20
    delete_share: float = 0.02
    blank_floor: int = 100
    blank_share: float = 0.05
    bulk_floor: int = 1_000
    bulk_share: float = 0.5
    write_floor: int = 100
    write_ratio: float = 1.5

    def delete_limit(self, known: int) -> int:
        """How many records of an entity may be deleted in one cycle without asking."""
        return max(self.delete_floor, int(known * _exact(self.delete_share)))

    def holds_deletes(self, deletes: int, *, known: int) -> bool:
        """Are these deletions of one cycle too many? `known` counts the entity's records before them."""
        return deletes > self.delete_limit(known)

    def holds_blanks(self, blanked: int, *, known: int) -> bool:
        """Was one field emptied on too many of the entity's `known` records?"""
        return blanked >= self.blank_floor and blanked > known * _exact(self.blank_share)

    def is_bulk(self, changed: int, *, known: int) -> bool:
        """Did one delta change so many of the entity's `known` records that they go behind fresh edits?"""
        return changed >= self.bulk_floor and changed > known * _exact(self.bulk_share)

    def holds_writes(self, writes: int, *, changes: int) -> bool:
        """Did Tandem write more than the real changes of both sides explain?"""
        return writes > self.write_floor and writes > changes * _exact(self.write_ratio)


def holds_empty(rows: int, *, known: int) -> bool:
    """Does a table that was read to its end answer empty where rows were known?"""
    return rows == 0 and known > 0


def _exact(share: float) -> Decimal:
    """29 % of a hundred is 29, which binary floats do not say."""
    return Decimal(str(share))
