"""Rule P12: what the person that survives a merge in Dynamics holds."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.rules.merge import SCORE, merge_people

NAMES = ["city", "email", "nickname", "shoeSize"]
MAPPED = {"city", "email"}
people = st.dictionaries(st.sampled_from(NAMES), st.none() | st.text(max_size=3))


def merge(loser, winner, *, base=None, mapped=MAPPED, sum_scores=True):
    return merge_people(loser, winner, base=base or {}, mapped=mapped, sum_scores=sum_scores)


@pytest.mark.parametrize(
    ("winner", "loser", "expected"),
    [
        pytest.param("Rome", "Bonn", "Rome", id="the winner's city stays"),
        pytest.param(None, "Bonn", None, id="a city Dynamics holds empty is not filled from the loser"),
    ],
)
def test_P12_fields_known_to_dynamics_are_the_winners(winner, loser, expected):
    """Dynamics decided them when it merged."""
    assert merge({"city": loser}, {"city": winner}).values == {"city": expected}


@pytest.mark.parametrize(
    ("winner", "loser", "expected"),
    [
        pytest.param("Al", "Bob", "Al", id="the winner's nickname stays"),
        pytest.param("", "Bob", "Bob", id="a value beats an empty one"),
        pytest.param(None, "Bob", "Bob", id="a value beats one that was emptied"),
        pytest.param(0, 7, 0, id="zero is a value"),
        pytest.param(False, True, False, id="No is a value"),
    ],
)
def test_P12_fields_only_marketing_knows_survive(winner, loser, expected):
    """They would be lost with the loser."""
    assert merge({"nickname": loser}, {"nickname": winner}).values == {"nickname": expected}


@given(loser=people, winner=people)
def test_P12_no_value_that_only_marketing_knows_is_lost(loser, winner):
    """Whatever either person had is had by the survivor, the winner's value first."""
    values = merge(loser, winner).values
    wanted = {name: winner.get(name) or loser.get(name) for name in set(NAMES) - MAPPED}

    assert {name: values.get(name) or None for name in wanted} == {
        name: value or None for name, value in wanted.items()
    }


@given(loser=people, winner=people, base=people)
def test_P12_the_winners_unsent_edits_stay_unsent(loser, winner, base):
    """Merging people agrees nothing with Dynamics: neither the winner's mapped values nor its base move."""
    merged = merge(loser, winner, base=base)

    assert {name: merged.values.get(name) for name in MAPPED} == {name: winner.get(name) for name in MAPPED}
    assert (merged.base, merged.edited) == (base, {})


@given(loser=people, winner=people)
def test_P12_merging_the_same_loser_again_changes_nothing(loser, winner):
    """A page that is read twice gives what it gave the first time."""
    once = merge(loser, winner, sum_scores=False)

    assert merge(loser, once.values, sum_scores=False) == once


@pytest.mark.parametrize(
    ("winner", "loser", "expected"),
    [
        pytest.param(30, 12, 42, id="both scores count"),
        pytest.param(None, 12, 12, id="a score the winner has not is not lost"),
        pytest.param(0, 12, 12, id="nor is it lost beside a zero"),
        pytest.param(30, None, 30, id="a loser without a score adds nothing"),
        pytest.param(30, -5, 25, id="a negative score counts"),
        pytest.param(Decimal("1.5"), 2, Decimal("3.5"), id="a score with decimals stays exact"),
    ],
)
@pytest.mark.parametrize("mapped", [pytest.param({SCORE}, id="mapped"), pytest.param(set(), id="only in marketing")])
def test_P12_scores_are_added(winner, loser, expected, mapped):
    """The human earned both, whether or not the winner's table has a column for it."""
    assert merge({SCORE: loser}, {SCORE: winner}, mapped=mapped).values[SCORE] == expected


def test_P12_a_summed_score_that_dynamics_knows_is_to_be_sent():
    """The base keeps what Dynamics holds, so that the sum is an edit and not an agreed value."""
    merged = merge({SCORE: 12}, {SCORE: 30}, mapped={SCORE})

    assert (merged.base, merged.edited) == ({SCORE: 30}, {SCORE: 42})


def test_P12_an_edited_score_keeps_the_base_it_was_edited_from():
    """Dynamics holds 10; the unsent 30 and the sum are both edits of that."""
    assert merge({SCORE: 12}, {SCORE: 30}, base={SCORE: 10}, mapped={SCORE}).base == {SCORE: 10}


def test_P12_without_the_setting_a_score_is_a_field_like_any_other():
    """Then the winner's stays."""
    merged = merge({SCORE: 12}, {SCORE: 30}, mapped={SCORE}, sum_scores=False)

    assert (merged.values, merged.base, merged.edited) == ({SCORE: 30}, {}, {})
