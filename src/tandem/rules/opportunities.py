"""What marketing shows of an opportunity (rule O1).

A sum of amounts that takes estimates for won deals, or counts lost ones as open, misleads whoever plans by it.

    statecode | closed | amount          | outcome
    ----------+--------+-----------------+--------
    0         | no     | estimated value | OPEN
    1         | yes    | actual value    | WON
    2         | yes    | estimated value | LOST
    empty     | no     | estimated value | UNKNOWN
"""

from decimal import Decimal
from typing import NamedTuple

OPEN = 0
WON = 1
CUSTOMER = "Customer"
"""The role a contact gets as the customer of an opportunity (O1)."""


class Outcome(NamedTuple):
    """An opportunity's state and its amount in the row's currency."""

    is_closed: bool
    is_won: bool
    amount: Decimal | None


def outcome(statecode: int | None, *, estimated: Decimal | None, actual: Decimal | None) -> Outcome:
    """The amount is what was won, else what is estimated; everything that is not Open is closed."""
    won = statecode == WON
    return Outcome(
        is_closed=statecode is not None and statecode != OPEN, is_won=won, amount=actual if won else estimated
    )
