"""`tandem differences`: everything that is not equal is listed with a reason (rule R1)."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.sandbox.automation.plug_ins import Refuse


@pytest.fixture
def lead(office: Any) -> str:
    """A copied lead."""
    record = str(office.world.create("lead", lastname="Ek", subject="Visit", jobtitle="Buyer"))
    office.world.sync()
    return record


def by_field(office: Any) -> dict[str, dict[str, Any]]:
    """The differences by field name."""
    return {each["field"]: each for each in office.facts("differences")["differences"]}


def test_R1_who_agrees_is_not_listed(office: Any, lead: str) -> None:
    """And after an edit was sent, nobody differs."""
    office.edit("lead", lead, title="Chief")
    waiting = office.facts("differences")
    office.world.cycle()

    assert {"waiting": 1} == waiting["counts"]
    assert {"people": 0, "counts": {}, "differences": []} == office.facts("differences")
    assert "Nobody differs from its record.\n" == office.run("differences").out


def test_R1_every_difference_has_both_values_and_a_reason(office: Any, choose: Any, lead: str) -> None:
    """Waiting, refused before it is sent, held and chosen, side by side on one person."""
    choose("lead", "--on-collision", "city=hold")
    office.collide("lead", lead, city=("address1_city", "Umeå", "Oslo"))
    office.edit("lead", lead, title="Chief", mobilePhone="1" * 40)
    choose("lead", "--direction", "phone=blocked")
    office.edit("lead", lead, phone="+46")

    found = by_field(office)

    assert {"title": "waiting", "mobilePhone": "refused", "city": "held", "phone": "chosen"} == {
        name: each["reason"] for name, each in found.items()
    }
    assert ("Chief", "Buyer", "Job Title") == (
        found["title"]["marketing"]["shown"], found["title"]["dynamics"]["shown"], found["title"]["label"]
    )  # fmt: skip
    assert "too-long" == found["mobilePhone"]["code"]
    (hold,) = office.facts("holds")["holds"]
    assert (hold["id"], "Oslo") == (found["city"]["hold_id"], found["city"]["dynamics"]["shown"])
    shown = office.run("differences").out
    assert "1 waiting, 1 refused, 1 held, 1 chosen" in shown.splitlines()[0]


def test_P7_what_dynamics_refused_is_told_with_its_reason(office: Any, lead: str) -> None:
    """The plug-in's words; after another edit it waits again, because it is tried again."""
    office.world.plug_in(Refuse(table="lead", when={"jobtitle": "Chief"}, message="No chiefs here."))
    office.edit("lead", lead, title="Chief")
    office.world.cycle()
    refused = by_field(office)["title"]
    office.edit("lead", lead, title="Head")

    assert "refused" == refused["reason"]
    assert "No chiefs here." in refused["text"]
    assert "waiting" == by_field(office)["title"]["reason"]


def test_P7_a_limit_that_only_dynamics_knows_is_told_once_it_was_met(office: Any, lead: str) -> None:
    """What is required there is not known here, so the edit waits until it was refused once."""
    office.edit("lead", lead, lastName="")
    before = by_field(office)["lastName"]["reason"]
    office.world.cycle()

    after = by_field(office)["lastName"]
    assert ("waiting", "refused", "required-empty") == (before, after["reason"], after["code"])


def test_D8_what_a_parked_person_changed_stays_until_the_filter_says_yes(office: Any) -> None:
    """Nothing of it moves, whatever it is."""
    office.world.filter_column("lead")
    record = office.world.create("lead", lastname="Ek", subject="Visit")
    office.world.sync()
    office.world.edit("lead", record, new_synctomkto=False)
    office.world.cycle()
    office.edit("lead", record, title="Chief")

    assert "parked" == by_field(office)["title"]["reason"]
    office.world.edit("lead", record, new_synctomkto=True)
    office.world.cycle()
    assert {} == by_field(office)


def test_R6_while_a_tables_writes_are_held_everything_of_it_is(office: Any, lead: str) -> None:
    """And after the hold was cancelled, it is left, until the person is edited again."""
    state = office.world.subscription.state
    with office.world.subscription.database.transaction():
        hold = state.journal.add_hold(
            "own-writes", office.world.link("lead", lead).entity, count=151, known=100, brake=150,
            at="2025-01-01T00:00:00Z",
        )  # fmt: skip
    office.edit("lead", lead, title="Chief")
    office.world.cycle()
    held = by_field(office)["title"]

    assert ("held", hold) == (held["reason"], held["hold_id"])
    assert ExitCode.DONE == office.run("holds", "--cancel", str(hold)).code
    assert "left" == by_field(office)["title"]["reason"]
    office.edit("lead", lead, city="Umeå")
    assert {"waiting"} == {each["reason"] for each in by_field(office).values()}


def test_D1_a_field_that_is_not_synced_does_not_differ(office: Any, choose: Any, lead: str) -> None:
    """Nobody promised that it is equal."""
    office.edit("lead", lead, title="Chief")
    choose("lead", "--deselect", "title")

    assert {} == by_field(office)


def test_R1_all_are_counted_and_the_first_are_told(office: Any) -> None:
    """Of leads and contacts, in the order of people; the cut is said."""
    records = [office.world.create("lead", lastname=f"Ek {n}", subject="x") for n in range(3)]
    contact = office.world.create("contact", lastname="Bo")
    office.world.sync()
    for record in records:
        office.edit("lead", record, title="Chief", city="Umeå")
    office.edit("contact", contact, title="Chief")

    found = office.facts("differences", "--limit", "3")

    assert (4, {"waiting": 7}, 3) == (found["people"], found["counts"], len(found["differences"]))
    assert "The first 3; --limit lists more." in office.run("differences", "--limit", "3").out
    assert "--limit" not in office.run("differences").out
    unsent = {name: each["unsent"] for name, each in office.facts("status")["entities"].items() if each["unsent"]}
    assert {"lead": 3, "contact": 1} == unsent
