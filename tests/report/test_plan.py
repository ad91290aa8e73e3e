"""A plan is what the next cycle does, and leaves no trace (AS-I18)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tandem.dynamics.port import DynamicsOrganisation
from tandem.model.entities import Entity
from tandem.model.errors import OurBug
from tandem.report.plan import Plan, rehearse
from tandem.sync.edits import Edits
from tandem.sync.rehearsing import Rehearsal
from tandem.testing.fake import FakeDynamics, FakeOrganisation
from tandem.testing.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two leads, a contact, copied; then both sides edit, and both edit one field of a lead."""
    with World(tmp_path) as made:
        leads = [made.create("lead", lastname=name, subject="Visit", telephone1="1") for name in ("Ek", "Berg")]
        contact = made.create("contact", lastname="Lind")
        made.connect().sync()
        subscription = made.subscription
        edits = Edits(subscription.database, subscription.marketing, subscription.state)
        edits.edit(made.person("lead", leads[0]).id, [("phone", "2"), ("city", "Ulm")], at="2025-01-01T00:00:00Z")
        edits.edit(made.person("contact", contact).id, [("title", "x" * 200)], at="2025-01-01T00:00:00Z")
        made.edit("lead", leads[0], telephone1="3", jobtitle="Buyer")
        made.delete("lead", leads[1])
        made.create("contact", lastname="New")
        yield made


def plan_of(world: World) -> Plan:
    """What the next cycle would do."""
    with world.engine() as (engine, context):
        return rehearse(context, engine.organization_id)


def dump(path: Path, *, but: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Every row of every table of a SQLite file."""
    connection = apsw.Connection(str(path))
    try:
        names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        return {name: sorted(connection.execute(f"select * from {name}"), key=str) for name in names if name not in but}
    finally:
        connection.close()


def test_AS_I18_a_plan_names_what_the_next_cycle_then_does(world: World) -> None:
    """Its writes, its changes in marketing, its collisions and errors, and its counts."""
    planned = plan_of(world)
    logged = world.subscription.marketing.people.last_logged()
    report = world.cycle()

    (write,) = planned.writes
    written = world.organisation.get("lead", write.record) or {}
    assert {"telephone1": "2", "address1_city": "Ulm"} == dict(write.after)
    assert {"telephone1": "3", "address1_city": None} == dict(write.before)
    assert write.after.items() <= written.items()
    done = world.subscription.marketing.people.logged_after(logged)
    assert [(each.person_id, each.type, each.field) for each in planned.changes] == [
        (each["person_id"], each["type"], each["field"]) for each in done
    ]
    assert [each["field"] for each in planned.collisions] == [
        each["field"] for each in world.subscription.state.journal.collisions()
    ] == ["phone"]  # fmt: skip
    assert [each["code"] for each in planned.errors] == [
        each["code"] for each in world.subscription.state.journal.errors()
    ] == ["too-long"]  # fmt: skip
    assert _counts(planned.cycle.entities) == _counts(report.entities)


def test_a_plan_leaves_no_trace(world: World) -> None:
    """Neither in marketing nor in Dynamics; only the run is counted (S10)."""
    database, organisation = world.settings.database_file, world.organisation.get
    before, rows = dump(database, but=("setting",)), [organisation("lead", each) for each in _leads(world)]

    plan_of(world)

    assert before == dump(database, but=("setting",))
    assert rows == [organisation("lead", each) for each in _leads(world)]


def test_the_plan_after_a_quiet_cycle_is_empty(world: World) -> None:
    """Nothing to write and nothing to change."""
    world.cycle()
    world.cycle()

    planned = plan_of(world)

    assert ([], [], [], []) == (planned.writes, planned.changes, planned.collisions, planned.holds)


def test_a_plan_before_the_first_copy_names_what_is_to_be_copied(tmp_path: Path) -> None:
    """It copies nothing."""
    with World(tmp_path) as world:
        world.create("lead", lastname="Ek", subject="Visit")
        world.connect()
        planned = plan_of(world)

    assert Entity.LEAD in planned.cycle.unfinished
    assert [] == planned.changes


def _leads(world: World) -> list[str]:
    return sorted(
        link.crm_id for row in world.export("person") for link in world.subscription.state.links.of_person(row["id"])
    )


def _counts(entities: dict[Entity, Any]) -> dict[Entity, tuple[int, ...]]:
    return {
        entity: (each.created, each.updated, each.deleted, each.pushed, each.failed)
        for entity, each in entities.items()
    }


def test_a_plan_asks_dynamics_for_nothing_that_only_an_action_may(world: World) -> None:
    """Whatever a cycle may come to do one day: what is no read, and not answered here, never reaches Dynamics."""
    calls = {name for name, call in vars(DynamicsOrganisation).items() if callable(call) and name[0] != "_"}
    reads = {name for name in calls if not re.match("write|make|put|add|remove|qualify", name)}
    rehearsal = Rehearsal(FakeDynamics(FakeOrganisation()))
    refused = {name for name in calls - {"write"} if refuses(rehearsal, name)}

    assert calls - reads - {"write"} == refused
    assert {"qualify", "add_to_list"} <= refused


def refuses(rehearsal: Rehearsal, name: str) -> bool:
    """Whether a rehearsal calls it a fault of ours to ask for this."""
    try:
        return getattr(rehearsal, name) is None
    except OurBug as problem:
        return f"about to ask Dynamics for {name}" in problem.message
