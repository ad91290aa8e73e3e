"""`tandem export`: every record once, by marketing's names, one a line."""

import csv
import io
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tandem.cli import main
from tandem.cli.invocation import ExitCode
from tandem.marketing.embedded import EmbeddedMarketing
from tandem.marketing.embedded.people import EmbeddedPeople
from tandem.testing.world import World

Command = Callable[..., Any]
ENTITIES = ("person", "company", "opportunity", "opportunityrole", "salesperson", "team", "teammember")


def records(ended: Any) -> list[dict[str, Any]]:
    """The records of a JSON export, numbers exact."""
    assert (ExitCode.DONE, "") == (ended.code, ended.err)
    return [json.loads(line, parse_float=Decimal) for line in ended.out.split("\n")[:-1]]


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_record_is_exported_once(copied: World, tandem: Command, entity: str) -> None:
    """As many lines as the marketing database counts records."""
    assert copied.subscription.marketing.counts()[entity][0] == len(records(tandem("export", entity, world=copied)))


@pytest.mark.parametrize(
    ("dynamics", "marketing"),
    [
        ("account", "company"),
        ("lead", "person"),
        ("contact", "person"),
        ("systemuser", "salesperson"),
        ("teammembership", "teammember"),
        ("connection", "opportunityrole"),
    ],
)
def test_both_names_of_an_entity_export_the_same(copied: World, tandem: Command, dynamics: str, marketing: str) -> None:
    """Dynamics' word and marketing's."""
    assert tandem("export", marketing, world=copied) == tandem("export", dynamics, world=copied)


def test_A2_a_person_is_exported_with_its_companys_values(copied: World, tandem: Command) -> None:
    """A shared company's name stands at each of its people."""
    companies = {
        each["externalCompanyId"]: each["company"] for each in records(tandem("export", "company", world=copied))
    }
    people = [each for each in records(tandem("export", "person", world=copied)) if each.get("externalCompanyId")]

    assert people
    assert [companies[each["externalCompanyId"]] for each in people] == [each["company"] for each in people]


def test_O1_amounts_are_exact_numbers(copied: World, tandem: Command) -> None:
    """A JSON number, not a text, with every decimal Dynamics holds."""
    held = {each["externalOpportunityId"]: each["amount"] for each in copied.export("opportunity")}

    exported = {
        each["externalOpportunityId"]: each.get("amount")
        for each in records(tandem("export", "opportunity", world=copied))
    }

    assert held == exported
    assert any(isinstance(amount, Decimal) for amount in exported.values())


@pytest.mark.parametrize("entity", ENTITIES)
def test_csv_has_a_column_for_every_field_and_the_same_values(copied: World, tandem: Command, entity: str) -> None:
    """The header names all fields that are defined, whether or not a record has them."""
    as_json = records(tandem("export", entity, world=copied))
    ended = tandem("export", entity, "--format", "csv", world=copied)
    header, *rows = list(csv.reader(io.StringIO(ended.out, newline="")))

    assert header == copied.subscription.marketing.columns(entity)
    assert len(set(header)) == len(header)
    assert as_json == [
        {name: _typed(value, record.get(name)) for name, value in zip(header, row, strict=True) if value}
        for row, record in zip(rows, as_json, strict=True)
    ]


def test_D1_the_csv_header_of_people_holds_the_fields_of_leads_contacts_and_companies(
    copied: World, tandem: Command
) -> None:
    """Every selected field of the three tables."""
    header = tandem("export", "person", "--format", "csv", world=copied).out.partition("\n")[0].split(",")
    selected = {
        choice.api_name
        for entity, choices in copied.subscription.state.choices().items()
        for choice in choices.values()
        if choice.selected and entity.value in ("lead", "contact", "account")
    }

    assert selected <= set(header)


@pytest.mark.parametrize("entity", ["invoice", "people"])
def test_an_unknown_entity_is_named_with_those_there_are(copied: World, tandem: Command, entity: str) -> None:
    """The sentence helps to find the right word."""
    ended = tandem("export", entity, world=copied)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert f"There is no entity {entity!r}." in ended.err
    assert "account (company)" in ended.err


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_an_export_needs_no_more_memory_for_more_records(
    copied: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, format: str
) -> None:
    """Twenty megabytes of records pass through and never half of them is held, imports included."""
    big = "x" * 2_000
    monkeypatch.setenv("TANDEM_HOME", str(copied.settings.home))
    monkeypatch.setattr(EmbeddedMarketing, "export", lambda self, entity: ({"name": big} for _ in range(10_000)))
    with (tmp_path / "export").open("w+") as sink:
        monkeypatch.setattr("sys.stdout", sink)
        tracemalloc.start()
        code = main.run(["export", "team", "--format", format])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert ExitCode.DONE == code
    assert (tmp_path / "export").stat().st_size > 20_000_000
    assert peak < 10_000_000


def test_the_activity_log_needs_no_more_memory_for_more_entries(
    copied: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As with records."""
    entry = {"id": 1, "person_id": 1, "type": "x", "at": "", "field": None, "old": None, "source": None, "detail": None}
    big = {**entry, "new": json.dumps("x" * 2_000)}
    monkeypatch.setenv("TANDEM_HOME", str(copied.settings.home))
    monkeypatch.setattr(EmbeddedPeople, "history", lambda self, **_: (big for _ in range(10_000)))
    with (tmp_path / "export").open("w+") as sink:
        monkeypatch.setattr("sys.stdout", sink)
        tracemalloc.start()
        code = main.run(["export", "activity"])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert ExitCode.DONE == code
    assert (tmp_path / "export").stat().st_size > 20_000_000
    assert peak < 10_000_000


def test_a_reader_that_has_enough_ends_the_export_quietly(copied: World) -> None:
    """`tandem export person | head -1` is no failure worth a traceback."""
    command = "import sys; from tandem.cli.main import run; sys.exit(run(['export', 'person']))"
    environment = {**os.environ, "TANDEM_HOME": str(copied.settings.home)}
    with subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        assert (b"", ExitCode.PIPE_CLOSED) == (process.stderr.read(), process.wait(60))


def _typed(text: str, wanted: Any) -> Any:
    """A CSV value as the type the JSON export has."""
    match wanted:
        case bool():
            return text == "true"
        case int():
            return int(text)
        case Decimal():
            return Decimal(text)
        case _:
            return text


def test_the_activity_log_is_exported_entry_by_entry(copied: World, tandem: Command) -> None:
    """Oldest first, with the values as they are stored; CSV holds the same."""
    person = copied.export("person")[0]["id"]
    assert ExitCode.DONE == tandem("people", "set", str(person), "phone=555-0100", world=copied).code
    everything = records(tandem("export", "activity", world=copied))
    own = records(tandem("export", "activity", "--person", str(person), world=copied))
    header, *rows = csv.reader(io.StringIO(tandem("export", "Activity", "--format", "csv", world=copied).out))

    assert [each["id"] for each in everything] == sorted(each["id"] for each in everything)
    assert {each["id"] for each in copied.export("person")} <= {each["personId"] for each in everything}
    assert own == [each for each in everything if each["personId"] == person]
    assert ("Change Data Value", "phone", "555-0100", "Tandem") == tuple(
        own[-1][name] for name in ("type", "field", "new", "source")
    )
    assert len(rows) == len(everything)
    assert own[-1] == {
        name: _typed(value, own[-1].get(name)) for name, value in zip(header, rows[-1], strict=True) if value
    }


def test_the_activity_log_is_exported_from_a_time_on(copied: World, tandem: Command) -> None:
    """A day, or a moment of it, in UTC; what happened at that moment is in it."""
    everything = records(tandem("export", "activity", world=copied))
    last = everything[-1]["at"]

    def since(time: str) -> list[dict[str, Any]]:
        return records(tandem("export", "activity", "--since", time, world=copied))

    assert everything == since("2001-02-03")
    assert [each for each in everything if each["at"] >= last] == since(last) == since(last.removesuffix("Z"))
    assert [] == since("2999-01-01")


def test_the_history_of_a_deleted_and_of_a_merged_person_can_be_exported(make_world, tandem: Command) -> None:
    """Of who was deleted that entry is left; who was merged is found under the id of the winner."""
    with make_world() as world:
        world.create("contact", lastname="Ek")
        world.connect().sync()
        command = ("people", "create", "lastName=Ek")
        ids = [tandem(*command, "--json", world=world) for _ in range(3)]
        winner, loser, gone = (json.loads(each.out)["id"] for each in ids)
        tandem("people", "merge", str(winner), str(loser), world=world)
        tandem("people", "delete", str(gone), world=world)

        of_loser, of_gone = (
            records(tandem("export", "activity", "--person", str(each), world=world)) for each in (loser, gone)
        )

    assert {winner} == {each["personId"] for each in of_loser}
    assert ["New Person", "New Person", "Merge People"] == [each["type"] for each in of_loser]
    assert ["Delete Person"] == [each["type"] for each in of_gone]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(("person", "--since", "2025-01-01"), ExitCode.USAGE, "--since", id="a time for people"),
        pytest.param(("company", "--person", "1"), ExitCode.USAGE, "--person", id="a person for companies"),
        pytest.param(("activity", "--since", "yesterday"), ExitCode.USAGE, "yesterday", id="no time"),
        pytest.param(("activity", "--person", "999999"), ExitCode.FAILED, "no person 999999", id="nobody"),
    ],
)
def test_an_export_of_activities_that_cannot_be_is_refused(
    copied: World, tandem: Command, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """Without a line on standard output."""
    ended = tandem("export", *arguments, world=copied)

    assert (code, "") == (ended.code, ended.out)
    assert says in ended.err
