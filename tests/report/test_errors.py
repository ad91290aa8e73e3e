"""Errors by cause: what one repair would mend stands together."""

from dataclasses import replace

import pytest

from tandem.database.statements import load_statements
from tandem.dynamics.errors import RecordInactive
from tandem.report.errors import ErrorFilter, SyncError, by_cause

ERROR = SyncError(
    id=1,
    cause="privilege",
    entity="contact",
    crm_id=None,
    person_id=None,
    operation="read",
    direction="pull",
    level="job",
    code="missing-privilege",
    field=None,
    message="The sync user may not read contact.",
    advice="Give it the privilege.",
    state="open",
    times=3,
    first_at="2025-01-02",
    last_at="2025-01-05",
)


def test_N4_one_cause_is_one_entry() -> None:
    """Its times are added up, it lasts from the first to the last of its errors, and speaks with the newest."""
    newest = replace(ERROR, id=2, message="Newest.", times=1, first_at="2025-01-04", last_at="2025-01-06")

    (cause,) = by_cause([newest, ERROR])

    assert ("Newest.", 4, "2025-01-02", "2025-01-06") == (cause.message, cause.times, cause.first_at, cause.last_at)
    assert [2, 1] == [each.id for each in cause.errors]


def test_N4_the_cause_met_last_stands_first() -> None:
    """Whatever order the names of the causes have."""
    other = replace(ERROR, id=3, cause="another", last_at="2025-01-04")

    assert ["privilege", "another"] == [cause.cause for cause in by_cause([ERROR, other])]


def test_N4_what_has_healed_is_left_out_and_what_is_ignored_is_not() -> None:
    """An ignored one can still be retried."""
    healed, ignored = replace(ERROR, id=4, cause="gone", state="healed"), replace(ERROR, state="ignored")

    assert [["ignored"]] == [[each.state for each in cause.errors] for cause in by_cause([healed, ignored])]


@pytest.mark.parametrize(
    ("changes", "heals"),
    [
        pytest.param({}, "the table can be read", id="a table that cannot be read"),
        pytest.param(
            {"direction": "push", "code": "record-inactive"}, "the record is reactivated in Dynamics", id="P17"
        ),
        pytest.param(
            {"direction": "push", "code": "too-long"},
            "the person is edited, its record changes in Dynamics, or the fields do",
            id="a value that does not fit",
        ),
        pytest.param(
            {"direction": "push", "operation": "change-owner", "code": "record-inactive"},
            "the action is done: by the next cycle where it waits, else when it is asked for again under another id",
            id="an action",
        ),
    ],
)
def test_P7_every_error_says_when_it_is_tried_again_by_itself(changes, heals):
    """And only what waits for a reactivation is not counted."""
    (cause,) = by_cause([replace(ERROR, **changes)])

    assert (heals, changes.get("code") != RecordInactive.code) == (cause.heals_when, cause.counted)


def test_P17_what_is_not_counted_has_the_code_of_the_statement():
    """The database leaves it out by its code."""
    assert f"code <> '{RecordInactive.code}'" in load_statements("tandem.state")["count_errors"].sqlite


def test_N4_an_error_is_found_by_any_of_its_words() -> None:
    """Ids and codes are words too; one that lasted into the range was met in it."""
    wanted = (
        ErrorFilter(text="sync USER"),
        ErrorFilter(text="missing-priv"),
        ErrorFilter(since="2025-01-03", until="2025-01-04"),
    )

    assert [True] * 3 == [each.means(ERROR) for each in wanted]
    assert [False] * 3 == [
        each.means(ERROR)
        for each in (ErrorFilter(text="nothing"), ErrorFilter(since="2025-01-06"), ErrorFilter(until="2025-01-01"))
    ]
    assert (False, True) == (bool(ErrorFilter()), bool(ErrorFilter(level="job")))
