"""PostgreSQL through psycopg: one schema, COPY for pages, one writer at a time.

A write transaction first takes the schema's advisory lock. Without it two writers could each read a person, decide,
and write over the other's decision; SQLite has that lock by nature, so both databases behave alike.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.types.string import TextLoader

from tandem.database.port import DatabaseBusy, DatabaseFull, DatabaseGone, Dialect, StatementRefused
from tandem.database.statements import Statement, translate_schema
from tandem.model.errors import TandemError

_STREAM_ROWS = 2_000
_BUSY_MILLISECONDS = 30_000
_Row = tuple[Any, ...]


def connect(url: str, *, application: str = "tandem") -> psycopg.Connection[_Row]:
    """A connection to the server of `url`. Raises DatabaseGone, which never tells the password."""
    try:
        return psycopg.connect(url, autocommit=True, application_name=application)
    except psycopg.OperationalError as problem:
        raise DatabaseGone(f"PostgreSQL at {_server(url)} cannot be reached ({_reason(problem)}).") from None
    except psycopg.ProgrammingError:
        # The driver's words quote the part of the URL it stumbled over, which may be the password.
        raise DatabaseGone(f"The address of PostgreSQL at {_server(url)} is not a URL it understands.") from None


def schemas_of(url: str, prefix: str) -> list[str]:
    """What follows the prefix in the names of the schemas that begin with it, sorted. Raises DatabaseGone."""
    with closing(connect(url)) as connection:
        rows = connection.execute(
            "select nspname from pg_namespace where starts_with(nspname, %s)", (prefix,)
        ).fetchall()
    return sorted(str(name).removeprefix(prefix) for (name,) in rows)


class PostgresqlDatabase:
    """A subscription in one PostgreSQL schema, made on first use. Raises DatabaseGone when out of reach."""

    dialect: ClassVar[Dialect] = Dialect.POSTGRESQL

    def __init__(self, url: str, schema: str) -> None:
        self.place = f"{_server(url)} schema {schema}"
        self.schema = schema
        self._connection = connect(url)
        self._depth = self._streams = 0
        self._connection.adapters.register_loader("json", TextLoader)
        identifier = sql.Identifier(schema)
        try:
            self._execute("set client_min_messages = warning", None)
            self._execute(f"set lock_timeout = {_BUSY_MILLISECONDS}", None)
            self._execute(sql.SQL("create schema if not exists {}").format(identifier), None)
            self._execute(sql.SQL("set search_path = {}").format(identifier), None)
        except TandemError:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._depth:
            yield
            return
        self._depth = 1
        try:
            with self._connection.transaction():
                self._execute("select pg_advisory_xact_lock(hashtext(current_schema() || ':writer'))", None)
                yield
        except psycopg.Error as problem:
            raise self._translated(problem) from None
        finally:
            self._depth = 0

    def run(self, statement: Statement, **parameters: Any) -> int:
        return self._execute(statement.postgresql, parameters).rowcount

    def run_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        try:
            with self._connection.cursor() as cursor:
                cursor.executemany(statement.postgresql, rows)
        except psycopg.Error as problem:
            raise self._translated(problem) from None

    def all(self, statement: Statement, **parameters: Any) -> list[_Row]:
        return self._execute(statement.postgresql, parameters).fetchall()

    def one(self, statement: Statement, **parameters: Any) -> _Row | None:
        return self._execute(statement.postgresql, parameters).fetchone()

    def stream(self, statement: Statement, **parameters: Any) -> Iterator[_Row]:
        # A cursor of the server lives in a transaction; one that is open is joined, so that ending the stream early
        # rolls nothing of the caller's back.
        joins = self._connection.info.transaction_status is not TransactionStatus.IDLE
        self._streams += 1
        try:
            with (
                nullcontext() if joins else self._connection.transaction(),
                self._connection.cursor(name=f"tandem_{self._streams}") as cursor,
            ):
                cursor.itersize = _STREAM_ROWS
                cursor.execute(statement.postgresql, parameters)
                yield from cursor
        except psycopg.Error as problem:
            raise self._translated(problem) from None

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        copy = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), names)
        try:
            with self._connection.cursor() as cursor, cursor.copy(copy) as sink:
                for row in rows:
                    sink.write_row(row)
        except psycopg.Error as problem:
            raise self._translated(problem) from None

    def script(self, sql: str) -> None:
        self._execute(translate_schema(sql, postgresql=True), None)

    def array(self, values: Sequence[str] | Sequence[int]) -> str:
        # An array literal, quoted here: the driver would adapt its elements one by one, which takes far longer.
        quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
        return '{"' + '","'.join(quoted) + '"}' if values else "{}"

    def flush(self) -> bool:
        return True

    def fingerprint(self) -> str:
        """The cluster's own identifier and the schema (rule S10)."""
        row = self._execute("select system_identifier, current_database() from pg_control_system()", None).fetchone()
        return f"{row[0]}:{row[1]}:{self.schema}" if row else self.schema

    def close(self) -> None:
        self._connection.close()

    def _execute(self, text: str | sql.Composed, parameters: Mapping[str, Any] | None) -> psycopg.Cursor[_Row]:
        try:
            return self._connection.execute(text, parameters)
        except psycopg.Error as problem:
            raise self._translated(problem) from None

    def _translated(self, problem: psycopg.Error) -> TandemError:
        match problem:
            case psycopg.errors.DiskFull():
                return DatabaseFull(f"PostgreSQL at {self.place} reports a full disk.")
            case psycopg.errors.LockNotAvailable() | psycopg.errors.DeadlockDetected():
                return DatabaseBusy(f"PostgreSQL at {self.place} is kept busy by another program.")
            case psycopg.OperationalError() if self._connection.closed:
                return DatabaseGone(f"The connection to PostgreSQL at {self.place} was lost.")
            case psycopg.errors.InsufficientPrivilege():
                return DatabaseGone(
                    f"PostgreSQL at {self.place} does not let this user in.",
                    advice="Let the user create the schema, or create it and make the user its owner. Then try again.",
                )
            case _:
                rule = problem.diag.constraint_name or problem.diag.column_name or problem.sqlstate
                return StatementRefused(
                    f"PostgreSQL at {self.place} refused a statement: {type(problem).__name__} ({rule})."
                )


def _server(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2] or 'local'}{parts.path}"


def _reason(problem: psycopg.OperationalError) -> str:
    """The server's own words, which never hold the password (libpq leaves it out)."""
    return str(problem).strip().splitlines()[-1] if str(problem).strip() else "no answer"
