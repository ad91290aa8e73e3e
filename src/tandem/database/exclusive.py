"""One Tandem per subscription, by a lock that dies with its process.

A timed lease would let two engines run after a long pause of one of them; a lock of the operating system, or of the
database session, cannot outlive its owner.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tandem.database.port import InUse
from tandem.database.postgresql import connect


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
