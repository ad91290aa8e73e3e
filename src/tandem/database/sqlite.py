"""SQLite through apsw: one file, WAL, one writer.

apsw carries its own SQLite: the interpreter's may be one in which a WAL reset can damage the file when two
connections meet (fixed in SQLite 3.51.3). `synchronous = full`: a commit survives a power cut.
"""

import json
import os
import platform
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import apsw

from tandem.database.port import DatabaseBusy, DatabaseFull, DatabaseGone, Dialect, StatementRefused
from tandem.database.statements import Statement, translate_schema
from tandem.model.errors import TandemError

PRAGMAS = (
    "journal_mode = wal",
    "synchronous = full",
    "foreign_keys = on",
    "temp_store = memory",
    "cache_size = -65536",  # KiB
    # Random ids touch most of an index again with every page: a rarer checkpoint, at 64 MB of log, writes it once.
    "wal_autocheckpoint = 16000",
    # Rows of an index that ANALYZE looks at; all of them would take seconds at a million rows.
    "analysis_limit = 1000",
    # What is deleted is overwritten, so that the file holds nothing of a person who was erased (R2).
    "secure_delete = on",
)
"""How every connection is set up."""
_BUSY_MILLISECONDS = 30_000
_UNUSABLE = (
    apsw.CantOpenError,
    apsw.ConnectionClosedError,
    apsw.CursorClosedError,
    apsw.NotADBError,
    apsw.CorruptError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.PermissionsError,
)


class SqliteDatabase:
    """A subscription in one SQLite file. Raises DatabaseGone when the file cannot be opened."""

    dialect: ClassVar[Dialect] = Dialect.SQLITE

    def __init__(self, path: Path, *, max_pages: int | None = None) -> None:
        self.place = str(path)
        _make_private(path)
        self._path = path
        try:
            self._connection = apsw.Connection(str(path))
            self._connection.set_busy_timeout(_BUSY_MILLISECONDS)
            self._cursor = self._connection.cursor()
            for pragma in PRAGMAS:
                self._cursor.execute(f"pragma {pragma}")
            if max_pages is not None:
                self._cursor.execute(f"pragma max_page_count = {int(max_pages)}")
        except apsw.Error as problem:
            raise self._translated(problem) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._connection.in_transaction:
            yield
            return
        self._execute("begin immediate", None)
        try:
            yield
            self._execute("commit", None)
        except BaseException:
            # A full disk makes SQLite roll back by itself; a second rollback would hide the first error.
            if not self._connection.get_autocommit():
                self._cursor.execute("rollback")
            raise

    def run(self, statement: Statement, **parameters: Any) -> int:
        self._execute(statement.sqlite, parameters)
        return self._connection.changes()

    def run_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._execute_many(statement.sqlite, rows)

    def all(self, statement: Statement, **parameters: Any) -> list[tuple[Any, ...]]:
        return list(self._execute(statement.sqlite, parameters))

    def one(self, statement: Statement, **parameters: Any) -> tuple[Any, ...] | None:
        rows = self.all(statement, **parameters)
        return rows[0] if rows else None

    def stream(self, statement: Statement, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.cursor().execute(statement.sqlite, parameters)
        except apsw.Error as problem:
            raise self._translated(problem) from None

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            marks = ", ".join("?" * len(columns))
            self._execute_many(f"insert into {table} ({', '.join(columns)}) values ({marks})", rows)  # noqa: S608

    def flush(self) -> bool:
        ((blocked, *_),) = self._execute("pragma wal_checkpoint(truncate)", None)
        return not blocked

    def script(self, sql: str) -> None:
        self._execute(translate_schema(sql, postgresql=False), None)

    def array(self, values: Sequence[str] | Sequence[int]) -> str:
        return json.dumps(values)

    def fingerprint(self) -> str:
        """The machine and the file's place on it (rule S10)."""
        return f"{_machine_id()}:{self._path.resolve()}"

    def close(self) -> None:
        self._connection.close()

    def _execute(self, sql: str, parameters: Mapping[str, Any] | None) -> apsw.Cursor:
        try:
            return self._cursor.execute(sql, parameters)
        except apsw.Error as problem:
            raise self._translated(problem) from None

    def _execute_many(self, sql: str, rows: Sequence[Any]) -> None:
        try:
            self._cursor.executemany(sql, rows)
        except apsw.Error as problem:
            raise self._translated(problem) from None

    def _translated(self, problem: apsw.Error) -> TandemError:
        # Where the disk is full already the shared-memory file of the WAL cannot be made: an I/O error by its name.
        no_shared_memory = getattr(problem, "extendedresult", None) == apsw.SQLITE_IOERR_SHMSIZE
        if isinstance(problem, apsw.FullError) or no_shared_memory:
            return DatabaseFull(f"The database {self.place} cannot grow: its disk is full ({problem}).")
        if isinstance(problem, apsw.BusyError | apsw.LockedError):
            return DatabaseBusy(f"The database {self.place} is locked by another program.")
        if isinstance(problem, _UNUSABLE):
            return DatabaseGone(f"The database {self.place} cannot be opened or read: {problem}.")
        return StatementRefused(f"The database {self.place} refused a statement: {problem}.")


def _make_private(path: Path) -> None:
    """A new database is its owner's alone; SQLite gives its other files the same rights."""
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _machine_id() -> str:
    for place in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            found = Path(place).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if found:
            return found
    return f"{platform.node()}-{uuid.getnode():012x}"
