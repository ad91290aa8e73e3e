"""`tandem errors` for what could not be sent: by cause, with advice, and tried again (rules N4, P7, P17)."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.sandbox.automation.plug_ins import Refuse
from tandem.sandbox.door.automation import Unplug

_CLOSED, _LOST = 2, 4
"""`statecode` and `statuscode` of a lead that was disqualified (reference 8.1)."""


@pytest.fixture
def leads(office: Any) -> list[str]:
    """Two copied leads."""
    records = [str(office.world.create("lead", lastname=f"Ek {n}", subject="x")) for n in range(2)]
    office.world.sync()
    return records


def causes(office: Any) -> dict[str, Any]:
    """The causes by code."""
    return {each["code"]: each for each in office.facts("errors")["causes"]}


def test_N4_one_refusal_of_many_records_is_one_cause(office: Any, leads: list[str]) -> None:
    """With each person, the advice, and when it heals by itself."""
    office.world.plug_in(Refuse(table="lead", when={"jobtitle": "Chief"}, message="No chiefs here."))
    people = [office.edit("lead", record, title="Chief") for record in leads]

    ended = office.run("sync")

    (cause,) = causes(office).values()
    assert (sorted(people), "update", True) == (
        sorted(each["person_id"] for each in cause["errors"]), cause["operation"], cause["counted"]
    )  # fmt: skip
    assert ExitCode.RECORD_ERRORS == ended.code
    assert "Heals by itself when the person is edited, its record changes" in office.run("errors").out


@pytest.mark.parametrize("wanted", ["one", "all"])
def test_N4_retry_sends_once_more_in_the_next_cycle(office: Any, leads: list[str], wanted: str) -> None:
    """What nothing else would try again: the cause has gone and nobody edited anything."""
    office.world.plug_in(Refuse(table="lead", when={"jobtitle": "Chief"}, message="No chiefs here."))
    people = [office.edit("lead", record, title="Chief") for record in leads]
    office.world.cycle()
    (cause,) = causes(office).values()
    office.world.do(Unplug())
    office.world.cycle()
    untried = [office.row("lead", record)["jobtitle"] for record in leads]

    errors = {each["person_id"]: each["id"] for each in cause["errors"]}
    told = office.run("errors", "--retry", str(errors[people[0]]) if wanted == "one" else "all").told
    waiting = {each["person_id"]: each["reason"] for each in office.facts("differences")["differences"]}
    office.world.cycle()

    expected = {"one": ["Chief", None], "all": ["Chief", "Chief"]}[wanted]
    assert ([None, None], expected) == (untried, [office.row("lead", record)["jobtitle"] for record in leads])
    assert {"one": {"waiting", "refused"}, "all": {"waiting"}}[wanted] == set(waiting.values())
    assert f"{expected.count('Chief')} errors are tried again in the next cycle" in told
    assert (1 if wanted == "one" else 0) == len(causes(office))


def test_P17_what_waits_for_a_reactivation_is_not_counted(office: Any, leads: list[str]) -> None:
    """Listed as held, not a failure of the sync; sent when the record is open again."""
    record = leads[0]
    office.world.edit("lead", record, statecode=_CLOSED, statuscode=_LOST)
    office.world.cycle()
    office.edit("lead", record, title="Chief")

    ended = office.run("sync")

    cause = causes(office)["record-inactive"]
    assert (ExitCode.DONE, False) == (ended.code, cause["counted"])
    assert "the record is reactivated in Dynamics" == cause["heals_when"]
    assert "Until then it is not counted." in office.run("errors").out
    assert 0 == office.facts("status")["entities"]["lead"]["errors"]
    office.world.edit("lead", record, statecode=0, statuscode=1)
    office.world.cycle()
    assert ({}, "Chief") == (causes(office), office.row("lead", record)["jobtitle"])


def test_N4_an_ignored_error_is_not_counted_however_often_it_comes(office: Any, leads: list[str]) -> None:
    """And the difference keeps its reason."""
    office.edit("lead", leads[0], mobilePhone="1" * 40)
    office.world.cycle()
    (cause,) = causes(office).values()

    office.run("errors", "--ignore", str(cause["errors"][0]["id"]))
    office.edit("lead", leads[0], title="Chief")

    assert ExitCode.DONE == office.run("sync").code
    assert {"refused": 1} == office.facts("differences")["counts"]
    office.run("errors", "--retry", "all")
    assert "0 errors are ignored" in office.run("errors", "--ignore", "all", "--operation", "create-task").told
    assert "1 errors are ignored" in office.run("errors", "--ignore", "all", "--operation", "update").told
