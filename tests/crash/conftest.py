"""A world that stands still, and processes to kill on it."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tandem.database.port import Dialect
from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.app import Application
from tandem.sandbox.store.storage import iso
from tandem.testing.crash_matrix import MOMENT, CrashMatrix, nothing
from tandem.testing.killing import Processes, Work
from tandem.testing.world import World

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """Runs and kills processes."""
    with Processes() as made:
        yield made


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An organisation with a filter column and without people, connected; on SQLite unless a test says otherwise."""
    settings = {}
    if getattr(request, "param", Dialect.SQLITE) is Dialect.POSTGRESQL:
        settings["database"] = _fresh_database(request.getfixturevalue("postgresql_url"))
    with World(tmp_path, **settings) as made:
        made.organisation.clock = lambda: MOMENT
        made.filter_column("lead", "contact").connect()
        made.subscription.now = partial(iso, MOMENT)
        yield made


def _fresh_database(url: str) -> str:
    """A database of its own: it is dropped and made again from a copy for every cell."""
    name = f"crash{next(_NUMBERS)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"create database {name}")
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def killed_anywhere(
    world: World, processes: Processes, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """Proves a scenario at every point, and has its cells counted (tests/conftest.py prints them)."""

    def prove(ask: Work = nothing, **options: Any) -> None:
        cells = CrashMatrix(world, processes).prove(ask, **options)
        assert cells
        record_property("crash cells", cells)

    return prove


@pytest.fixture
def before_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets something happen in Dynamics just before the next change arrives there, whichever process sends it."""
    waiting, handle = list[Callable[[], None]](), Application.handle

    def late(application: Application, request: Request, **options: int) -> Response:
        if waiting and request.method == "PATCH":
            waiting.pop()()
        return handle(application, request, **options)

    def arm(act: Callable[[], None]) -> None:
        waiting[:] = [act]

    monkeypatch.setattr(Application, "handle", late)
    return arm
