"""`tandem holds` for contested fields, emptied values and too many writes (rules P4, P15, R6)."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.model.entities import Entity
from tandem.rules.brakes import HoldKind
from tandem.sync.holds.settling import WAYS_OUT

AT = "2025-01-01T00:00:00Z"


def held(office: Any) -> dict[str, Any]:
    """The one hold there is."""
    (found,) = office.facts("holds")["holds"]
    return dict(found)


@pytest.fixture
def contested(office: Any, choose: Any) -> str:
    """A lead whose city both sides changed, and somebody chose to be asked."""
    record = str(office.world.create("lead", firstname="Ann", lastname="Ek", subject="x", address1_city="Lund"))
    office.world.sync()
    choose("lead", "--on-collision", "city=hold")
    office.collide("lead", record, city=("address1_city", "Umeå", "Oslo"))
    return record


def test_P4_a_contested_field_is_shown_with_both_values_and_both_ways_out(office: Any, contested: str) -> None:
    """Whose it is, and what each decision does."""
    hold, person = held(office), office.world.person("lead", contested).id

    assert ("conflict", "lead", person, "city", "open") == tuple(
        hold[name] for name in ("kind", "entity", "person_id", "field", "state")
    )
    (value,) = hold["values"]
    assert (person, "Ann Ek", "City", "Umeå", "Oslo") == (
        value["person_id"], value["name"], value["label"], value["marketing"]["shown"], value["dynamics"]["shown"]
    )  # fmt: skip
    assert ("marketing's value is sent", "Dynamics' value is taken") == (hold["approving"], hold["cancelling"])
    shown = office.run("holds").out
    assert f"City of Ann Ek (person {person})" in shown
    assert f"Hold {hold['id']}: --approve: marketing's value is sent; --cancel: Dynamics' value is taken." in shown


@pytest.mark.parametrize(("option", "value"), [("--approve", "Umeå"), ("--cancel", "Oslo")])
def test_P4_a_decision_does_what_was_said(office: Any, contested: str, option: str, value: str) -> None:
    """Both sides have that value after the next cycle, and nothing is listed as different."""
    hold = held(office)

    ended = office.run("holds", option, str(hold["id"]))
    office.world.cycle()

    outcome = {"--approve": "approved: marketing's value is sent", "--cancel": "cancelled: Dynamics' value is taken"}
    assert f"Hold {hold['id']} is {outcome[option]}." in ended.told
    assert (value, value) == (
        office.world.fields("lead", contested)["city"], office.row("lead", contested)["address1_city"]
    )  # fmt: skip
    assert [] == held(office)["values"]
    assert {} == office.facts("differences")["counts"]


def test_R6_of_emptied_values_ten_people_are_shown(office: Any) -> None:
    """The field, how many of how many, and what they hold here."""
    records = [office.world.create("lead", lastname=f"Ek {n}", subject="x", jobtitle=f"T{n}") for n in range(12)]
    office.world.sync()
    state = office.world.subscription.state
    people = [office.edit("lead", record, title="Kept") for record in records]
    with office.world.subscription.database.transaction():
        hold = state.journal.add_hold("mass-blank", Entity.LEAD, count=12, known=12, brake=5, at=AT, field="title")
        state.held_fields.hold([(person, "title") for person in people], hold)

    found = held(office)

    assert ("Job Title emptied on 12 of 12 records; up to 5 may be without asking", 10) == (
        found["what"], len(found["values"])
    )  # fmt: skip
    assert {"Kept"} == {each["marketing"]["shown"] for each in found["values"]}
    shown = office.run("holds").out
    assert f"Hold {hold}: the first of 12 values" in shown
    assert "they stay, and go back to Dynamics" in shown


def test_R6_too_many_writes_are_told_in_numbers(office: Any) -> None:
    """How many would be written, for how many changes."""
    journal = office.world.subscription.state.journal
    with office.world.subscription.database.transaction():
        journal.add_hold("own-writes", Entity.CONTACT, count=1_510, known=1_000, brake=1_500, at=AT)

    assert "1,510 writes for 1,000 changes; 1,500 are written" == held(office)["what"]


def test_R6_a_contested_field_is_no_backlog(office: Any, contested: str) -> None:
    """It was read; it waits for a decision, which status counts apart."""
    status = office.facts("status")

    assert (1, 0) == (status["open_holds"], status["entities"]["lead"]["backlog_updates"])


def test_R6_a_contested_field_does_not_wake_a_table_that_answered_empty(office: Any, contested: str) -> None:
    """The table waits for its own hold, whatever is decided meanwhile."""
    office.world.create("contact", lastname="Bo")
    state, database = office.world.subscription.state, office.world.subscription.database
    stream = state.streams.all()[Entity.LEAD]
    with database.transaction():
        state.journal.add_hold("empty-table", Entity.LEAD, count=1, known=1, brake=0, at=AT)
        later = state.journal.add_hold(
            "conflict", Entity.LEAD, count=1, known=1, brake=0, at=AT, person_id=1, field="title"
        )
        stream.state = type(stream.state)("halted")
        state.streams.put(stream)
    assert ExitCode.DONE == office.run("holds", "--cancel", str(later)).code

    office.world.cycle()

    assert "halted" == state.streams.all()[Entity.LEAD].state


def test_every_kind_of_hold_has_two_ways_out() -> None:
    """Nobody is asked to decide between two unknowns."""
    assert set(HoldKind) == set(WAYS_OUT)
    assert all(each.approved != each.cancelled for each in WAYS_OUT.values())
