"""A small world per test: a sandbox organisation and a connected subscription."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tandem.database.port import Dialect
from tandem.testing.world import World

_NUMBERS = itertools.count(1)


@pytest.fixture(params=[each.value for each in Dialect])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An organisation without people, connected; on SQLite and on PostgreSQL."""
    settings = {}
    if request.param == Dialect.POSTGRESQL:
        url = request.getfixturevalue("postgresql_url")
        settings = {"database": url, "subscription": f"world{next(_NUMBERS)}"}
    with World(tmp_path, **settings) as made:
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
