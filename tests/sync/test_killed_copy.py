"""The first copy survives kill -9 at any instant (rule S2)."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandem.model.entities import Entity
from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.app import Application
from tandem.testing.world import World

_CHILD = Path(__file__).with_name("crashing_copy.py")
_PEOPLE = 500


@pytest.mark.parametrize("moment", ["before", "after"])
def test_S2_a_copy_killed_at_many_commits_equals_an_uninterrupted_one(
    make_world: Callable[..., World], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at the first commit, then at the second of the next run, and so on until it comes to its end.

    No row is lost or doubled, and no page is asked for again but the one in hand when the process died.
    """
    asked = _spy_on_pages(monkeypatch)
    world = make_world(people=_PEOPLE, page_size="40").connect()
    world.sync()
    whole, pages_of_whole = _facts(world), sum(asked.values())
    asked.clear()

    world.connect_another_home()
    kills = 0
    while _run(world.settings.home, kills + 1, moment) == -signal.SIGKILL:
        kills += 1
        assert kills < 100, "the copy never comes to its end"

    assert kills >= 20
    assert whole == _facts(world)
    # The page in hand and the one being fetched ahead are asked for again after a kill, never more.
    assert pages_of_whole <= sum(asked.values()) <= pages_of_whole + 2 * kills


def _run(home: Path, commits: int, moment: str) -> int:
    command = [sys.executable, str(_CHILD), str(home), str(commits), moment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def _spy_on_pages(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the pages asked for inside the first reads: requests with a page cookie."""
    asked: Counter[str] = Counter()
    handle = Application.handle

    def counted(application: Application, request: Request, **limits: int) -> Response:
        if "skiptoken" in request.query and "deltatoken" not in request.query:
            asked[request.query] += 1
        return handle(application, request, **limits)

    monkeypatch.setattr(Application, "handle", counted)
    return asked


def _facts(world: World) -> dict[str, Any]:
    """Everything that was copied, by the ids of Dynamics; marketing's own ids and times aside."""
    names: dict[int, str] = {}
    links: dict[str, Any] = {}
    for entity in (Entity.LEAD, Entity.CONTACT):
        for record in world.organisation.find(entity.value, "statecode", 0) + _others(world, entity):
            link = world.link(entity.value, record)
            assert link is not None, f"{entity.value} {record} was lost"
            links[f"{entity.value} {record}"] = (link.state, link.version, link.base, link.successor)
            if link.person_id is not None and link.state.value in ("live", "parked"):
                names[link.person_id] = record
    people = {names[row.pop("id")]: _timeless(row) for row in world.export("person")}
    roles = sorted(
        (row["externalOpportunityId"], names[row["personId"]], row["role"]) for row in world.export("opportunityrole")
    )
    logs = {record: [entry[0] for entry in world.log(person)] for person, record in names.items()}
    rest = {
        entity: sorted((_timeless(row) for row in world.export(entity)), key=str)
        for entity in ("company", "opportunity", "salesperson", "team", "teammember")
    }
    return {"links": links, "people": people, "roles": roles, "logs": logs, **rest}


def _others(world: World, entity: Entity) -> list[str]:
    return [record for state in (1, 2) for record in world.organisation.find(entity.value, "statecode", state)]


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("createdAt", "updatedAt")}
