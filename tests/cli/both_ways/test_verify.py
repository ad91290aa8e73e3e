"""`tandem verify`: proof that both sides agree, or what does not (rule R1)."""

import json
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.mapping.projection import decode_fields, encode_fields


@pytest.fixture
def contact(office: Any) -> str:
    """A copied contact, and a lead beside it."""
    record = str(office.world.create("contact", firstname="Ann", lastname="Ek", jobtitle="CTO"))
    office.world.create("lead", lastname="Ng", subject="x")
    office.world.sync()
    return record


def spoil(office: Any, record: str) -> int:
    """Change a person past everything that would remember it; the person's id."""
    person, subscription = office.world.person("contact", record), office.world.subscription
    after = person._replace(fields=encode_fields({**decode_fields(person.fields), "title": "Spoilt"}))
    with subscription.database.transaction():
        subscription.marketing.people.update([after], at=subscription.now())
    return int(person.id)


def test_R1_before_anything_was_looked_at_that_is_said(office: Any, contact: str) -> None:
    """No proof is no proof."""
    ended = office.run("verify")

    assert (ExitCode.DONE, "Nothing was looked at on both sides yet.") == (ended.code, ended.out.splitlines()[0])


def test_R1_a_circle_at_once_proves_that_both_sides_agree(office: Any, contact: str) -> None:
    """Of all tables, of one; the status says it too."""
    ended = office.run("verify", "--now")

    assert (ExitCode.DONE, "") == (ended.code, ended.told)
    sentence = "checked 2 pairs in less than a day, 0 unexplained differences"
    assert f"C{sentence[1:]}." == ended.out.splitlines()[0]
    status = office.facts("status")["verification"]
    assert (2, 0, {"checked": 1, "records": 1, "looked_at": 0}) == (
        status["checked"],
        status["unexplained"],
        {name: status["tables"]["contact"][name] for name in ("checked", "records", "looked_at")},
    )
    assert sentence in office.run("status").out
    one = office.facts("verify", "--now", "--entity", "contact")["verification"]
    assert (1, ["contact"]) == (one["checked"], list(one["tables"]))


def test_R1_what_nothing_explains_is_listed_and_fails_the_command(office: Any, contact: str) -> None:
    """With the record, the person, the field, and what is done about it; until a circle finds nothing."""
    person = spoil(office, contact)

    ended = office.run("verify", "--now", "--json")
    found = json.loads(ended.out)

    assert (ExitCode.FAILED, 1) == (ended.code, found["verification"]["unexplained"])
    [difference] = found["differences"]
    assert ("contact", contact, person, "title", "drifted") == tuple(
        difference[each] for each in ("entity", "crm_id", "person_id", "field", "verdict")
    )
    shown = office.run("verify")
    assert ExitCode.FAILED == shown.code
    assert "until somebody decides" in shown.out
    assert ExitCode.DONE == office.run("verify", "--now").code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--entity", "nothing"], "There is no entity 'nothing'", id="a table that is none"),
        pytest.param(["--now"], "is not enabled", id="a sync that is switched off"),
    ],
)
def test_R1_what_cannot_be_looked_at_is_told(office: Any, contact: str, arguments: list[str], told: str) -> None:
    """Nothing is read or written then."""
    office.run("disable")

    ended = office.run("verify", *arguments)

    assert ExitCode.FAILED == ended.code
    assert told in ended.told
