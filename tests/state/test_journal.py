"""What people are shown: errors by cause, collisions, holds and cycles, on both databases."""

import json
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from tandem.database.port import Database, StatementRefused
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, TandemError
from tandem.rules.fields import Collision, Winner
from tandem.state import SyncState

AT, LATER = "2025-01-02T03:04:05Z", "2025-02-03T04:05:06Z"


class Unreadable(NeedsPerson):
    """A failure that a test makes."""

    code: ClassVar[str] = "unreadable"
    advice = "Give the sync user the right to read it."


def fail(
    database: Database,
    state: SyncState,
    problem: TandemError,
    *,
    entity: Entity = Entity.LEAD,
    at: str = AT,
    **more: Any,
) -> None:
    """Record one failure of a read."""
    with database.transaction():
        state.journal.add_error(problem, entity=entity, operation="read", at=at, **more)


# Errors -----------------------------------------------------------------------------------------------------------


def test_an_error_is_kept_with_what_helps(database: Database, state: SyncState) -> None:
    """Who, what, when, and the advice."""
    fail(database, state, Unreadable("100% of :name was refused.", field="name"), crm_id="a", person_id=7,
         level="record")  # fmt: skip

    (error,) = state.journal.errors()
    assert {
        "entity": "lead", "crm_id": "a", "person_id": 7, "operation": "read", "direction": "pull", "level": "record",
        "code": "unreadable", "field": "name", "message": "100% of :name was refused.", "state": "open", "times": 1,
        "advice": "Give the sync user the right to read it.", "first_at": AT, "last_at": AT,
    } == {name: value for name, value in error.items() if name not in ("id", "cause")}  # fmt: skip


def test_the_same_error_again_is_counted(database: Database, state: SyncState) -> None:
    """With its latest message and time; another record is another error, another field or table another cause too."""
    fail(database, state, Unreadable("first"))
    fail(database, state, Unreadable("second"), at=LATER)
    fail(database, state, Unreadable("third"), crm_id="a")
    fail(database, state, Unreadable("fourth", field="name"))
    fail(database, state, Unreadable("fifth"), entity=Entity.CONTACT)

    errors = {each["message"]: each for each in state.journal.errors()}
    assert ["second", "fifth", "fourth", "third"] == list(errors)
    assert (2, AT, LATER) == tuple(errors["second"][name] for name in ("times", "first_at", "last_at"))
    causes = [errors[message]["cause"] for message in ("second", "third", "fourth", "fifth")]
    assert causes[0] == causes[1]
    assert 3 == len(set(causes))


@pytest.mark.parametrize(("state_before", "after"), [("ignored", "ignored"), ("healed", "open")])
def test_an_error_that_comes_back_is_open_unless_ignored(
    database: Database, state: SyncState, state_before: str, after: str
) -> None:
    """A person who ignored it is not asked again."""
    fail(database, state, Unreadable("again"))
    (error,) = state.journal.errors()
    with database.transaction():
        if state_before == "healed":
            state.journal.heal_errors([error["id"]])
        else:
            state.journal.set_error_states([error["id"]], state_before)
    fail(database, state, Unreadable("again"), at=LATER)

    assert [(after, 2)] == [(each["state"], each["times"]) for each in state.journal.errors()]


def test_N4_errors_are_reopened_together_but_for_those_that_healed(database: Database, state: SyncState) -> None:
    """A sync that is going may have healed one since somebody looked; a hundred thousand are one statement."""
    for number in range(3):
        fail(database, state, Unreadable("again"), crm_id=str(number))
    ids = [each["id"] for each in state.journal.errors()]
    with database.transaction():
        state.journal.set_error_states(ids[:1], "ignored")
        state.journal.heal_errors(ids[1:2])
        state.journal.set_error_states(ids[:2], "open")

    assert ["open", "healed", "open"] == [each["state"] for each in state.journal.errors()]


def test_N4_the_advice_is_that_of_the_last_time(database: Database, state: SyncState) -> None:
    """A message beside another one's advice sends people the wrong way."""
    fail(database, state, Unreadable("first", advice="Wait."))
    fail(database, state, Unreadable("second", advice="Look."), at=LATER)

    assert [("second", "Look.")] == [(each["message"], each["advice"]) for each in state.journal.errors()]


def test_a_table_read_without_trouble_is_healed(database: Database, state: SyncState) -> None:
    """Its own job errors; ignored ones, those of records and other tables' stay."""
    fail(database, state, Unreadable("job"))
    fail(database, state, Unreadable("ignored", field="x"))
    fail(database, state, Unreadable("record"), crm_id="a", level="record")
    fail(database, state, Unreadable("other"), entity=Entity.CONTACT)
    ids = {each["message"]: each["id"] for each in state.journal.errors()}
    with database.transaction():
        state.journal.set_error_states([ids["ignored"]], "ignored")
        before = state.journal.count_errors()
        state.journal.heal(Entity.LEAD)

    states = {each["message"]: each["state"] for each in state.journal.errors()}
    assert {"job": "healed", "ignored": "ignored", "record": "open", "other": "open"} == states
    assert {("lead", "job"): 1, ("lead", "record"): 1, ("contact", "job"): 1} == before
    assert {("lead", "record"): 1, ("contact", "job"): 1} == state.journal.count_errors()


# Collisions -------------------------------------------------------------------------------------------------------


def test_R2_both_values_of_a_collision_are_kept(database: Database, state: SyncState) -> None:
    """Of a person or a company, with the rule that decided; JSON of any kind, an emptied value is null."""
    scores = Collision(field="leadScore", base=None, marketing=Decimal("12.50"), crm=7, winner=Winner.CRM, rule="P4")
    names = Collision(field="company", base="A%", marketing="B :b", crm=None, winner=Winner.MARKETING, rule="A3")
    with database.transaction():
        state.journal.add_collisions([(7, None, scores), (None, "acme", names)], at=AT)
        state.journal.add_collisions([], at=LATER)

    assert [
        (None, "acme", "company", '"A%"', '"B :b"', None, "marketing", "A3", AT, "settled"),
        (7, None, "leadScore", None, "12.50", "7", "crm", "P4", AT, "settled"),
    ] == [tuple(each.values())[1:] for each in state.journal.collisions()]


# Holds ------------------------------------------------------------------------------------------------------------


def test_R6_a_hold_is_settled_once(database: Database, state: SyncState) -> None:
    """Who comes second, or names another, is told that nothing is open."""
    with database.transaction():
        hold = state.journal.add_hold("mass-delete", Entity.LEAD, count=30, known=100, brake=20, at=AT)
    opened = state.journal.open_hold("mass-delete", Entity.LEAD)
    with database.transaction():
        settled = [
            state.journal.settle_hold(each, outcome, at=LATER)
            for each, outcome in ((hold, "approved"), (hold, "cancelled"), (hold + 1, "approved"))
        ]

    assert hold == opened
    assert [True, False, False] == settled
    assert state.journal.open_hold("mass-delete", Entity.LEAD) is None
    (found,) = state.journal.holds()
    assert (Entity.LEAD, 30, 100, 20, "approved", AT, LATER) == (
        found.entity, found.count, found.known, found.brake, found.state, found.at, found.settled_at
    )  # fmt: skip


def test_R6_holds_are_told_apart_by_kind_and_table(database: Database, state: SyncState) -> None:
    """Listed oldest first."""
    with database.transaction():
        kinds = [("mass-delete", Entity.LEAD), ("empty-table", Entity.LEAD), ("empty-table", Entity.CONTACT)]
        ids = [state.journal.add_hold(kind, entity, count=1, known=1, brake=0, at=AT) for kind, entity in kinds]

    assert ids == [state.journal.open_hold(kind, entity) for kind, entity in kinds]
    assert state.journal.open_hold("mass-delete", Entity.CONTACT) is None
    assert kinds == [(each.kind, each.entity) for each in state.journal.holds()]


def test_a_hold_of_an_unknown_kind_is_refused(database: Database, state: SyncState) -> None:
    """The closed set is the database's too."""
    with pytest.raises(StatementRefused), database.transaction():
        state.journal.add_hold("whim", Entity.LEAD, count=1, known=1, brake=0, at=AT)

    assert [] == state.journal.holds()


# Cycles -----------------------------------------------------------------------------------------------------------


def test_a_cycle_is_remembered_from_its_beginning(database: Database, state: SyncState) -> None:
    """A cycle that was killed is the last one and has no end; the last finished one is told apart."""
    before = state.journal.last_cycle()
    with database.transaction():
        first = state.journal.begin_cycle(at=AT)
        counts = {"lead": {"read": 7, "seconds": 0.5}}
        state.journal.end_cycle(first, outcome="done", requests=3, counts=counts, at=LATER)
        second = state.journal.begin_cycle(at=LATER)

    assert before is None
    assert first < second
    assert {
        "id": second, "begun_at": LATER, "ended_at": None, "outcome": None, "requests": 0, "counts": {}
    } == state.journal.last_cycle()  # fmt: skip
    assert {
        "id": first, "begun_at": AT, "ended_at": LATER, "outcome": "done", "requests": 3, "counts": counts
    } == state.journal.last_cycle(finished=True)  # fmt: skip
    assert json.dumps(state.journal.last_cycle(finished=True))
