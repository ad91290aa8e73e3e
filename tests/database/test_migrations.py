"""The schema goes forward in whole steps, and never under a newer Tandem's feet."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tandem.database.migrations import Migration, migrate, migrations_of
from tandem.database.port import Database, DatabaseNewer, Dialect, StatementRefused
from tandem.database.statements import parse_statements

_SQL = parse_statements("""
-- record
select room, number, name, applied_at from migration order by room, number;

-- rows
select word from word order by word;
""")

_WORDS = Migration(room="words", number=1, name="words", sql="create table word (word text not null) strict;")
_FIRST = Migration(room="words", number=2, name="first_word", sql="insert into word (word) values ('first');")
_BROKEN = Migration(room="words", number=3, name="broken", sql="insert into nowhere values (1);")
_AT = "2025-01-01T00:00:00Z"


def test_missing_steps_are_applied_once_and_recorded(open_database: Callable[[], Database]) -> None:
    """The second call finds nothing to do; a later step is applied alone."""
    database = open_database()
    first = migrate(database, [_WORDS], at=_AT)
    again = migrate(database, [_WORDS], at="2025-01-02T00:00:00Z")
    later = migrate(database, [_WORDS, _FIRST], at="2025-01-03T00:00:00Z")

    assert ([_WORDS], [], [_FIRST]) == (first, again, later)
    assert [("first",)] == database.all(_SQL["rows"])
    assert [("words", 1, "words", _AT), ("words", 2, "first_word", "2025-01-03T00:00:00Z")] == database.all(
        _SQL["record"]
    )


def test_a_step_that_fails_leaves_nothing_behind(open_database: Callable[[], Database]) -> None:
    """The steps before it are undone as well; a repaired list is applied as if nothing had been."""
    database = open_database()
    with pytest.raises(StatementRefused):
        migrate(database, [_WORDS, _FIRST, _BROKEN], at=_AT)

    assert [_WORDS, _FIRST] == migrate(database, [_WORDS, _FIRST], at=_AT)
    assert [("first",)] == database.all(_SQL["rows"])


def test_a_newer_database_is_left_alone(open_database: Callable[[], Database]) -> None:
    """The unknown step is named, and not even a step it lacks is applied."""
    database = open_database()
    migrate(database, [_WORDS, _FIRST], at=_AT)
    other = Migration(room="others", number=1, name="other", sql="create table other (id integer primary key);")
    with pytest.raises(DatabaseNewer, match=r"newer Tandem \(schema steps words 2\)"):
        migrate(database, [_WORDS, other], at=_AT)

    assert [("words", 1), ("words", 2)] == [row[:2] for row in database.all(_SQL["record"])]


def test_the_steps_of_another_room_are_no_newer_ones(open_database: Callable[[], Database]) -> None:
    """A room migrated alone does not complain about its neighbours."""
    database = open_database()
    other = Migration(room="others", number=1, name="other", sql="create table other (id integer primary key) strict;")
    migrate(database, [_WORDS, other], at=_AT)

    assert [] == migrate(database, [_WORDS], at=_AT)


@pytest.mark.parametrize("room", ["state", "marketing.embedded"])
def test_the_steps_of_a_room_are_numbered_without_gaps(room: str) -> None:
    """From 1, in the order of their files."""
    steps = migrations_of(room, f"tandem.{room}")

    assert list(range(1, len(steps) + 1)) == [step.number for step in steps]
    assert steps


_KILLED = """
import os, signal, sys
from pathlib import Path
from tandem.database.migrations import Migration, migrate
from tandem.database.postgresql import PostgresqlDatabase
from tandem.database.sqlite import SqliteDatabase

database = SqliteDatabase(Path(sys.argv[2])) if sys.argv[1] == "sqlite" else PostgresqlDatabase(*sys.argv[2:4])
script, left = database.script, int(sys.argv[4])
def killed(sql):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    script(sql)
database.script = killed
steps = [
    Migration(room="words", number=1, name="words", sql="create table word (word text not null) strict;"),
    Migration(room="words", number=2, name="first_word", sql="insert into word (word) values ('first');"),
]
migrate(database, steps, at="2025-01-01T00:00:00Z")
"""


@pytest.mark.parametrize("steps", [0, 1], ids=["before the first step", "between two steps"])
def test_a_kill_between_the_steps_repeats_none_and_skips_none(
    open_database: Callable[[], Database], request: pytest.FixtureRequest, steps: int
) -> None:
    """The next start applies them all, each once."""
    database = open_database()
    if database.dialect is Dialect.SQLITE:
        where = ["sqlite", database.place, ""]
    else:
        where = ["postgresql", request.getfixturevalue("postgresql_url"), database.place.rpartition(" ")[2]]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *where, str(steps)], check=False, timeout=60)
    applied = migrate(database, [_WORDS, _FIRST], at=_AT)

    assert -9 == killed.returncode
    assert [_WORDS, _FIRST] == applied
    assert [("first",)] == database.all(_SQL["rows"])
