"""`tandem explain`: one paragraph that is true, and the facts behind it (rule N6)."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.model.entities import Entity
from tandem.sandbox.automation.plug_ins import Refuse
from tandem.state.links import Waiter


@pytest.fixture
def lead(office: Any) -> str:
    """A copied lead."""
    record = str(office.world.create("lead", firstname="Ann", lastname="Ek", subject="Visit", jobtitle="Buyer"))
    office.world.sync()
    return record


def told(office: Any, person: int) -> str:
    """The paragraph."""
    return str(office.facts("explain", str(person))["summary"])


def test_N6_who_is_in_step_hears_so_in_two_sentences(office: Any, lead: str) -> None:
    """What it is, and as of when."""
    person = office.world.person("lead", lead).id
    facts = office.facts("explain", str(person))

    read = facts["facts"]["read_at"]
    assert f"Ann Ek (person {person}) is lead {lead} in Dynamics. Both sides agree, as of {read}." == facts["summary"]
    assert [] == facts["facts"]["differences"]
    assert facts["summary"] in office.run("explain", str(person)).out


def test_N6_what_waits_what_was_refused_and_what_is_held_are_told_apart(office: Any, choose: Any, lead: str) -> None:
    """Each with what can be done, and the numbers of the facts match."""
    choose("lead", "--on-collision", "city=hold")
    office.collide("lead", lead, city=("address1_city", "Umeå", "Oslo"))
    person = office.edit("lead", lead, title="Chief", mobilePhone="1" * 40)
    (hold,) = office.facts("holds")["holds"]

    found = office.facts("explain", str(person))

    assert "3 of its fields differ from Dynamics" in found["summary"]
    assert "Refused: Mobile Phone Number. mobilePhone is too long" in found["summary"]
    assert "To be sent: Job Title (it is sent in the next cycle)." in found["summary"]
    assert (
        f"Held: City of Ann Ek (person {person}). `tandem holds --approve {hold['id']}`: marketing's value is sent; "
        f"`--cancel {hold['id']}`: Dynamics' value is taken." in found["summary"]
    )
    facts = found["facts"]
    assert ([hold["id"]], True, 3) == (
        [each["id"] for each in facts["holds"]],
        facts["edited"],
        len(facts["differences"]),
    )
    shown = office.run("explain", str(person)).out
    assert all(title in shown for title in ("Records in Dynamics", "Fields that differ", "Last activities"))


def test_N6_a_collision_tells_who_won_and_how_to_turn_it(office: Any, lead: str) -> None:
    """And after that, that it was turned."""
    person = office.collide("lead", lead, title=("jobtitle", "Chief", "Head"))
    (collision,) = office.facts("conflicts")["conflicts"]
    before = told(office, person)

    office.run("conflicts", "--restore", str(collision["id"]))

    assert f"marketing's value was kept (`tandem conflicts --restore {collision['id']}`)." in before
    assert "(the other one was given back)." in told(office, person)


def test_P7_a_refusal_is_told_in_dynamics_words_until_it_heals(office: Any, lead: str) -> None:
    """The error is among the facts, with its code."""
    office.world.plug_in(Refuse(table="lead", when={"jobtitle": "Chief"}, message="No chiefs here."))
    person = office.edit("lead", lead, title="Chief")
    office.world.cycle()
    found = office.facts("explain", str(person))
    office.edit("lead", lead, title="Head")
    office.world.cycle()

    assert "Refused: Job Title." in found["summary"]
    assert "No chiefs here." in found["summary"]
    assert ["dynamics-refused"] == [each["code"] for each in found["facts"]["errors"]]
    assert [] == office.facts("explain", str(person))["facts"]["errors"]


def test_P14_a_reference_that_waits_is_told(office: Any) -> None:
    """Which record it waits for, and since when."""
    account = office.world.create("account", name="Contoso")
    contact = office.world.create("contact", lastname="Bo")
    office.world.sync()
    person = office.world.person("contact", contact).id
    state, database = office.world.subscription.state, office.world.subscription.database
    with database.transaction():
        waiter = Waiter(Entity.CONTACT, contact, account, "company", None)
        state.waiting.add([(waiter, "account", None, "the account is not here yet")], at="2025-01-01T00:00:00Z")

    assert "Its account is waited for since 2025-01-01T00:00:00Z: the account is not here yet." in told(office, person)


def test_P2_who_is_only_in_marketing_hears_that_nothing_is_sent(office: Any) -> None:
    """A new person is not sent by itself."""
    office.world.sync()
    person = office.facts("people", "create", "firstName=Ann", "lastName=Ek")["id"]

    assert (
        f"Ann Ek (person {person}) is only in marketing: nothing of it is sent until somebody syncs it to Microsoft."
        == told(office, person)
    )


def test_P8_who_was_deleted_in_dynamics_hears_so(office: Any, lead: str) -> None:
    """The person stays."""
    person = office.world.person("lead", lead).id
    office.world.delete("lead", lead)
    office.world.cycle()

    assert f"Ann Ek (person {person}) was deleted in Dynamics and stays here" in told(office, person)


def test_D8_who_is_parked_hears_why_nothing_moves(office: Any) -> None:
    """And what is kept for later."""
    office.world.filter_column("lead")
    record = office.world.create("lead", lastname="Ek", subject="Visit")
    office.world.sync()
    office.world.edit("lead", record, new_synctomkto=False)
    office.world.cycle()
    person = office.edit("lead", record, title="Chief")

    paragraph = told(office, person)
    assert "which the sync filter excludes: nothing moves either way until it says Yes." in paragraph
    assert "Kept until then: Job Title" in paragraph


def test_R6_a_deletion_that_is_held_is_told(office: Any, lead: str) -> None:
    """The record is gone in Dynamics, and the person is not marked yet."""
    state, database = office.world.subscription.state, office.world.subscription.database
    link = office.world.link("lead", lead)
    with database.transaction():
        hold = state.journal.add_hold("mass-delete", link.entity, count=30, known=100, brake=20, at="2025-01-01")
        state.deletions.add(link.entity, [lead])
        state.deletions.hold(link.entity, hold)

    assert "Held: 30 of 100 records deleted" in told(office, link.person_id)

    ended = office.run("holds", "--cancel", str(hold))
    assert ExitCode.DONE == ended.code
    office.edit("lead", lead, title="Chief")
    assert "Not sent: Job Title (its record was deleted in Dynamics" in told(office, link.person_id)


def test_N6_it_works_while_dynamics_is_away_and_the_sync_is_off(office: Any, lead: str) -> None:
    """Nothing is asked of Dynamics; the switch is told."""
    person = office.edit("lead", lead, title="Chief")
    assert ExitCode.DONE == office.run("disable").code
    office.world.fault("reset-before", times=None)

    ended = office.run("explain", str(person))

    assert (ExitCode.DONE, "") == (ended.code, ended.told)
    assert "The sync is switched off: nothing moves until `tandem enable`." in ended.out
    assert ExitCode.FAILED == office.run("fields").code


def test_P16_who_was_merged_away_is_explained_as_the_survivor(office: Any, lead: str) -> None:
    """The old id still leads there."""
    winner, loser = office.facts("people", "create", "lastName=Ek")["id"], office.world.person("lead", lead).id
    office.run("people", "merge", str(winner), str(loser))

    assert winner == office.facts("explain", str(loser))["facts"]["id"]


def test_who_is_not_there_is_said(office: Any) -> None:
    """With the command that finds people."""
    ended = office.run("explain", "77")

    assert (ExitCode.FAILED, True) == (ended.code, "[unknown-person]" in ended.told)
