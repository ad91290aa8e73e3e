"""A whole small world without a network: a fake organisation and a subscription on SQLite, by a clock of its own.

It speaks as `World` does, a hundred times faster: what needs no HTTP to be proven is proven here, thousands of times.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import apsw

from tandem.dynamics.port import DynamicsOrganisation
from tandem.mapping.fields import FILTER_COLUMN
from tandem.model.entities import STANDARD
from tandem.model.schema import Column, ColumnType
from tandem.runtime import backups, instance
from tandem.runtime.settings import Settings, load
from tandem.runtime.subscription import opened
from tandem.runtime.syncing import enable, sync_settings
from tandem.sandbox.automation.plug_ins import PlugIn
from tandem.state.reviews import ReviewKind
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.plan import default_choices
from tandem.sync.review import begin_review
from tandem.testing.fake import FakeDynamics, FakeOrganisation, Reference
from tandem.testing.subscribed import Subscribed


class FakeClock:
    """A clock that stands still until it is advanced."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> str:
        """The time as Tandem stores it."""
        return self.moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def monotonic(self) -> float:
        """The same time in seconds."""
        return self.moment.timestamp()

    def advance(self, **span: float) -> None:
        """Let time pass, such as `days=8`."""
        self.moment += timedelta(**span)


class FakeWorld(Subscribed):
    """A fake organisation and a subscription in `folder`. Use as a context manager.

    `dynamics` is what the engine is given; a test may put a lying one in its place.
    """

    def __init__(self, folder: Path, *, seed: int = 1, **settings: str) -> None:
        environ = {"TANDEM_HOME": str(folder / "home"), **{f"TANDEM_{k.upper()}": v for k, v in settings.items()}}
        self.settings: Settings = load(environ=environ)
        self.clock = FakeClock()
        self.organisation = FakeOrganisation(seed=seed, clock=lambda: self.clock.moment)
        self.dynamics: DynamicsOrganisation = FakeDynamics(self.organisation)
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    # Set-up ---------------------------------------------------------------------------------------------------------

    def connect(self) -> Self:
        """Open the subscription, bind it to the organisation, select the default fields and switch it on."""
        self._organization_id = self.organisation.organization_id
        self._open(create=True)
        state, tables = self.subscription.state, self.organisation.tables
        with self.subscription.database.transaction():
            instance.begin(self.subscription)
            for entity in STANDARD:
                state.put_choices(default_choices(entity, tables[entity.value]))
        enable(self.subscription, True)
        return self

    def _open(self, *, create: bool = False) -> None:
        self.subscription = self._resources.enter_context(opened(self.settings, create=create))
        self.subscription.now = self.clock.now

    def filter_column(self, *tables: str) -> Self:
        """Add the sync filter column to tables, empty in every row."""
        for table in tables:
            self.organisation.add_column(table, Column(name=FILTER_COLUMN, type=ColumnType.BOOLEAN, custom=True))
        return self

    # Somebody in Dynamics -------------------------------------------------------------------------------------------

    def create(self, table: str, **values: object) -> str:
        """Make a record as another user and return its id; `x__bind` stands for `x@odata.bind`."""
        return self.organisation.create(table, self._stored(table, values))

    def edit(self, table: str, record: str, **values: object) -> None:
        """Change a record as another user."""
        self.organisation.edit(table, record, self._stored(table, values))

    def delete(self, table: str, record: str) -> None:
        """Delete a record as another user."""
        self.organisation.delete(table, record)

    def qualify(self, lead: str) -> str:
        """Qualify a lead as another user and return the id of its contact."""
        return self.organisation.qualify(lead)

    def merge(self, table: str, winner: str, loser: str, **values: object) -> None:
        """Merge two records as another user."""
        self.organisation.merge(table, winner, loser, self._stored(table, values))

    def plug_in(self, stand_in: PlugIn) -> None:
        """Let a stand-in for the customer's automation act on every write."""
        self.organisation.plug_ins.append(stand_in)

    def settle(self, *, rounds: int = 1) -> None:
        """Let the stand-ins do what they left for later."""
        for _ in range(rounds):
            self.organisation.settle()

    def lock(self, table: str, record: str, *, locked: bool = True) -> None:
        """Let a record refuse every change, or accept them again."""
        self.organisation.lock_row(table, record, locked=locked)

    def detect_duplicates(self, table: str) -> None:
        """Publish a duplicate detection rule on a table, by e-mail address."""
        self.organisation.duplicate_rules.add(table)

    def secure(self, table: str, column: str, *, secured: bool = True) -> None:
        """Take a column out of the sync user's sight, or give it back."""
        self.organisation.secure(table, column, secured=secured)

    def allow(self, table: str, column: str, *, allowed: bool = True) -> None:
        """Let the sync user read a secured column by its column security profile, or not; the definitions stay."""
        unreadable = self.organisation.unreadable
        (unreadable.discard if allowed else unreadable.add)((table, column))

    def track(self, table: str, *, enabled: bool) -> None:
        """Switch a table's change tracking."""
        self.organisation.change_table(table, change_tracking=enabled)

    def back_up(self) -> None:
        """Keep the organisation as it is, for `restore`."""
        self.organisation.back_up()

    def restore(self) -> None:
        """Restore the last backup in place."""
        self.organisation.restore()

    def become_a_copy(self) -> None:
        """From now on answer as another organisation."""
        self.organisation.become_copy()

    def advance(self, *, days: float) -> None:
        """Let time pass, for Dynamics and for Tandem."""
        self.clock.advance(days=days)

    def _stored(self, table: str, values: dict[str, object]) -> dict[str, Any]:
        """Values as the organisation takes them: what `x__bind` names becomes the Reference of its lookup."""
        sets = {each.entity_set: each.name for each in self.organisation.tables.values()}
        lookups = {navigation: column for (column, _), navigation in self.organisation.tables[table].navigation.items()}
        stored: dict[str, Any] = {}
        for name, value in values.items():
            if not name.endswith("__bind"):
                stored[name] = value
                continue
            entity_set, _, record = str(value or "").strip("/)").partition("(")
            stored[lookups[name.removesuffix("__bind")]] = Reference(sets[entity_set], record) if value else None
        return stored

    # Tandem at work -------------------------------------------------------------------------------------------------

    @contextmanager
    def engine(self, *, stopping: Callable[[], bool] = lambda: False) -> Iterator[tuple[Engine, Context]]:
        """The engine, under the lock."""
        subscription = self.subscription
        with subscription.exclusive():
            context = Context(
                database=subscription.database,
                dynamics=self.dynamics,
                marketing=subscription.marketing,
                state=subscription.state,
                now=subscription.now,
                monotonic=self.clock.monotonic,
                settings=sync_settings(subscription.settings),
                stopping=stopping,
            )
            yield Engine(context, organization_id=self._organization_id), context

    # Set back ------------------------------------------------------------------------------------------------------

    def relink(self) -> None:
        """Link the subscription to what the organisation is now, as `tandem relink` does once it was agreed to."""
        subscription, self._organization_id = self.subscription, self.organisation.organization_id
        with subscription.exclusive(), subscription.writing(), subscription.database.transaction():
            begin_review(
                *(subscription.state, subscription.marketing, ReviewKind.RELINK, "It was linked again."),
                by="somebody",
                at=subscription.now(),
            )

    def save(self, file: Path) -> None:
        """Save the subscription in a new file."""
        backups.back_up(self.subscription, file)

    def put_back(self, file: Path) -> None:
        """Put what was saved in the place of the subscription, and adopt it."""
        self.subscription.database.close()
        backups.restore(self.settings, file)
        self._open()
        instance.adopt(self.subscription)

    # What is kept ---------------------------------------------------------------------------------------------------

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of both halves of the database by table, without what counts cycles and reads."""
        connection = apsw.Connection(str(self.settings.database_file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            named = "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
            tables = {str(name) for (name,) in connection.execute(named)} - _OF_CYCLES
            return {
                table: sorted(connection.execute(f"select {_KEPT.get(table, '*')} from {table}"), key=repr)  # noqa: S608
                for table in tables
            }
        finally:
            connection.close()


_OF_CYCLES = {"history"}
_KEPT = {
    "stream": "entity, fingerprint, state, next_link, delta_link, weak, reason",
    "setting": "name, case when name = 'instance' then null else value end",  # all but what tells it from every other
    "sync_error": "id, cause, crm_id, person_id, field, message, advice, state",  # all but how often, and when last
    "notice": "id, kind, about, message, advice, at, settled_at",  # all but the id that no other notice anywhere has
}
"""What stays the same of a table when nothing happens in a cycle, where that is not all of it."""
