"""Rules P1, P8, P9, P12, D7, D8, D10: what a pulled lead or contact row means for its person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.rules.presence import LinkState, Presence, decide_presence, passes

YES, NO = True, False
LINKED = [LinkState.LIVE, LinkState.PARKED, LinkState.SEVERED]


def decide(
    state: LinkState, *, wanted: bool, newer: bool = True, merged: bool = False, revives: bool = True
) -> Presence:
    return decide_presence(state, newer=newer, merged=merged, wanted=wanted, revives=revives)


def test_P1_a_record_nobody_knows_becomes_a_new_person():
    """Whoever else has its e-mail: nothing is looked up here."""
    assert decide(LinkState.NONE, wanted=YES) is Presence.CREATE


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(YES, Presence.RESTORE, id="a restored record gets its person back"),
        pytest.param(NO, Presence.RESTORE_PARKED, id="a restored record that says No gets its person back, parked"),
    ],
)
def test_P8_a_deleted_record_that_comes_back_is_no_new_person(wanted, expected):
    """The same id reappears: the same person is linked again."""
    assert decide(LinkState.SEVERED, wanted=wanted) is expected


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(LinkState.NONE, id="a loser that was never read"),
        pytest.param(LinkState.EXCLUDED, id="a loser that was excluded"),
        pytest.param(LinkState.LIVE, id="a loser with a person"),
        pytest.param(LinkState.PARKED, id="a loser with a parked person"),
        pytest.param(LinkState.SEVERED, id="a loser that was deleted before"),
    ],
)
@pytest.mark.parametrize("wanted", [pytest.param(YES, id="says Yes"), pytest.param(NO, id="says No")])
def test_P12_D10_the_losers_own_filter_value_does_not_matter(state, wanted):
    """A record that lost a merge joins the winner, whose filter value decides."""
    assert decide(state, merged=True, wanted=wanted) is Presence.MERGE


@pytest.mark.parametrize(
    ("wanted", "merged", "revives", "expected"),
    [
        pytest.param(YES, False, True, Presence.RETURN, id="its next change makes a new person"),
        pytest.param(YES, False, False, Presence.NOTE, id="a read from the start makes none"),
        pytest.param(NO, False, True, Presence.NOTE, id="a record that says No makes none"),
        pytest.param(YES, True, True, Presence.NOTE, id="a record that lost a merge makes none"),
    ],
)
def test_P9_the_record_of_a_person_who_was_deleted_in_marketing(wanted, merged, revives, expected):
    """Nobody is brought back: whoever comes is a new person."""
    assert decide(LinkState.REMOVED, wanted=wanted, merged=merged, revives=revives) is expected


@pytest.mark.parametrize("state", [each for each in LinkState if each is not LinkState.REMOVED])
@given(newer=st.booleans(), merged=st.booleans(), wanted=st.booleans())
def test_P9_how_a_row_came_matters_to_nobody_else(state, newer, merged, wanted):
    """Only a removed person makes the difference."""
    facts = {"wanted": wanted, "newer": newer, "merged": merged}

    assert decide(state, **facts, revives=True) is decide(state, **facts, revives=False)


@pytest.mark.parametrize("merged", [pytest.param(True, id="merged"), pytest.param(False, id="not merged")])
@pytest.mark.parametrize("wanted", [pytest.param(YES, id="says Yes"), pytest.param(NO, id="says No")])
def test_P11_P12_a_superseded_record_is_only_noted(merged, wanted):
    """A qualified lead or a merge loser is touched again: its successor speaks for the person."""
    assert decide(LinkState.SUPERSEDED, merged=merged, wanted=wanted) is Presence.NOTE


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(True, True, id="Yes lets the record in"),
        pytest.param(None, True, id="an empty filter lets the record in"),
        pytest.param(False, False, id="only an explicit No keeps it out"),
    ],
)
def test_D7_only_an_explicit_no_excludes(value, expected):
    """A missing column is read as empty."""
    assert passes(value) is expected


@pytest.mark.parametrize(
    ("state", "wanted", "expected"),
    [
        pytest.param(LinkState.NONE, NO, Presence.EXCLUDE, id="a new record that says No gets no person"),
        pytest.param(LinkState.EXCLUDED, NO, Presence.NOTE, id="an excluded record that still says No is noted"),
        pytest.param(LinkState.EXCLUDED, YES, Presence.START, id="an excluded record that says Yes starts"),
        pytest.param(LinkState.LIVE, YES, Presence.UPDATE, id="a live record that says Yes is updated"),
        pytest.param(LinkState.LIVE, NO, Presence.PARK, id="a live record that says No is parked, not deleted"),
        pytest.param(LinkState.PARKED, NO, Presence.NOTE, id="a parked record that still says No does not move"),
        pytest.param(LinkState.PARKED, YES, Presence.RESUME, id="a parked record that says Yes goes on"),
    ],
)
def test_D8_the_filter_is_obeyed_in_the_cycle_that_reads_it(state, wanted, expected):
    """What No and Yes mean depends on what the record was before."""
    assert decide(state, wanted=wanted) is expected


@pytest.mark.parametrize("state", [each for each in LinkState if each is not LinkState.NONE])
@given(merged=st.booleans(), wanted=st.booleans())
def test_a_page_that_is_read_twice_changes_nothing(state, merged, wanted):
    """A row at a known version is known, whatever else it says."""
    assert decide(state, newer=False, merged=merged, wanted=wanted) is Presence.KNOWN


@pytest.mark.parametrize("state", LINKED)
@given(merged=st.booleans(), wanted=st.booleans())
def test_P1_somebody_with_a_person_never_gets_a_second_one(state, merged, wanted):
    """Of everything a row may say, nothing makes a new person for a record that has one."""
    assert decide(state, merged=merged, wanted=wanted) not in (Presence.CREATE, Presence.START, Presence.RETURN)


@given(st.sampled_from(LinkState), st.booleans(), st.booleans(), st.booleans())
def test_the_same_facts_give_the_same_decision(state, newer, merged, wanted):
    """Nothing is remembered from one row to the next."""
    first, second = (decide(state, newer=newer, merged=merged, wanted=wanted) for _ in range(2))

    assert first is second
