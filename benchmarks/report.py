"""The tables of the results: markdown, which a terminal shows as well as a page does."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import apsw

from benchmarks.answering import Answer
from benchmarks.cycling import Step
from benchmarks.edits import PersonEdits
from benchmarks.measurement import Line, Result
from benchmarks.pages import Pages
from tandem.database.port import Dialect

_COPIES = (
    "copied ", "database  ", "     rows", "ids       ", " floor/s", "own driver/s", "Tandem/s",
    "x floor", "x own driver", "memory",
)  # fmt: skip
_PUSHES = (" edits", "database  ", "requests", " floor/s", "Tandem/s", "x floor")
_CYCLES = (
    "   people", "database  ", "first copy", "quiet cycle", "requests", "edits each side", "cycle   ", "own work",
    "requests", "memory",
)  # fmt: skip
_ANSWERS = (
    "     rows", "page   ", "first read/s", "read again/s", "floor/s", "edits/s", "floor of edits/s", "memory",
)  # fmt: skip
_PACKAGES = ("httpx2", "orjson", "msgspec", "apsw", "psycopg")


Rounds = Sequence[Mapping[Line, Result]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyCase:
    """What was copied where, and the results of each line by rounds: those of a round ran one right after the other."""

    pages: Pages
    database: Dialect
    rounds: Rounds

    @property
    def peak(self) -> int:
        """The most memory Tandem had in any round, in bytes."""
        return max(each[Line.TANDEM].peak for each in self.rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushCase:
    """What was pushed from where, and the results of both lines by rounds."""

    edits: PersonEdits
    database: Dialect
    rounds: Rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleCase:
    """The steps of one subscription with so many people in Dynamics."""

    people: int
    changes: int
    database: Dialect
    steps: Mapping[Step, Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCase:
    """A table of the sandbox with so many rows: the size of its page, and the results by rounds with their floor.

    `peak` is the most memory that the sandbox had, in bytes.
    """

    rows: int
    page: int
    rounds: Sequence[Mapping[Answer, Result]]
    floor: Sequence[Mapping[Answer, Result]]
    peak: int


def copies() -> str:
    """The first two lines of the table of copies."""
    return _heading(_COPIES)


def copy_row(case: CopyCase) -> str:
    """A copy as a line of its table."""
    cells = (
        case.pages.sample.selection.entity.value,
        case.database.value,
        f"{case.pages.rows:,}",
        case.pages.ids.value,
        *(f"{rate(case.rounds, line):,.0f}" for line in Line),
        f"{ratio(case.rounds, Line.FLOOR):.2f}",
        f"{ratio(case.rounds, Line.DRIVER):.2f}",
        f"{case.peak / 1e6:.0f} MB",
    )
    return _padded_row(cells, _COPIES)


def pushes() -> str:
    """The first two lines of the table of pushes."""
    return _heading(_PUSHES)


def push_row(case: PushCase) -> str:
    """A push as a line of its table."""
    cells = (
        f"{case.edits.count:,}",
        case.database.value,
        f"{case.rounds[0][Line.TANDEM].requests:,}",
        f"{rate(case.rounds, Line.FLOOR):,.0f}",
        f"{rate(case.rounds, Line.TANDEM):,.0f}",
        f"{ratio(case.rounds, Line.FLOOR):.2f}",
    )
    return _padded_row(cells, _PUSHES)


def cycles() -> str:
    """The first two lines of the table of cycles."""
    return _heading(_CYCLES)


def cycle_row(case: CycleCase) -> str:
    """A subscription's cycles as a line of their table."""
    copy, quiet, busy = (case.steps[step] for step in Step)
    cells = (
        f"{case.people:,}",
        case.database.value,
        f"{copy.seconds:,.0f} s",
        f"{quiet.seconds:.2f} s",
        f"{quiet.requests}",
        f"{case.changes:,}",
        f"{busy.seconds:.2f} s",
        f"{busy.own:.2f} s",
        f"{busy.requests}",
        f"{busy.peak / 1e6:.0f} MB",
    )
    return _padded_row(cells, _CYCLES)


def answers() -> str:
    """The first two lines of the table of the sandbox."""
    return _heading(_ANSWERS)


def answer_row(case: AnswerCase) -> str:
    """What the sandbox answers as a line of its table; of each rate the best round."""
    pages, again, edits = (max(each[answer].rate for each in case.rounds) for answer in Answer)
    floor, edits_floor = (max(each[answer].rate for each in case.floor) for answer in (Answer.FIRST, Answer.EDIT))
    cells = (
        f"{case.rows:,}",
        f"{case.page / 1e6:.1f} MB",
        *(f"{each:,.0f}" for each in (pages, again, floor, edits, edits_floor)),
        f"{case.peak / 1e6:.0f} MB",
    )
    return _padded_row(cells, _ANSWERS)


def rate(rounds: Rounds, line: Line) -> float:
    """The median of a line's rows per second."""
    return statistics.median(each[line].rate for each in rounds)


def ratio(rounds: Rounds, line: Line) -> float:
    """How many times as long as `line` Tandem takes: the median of the rounds."""
    return statistics.median(each[Line.TANDEM].seconds / each[line].seconds for each in rounds)


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


def _heading(headings: Sequence[str]) -> str:
    return f"{_row(headings)}\n{_row(['-' * len(each) for each in headings])}"


def _padded_row(cells: Sequence[str], headings: Sequence[str]) -> str:
    return _row([_padded(cell, heading) for cell, heading in zip(cells, headings, strict=True)])


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
