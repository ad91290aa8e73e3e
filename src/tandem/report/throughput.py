"""How much the sync gets done, and whether it keeps up: from the counts that every cycle leaves behind (rule N3).

A backlog of 10,000 says nothing by itself: it may be gone in a minute, or have grown for days without anybody noticing.

Synced are the records a cycle created, updated or deleted here and those it pushed to Dynamics; what it read and found
unchanged, or kept out, is not. A cycle counts where it ended. Hours are those of the clock, in UTC, and only full ones
count; in an hour without a cycle nothing was synced, but hours before the first cycle are not counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tandem.rules.notices import later
from tandem.runtime.subscription import Subscription

_HOUR = timedelta(hours=1)
_HOURS = 24
_BUCKET = timedelta(hours=4)
_BUCKETS = 30
"""Five days."""
_COMPARED = timedelta(hours=6)
"""How far back a backlog is compared, and how its rate is measured."""
_SYNCED = ("created", "updated", "deleted", "pushed")


class Trend(StrEnum):
    """Where a backlog is going: is it more than it was six hours ago?"""

    GROWING = "growing"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleFigures:
    """What one cycle left behind, by table: records synced, and the backlog at its end; 0 where a table is missing.

    `backlog` is None of a cycle that did not keep it.
    """

    ended_at: datetime
    synced: Mapping[str, int]
    backlog: Mapping[str, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The backlog of a table at the end of four hours from `since` on; None where no cycle ended in them."""

    since: datetime
    backlog: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """One table. Records synced in the last full hour and per hour over the last 24; None before the first full hour.

    `backlog_before`: six hours ago; None, as the trend, where no cycle had ended by then. `seconds_left`: how long the
    backlog takes at the rate at which it fell since its highest in the last six hours; None where nothing is left, or
    where it did not fall. `buckets`: five days, oldest first; the last one ends now.
    """

    last_hour: int | None
    max_per_hour: int | None
    min_per_hour: int | None
    average_per_hour: float | None
    backlog: int
    backlog_before: int | None
    trend: Trend | None
    seconds_left: int | None
    buckets: list[Bucket]


def read_throughput(subscription: Subscription, backlog: Mapping[str, int]) -> dict[str, Throughput]:
    """The figures of each table in `backlog`, which says how much of it is left now; Dynamics is not asked."""
    at = subscription.now()
    since = later(at, -_BUCKET * _BUCKETS)
    cycles = [_figures(ended_at, counts) for ended_at, counts in subscription.state.journal.cycles_since(since)]
    now = datetime.fromisoformat(at)
    return {table: throughput(table, cycles, backlog=left, now=now) for table, left in backlog.items()}


def throughput(table: str, cycles: Iterable[CycleFigures], *, backlog: int, now: datetime) -> Throughput:
    """The figures of one table from the cycles of five days, in any order; `backlog` is what is left of it now."""
    past = sorted((each for each in cycles if each.ended_at <= now), key=lambda each: each.ended_at)
    hours = _synced_by_hour(table, past, now)
    levels = [(each.ended_at, each.backlog.get(table, 0)) for each in past if each.backlog is not None]
    before = [level for at, level in levels if at <= now - _COMPARED]
    return Throughput(
        last_hour=hours[-1] if hours else None,
        max_per_hour=max(hours, default=None),
        min_per_hour=min(hours, default=None),
        average_per_hour=round(sum(hours) / len(hours), 1) if hours else None,
        backlog=backlog,
        backlog_before=before[-1] if before else None,
        trend=(Trend.GROWING if backlog > before[-1] else Trend.NORMAL) if before else None,
        seconds_left=_seconds_left(levels, backlog, now),
        buckets=_buckets([*levels, (now, backlog)], now),
    )


def _figures(ended_at: str, counts: Mapping[str, Any]) -> CycleFigures:
    return CycleFigures(
        ended_at=datetime.fromisoformat(ended_at),
        synced={
            table: sum(each.get(name, 0) for name in _SYNCED) for table, each in counts.get("entities", {}).items()
        },
        backlog=counts.get("backlog"),
    )


def _synced_by_hour(table: str, past: Sequence[CycleFigures], now: datetime) -> list[int]:
    """Records synced in each full hour, oldest first."""
    if not past:
        return []
    end = _hour(now)
    begin = max(_hour(past[0].ended_at), end - _HOURS * _HOUR)
    hours = [0] * ((end - begin) // _HOUR)
    for each in past:
        if begin <= each.ended_at < end:
            hours[(each.ended_at - begin) // _HOUR] += each.synced.get(table, 0)
    return hours


def _seconds_left(levels: Sequence[tuple[datetime, int]], backlog: int, now: datetime) -> int | None:
    recent = [(level, at) for at, level in levels if at > now - _COMPARED]
    highest, at = max(recent, default=(0, now))
    seconds, drained = (now - at).total_seconds(), highest - backlog
    return round(backlog * seconds / drained) if backlog and seconds and drained > 0 else None


def _buckets(levels: Sequence[tuple[datetime, int]], now: datetime) -> list[Bucket]:
    newest = _hour(now) - timedelta(hours=now.hour % 4)
    oldest = newest - (_BUCKETS - 1) * _BUCKET
    last = {(at - oldest) // _BUCKET: level for at, level in levels}
    return [Bucket(since=oldest + number * _BUCKET, backlog=last.get(number)) for number in range(_BUCKETS)]


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
