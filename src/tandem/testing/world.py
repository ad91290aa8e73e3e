"""A whole small world in one process: a sandbox organisation on loopback and a subscription connected to it.

Tests speak of records and people, not of requests: somebody edits in Dynamics, a cycle runs, and the marketing side
is looked at. Everything in between is the real thing: HTTP, SQLite or PostgreSQL, the engine.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self
from uuid import uuid4

from tandem.dynamics.credentials import Credentials
from tandem.mapping.ranges import Range
from tandem.model.entities import Entity
from tandem.runtime import connecting, syncing
from tandem.runtime.choosing import choose, look_up
from tandem.runtime.customs import enable_entity
from tandem.runtime.discovery import choose_entity
from tandem.runtime.settings import Settings, load
from tandem.runtime.subscription import opened
from tandem.sandbox.automation.plug_ins import AnyPlugIn
from tandem.sandbox.data.generate import generate
from tandem.sandbox.door.automation import ArmPlugIn, Lock, PutRule, Settle
from tandem.sandbox.door.definitions import MakeLookup, MakeTable
from tandem.sandbox.door.levers import Levers
from tandem.sandbox.door.operations import (
    Advance,
    AnyOperation,
    BecomeCopy,
    Create,
    Delete,
    Fault,
    Merge,
    Qualify,
    Restore,
    Secure,
    Snapshot,
    Tracking,
    Update,
)
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.protection import Protection
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation
from tandem.sync.choosing import Wishes
from tandem.sync.context import Context, Progress
from tandem.sync.cycle import Engine
from tandem.testing.subscribed import Subscribed

_NONE: Mapping[str, str] = MappingProxyType({})


class World(Subscribed):
    """A sandbox organisation and a subscription. Use as a context manager; `connect` binds and enables it."""

    def __init__(self, folder: Path, *, people: int = 0, seed: int = 1, **settings: str) -> None:
        self._folder = folder
        self._resources = contextlib.ExitStack()
        self.organisation = Organisation(folder / "organisation.db")
        if people:
            for table, rows in generate(people, seed):
                self.organisation.load(table, rows)
        self.faults = Faults()
        self.protection = Protection()
        self.levers = Levers(
            organisation=self.organisation,
            faults=self.faults,
            protection=self.protection,
            expire_tokens=lambda: None,
        )
        environ = {"TANDEM_HOME": str(folder / "home"), **{f"TANDEM_{k.upper()}": v for k, v in settings.items()}}
        self.settings: Settings = load(environ=environ)

    def __enter__(self) -> Self:
        self.sandbox = self._resources.enter_context(
            Sandbox(self.organisation, faults=self.faults, protection=self.protection)
        )
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
        self.subscription = self._resources.enter_context(opened(self.settings))
        syncing.enable(self.subscription, True)
        return self

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Leave the subscription to other processes for a while."""
        self.subscription.database.close()
        try:
            yield
        finally:
            self.subscription = self._resources.enter_context(opened(self.settings))

    def connect_another_home(self) -> Self:
        """Connect a second subscription, in a home of its own, to the same organisation; the first is left alone."""
        self.settings = replace(self.settings, home=self._folder / "another-home")
        return self.connect()

    def filter_column(self, *tables: str) -> Self:
        """Add the sync filter column to tables, empty in every row."""
        for table in tables:
            self.organisation.add_column(table, "new_synctomkto", "boolean")
        return self

    def make_table(self, schema_name: str, *, columns: Mapping[str, str] = _NONE, **lookups: str | None) -> str:
        """Make a custom table with lookups by schema name, each to a table or, where that is None, to customers."""
        table = str(self.do(MakeTable(table=schema_name, columns=dict(columns)))["table"])
        for column, target in lookups.items():
            self.do(MakeLookup(table=table, column=column, target=target))
        return table

    def enable_custom(self, table: str, path: str | None = None) -> Entity:
        """Sync a custom table from now on, by `path` or by the one that is proposed."""
        with syncing.dynamics_of(self.subscription) as dynamics:
            chosen = choose_entity(self.subscription, dynamics, table, [path] if path else [])
            enable_entity(self.subscription, dynamics, chosen.custom)
        return chosen.custom.entity

    # Somebody in Dynamics -------------------------------------------------------------------------------------------

    def select_fields(
        self, table: str, select: Sequence[str] = (), *, deselect: Sequence[str] = (), wanted: Range | None = None
    ) -> None:
        """Choose fields as `tandem fields` does."""
        entity, wishes = Entity(table), Wishes(select=select, deselect=deselect)
        with syncing.dynamics_of(self.subscription) as dynamics:
            offered = look_up(self.subscription, dynamics, [entity])
        with self.subscription.database.transaction():
            choose(self.subscription, offered, entity, wishes, wanted=wanted)

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

    def plug_in(self, stand_in: AnyPlugIn) -> None:
        """Let a stand-in for the customer's automation act on every write."""
        self.do(ArmPlugIn(plug_in=stand_in))

    def settle(self, *, rounds: int = 1) -> None:
        """Let the stand-ins do what they left for later."""
        self.do(Settle(rounds=rounds))

    def lock(self, table: str, record: str, *, locked: bool = True) -> None:
        """Let a record refuse every change, or accept them again."""
        self.do(Lock(table=table, id=record, locked=locked))

    def detect_duplicates(self, table: str, *columns: str, status: Literal[412, 500] = 412) -> None:
        """Publish a duplicate detection rule on a table, by e-mail address unless told otherwise."""
        compared = columns or ("emailaddress1",)
        self.do(PutRule(name=f"{table} by {', '.join(compared)}", table=table, columns=compared, status=status))

    def secure(self, table: str, column: str, *, secured: bool = True) -> None:
        """Take a column out of the sync user's sight, or give it back."""
        self.do(Secure(table=table, column=column, secured=secured))

    def allow(self, table: str, column: str, *, allowed: bool = True, writing: bool = True) -> None:
        """Give the sync user the rights to a secured column by a column security profile, or none; definitions stay."""
        organisation = self.organisation
        with organisation.transaction():
            user, right = (
                organisation.user_id,
                {
                    "canread": 4 if allowed else 0,
                    **dict.fromkeys(("cancreate", "canupdate"), 4 if allowed and writing else 0),
                },
            )
            for each in organisation.find("fieldpermission", "attributelogicalname", column):
                organisation.update("fieldpermission", each, right, actor=user)
                return
            profile, names = str(uuid4()), {"entityname": table, "attributelogicalname": column}
            organisation.insert("fieldsecurityprofile", profile, {"name": f"{table} {column}"}, actor=user)
            member = {"systemuserid": user, "fieldsecurityprofileid": profile}
            organisation.insert("systemuserprofiles", str(uuid4()), member, actor=user)
            permission = {**names, **right, "fieldsecurityprofileid": profile}
            organisation.insert("fieldpermission", str(uuid4()), permission, actor=user)

    def track(self, table: str, *, enabled: bool) -> None:
        """Switch a table's change tracking."""
        self.do(Tracking(table=table, enabled=enabled))

    def fault(self, switch: str, **options: Any) -> None:
        """Arm a fault switch."""
        self.do(Fault(switch=switch, **options))

    def back_up(self) -> None:
        """Keep the organisation as it is, for `restore`."""
        self.do(Snapshot())

    def restore(self) -> None:
        """Restore the last backup in place."""
        self.do(Restore())

    def become_a_copy(self) -> None:
        """From now on answer as another organisation."""
        self.do(BecomeCopy())

    def advance(self, *, days: float) -> None:
        """Let time pass in Dynamics."""
        self.do(Advance(seconds=days * 86_400))

    def do(self, operation: AnyOperation) -> Any:
        """Any operation of the control door."""
        return operation.run(self.levers)

    def row(self, table: str, record: str) -> dict[str, Any]:
        """A record with all its columns, read past the Web API. Raises KeyError where there is none."""
        row = self.organisation.get(table, record)
        if row is None:
            raise KeyError(record)
        return dict(row)

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


def _bound(values: dict[str, object]) -> dict[str, object]:
    return {name.replace("__bind", "@odata.bind"): value for name, value in values.items()}
