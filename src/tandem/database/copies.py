"""Copies a SQLite database that may be in use, whole and of one moment.

A file that is copied while it is written is none of its states, and one that is put back beside the log of another is
damaged by it. So SQLite itself copies, page by page in one transaction of the target: killed in between, the target is
as it was.
"""

import contextlib
from pathlib import Path

import apsw

from tandem.database.port import DatabaseFull, DatabaseGone

_BUSY_MILLISECONDS = 30_000


class CopyRefused(DatabaseGone):
    """A database could not be copied."""

    code = "copy-refused"
    advice = "Check that the file is a database of Tandem, whole, and that it and its folder may be read and written."


def copy_database(source: Path, target: Path) -> None:
    """Make `target` what `source` is now. Whoever has either open may keep it open; nobody writes to the target.

    Raises CopyRefused or DatabaseFull. A damaged page is copied as it is: see `require_whole`.
    """
    try:
        with (
            contextlib.closing(apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)) as read,
            contextlib.closing(apsw.Connection(str(target))) as written,
        ):
            read.set_busy_timeout(_BUSY_MILLISECONDS)
            written.set_busy_timeout(_BUSY_MILLISECONDS)
            with written.backup("main", read, "main") as copying:
                copying.step(-1)
    except apsw.FullError as problem:
        raise DatabaseFull(f"{target} cannot hold a copy of {source}: its disk is full ({problem}).") from None
    except (apsw.NotADBError, apsw.CorruptError):
        raise CopyRefused(f"{source} is no database, or it is damaged.") from None
    except apsw.Error as problem:
        raise CopyRefused(f"{source} could not be copied to {target}: {problem}.") from None


def require_whole(copy: Path, *, source: Path) -> None:
    """Look at every page of a `copy` that nobody uses. Raises CopyRefused, which names the `source`, for damage."""
    try:
        with contextlib.closing(apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READONLY)) as read:
            found = [row[0] for row in read.execute("pragma quick_check(1)")]
    except apsw.Error as problem:
        found = [str(problem)]
    if found != ["ok"]:
        raise CopyRefused(f"{source} is damaged: {' '.join(found[0].split())}")
