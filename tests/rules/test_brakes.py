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
