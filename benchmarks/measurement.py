"""One measurement, in a process that has done nothing before: time, peak memory, and what was really copied."""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

import psycopg

from benchmarks.copying import copy_with_tandem
from benchmarks.floor import copy_pages, own_driver, own_parser, plain_parser, plain_postgresql, plain_sqlite
from benchmarks.selection import Selection
from tandem.database.port import Database
from tandem.database.postgresql import PostgresqlDatabase
from tandem.database.sqlite import SqliteDatabase

_PATIENCE = 3_600
"""Seconds after which a measurement is given up."""
_PROCESS_STATUS = Path("/proc/self/status")


class Line(StrEnum):
    """What is measured."""

    FLOOR = "floor"
    DRIVER = "own driver"
    TANDEM = "Tandem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One measurement to make: the organisation at `root`, into a new database; `url` is set for PostgreSQL."""

    line: Line
    selection: Selection
    root: str
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a measurement gave. `peak` is the largest resident memory in bytes, the database server's own left out."""

    rows: int
    seconds: float
    peak: int

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def measure(job: Job) -> Result:
    """Do a job in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_measure, job).result(_PATIENCE)


class _Clock:
    """Times the part of a measurement that counts."""

    seconds = 0.0

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._begun


def _measure(job: Job) -> Result:
    clock = _Clock()
    with _new_place(job.url) as place:
        rows = _LINES[job.line](job, place, clock)
    return Result(rows=rows, seconds=clock.seconds, peak=_peak())


@contextmanager
def _new_place(url: str | None) -> Iterator[str]:
    """A file, or a schema, that is gone afterwards."""
    if url is None:
        with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
            yield f"{folder}/bench.db"
        return
    schema = f"bench_{uuid4().hex}"
    try:
        yield schema
    finally:
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(f"drop schema {schema} cascade".encode())


def _copy_plainly(job: Job, place: str, clock: _Clock) -> int:
    width = len(job.selection.plan().decoder.select)
    new = plain_sqlite(place, width) if job.url is None else plain_postgresql(job.url, place, width)
    with new as flat:
        with clock:
            copy_pages(job.root, plain_parser(job.selection), flat.store)
        return flat.count()


def _copy_with_own_driver(job: Job, place: str, clock: _Clock) -> int:
    with closing(_opened(job, place)) as database:
        flat = own_driver(database, len(job.selection.plan().decoder.select))
        with clock:
            copy_pages(job.root, own_parser(job.selection), flat.store)
        return flat.count()


def _copy_with_tandem(job: Job, place: str, clock: _Clock) -> int:
    with closing(_opened(job, place)) as database:
        return copy_with_tandem(job.root, job.selection, database, clock)


_LINES = {Line.FLOOR: _copy_plainly, Line.DRIVER: _copy_with_own_driver, Line.TANDEM: _copy_with_tandem}


def _opened(job: Job, place: str) -> Database:
    return SqliteDatabase(Path(place)) if job.url is None else PostgresqlDatabase(job.url, place)


def _peak() -> int:
    """The largest resident memory of this process in bytes."""
    if _PROCESS_STATUS.exists():
        # Unlike the figure of getrusage this one forgets what the process was before it was started afresh.
        line = next(each for each in _PROCESS_STATUS.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
