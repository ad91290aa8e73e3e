"""`tandem demo`: the main job once over, and nothing of it left behind."""

import contextlib
import io
import json
import os
import re
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


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    """What the demo of 200 people prints for programs."""
    printed, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        code = main.run(["demo", "--people", "200", "--json"])
    assert (ExitCode.DONE, "") == (code, told.getvalue())
    return dict(json.loads(printed.getvalue()))


def test_demo_copies_moves_and_counts(facts: dict[str, Any]) -> None:
    """One JSON object: per entity what was copied, and what moved either way after."""
    entities = facts["entities"]
    assert (120, 80, 10) == tuple(entities[table]["copied"] for table in ("lead", "contact", "account"))
    people = {"lead": entities["lead"], "contact": entities["contact"]}
    assert {"lead": (3, 0, 1), "contact": (5, 1, 2)} == {
        name: (each["changed"], each["deleted"], each["pushed"]) for name, each in people.items()
    }
    assert {"account"} == {name for name, each in entities.items() if each["changed"] == 1}
    assert [0] * len(entities) == [each["errors"] for each in entities.values()]


def test_S4_demo_ends_with_both_sides_equal_and_a_cycle_that_writes_nothing(facts: dict[str, Any]) -> None:
    """The organisation's own counter of versions says so too."""
    quiet = facts["quiet_cycle"]
    assert (0, 0, 0, 0) == (quiet["changed"], quiet["pushed"], quiet["new_versions"], facts["differences"])


def test_P4_demo_lists_what_each_side_lost(facts: dict[str, Any]) -> None:
    """Marketing wins the lead, Dynamics the contact; both values stand in the journal."""
    collided = [each for each in facts["conflicts"] if each["rule"] == "P4"]
    assert {"marketing", "dynamics"} == {each["winner"] for each in collided}
    assert [("Fan of the Brand", "Buyer of Everything")] * 2 == [
        (each["marketing"]["value"], each["dynamics"]["value"]) for each in collided
    ]


@pytest.mark.parametrize(
    ("rule", "scene", "expected"),
    [
        ("S4", "a phone number$", "both have +1 555 0100"),
        ("S3", r"Dynamics: (?!the account).* is renamed$", "-Rivera"),
        ("A4", "the account .* is renamed", "International; "),
        ("P1", "is entered", "activity log: New Person"),
        ("P11", "is qualified", "is a contact now, activity log: New Person, "),
        ("P12", "is merged into", "finds person"),
        ("P8", "is deleted", "stays, marked as deleted in Dynamics, type empty"),
        ("P3", "a job title meanwhile", "both have +1 555 0101, both have Director of Demonstrations"),
        ("P4", "the lead .* becomes", "both have Fan of the Brand, conflicts in the log: 1"),
        ("P4", "the contact .* becomes", "both have Buyer of Everything, conflicts in the log: 1"),
        (
            "F1",
            "signs up",
            "Dynamics has the lead Amira Adeyemi, amira@adeyemi.example; activity log: New Person, Sync",
        ),
    ],
)
def test_demo_shows_what_each_rule_did(facts: dict[str, Any], rule: str, scene: str, expected: str) -> None:
    """Every sentence comes from both databases after the sync."""
    (seen,) = [each["seen"] for each in facts["moved"] if re.search(scene, each["done"])]

    assert expected in seen


def test_demo_ends_with_a_table_a_person_understands(scratch: Path, tandem: Command) -> None:
    """Six numbered steps, then the table; the same organisation every time."""
    ended = tandem("demo", "--people", "100")

    assert (ExitCode.DONE, "") == (ended.code, ended.err)
    assert [f"{number}." for number in range(1, 7)] == [
        line[:2] for line in ended.out.splitlines() if line[:1].isdigit()
    ]
    for word in ("entity", "copied", "changed", "deleted", "pushed", "errors", "seconds", "rows/s"):
        assert word in ended.out
    assert "lead" in ended.out


def test_demo_leaves_nothing_behind_and_touches_no_home(scratch: Path, tandem: Command) -> None:
    """Its folder is gone, and the home of the one who runs it was not opened."""
    tandem("demo", "--people", "100", "--json")

    assert [] == list(scratch.iterdir())
    assert not Path(os.environ["TANDEM_HOME"]).exists()


def test_a_demo_of_too_few_people_exits_2(tandem: Command) -> None:
    """Every scene needs people of its own."""
    assert ExitCode.USAGE == tandem("demo", "--people", "10").code
