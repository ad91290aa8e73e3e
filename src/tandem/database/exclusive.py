"""One engine per subscription and one writer to its organisation, by locks that die with their process.

A timed lease would let two engines run after a long pause of one of them; a lock of the operating system, or of the
database session, cannot outlive its owner. The engine's lock refuses whoever comes second. The writer's is taken for
moments, by the engine page by page and by actions in between, so it is waited for.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tandem.database.port import BeingWritten, InUse
from tandem.database.postgresql import connect

PATIENCE = 150.0
"""Seconds for which a writer is waited for: longer than the service lets one request take (reference 0.3)."""
_LOOK = 0.05
"""Seconds between two looks at a file that another process holds locked."""


@contextmanager
def lock_file(path: Path, *, subscription: str) -> Iterator[None]:
    """Hold `path` locked. Raises InUse, with the owner's process id, when another process holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
            raise InUse(
                f"Subscription {subscription!r} is being synced by another Tandem (process {owner}).",
                subscription=subscription,
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def lock_schema(url: str, schema: str, *, subscription: str) -> Iterator[None]:
    """Hold a PostgreSQL session lock for `schema`. Raises InUse when another session holds it, or DatabaseGone."""
    with contextlib.closing(connect(url, application="tandem lock")) as connection:
        key = f"{schema}:engine"
        row = connection.execute("select pg_try_advisory_lock(hashtext(%s))", (key,)).fetchone()
        if not row or not row[0]:
            owner = connection.execute(
                "select l.pid from pg_locks as l join pg_database as d on d.oid = l.database"
                " where l.locktype = 'advisory' and l.granted and d.datname = current_database()"
                " and l.objid::bigint = (hashtext(%s)::bigint & 4294967295) limit 1",
                (key,),
            ).fetchone()
            raise InUse(
                f"Subscription {subscription!r} is being synced by another Tandem"
                f" (database session {owner[0] if owner else 'unknown'}).",
                subscription=subscription,
            )
        try:
            yield
        finally:
            # The server notices a closed session a moment later; whoever comes next should not have to wait for that.
            with contextlib.suppress(psycopg.Error):
                connection.execute("select pg_advisory_unlock(hashtext(%s))", (key,))


@contextmanager
def wait_for_file(
    path: Path, *, subscription: str, patience: float = PATIENCE, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold `path` locked, whoever asked first getting it first. Raises BeingWritten after `patience` seconds.

    Whoever waits holds the gate, a second file, so that the owner cannot take the lock again before them.
    """
    with contextlib.ExitStack() as held:
        looks = iter(range(int(patience / _LOOK)))
        with _free_file(path.with_suffix(".gate")) as gate:
            lock = held.enter_context(_free_file(path))
            for take in (gate, lock):
                while not take():
                    if next(looks, None) is None:
                        raise _being_written(subscription)
                    sleep(_LOOK)
        yield


@contextmanager
def wait_for_schema(url: str, schema: str, *, subscription: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold a PostgreSQL session lock for writing; the server keeps the order of those who wait.

    Raises BeingWritten after `patience` seconds, or DatabaseGone.
    """
    with contextlib.closing(connect(url, application="tandem writing")) as connection:
        key = f"{schema}:writing"
        # Nought would mean to wait for ever.
        connection.execute("select set_config('lock_timeout', %s, false)", (f"{max(1, int(patience * 1000))}ms",))
        try:
            connection.execute("select pg_advisory_lock(hashtext(%s))", (key,))
        except psycopg.errors.LockNotAvailable:
            raise _being_written(subscription) from None
        try:
            yield
        finally:
            with contextlib.suppress(psycopg.Error):
                connection.execute("select pg_advisory_unlock(hashtext(%s))", (key,))


@contextmanager
def _free_file(path: Path) -> Iterator[Callable[[], bool]]:
    """Yields what tries to lock `path` and tells whether it did; the lock ends with the block."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield take
    finally:
        os.close(handle)


def _being_written(subscription: str) -> BeingWritten:
    return BeingWritten(
        f"Another Tandem has been writing to Dynamics for subscription {subscription!r} all the while.",
        subscription=subscription,
    )
