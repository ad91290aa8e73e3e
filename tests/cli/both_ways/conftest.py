"""Commands about the way back: a small connected organisation, on SQLite and on PostgreSQL, and a command line."""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tandem.cli import main
from tandem.cli.invocation import ExitCode
from tandem.database.port import Dialect
from tandem.sync.edits import Edits
from tandem.testing.world import World

_NUMBERS = itertools.count(1)


class Ended(NamedTuple):
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    told: str


class Office:
    """Somebody at a command line, with colleagues who edit on both sides."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *arguments: str) -> Ended:
        """One command line."""
        settings = self.world.settings
        for name in [name for name in os.environ if name.startswith("TANDEM_")]:
            self._monkeypatch.delenv(name)
        self._monkeypatch.setenv("TANDEM_HOME", str(settings.home))
        self._monkeypatch.setenv("TANDEM_SUBSCRIPTION", settings.subscription)
        if settings.database is not None:
            self._monkeypatch.setenv("TANDEM_DATABASE", settings.database.url)
        self._capsys.readouterr()
        code = main.run(list(arguments))
        return Ended(code, *self._capsys.readouterr())

    def facts(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        ended = self.run(*arguments, "--json")
        assert ExitCode.DONE == ended.code, ended.told
        return json.loads(ended.out, parse_float=Decimal)

    def edit(self, table: str, record: str, **values: str) -> int:
        """Somebody edits the person of a record in marketing; the person's id."""
        subscription, person = self.world.subscription, self.world.person(table, record).id
        edits = Edits(subscription.database, subscription.marketing, subscription.state)
        edits.edit(person, list(values.items()), at=subscription.now())
        return person

    def collide(self, table: str, record: str, **values: tuple[str, str, Any]) -> int:
        """Fields are edited on both sides, as name=(column, marketing's value, Dynamics'), and a cycle runs."""
        person = self.edit(table, record, **{name: value[1] for name, value in values.items()})
        self.world.edit(table, record, **{column: theirs for column, _, theirs in values.values()})
        self.world.cycle()
        return person

    def row(self, table: str, record: str) -> dict[str, Any]:
        """What Dynamics holds."""
        return dict(self.world.organisation.get(table, record) or {})


@pytest.fixture(params=[each.value for each in Dialect])
def office(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Office]:
    """At an organisation without people, connected; on SQLite and on PostgreSQL."""
    settings = {}
    if request.param == Dialect.POSTGRESQL:
        settings = {"database": request.getfixturevalue("postgresql_url"), "subscription": f"office{next(_NUMBERS)}"}
    with World(tmp_path, **settings) as world:
        yield Office(world.connect(), monkeypatch, capsys)


@pytest.fixture
def choose(office: Office) -> Callable[..., None]:
    """Chooses fields of a table on the command line."""

    def chosen(*arguments: str) -> None:
        ended = office.run("fields", *arguments)
        assert ExitCode.DONE == ended.code, ended.told

    return chosen
