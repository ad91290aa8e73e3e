"""`tandem fields --on-collision` and `--direction`: what settles a collision, and what may be sent (rule P4)."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode


def listed(office: Any, column: str) -> dict[str, Any]:
    """One field of leads, as listed."""
    (found,) = [each for each in office.facts("fields", "lead")["fields"] if each["column"] == column]
    return dict(found)


@pytest.fixture
def lead(office: Any) -> str:
    """A copied lead."""
    record = str(office.world.create("lead", lastname="Ek", subject="Visit", jobtitle="Buyer", numberofemployees=10))
    office.world.sync()
    return record


@pytest.mark.parametrize(
    ("chosen", "marketing", "dynamics"),
    [
        pytest.param("default", "Chief", "Chief", id="by default marketing wins on a lead"),
        pytest.param("marketing", "Chief", "Chief", id="marketing"),
        pytest.param("dynamics", "Head", "Head", id="dynamics"),
        pytest.param("hold", "Chief", "Head", id="hold: nothing moves"),
    ],
)
def test_P4_the_choice_settles_the_collision(
    office: Any, choose: Any, lead: str, chosen: str, marketing: str, dynamics: str
) -> None:
    """It is listed, and taken back with default."""
    choose("lead", "--on-collision", f"title={chosen}")

    office.collide("lead", lead, title=("jobtitle", "Chief", "Head"))

    assert (None if chosen == "default" else chosen) == listed(office, "jobtitle")["on_collision"]
    assert (marketing, dynamics) == (
        office.world.fields("lead", lead)["title"], office.row("lead", lead)["jobtitle"]
    )  # fmt: skip
    choose("lead", "--on-collision", "title=default")
    assert listed(office, "jobtitle")["on_collision"] is None


def test_P4_a_number_can_be_added_up(office: Any, choose: Any, lead: str) -> None:
    """Both sides' changes count, on both sides."""
    choose("lead", "--select", "numberofemployees", "--on-collision", "numberofemployees=add")
    office.world.sync()

    office.collide("lead", lead, numberofemployees=("numberofemployees", "13", 15))

    name = listed(office, "numberofemployees")["api_name"]
    assert (18, 18) == (
        office.world.fields("lead", lead)[name], office.row("lead", lead)["numberofemployees"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["--on-collision", "title=add"], "unknown-field", id="a text cannot be added up"),
        pytest.param(["--on-collision", "title=loudest"], "unknown-policy", id="no such way"),
        pytest.param(["--on-collision", "title"], "unknown-policy", id="no way given"),
        pytest.param(["--on-collision", "nothing=hold"], "unknown-field", id="no such field"),
        pytest.param(
            ["--direction", "title=from", "--on-collision", "title=hold"], "unknown-field", id="a pull-only field"
        ),
        pytest.param(
            ["--direction", "title=to", "--on-collision", "title=hold"], "unknown-field", id="a field that is not read"
        ),
    ],
)
def test_P4_a_choice_that_makes_no_sense_changes_nothing(
    office: Any, lead: str, arguments: list[str], code: str
) -> None:
    """The reason says what does."""
    before = listed(office, "jobtitle")

    ended = office.run("fields", "lead", *arguments)

    assert (ExitCode.FAILED, True) == (ended.code, f"[{code}]" in ended.told), ended.told
    assert before == listed(office, "jobtitle")


def test_P4_a_field_that_goes_one_way_has_no_choice_any_more(office: Any, choose: Any, lead: str) -> None:
    """Its collisions were settled by its direction; both ways again, the rules decide."""
    choose("lead", "--on-collision", "title=hold")
    choose("lead", "--direction", "title=from")
    choose("lead", "--direction", "title=both")

    assert listed(office, "jobtitle")["on_collision"] is None


def test_P4_what_a_direction_kept_back_is_sent_once_it_may(office: Any, choose: Any, lead: str) -> None:
    """Everybody who differs is looked at again, behind the fresh edits, and it counts as real changes."""
    office.edit("lead", lead, title="Chief")
    choose("lead", "--direction", "title=from")
    office.world.cycle()
    before = office.row("lead", lead)["jobtitle"]

    changes = office.world.subscription.state.setting("push_balance")["changes"]

    choose("lead", "--direction", "title=both")
    person = office.world.person("lead", lead).id
    nomination = office.facts("explain", str(person))["facts"]["nomination"]
    after = office.world.subscription.state.setting("push_balance")["changes"]
    office.world.cycle()

    assert ("Buyer", "backfill", 1) == (before, nomination["lane"], after - changes)
    assert "Chief" == office.row("lead", lead)["jobtitle"]


def test_P4_a_field_that_begins_to_be_read_sends_nothing_before_it_was(office: Any, choose: Any, lead: str) -> None:
    """What Dynamics holds meanwhile is not known, so nobody is nominated by the choice itself."""
    choose("lead", "--direction", "title=blocked")
    office.world.sync()
    office.edit("lead", lead, title="Chief")
    office.world.cycle()

    choose("lead", "--direction", "title=both")

    person = office.world.person("lead", lead).id
    assert office.facts("explain", str(person))["facts"]["nomination"] is None
    office.world.sync()
    office.world.cycle()
    assert "Chief" == office.row("lead", lead)["jobtitle"]
