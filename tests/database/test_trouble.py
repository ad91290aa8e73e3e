"""What a database does when it cannot: full, busy, gone. Nothing is half done, and each has its own sentence."""

import contextlib
import re
import traceback
from collections.abc import Callable
from pathlib import Path

import apsw
import psycopg
import pytest

from tandem.database import postgresql, sqlite
from tandem.database.port import Database, DatabaseBusy, DatabaseFull, DatabaseGone
from tandem.database.postgresql import PostgresqlDatabase
from tandem.database.sqlite import SqliteDatabase
from tandem.database.statements import Statement

_PAGES = 40


def _fill(database: Database, committed: list[str]) -> None:
    """Store pages until the database refuses; `committed` gets the names that were stored."""
    with database.transaction():
        database.script("create table note (id integer primary key, name text not null unique, size integer) strict;")
    while True:
        page = [f"{number:04} {'x' * 400}" for number in range(len(committed), len(committed) + 20)]
        with database.transaction():
            database.insert("note", ["name"], [(name,) for name in page])
        committed += page


def test_a_full_disk_leaves_the_data_whole(tmp_path: Path, sql: dict[str, Statement]) -> None:
    """Every committed page is there, nothing of the failed one, and after making room the work goes on."""
    path, committed = tmp_path / "full.db", list[str]()
    with (
        contextlib.closing(SqliteDatabase(path, max_pages=_PAGES)) as database,
        pytest.raises(DatabaseFull, match=f"{path} cannot grow"),
    ):
        _fill(database, committed)
    with contextlib.closing(SqliteDatabase(path)) as database:
        before = [row[0] for row in database.all(sql["names"])]
        with database.transaction():
            database.insert("note", ["name"], [("more",)])
        after = [row[0] for row in database.all(sql["names"])]
    with contextlib.closing(apsw.Connection(str(path))) as checked:
        integrity = list(checked.execute("pragma integrity_check"))

    assert committed
    assert (committed, [*committed, "more"]) == (before, after)
    assert [("ok",)] == integrity


def test_a_second_writer_waits_and_then_is_told_that_the_database_is_busy(
    notes: Database,
    open_database: Callable[[], Database],
    sql: dict[str, Statement],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It does not begin while the first decides; after the patience is used up the place is named."""
    for module in (sqlite, postgresql):
        monkeypatch.setattr(module, "_BUSY_MILLISECONDS", 20)
    other = open_database()
    with notes.transaction():
        with pytest.raises(DatabaseBusy, match=re.escape(other.place)), other.transaction():
            pytest.fail("two writers at one time")
        notes.insert("note", ["name"], [("first",)])
    with other.transaction():
        other.insert("note", ["name"], [("second",)])

    assert [("first",), ("second",)] == notes.all(sql["names"])


@pytest.mark.parametrize("kind", ["a folder", "no database", "in no folder"])
def test_a_file_that_is_no_database_is_gone(tmp_path: Path, kind: str) -> None:
    """The message names the file; what lies there stays as it is."""
    path = tmp_path / "nowhere" / "x.db" if kind == "in no folder" else tmp_path / "x.db"
    if kind == "a folder":
        path.mkdir()
    elif kind == "no database":
        path.write_bytes(b"a letter to my aunt, and long enough to be read as the header of a database file" * 20)
    with pytest.raises(DatabaseGone) as caught:
        SqliteDatabase(path)

    assert str(path) in caught.value.message
    assert kind != "no database" or path.read_bytes().startswith(b"a letter")


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param("127.0.0.1:{port}/marketing", id="nobody listens"),
        pytest.param("127.0.0.1:{port}/marketing?sslmode=sometimes", id="an unknown value"),
        pytest.param("127.0.0.1:{port}/marketing?color=blue", id="an unknown option"),
        pytest.param("127.0.0.1:port/marketing", id="a port that is no number"),
        pytest.param("127.0.0.1:{port}/mark%zzeting", id="a broken escape"),
    ],
)
def test_an_unreachable_server_is_gone_and_the_password_unsaid(closed_port: int, rest: str) -> None:
    """Neither the message nor the traceback holds it; the server is named."""
    url = f"postgresql://me:hunter2@{rest.format(port=closed_port) if '{' in rest else rest}"
    with pytest.raises(DatabaseGone) as caught:
        PostgresqlDatabase(url, "tandem_one")

    assert "127.0.0.1" in caught.value.message
    assert "hunter2" not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.fixture
def stranger_url(postgresql_url: str) -> str:
    """The URL of a user that may log in and nothing else."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("drop role if exists stranger")
        connection.execute("create role stranger login")
    return postgresql_url.replace("//tandem@", "//stranger@")


def test_a_user_without_rights_is_told_so(stranger_url: str) -> None:
    """With what an administrator of the database has to do."""
    with pytest.raises(DatabaseGone, match="does not let this user in") as caught:
        PostgresqlDatabase(stranger_url, "tandem_strangers")

    assert "create the schema" in caught.value.remedy


@pytest.mark.parametrize("inside", [False, True], ids=["between transactions", "inside a transaction"])
def test_a_lost_connection_is_gone(postgresql_url: str, inside: bool) -> None:
    """It is named as such, at once and for every later statement."""
    with contextlib.closing(PostgresqlDatabase(postgresql_url, "tandem_lost")) as database:
        with pytest.raises(DatabaseGone, match="lost"), database.transaction() if inside else contextlib.nullcontext():
            _use_after_cut(database, postgresql_url)
        with pytest.raises(DatabaseGone, match="lost"):
            database.script("select 1")


def _use_after_cut(database: Database, url: str) -> None:
    _cut(url, "tandem")
    database.script("select 1")


def _cut(url: str, application: str) -> None:
    """End the sessions of one program, as a restart of the server does; 5 s is how long the server may take."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "select bool_and(pg_terminate_backend(pid, 5000)) from pg_stat_activity where application_name = %s",
            (application,),
        ).fetchone()
    assert row == (True,)
