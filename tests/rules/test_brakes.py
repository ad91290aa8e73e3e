"""Rule R6: when work is held because it is too improbable to be meant."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tandem.rules.brakes import Brakes, holds_empty

counts = st.integers(0, 10**7)
shares = st.decimals(0, 1, places=4).map(float)


@pytest.mark.parametrize(
    ("deletes", "known", "expected"),
    [
        pytest.param(20, 20, False, id="twenty of twenty are not held"),
        pytest.param(21, 21, True, id="twenty-one of twenty-one are held"),
        pytest.param(20, 1_000, False, id="two percent of a thousand is not held"),
        pytest.param(21, 1_049, True, id="two percent of a little more than a thousand is still twenty"),
        pytest.param(21, 1_050, False, id="two percent is twenty-one from 1,050 records on"),
        pytest.param(20_000, 1_000_000, False, id="two percent of a million is not held"),
        pytest.param(20_001, 1_000_000, True, id="one more than two percent of a million is held"),
        pytest.param(0, 0, False, id="nothing was deleted from nothing"),
    ],
)
def test_R6_more_deletes_than_twenty_and_two_percent_are_held(deletes, known, expected):
    """The larger of the two limits counts, and reaching it is allowed."""
    assert Brakes().holds_deletes(deletes, known=known) is expected


@given(deletes=counts, known=counts, floor=counts, share=shares)
@example(deletes=30, known=100, floor=0, share=0.29)
@example(deletes=29, known=100, floor=0, share=0.29)
def test_R6_the_limits_are_settings_and_exact(deletes, known, floor, share):
    """29 % of a hundred is 29, which binary floats do not say."""
    allowed = max(floor, known * Fraction(str(share)))

    assert Brakes(delete_floor=floor, delete_share=share).holds_deletes(deletes, known=known) is (deletes > allowed)


@pytest.mark.parametrize(
    ("rows", "known", "expected"),
    [
        pytest.param(0, 1, True, id="the one known record is not listed"),
        pytest.param(0, 1_000_000, True, id="none of a million known records is listed"),
        pytest.param(1, 1_000_000, False, id="one of a million is listed, so the table is not empty"),
        pytest.param(0, 0, False, id="a table that never had a record is empty"),
    ],
)
def test_R6_a_table_that_answers_empty_is_held(rows, known, expected):
    """A lost role answers like an empty table."""
    assert holds_empty(rows, known=known) is expected


@pytest.mark.parametrize(
    ("blanked", "known", "expected"),
    [
        pytest.param(99, 99, False, id="every record, but fewer than a hundred"),
        pytest.param(100, 1_999, True, id="a hundred, and more than five percent"),
        pytest.param(100, 2_000, False, id="a hundred, and five percent exactly"),
        pytest.param(50_000, 1_000_000, False, id="five percent of a million"),
        pytest.param(50_001, 1_000_000, True, id="one more than five percent of a million"),
        pytest.param(0, 0, False, id="nothing of nothing"),
    ],
)
def test_R6_a_field_emptied_on_a_hundred_and_on_more_than_five_percent_is_held(blanked, known, expected):
    """A lost permission and a broken form look like that."""
    assert Brakes().holds_blanks(blanked, known=known) is expected


@pytest.mark.parametrize(
    ("changed", "known", "expected"),
    [
        pytest.param(999, 999, False, id="every record, but fewer than a thousand"),
        pytest.param(1_000, 1_999, True, id="a thousand, and more than half"),
        pytest.param(1_000, 2_000, False, id="a thousand, and half exactly"),
        pytest.param(500_001, 1_000_000, True, id="more than half of a million"),
    ],
)
def test_R6_a_thousand_changes_that_are_more_than_half_go_behind_fresh_edits(changed, known, expected):
    """They are not held: a bulk job is somebody's work."""
    assert Brakes().is_bulk(changed, known=known) is expected


@pytest.mark.parametrize(
    ("writes", "changes", "expected"),
    [
        pytest.param(100, 0, False, id="a hundred writes need no reason"),
        pytest.param(101, 0, True, id="one more does"),
        pytest.param(1_500, 1_000, False, id="one and a half for each change"),
        pytest.param(1_501, 1_000, True, id="more than one and a half for each change"),
    ],
)
def test_R6_writes_that_no_real_change_explains_are_held(writes, changes, expected):
    """Tandem would be answering itself."""
    assert Brakes().holds_writes(writes, changes=changes) is expected


@given(count=counts, known=counts, floor=counts, share=shares)
@example(count=29, known=100, floor=1, share=0.29)
def test_R6_the_limits_of_blanks_bulk_and_writes_are_settings_and_exact(count, known, floor, share):
    """None of them is rounded."""
    over = count > known * Fraction(str(share))
    brakes = Brakes(
        blank_floor=floor, blank_share=share, bulk_floor=floor, bulk_share=share, write_floor=floor, write_ratio=share
    )

    assert brakes.holds_blanks(count, known=known) is (over and count >= floor)
    assert brakes.is_bulk(count, known=known) is (over and count >= floor)
    assert brakes.holds_writes(count, changes=known) is (over and count > floor)
