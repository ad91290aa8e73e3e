"""Chance that depends on the seed and the row alone.

One stream of random numbers through all tables would let a column added to leads change every contact after it. Each
row starts its own: its values depend on the seed, its table and its number, never on the rows made before it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from random import Random
from typing import TypeVar

T = TypeVar("T")

HISTORY_START = datetime(2019, 1, 1, tzinfo=UTC)


class Draw:
    """Draws the values of one row at a time; moments are whole seconds since HISTORY_START, up to `now`."""

    def __init__(self, seed: int, *, now: datetime) -> None:
        self.end = int((now - HISTORY_START).total_seconds())
        if self.end <= 0:
            raise ValueError(f"now must be after {HISTORY_START:%Y-%m-%d}, it is {now.isoformat()}")
        self._seed = seed
        self._random = Random()

    def start(self, kind: str, number: int) -> None:
        """Draw from here on for row `number` of `kind`."""
        self._random.seed(int.from_bytes(self._digest(kind, number), "big"))

    def guid(self, kind: str, number: int) -> str:
        """The id of row `number` of `kind`, made or not made yet. Ids are in no order, as those of Dataverse."""
        digits = self._digest(kind, number).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def reference(self, kind: str, number: int | None) -> str | None:
        """The id of row `number`, or nothing."""
        return None if number is None else self.guid(kind, number)

    def _digest(self, kind: str, number: int) -> bytes:
        return blake2b(f"{self._seed}/{kind}/{number}".encode(), digest_size=16).digest()

    def chance(self, share: float) -> bool:
        """True in `share` of the rows (0 to 1)."""
        return self._random.random() < share

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        return int(self._random.random() * limit)

    def one(self, pool: Sequence[T]) -> T:
        """One of `pool`."""
        return pool[int(self._random.random() * len(pool))]

    def some(self, share: float, pool: Sequence[T]) -> T | None:
        """One of `pool` in `share` of the rows, else nothing."""
        return self.one(pool) if self.chance(share) else None

    def money(self, low: int, high: int, decimals: int) -> Decimal:
        """An amount with `decimals` decimals; small amounts are more frequent than large ones."""
        amount = low + int((high - low) * self._random.random() ** 3)
        return Decimal(amount * 10**decimals + self.below(10**decimals)).scaleb(-decimals)

    def moment(self, after: int = 0) -> int:
        """A moment from `after` to now."""
        return after + self.below(self.end - after + 1)


def stamp(moment: int) -> str:
    """The moment as Dataverse prints it."""
    return f"{HISTORY_START + timedelta(seconds=moment):%Y-%m-%dT%H:%M:%SZ}"


def day(moment: int) -> str:
    """The moment's date (UTC)."""
    return f"{HISTORY_START + timedelta(seconds=moment):%Y-%m-%d}"
