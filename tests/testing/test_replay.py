"""What comes twice, in another order, or from an older place changes nothing (design 1.4, AS-I9).

Hypothesis invents the story of a small organisation, in which every kind of event happens; a shrunk one is what a
failure shows. Everything is then told again, as badly as the protocol allows.
"""

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tandem.model.entities import Entity
from tandem.sandbox.messages import Refused
from tandem.testing.fake_world import FakeWorld
from tandem.testing.lying import HARMLESS, LyingDynamics

_PEOPLE = ("lead", "contact")


class Story:
    """Events in one world. Each takes two numbers, which choose the records and the values."""

    def __init__(self, folder: Path) -> None:
        self.world = FakeWorld(folder, page_size="3").filter_column("contact", "account")
        self.lying = LyingDynamics(self.world.dynamics, seed=1)
        self.world.dynamics = self.lying
        self.world.connect()
        self.events: dict[str, Callable[[int, int], object]] = {
            "create": self._create,
            "rename": self._rename,
            "move": self._move,
            "delete": self._delete,
            "qualify": self._qualify,
            "merge": self._merge,
            "exclude": self._exclude,
            "edit here": self._edit_here,
            "cycle": lambda _one, _two: self.world.cycle(),
        }

    def tell(self, event: str, one: int, two: int) -> None:
        """Let something happen, if the organisation allows it."""
        with contextlib.suppress(Refused):
            self.events[event](one, two)

    def settle(self) -> None:
        """Quiet cycles, until nothing waits for another read."""
        for _ in range(3):
            self.world.sync()

    def _create(self, one: int, two: int) -> None:
        table = ("lead", "contact", "account")[one % 3]
        if table == "account":
            self.world.create(table, name=f"a{two}")
        else:
            topic = {"subject": "x"} if table == "lead" else {}
            self.world.create(table, lastname=f"n{two}", emailaddress1=f"n{two}@example.com", **topic)

    def _rename(self, one: int, two: int) -> None:
        table, record = self._some(one)
        self.world.edit(table, record, jobtitle=f"t{two}")

    def _move(self, one: int, two: int) -> None:
        accounts = self._records("account")
        contact = self._records("contact")[one % len(self._records("contact"))]
        target = f"/accounts({accounts[two % len(accounts)]})" if accounts and two % 4 else None
        self.world.edit("contact", contact, parentcustomerid_account__bind=target)

    def _delete(self, one: int, _two: int) -> None:
        table, record = self._some(one)
        if record != self._records(table)[0]:
            # The first of a table stays: an empty table is a matter of its own (R6).
            self.world.delete(table, record)

    def _qualify(self, one: int, _two: int) -> None:
        leads = self._records("lead")
        self.world.qualify(leads[one % len(leads)])

    def _merge(self, one: int, two: int) -> None:
        table, winner = self._some(one)
        records = self._records(table)
        self.world.merge(table, winner, records[two % len(records)])

    def _exclude(self, one: int, two: int) -> None:
        contacts = self._records("contact")
        self.world.edit("contact", contacts[one % len(contacts)], new_synctomkto=two % 2 == 0)

    def _edit_here(self, one: int, two: int) -> None:
        table, record = self._some(one)
        link = self.world.link(table, record)
        if link is not None and link.person_id is not None and link.successor is None:
            self.world.edit_person(table, record, mobilePhone=f"+1 {two}")

    def _some(self, number: int) -> tuple[str, str]:
        table = _PEOPLE[number % 2]
        records = self._records(table)
        return table, records[number // 2 % len(records)]

    def _records(self, table: str) -> list[str]:
        return list(self.world.organisation.rows(table))


_EVENTS = st.tuples(
    st.sampled_from(
        ["create", "create", "rename", "move", "delete", "qualify", "merge", "exclude", "edit here", "cycle", "cycle"]
    ),
    st.integers(0, 40),
    st.integers(0, 40),
)


@contextlib.contextmanager
def _told(events: list[tuple[str, int, int]]) -> Any:
    """A world in which these things have happened, settled."""
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        with story.world:
            for number in range(3):
                story.tell("create", number, number)
            story.world.sync()
            for event in events:
                story.tell(*event)
            story.settle()
            yield story


@settings(max_examples=10, derandomize=True)
@given(events=st.lists(_EVENTS, max_size=15))
def test_AS_I9_pages_told_again_change_nothing(events: list[tuple[str, int, int]]) -> None:
    """Replayed from an older place, reordered within a page, rows and deletions doubled, unknown ones deleted."""
    with _told(events) as story:
        before = story.world.dump()
        story.lying.rates = dict.fromkeys(HARMLESS, 1.0)

        for _ in range(2):
            story.world.cycle()

        assert before == story.world.dump()
        assert set(HARMLESS) <= set(story.lying.told)


@settings(max_examples=10, derandomize=True)
@given(events=st.lists(_EVENTS, max_size=15))
def test_AS_I9_a_disordered_copy_ends_as_an_orderly_one(events: list[tuple[str, int, int]]) -> None:
    """The same story, once told well and once badly from the first page on, gives the same people."""
    with _told(events) as story:
        orderly = _people(story.world)
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        story.lying.rates = dict.fromkeys(HARMLESS, 0.5)
        with story.world:
            for event in [("create", 0, 0), ("create", 1, 1), ("create", 2, 2)]:
                story.tell(*event)
            story.world.sync()
            for event in events:
                story.tell(*event)
            story.settle()
            disordered = _people(story.world)

    assert orderly == disordered


def _people(world: FakeWorld) -> dict[str, Any]:
    """What each record's person is like, whatever number it got."""
    state, people = world.subscription.state, {}
    for table in _PEOPLE:
        records = list(world.organisation.rows(table))
        for record, link in state.links.of(Entity(table), records).items():
            shared = [] if link.person_id is None else sorted(world.log(link.person_id), key=repr)
            fields = None if link.person_id is None or link.successor else world.fields(table, record)
            people[record] = (link.state, link.version, link.base, link.successor, fields, shared)
    return people
