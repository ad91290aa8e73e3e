"""A whole small world in one process: a sandbox organisation on loopback and a subscription connected to it.

Tests speak of records and people, not of requests: somebody edits in Dynamics, a cycle runs, and the marketing side
is looked at. Everything in between is the real thing: HTTP, SQLite or PostgreSQL, the engine.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from tandem.dynamics.credentials import Credentials
from tandem.marketing.port import Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.runtime import connecting, syncing
from tandem.runtime.settings import Settings, load
from tandem.runtime.subscription import Subscription, opened
from tandem.sandbox.control_operations import (
    Advance,
    BecomeCopy,
    Create,
    Delete,
    Fault,
    Levers,
    Merge,
    Operation,
    Qualify,
    Update,
)
from tandem.sandbox.faults import Faults
from tandem.sandbox.generate import generate
from tandem.sandbox.organisation import Organisation
from tandem.sandbox.server import Sandbox
from tandem.state.links import Link
from tandem.sync.context import Context, Progress
from tandem.sync.cycle import CycleReport, Engine


class World:
    """A sandbox organisation and a subscription. Use as a context manager; `connect` binds and enables it."""

    def __init__(self, folder: Path, *, people: int = 0, seed: int = 1, **settings: str) -> None:
        self._folder = folder
        self._resources = contextlib.ExitStack()
        self.organisation = Organisation(folder / "organisation.db")
        if people:
            for table, rows in generate(people, seed):
                self.organisation.load(table, rows)
        self.faults = Faults()
        self.levers = Levers(organisation=self.organisation, faults=self.faults, expire_tokens=lambda: None)
        environ = {"TANDEM_HOME": str(folder / "home"), **{f"TANDEM_{k.upper()}": v for k, v in settings.items()}}
        self.settings: Settings = load(environ=environ)

    def __enter__(self) -> Self:
        self.sandbox = self._resources.enter_context(Sandbox(self.organisation, faults=self.faults))
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    # Set-up ---------------------------------------------------------------------------------------------------------

    @property
    def credentials(self) -> Credentials:
        """Client credentials of the sandbox's sync user."""
        box = self.sandbox
        return Credentials(box.client_id, client_secret=box.client_secret, authority=box.token_url)

    def connect(self) -> Self:
        """Bind the subscription to the sandbox and switch it on."""
        connecting.connect(self.settings, self.sandbox.url, self.credentials)
        self.subscription: Subscription = self._resources.enter_context(opened(self.settings))
        syncing.enable(self.subscription, True)
        return self

    def connect_another_home(self) -> Self:
        """Connect a second subscription, in a home of its own, to the same organisation; the first is left alone."""
        self.settings = replace(self.settings, home=self._folder / "another-home")
        return self.connect()

    def filter_column(self, *tables: str) -> Self:
        """Add the sync filter column to tables, empty in every row."""
        for table in tables:
            self.organisation.add_column(table, "new_synctomkto", "boolean")
        return self

    # Somebody in Dynamics -------------------------------------------------------------------------------------------

    def create(self, table: str, **values: object) -> str:
        """Make a record as another user and return its id; `x__bind` stands for `x@odata.bind`."""
        return str(self.do(Create(table=table, values=_bound(values)))["id"])

    def edit(self, table: str, record: str, **values: object) -> None:
        """Change a record as another user."""
        self.do(Update(table=table, id=record, values=_bound(values)))

    def delete(self, table: str, record: str) -> None:
        """Delete a record as another user."""
        self.do(Delete(table=table, id=record))

    def qualify(self, lead: str, *, account: bool = False) -> str:
        """Qualify a lead as another user and return the id of its contact."""
        return str(self.do(Qualify(id=lead, account=account))["contact"])

    def merge(self, table: str, winner: str, loser: str, **values: object) -> None:
        """Merge two records as another user."""
        self.do(Merge(table=table, winner=winner, loser=loser, values=values))

    def fault(self, switch: str, **options: Any) -> None:
        """Arm a fault switch."""
        self.do(Fault(switch=switch, **options))

    def become_a_copy(self) -> None:
        """From now on answer as another organisation."""
        self.do(BecomeCopy())

    def advance(self, *, days: float) -> None:
        """Let time pass in Dynamics."""
        self.do(Advance(seconds=days * 86_400))

    def do(self, operation: Operation | Fault) -> Any:
        """Any operation of the control door."""
        return operation.run(self.levers)

    # Tandem at work -------------------------------------------------------------------------------------------------

    @contextmanager
    def engine(
        self,
        *,
        report: Callable[[Progress], None] = lambda _progress: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[Engine, Context]]:
        """The engine, under the lock."""
        with syncing.engine_of(self.subscription, report=report, stopping=stopping) as both:
            yield both

    def cycle(self) -> CycleReport:
        """One cycle, in an engine that was just started."""
        with self.engine() as (engine, _):
            return engine.cycle()

    def sync(self) -> list[CycleReport]:
        """Cycles until nothing is left to copy."""
        with self.engine() as (engine, _):
            return list(syncing.cycles(engine, lambda: False))

    # The marketing side ---------------------------------------------------------------------------------------------

    def link(self, table: str, record: str) -> Link | None:
        """What is remembered of a lead or contact."""
        return self.subscription.state.links.of(Entity(table), [record]).get(record)

    def person(self, table: str, record: str) -> Person:
        """The person of a lead or contact. Raises KeyError where there is none."""
        link = self.link(table, record)
        if link is None or link.person_id is None:
            raise KeyError(record)
        people = self.subscription.marketing.people.get([link.person_id])
        return people[PersonId(link.person_id)]

    def fields(self, table: str, record: str) -> dict[str, Any]:
        """That person's own values by API name."""
        return dict(json.loads(self.person(table, record).fields))

    def log(self, person: Person | int) -> list[tuple[str, str | None, Any, Any]]:
        """A person's activity log as (type, field, old, new)."""
        number = person if isinstance(person, int) else person.id
        return [
            (entry["type"], entry["field"], _value(entry["old"]), _value(entry["new"]))
            for entry in self.subscription.marketing.people.activities(PersonId(number))
        ]

    def export(self, entity: str) -> list[dict[str, Any]]:
        """Every record of a marketing entity."""
        return list(self.subscription.marketing.export(entity))

    def company(self, account: str) -> dict[str, Any]:
        """The values of an account's company. Raises KeyError where there is none."""
        return dict(json.loads(self.subscription.marketing.companies.get([account])[account].fields))


def _bound(values: dict[str, object]) -> dict[str, object]:
    return {name.replace("__bind", "@odata.bind"): value for name, value in values.items()}


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
