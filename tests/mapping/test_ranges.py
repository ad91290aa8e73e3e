"""Ranges of dates as somebody types them: what they mean, and what is refused (rule D5)."""

import pytest

from tandem.mapping.ranges import BadRange, DatedBy, Range, parse_range

NOW = "2025-06-01T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        pytest.param("2025-01-01..2025-03-31", "2025-01-01T00:00:00Z", "2025-03-31T23:59:59Z", id="whole days"),
        pytest.param("2025-01-01..", "2025-01-01T00:00:00Z", None, id="an open end"),
        pytest.param("..2025-01-01", None, "2025-01-01T23:59:59Z", id="an open beginning"),
        pytest.param("2025-01-01..2025-01-01", "2025-01-01T00:00:00Z", "2025-01-01T23:59:59Z", id="one day"),
        pytest.param("2025-01-01T08:00..", "2025-01-01T08:00:00Z", None, id="a time without a zone is UTC"),
        pytest.param("2025-01-01T08:00+01:00..", "2025-01-01T07:00:00Z", None, id="a time with a zone"),
        pytest.param("..2025-01-01T08:00:30Z", None, "2025-01-01T08:00:30Z", id="to the second"),
        pytest.param(" 2024-02-29 .. 2026-01-01 ", "2024-02-29T00:00:00Z", "2026-01-01T23:59:59Z", id="blanks"),
    ],
)
def test_D5_a_range_is_read_in_utc_with_both_ends_in_it(text: str, since: str | None, until: str | None) -> None:
    """The end may lie ahead: what is created until then by somebody else counts."""
    wanted = Range(dated_by=DatedBy.CREATED, since=since, until=until)

    assert wanted == parse_range(text, DatedBy.CREATED, now=NOW)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("2025-01-01", "'2025-01-01' is no range of dates.", id="one date"),
        pytest.param("..", "'..' is no range of dates.", id="two open ends"),
        pytest.param("", "'' is no range of dates.", id="nothing"),
        pytest.param("yesterday..", "'yesterday' is no date.", id="a word"),
        pytest.param("2025-02-30..", "'2025-02-30' is no date.", id="a day that is not in the calendar"),
        pytest.param("..9999-12-31T23:59:59-23:00", "'9999-12-31T23:59:59-23:00' is no date.", id="beyond time"),
        pytest.param("0205-01-01..", "'0205-01-01' is out of range: Dynamics knows dates from 1753-01-01", id="a slip"),
        pytest.param("..9999-12-31", "'9999-12-31' is out of range", id="after the last day there is"),
        pytest.param("01.02.2025..", "'01.02.2025' is no date.", id="another way to write dates"),
        pytest.param("2025-03-01..2025-01-01", "ends before it begins", id="the wrong way round"),
        pytest.param("2025-01-01T09:00Z..2025-01-01T09:30+01:00", "ends before it begins", id="by the zones"),
        pytest.param("2025-06-02..", "lies in the future", id="a range ahead"),
    ],
)
def test_D5_a_range_that_cannot_be_is_refused_with_a_remedy(text: str, said: str) -> None:
    """In one sentence, and another one on what to do."""
    with pytest.raises(BadRange) as refused:
        parse_range(text, DatedBy.UPDATED, now=NOW)

    assert said in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("wanted", "condition", "shown"),
    [
        pytest.param(
            Range(dated_by=DatedBy.CREATED, since="2025-01-01T00:00:00Z", until="2025-03-31T23:59:59Z"),
            "createdon ge 2025-01-01T00:00:00Z and createdon le 2025-03-31T23:59:59Z",
            "created from 2025-01-01T00:00:00Z to 2025-03-31T23:59:59Z",
            id="both ends",
        ),
        pytest.param(
            Range(dated_by=DatedBy.UPDATED, since="2025-01-01T00:00:00Z", until=None),
            "modifiedon ge 2025-01-01T00:00:00Z",
            "updated from 2025-01-01T00:00:00Z",
            id="an open end",
        ),
    ],
)
def test_D5_a_range_as_dynamics_and_as_people_read_it(wanted: Range, condition: str, shown: str) -> None:
    """One is a filter, the other stands in listings."""
    assert (condition, shown) == (wanted.condition, str(wanted))
