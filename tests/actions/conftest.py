"""A small world per test, and somebody who asks for things there."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tandem.actions.requests import Acted
from tandem.actions.sync_person import sync_person
from tandem.database.port import Dialect
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.runtime.acting import acting
from tandem.sync.edits import Edits
from tandem.testing.world import World

_NUMBERS = itertools.count(1)


class Marketer:
    """Somebody who works in marketing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.subscription = world.subscription
        self.edits = Edits(self.subscription.database, self.subscription.marketing, self.subscription.state)

    def create(self, **values: str) -> int:
        """A person only in marketing, with the topic that a lead must have."""
        return self.edits.create([("subject", "Visit"), *values.items()], at=self.subscription.now())

    def edit(self, person: int, **values: str) -> None:
        """Change a person's fields."""
        self.edits.edit(person, list(values.items()), at=self.subscription.now())

    def sync(self, person: int, wanted: Entity | None = None, **options: Any) -> Acted:
        """Sync Person to Microsoft."""
        with acting(self.subscription) as (engine, context):
            return sync_person(engine, context, person, wanted=wanted, **options)

    def told(self, person: int) -> list[dict[str, Any]]:
        """What the person's log says of its being sent, oldest first."""
        entries = self.subscription.marketing.people.activities(PersonId(person))
        return [json.loads(each["detail"]) for each in entries if each["type"] == "Sync Person to Microsoft"]

    def records(self, table: str, lastname: str) -> list[dict[str, Any]]:
        """The records of that name in Dynamics."""
        organisation = self.world.organisation
        found = [organisation.get(table, each) for each in organisation.find(table, "lastname", lastname)]
        return [dict(each) for each in found if each is not None]


@pytest.fixture(params=[each.value for each in Dialect])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An organisation without people, copied; on SQLite and on PostgreSQL."""
    settings = {}
    if request.param == Dialect.POSTGRESQL:
        url = request.getfixturevalue("postgresql_url")
        settings = {"database": url, "subscription": f"acting{next(_NUMBERS)}"}
    with World(tmp_path, **settings) as made:
        made.connect().sync()
        yield made


@pytest.fixture
def marketer(world: World) -> Marketer:
    """Somebody at work in that world."""
    return Marketer(world)


@pytest.fixture
def make_marketer(tmp_path: Path) -> Iterator[Callable[..., Marketer]]:
    """Puts somebody to work in an organisation that was copied under other settings."""
    with ExitStack() as worlds:

        def make(**settings: str) -> Marketer:
            made = worlds.enter_context(World(tmp_path, **settings))
            made.connect().sync()
            return Marketer(made)

        yield make
