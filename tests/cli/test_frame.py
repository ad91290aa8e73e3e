"""What all commands share: help, global options, exit codes and how a failure is told."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

import tandem
from tandem.cli import main
from tandem.cli.conflicts import Kept
from tandem.cli.invocation import ExitCode, Invocation
from tandem.model.errors import NeedsPerson, OurBug
from tandem.runtime.logs import redactor

WITHOUT_JSON = {
    "export": "its format is --format, JSON lines unless it is CSV",
    "sandbox": "its one line is JSON always",
}
"""The commands that print no table, and why."""


class NoAccess(NeedsPerson):
    """A leaf as any room has them."""

    code = "no-access"
    advice = "Give the sync user the role."


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, and no settings from the machine that runs it."""
    for name in [name for name in os.environ if name.startswith("TANDEM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], None]:
    """Make `tandem try` run the given function, under the real global options."""

    def offer(command: Callable[..., None]) -> None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.callback()(main.options)
        app.command("try")(command)
        monkeypatch.setattr(main, "app", app)

    return offer


def commands(group: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command below a group, with its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(get_command(main.app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_has_a_help_text(name: str) -> None:
    """`tandem X --help` explains X and all that X takes."""
    command = COMMANDS[name]

    assert command.help
    assert [] == [parameter.name for parameter in command.params if not getattr(parameter, "help", None)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_prints_facts_takes_json(name: str) -> None:
    """A command without --json is on the list, with its reason."""
    takes_json = any("--json" in parameter.opts for parameter in COMMANDS[name].params)

    assert (name in WITHOUT_JSON) is not takes_json


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Curiosity is not an error."""
    assert ExitCode.DONE == main.run([])
    assert "Try it:\n  demo " in capsys.readouterr().out


def test_the_help_tells_of_every_command_in_a_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """Half a sentence with dots behind it tells nobody which of thirty commands he needs."""
    for group in (["--help"], ["people", "--help"], ["action", "--help"]):
        assert ExitCode.DONE == main.run(group)
    told = capsys.readouterr().out

    assert "..." not in told.replace("[ARGS]...", "")
    assert [] == [name for name in COMMANDS if f"\n  {name.split()[-1]} " not in told]
    assert "Commands:" not in told.split("Usage: tandem people")[0], "a command has no heading"


def test_the_version_needs_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`tandem --version` prints one line."""
    assert ExitCode.DONE == main.run(["--version"])
    assert f"tandem {tandem.__version__}\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["nothing"], "No such command 'nothing'.\nSee: tandem --help\n", id="unknown command"),
        pytest.param(["try", "--x"], "No such option: --x\nSee: tandem try --help\n", id="unknown option"),
        pytest.param(["-s"], "Option '-s' requires an argument.\nSee: tandem --help\n", id="option without value"),
        pytest.param(
            ["try", "--count", "many"],
            "Invalid value for '--count': It should be a valid integer\nSee: tandem try --help\n",
            id="no number",
        ),
        pytest.param(
            ["try", "--side", "left"],
            "Invalid value for '--side': 'left' is not one of 'marketing', 'dynamics'.\nSee: tandem try --help\n",
            id="no such word",
        ),
    ],
)
def test_a_wrong_command_line_is_said_and_exits_2(
    offer: Callable[..., None], capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    """The reason and where to look, on standard error."""

    def command(count: int = 1, side: Kept = Kept.MARKETING) -> None:
        """Takes a number and a word."""

    offer(command)

    assert ExitCode.USAGE == main.run(arguments)
    assert ("", expected) == capsys.readouterr()


def test_a_failure_says_what_happened_what_to_do_and_its_code(
    offer: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Three lines on standard error, no traceback, exit 1."""

    def command() -> None:
        raise NoAccess("The sync user may not read contact.")

    offer(command)

    assert ExitCode.FAILED == main.run(["try"])
    assert (
        "",
        "The sync user may not read contact.\nGive the sync user the role.\n[no-access]\n",
    ) == capsys.readouterr()


def test_an_unexpected_failure_is_ours_and_shows_no_traceback(
    offer: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stray exception becomes a report to make, not a page of code, though no log is open yet."""
    # As outside the tests: pytest's own handlers would take what is logged.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    def command() -> None:
        raise ZeroDivisionError("division by zero")

    offer(command)

    assert ExitCode.FAILED == main.run(["try"])
    assert (
        "",
        f"ZeroDivisionError: division by zero\n{OurBug.advice}\n[our-bug]\n",
    ) == capsys.readouterr()


def test_with_verbose_a_failure_shows_its_traceback(
    offer: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asks for it gets it, before the sentence."""

    def command() -> None:
        raise NoAccess("No.")

    offer(command)

    assert ExitCode.FAILED == main.run(["--verbose", "try"])
    assert "Traceback (most recent call last):" in capsys.readouterr().err


def test_R5_a_failure_shows_no_secret(
    offer: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second net is under standard error too, traceback included."""
    monkeypatch.setattr(redactor, "_secrets", set())
    redactor.register("hunter2")

    def command() -> None:
        raise RuntimeError("hunter2 was refused")

    offer(command)

    assert ExitCode.FAILED == main.run(["--verbose", "try"])
    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("end", "expected", "told"),
    [
        pytest.param(typer.Exit(ExitCode.RECORD_ERRORS), ExitCode.RECORD_ERRORS, "", id="done with record errors"),
        pytest.param(KeyboardInterrupt(), ExitCode.INTERRUPTED, "Stopped.\n", id="interrupted"),
        pytest.param(typer.Abort(), ExitCode.FAILED, "Nothing was done.\n", id="a question answered with no"),
    ],
)
def test_each_end_has_its_exit_code(
    offer: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    end: BaseException,
    expected: ExitCode,
    told: str,
) -> None:
    """A script can tell them apart."""

    def command() -> None:
        raise end

    offer(command)

    assert expected == main.run(["try"])
    assert ("", told) == capsys.readouterr()


def test_the_global_options_reach_the_command(
    offer: Callable[..., None], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The subscription is in the settings; with --verbose the place of the log is told."""
    seen: list[str] = []

    def command(context: typer.Context) -> None:
        seen.append(context.find_object(Invocation).settings.subscription)  # type: ignore[union-attr]

    offer(command)

    assert ExitCode.DONE == main.run(["--verbose", "-s", "emea", "try"])
    assert ["emea"] == seen
    assert f"Log file: {home / 'tandem.log'}\n" == capsys.readouterr().err


def test_a_wrong_setting_stops_the_command_that_needs_settings(
    offer: Callable[..., None], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence of the settings, exit 1."""
    (home / "tandem.toml").write_text("intervall = 5")

    def command(context: typer.Context) -> None:
        assert context.find_object(Invocation).settings  # type: ignore[union-attr]

    offer(command)

    assert ExitCode.FAILED == main.run(["try"])
    assert "there is no setting 'intervall'" in capsys.readouterr().err


def test_an_unexpected_failure_is_in_the_log_with_its_traceback(offer: Callable[..., None], home: Path) -> None:
    """The log is still open when the frame catches it."""

    def command(context: typer.Context) -> None:
        raise ZeroDivisionError(context.find_object(Invocation).settings.subscription)  # type: ignore[union-attr]

    offer(command)

    assert ExitCode.FAILED == main.run(["try"])
    assert '"traceback":"Traceback (most recent call last)' in (home / "tandem.log").read_text()


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    """`tandem export person | head` leaves no complaint behind."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ended = subprocess.run(
            [sys.executable, "-c", "import sys; from tandem.cli.main import run; sys.exit(run(['--help']))"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert (ExitCode.PIPE_CLOSED, b"") == (ended.returncode, ended.stderr)


def test_help_loads_no_heavy_library() -> None:
    """The drivers, the web server, the cipher and the tables' painter are loaded by the commands that need them.

    msgspec is not heavy, and the help of the actions is made of what it says of their arguments.
    """
    heavy = ("apsw", "psycopg", "cryptography", "uvicorn", "httpx2", "aiosmtplib", "rich")
    program = f"""
import sys
from tandem.cli.main import run
run(["--help"])
print("loaded:", [name for name in {heavy!r} if name in sys.modules])
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert "loaded: []" == ended.stdout.splitlines()[-1]
