"""`tandem action`: what it says, and how it ends."""

import json
import re
from pathlib import Path
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


def test_F1_what_became_of_a_request_stands_on_the_persons_page(own_terminal: Any, person: int) -> None:
    """Three entries that say no more than "Sync Person to Microsoft" would explain nothing to anybody."""
    for _ in range(2):
        own_terminal.run("action", "sync-person", str(person))

    shown, explained = (own_terminal.run(*page, str(person)).out for page in (("people", "show"), ("explain",)))
    assert re.search(r"Sync Person to Microsoft .* as lead, outcome created +Tandem", shown)
    for page in (shown, explained):
        assert re.search(r"Sync Person to Microsoft .* as lead, outcome already linked +Tandem", page)


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
        "details": {},
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


# Every action -------------------------------------------------------------------------------------------------------


@pytest.fixture
def team(own_terminal: Any) -> str:
    """A team that Dynamics and, by `person`, the sync know."""
    return str(own_terminal.world.create("team", name="North", teamtype=0))


def test_F2_a_record_changes_its_owner(own_terminal: Any, team: str, person: int) -> None:
    """The owner first, then whose record; on one line, and as JSON."""
    first = own_terminal.run("action", "change-owner", "North", str(person), "--as", "contact")
    again = own_terminal.run("action", "change-owner", "North", str(person), "--json")

    (contact,) = own_terminal.world.organisation.find("contact", "lastname", "Ek")
    assert f"Person {person}: created with this owner, contact {contact} in Dynamics.\n" == first.out
    assert (0, "already the owner", {"owner": team}) == (again.code, again.json["outcome"], again.json["details"])


def test_F3_a_task_is_created(own_terminal: Any, person: int) -> None:
    """The subject first; a token that is misspelt is an error with the nearest names, and no record is made."""
    wrong = own_terminal.run("action", "create-task", "Call {{lead.Last Nmae}}", str(person))
    asked = ("--description", "{{campaign.name}}", "--campaign", "Spring", "--due", "+2", "--priority", "High")
    ended = own_terminal.run("action", "create-task", "Call {{lead.Last Name}}", str(person), *asked, "--json")

    task = own_terminal.world.row("task", ended.json["details"]["task"])
    assert (ExitCode.FAILED, "") == (wrong.code, wrong.out)
    assert "Did you mean {{lead.Last Name}}" in wrong.told
    assert "[unknown-token]" in wrong.told
    assert ("Call Ek", "Spring", 2) == (task["subject"], task["description"], task["prioritycode"])


def test_F5_a_person_is_changed_merged_and_deleted(own_terminal: Any, person: int) -> None:
    """The winner first, then who becomes part of it."""
    other = own_terminal.run("people", "create", "lastName=Lund", "--json").json["id"]

    changed = own_terminal.run("action", "change-data-value", "city", "Umeå", str(person))
    merged = own_terminal.run("action", "merge-people", str(person), str(other))
    deleted = own_terminal.run("action", "delete-person", str(person), "--never-return")

    assert f"Person {person}: changed city.\n" == changed.out
    assert f"Person {other}: part of person {person}.\n" == merged.out
    assert f"Person {person}: deleted.\n" == deleted.out
    assert "There is no person" in own_terminal.run("people", "show", str(person)).told


# Many people --------------------------------------------------------------------------------------------------------


def test_F1_many_people_have_an_outcome_each(own_terminal: Any, person: int) -> None:
    """Those done on standard output, the others on standard error; exit 3; the same request id acts on nobody twice."""
    asked = ("action", "sync-person", str(person), "4711", "--request-id", "night")
    first, again = own_terminal.run(*asked), own_terminal.run(*asked)

    (lead,) = records(own_terminal.world)
    assert ExitCode.RECORD_ERRORS == first.code == again.code
    assert f"Person {person}: created, lead {lead} in Dynamics.\n" == first.out == again.out
    assert "Person 4711: refused. There is no person 4711." in first.told


@pytest.mark.parametrize("source", ["a file", "a pipe"])
def test_F1_people_come_from_a_file_or_a_pipe(own_terminal: Any, person: int, tmp_path: Path, source: str) -> None:
    """One id a line, each once, blank lines aside; one JSON object a line, with the request it goes on under."""
    other = own_terminal.run("people", "create", "lastName=Ek", "microsoftTopic=Visit", "--json").json["id"]
    text, file = f"{person}\n\n{other}\n{person}\n", tmp_path / "people.txt"
    file.write_text(text, encoding="utf-8-sig")

    where = str(file) if source == "a file" else "-"
    ended = own_terminal.run("action", "sync-person", "--people", where, "--json", typed=text)

    found = [json.loads(line) for line in ended.out.splitlines()]
    request = re.search("--request-id ([0-9a-f-]+)", ended.told)
    assert request is not None
    assert [(f"{request[1]}:{each}", "created") for each in (person, other)] == [
        (each["request"], each["outcome"]) for each in found
    ]
    assert (ExitCode.DONE, 2) == (ended.code, len(records(own_terminal.world)))


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("sync-person",), "", "Name people, or a file of them with --people."),
        (("sync-person", "1", "--people", "-"), "2", "Name people, or a file of them with --people."),
        (("sync-person", "--people", "-"), "\n", "- names nobody."),
        (("sync-person", "--people", "-"), "1\nall\n", "-, line 2: 'all' is no person's id."),
        (("sync-person", "--people", "-"), "1\n" * 100_001, "- names more than 100,000 people."),
        (("sync-person", "--people", "nowhere.txt"), "", "nowhere.txt cannot be read"),
        (("change-owner",), "", "Missing argument 'OWNER'"),
        (("change-owner", "North", "everybody"), "", "Invalid value for 'PERSON'"),
    ],
    ids=["nobody", "both", "an empty pipe", "no id", "too many", "no such file", "no owner", "no number"],
)
def test_F1_people_that_are_named_wrongly_are_a_usage_error(
    own_terminal: Any, arguments: tuple[str, ...], typed: str, said: str
) -> None:
    """Before anything is asked."""
    ended = own_terminal.run("action", *arguments, typed=typed)

    assert (ExitCode.USAGE, "") == (ended.code, ended.out)
    assert said in ended.told


def test_F5_a_negative_number_goes_behind_two_dashes(own_terminal: Any, person: int) -> None:
    """Else it would be an option."""
    asked = ("action", "change-data-value", "--json", "--", "microsoftTopic", "-5", str(person))

    assert ("changed microsoftTopic", 0) == ((ended := own_terminal.run(*asked)).json["outcome"], ended.code)
