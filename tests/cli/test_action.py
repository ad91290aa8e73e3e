"""`tandem action`: what it says, and how it ends."""

from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.testing.world import World


@pytest.fixture
def person(own_terminal: Any) -> int:
    """A person that is only in marketing."""
    ended = own_terminal.synced().run("people", "create", "lastName=Ek", "microsoftTopic=Visit", "--json")
    return int(ended.json["id"])


def records(world: World) -> list[str]:
    """The leads in Dynamics that were made of that person."""
    return world.organisation.find("lead", "lastname", "Ek")


def test_F1_a_person_becomes_a_lead(own_terminal: Any, person: int) -> None:
    """What it became and which record it is, on one line; asked for again it is that already."""
    first, again = (own_terminal.run("action", "sync-person", str(person)) for _ in range(2))

    (lead,) = records(own_terminal.world)
    assert (ExitCode.DONE, "") == (first.code, first.told)
    assert f"Person {person}: created, lead {lead} in Dynamics.\n" == first.out
    assert (ExitCode.DONE, f"Person {person}: already linked, lead {lead} in Dynamics.\n") == (again.code, again.out)


def test_F1_a_program_is_told_the_request_and_the_record(own_terminal: Any, person: int) -> None:
    """One JSON object, the same for the same request id; as a contact it is another record."""
    asked = ("action", "sync-person", str(person), "--request-id", "web-1", "--json")
    first, same = own_terminal.run(*asked), own_terminal.run(*asked)
    contact = own_terminal.run("action", "sync-person", str(person), "--as", "contact", "--json")

    (lead,) = records(own_terminal.world)
    assert first.json == {
        "request": "web-1",
        "person": person,
        "state": "done",
        "outcome": "created",
        "record": "lead",
        "record_id": lead,
    }
    assert first.json == same.json
    assert ("qualified", "contact") == (contact.json["outcome"], contact.json["record"])
    assert contact.json["record_id"] != lead


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--owner", "nobody@example.com"), "There is no user or team 'nobody@example.com'."),
        (("--as", "account"), "Invalid value for '--as'"),
    ],
    ids=["an unknown owner", "no such record"],
)
def test_F1_a_bad_request_is_refused_with_the_reason(
    own_terminal: Any, person: int, more: tuple[str, ...], reason: str
) -> None:
    """On standard error; nothing is made."""
    ended = own_terminal.run("action", "sync-person", str(person), *more)

    assert ended.code in (ExitCode.FAILED, ExitCode.USAGE)
    assert ended.out == ""
    assert reason in ended.told
    assert [] == records(own_terminal.world)


def test_F1_nobody_cannot_be_synced(own_terminal: Any) -> None:
    """The reason with its code; exit 1."""
    ended = own_terminal.synced().run("action", "sync-person", "4711")

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert "There is no person 4711." in ended.told
    assert "[unknown-person]" in ended.told


def test_F1_what_is_not_done_yet_says_how_it_goes_on(own_terminal: Any, person: int) -> None:
    """Exit 1 for now; the next cycle does it, and the same request says so."""
    own_terminal.world.fault("reset-before", method="PATCH", times=2)

    ended = own_terminal.run("action", "sync-person", str(person), "--request-id", "web-1")
    own_terminal.run("sync")
    again = own_terminal.run("action", "sync-person", str(person), "--request-id", "web-1")

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert "not done yet" in ended.told
    assert "--request-id web-1" in ended.told
    assert ExitCode.DONE == again.code
    assert 1 == len(records(own_terminal.world))
