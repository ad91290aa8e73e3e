"""A small world per test: a sandbox organisation and a connected subscription."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tandem.testing.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An organisation without people, connected."""
    with World(tmp_path) as made:
        yield made.connect()


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds with people, settings or a filter column; `connect` is the test's."""
    with ExitStack() as worlds:

        def make(**options: object) -> World:
            folder = tmp_path / f"world{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return worlds.enter_context(World(folder, **options))  # type: ignore[arg-type]

        yield make
