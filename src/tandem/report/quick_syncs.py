"""How far quick syncs are, from what the sync stored (rule D5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tandem.runtime.subscription import Subscription
from tandem.state.quick_syncs import AskedBy, QuickSync, QuickSyncState


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickSyncStatus:
    """One quick sync. `fields` by API name, `records` says which; `total` is an estimate or None.

    `seconds_left` goes by its rate so far; None where that tells nothing. Times are ISO 8601 UTC.
    """

    id: int
    entity: str
    fields: list[str]
    records: str
    state: QuickSyncState
    asked_by: AskedBy
    rows_done: int
    rows_changed: int
    total: int | None
    seconds_left: int | None
    asked_at: str
    began_at: str | None
    ended_at: str | None


def open_quick_syncs(subscription: Subscription) -> list[QuickSyncStatus]:
    """Those that wait or run, oldest first."""
    return _told(subscription, subscription.state.quick_syncs.open())


def all_quick_syncs(subscription: Subscription) -> list[QuickSyncStatus]:
    """The last thousand, newest first."""
    return _told(subscription, subscription.state.quick_syncs.newest())


def _told(subscription: Subscription, quick_syncs: Iterable[QuickSync]) -> list[QuickSyncStatus]:
    choices, at = subscription.state.choices(), subscription.now()
    return [
        QuickSyncStatus(
            id=each.id,
            entity=each.entity.value,
            fields=[
                choice.api_name if (choice := choices.get(each.entity, {}).get(column)) else column
                for column in each.columns
            ],
            records=str(each.range) if each.range else "all",
            state=each.state,
            asked_by=each.asked_by,
            rows_done=each.rows_done,
            rows_changed=each.rows_changed,
            total=each.total,
            seconds_left=_seconds_left(each, at),
            asked_at=each.asked_at,
            began_at=each.began_at,
            ended_at=each.ended_at,
        )
        for each in quick_syncs
    ]


def _seconds_left(each: QuickSync, at: str) -> int | None:
    if each.state is not QuickSyncState.RUNNING or each.began_at is None or each.total is None or not each.rows_done:
        return None
    passed = (datetime.fromisoformat(at) - datetime.fromisoformat(each.began_at)).total_seconds()
    return round(passed * max(0, each.total - each.rows_done) / each.rows_done)
