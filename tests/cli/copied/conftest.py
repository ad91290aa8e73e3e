"""Commands that work on what was copied: the copied organisation, and the command as a function."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tandem.cli import main
from tandem.testing.world import World


class Ended(NamedTuple):
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An organisation of 500 people with a copied subscription, shared by the tests of a module."""
    with World(tmp_path_factory.mktemp("copied"), people=500) as world:
        world.connect().sync()
        yield world


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Makes an organisation without people; `connect` is the test's."""
    with ExitStack() as worlds:
        yield lambda: worlds.enter_context(World(tmp_path))


@pytest.fixture
def tandem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command line in a world's home; without a world in one that does not exist yet."""

    def run(*arguments: str, world: World | None = None) -> Ended:
        for name in [name for name in os.environ if name.startswith("TANDEM_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("TANDEM_HOME", str(world.settings.home if world else tmp_path / "nowhere"))
        capsys.readouterr()
        code = main.run(list(arguments))
        return Ended(code, *capsys.readouterr())

    return run
