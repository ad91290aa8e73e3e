"""Rule R6: when two automations undo each other for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.rules.pingpong import Move, alternates

PING, PONG = Move("marketing", "DE"), Move("dynamics", "Germany")
moves = st.lists(st.builds(Move, st.sampled_from(["marketing", "dynamics"]), st.sampled_from([None, "DE", 1])))


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param([], False, id="nothing moved"),
        pytest.param([PING, PONG] * 3, True, id="three times each"),
        pytest.param([PONG, PING] * 3, True, id="three times each, the other way about"),
        pytest.param(([PING, PONG] * 3)[1:], False, id="once less"),
        pytest.param([PING, Move("form", "France"), *[PING, PONG] * 3], True, id="whatever was before"),
        pytest.param([*[PING, PONG] * 3, Move("form", "France")], False, id="somebody ended it"),
        pytest.param([PING] * 6, False, id="one value from one side"),
        pytest.param([PING, Move("dynamics", "DE")] * 3, False, id="one value from two sides"),
        pytest.param([PING, Move("marketing", "Germany")] * 3, False, id="two values from one side"),
        pytest.param([PING, PONG, PING, PONG, PING, Move("dynamics", "FR")], False, id="the answer changed"),
        pytest.param([Move("marketing", None), PONG] * 3, True, id="one side empties what the other fills"),
    ],
)
def test_R6_the_same_two_values_from_two_sides_three_times_each_are_a_ping_pong(history, expected):
    """Nothing less: people change their minds too."""
    assert alternates(history) is expected


@given(moves)
def test_R6_the_sides_are_treated_alike(history):
    """It makes no difference which of the two is called what."""
    names = {"marketing": "dynamics", "dynamics": "marketing"}

    assert alternates(history) is alternates([Move(names[source], value) for source, value in history])


@given(moves)
def test_R6_only_the_last_six_moves_count(history):
    """However long the history is."""
    assert alternates(history) is alternates(history[-6:])
