"""Rule N5: when people are told, and when telling them is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.rules.notices import expiry_warning, is_digest_due, later, tells_failure, try_again_at

NOON = "2025-01-02T12:00:00Z"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2025-01-02T12:59:59Z", False, id="a second before the hour people are left alone"),
        pytest.param("2025-01-02T13:00:00Z", True, id="after an hour they are told"),
        pytest.param("2025-01-02T11:59:59Z", True, id="what failed first in the future is told, the clock was wrong"),
    ],
)
def test_N5_what_passes_by_itself_is_told_when_it_does_not_pass(at, expected):
    """An hour, counted from the first failure; what only a person removes is told at once."""
    assert tells_failure(passes=True, since=NOON, at=at) is expected
    assert tells_failure(passes=False, since=NOON, at=NOON)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2025-01-03T11:59:59Z", False, id="not within a day"),
        pytest.param("2025-01-03T12:00:00Z", True, id="after a day"),
        pytest.param("2025-01-02T11:59:59Z", True, id="the last one was told in the future, so the clock was wrong"),
    ],
)
def test_N5_a_digest_is_due_once_a_day(at, expected):
    """Twenty-four hours after the last one."""
    assert is_digest_due(NOON, at) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2024-12-03T11:59:59Z", None, id="more than thirty days before"),
        pytest.param("2024-12-03T12:00:00Z", 30, id="thirty days before"),
        pytest.param("2024-12-19T11:59:59Z", 30, id="fourteen days and a second before"),
        pytest.param("2024-12-19T12:00:00Z", 14, id="fourteen days before"),
        pytest.param("2024-12-26T12:00:00Z", 7, id="seven days before"),
        pytest.param("2025-01-01T12:00:00Z", 1, id="a day before"),
        pytest.param("2026-01-02T12:00:00Z", 1, id="a year after its end"),
    ],
)
def test_S7_the_end_of_a_certificate_is_told_in_good_time(at, expected):
    """And more than once: the first warning is the one that is forgotten."""
    assert expiry_warning(NOON, at) == expected


def test_N5_a_channel_that_fails_is_tried_less_and_less_often():
    """From a minute to six hours, doubling; there is no number of attempts at which it fails otherwise."""
    waits = [try_again_at(attempts, NOON) for attempts in (1, 2, 3, 9, 10, 1_000_000)]

    assert waits == [
        "2025-01-02T12:01:00Z", "2025-01-02T12:02:00Z", "2025-01-02T12:04:00Z",
        "2025-01-02T16:16:00Z", "2025-01-02T18:00:00Z", "2025-01-02T18:00:00Z",
    ]  # fmt: skip


@given(st.timedeltas(min_value=timedelta(days=-365_000), max_value=timedelta(days=365_000)))
def test_N5_a_later_time_is_written_as_all_stored_times_are(span):
    """So that stored times can be compared as texts."""
    text = later(NOON, span)

    assert len(text) == len(NOON)
    assert (text >= NOON) is (span >= timedelta(0))
