"""Saves the database of a subscription, and puts a saved one in its place (rule S10).

What is put back is older than what Dynamics has seen since. It is refused until somebody adopts it, which has
everything read once more: so putting it back writes nothing to Dynamics, and no mistake is made twice.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tandem.database.copies import CopyRefused, copy_database, require_whole
from tandem.database.migrations import migrate
from tandem.database.port import StatementRefused
from tandem.database.sqlite import SqliteDatabase
from tandem.marketing.embedded.marketing import marketing_migrations
from tandem.model.errors import NeedsPerson
from tandem.runtime import instance
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Subscription, now, opened
from tandem.state import SyncState, state_migrations
from tandem.state.state import INSTANCE


class SavedByTheServer(NeedsPerson):
    """The subscription is a schema of a PostgreSQL server, which has its own ways of saving and restoring."""

    code = "saved-by-the-server"
    advice = (
        "Use the server's tools, which work while Tandem does: `pg_dump --schema tandem_NAME` saves a subscription, "
        "`pg_restore` puts it back. After that: `tandem adopt`."
    )


class FileInTheWay(NeedsPerson):
    """There is a file already where the backup is to go."""

    code = "file-in-the-way"
    advice = "Nothing was written. Choose another name, or move the file away."


class NoBackup(NeedsPerson):
    """The file is not a saved subscription."""

    code = "no-backup"
    advice = "Nothing was changed. Give a file that `tandem backup` made."


def back_up(subscription: Subscription, file: Path) -> int:
    """Save the subscription as it is now in a new `file`, also while it is at work; the bytes it takes.

    It holds personal data, and the sealed credentials without the key. Raises SavedByTheServer, FileInTheWay,
    CopyRefused or DatabaseFull.
    """
    _require_file(subscription.settings)
    if file.exists():
        raise FileInTheWay(f"{file} exists.")
    with _scratch(file) as unfinished:
        copy_database(subscription.settings.database_file, unfinished)
        require_whole(unfinished, source=subscription.settings.database_file)
        unfinished.rename(file)
    return file.stat().st_size


def restore(settings: Settings, file: Path) -> None:
    """Put the saved subscription `file` in the place of the one in `settings`, or where there is none yet.

    Raises SavedByTheServer, NoBackup, CopyRefused, DatabaseNewer, DatabaseFull, InUse or BeingWritten; the present one
    is untouched then.
    """
    _require_file(settings)
    if not file.is_file():
        raise NoBackup(f"There is no file {file}.")
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _scratch(settings.database_file) as checked:
        copy_database(file, checked)
        require_whole(checked, source=file)
        _check(checked, file)
        with opened(settings, create=True) as subscription, subscription.exclusive(), subscription.writing():
            instance.expect_newer(subscription)
            copy_database(checked, settings.database_file)


def _check(copy: Path, file: Path) -> None:
    """Open the copy as a subscription is opened, and look for what every subscription has. Raises NoBackup."""
    with contextlib.closing(SqliteDatabase(copy)) as database:
        try:
            migrate(database, marketing_migrations() + state_migrations(), at=now())
        except StatementRefused:
            raise NoBackup(f"{file} is a database, and none of Tandem's.") from None
        if SyncState(database).setting(INSTANCE) is None:
            raise NoBackup(f"{file} holds a subscription that was never connected.")


@contextlib.contextmanager
def _scratch(file: Path) -> Iterator[Path]:
    """A private file beside `file`, which is gone afterwards unless it was renamed. Raises CopyRefused."""
    path = file.with_name(f"{file.name}.unfinished")
    places = [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal"))]
    for each in places:
        each.unlink(missing_ok=True)
    try:
        try:
            path.touch(mode=0o600)
        except OSError as problem:
            raise CopyRefused(f"{path} cannot be written: {problem.strerror}.") from None
        yield path
    finally:
        for each in places:
            each.unlink(missing_ok=True)


def _require_file(settings: Settings) -> None:
    if settings.database is not None:
        raise SavedByTheServer(f"Subscription {settings.subscription!r} is in {settings.database}.")
