"""The benchmark measures what it says: every line copies every row, and a line that does not is no result."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

_HOME = Path(__file__).parents[2]


def test_every_case_is_measured_and_every_row_copied() -> None:
    """On both databases, people and companies; several thousand rows make two pages."""
    command = [sys.executable, "-m", "benchmarks", "--rows", "6000", "--rounds", "1", "--ids", "random"]
    done = subprocess.run(command, cwd=_HOME, capture_output=True, text=True, timeout=200, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    assert [
        ["contact", "sqlite", "6,000", "random"],
        ["contact", "postgresql", "6,000", "random"],
        ["account", "sqlite", "6,000", "random"],
        ["account", "postgresql", "6,000", "random"],
    ] == [line[:4] for line in lines[2:]]
    assert all(float(cell.replace(",", "")) > 0 for line in lines[2:] for cell in line[4:9])


def test_a_line_that_lost_a_row_is_no_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copying less is faster, so the counts are compared before a figure is printed."""
    monkeypatch.syspath_prepend(str(_HOME))
    command, measurement = (
        importlib.import_module("benchmarks.command"),
        importlib.import_module("benchmarks.measurement"),
    )
    lossy = measurement.Result(rows=9, seconds=1.0, peak=1)
    monkeypatch.setattr(command, "measure", lambda _job: lossy)

    with pytest.raises(command.Miscounted, match="floor copied 9 rows of 10"):
        command.main(["--rows", "10", "--rounds", "1", "--database", "sqlite"])

    assert "contact" not in capsys.readouterr().out
