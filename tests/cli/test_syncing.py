"""`tandem sync` and `tandem run`: what they say, how they end, and what a bad day leaves behind."""

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import msgspec
import pytest

from tandem.cli import output, progress
from tandem.cli.invocation import ExitCode
from tandem.database import exclusive
from tandem.database.sqlite import SqliteDatabase
from tandem.model.entities import STANDARD, Entity
from tandem.model.errors import NeedsPerson
from tandem.report.status import read_status
from tandem.runtime import syncing
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import opened
from tandem.sandbox.door.operations import BecomeCopy, Disable, Operation, Privilege, Roles, Tracking
from tandem.sync.context import Progress

SECONDS = 60
COUNTS = {"read", "created", "updated", "deleted", "unchanged", "pushed", "failed"}


class Broken(NeedsPerson):
    """A fault of one record, as the way back to Dynamics will bring them."""

    code = "broken"
    advice = "Mend it."


def cycles(ended: Any) -> list[dict[str, Any]]:
    """The JSON objects of a command, one a cycle."""
    return [json.loads(line) for line in ended.out.splitlines()]


def total(cycle: dict[str, Any], name: str) -> int:
    """A count over all tables."""
    return sum(counts[name] for counts in cycle["entities"].values())


def test_S11_nothing_is_synced_before_it_is_enabled(terminal: Any) -> None:
    """The sentence names both ways on; nothing was read."""
    terminal.connected()

    for command in ("sync", "run"):
        ended = terminal.run(command)
        assert (ExitCode.FAILED, "") == (ended.code, ended.out)
        assert "Subscription 'default' is not enabled" in ended.told
        assert "[not-enabled]" in ended.told
    assert {} == terminal.status()["streams"]


def test_S2_the_first_copy_begins_with_an_estimate(terminal: Any) -> None:
    """Rows, requests, minutes and disk on standard error, once; then every table is copied."""
    first = terminal.connected().run("sync", "--enable")
    second = terminal.run("sync")

    assert (ExitCode.DONE, ExitCode.DONE) == (first.code, second.code)
    (estimate,) = first.told.splitlines()
    assert estimate.startswith("First copy, estimated: ")
    for part in ("lead 300, contact 200", " requests, ", " minutes, ", " MB of disk."):
        assert part in estimate
    assert "The first copy is complete." in first.out
    assert "" == second.told
    status = terminal.status()
    assert "current" == status["state"]
    assert status["first_copy_completed_at"]


def test_S3_json_is_one_object_a_cycle_and_a_quiet_cycle_does_nothing(terminal: Any) -> None:
    """interface.md's contract: counts of every table, requests to each side, seconds."""
    first = cycles(terminal.connected().run("sync", "--enable", "--json"))
    (quiet,) = cycles(terminal.run("sync", "--json"))

    assert 2 == len(first)
    assert {*STANDARD, Entity.OPPORTUNITY_ROLE} == set(first[0]["entities"])
    for cycle in (*first, quiet):
        assert all(set(counts) >= COUNTS for counts in cycle["entities"].values())
        assert cycle["requests"]["dynamics"] > 0
        assert 0 == cycle["requests"]["marketing"]
        assert cycle["seconds"] > 0
    assert 500 == sum(first[0]["entities"][table]["read"] for table in ("lead", "contact"))
    assert (0, 0, 0, 0) == tuple(total(quiet, name) for name in ("created", "updated", "deleted", "pushed"))


@pytest.mark.parametrize(
    ("name", "tables"),
    [("contact", {"contact"}), ("company", {"account"}), ("person", {"lead", "contact"})],
    ids=["Dynamics' name", "marketing's name", "a name of two tables"],
)
def test_one_entity_is_read_alone(terminal: Any, name: str, tables: set[str]) -> None:
    """Its first copy, then its changes; the others wait for a whole sync."""
    copied = terminal.connected().run("sync", "--enable", "--entity", name, "--json")
    (again,) = cycles(terminal.run("sync", "--entity", name, "--json"))

    assert ExitCode.DONE == copied.code, copied.told
    assert tables == {table for table, counts in cycles(copied)[0]["entities"].items() if counts["read"]}
    assert 0 == total(again, "read")
    status = terminal.status()
    assert ("first copy", None) == (status["state"], status["first_copy_completed_at"])
    whole = terminal.run("sync", "--json")
    assert ExitCode.DONE == whole.code
    assert not tables & {table for table, counts in cycles(whole)[0]["entities"].items() if counts["created"]}
    assert "current" == terminal.status()["state"]


def test_an_entity_that_is_none_is_said(terminal: Any) -> None:
    """With the names there are."""
    ended = terminal.synced().run("sync", "--entity", "people")

    assert ExitCode.FAILED == ended.code
    assert "There is no entity 'people'." in ended.told
    assert "contact (person)" in ended.told


def test_a_table_that_may_not_be_read_stops_only_itself(terminal: Any) -> None:
    """Exit 1 with the privilege to give; the others are copied; given the privilege it heals by itself."""
    world = terminal.connected().world
    world.do(Privilege(privilege="prvReadOpportunity", depth=None))
    try:
        ended = terminal.run("sync", "--enable")
        status, errors = terminal.status(), terminal.run("errors", "--json").json["causes"]
    finally:
        world.do(Privilege(privilege="prvReadOpportunity", depth="Global"))
    healed = terminal.run("sync")

    assert ExitCode.FAILED == ended.code
    assert "opportunity: The sync user lacks a privilege (privilege prvReadOpportunity" in ended.told
    assert "Add the privilege, for the whole organisation" in ended.told
    assert ("partly halted", 1) == (status["state"], status["entities"]["opportunity"]["errors"])
    records = {table: entity["records"] for table, entity in status["entities"].items()}
    assert (25, 0) == (records["account"], records["opportunity"])
    assert [("opportunity", "missing-privilege", "job")] == [
        (cause["entity"], cause["code"], cause["errors"][0]["level"]) for cause in errors
    ]
    assert ExitCode.DONE == healed.code, healed.told
    after = terminal.status()
    assert ("current", 0, 100) == (
        after["state"], after["entities"]["opportunity"]["errors"], after["entities"]["opportunity"]["records"],
    )  # fmt: skip
    assert [] == terminal.run("errors", "--json").json["causes"]


def test_S3_a_table_without_change_tracking_is_a_weak_stream(terminal: Any) -> None:
    """Copied all the same, and status says what it is."""
    world = terminal.connected().world
    world.do(Tracking(table="team", enabled=False))
    try:
        ended, quiet = terminal.run("sync", "--enable"), terminal.run("sync")
        shown = terminal.run("status").out
    finally:
        world.do(Tracking(table="team", enabled=True))

    assert (ExitCode.DONE, ExitCode.DONE) == (ended.code, quiet.code)
    assert terminal.status()["streams"]["team"]["weak"]
    assert 9 == terminal.status()["entities"]["team"]["records"]
    (line,) = [line for line in shown.splitlines() if "team " in line and "weak" in line]
    assert "weak: no change tracking" in line


def test_S3_change_tracking_turned_off_later_makes_that_table_a_weak_stream(terminal: Any) -> None:
    """It is followed by the time of its edits, and status says so until tracking is on again."""
    world = terminal.synced().world
    world.do(Tracking(table="lead", enabled=False))
    try:
        ended = terminal.run("sync", "--json")
        weak = terminal.status()["streams"]["lead"]["weak"]
    finally:
        world.do(Tracking(table="lead", enabled=True))
    again = terminal.run("sync")

    assert (ExitCode.DONE, True) == (ended.code, weak)
    assert {} == cycles(ended)[-1]["problems"]
    assert (ExitCode.DONE, False) == (again.code, terminal.status()["streams"]["lead"]["weak"])


def test_S9_another_organisation_stops_everything_before_any_write(terminal: Any) -> None:
    """Who answers, whom it belongs to, and what to do; the data is as it was."""
    world = terminal.synced().world
    organisation, before = world.organisation.organization_id, terminal.status()
    world.do(BecomeCopy())
    try:
        ended = terminal.run("sync")
        halted, shown = terminal.status(), terminal.run("status").out
    finally:
        world.do(BecomeCopy(id=organisation))

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert f"belongs to organisation {organisation}" in ended.told
    assert "[organisation-changed]" in ended.told
    assert ("halted", before["entities"], before["streams"].keys()) == (
        halted["state"], halted["entities"], halted["streams"].keys(),
    )  # fmt: skip
    assert "organisation-changed" == halted["last_cycle"]["stopped_by"]["code"]
    assert "[organisation-changed]" in shown
    assert ExitCode.DONE == terminal.run("sync").code
    assert "current" == terminal.status()["state"]


@pytest.mark.parametrize(
    ("broken", "mended", "code"),
    [
        pytest.param(Roles(assigned=False), Roles(assigned=True), "no-roles", id="its roles"),
        pytest.param(Disable(disabled=True), Disable(disabled=False), "user-disabled", id="its account"),
    ],
)
def test_S7_a_sync_user_that_lost_something_halts_everything(
    terminal: Any, broken: Operation, mended: Operation, code: str
) -> None:
    """Exit 1 with the reason, which status repeats; given back, the next sync works."""
    world, before = terminal.synced().world, terminal.status()["entities"]
    world.do(broken)
    try:
        ended, halted = terminal.run("sync"), terminal.status()
    finally:
        world.do(mended)

    assert ExitCode.FAILED == ended.code
    assert ended.told.endswith(f"[{code}]\n")
    assert ("halted", code, before) == (
        halted["state"], halted["last_cycle"]["stopped_by"]["code"], halted["entities"],
    )  # fmt: skip
    assert ExitCode.DONE == terminal.run("sync").code
    assert "current" == terminal.status()["state"]


def test_another_tandem_at_work_is_said_with_its_process(terminal: Any) -> None:
    """Only one may sync; looking is allowed meanwhile."""
    terminal.synced()

    with exclusive.lock_file(terminal.home / "default.lock", subscription="default"):
        refused = [terminal.run("sync"), terminal.run("disconnect")]
        looked = terminal.run("status")

    assert ExitCode.DONE == looked.code
    for ended in refused:
        assert ExitCode.FAILED == ended.code
        assert f"is being synced by another Tandem (process {os.getpid()})" in ended.told
        assert "[in-use]" in ended.told


def test_a_database_of_a_newer_tandem_is_left_alone(terminal: Any) -> None:
    """Every command says so, and changes nothing."""
    terminal.connected()
    with closing(SqliteDatabase(terminal.home / "default.db")) as database:
        database.script("insert into migration (room, number, name, applied_at) values ('state', 999, 'later', 'x');")

    for command in ("sync", "status"):
        ended = terminal.run(command)
        assert ExitCode.FAILED == ended.code
        assert "was written by a newer Tandem (schema steps state 999)" in ended.told
        assert "[database-newer]" in ended.told


def test_a_full_disk_stops_the_copy_and_it_goes_on_with_room(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page in hand is taken back whole; with room again the result is that of an undisturbed copy."""
    full = partial(SqliteDatabase, max_pages=150)
    monkeypatch.setenv("TANDEM_PAGE_SIZE", "50")
    terminal.connected()
    with monkeypatch.context() as patch:
        patch.setattr("tandem.runtime.subscription.SqliteDatabase", full)
        ended = terminal.run("sync", "--enable")

    assert ExitCode.FAILED == ended.code
    assert f"The database {terminal.home / 'default.db'} cannot grow" in ended.told
    assert "it goes on where it stopped" in ended.told
    halfway = sum(entity["records"] for entity in terminal.status()["entities"].values())
    assert ExitCode.DONE == terminal.run("sync").code
    entities = terminal.status()["entities"]
    assert halfway < sum(entity["records"] for entity in entities.values())
    assert (25, 100) == (entities["account"]["records"], entities["opportunity"]["records"])
    assert (300, 200) == tuple(entities[name]["records"] + entities[name]["superseded"] for name in ("lead", "contact"))


def test_open_errors_of_records_end_with_3(terminal: Any) -> None:
    """A script can tell them from a failure; ignored they do not count."""
    terminal.synced()
    with opened(Settings(home=terminal.home)) as subscription, subscription.database.transaction():
        subscription.state.journal.add_error(
            Broken("The record is broken."),
            entity=Entity.LEAD,
            operation="update",
            at=subscription.now(),
            level="record",
            crm_id="0b2f",
        )

    ended = terminal.run("sync")
    (cause,) = terminal.run("errors", "--json").json["causes"]
    ignored = terminal.run("errors", "--ignore", str(cause["errors"][0]["id"]))
    after = terminal.run("sync")

    assert (ExitCode.RECORD_ERRORS, ExitCode.DONE, ExitCode.DONE) == (ended.code, ignored.code, after.code)
    assert "1 records could not be synced: see `tandem errors`." in ended.told


@contextmanager
def stopping_at(monkeypatch: pytest.MonkeyPatch, entity: Entity, rows: int, number: int) -> Iterator[None]:
    """A signal comes while `entity` is copied, once `rows` of it are there."""

    def report(_lines: Any, progress: Progress) -> None:
        if progress.entity is entity and progress.rows == rows:
            signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(progress.Lines, "__call__", report)
        yield


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_S2_a_stopped_copy_goes_on_where_it_was(terminal: Any, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The page in hand is finished, nothing after it is read, and no row is read again from the start."""
    monkeypatch.setenv("TANDEM_PAGE_SIZE", "50")
    terminal.connected()

    with stopping_at(monkeypatch, Entity.LEAD, 100, number):
        stopped = terminal.run("sync", "--enable", "--json")
    status = terminal.status()
    rest = cycles(terminal.run("sync", "--json"))

    assert ExitCode.INTERRUPTED == stopped.code
    assert "Stopped. The next `tandem sync` goes on from here." in stopped.told
    assert ("first copy", "copying", 100, 300) == (
        status["state"], *(status["streams"]["lead"][name] for name in ("state", "rows_read", "total")),
    )  # fmt: skip
    lead = status["entities"]["lead"]
    assert (200, True) == (lead["backlog_inserts"], lead["oldest_pending"] is not None)
    assert 200 == status["entities"]["contact"]["backlog_inserts"]
    assert 200 == sum(cycle["entities"]["lead"]["read"] for cycle in rest)
    after = terminal.status()
    assert ("current", 300) == (after["state"], sum(after["entities"]["lead"][k] for k in ("records", "superseded")))
    assert (0, None) == (after["entities"]["lead"]["backlog_inserts"], after["entities"]["lead"]["oldest_pending"])


@contextmanager
def running(terminal: Any, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`tandem run` as a process; killed, whatever happens."""
    program = "import sys; from tandem.cli.main import run; sys.exit(run())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"TANDEM_HOME": str(terminal.home)},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next cycle it tells of, or nothing when it tells nothing in time."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], SECONDS)
    return dict(json.loads(process.stdout.readline())) if ready else {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_S1_run_cycles_until_a_signal_and_ends_well(terminal: Any, number: signal.Signals) -> None:
    """It syncs again and again, sees an edit, and exits 0."""
    world = terminal.synced().world
    account = world.create("account", name="Before Inc.")

    with running(terminal, "--interval", "1", "--json") as process:
        first = line_of(process)
        world.edit("account", account, name="After Inc.")
        later = [line_of(process) for _ in range(3)]
        process.send_signal(number)
        _, told = process.communicate(timeout=SECONDS)

    assert (1, 1) == (first["entities"]["account"]["created"], sum(c["entities"]["account"]["updated"] for c in later))
    assert (ExitCode.DONE, "") == (process.returncode, told)
    world.delete("account", account)


def test_S1_run_stays_while_dynamics_is_away(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passes by itself is told and tried again; the next cycle works."""
    monkeypatch.setattr("tandem.dynamics.session._FIRST_PAUSE", 0.0)
    terminal.synced().world.fault("unavailable", times=5, path="$batch")
    seen = list[str]()

    def wait(stop: Any, _seconds: float) -> None:
        seen.append(read_status(Settings(home=terminal.home)).state)
        if len(seen) == 3:
            stop.event.set()

    monkeypatch.setattr("tandem.runtime.syncing.Stop.wait", wait)
    ended = terminal.run("run")

    assert ExitCode.DONE == ended.code
    assert "[dynamics-unavailable]" in ended.told
    assert ["retrying", "retrying", "current"] == seen


def test_S7_run_takes_up_new_credentials_with_its_next_cycle(
    own_terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that were given while the sync was off; the old ones may be over before anybody starts it again."""
    own_terminal.synced()
    waits = iter(["rotate", "enable", "end"])

    def wait(stop: Any, seconds: float) -> None:
        with opened(Settings(home=own_terminal.home)) as subscription:
            match next(waits):
                case "rotate":
                    syncing.enable(subscription, False)
                    wrong = dataclasses.replace(own_terminal.world.credentials, client_secret="another")
                    sealed = subscription.vault.seal(msgspec.json.encode(dataclasses.asdict(wrong)))
                    with subscription.database.transaction():
                        binding = subscription.connection()
                        subscription.bind(msgspec.structs.replace(binding, credentials=sealed))
                case "enable":
                    syncing.enable(subscription, True)
                case _:
                    stop.event.set()

    monkeypatch.setattr("tandem.runtime.syncing.Stop.wait", wait)
    ended = own_terminal.run("run")

    assert (ExitCode.FAILED, True) == (ended.code, "[dynamics-unauthorised]" in ended.told)
    assert "end" == next(waits)


def test_S11_run_reads_nothing_while_the_sync_is_off(terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off and on from elsewhere: one line for each cycle, and what was made meanwhile is found."""
    world, made, waits = terminal.synced().world, list[str](), iter(["disable", "enable", "end"])

    def wait(stop: Any, seconds: float) -> None:
        with opened(Settings(home=terminal.home)) as subscription:
            match next(waits):
                case "disable":
                    syncing.enable(subscription, False)
                    made.append(world.create("account", name="Made meanwhile"))
                case "enable":
                    syncing.enable(subscription, True)
                case _:
                    stop.event.set()

    monkeypatch.setattr("tandem.runtime.syncing.Stop.wait", wait)
    ended = terminal.run("run")
    world.delete("account", made[0])

    assert ExitCode.DONE == ended.code, ended.told
    quiet, found = ended.out.splitlines()
    assert "created" not in quiet
    assert "1 created" in found


@pytest.mark.parametrize(
    ("progress_of", "expected"),
    [
        pytest.param(
            {"rows": 120_000, "total": 400_000, "rate": 9_333.3},
            "contact: 120,000 of about 400,000 rows, 9,333 rows/s, 0:30 left",
            id="total and rate are known",
        ),
        pytest.param({"rows": 5, "total": None, "rate": 2.0}, "contact: 5 rows, 2 rows/s", id="no total"),
        pytest.param({"rows": 5, "total": 9, "rate": None}, "contact: 5 of about 9 rows", id="no rate yet"),
        pytest.param(
            {"rows": 12, "total": 9, "rate": 1.0},
            "contact: 12 of about 9 rows, 1 rows/s, 0:00 left",
            id="more rows than estimated",
        ),
        pytest.param(
            {"rows": 0, "total": 7_322, "rate": 2.0},
            "contact: 0 of about 7,322 rows, 2 rows/s, 1:01:01 left",
            id="hours",
        ),
    ],
)
def test_S2_progress_is_a_sentence(progress_of: dict[str, Any], expected: str) -> None:
    """Rows done, total, rate and time left, as far as they are known."""
    assert expected == progress.sentence(Progress(entity=Entity.CONTACT, **progress_of))


def test_S2_without_a_terminal_progress_is_a_line_every_five_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """A log is not filled with a line a page."""
    clock = iter([0.0, 4.9, 5.0, 5.0, 9.9, 10.0, 10.0])
    lines = progress.Lines(monotonic=clock.__next__)

    for rows in (1, 2, 3, 4):
        lines(Progress(entity=Entity.TEAM, rows=rows, total=None, rate=None))

    assert ["team: 2 rows", "team: 4 rows"] == capsys.readouterr().err.splitlines()


def test_S2_on_a_terminal_progress_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One bar a table, with rows, total, rate and time left; a piped answer stays apart from them."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    with progress.shown() as report:
        report(Progress(entity=Entity.TEAM, rows=3, total=3, rate=None))
        report(Progress(entity=Entity.LEAD, rows=100, total=300, rate=50.0))
        output.line("the answer")

    answer, shown = capsys.readouterr()
    assert "the answer\n" == answer
    assert "team" in shown
    for part in ("lead", "100 of about 300", "50 rows/s, 0:04 left"):
        assert part in shown
