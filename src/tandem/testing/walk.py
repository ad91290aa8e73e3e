"""A walk through everything that can happen to a subscription, one step at a time (behaviour section 9, AS section 6).

No list of cases names the one in which two rules meet at the wrong instant. So both sides, the administrator, the line
between them and the process itself act in any order, and after each step what must always hold is looked at. A step is
plain data: whoever drew it, the same steps are the same walk.
"""

import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import apsw

from tandem.actions.sync_person import sync_person
from tandem.mapping.fields import FILTER_COLUMN, Direction, Policy
from tandem.marketing.port import ActivityType
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, RetryLater
from tandem.model.schema import Column, ColumnType, Option
from tandem.report.errors import retry
from tandem.report.plan import Plan, rehearse
from tandem.rules.brakes import HoldKind
from tandem.sandbox.messages import Refused
from tandem.sandbox.plug_ins import Form, PlugIn, Refuse, Rewrite, RewriteLater, Touch
from tandem.state.streams import StreamState
from tandem.sync.context import Context
from tandem.sync.cycle import Engine
from tandem.sync.edits import Edits
from tandem.sync.plan import TablePlan
from tandem.sync.removing import Removing
from tandem.sync.restoring import restore
from tandem.testing.fake import Reference
from tandem.testing.fake_world import FakeWorld
from tandem.testing.ledger import Fuse, Killed, Ledger, MortalDatabase, WatchedDynamics, Write
from tandem.testing.lying import Lie, LyingDynamics
from tandem.testing.picture import Picture

PEOPLE = ("lead", "contact")
_LIES = {
    Lie.REPLAY: 0.1,
    Lie.REORDER: 0.3,
    Lie.DUPLICATE: 0.3,
    Lie.UNKNOWN_DELETION: 0.1,
    Lie.EXPIRE: 0.02,
    Lie.THROTTLE: 0.03,
    Lie.LOSE_REQUEST: 0.03,
    Lie.LOSE_REPLY: 0.05,
    Lie.BREAK_OFF: 0.2,
    Lie.MISMATCH: 0.2,
    Lie.FAULT: 0.2,
}
_INTERESTS, _POINTS = "new_interests", "new_points"
MERGED = (_INTERESTS, _POINTS)
"""The columns in which both sides' changes may be kept: a set, and a number that may be a counter."""
_OPTIONS = tuple(Option(value=code, label=f"Interest {code}") for code in range(1, 7))
_FIELDS = {
    "phone": "telephone1",
    "title": "jobtitle",
    "city": "address1_city",
    "postalCode": "address1_postalcode",
    "unsubscribed": "donotbulkemail",
    _INTERESTS: _INTERESTS,
    _POINTS: _POINTS,
}
"""The fields that are edited, by API name: their columns."""
_POSTPONED = 8
_CYCLES_TO_REST = 40


class Step(NamedTuple):
    """What happens, and two numbers that say to whom and how; any number is good."""

    act: str
    one: int
    two: int


class NeverAtRest(AssertionError):
    """Something is still being written although nobody does anything."""


class Walk:
    """A world, who acts in it, and what was written down. Use as a context manager.

    What the last step left to be looked at: `before` and `after` the pictures around its cycle, `overrun` whether
    anything happened outside while that went on, `fresh` the writes that arrived, `rehearsed` a plan and the writes of
    the cycle that came of it. `plans` are those under which the tables were read to their end; a table whose selection
    was changed since is absent. `restored` are the records that came back from the dead; `refused` the records and
    tables that were closed to writes for a while: what was refused then waits for somebody to retry it;
    `merged` the people who were made of two in marketing.
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
        self.ledger, self.fuse = Ledger(), Fuse()
        organisation = self.world.organisation
        organisation.watchers.append(self.ledger.note_row)
        self.line = WatchedDynamics(
            organisation,
            self.ledger,
            self.fuse,
            look=lambda: self._note_people(),
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
        self.before: Picture | None = None
        self.after: Picture | None = None
        self.overrun = False
        self._logged = 0
        self._patience: int | None = None
        self._serial = 0
        self._running = contextlib.ExitStack()
        self._engine: tuple[Engine, Context] | None = None

    def __enter__(self) -> Self:
        world = self.world.__enter__()
        for table in PEOPLE:
            for column in (
                Column(name=_INTERESTS, type=ColumnType.CHOICES, custom=True, options=_OPTIONS),
                Column(name=_POINTS, type=ColumnType.INTEGER, custom=True),
            ):
                world.organisation.add_column(table, column)
        if self.seed % 4:
            world.filter_column(*PEOPLE)
        world.connect()
        self.reader = apsw.Connection(str(world.settings.database_file), flags=apsw.SQLITE_OPEN_READONLY)
        world.subscription.database = MortalDatabase(world.subscription.database, self.fuse)  # type: ignore[assignment]
        for number in range((3, 12)[self.seed % 5 == 0]):
            for table in PEOPLE:
                self._create_there(table, number)
        self._create_there("account", 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        self.reader.close()
        self.world.__exit__()

    # Steps ----------------------------------------------------------------------------------------------------------

    def take(self, step: Step) -> None:
        """Let something happen, where somebody allows it. Raises what must never come: OurBug, HaltStream."""
        self.before = self.after = self.rehearsed = None
        written = len(self.ledger.writes)
        self._let(step)
        self.counts["steps"] += 1
        self.fresh = self.ledger.writes[written:]
        self._note_people()

    def come_to_rest(self) -> None:
        """Everybody tells the truth and nobody does anything, for as many cycles as it takes. Raises NeverAtRest."""
        self._make_honest()
        quiet = 0
        for _ in range(_CYCLES_TO_REST):
            written, before = len(self.ledger.writes), self.world.dump()
            self._cycle()
            self.world.settle()
            unchanged = before == self.world.dump() and written == len(self.ledger.writes)
            quiet = quiet + 1 if unchanged else 0
            if quiet == 2:
                return
        after = self.world.dump()
        changed = sorted(table for table in after if after[table] != before[table])
        raise NeverAtRest(f"After {_CYCLES_TO_REST} cycles there are still changes in {', '.join(changed)}.")

    def clear_the_way(self) -> None:
        """Whatever kept a record from being written is taken away, and every hold is decided."""
        organisation = self.world.organisation
        organisation.plug_ins.clear()
        organisation.duplicate_rules.clear()
        for table in PEOPLE:
            for record in organisation.rows(table):
                self.world.lock(table, record, locked=False)
        self.refused.clear()
        for table, column in list(organisation.unreadable):
            self.plans.pop(Entity(table), None)
            self.world.secure(table, column, secured=False)
        for hold in self.world.open_holds():
            self.world.approve(hold)
        retry(self.world.subscription, None)
        self.ledger.forgive()

    def picture(self) -> Picture:
        """The subscription's people and links as they are now."""
        return Picture.of(self.reader)

    @contextlib.contextmanager
    def begin_anew(self) -> Iterator[FakeWorld]:
        """Another subscription to the same organisation, of which nothing is stored; `reader` looks at it."""
        with tempfile.TemporaryDirectory() as folder, FakeWorld(Path(folder), seed=self.seed) as world:
            world.organisation, world.dynamics, world.clock = self.world.organisation, self.line, self.world.clock
            world.connect()
            self.reader.close()
            self.reader = apsw.Connection(str(world.settings.database_file), flags=apsw.SQLITE_OPEN_READONLY)
            yield world

    def resolve(self, person: int) -> int | None:
        """Who a person is since merges; None: deleted."""
        return self.world.subscription.marketing.people.resolve(person)

    def was_merged(self, person: int) -> bool:
        """Did the last cycle make one of two people?"""
        entries = self.world.subscription.marketing.people.logged_after(self._logged)
        return any(each["person_id"] == person and each["type"] == ActivityType.MERGE_PEOPLE for each in entries)

    # Cycles ---------------------------------------------------------------------------------------------------------

    def _at_work(self) -> tuple[Engine, Context]:
        if self._engine is None:
            self._engine = self._running.enter_context(self.world.engine(stopping=self._is_stopping))
        return self._engine

    def _is_stopping(self) -> bool:
        if self._patience is not None:
            self._patience -= 1
        return self._patience is not None and self._patience < 0

    def _restart(self) -> None:
        """Another process takes over, which knows what is stored and nothing else."""
        self._engine = None
        self.fuse.left = None
        self._running.close()

    def _cycle(self) -> None:
        self._begin()
        try:
            engine, _ = self._at_work()
            engine.cycle()
            self._end(engine)
        except Killed:
            self._restart()
            self.counts["crashes"] += 1
        except RetryLater:
            self.counts["cycles cut short"] += 1

    def _begin(self) -> None:
        self.before, self.after = self.picture(), None
        self.overrun = bool(self.line.before or self.line.after)
        self._logged = self.world.subscription.marketing.people.last_logged()
        self.counts["cycles"] += 1

    def _end(self, engine: Engine) -> None:
        self.after, rates, self.lying.rates = self.picture(), self.lying.rates, {}
        streams = self.world.subscription.state.streams.all()
        for entity, plan in engine.tables().plans.items():
            if streams[entity].state is StreamState.LIVE and streams[entity].fingerprint == plan.fingerprint:
                self.plans[entity] = plan
        self.lying.rates = rates

    def _make_honest(self) -> None:
        self.lying.rates = {}
        self.line.forbidden.clear()
        self.line.before.clear()
        self.line.after.clear()
        self.fuse.left = self._patience = None

    # Whom and what --------------------------------------------------------------------------------------------------

    def _note_people(self) -> None:
        for person in self.picture().people.values():
            self.ledger.note_person(person["id"], person["values"])

    def _edits(self) -> Edits:
        subscription = self.world.subscription
        return Edits(subscription.database, subscription.marketing, subscription.state)

    def _removing(self) -> Removing:
        subscription = self.world.subscription
        return Removing(subscription.database, subscription.marketing, subscription.state)

    def _now(self) -> str:
        return self.world.clock.now()

    def _somebody(self, number: int) -> int:
        people = sorted(self.picture().people)
        if not people:
            raise NeedsPerson("There is nobody.")
        return int(people[number % len(people)])

    def _record(self, number: int, tables: Sequence[str] = PEOPLE) -> tuple[str, str]:
        table = tables[number % len(tables)]
        records = list(self.world.organisation.rows(table))
        if not records:
            raise NeedsPerson(f"There is no {table}.")
        return table, records[number // len(tables) % len(records)]

    def _value(self, name: str, number: int) -> Any:
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

    def _field(self, number: int) -> tuple[str, str]:
        return list(_FIELDS.items())[number % len(_FIELDS)]

    # In marketing ---------------------------------------------------------------------------------------------------

    def _put(self, person: int, **values: Any) -> None:
        self.counts["edits"] += 1
        self.ledger.forgive(link.crm_id for link in self.world.subscription.state.links.of_person(person))
        self._edits().put(person, values, at=self._now())
        self.ledger.note_person(person, {name.removeprefix("company."): value for name, value in values.items()})

    def edit_here(self, one: int, two: int) -> None:
        name, _ = self._field(two)
        self._put(self._somebody(one), **{name: self._value(name, two)})

    def empty_here(self, one: int, two: int) -> None:
        self._put(self._somebody(one), **{self._field(two)[0]: None})

    def misfit_here(self, one: int, two: int) -> None:
        self._put(self._somebody(one), title=f"{self._value('title', two)} " + "x" * 200)

    def empty_required_here(self, one: int, _two: int) -> None:
        self._put(self._somebody(one), lastName=None)

    def rename_here(self, one: int, two: int) -> None:
        self._put(self._somebody(one), lastName=self._value("lastName", two))

    def bulk_here(self, one: int, two: int) -> None:
        name, _ = self._field(one)
        for person in list(self.picture().people):
            with contextlib.suppress(NeedsPerson):
                self._put(person, **{name: self._value(name, two)})

    def edit_company(self, one: int, two: int) -> None:
        self._put(self._somebody(one), **{"company.mainPhone": self._value("mainPhone", two)})

    def create_here(self, _one: int, two: int) -> None:
        names = [("lastName", self._value("lastName", two)), ("microsoftTopic", "Visit"), ("title", f"t{two}")]
        self._edits().create(names[: 2 + two % 2], at=self._now())

    def sync_person(self, one: int, two: int) -> None:
        person, wanted = self._somebody(one), (Entity.LEAD, Entity.CONTACT, None)[two % 3]
        self.ledger.forgive()
        self.fuse.left = 1 + one % 30 if two % 4 == 0 else None
        try:
            sync_person(*self._at_work(), person, wanted=wanted, request=f"request {two % 20}")
        except Killed:
            self._restart()
            self.counts["crashes"] += 1
        finally:
            self.fuse.left = None

    def delete_here(self, one: int, two: int) -> None:
        self._removing().delete(self._somebody(one), at=self._now(), never_return=two % 4 == 0)

    def merge_here(self, one: int, two: int) -> None:
        winner, loser = self._somebody(one), self._somebody(two)
        self.ledger.forgive()
        self._removing().merge(winner, loser, at=self._now())
        self._join(winner, loser)
        self.merged.add(winner)

    def restore_value(self, one: int, _two: int) -> None:
        state = self.world.subscription.state
        collisions = state.journal.collisions()
        if collisions:
            self.ledger.forgive()
            with self.world.subscription.database.transaction():
                restore(state, self._edits(), collisions[one % len(collisions)]["id"], at=self._now())

    def _join(self, winner: int, loser: int) -> None:
        for name, values in self.ledger.held.pop(loser, {}).items():
            self.ledger.held[winner][name] |= values

    # In Dynamics ----------------------------------------------------------------------------------------------------

    def _change(self, table: str, record: str, **values: Any) -> None:
        self.counts["edits"] += 1
        self.ledger.forgive([record])
        self.world.edit(table, record, **values)

    def _create_there(self, table: str, number: int) -> str:
        if table == "account":
            return self.world.create(table, name=self._value("company", number), telephone1=self._value("phone", 1))
        named = {"lastname": self._value("lastName", number), "emailaddress1": f"{self._serial}@example.com"}
        topic = {"subject": "Visit"} if table == "lead" else {}
        return self.world.create(table, **named, **topic, telephone1=self._value("phone", number))

    def create_there(self, one: int, two: int) -> None:
        self._create_there((*PEOPLE, "account")[one % 3], two)

    def edit_there(self, one: int, two: int) -> None:
        name, column = self._field(two)
        self._change(*self._record(one), **{column: self._value(name, two)})

    def empty_there(self, one: int, two: int) -> None:
        emptied: dict[str, Any] = {self._field(two)[1]: None}
        self._change(*self._record(one), **emptied)

    def touch_there(self, one: int, _two: int) -> None:
        self._change(*self._record(one))

    def bulk_there(self, one: int, two: int) -> None:
        table, (name, column) = PEOPLE[one % 2], self._field(one // 2)
        emptied = two % 3 == 0
        for record in list(self.world.organisation.rows(table)):
            with contextlib.suppress(Refused):
                self._change(table, record, **{column: None if emptied else self._value(name, two)})

    def move_there(self, one: int, two: int) -> None:
        _, contact = self._record(one, ["contact"])
        _, account = self._record(two, ["account"])
        self._change("contact", contact, parentcustomerid_account__bind=f"/accounts({account})" if two % 4 else None)

    def edit_account(self, one: int, two: int) -> None:
        self._change(*self._record(one, ["account"]), telephone1=self._value("phone", two))

    def filter_there(self, one: int, two: int) -> None:
        if self.seed % 4:
            says: dict[str, Any] = {FILTER_COLUMN: two % 2 == 0}
            self._change(*self._record(one), **says)

    def delete_there(self, one: int, _two: int) -> None:
        table, record = self._record(one)
        if len(self.world.organisation.rows(table)) > 1:  # an empty table is a matter of its own (R6)
            row = dict(self.world.organisation.rows(table)[record])
            self.world.delete(table, record)
            self.graves[record] = (table, row)

    def restore_there(self, one: int, _two: int) -> None:
        if not self.graves:
            return
        record = sorted(self.graves)[one % len(self.graves)]
        table, row = self.graves.pop(record)
        kept = {column: row.get(column) for column in ("subject", "lastname", *_FIELDS.values()) if row.get(column)}
        self.world.organisation.create(table, {f"{table}id": record, **kept})
        self.restored.add(record)
        self.ledger.forgive([record])

    def merge_there(self, one: int, two: int) -> None:
        table, winner = self._record(one)
        records = list(self.world.organisation.rows(table))
        self.ledger.forgive()
        self.world.merge(table, winner, records[two % len(records)])

    def qualify_there(self, one: int, two: int) -> None:
        _, lead = self._record(one, ["lead"])
        self.ledger.forgive()
        if two % 3:
            self.world.qualify(lead)
        else:
            _, contact = self._record(two // 3, ["contact"])
            self.world.organisation.edit("lead", lead, {"parentcontactid": Reference("contact", contact)})
            self.world.edit("lead", lead, statecode=1, statuscode=3)

    def close_there(self, one: int, two: int) -> None:
        table, record = self._record(one)
        closed = two % 2
        self._change(table, record, statecode=closed and (2 if table == "lead" else 1))

    def lock_there(self, one: int, two: int) -> None:
        table, record = self._record(one)
        self.refused.add(record)
        self.world.lock(table, record, locked=two % 2 == 0)

    # Both sides -----------------------------------------------------------------------------------------------------

    def edit_both(self, one: int, two: int) -> None:
        """The same field, to the same value or to another."""
        table, record = self._record(one)
        name, column = self._field(two)
        value = self._value(name, two)
        self._change(table, record, **{column: value})
        link = self.world.link(table, record)
        if link is not None and link.person_id is not None:
            self._put(link.person_id, **{name: value if two % 3 == 0 else self._value(name, two + 1)})

    # Whoever runs it ------------------------------------------------------------------------------------------------

    def choose(self, one: int, two: int) -> None:
        """Another direction, policy or selection of a field."""
        table, (name, column) = PEOPLE[one % 2], self._field(one // 2)
        changes: dict[str, Any] = {}
        match two % 3:
            case 0:
                changes["direction"] = list(Direction)[two // 3 % 4]
            case 1:
                policies = [None, Policy.MARKETING, Policy.DYNAMICS, Policy.HOLD]
                changes["policy"] = Policy.ADD if column == _POINTS and two % 2 else policies[two // 3 % 4]
            case _:
                changes["selected"] = two // 3 % 2 == 0
        self.ledger.forgive()
        self.plans.pop(Entity(table), None)
        self.world.choose(table, column, api_name=name, **changes)

    def secure(self, one: int, two: int) -> None:
        table = PEOPLE[one % 2]
        self.ledger.forgive()
        self.plans.pop(Entity(table), None)
        self.world.secure(table, self._field(one // 2)[1], secured=two % 2 == 0)

    def forbid(self, one: int, two: int) -> None:
        """A right to read a table is taken away, or all are given back."""
        if two % 2:
            self.line.forbidden.add((*PEOPLE, "account")[one % 3])
        else:
            self.line.forbidden.clear()

    def arm(self, one: int, two: int) -> None:
        """Automation begins to answer writes, or all of it ends."""
        table, (_, column) = PEOPLE[one % 2], self._field(one // 2 % 4)
        kinds: list[PlugIn] = [
            Refuse(table=table, column=column),
            Rewrite(table=table, column=column, to=Form.UPPER),
            Rewrite(table=table, column=column, to=Form.BEFORE),
            RewriteLater(table=table, column=column, to=Form.UPPER),
            RewriteLater(table=table, column=column, to=Form.VALUE, value="automatic"),
            Touch(table=table),
            Rewrite(table=table, column=column, target="mobilephone", to=Form.VALUE, value=f"+{two}"),
        ]
        self.ledger.forgive()
        armed = self.world.organisation.plug_ins
        # Two that answer one another never come to rest, whoever watches them.
        if two % 3 == 0 or any((each.table, each.column) == (table, column) for each in armed):
            armed.clear()
        else:
            self.world.plug_in(kinds[two % len(kinds)])
            self.refused.add(table)

    def act_later(self, _one: int, _two: int) -> None:
        """Automation does what it left for later."""
        self.ledger.forgive()
        self.world.settle()

    def detect_duplicates(self, one: int, two: int) -> None:
        rules = self.world.organisation.duplicate_rules
        (rules.add if two % 2 else rules.discard)(PEOPLE[one % 2])

    def decide_hold(self, one: int, two: int) -> None:
        holds = self.world.open_holds()
        if holds:
            self.ledger.forgive()
            hold = holds[one % len(holds)]
            self.counts["holds cancelled" if two % 2 else "holds approved"] += 1
            self.counts[f"left by {HoldKind.OWN_WRITES}"] += hold.kind == HoldKind.OWN_WRITES and two % 2
            (self.world.cancel if two % 2 else self.world.approve)(hold)

    def retry_errors(self, _one: int, _two: int) -> None:
        self.ledger.forgive()
        retry(self.world.subscription, None)

    def restart(self, _one: int, _two: int) -> None:
        self._restart()

    def pass_time(self, one: int, _two: int) -> None:
        self.world.clock.advance(minutes=(1, 5, 60, 24 * 60, 8 * 24 * 60)[one % 5])

    # Cycles ---------------------------------------------------------------------------------------------------------

    def cycle(self, _one: int, _two: int) -> None:
        self._cycle()

    def cycles(self, _one: int, _two: int) -> None:
        for _ in range(3):
            self._cycle()

    def lied_to(self, one: int, two: int) -> None:
        """An edit, and a cycle on a bad line."""
        self._let(Step(_ANYTHING[one % len(_ANYTHING)], two, one))
        self.lying.rates = {lie: rate * (1 + one % 3) for lie, rate in _LIES.items()}
        try:
            self._cycle()
        finally:
            self.lying.rates = {}

    def killed(self, one: int, two: int) -> None:
        """An edit, and a cycle that the process does not survive, if it is long enough."""
        self._let(Step(_ANYTHING[two % len(_ANYTHING)], two, one))
        self.fuse.left = 1 + one
        self._cycle()
        self.fuse.left = None

    def stopped(self, one: int, _two: int) -> None:
        """A cycle somebody asks to stop."""
        self._patience = one % 40
        self._cycle()
        self._patience = None

    def meanwhile(self, one: int, two: int) -> None:
        """An edit, and a cycle in which something happens while that is on its way."""
        self._let(Step("edit_here", one, two))
        name = _MEANWHILE[two % len(_MEANWHILE)]
        happening = self.line.before if one % 2 else self.line.after
        happening.append(lambda: self._let(Step(name, one // 2, two // len(_MEANWHILE))))
        self._cycle()
        happening.clear()

    def _let(self, step: Step) -> None:
        with contextlib.suppress(Refused, NeedsPerson, RetryLater):
            ACTS[step.act](self, step.one, step.two)

    def rehearse(self, _one: int, _two: int) -> None:
        """What a plan says, and what the cycle then does."""
        self._make_honest()
        engine, context = self._at_work()
        plan = rehearse(context, engine.organization_id)
        written = len(self.ledger.writes)
        self._begin()
        engine.cycle(backfill=False)
        self._end(engine)
        self.rehearsed = (plan, self.ledger.writes[written:])


Act = Callable[[Walk, int, int], None]
ACTS: dict[str, Act] = {
    act.__name__: act
    for act in (
        Walk.edit_here,
        Walk.empty_here,
        Walk.misfit_here,
        Walk.rename_here,
        Walk.empty_required_here,
        Walk.bulk_here,
        Walk.edit_company,
        Walk.create_here,
        Walk.sync_person,
        Walk.delete_here,
        Walk.merge_here,
        Walk.restore_value,
        Walk.create_there,
        Walk.edit_there,
        Walk.empty_there,
        Walk.touch_there,
        Walk.bulk_there,
        Walk.move_there,
        Walk.edit_account,
        Walk.filter_there,
        Walk.delete_there,
        Walk.restore_there,
        Walk.merge_there,
        Walk.qualify_there,
        Walk.close_there,
        Walk.lock_there,
        Walk.edit_both,
        Walk.choose,
        Walk.secure,
        Walk.forbid,
        Walk.arm,
        Walk.act_later,
        Walk.detect_duplicates,
        Walk.decide_hold,
        Walk.retry_errors,
        Walk.restart,
        Walk.pass_time,
        Walk.cycle,
        Walk.cycles,
        Walk.lied_to,
        Walk.killed,
        Walk.stopped,
        Walk.meanwhile,
        Walk.rehearse,
    )
}
WEIGHTS: dict[str, int] = dict.fromkeys(ACTS, 2) | {
    "edit_here": 10,
    "edit_there": 10,
    "edit_both": 10,
    "create_there": 4,
    "filter_there": 4,
    "sync_person": 6,
    "choose": 4,
    "arm": 4,
    "decide_hold": 4,
    "cycle": 8,
    "lied_to": 10,
    "killed": 10,
    "meanwhile": 10,
    "delete_here": 1,
    "merge_here": 1,
    "merge_there": 1,
    "rehearse": 4,
}
"""How often each act is drawn: rare ones are rare in life, and an ordinary edit finds every state they left."""
_ANYTHING = ("edit_here", "edit_both", "edit_there", "bulk_here", "create_here", "sync_person", "rename_here")
_MEANWHILE = (
    *("edit_there", "edit_here", "edit_both", "filter_there", "delete_there", "merge_there", "qualify_there"),
    *("close_there", "delete_here", "merge_here", "touch_there"),
)


def drawn(numbers: Iterator[int]) -> Iterator[Step]:
    """Steps without end, from numbers that may be any."""
    names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
    while True:
        yield Step(names[next(numbers) % len(names)], next(numbers) % 60, next(numbers) % 60)
