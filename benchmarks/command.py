"""The command: which copies are measured, in which order, and what is printed."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import psycopg

from benchmarks.measurement import Job, Line, Result, measure
from benchmarks.pages import Ids, Pages
from benchmarks.report import Case, heading, machine, row
from benchmarks.sample import COLUMNS, take_samples
from benchmarks.server import serving
from tandem.database.port import Dialect
from tandem.model.entities import Entity
from tandem.testing.postgresql import NoPostgresql, postgresql_server

_ENTITIES = (Entity.CONTACT, Entity.ACCOUNT)
_QUICK = 100_000
_ROWS = (_QUICK, 1_000_000)


class Miscounted(RuntimeError):
    """A line did not copy what it was given, so its time means nothing."""


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments ask for; print each line of the table as soon as it is known."""
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
        print(f"First copy of {COLUMNS} columns, from pages made beforehand; `x` = times as long as.")
        print(f"{machine(_version(urls.get(Dialect.POSTGRESQL)))}\n\n{heading()}", flush=True)
        for pages in _all_pages(options):
            # A large copy is long enough to be its own average.
            rounds = options.rounds if pages.rows <= _QUICK else 1
            for case in _cases(pages, urls, rounds):
                print(row(case), flush=True)
    return 0


def _all_pages(options: argparse.Namespace) -> Iterator[Pages]:
    sizes = options.rows or ([_QUICK] if options.quick else _ROWS)
    for sample in take_samples(_ENTITIES).values():
        for rows in sizes:
            # Random ids are the harder ones, and the smaller size has told by how much.
            default = list(Ids) if rows <= _QUICK else [Ids.RANDOM]
            for ids in options.ids or default:
                yield Pages(sample=sample, rows=rows, ids=ids)


def _cases(pages: Pages, urls: dict[Dialect, str | None], count: int) -> Iterator[Case]:
    with serving(pages) as root:
        for database, url in urls.items():
            yield Case(pages=pages, database=database, rounds=[_round(pages, root, url) for _ in range(count)])


def _round(pages: Pages, root: str, url: str | None) -> dict[Line, Result]:
    results = {}
    for line in Line:
        results[line] = measure(Job(line=line, selection=pages.sample.selection, root=root, url=url))
        if results[line].rows != pages.rows:
            raise Miscounted(f"{line.value} copied {results[line].rows} rows of {pages.rows}.")
    return results


def _version(url: str | None) -> str | None:
    if url is None:
        return None
    with psycopg.connect(url) as database:
        return database.info.parameter_status("server_version")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast a first copy is.")
    parser.add_argument("--rows", type=int, action="append", metavar="N", help="rows to copy; may be given repeatedly")
    parser.add_argument("--database", choices=[*map(str, Dialect), "both"], default="both", help="where to copy to")
    parser.add_argument(
        "--ids", type=Ids, choices=list(Ids), action="append", help="kind of ids; may be given repeatedly"
    )
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK:,} rows only")
    parser.add_argument("--rounds", type=int, default=3, help=f"times up to {_QUICK:,} rows are copied; 3 by default")
    return parser
