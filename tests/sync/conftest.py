"""A small world per test: a sandbox organisation and a connected subscription."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tandem.database.port import Dialect
from tandem.dynamics.client import Dynamics
from tandem.dynamics.rows import RowDecoder
from tandem.dynamics.writes import RowWrite
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


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[list[RowWrite]]:
    """Every request that wrote leads or contacts, as the writes it carried."""
    sent, write = list[list[RowWrite]](), Dynamics.write

    def watched(dynamics: Dynamics, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any]:
        sent.append(list(writes))
        return write(dynamics, writes, decoder)

    monkeypatch.setattr(Dynamics, "write", watched)
    return sent


@pytest.fixture
def before_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets things happen one by one, each just before the next request that writes leaves."""
    waiting, write = list[Callable[[], None]](), Dynamics.write

    def late(dynamics: Dynamics, writes: Sequence[RowWrite], decoder: RowDecoder) -> list[Any]:
        if waiting:
            waiting.pop(0)()
        return write(dynamics, writes, decoder)

    monkeypatch.setattr(Dynamics, "write", late)
    return lambda *acts: waiting.extend(acts)
