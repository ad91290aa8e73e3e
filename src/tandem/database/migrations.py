"""Brings a database to this Tandem's schema: all missing steps and their records in one transaction.

Without the record in the same transaction a kill between the two would run a step twice, and so would two Tandems that
look for missing steps at one time. A database that knows a step this Tandem does not know was written by a newer one
and is left alone.
"""

import re
from dataclasses import dataclass
from importlib.resources import files

from tandem.database.port import Database, DatabaseNewer
from tandem.database.statements import load_statements

_SQL = load_statements("tandem.database", "migrations.sql")
_FILE = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of one room's schema. Steps of a room are numbered from 1 without gaps."""

    room: str
    number: int
    name: str
    sql: str


def migrations_of(room: str, package: str) -> list[Migration]:
    """The steps that lie as `0001_name.sql` in the folder `migrations` of `package`."""
    folder = files(package).joinpath("migrations")
    found = []
    for entry in folder.iterdir():
        match = _FILE.match(entry.name)
        if match:
            sql = entry.read_text(encoding="utf-8")
            found.append(Migration(room=room, number=int(match[1]), name=match[2], sql=sql))
    return sorted(found, key=lambda step: step.number)


def migrate(database: Database, steps: list[Migration], *, at: str) -> list[Migration]:
    """Apply the steps the database lacks and return them; `at` is the time written into the record.

    Raises DatabaseNewer, and changes nothing, when the database knows more steps than `steps`.
    """
    with database.transaction():
        database.run(_SQL["create_record"])
        done = {(room, number) for room, number in database.all(_SQL["applied"])}
        _check_age(database, done, steps)
        missing = [step for step in steps if (step.room, step.number) not in done]
        for step in missing:
            database.script(step.sql)
            database.run(_SQL["record"], room=step.room, number=step.number, name=step.name, at=at)
    return missing


def _check_age(database: Database, done: set[tuple[str, int]], steps: list[Migration]) -> None:
    known, rooms = {(step.room, step.number) for step in steps}, {step.room for step in steps}
    unknown = sorted(f"{room} {number}" for room, number in done - known if room in rooms)
    if unknown:
        raise DatabaseNewer(
            f"The database {database.place} was written by a newer Tandem (schema steps {', '.join(unknown)})."
        )
