"""The walk itself: its steps, and what whoever looks at it may ask of it."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw

from tandem.marketing.records import ActivityType
from tandem.model.entities import Entity
from tandem.report.errors import retry
from tandem.testing.fake_world import FakeWorld
from tandem.testing.walk.scene import PEOPLE, Scene
from tandem.testing.walk.steps import ACTS, Step

_CYCLES_TO_REST = 40


class NeverAtRest(AssertionError):
    """Something is still being written although nobody does anything."""


class Walk(Scene):
    """A scene that steps are taken in. Use as a context manager."""

    def take(self, step: Step) -> None:
        """Let something happen, where somebody allows it. Raises what must never come: OurBug, HaltStream."""
        self.before = self.after = self.rehearsed = None
        written = len(self.ledger.writes)
        self.let(ACTS[step.act], step.one, step.two)
        self.counts["steps"] += 1
        self.fresh = self.ledger.writes[written:]
        self.note_people()

    def come_to_rest(self) -> None:
        """Everybody tells the truth and nobody does anything, for as many cycles as it takes. Raises NeverAtRest."""
        self.make_honest()
        quiet = 0
        for _ in range(_CYCLES_TO_REST):
            written, before = len(self.ledger.writes), self.world.dump()
            self.cycle()
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
