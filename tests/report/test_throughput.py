"""Throughput and trend of the backlog: from the figures that cycles leave, hour by hour."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tandem.report.throughput import CycleFigures, Throughput, Trend, read_throughput, throughput
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Subscription, opened

NOW = datetime(2025, 3, 4, 14, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)


def cycle(ended_at: datetime, synced: int = 0, backlog: int | None = 0) -> CycleFigures:
    """A cycle's figures of contacts; a backlog of None was not kept."""
    kept = None if backlog is None else {"contact": backlog} if backlog else {}
    return CycleFigures(ended_at=ended_at, synced={"contact": synced, "lead": 999}, backlog=kept)


def measured(*cycles: CycleFigures, backlog: int = 0, now: datetime = NOW) -> Throughput:
    """The figures of contacts."""
    return throughput("contact", cycles, backlog=backlog, now=now)


def per_hour(found: Throughput) -> tuple[Any, ...]:
    """The last full hour, most, least and average."""
    return found.last_hour, found.max_per_hour, found.min_per_hour, found.average_per_hour


@pytest.mark.parametrize(
    ("cycles", "expected"),
    [
        pytest.param([], (None, None, None, None), id="no cycle at all"),
        pytest.param([cycle(NOW - HOUR / 4, 5)], (None, None, None, None), id="the first cycle was in this hour"),
        pytest.param([cycle(NOW - HOUR, 5)], (5, 5, 5, 5.0), id="the first cycle was in the hour before"),
        pytest.param([cycle(NOW - HOUR, 5), cycle(NOW - HOUR / 2, 2)], (7, 7, 7, 7.0), id="two cycles in one hour"),
        pytest.param(
            [cycle(NOW - 3 * HOUR, 9), cycle(NOW - HOUR, 5)], (5, 9, 0, 4.7), id="an hour without a cycle in between"
        ),
        pytest.param([cycle(NOW - 3 * HOUR, 9)], (0, 9, 0, 3.0), id="no cycle in the last full hour"),
        pytest.param([cycle(NOW - 30 * HOUR), cycle(NOW - 2 * HOUR, 48)], (0, 48, 0, 2.0), id="older than a day"),
        pytest.param([cycle(NOW - 30 * HOUR, 100)], (0, 0, 0, 0.0), id="nothing since more than a day"),
        pytest.param([cycle(NOW + HOUR, 100)], (None, None, None, None), id="a clock that was put back"),
    ],
)
def test_N3_records_synced_are_counted_by_full_hours(cycles: list[CycleFigures], expected: tuple[Any, ...]) -> None:
    """A database younger than a day counts the hours it has; of an older one the last 24."""
    assert expected == per_hour(measured(*cycles))


@pytest.mark.parametrize(
    ("ended_at", "expected"),
    [
        ("2025-03-04T12:59:59Z", 0),
        ("2025-03-04T13:00:00Z", 7),
        ("2025-03-04T13:59:59Z", 7),
        ("2025-03-04T14:00:00Z", 0),
    ],
)
def test_N3_a_cycle_counts_in_the_hour_in_which_it_ended(ended_at: str, expected: int) -> None:
    """An hour begins with its first second, and ends before the first of the next."""
    found = measured(cycle(NOW - 5 * HOUR), cycle(datetime.fromisoformat(ended_at), 7))

    assert expected == found.last_hour


@pytest.mark.parametrize(("age", "expected"), [(24, 3), (25, 0)])
def test_N3_the_day_is_the_last_24_full_hours(age: int, expected: int) -> None:
    """At 14:23 they began at 14:00 of yesterday."""
    assert expected == measured(cycle(NOW - 100 * HOUR), cycle(NOW - age * HOUR, 3)).max_per_hour


@pytest.mark.parametrize(
    ("ended_at", "place"),
    [
        pytest.param("2025-02-27T15:59:59Z", None, id="before the first bucket"),
        pytest.param("2025-02-27T16:00:00Z", 0, id="the first second of the first bucket"),
        pytest.param("2025-03-04T07:59:59Z", 27, id="the last second of a bucket"),
        pytest.param("2025-03-04T08:00:00Z", 28, id="the first second of the next"),
    ],
)
def test_N3_buckets_hold_the_backlog_of_four_hours(ended_at: str, place: int | None) -> None:
    """Thirty make five days; those without a cycle know nothing, and the last one ends now."""
    found = measured(cycle(datetime.fromisoformat(ended_at), backlog=40), backlog=2).buckets

    assert {29: 2} | ({} if place is None else {place: 40}) == {
        number: each.backlog for number, each in enumerate(found) if each.backlog is not None
    }
    assert (30, datetime(2025, 2, 27, 16, tzinfo=UTC), datetime(2025, 3, 4, 12, tzinfo=UTC)) == (
        len(found), found[0].since, found[-1].since,
    )  # fmt: skip


def test_N3_a_bucket_ends_with_its_last_cycle_whatever_the_order_they_come_in() -> None:
    """The history is read from its end."""
    newest_first = [cycle(NOW - 5 * HOUR, backlog=3), cycle(NOW - 6 * HOUR, backlog=8)]

    assert 3 == measured(*newest_first).buckets[28].backlog


@pytest.mark.parametrize(
    ("cycles", "backlog", "before", "trend"),
    [
        pytest.param([], 5, None, None, id="no cycle yet"),
        pytest.param([cycle(NOW - 5 * HOUR, backlog=1)], 5, None, None, id="none six hours ago"),
        pytest.param([cycle(NOW - 6 * HOUR, backlog=1)], 5, 1, Trend.GROWING, id="more than exactly six hours ago"),
        pytest.param([cycle(NOW - 9 * HOUR, backlog=0)], 1, 0, Trend.GROWING, id="there was none"),
        pytest.param([cycle(NOW - 9 * HOUR, backlog=5)], 5, 5, Trend.NORMAL, id="as much"),
        pytest.param([cycle(NOW - 9 * HOUR, backlog=9)], 5, 9, Trend.NORMAL, id="less"),
        pytest.param(
            [cycle(NOW - 9 * HOUR, backlog=9), cycle(NOW - 8 * HOUR, backlog=2), cycle(NOW - HOUR, backlog=7)],
            5,
            2,
            Trend.GROWING,
            id="the last cycle before six hours ago is compared with",
        ),
        pytest.param([cycle(NOW - 9 * HOUR, backlog=None)], 5, None, None, id="a cycle that did not keep its backlog"),
    ],
)
def test_N3_a_backlog_grows_when_it_is_more_than_six_hours_ago(
    cycles: list[CycleFigures], backlog: int, before: int | None, trend: Trend | None
) -> None:
    """Nothing is told of a time nobody knows of."""
    found = measured(*cycles, backlog=backlog)

    assert (before, trend) == (found.backlog_before, found.trend)


@pytest.mark.parametrize(
    ("cycles", "backlog", "expected"),
    [
        pytest.param([cycle(NOW - HOUR, backlog=900)], 600, 7_200, id="a third of it went in an hour"),
        pytest.param(
            [cycle(NOW - 3 * HOUR), cycle(NOW - HOUR / 2, backlog=1_000)], 500, 1_800, id="a copy that just began"
        ),
        pytest.param(
            [cycle(NOW - 3 * HOUR, backlog=90), cycle(NOW - HOUR, backlog=90)], 60, 7_200, id="the latest peak counts"
        ),
        pytest.param([cycle(NOW - HOUR, backlog=900)], 0, None, id="nothing is left"),
        pytest.param([cycle(NOW - HOUR, backlog=900)], 900, None, id="it does not fall"),
        pytest.param([cycle(NOW - HOUR, backlog=900)], 901, None, id="it grows"),
        pytest.param([cycle(NOW, backlog=900)], 600, None, id="no time has gone by"),
        pytest.param([cycle(NOW - 6 * HOUR, backlog=900)], 600, None, id="what was six hours ago is over"),
        pytest.param([], 600, None, id="no cycle yet"),
    ],
)
def test_N3_what_is_left_takes_as_long_as_the_rate_it_falls_at(
    cycles: list[CycleFigures], backlog: int, expected: int | None
) -> None:
    """Backlog by drain rate; never a division by zero."""
    assert expected == measured(*cycles, backlog=backlog).seconds_left


@pytest.fixture
def subscription(tmp_path: Path) -> Iterator[Subscription]:
    """A subscription whose clock stands."""
    with opened(Settings(home=tmp_path), create=True) as subscription:
        subscription.now = lambda: "2025-03-04T14:23:00Z"
        yield subscription


def ended(subscription: Subscription, at: datetime, counts: dict[str, Any]) -> None:
    """A cycle of a second that left these counts."""
    text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    number = subscription.state.journal.begin_cycle(at=text)
    subscription.state.journal.end_cycle(number, outcome="done", requests=1, counts=counts, at=text)


def test_N3_synced_is_what_was_created_updated_deleted_and_pushed(subscription: Subscription) -> None:
    """What was read and found unchanged, or kept out, is not; a cycle that was killed says nothing."""
    counts = {"created": 1, "updated": 20, "deleted": 300, "pushed": 4_000, "read": 7, "unchanged": 7, "excluded": 7}
    ended(subscription, NOW - 7 * HOUR, {"entities": {}, "backlog": {"contact": 2}})
    ended(subscription, NOW - HOUR, {"entities": {"contact": counts}, "backlog": {}})
    subscription.state.journal.begin_cycle(at="2025-03-04T14:22:00Z")

    found = read_throughput(subscription, {"contact": 3, "lead": 0})
    assert (4_321, 3, 2, Trend.GROWING) == (
        found["contact"].last_hour, found["contact"].backlog, found["contact"].backlog_before, found["contact"].trend,
    )  # fmt: skip
    assert (0, 0, Trend.NORMAL) == (found["lead"].last_hour, found["lead"].backlog_before, found["lead"].trend)


def test_N3_the_history_is_read_by_the_page_and_no_further_than_five_days(
    subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest first, each once; what is older is not decoded."""
    monkeypatch.setattr("tandem.state.journal._PAGE", 2)
    for hours in (121, 119, 50, 40, 30, 1):
        ended(subscription, NOW - hours * HOUR, {"age": hours})

    found = subscription.state.journal.cycles_since((NOW - 120 * HOUR).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert [1, 30, 40, 50, 119] == [counts["age"] for _ended_at, counts in found]


def test_N3_the_counts_of_a_cycle_keep_its_backlog_for_ever(subscription: Subscription) -> None:
    """Retention empties words, never figures (R2)."""
    ended(subscription, NOW - HOUR, {"entities": {}, "backlog": {"contact": 5}, "stopped_by": {"message": "Ann"}})
    subscription.state.forgetting.cycles(after=0, before="2025-03-05T00:00:00Z", limit=10)

    [(_ended_at, counts)] = subscription.state.journal.cycles_since("2025-03-01T00:00:00Z")
    assert {"entities": {}, "backlog": {"contact": 5}} == counts
