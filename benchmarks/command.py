"""The command: what is measured, in which order, and what is printed."""

import argparse
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import psycopg

from benchmarks import report
from benchmarks.answering import PAGE, Answer, Editing, Reading, canned, draw_rows, first_page, sign_in
from benchmarks.copying import Copy
from benchmarks.cycling import SUBSCRIPTION, Cycle, Step
from benchmarks.edits import PersonEdits
from benchmarks.measurement import Job, Line, Result, drop_schema, measure, peak
from benchmarks.organisation import organisation_of
from benchmarks.pages import Ids, Pages
from benchmarks.pushing import Push
from benchmarks.sample import COLUMNS, take_samples
from benchmarks.server import serving
from tandem.database.port import Dialect
from tandem.model.entities import Entity
from tandem.runtime.subscription import SCHEMA_PREFIX
from tandem.testing.postgresql import NoPostgresql, postgresql_server

_COPIED = (Entity.CONTACT, Entity.ACCOUNT)
_QUICK = 100_000
_LARGE = 1_000_000
_ROWS = (_QUICK, _LARGE)
_EDITS = (1_000, 10_000)
_PEOPLE_PER_EDIT = 10
_MULTIPLIED = 6_000
"""People whose contacts are multiplied to the rows of a large table."""
_BOTH_WAYS = (Line.FLOOR, Line.TANDEM)

Urls = Mapping[Dialect, str | None]


class Part(StrEnum):
    """What can be measured alone."""

    COPIES = "copies"
    PUSHES = "pushes"
    CYCLES = "cycles"
    SANDBOX = "sandbox"


class Miscounted(RuntimeError):
    """A line did not do what it was given, so its time means nothing."""


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments ask for; print each line of a table as soon as it is known."""
    options = _parser().parse_args(arguments)
    databases = list(Dialect) if options.database == "both" else [Dialect(options.database)]
    with ExitStack() as stack:
        urls: dict[Dialect, str | None] = dict.fromkeys(databases)
        if Dialect.POSTGRESQL in urls:
            try:
                urls[Dialect.POSTGRESQL] = stack.enter_context(postgresql_server(durable=True))
            except NoPostgresql as problem:
                print(problem, file=sys.stderr)
                return 1
        print(report.machine(_version(urls.get(Dialect.POSTGRESQL))))
        for part in options.only or list(Part):
            heading, lines = _PARTS[part]
            print(f"\n{heading}", flush=True)
            for line in lines(options, urls):
                print(line, flush=True)
    return 0


def _copies(options: argparse.Namespace, urls: Urls) -> Iterator[str]:
    for pages in _all_pages(options):
        # A large copy is long enough to be its own average.
        count = options.rounds if pages.rows <= _QUICK else 1
        with serving(pages) as root:
            for database, url in urls.items():
                jobs = {line: Copy(line=line, selection=pages.sample.selection, root=root, url=url) for line in Line}
                rounds = [_round(jobs, rows=pages.rows) for _ in range(count)]
                yield report.copy_row(report.CopyCase(pages=pages, database=database, rounds=rounds))


def _all_pages(options: argparse.Namespace) -> Iterator[Pages]:
    sizes = options.rows or ([_QUICK] if options.quick else _ROWS)
    for sample in take_samples(_COPIED).values():
        for rows in sizes:
            # Random ids are the harder ones, and the smaller size has told by how much.
            default = list(Ids) if rows <= _QUICK else [Ids.RANDOM]
            for ids in options.ids or default:
                yield Pages(sample=sample, rows=rows, ids=ids)


def _pushes(options: argparse.Namespace, urls: Urls) -> Iterator[str]:
    (sample,) = take_samples([Entity.CONTACT]).values()
    for count in options.edits or _EDITS:
        pages = Pages(sample=sample, rows=count * _PEOPLE_PER_EDIT, ids=Ids.RANDOM)
        edits = PersonEdits(pages=pages, count=count)
        with serving(pages, edits) as root:
            for database, url in urls.items():
                jobs = {line: Push(line=line, edits=edits, root=root, url=url) for line in _BOTH_WAYS}
                rounds = [_round(jobs, rows=count) for _ in range(options.rounds)]
                yield report.push_row(report.PushCase(edits=edits, database=database, rounds=rounds))


def _cycles(options: argparse.Namespace, urls: Urls) -> Iterator[str]:
    for people in options.people or [_QUICK if options.quick else _LARGE]:
        with organisation_of(people) as door:
            for database, url in urls.items():
                with tempfile.TemporaryDirectory(prefix="tandem-bench-") as home:
                    steps = {
                        step: measure(Cycle(step=step, door=door, home=Path(home), url=url, changes=options.changes))
                        for step in Step
                    }
                if url is not None:
                    drop_schema(url, SCHEMA_PREFIX + SUBSCRIPTION)
                _expect(Step.QUIET, steps[Step.QUIET], 0)
                _expect(Step.BUSY, steps[Step.BUSY], 2 * options.changes)
                case = report.CycleCase(people=people, changes=options.changes, database=database, steps=steps)
                yield report.cycle_row(case)


def _sandbox(options: argparse.Namespace, urls: Urls) -> Iterator[str]:
    (sample,) = take_samples([Entity.CONTACT]).values()
    columns = sample.selection.plan().decoder.select
    edits = max(options.edits or _EDITS)
    for rows in options.rows or [_QUICK if options.quick else _LARGE]:
        pages = math.ceil(rows / PAGE)
        with organisation_of(_MULTIPLIED, contacts=rows) as description:
            door = sign_in(description)
            drawn = draw_rows(door, pages)
            page = first_page(door, columns)
            with canned(page) as floor_door:
                reading = Reading(door=door, columns=columns, pages=pages, touch=drawn[0])
                jobs: dict[Answer, Job] = {
                    Answer.FIRST: reading,
                    Answer.AGAIN: replace(reading, touch=None),
                    Answer.EDIT: Editing(door=door, rows=drawn, edits=edits),
                }
                floor: dict[Answer, Job] = {
                    Answer.FIRST: replace(reading, door=floor_door, touch=None),
                    Answer.EDIT: Editing(door=floor_door, rows=drawn, edits=edits),
                }
                expected = {Answer.FIRST: pages, Answer.AGAIN: pages, Answer.EDIT: edits}
                rounds = [(_answers(floor, expected), _answers(jobs, expected)) for _ in range(options.rounds)]
            case = report.AnswerCase(
                rows=rows,
                page=len(page),
                floor=[each for each, _ in rounds],
                rounds=[each for _, each in rounds],
                peak=peak(description["process"]),
            )
        yield report.answer_row(case)


def _answers(jobs: Mapping[Answer, Job], expected: Mapping[Answer, int]) -> dict[Answer, Result]:
    results = {answer: measure(job) for answer, job in jobs.items()}
    for answer, result in results.items():
        _expect(answer, result, expected[answer])
    return results


_PARTS: Mapping[Part, tuple[str, Callable[[argparse.Namespace, Urls], Iterator[str]]]] = {
    Part.COPIES: (
        f"First copy of {COLUMNS} columns, from pages made beforehand; `x` = times as long as.\n\n{report.copies()}",
        _copies,
    ),
    Part.PUSHES: (
        f"Push of edits, one in {_PEOPLE_PER_EDIT} people, to answers made beforehand.\n\n{report.pushes()}",
        _pushes,
    ),
    Part.CYCLES: (f"Cycles with a sandbox organisation of leads and contacts.\n\n{report.cycles()}", _cycles),
    Part.SANDBOX: (
        f"A sandbox's pages of {PAGE:,} contacts and {COLUMNS} columns, and single edits.\n\n{report.answers()}",
        _sandbox,
    ),
}


def _round(jobs: Mapping[Line, Job], *, rows: int) -> dict[Line, Result]:
    results = {}
    for line, job in jobs.items():
        results[line] = measure(job)
        _expect(line, results[line], rows)
    return results


def _expect(line: Line | Step | Answer, result: Result, rows: int) -> None:
    if result.rows != rows:
        raise Miscounted(f"{line.value} did {result.rows} rows of {rows}.")


def _version(url: str | None) -> str | None:
    if url is None:
        return None
    with psycopg.connect(url) as database:
        return database.info.parameter_status("server_version")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast Tandem is.")
    parser.add_argument(
        "--only", type=Part, choices=list(Part), action="append", help="what to measure; may be given repeatedly"
    )
    parser.add_argument("--database", choices=[*map(str, Dialect), "both"], default="both", help="where to copy to")
    parser.add_argument("--quick", action="store_true", help=f"copies and organisations of {_QUICK:,} only")
    parser.add_argument(
        "--rounds", type=int, default=3, help=f"times pushes and copies of up to {_QUICK:,} rows are made; 3 by default"
    )
    parser.add_argument("--rows", type=int, action="append", metavar="N", help="rows to copy; may be given repeatedly")
    parser.add_argument(
        "--ids", type=Ids, choices=list(Ids), action="append", help="kind of ids; may be given repeatedly"
    )
    parser.add_argument(
        "--edits", type=int, action="append", metavar="N", help="edits to push; may be given repeatedly"
    )
    parser.add_argument(
        "--people", type=int, action="append", metavar="N", help="people of an organisation; may be given repeatedly"
    )
    parser.add_argument(
        "--changes", type=int, default=1_000, metavar="N", help="people edited on each side; 1,000 by default"
    )
    return parser
