"""Tables for people, JSON for programs."""

import json
from enum import StrEnum

import pytest

from tandem.cli import output


class State(StrEnum):
    """Any closed set."""

    LIVE = "live"


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Enums by their values, letters of every script as they are."""
    output.json({"state": State.LIVE, "name": "Łukasz\n李", "none": None})

    (line,) = capsys.readouterr().out.splitlines()
    assert {"state": "live", "name": "Łukasz\n李", "none": None} == json.loads(line)
    assert "李" in line


def test_a_note_is_not_part_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output stays clean for pipes."""
    output.note("Working.")

    assert ("", "Working.\n") == capsys.readouterr()


def test_a_line_and_a_note_obey_nothing_that_others_say(capsys: pytest.CaptureFixture[str]) -> None:
    """A plug-in's message must not clear the screen, or write over what stands before it; JSON keeps what it says."""
    said = "Zürich\n\tno\xa0\x1b[2J\r\x07\x9b1m\u202eoh"
    output.line(said)
    output.note(said)
    shown, noted = capsys.readouterr()
    output.json({"said": said})

    assert "Zürich\n\tno\xa0\ufffd[2J\ufffd\ufffd\ufffd1m\ufffdoh\n" == shown == noted
    assert said == json.loads(capsys.readouterr().out)["said"]


def test_a_table_shows_numbers_right_and_nothing_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are told apart by what they hold."""
    output.table(
        ["entity", "records", "rate", "live"], [["account", 1234567, 1500.25, True], ["contact", 5, None, False]]
    )

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [
        "  entity      records      rate   live",
        "  account   1,234,567   1,500.2   yes",
        "  contact           5             no",
    ] == [line for line in lines if line and "─" not in line]


def test_a_table_without_rows_still_shows_its_heads(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found is an answer too."""
    output.table(["entity", "errors"], [], title="Errors")

    shown = capsys.readouterr().out
    assert "Errors" in shown
    assert "entity   errors" in shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("x" * 300, "x" * 300, id="a long value is not cut in a pipe"),
        pytest.param("[bold]Acme[/bold]", "[bold]Acme[/bold]", id="markup is text"),
        pytest.param("a\x1b[2Jb", "a\ufffd[2Jb", id="an escape sequence is not obeyed"),
        pytest.param("two\nlines", "two\ufffdlines", id="a line end stays inside its row"),
    ],
)
def test_a_table_shows_values_and_obeys_none(capsys: pytest.CaptureFixture[str], value: str, shown: str) -> None:
    """Record values come from other systems and may hold anything."""
    output.table(["name"], [[value]])

    assert shown in [line.strip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("failed", "heads"),
    [([0, None], "entity   read"), ([0, 2], "entity   read   failed")],
    ids=["empty everywhere", "not empty once"],
)
def test_an_optional_column_is_shown_where_it_says_something(
    capsys: pytest.CaptureFixture[str], failed: list[int | None], heads: str
) -> None:
    """A terminal is narrow; a column that is not optional stays, empty or not."""
    rows = [[name, 0, count] for name, count in zip(("lead", "contact"), failed, strict=True)]
    output.table(["entity", "read", "failed"], rows, optional=["failed"])

    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert " ".join(heads.split()) in shown
