"""`tandem relink`, `adopt`, `fork`, `backup` and `restore`, as somebody types them (rules S9, S10)."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tandem.cli.invocation import ExitCode
from tandem.runtime import backups
from tandem.runtime.settings import load
from tandem.runtime.subscription import opened
from tandem.testing.world import World


@pytest.fixture
def own(tmp_path: Path, make_terminal: Callable[[World], Any]) -> Iterator[Any]:
    """A terminal at an organisation of the test's own, with three contacts that both sides have."""
    folder = tmp_path / "world"
    folder.mkdir()
    with World(folder) as world:
        for name in ("Ek", "Ng", "Berg"):
            world.create("contact", lastname=name, jobtitle="Buyer")
        yield make_terminal(world).synced()


def person(terminal: Any, name: str) -> dict[str, Any]:
    """The only person of that name."""
    (found,) = terminal.run("people", "find", name, "--json").json["people"]
    return dict(found)


# Relink ---------------------------------------------------------------------------------------------------------------


def test_S9_relink_shows_what_it_would_do_and_does_nothing_without_a_yes(own: Any) -> None:
    """The end of the input is a No."""
    own.world.become_a_copy()
    changed = own.world.organisation.find("contact", "lastname", "Ek")[0]
    own.world.edit("contact", changed, jobtitle="Director")

    ended = own.run("relink", typed="")

    assert ExitCode.FAILED == ended.code
    assert "Nothing was done." in ended.told
    assert "Verdict: the same data in another organisation. 100% of the sample were found." in ended.out
    totals = ended.out.partition("Fields in which they differ")[2].partition("Examples")[0]
    assert ["contact", "title", "to marketing", "1"] in [
        [cell for cell in (each.strip() for each in line.split("  ")) if cell] for line in totals.splitlines()
    ]
    assert "[organisation-changed]" in own.run("sync").told


def test_S9_relink_asks_and_goes_on_after_a_yes(own: Any) -> None:
    """Then the next sync reads everything once more, and status says what for."""
    own.world.become_a_copy()

    ended = own.run("relink", typed="y\n", is_terminal=True)
    status, streams = own.status()["state"], own.status()["streams"]
    synced = own.run("sync")

    assert (ExitCode.DONE, ExitCode.DONE) == (ended.code, synced.code), ended.told + synced.told
    assert ("review", {"relink"}) == (status, {each["reading"] for each in streams.values()})
    assert "current" == own.status()["state"]
    assert own.world.organisation.organization_id == own.status()["organization_id"]


def test_S9_relink_prints_facts_for_programs(own: Any) -> None:
    """Everything the tables show, and each difference of the sample."""
    before = own.world.organisation.organization_id
    own.world.become_a_copy()
    changed = own.world.organisation.find("contact", "lastname", "Ek")[0]
    own.world.edit("contact", changed, jobtitle="Director")

    found = own.run("relink", "--yes", "--json", "--samples", "2").json

    tables = {each["table"]: each for each in found["tables"]}
    assert (before, own.world.organisation.organization_id) == (found["before"]["id"], found["now"]["id"])
    assert ("copied", 1.0, {"account", "lead", "contact"}) == (found["verdict"], found["share"], tables.keys())
    assert (3, 2, 2) == tuple(tables["contact"][name] for name in ("known", "sampled", "found"))


def test_S9_relink_says_why_it_does_not_go_on(own: Any) -> None:
    """Nothing happened; or next to nothing of ours is there."""
    unchanged = own.run("relink", "--yes")
    own.world.become_a_copy()
    for name in ("Ek", "Ng", "Berg"):
        own.world.delete("contact", own.world.organisation.find("contact", "lastname", name)[0])
    strange = own.run("relink", "--yes")

    assert [ExitCode.FAILED, ExitCode.FAILED] == [unchanged.code, strange.code]
    assert "[nothing-to-relink]" in unchanged.told
    assert "[another-organisation]" in strange.told
    assert ExitCode.DONE == own.run("relink", "--yes", "--force").code


def test_S9_half_of_new_credentials_is_a_wrong_command_line(own: Any) -> None:
    """A tenant without an application would be forgotten in silence."""
    ended = own.run("relink", "--tenant", "contoso.com")

    assert ExitCode.USAGE == ended.code
    assert "--client-id" in ended.told


# Backup and restore ---------------------------------------------------------------------------------------------------


def test_S10_a_backup_is_put_back_refused_and_adopted(own: Any, tmp_path: Path) -> None:
    """Nothing goes on by itself; what Dynamics holds by now is here after the next sync."""
    saved = tmp_path / "saved.db"
    ended = own.run("backup", str(saved), "--json")
    own.world.edit("contact", own.world.organisation.find("contact", "lastname", "Ek")[0], lastname="Later")
    own.run("sync")

    put_back = own.run("restore", str(saved), typed="y\n", is_terminal=True)
    was = person(own, "Ek")
    refused = own.run("sync")
    adopted = own.run("adopt", "--yes", "--json")
    synced = own.run("sync")

    assert (saved.stat().st_size, 0o600) == (ended.json["bytes"], saved.stat().st_mode & 0o777)
    assert [ExitCode.DONE, ExitCode.FAILED, ExitCode.DONE, ExitCode.DONE] == [
        each.code for each in (put_back, refused, adopted, synced)
    ]
    assert "[copied-database]" in refused.told
    assert "`tandem adopt`" in refused.told
    assert "behind" == adopted.json["was"]
    assert was["id"] == person(own, "Later")["id"]


def test_S10_a_backup_is_made_while_somebody_is_at_work(own: Any, tmp_path: Path) -> None:
    """It is one moment of the database: what is being written is not in it, what was written last is."""
    saved = tmp_path / "saved.db"
    with opened(load()) as subscription, contextlib.closing(apsw.Connection(str(own.home / "default.db"))) as writing:
        writing.execute("update person set email = 'done'")
        writing.execute("begin immediate; update person set email = 'half done'")
        backups.back_up(subscription, saved)
        writing.execute("rollback")

    with contextlib.closing(apsw.Connection(str(saved))) as kept:
        assert [("done", 3)] == kept.execute("select email, count(*) from person group by email").fetchall()


def test_S10_a_backup_writes_over_no_file_and_leaves_none_half_done(own: Any, tmp_path: Path) -> None:
    """Last night's is worth more than a mistake."""
    saved = tmp_path / "saved.db"
    saved.write_text("precious", encoding="utf-8")
    taken = own.run("backup", str(saved))
    nowhere = own.run("backup", str(tmp_path / "no folder" / "saved.db"))

    assert ("[file-in-the-way]" in taken.told, "precious") == (True, saved.read_text(encoding="utf-8"))
    assert "[copy-refused]" in nowhere.told
    assert [] == list(tmp_path.rglob("*.unfinished*"))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "no-backup"),
        (b"no database at all, but long enough to be read" * 90, "copy-refused"),
        ("db", "no-backup"),
        ("damaged", "copy-refused"),
    ],
    ids=["no file", "some file", "some database", "a backup with a damaged page"],
)
def test_S10_what_is_no_backup_is_not_put_back(own: Any, tmp_path: Path, content: Any, code: str) -> None:
    """The present database is as it was."""
    file = tmp_path / "file"
    if content == "db":
        with apsw.Connection(str(file)) as other:
            other.execute("create table person (name text)")
    elif content == "damaged":
        own.run("backup", str(file))
        with contextlib.closing(apsw.Connection(str(file))) as kept:
            page = int(kept.execute("select rootpage from sqlite_schema where name = 'person'").get)
            size = int(kept.execute("pragma page_size").get)
        with file.open("r+b") as spoilt:
            spoilt.seek((page - 1) * size)
            spoilt.write(b"\xff" * size)
    elif content is not None:
        file.write_bytes(content)

    ended = own.run("restore", str(file), "--yes")

    assert (ExitCode.FAILED, True) == (ended.code, f"[{code}]" in ended.told), ended.told
    assert ExitCode.DONE == own.run("sync").code


def test_S10_a_restore_without_a_yes_changes_nothing(own: Any, tmp_path: Path) -> None:
    """What was made since the backup stays."""
    own.run("backup", str(tmp_path / "saved.db"))
    own.run("people", "create", "lastName=New")

    ended = own.run("restore", str(tmp_path / "saved.db"), typed="")

    assert (ExitCode.FAILED, "New") == (ended.code, person(own, "New")["name"].strip())


def test_S10_a_backup_is_put_into_a_home_that_has_none(own: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Another machine: the credentials need the key; without it they are given again."""
    own.run("backup", str(tmp_path / "saved.db"))
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "new"))

    put_back = own.run("restore", str(tmp_path / "saved.db"), "--yes")
    refused = own.run("sync")
    adopted = own.run("adopt", "--yes")
    rotated = own.run("connect", "--rotate", *own.application, "--client-secret", "-", typed=f"{own.secret}\n")
    synced = own.run("sync")

    assert [ExitCode.DONE, ExitCode.FAILED, ExitCode.DONE, ExitCode.DONE, ExitCode.DONE] == [
        each.code for each in (put_back, refused, adopted, rotated, synced)
    ], (put_back.told, refused.told, adopted.told, rotated.told, synced.told)


def test_S10_postgresql_is_saved_by_its_own_tools(
    own: Any, tmp_path: Path, monkeypatch: Any, postgresql_url: str
) -> None:
    """Both commands say so, before anything is touched."""
    monkeypatch.setenv("TANDEM_DATABASE", postgresql_url)
    monkeypatch.setenv("TANDEM_SUBSCRIPTION", "saved_by_server")
    own.connect()

    for command in (("backup", str(tmp_path / "saved.db")), ("restore", str(tmp_path / "saved.db"), "--yes")):
        ended = own.run(*command)
        assert (ExitCode.FAILED, True) == (ended.code, "[saved-by-the-server]" in ended.told), ended.told


# Adopt and fork -------------------------------------------------------------------------------------------------------


def test_S10_adopt_asks_whether_every_other_copy_is_stopped(own: Any) -> None:
    """It says what it thinks of the database; a No leaves it refused."""
    (own.home / "default.instance").unlink()

    asked = own.run("adopt", typed="n\n", is_terminal=True)
    refused = own.run("sync")

    assert ExitCode.FAILED == asked.code
    assert "is not the one this home has worked with" in asked.told
    assert "[copied-database]" in refused.told


def test_S10_a_fork_is_switched_off_and_not_connected(own: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """The original goes on as if nothing had been."""
    shutil.copytree(own.home, tmp_path / "copy")
    original = os.environ["TANDEM_HOME"]
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "copy"))
    asked, forked = own.run("fork", typed="n\n", is_terminal=True), own.run("fork", "--yes")
    status = own.status()
    monkeypatch.setenv("TANDEM_HOME", original)

    assert (ExitCode.FAILED, ExitCode.DONE, "not connected") == (asked.code, forked.code, status["state"])
    assert ExitCode.DONE == own.run("sync").code
    assert "[original-database]" in own.run("fork", "--yes").told


def test_S10_a_database_that_was_never_connected_is_nobodys(home: Path, terminal: Any) -> None:
    """There is nothing to adopt, to fork or to save."""
    for command in (("adopt", "--yes"), ("fork", "--yes"), ("backup", str(home / "saved.db")), ("relink", "--yes")):
        assert "[not-connected]" in terminal.run(*command).told
