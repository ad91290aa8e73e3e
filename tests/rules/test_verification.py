"""When the next batch is due (rule R1): every record once in the days that were chosen, with no request too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.rules.verification import ALARM, BATCH, MOST_BATCHES, REMEDIES, UNEXPLAINED, batches_due


@pytest.mark.parametrize(
    ("records", "looked_at", "elapsed", "expected"),
    [
        pytest.param(1_000_000, 0, 0.0, 0, id="nothing at the beginning"),
        pytest.param(
            1_000_000, 0, 7 / 2016, 4, id="a million records: five requests in five minutes, four of them whole"
        ),
        pytest.param(1_000_000, 500_000, 3.5, 0, id="on schedule"),
        pytest.param(1_000_000, 0, 3.5, MOST_BATCHES, id="far behind, a bounded share"),
        pytest.param(60, 0, 6.9, 0, id="a small table waits until it is time"),
        pytest.param(60, 0, 7.0, 1, id="a small table in one request"),
        pytest.param(150, 100, 7.0, 1, id="the rest of a circle"),
        pytest.param(0, 0, 7.0, 1, id="an empty table is looked at to its end"),
        pytest.param(100, 150, 3.0, 0, id="more than there were"),
    ],
)
def test_R1_what_is_due(records: int, looked_at: int, elapsed: float, expected: int) -> None:
    """In a circle of seven days."""
    assert expected == batches_due(records, looked_at=looked_at, elapsed=elapsed, days=7)


@given(st.integers(0, 50_000), st.integers(1, 30))
def test_R1_a_circle_closes_in_time_with_no_more_requests_than_it_needs(records: int, days: int) -> None:
    """A cycle every hour."""
    looked_at = requests = 0
    for hour in range(days * 24 + 1):
        due = batches_due(records, looked_at=looked_at, elapsed=hour / 24, days=days)
        requests += min(due, -(-max(1, records - looked_at) // BATCH))
        looked_at = min(records, looked_at + due * BATCH)

    assert records == looked_at
    assert requests <= records // BATCH + 1


def test_R1_every_unexplained_difference_has_its_remedy() -> None:
    """And one record in ten thousand is too many for the stream."""
    assert set(UNEXPLAINED) == set(REMEDIES)
    assert ALARM * 10_000 == 1
