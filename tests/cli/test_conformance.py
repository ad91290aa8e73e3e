"""`tandem conformance`: what it looks at, what it says of it, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.sandbox.door.operations import Clear

SECONDS = 60


@pytest.fixture
def look(terminal: Any) -> Any:
    """Runs the command at the module's organisation, with the secret on standard input."""

    def look(*more: str, secret: str | None = None) -> Any:
        typed = f"{terminal.secret if secret is None else secret}\n"
        url = terminal.world.sandbox.url
        return terminal.run(
            "conformance", "--url", url, *terminal.application, "--client-secret", "-", *more, typed=typed
        )

    return look


def test_what_holds_and_what_is_settled_is_said(look: Any) -> None:
    """The summary last, each section on standard error while it is looked at."""
    ended = look("--only", "2.2", "--only", "6")

    assert ExitCode.DONE == ended.code
    assert "2.2 Tables\n6.1 Service protection\n6.2 Parallelism\n6.4 Other caps\n" == ended.told
    assert "the object type code of account is 1" in ended.out
    assert "What was not seen" in ended.out
    assert "0 differ (0 of them contradict the reference), " in ended.out


def test_json_tells_every_fact_with_its_verdict(look: Any) -> None:
    """Also those that were not looked at, with what it would take."""
    told = look("--only", "1.4", "--json").json

    assert ["holds", "holds", "not seen"] == [fact["verdict"] for fact in told["facts"]]
    assert {"holds": 2, "differs": 0, "not seen": 1} == told["counts"]
    assert "--allow-schema" in told["facts"][-1]["told"]
    assert [] == told["left_behind"]


def test_a_contradiction_exits_1_and_shows_the_wire_without_the_secret(look: Any, terminal: Any) -> None:
    """What was asked, and what came."""
    terminal.world.fault("unexpected", times=None, path="RetrieveVersion")
    try:
        ended = look("--only", "1")
    finally:
        terminal.world.do(Clear())

    assert ExitCode.FAILED == ended.code
    assert "CONTRADICTED: 1.6 RetrieveVersion tells a version of four numbers" in ended.out
    assert "GET " in ended.out
    assert "0x80040216" in ended.out
    assert terminal.secret not in ended.out + ended.told


@pytest.mark.parametrize("allowed", ["--allow-writes", "--allow-schema"])
def test_with_leave_to_write_it_writes_and_leaves_nothing(look: Any, terminal: Any, allowed: str) -> None:
    """Into accounts, or into a table of its own."""
    organisation = terminal.world.organisation
    tables = set(organisation.tables)
    accounts = organisation.connection.execute("SELECT count(*) FROM account").get

    told = look("--only", "1.4", allowed, "--json").json

    assert ["holds"] * 3 == [fact["verdict"] for fact in told["facts"]]
    assert tables == set(organisation.tables)
    assert accounts == organisation.connection.execute("SELECT count(*) FROM account").get


def test_with_the_control_door_a_second_hand_is_there(look: Any, terminal: Any) -> None:
    """Which only the sandbox has."""
    door = terminal.world.sandbox.control_url

    told = look("--only", "1.3", "--control-url", door, "--json").json

    assert ["holds"] * len(told["facts"]) == [fact["verdict"] for fact in told["facts"]]


@pytest.mark.parametrize(
    ("more", "secret", "said"),
    [
        pytest.param((), "wrong", "AADSTS7000215", id="a wrong secret"),
        pytest.param(
            ("--url", "http://127.0.0.1:9"),
            None,
            "cannot be looked at: no answer from http://127.0.0.1:9: ",
            id="nobody at the address",
        ),
        pytest.param(
            ("--authority", "http://127.0.0.1:9/token"), None, "no answer from the sign-in service", id="no sign-in"
        ),
        pytest.param(("--ca-bundle", "nothing.pem"), None, "nothing.pem cannot be used", id="no such CA bundle"),
    ],
)
def test_nothing_to_look_at_is_told(look: Any, more: tuple[str, ...], secret: str | None, said: str) -> None:
    """With what the service said, before any fact."""
    ended = look(*more, secret=secret)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert said in ended.told
    assert ended.told.endswith("[conformance-no-organisation]\n")


def test_a_section_without_facts_is_a_wrong_command_line(look: Any) -> None:
    """Nobody shall believe that it holds."""
    ended = look("--only", "99")

    assert ExitCode.USAGE == ended.code
    assert "no fact is stated for it" in ended.told


def test_a_stopped_run_takes_its_table_away(terminal: Any) -> None:
    """SIGTERM in the middle of it."""
    organisation, box = terminal.world.organisation, terminal.world.sandbox
    tables = set(organisation.tables)
    command = [str(Path(sys.executable).with_name("tandem")), "conformance", "--url", box.url, *terminal.application]
    environ = {**os.environ, "TANDEM_CLIENT_SECRET": box.client_secret}
    with subprocess.Popen([*command, "--allow-schema"], env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("3.2 "):
                break
        during = set(organisation.tables)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)

    assert 1 == len(during - tables)
    assert ExitCode.INTERRUPTED == process.returncode
    assert tables == set(organisation.tables)
