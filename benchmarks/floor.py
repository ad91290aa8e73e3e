"""What a good engineer writes in fifteen lines: read a page, insert it, commit, one after the other.

The floor uses the fastest general parser and each database's usual driver. The harder line beside it uses Tandem's own
parser and driver, so that what still lies between it and Tandem's figure is the work of the sync alone.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter
from typing import Any

import httpx2
import orjson
import psycopg

from benchmarks.selection import Selection
from benchmarks.server import page_path
from tandem.database.port import Database
from tandem.database.sqlite import PRAGMAS
from tandem.database.statements import parse_statements
from tandem.dynamics.rows import RowDecoder
from tandem.model.schema import ColumnType

Rows = list[tuple[Any, ...]]
Parse = Callable[[bytes], tuple[Rows, str | None]]


@dataclass(frozen=True, slots=True)
class Flat:
    """A flat table without key, being filled: stores and commits a page; counts its rows."""

    store: Callable[[Rows], None]
    count: Callable[[], int]


def copy_pages(root: str, parse: Parse, store: Callable[[Rows], None]) -> None:
    """The fifteen lines: each page in one process and one thread, fetched, parsed, stored."""
    url: str | None = root + page_path(0)
    with httpx2.Client(headers={"Accept-Encoding": "gzip"}) as client:
        while url is not None:
            rows, url = parse(client.get(url).content)
            store(rows)


def plain_parser(selection: Selection) -> Parse:
    """orjson, and the selected columns of each row."""
    values = itemgetter(*selection.plan().decoder.select)

    def parse(body: bytes) -> tuple[Rows, str | None]:
        page = orjson.loads(body)
        return list(map(values, page["value"])), page.get("@odata.nextLink")

    return parse


def own_parser(selection: Selection) -> Parse:
    """Tandem's decoder. Numbers with decimals are read as floats, as a flat table would hold them."""
    table, exact = selection.table, (ColumnType.MONEY, ColumnType.DECIMAL)
    columns = {
        name: replace(column, type=ColumnType.DOUBLE) if column.type in exact else column
        for name, column in table.columns.items()
    }
    plan = selection.plan()
    decoder = RowDecoder(replace(table, columns=columns), plan.columns)
    values = attrgetter(*dict.fromkeys([table.primary_id, "versionnumber", *plan.columns]))

    def parse(body: bytes) -> tuple[Rows, str | None]:
        page = decoder.decode(body)
        return list(map(values, page.rows)), page.next_link

    return parse


@contextmanager
def plain_sqlite(path: str, width: int) -> Iterator[Flat]:
    """The interpreter's SQLite under the pragmas Tandem uses."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for pragma in PRAGMAS:
            database.execute(f"pragma {pragma}")
        database.execute(f"create table flat ({', '.join(_columns(width))})")
        insert = f"insert into flat values ({', '.join('?' * width)})"  # noqa: S608

        def store(rows: Rows) -> None:
            database.execute("begin")
            database.executemany(insert, rows)
            database.execute("commit")

        yield Flat(store, lambda: database.execute("select count(*) from flat").fetchone()[0])


@contextmanager
def plain_postgresql(url: str, schema: str, width: int) -> Iterator[Flat]:
    """psycopg, one COPY and one commit per page."""
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={schema}") as database:
        database.execute(f"create schema {schema}".encode())
        database.execute(f"create table flat ({', '.join(f'{name} text' for name in _columns(width))})".encode())

        def store(rows: Rows) -> None:
            with database.cursor() as cursor, cursor.copy("copy flat from stdin") as copy:
                for row in rows:
                    copy.write_row(row)

        yield Flat(store, lambda: database.execute("select count(*) from flat").fetchall()[0][0])


def own_driver(database: Database, width: int) -> Flat:
    """Tandem's driver, one commit per page."""
    columns = _columns(width)
    database.script(f"create table flat ({', '.join(f'{name} text' for name in columns)})")
    count = parse_statements("-- count\nselect count(*) from flat;")["count"]

    def store(rows: Rows) -> None:
        with database.transaction():
            database.insert("flat", columns, rows)

    return Flat(store, lambda: database.all(count)[0][0])


def _columns(width: int) -> Sequence[str]:
    return [f"c{number}" for number in range(width)]
