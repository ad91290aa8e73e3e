"""A person at a command line, and the organisation the commands speak with."""

import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tandem.cli import main
from tandem.testing.world import World


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    told: str

    @property
    def json(self) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self.out)


class Keyboard(io.StringIO):
    """Standard input: what is typed, or a pipe."""

    def __init__(self, typed: str, *, is_terminal: bool) -> None:
        super().__init__(typed)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


class Terminal:
    """Runs commands in one home, against one sandbox."""

    def __init__(
        self, world: World, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.world = world
        self.home = home
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.secret = world.sandbox.client_secret
        self.application = ("--client-id", world.sandbox.client_id, "--authority", world.sandbox.token_url)

    def run(self, *arguments: str, typed: str = "", is_terminal: bool = False) -> Ended:
        """One command, `typed` being its standard input."""
        self._monkeypatch.setattr("sys.stdin", Keyboard(typed, is_terminal=is_terminal))
        self._capsys.readouterr()
        code = main.run(list(arguments))
        out, told = self._capsys.readouterr()
        return Ended(code, out, told)

    def connect(self, *more: str, typed: str | None = None) -> Ended:
        """Connect as the sync application, its secret on standard input."""
        typed = f"{self.secret}\n" if typed is None else typed
        url = self.world.sandbox.url
        return self.run("connect", url, *self.application, "--client-secret", "-", *more, typed=typed)

    def connected(self) -> "Terminal":
        """This terminal, connected."""
        ended = self.connect()
        assert (0, "") == (ended.code, ended.told)
        return self

    def synced(self) -> "Terminal":
        """This terminal, connected and with the first copy complete."""
        ended = self.connected().run("sync", "--enable")
        assert 0 == ended.code, ended.told
        return self

    def status(self) -> Any:
        """What `tandem status --json` says."""
        return self.run("status", "--json").json

    def kept(self) -> str:
        """Everything the home holds as text: what must never hold a secret."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.home.rglob("*")) if path.is_file())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An organisation of 500 people, for tests that leave it as they found it."""
    with World(tmp_path_factory.mktemp("world"), people=500) as world:
        yield world


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, no settings from the machine that runs it."""
    for name in [name for name in os.environ if name.startswith("TANDEM_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("TANDEM_HOME", str(home))
    return home


@pytest.fixture
def make_terminal(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[World], Terminal]:
    """Makes a terminal at a given organisation."""
    return lambda world: Terminal(world, home, capsys, monkeypatch)


@pytest.fixture
def terminal(world: World, make_terminal: Callable[[World], Terminal]) -> Terminal:
    """A terminal at the module's organisation."""
    return make_terminal(world)


@pytest.fixture
def own_terminal(tmp_path: Path, make_terminal: Callable[[World], Terminal]) -> Iterator[Terminal]:
    """A terminal at a small organisation that the test may damage."""
    with World(tmp_path, people=100) as world:
        yield make_terminal(world)
