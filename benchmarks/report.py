"""The table of the results: markdown, which a terminal shows as well as a page does."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import apsw

from benchmarks.measurement import Line, Result
from benchmarks.pages import Pages
from tandem.database.port import Dialect

_HEADINGS = (
    "copied ", "database  ", "     rows", "ids       ", " floor/s", "own driver/s", "Tandem/s",
    "x floor", "x own driver", "memory",
)  # fmt: skip
_PACKAGES = ("httpx2", "orjson", "msgspec", "apsw", "psycopg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was copied where, and the results of each line by rounds: those of a round ran one right after the other."""

    pages: Pages
    database: Dialect
    rounds: Sequence[Mapping[Line, Result]]

    def rate(self, line: Line) -> float:
        """The median of a line's rows per second."""
        return statistics.median(each[line].rows / each[line].seconds for each in self.rounds)

    def ratio(self, line: Line) -> float:
        """How many times as long as `line` Tandem takes: the median of the rounds."""
        return statistics.median(each[Line.TANDEM].seconds / each[line].seconds for each in self.rounds)

    @property
    def peak(self) -> int:
        """The most memory Tandem had in any round, in bytes."""
        return max(each[Line.TANDEM].peak for each in self.rounds)


def heading() -> str:
    """The first two lines of the table."""
    return f"{_row(_HEADINGS)}\n{_row(['-' * len(each) for each in _HEADINGS])}"


def row(case: Case) -> str:
    """A case as a line of the table."""
    cells = (
        case.pages.sample.selection.entity.value,
        case.database.value,
        f"{case.pages.rows:,}",
        case.pages.ids.value,
        *(f"{case.rate(line):,.0f}" for line in Line),
        f"{case.ratio(Line.FLOOR):.2f}",
        f"{case.ratio(Line.DRIVER):.2f}",
        f"{case.peak / 1e6:.0f} MB",
    )
    return _row([_padded(cell, heading) for cell, heading in zip(cells, _HEADINGS, strict=True)])


def machine(server: str | None) -> str:
    """Where this runs and on which versions; `server` is PostgreSQL's, where one is measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    databases = f"SQLite {apsw.sqlite_lib_version()} (floor {sqlite3.sqlite_version})"
    if server is not None:
        databases += f", PostgreSQL {server}"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} x {_processor()}, {memory:.0f} GiB, {platform.system()} {platform.release()}\n"
        f"Python {platform.python_version()}, {databases}, {packages}"
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _padded(cell: str, heading: str) -> str:
    """Words to the left, numbers to the right."""
    return cell.rjust(len(heading)) if cell[0].isdecimal() else cell.ljust(len(heading))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [each.partition(":")[2].strip() for each in lines if each.startswith("model name")]
    return names[0] if names else platform.machine()
