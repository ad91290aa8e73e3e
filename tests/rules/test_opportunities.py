"""Rule O1: what marketing shows of an opportunity."""

from decimal import Decimal

import pytest

from tandem.rules.opportunities import outcome

ESTIMATED, ACTUAL = Decimal("1000.50"), Decimal("900.25")


@pytest.mark.parametrize(
    ("statecode", "closed", "won", "amount"),
    [
        pytest.param(0, False, False, ESTIMATED, id="an open deal counts with its estimate"),
        pytest.param(1, True, True, ACTUAL, id="a won deal counts with what it brought"),
        pytest.param(2, True, False, ESTIMATED, id="a lost deal is closed and shows its estimate"),
        pytest.param(None, False, False, ESTIMATED, id="a deal without a state is taken for open"),
    ],
)
def test_O1_the_state_decides_what_an_opportunity_shows(statecode, closed, won, amount):
    """Amount = actual value when won, else estimated; closed = not open; won = 1."""
    assert outcome(statecode, estimated=ESTIMATED, actual=ACTUAL) == (closed, won, amount)


@pytest.mark.parametrize(
    ("statecode", "estimated", "actual"),
    [
        pytest.param(1, ESTIMATED, None, id="a won deal without an actual value has no amount"),
        pytest.param(0, None, ACTUAL, id="an open deal without an estimate has no amount"),
    ],
)
def test_O1_an_amount_nobody_entered_is_not_made_up(statecode, estimated, actual):
    """The other of the two values would be a different fact."""
    assert outcome(statecode, estimated=estimated, actual=actual).amount is None
