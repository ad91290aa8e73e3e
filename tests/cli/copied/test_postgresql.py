"""The commands on people and export, on PostgreSQL: the same answers as on SQLite."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tandem.cli import main
from tandem.cli.invocation import ExitCode
from tandem.runtime import connecting, syncing
from tandem.runtime.settings import Settings, load
from tandem.runtime.subscription import opened
from tandem.testing.world import World

# A process may be given some of this module's tests twice, with others in between.
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory, postgresql_url: str) -> Iterator[list[Settings]]:
    """One organisation copied twice: to SQLite and to PostgreSQL."""
    home, name = tmp_path_factory.mktemp("postgresql"), f"commands{next(_NUMBERS)}"
    environ = {"TANDEM_HOME": str(home), "TANDEM_DATABASE": postgresql_url, "TANDEM_SUBSCRIPTION": name}
    postgresql = load(environ=environ)
    with World(tmp_path_factory.mktemp("sqlite"), people=100) as world:
        world.connect().sync()
        connecting.connect(postgresql, world.sandbox.url, world.credentials)
        with opened(postgresql) as subscription, syncing.engine_of(subscription) as (engine, _):
            assert all(not report.problems for report in syncing.cycles(engine, lambda: False))
        yield [world.settings, postgresql]


@pytest.fixture
def answers(
    homes: list[Settings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, str]]:
    """What a command prints on SQLite and on PostgreSQL."""

    def run(*arguments: str) -> tuple[str, str]:
        printed = []
        for settings in homes:
            monkeypatch.setenv("TANDEM_HOME", str(settings.home))
            monkeypatch.setenv("TANDEM_DATABASE", settings.database.url if settings.database else "")
            monkeypatch.setenv("TANDEM_SUBSCRIPTION", settings.subscription)
            assert ExitCode.DONE == main.run(list(arguments))
            printed.append(capsys.readouterr().out)
        return printed[0], printed[1]

    return run


def timeless(text: str) -> list[Any]:
    """JSON lines without the times that two runs cannot share."""
    times = {"createdAt", "updatedAt"}
    return [{k: v for k, v in json.loads(line).items() if k not in times} for line in text.split("\n")[:-1]]


@pytest.mark.parametrize("entity", ["person", "company", "opportunity", "opportunityrole", "salesperson", "team"])
def test_an_export_is_the_same_on_both(answers: Callable[..., tuple[str, str]], entity: str) -> None:
    """Every record and value, in the same order."""
    sqlite, postgresql = answers("export", entity)

    assert sqlite
    assert timeless(sqlite) == timeless(postgresql)


def test_A2_edits_are_the_same_on_both(answers: Callable[..., tuple[str, str]]) -> None:
    """Set, create, find and show: values, base, company and what is in the log."""
    people = timeless(answers("export", "person")[0])
    number = str(next(each["id"] for each in people if each.get("externalCompanyId")))

    answers("people", "set", number, "phone=+1 555 0100", "title=CTO", "company.name=Fabrikam")
    answers("people", "create", "firstName=Nadia", "lastName=Novak", "email=nadia@novak.example")

    found = [json.loads(each)["people"] for each in answers("people", "find", "nadia nov", "--json")]
    shown = [json.loads(each) for each in answers("people", "show", number, "--json")]
    assert [1, 1] == [len(each) for each in found]
    assert found[0] == found[1]
    for each in shown:
        each["activities"] = [entry | {"at": None} for entry in each["activities"]]
    assert shown[0] == shown[1]
    assert {"phone", "title"} == set(shown[0]["links"][0]["unsent"])
    assert "Fabrikam" == shown[0]["company"]["name"]
