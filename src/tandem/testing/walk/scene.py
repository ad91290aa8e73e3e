"""Where a walk takes place: a world, the process that syncs it, and what was written down.

An act says only what is done. The scene finds whom a number means, makes the values, and writes down every edit.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import apsw

from tandem.actions.registry import go_on
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, RetryLater
from tandem.model.schema import Column, ColumnType, Option
from tandem.report.plan import Plan
from tandem.sandbox.messages import Refused
from tandem.state.streams import StreamState
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.edits import Edits
from tandem.sync.plan import TablePlan
from tandem.sync.succession import is_read_again
from tandem.testing.fake_world import FakeWorld
from tandem.testing.ledger import Fuse, Killed, Ledger, MortalDatabase, WatchedDynamics, Write
from tandem.testing.lying import LyingDynamics
from tandem.testing.picture import Picture
from tandem.testing.walk import tables

PEOPLE = ("lead", "contact")
_INTERESTS, POINTS = "new_interests", "new_points"
MERGED = (_INTERESTS, POINTS)
"""The columns in which both sides' changes may be kept: a set, and a number that may be a counter."""
_OPTIONS = tuple(Option(value=code, label=f"Interest {code}") for code in range(1, 7))
FIELDS = {
    "phone": "telephone1",
    "title": "jobtitle",
    "city": "address1_city",
    "postalCode": "address1_postalcode",
    "unsubscribed": "donotbulkemail",
    _INTERESTS: _INTERESTS,
    POINTS: POINTS,
}
"""The fields that are edited, by API name: their columns."""

Act = Callable[["Scene", int, int], None]
"""What happens, and two numbers that say to whom and how; any number is good."""


class Scene:
    """A world, who acts in it, and what was written down. Use as a context manager.

    What the last step left to be looked at: `before` and `after` the pictures around its cycle, `overrun` whether
    anything happened outside while that went on, `fresh` the writes that arrived, `rehearsed` a plan and the writes of
    the cycle that came of it. `plans` are those under which the tables were read to their end; a table whose selection
    was changed since is absent. `restored` are the records that came back from the dead, `graves` those that have not,
    with their tables and last rows; `refused` the records and tables that were closed to writes for a while: what was
    refused then waits for somebody to retry it; `merged` the people who were made of two in marketing; `removed` the
    columns that were deleted, with their tables; `saved` is the file with the saved database, if there is one, and
    `saved_before` whether the organisation was set back since.
    `patience` is how often a cycle may still ask whether to stop before
    it has to; None: it need not.
    """

    def __init__(self, folder: Path, *, seed: int) -> None:
        self.seed = seed
        settings = {
            "consent_wins": str(seed % 2 == 0).lower(),
            "address_block": str(seed % 3 == 0).lower(),
            "page_size": str((2, 5, 5000)[seed % 3]),
            "brake_delete_floor": str((2, 20)[seed % 2]),
        }
        self.world = FakeWorld(folder, seed=seed, **settings)
        self.saved = folder / "saved.db"
        self.saved_before = False
        self.ledger, self.fuse = Ledger(), Fuse()
        organisation = self.world.organisation
        organisation.watchers.append(self.ledger.note_row)
        self.line = WatchedDynamics(
            organisation,
            self.ledger,
            self.fuse,
            look=lambda: self.note_people(),
            state=lambda: self.world.subscription.state,
        )
        self.lying = LyingDynamics(self.line, seed=seed)
        self.world.dynamics = self.lying
        self.counts: Counter[str] = Counter()
        self.restored: set[str] = set()
        self.graves: dict[str, tuple[str, dict[str, Any]]] = {}
        self.rehearsed: tuple[Plan, Sequence[Write]] | None = None
        self.fresh: Sequence[Write] = ()
        self.plans: dict[Entity, TablePlan] = {}
        self.refused: set[str] = set()
        self.merged: set[int] = set()
        self.removed: list[tuple[str, Column]] = []
        self.before: Picture | None = None
        self.after: Picture | None = None
        self.overrun = False
        self._logged = 0
        self.patience: int | None = None
        self._serial = 0
        self._running = contextlib.ExitStack()
        self._engine: tuple[Engine, Context] | None = None

    def __enter__(self) -> Self:
        world = self.world.__enter__()
        for table in PEOPLE:
            for column in (
                Column(name=_INTERESTS, type=ColumnType.CHOICES, custom=True, options=_OPTIONS),
                Column(name=POINTS, type=ColumnType.INTEGER, custom=True),
            ):
                world.organisation.add_column(table, column)
        if self.seed % 4:
            world.filter_column(*PEOPLE)
        tables.define(world)
        world.connect()
        tables.enable(world)
        self.reader = apsw.Connection(str(world.settings.database_file), flags=apsw.SQLITE_OPEN_READONLY)
        self._make_mortal()
        for number in range((3, 12)[self.seed % 5 == 0]):
            for table in PEOPLE:
                self.create_record(table, number)
        self.create_record("account", 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        self.reader.close()
        self.world.__exit__()

    def _make_mortal(self) -> None:
        subscription = self.world.subscription
        subscription.database = MortalDatabase(subscription.database, self.fuse)  # type: ignore[assignment]

    # Set back -------------------------------------------------------------------------------------------------------

    def note_set_back_there(self) -> None:
        """The organisation is not what it was: its rows may be in an older state, and the deleted ones back."""
        organisation = self.world.organisation
        for table in organisation.tables:
            for record, row in organisation.rows(table).items():
                self.ledger.note_row(table, record, row)
                if self.graves.pop(record, None):
                    self.restored.add(record)
        self.ledger.forgive()
        self.plans.clear()
        self.saved_before = True

    def note_set_back_here(self) -> None:
        """The database knows only what it did when it was saved."""
        self._make_mortal()
        picture = self.picture()
        self.counts["writes"] += len(self.ledger.writes)
        self.ledger.forget(keep=picture.people)
        self.note_people()
        self.plans.clear()

    # Cycles ---------------------------------------------------------------------------------------------------------

    def at_work(self) -> tuple[Engine, Context]:
        """The engine of the process that runs now."""
        if self._engine is None:
            self._engine = self._running.enter_context(self.world.engine(stopping=self._is_stopping))
        return self._engine

    def _is_stopping(self) -> bool:
        if self.patience is not None:
            self.patience -= 1
        return self.patience is not None and self.patience < 0

    def restart(self) -> None:
        """Another process takes over, which knows what is stored and nothing else."""
        self._engine = None
        self.fuse.left = None
        self._running.close()

    def crash(self) -> None:
        """The process was killed."""
        self.restart()
        self.counts["crashes"] += 1

    def cycle(self) -> None:
        """One cycle, to its end or as far as it comes."""
        try:
            with self.observed():
                engine, context = self.at_work()
                engine.cycle()
                go_on(engine, context)
        except Killed:
            self.crash()
        except RetryLater:
            self.counts["cycles cut short"] += 1

    @contextlib.contextmanager
    def observed(self) -> Iterator[None]:
        """What is done here is a cycle, and pictures are taken around it."""
        self.before, self.after = self.picture(), None
        self.overrun = bool(self.line.before or self.line.after)
        self._logged = self.world.subscription.marketing.people.last_logged()
        self.counts["cycles"] += 1
        yield
        self.after, rates, self.lying.rates = self.picture(), self.lying.rates, {}
        engine, _ = self.at_work()
        state = self.world.subscription.state
        streams, successors, asked = state.streams.all(), state.streams.successors(), state.quick_syncs.open()
        for entity, plan in engine.tables().plans.items():
            known = streams[entity].state is StreamState.LIVE and streams[entity].fingerprint == plan.fingerprint
            names = {field.api_name for field in plan.fields}
            unread = is_read_again(streams, successors, asked, entity) or names & state.fields_partly_read(entity)
            if known and not unread:
                self.plans[entity] = plan
        self.lying.rates = rates

    def make_honest(self) -> None:
        """From now on nothing lies, disturbs, stops or kills a cycle."""
        self.lying.rates = {}
        self.line.forbidden.clear()
        self.bring_columns_back()
        self.line.before.clear()
        self.line.after.clear()
        self.fuse.left = self.patience = None

    def bring_columns_back(self) -> None:
        """Every column that was deleted is there again, with its values."""
        for table, column in self.removed:
            self.world.organisation.add_column(table, column)
        self.removed.clear()

    # Whom and what --------------------------------------------------------------------------------------------------

    def picture(self) -> Picture:
        """The subscription's people and links as they are now."""
        return Picture.of(self.reader)

    def note_people(self) -> None:
        """Write down what anybody can see now."""
        for person in self.picture().people.values():
            self.ledger.note_person(person["id"], person["values"])

    def somebody(self, number: int) -> int:
        """One of the people there are. Raises NeedsPerson."""
        people = sorted(self.picture().people)
        if not people:
            raise NeedsPerson("There is nobody.")
        return int(people[number % len(people)])

    def record(self, number: int, tables: Sequence[str] = PEOPLE) -> tuple[str, str]:
        """One of the records of these tables: its table and its id. Raises NeedsPerson."""
        table = tables[number % len(tables)]
        records = list(self.world.organisation.rows(table))
        if not records:
            raise NeedsPerson(f"There is no {table}.")
        return table, records[number // len(tables) % len(records)]

    def value(self, name: str, number: int) -> Any:
        """A value nobody had before, mostly; some come again, so that both sides may mean the same."""
        self._serial += 1
        match name:
            case "unsubscribed":
                return number % 2 == 0
            case "new_points":
                return number % 50
            case "new_interests":
                return ",".join(str(code) for code in range(1, 7) if number >> (code - 1) & 1) or None
            case _:
                return f"{name[0]}{number % 3}" if number % 4 == 0 else f"{name[0]}-{self._serial}"

    def field(self, number: int) -> tuple[str, str]:
        """One of the fields that are edited: its API name and its column."""
        return list(FIELDS.items())[number % len(FIELDS)]

    # What is done ---------------------------------------------------------------------------------------------------

    def let(self, act: Act, one: int, two: int) -> None:
        """Let something happen, where somebody allows it."""
        with contextlib.suppress(Refused, NeedsPerson, RetryLater):
            act(self, one, two)

    def edits(self) -> Edits:
        """The way into marketing that an edit takes."""
        subscription = self.world.subscription
        return Edits(subscription.database, subscription.marketing, subscription.state)

    def now(self) -> str:
        """The time, as it is stored."""
        return self.world.clock.now()

    def put(self, person: int, **values: Any) -> None:
        """Somebody edits a person in marketing."""
        self.counts["edits"] += 1
        self.ledger.forgive(link.crm_id for link in self.world.subscription.state.links.of_person(person))
        self.edits().put(person, values, at=self.now())
        self.ledger.note_person(person, {name.removeprefix("company."): value for name, value in values.items()})

    def change(self, table: str, record: str, **values: Any) -> None:
        """Somebody edits a record in Dynamics."""
        self.counts["edits"] += 1
        self.ledger.forgive([record])
        self.world.edit(table, record, **values)

    def create_record(self, table: str, number: int) -> None:
        """Somebody makes a record in Dynamics."""
        if table == "account":
            self.world.create(table, name=self.value("company", number), telephone1=self.value("phone", 1))
            return
        named = {"lastname": self.value("lastName", number), "emailaddress1": f"{self._serial}@example.com"}
        topic = {"subject": "Visit"} if table == "lead" else {}
        self.world.create(table, **named, **topic, telephone1=self.value("phone", number))
