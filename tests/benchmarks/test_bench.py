"""The benchmark measures what it says: a line does everything it is given, and one that does not is no result."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

_HOME = Path(__file__).parents[2]


def table(*arguments: str) -> list[list[str]]:
    """The lines of the table that the command prints, without its heading."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=_HOME, capture_output=True, text=True, timeout=200, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    return lines[2:]


def number(cell: str) -> float:
    """The number in a cell, without its unit."""
    return float(cell.split(" ")[0].replace(",", ""))


def test_every_copy_is_measured_and_every_row_copied() -> None:
    """On both databases, people and companies; several thousand rows make two pages."""
    lines = table("--only", "copies", "--rows", "6000", "--rounds", "1", "--ids", "random")

    assert [
        ["contact", "sqlite", "6,000", "random"],
        ["contact", "postgresql", "6,000", "random"],
        ["account", "sqlite", "6,000", "random"],
        ["account", "postgresql", "6,000", "random"],
    ] == [line[:4] for line in lines]
    assert all(number(cell) > 0 for line in lines for cell in line[4:9])


def test_R3_every_push_is_measured_and_takes_few_requests() -> None:
    """On both databases; batches, and what is left over alone."""
    lines = table("--only", "pushes", "--edits", "201", "--rounds", "1")

    assert [["201", "sqlite", "3"], ["201", "postgresql", "3"]] == [line[:3] for line in lines]
    assert all(number(cell) > 0 for line in lines for cell in line[3:])


def test_R3_every_cycle_is_measured_with_edits_on_both_sides() -> None:
    """On both databases; every edit arrives on the other side, and without edits nothing moves."""
    lines = table("--only", "cycles", "--people", "400", "--changes", "20")

    assert [["400", "sqlite", "20"], ["400", "postgresql", "20"]] == [[*line[:2], line[5]] for line in lines]
    for _, _, _, _, quiet, _, _, _, busy, _ in lines:
        # Leads and contacts are written apart.
        assert number(quiet) + 2 == number(busy)


def test_everything_that_a_sandbox_answers_is_measured() -> None:
    """Two pages, read twice, and edits over several connections, each beside its floor."""
    (line,) = table("--only", "sandbox", "--rows", "6000", "--edits", "50", "--rounds", "1", "--database", "sqlite")

    assert "6,000" == line[0]
    assert all(number(cell) > 0 for cell in line[1:])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["copies", "--rows", "10"], "floor did 9 rows of 10"),
        (["pushes", "--edits", "10"], "floor did 9 rows of 10"),
        (["cycles", "--people", "100"], "quiet cycle did 9 rows of 0"),
        (["sandbox", "--rows", "10"], "first read did 9 rows of 1"),
    ],
    ids=["a lost row", "a lost edit", "a quiet cycle that is not quiet", "a lost page"],
)
def test_a_line_that_did_something_else_is_no_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    """Doing less is faster, so the counts are compared before a figure is printed."""
    monkeypatch.syspath_prepend(str(_HOME))
    command, measurement = (
        importlib.import_module("benchmarks.command"),
        importlib.import_module("benchmarks.measurement"),
    )
    lossy = measurement.Result(rows=9, seconds=1.0, peak=1)
    monkeypatch.setattr(command, "measure", lambda _job: lossy)

    with pytest.raises(command.Miscounted, match=told):
        command.main(["--only", *arguments, "--rounds", "1", "--database", "sqlite"])

    assert "sqlite" not in capsys.readouterr().out.split("| ---", 1)[1]
