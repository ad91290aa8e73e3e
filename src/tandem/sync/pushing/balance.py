"""Stops Tandem from writing more than anybody changed (rule R6).

Two systems that answer each other's changes for ever look busy, not broken; what tells them apart is that far more is
written than was ever edited. A balance is kept for each day; when it tips, the writes of that table are held.
"""

from collections.abc import Callable
from typing import Any

from tandem.model.entities import Entity
from tandem.rules.brakes import Brakes, HoldKind
from tandem.state import SyncState

_SETTING = "push_balance"


class Balance:
    """How many changes there were today, and how many writes. Every method belongs into a transaction."""

    def __init__(self, state: SyncState, brakes: Brakes, now: Callable[[], str]) -> None:
        self._state = state
        self._brakes = brakes
        self._now = now

    def changed(self, count: int) -> None:
        """So many changes were made that may lead to writes: edits, news from Dynamics, other directions of fields."""
        if count:
            stored = self._today()
            stored["changes"] += count
            self._state.put_setting(_SETTING, stored)

    def wrote(self, entity: Entity, count: int) -> None:
        """So many records of a table were written."""
        stored = self._today()
        stored["writes"][entity.value] = stored["writes"].get(entity.value, 0) + count
        self._state.put_setting(_SETTING, stored)

    def allows(self, entity: Entity, count: int) -> bool:
        """May so many records of a table be written? Opens the hold where they may not."""
        if self._state.journal.open_hold(HoldKind.OWN_WRITES.value, entity) is not None:
            return False
        stored = self._today()
        changes, writes = stored["changes"], stored["writes"].get(entity.value, 0)
        if not self._brakes.holds_writes(writes + count, changes=changes):
            return True
        self._state.journal.add_hold(
            HoldKind.OWN_WRITES.value, entity, count=writes + count, known=changes, brake=writes, at=self._now()
        )
        return False

    def begin_again(self) -> None:
        """A person looked at it: count from nothing."""
        self._begin(self._now()[:10])

    def _today(self) -> dict[str, Any]:
        day, stored = self._now()[:10], self._state.setting(_SETTING)
        return dict(stored) if stored is not None and stored["day"] == day else self._begin(day)

    def _begin(self, day: str) -> dict[str, Any]:
        """What waits to be sent was changed before, and may still be written."""
        begun = {"day": day, "changes": self._state.nominations.count(), "writes": {}}
        self._state.put_setting(_SETTING, begun)
        return begun
