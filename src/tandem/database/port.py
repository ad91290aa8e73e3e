"""What Tandem asks of a database, so that no other room depends on a driver or a dialect.

One connection, one writer, explicit transactions. Rows go in by the page and come out as tuples; nothing here is
called once per record. Parameters are named; a statement is looked up by name from an SQL file.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from tandem.database.statements import Statement
from tandem.model.errors import HaltStream, NeedsPerson, OurBug, RetryLater


class Dialect(StrEnum):
    """The two databases Tandem runs on."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Database(Protocol):
    """One subscription's database: a SQLite file or a PostgreSQL schema.

    Every method may raise DatabaseFull, DatabaseBusy, DatabaseGone or StatementRefused, and no error of a driver.
    """

    dialect: ClassVar[Dialect]
    place: str
    """Where it is, for people: a file, or a server, database and schema. Never a password."""

    def transaction(self) -> AbstractContextManager[None]:
        """Commit on a clean exit, roll back on any exception. One writer at a time; a nested call joins."""
        ...

    def run(self, statement: Statement, **parameters: Any) -> int:
        """Run one statement and return how many rows it changed."""
        ...

    def run_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for each row of a page."""
        ...

    def all(self, statement: Statement, **parameters: Any) -> list[tuple[Any, ...]]:
        """Every row of a query."""
        ...

    def one(self, statement: Statement, **parameters: Any) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        ...

    def stream(self, statement: Statement, **parameters: Any) -> Iterable[tuple[Any, ...]]:
        """The rows of a query, a few at a time: memory stays flat. Begin no transaction before the last of them."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Put a page of new rows into a table: the fastest way the database has."""
        ...

    def script(self, sql: str) -> None:
        """Run several statements written in Tandem's schema dialect (see `statements.translate_schema`)."""
        ...

    def flush(self) -> bool:
        """Take what was overwritten out of the files beside the database; False where a reader is in the way.

        SQLite's log keeps it until then; PostgreSQL sees to its own.
        """
        ...

    def array(self, values: Sequence[str] | Sequence[int]) -> Any:
        """A list of values as the parameter of `in_list(:name)`."""
        ...

    def fingerprint(self) -> str:
        """What tells this place from a copy of the database elsewhere (rule S10)."""
        ...

    def close(self) -> None:
        """Give the connection back. Idempotent."""
        ...


class DatabaseFull(NeedsPerson):
    """The disk, or the size limit, under the database is used up."""

    code = "database-full"
    advice = "Free some space, then run the same command again: it goes on where it stopped."


class DatabaseBusy(RetryLater):
    """Another process kept the database to itself for too long."""

    code = "database-busy"
    advice = "Another program is writing to this database. Wait for it to end, then run the command again."


class DatabaseGone(RetryLater):
    """The database server cannot be reached, or the file cannot be opened or read."""

    code = "database-gone"
    advice = "Check that the database server runs (or that the folder exists and may be written), then try again."


class DatabaseNewer(HaltStream):
    """The database was written by a newer Tandem."""

    code = "database-newer"
    advice = "Use the Tandem that last opened it, or a newer one. Nothing was changed."


class InUse(NeedsPerson):
    """Another Tandem is at work on this subscription."""

    code = "in-use"
    advice = "Only one Tandem may sync a subscription. Stop the other one (its process id is above), or let it work."


class BeingWritten(RetryLater):
    """Another Tandem was writing to Dynamics for longer than this one waits."""

    code = "being-written"
    advice = "Try again in a moment: only one may write to Dynamics at a time."


class StatementRefused(OurBug):
    """The database refused a statement: a rule of the schema was broken.

    The message names the rule; the database's own words, which may quote the row, are left out.
    """

    code = "statement-refused"
