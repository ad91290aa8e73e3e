"""The SQLite file of an organisation: a connection for each thread, one writer at a time, and a copy on demand.

Two threads that share a connection see each other's half-done work, and two that write at once would take the same
version; so each thread has its own connection, and who writes waits for its turn.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from tandem.sandbox.store.storage import Stored, compare_decimals


class Database:
    """A SQLite file at `path`, or in a temporary folder that goes when it is closed. Any thread may use it."""

    def __init__(self, path: Path | None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tandem-sandbox-") if path is None else None
        self._path = path if path is not None else Path(str(self._folder.name if self._folder else "")) / "org.db"
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._writing = threading.RLock()

    def close(self) -> None:
        """Close every connection; a temporary organisation is gone after this."""
        with self._writing:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            self._local = threading.local()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def connection(self) -> apsw.Connection:
        """This thread's connection. Writes belong inside `transaction`."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = apsw.Connection(str(self._path))
            connection.set_busy_timeout(10_000)
            connection.pragma("journal_mode", "wal")
            # What a power cut may take from a sandbox is the last second of a rehearsal.
            connection.pragma("synchronous", "off" if self._folder else "normal")
            connection.pragma("cache_size", -16_384)
            connection.create_collation("decimal", compare_decimals)
            connection.create_scalar_function("casefold", _casefold, 1, deterministic=True)
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One writer at a time; all or nothing. A nested one is part of the outer one."""
        with self._writing:
            connection = self.connection
            if connection.in_transaction:
                yield
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def unless_others_write(self) -> Iterator[bool]:
        """Whether no other thread writes at this moment; if so none begins to before this ends."""
        alone = self._writing.acquire(blocking=False)
        try:
            yield alone
        finally:
            if alone:
                self._writing.release()

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """Several reads of the same moment."""
        connection = self.connection
        if connection.in_transaction:
            yield connection
            return
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")

    def back_up(self) -> None:
        """Keep a copy of everything beside the database, in place of an earlier one."""
        draft = self._backup_path.with_suffix(".unfinished")
        draft.unlink(missing_ok=True)
        copy = apsw.Connection(str(draft))
        try:
            _copy(self.connection, copy)
        finally:
            copy.close()
        draft.replace(self._backup_path)

    def _copy_back(self) -> None:
        """Become the kept copy again. Raises ValueError without one. For whoever holds the writers up."""
        if not self._backup_path.exists():
            raise ValueError("there is no backup to restore")
        copy = apsw.Connection(str(self._backup_path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            _copy(copy, self.connection)
        finally:
            copy.close()

    @property
    def _backup_path(self) -> Path:
        return self._path.with_name(f"{self._path.name}.backup")


def _copy(source: apsw.Connection, target: apsw.Connection) -> None:
    with target.backup("main", source, "main") as backup:
        while not backup.done:
            backup.step(10_000)


def _casefold(*arguments: Stored) -> Stored:
    (text,) = arguments
    return None if text is None else str(text).casefold()
