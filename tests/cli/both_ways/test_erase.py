"""`tandem people erase`: asked before, counted after, and nobody comes back (rules P9, R2)."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode


@pytest.fixture
def person(office: Any) -> int:
    """Somebody with a conflict."""
    record = str(office.world.create("lead", lastname="Ek", subject="Visit", jobtitle="Buyer"))
    office.world.sync()
    return int(office.collide("lead", record, title=("jobtitle", "Chief", "Head")))


def test_R2_it_is_asked_before_and_no_is_an_answer(office: Any, person: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who is asked sees first what would go, and nothing goes without a yes."""
    monkeypatch.setattr("sys.stdin.readline", lambda *_: "n\n", raising=False)

    ended = office.run("people", "erase", str(person))

    assert ExitCode.FAILED == ended.code
    assert "conflicts: 1" in ended.told
    assert [person] == [each["id"] for each in office.world.export("person")]


def test_R2_a_dry_run_tells_what_the_real_one_does(office: Any, person: int) -> None:
    """Counts by what it is, the records that stay in Dynamics, and what is out of reach."""
    told = office.facts("people", "erase", str(person), "--dry-run")
    done = office.facts("people", "erase", str(person), "--yes")

    assert (False, True) == (told.pop("done"), done.pop("done"))
    told.pop("left")
    left = done.pop("left")
    assert told == done
    assert (person, 1, 1, ["lead"]) == (
        done["person"],
        done["removed"]["people"],
        done["removed"]["conflicts"],
        [each["entity"] for each in done["records"]],
    )
    assert any("Backups" in each for each in left)
    assert [] == office.world.export("person")


def test_R2_nobody_is_erased_twice(office: Any, person: int) -> None:
    """The second time there is nobody."""
    office.run("people", "erase", str(person), "--yes")

    ended = office.run("people", "erase", str(person), "--yes")

    assert (ExitCode.FAILED, True) == (ended.code, "unknown-person" in ended.told)
