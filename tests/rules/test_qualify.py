"""Rules P11 and D9: which person a contact belongs to when it names a lead."""

import pytest

from tandem.rules.presence import LinkState, Presence, decide_presence
from tandem.rules.qualify import Qualified, decide_contact


@pytest.mark.parametrize(
    ("state", "has_person", "expected"),
    [
        pytest.param(
            LinkState.LIVE, True, Qualified.SAME_PERSON, id="a qualified lead's person goes on as the contact"
        ),
        pytest.param(LinkState.LIVE, False, Qualified.NEW_PERSON, id="the second of two contacts of one page is new"),
        pytest.param(LinkState.SEVERED, True, Qualified.SAME_PERSON, id="a deleted lead's free person is that human"),
        pytest.param(LinkState.SEVERED, False, Qualified.NEW_PERSON, id="a deleted lead's person is taken by now"),
        pytest.param(
            LinkState.REMOVED, True, Qualified.NEW_PERSON, id="a lead's person that was deleted stays deleted"
        ),
        pytest.param(LinkState.SUPERSEDED, True, Qualified.NEW_PERSON, id="a later contact of the same lead is new"),
    ],
)
@pytest.mark.parametrize("read_again", [True, False])
def test_P11_a_contact_of_a_known_lead_waits_for_nothing(state, has_person, expected, read_again):
    """What the lead's link remembers decides; another read of the leads would tell nothing more."""
    assert decide_contact(state, has_person=has_person, read_again=read_again) is expected


@pytest.mark.parametrize(
    ("read_again", "expected"),
    [
        pytest.param(False, Qualified.WAIT, id="the lead may come with the read in hand"),
        pytest.param(True, Qualified.NEW_PERSON, id="a later read has brought no such lead"),
    ],
)
def test_P11_a_contact_of_an_unknown_lead_waits_for_a_later_read(read_again, expected):
    """The two tables are two streams: the contact may be read before its lead."""
    assert decide_contact(LinkState.NONE, has_person=False, read_again=read_again) is expected


def row(state: LinkState, *, wanted: bool) -> Presence:
    return decide_presence(state, newer=True, merged=False, wanted=wanted, revives=True)


def contact_of(lead: LinkState) -> Qualified:
    return decide_contact(lead, has_person=lead is LinkState.LIVE, read_again=True)


def test_D9_lead_no_and_contact_no_makes_nobody():
    """Both are excluded."""
    assert row(LinkState.NONE, wanted=False) is Presence.EXCLUDE


def test_D9_lead_yes_and_contact_yes_is_one_person():
    """The contact goes on with the lead's person."""
    assert (row(LinkState.NONE, wanted=True), contact_of(LinkState.LIVE)) == (Presence.CREATE, Qualified.SAME_PERSON)


@pytest.mark.parametrize(
    "lead",
    [
        pytest.param(LinkState.EXCLUDED, id="a lead that never was a person"),
        pytest.param(LinkState.PARKED, id="a lead that was parked before it was qualified"),
    ],
)
def test_D9_lead_no_and_contact_yes_is_a_new_person(lead):
    """What the filter kept out is not joined."""
    assert contact_of(lead) is Qualified.NEW_PERSON


def test_D9_lead_yes_and_contact_no_goes_on_when_the_contact_says_yes():
    """First the contact is excluded; turned to Yes it starts, and finds the lead's person still there."""
    at_first, later = row(LinkState.NONE, wanted=False), row(LinkState.EXCLUDED, wanted=True)

    assert (at_first, later, contact_of(LinkState.LIVE)) == (Presence.EXCLUDE, Presence.START, Qualified.SAME_PERSON)
