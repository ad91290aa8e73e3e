"""`tandem demo`: the main job once over, and nothing of it left behind."""

import contextlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandem.cli import main
from tandem.cli.invocation import ExitCode

Command = Callable[..., Any]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_demo_copies_moves_and_counts(scratch: Path, tandem: Command) -> None:
    """One JSON object: per entity what was copied, what moved after, and a quiet cycle at the end."""
    ended = tandem("demo", "--people", "200", "--json")

    assert (ExitCode.DONE, "") == (ended.code, ended.err)
    facts = json.loads(ended.out)
    entities = facts["entities"]
    assert (120, 80, 10) == tuple(entities[table]["copied"] for table in ("lead", "contact", "account"))
    assert {"account": 1, "lead": 2, "contact": 4} == {
        name: each["changed"] for name, each in entities.items() if each["changed"]
    }
    assert {"contact": 1} == {name: each["deleted"] for name, each in entities.items() if each["deleted"]}
    assert (0, 0) == tuple(sum(each[name] for each in entities.values()) for name in ("pushed", "errors"))
    assert 0 == facts["quiet_cycle"]["changed"]


@pytest.fixture(scope="module")
def moved() -> dict[str, str]:
    """What was done, and what was seen of it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert ExitCode.DONE == main.run(["demo", "--people", "200", "--json"])
    return {each["done"]: each["seen"] for each in json.loads(printed.getvalue())["moved"]}


@pytest.mark.parametrize(
    ("rule", "scene", "expected"),
    [
        ("S3", "is renamed", "-Rivera"),
        ("A4", "the account", "International; "),
        ("P1", "is entered", "activity log: New Person"),
        ("P11", "is qualified", "is a contact now, activity log: New Person, "),
        ("P12", "is merged into", "finds person"),
        ("P8", "is deleted", "stays, marked as deleted in Dynamics, type empty"),
        ("P3", "gets a phone number", "both stand: +1 555 0100, Director of Demonstrations"),
    ],
)
def test_demo_shows_what_each_rule_did(moved: dict[str, str], rule: str, scene: str, expected: str) -> None:
    """Every sentence comes from the marketing database after the sync."""
    (seen,) = [seen for done, seen in moved.items() if scene in done and (rule == "A4") is ("the account" in done)]

    assert expected in seen


def test_demo_ends_with_a_table_a_person_understands(scratch: Path, tandem: Command) -> None:
    """Five numbered steps, then the table; the same organisation every time."""
    ended = tandem("demo", "--people", "100")

    assert (ExitCode.DONE, "") == (ended.code, ended.err)
    assert [f"{number}." for number in range(1, 6)] == [
        line[:2] for line in ended.out.splitlines() if line[:1].isdigit()
    ]
    for word in ("entity", "copied", "changed", "deleted", "pushed", "errors", "seconds", "rows/s"):
        assert word in ended.out
    assert "lead" in ended.out
    assert "Pushed is 0" in ended.out


def test_demo_leaves_nothing_behind_and_touches_no_home(scratch: Path, tandem: Command) -> None:
    """Its folder is gone, and the home of the one who runs it was not opened."""
    tandem("demo", "--people", "100", "--json")

    assert [] == list(scratch.iterdir())
    assert not Path(os.environ["TANDEM_HOME"]).exists()


def test_a_demo_of_too_few_people_exits_2(tandem: Command) -> None:
    """Every scene needs people of its own."""
    assert ExitCode.USAGE == tandem("demo", "--people", "10").code
