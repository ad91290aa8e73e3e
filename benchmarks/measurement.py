"""One measurement, in a process that has done nothing before: time, peak memory, and what was really done."""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import psycopg

from tandem.database.port import Database
from tandem.database.postgresql import PostgresqlDatabase
from tandem.database.sqlite import SqliteDatabase

_PATIENCE = 3_600
"""Seconds after which a measurement is given up."""
_PROCESSES = Path("/proc")


class Line(StrEnum):
    """Who does the work that is measured."""

    FLOOR = "floor"
    DRIVER = "own driver"
    TANDEM = "Tandem"


class Clock:
    """Times the part of a measurement that counts: seconds that pass, and those of this process's own computing."""

    seconds = 0.0
    own = 0.0

    def __enter__(self) -> None:
        self._begun = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        passed, computed = self._begun
        self.seconds, self.own = time.perf_counter() - passed, time.process_time() - computed


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done while the clock ran: rows, and the requests they took where these are counted."""

    rows: int
    requests: int = 0


class Job(Protocol):
    """One measurement to make."""

    def run(self, clock: Clock) -> Done:
        """Make ready, do the work under the clock, and count afterwards what was done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a measurement gave. `peak` is the largest resident memory in bytes, the database server's own left out;
    `own` the seconds of `seconds` in which this process computed."""

    rows: int
    seconds: float
    peak: int
    requests: int = 0
    own: float = 0.0

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def measure(job: Job) -> Result:
    """Do a job in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_measure, job).result(_PATIENCE)


@contextmanager
def new_place(url: str | None) -> Iterator[str]:
    """A file, or a schema of the PostgreSQL at `url`, that is gone afterwards."""
    if url is None:
        with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
            yield f"{folder}/bench.db"
        return
    schema = f"bench_{uuid4().hex}"
    try:
        yield schema
    finally:
        drop_schema(url, schema)


def drop_schema(url: str, schema: str) -> None:
    """Remove a schema with everything in it."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(f"drop schema if exists {schema} cascade".encode())


def open_place(url: str | None, place: str) -> Database:
    """Tandem's own driver on such a place."""
    return SqliteDatabase(Path(place)) if url is None else PostgresqlDatabase(url, place)


def _measure(job: Job) -> Result:
    clock = Clock()
    done = job.run(clock)
    return Result(rows=done.rows, requests=done.requests, seconds=clock.seconds, own=clock.own, peak=peak())


def peak(process: str = "self") -> int:
    """The largest resident memory in bytes: of this process, and where the system tells it, of another one."""
    status = _PROCESSES / process / "status"
    if status.exists():
        # Unlike the figure of getrusage this one forgets what the process was before it was started afresh.
        line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
