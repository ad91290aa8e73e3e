"""A small world per test, and somebody who asks for things there."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
from tandem.actions.requests import Acted
from tandem.database.port import Dialect
from tandem.dynamics.client import Dynamics
from tandem.dynamics.port import DynamicsOrganisation
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.runtime.acting import acting
from tandem.sync.edits import Edits
from tandem.testing.world import World

_NUMBERS = itertools.count(1)


_ASKED = [name for name, call in vars(DynamicsOrganisation).items() if callable(call) and not name.startswith("_")]
"""Whatever can be asked of Dynamics."""


class Killed(BaseException):
    """The process is gone: no `except` of Tandem catches it, what was not committed is lost."""


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

    def ask(self, action: Action, person: int, request: str | None = None, **arguments: Any) -> Acted:
        """Any action; `as_` stands for the argument `as`."""
        given = {name.rstrip("_"): value for name, value in arguments.items() if value is not None}
        with acting(self.subscription) as (engine, context):
            return perform(engine, context, action, person, given, request)

    def sync(self, person: int, wanted: Entity | None = None, **options: Any) -> Acted:
        """Sync Person to Microsoft."""
        return self.ask(Action.SYNC_PERSON, person, as_=wanted.value if wanted else None, **options)

    def told(self, person: int, kind: str = "Sync Person to Microsoft") -> list[dict[str, Any]]:
        """What the person's log says of its being sent, or of another action, oldest first."""
        entries = self.subscription.marketing.people.activities(PersonId(person))
        return [json.loads(each["detail"]) for each in entries if each["type"] == kind]

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


@pytest.fixture
def killed_at(world: World) -> Callable[[int], Any]:
    """Ends the process at a point of a number: there is one before and after each commit and each request.

    The list it gives is empty where the process was ended.
    """

    @contextmanager
    def kill(point: int) -> Iterator[list[str]]:
        passed, finished = itertools.count(1), list[str]()

        def pass_point() -> None:
            if next(passed) == point:
                raise Killed

        def around(call: Callable[..., Any]) -> Callable[..., Any]:
            def struck(*arguments: Any, **options: Any) -> Any:
                pass_point()
                answer = call(*arguments, **options)
                pass_point()
                return answer

            return struck

        database = type(world.subscription.database)
        transaction = database.transaction

        @contextmanager
        def committed(self: Any) -> Iterator[None]:
            with transaction(self):
                yield
                pass_point()
            pass_point()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "transaction", committed)
            for name in _ASKED:
                patch.setattr(Dynamics, name, around(getattr(Dynamics, name)))
            with suppress(Killed):
                yield finished
                finished.append("finished")

    return kill
