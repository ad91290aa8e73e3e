"""Whatever becomes of a request or its answer, nothing is lost and nothing is doubled (rule R2)."""

import pytest

from tandem.model.errors import RetryLater
from tandem.sandbox.automation.plug_ins import Form, Rewrite
from tandem.sandbox.door.operations import Clear
from tandem.sync.removing import Removing, WriteUnderWay
from tandem.testing.world import World

NEW = "5ca1ab1e-0000-4000-8000-000000000001"
"""The id chosen for a record that is to be made."""


def settled(world: World) -> bool:
    """Is no write open, nobody nominated, and does another cycle write nothing?"""
    report, state = world.cycle(), world.subscription.state
    written = sum(counts.pushed + counts.failed for counts in report.entities.values())
    return not written and not state.intents.begun() and not state.nominations.count()


def versions(world: World, contacts: list[str]) -> list[int]:
    """How often each record was written, told by its version."""
    return [world.row("contact", each)["versionnumber"] for each in contacts]


@pytest.fixture(params=[1, 3], ids=["a single write", "a batch"])
def contacts(request: pytest.FixtureRequest, world: World) -> list[str]:
    """Contacts whose people were edited."""
    made = [world.create("contact", lastname="Ek", telephone1="1") for _ in range(request.param)]
    world.sync()
    for each in made:
        world.edit_person("contact", each, phone="2")
    return made


@pytest.mark.parametrize(
    "switch",
    ["reset-before", "reset-after", "truncate", "unexpected", "unexpected-after", "unavailable", "throttle-requests"],
)
def test_R2_a_lost_or_refused_answer_costs_at_most_another_cycle(
    world: World, contacts: list[str], switch: str
) -> None:
    """What Dynamics carried out is found, what it did not is sent again; each record is written once."""
    before = versions(world, contacts)
    alone = len(contacts) == 1
    world.fault(switch, seconds=0, method="PATCH" if alone else "POST", path="contacts" if alone else "$batch")

    world.cycle()
    world.cycle()

    assert ["2"] * len(contacts) == [world.row("contact", each)["telephone1"] for each in contacts]
    assert [True] * len(contacts) == [after > was for was, after in zip(before, versions(world, contacts), strict=True)]
    assert len({*versions(world, contacts)}) == len(contacts)
    assert [] == world.subscription.state.journal.errors() == world.subscription.state.journal.collisions()
    assert settled(world)


@pytest.mark.parametrize("switch", ["throttle-requests", "unexpected", "reset-before", "reset-after"])
def test_R2_trouble_inside_a_batch_keeps_only_what_it_met(world: World, switch: str) -> None:
    """The second of three parts."""
    contacts = [world.create("contact", lastname="Ek", telephone1="1") for _ in range(3)]
    world.sync()
    for each in contacts:
        world.edit_person("contact", each, phone="2")
    world.fault(switch, seconds=0, inner=True, method="PATCH", after=1)

    world.cycle()
    world.cycle()

    assert ["2"] * 3 == [world.row("contact", each)["telephone1"] for each in contacts]
    assert [] == world.subscription.state.journal.errors() == world.subscription.state.journal.collisions()
    assert settled(world)


def test_P7_a_fault_that_stays_becomes_an_error_and_heals(world: World) -> None:
    """After three cycles; the others of its batch are written at once."""
    contacts = [world.create("contact", lastname="Ek", telephone1="1") for _ in range(3)]
    world.sync()
    for each in contacts:
        world.edit_person("contact", each, phone="2")
    world.fault("unexpected", inner=True, method="PATCH", path=contacts[0], times=None)
    world.fault("unexpected", method="PATCH", path=contacts[0], times=None)

    errors = [len(world.subscription.state.journal.errors()) for _ in range(5) if world.cycle()]
    written = [world.row("contact", each)["telephone1"] for each in contacts]
    world.do(Clear())
    world.edit_person("contact", contacts[0], title="CTO")
    world.cycle()

    assert ["1", "2", "2"] == written
    assert [0, 1] == sorted({*errors})
    assert ("2", "CTO") == tuple(world.row("contact", contacts[0])[name] for name in ("telephone1", "jobtitle"))
    assert ["healed"] == [each["state"] for each in world.subscription.state.journal.errors()]
    assert settled(world)


def test_P7_a_write_that_is_never_answered_does_not_keep_the_others(world: World) -> None:
    """The connection is cut whenever it comes; in smaller and smaller company it is found."""
    contacts = [world.create("contact", lastname="Ek", telephone1="1") for _ in range(8)]
    world.sync()
    for each in contacts:
        world.edit_person("contact", each, phone="2")
    poison = contacts[0]
    world.fault("reset-before", inner=True, method="PATCH", path=poison, times=None)
    world.fault("reset-before", method="PATCH", path=poison, times=None)

    for _ in range(6):
        world.cycle()

    assert ["1", *["2"] * 7] == [world.row("contact", each)["telephone1"] for each in contacts]
    assert [("dynamics-not-answered", poison)] == [
        (each["code"], each["crm_id"]) for each in world.subscription.state.journal.errors()
    ]


@pytest.mark.parametrize("carried_out", [False, True], ids=["before the write", "after the write"])
def test_R2_a_process_that_dies_around_a_write_takes_up_where_it_was(
    world: World, contacts: list[str], monkeypatch: pytest.MonkeyPatch, carried_out: bool
) -> None:
    """The intents are open; the next process reads the records back before it does anything else with them."""
    with world.engine() as (engine, context):
        write = context.dynamics.write

        def dies(*args: object) -> None:
            if carried_out:
                write(*args)  # type: ignore[arg-type]
            raise KeyboardInterrupt

        monkeypatch.setattr(context.dynamics, "write", dies)
        with pytest.raises(KeyboardInterrupt):
            engine.cycle()
    open_intents = len(world.subscription.state.intents.begun())
    before = versions(world, contacts)
    world.cycle()

    assert len(contacts) == open_intents
    assert ["2"] * len(contacts) == [world.row("contact", each)["telephone1"] for each in contacts]
    assert carried_out == (before == versions(world, contacts))
    assert settled(world)


def test_R2_an_edit_made_while_the_answer_was_lost_is_sent_next(world: World, before_writing) -> None:
    """What arrived is the base of the later edit."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.edit_person("contact", contact, phone="2")
    before_writing(lambda: world.edit_person("contact", contact, phone="3"))
    world.fault("reset-after", method="PATCH", path="contacts")

    world.cycle()
    world.cycle()

    assert ("3", "3") == (world.row("contact", contact)["telephone1"], world.fields("contact", contact)["phone"])
    assert [] == world.subscription.state.journal.collisions()
    assert settled(world)


def test_S4_an_edit_made_while_an_earlier_one_is_sent_is_sent_next(world: World, before_writing) -> None:
    """In the same cycle, on a contact too: it is no collision."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.edit_person("contact", contact, phone="2")
    before_writing(lambda: world.edit_person("contact", contact, phone="3", title="CTO"))

    world.cycle()

    assert ("3", "CTO") == tuple(world.row("contact", contact)[name] for name in ("telephone1", "jobtitle"))
    assert [] == world.subscription.state.journal.collisions()
    assert settled(world)


def test_P9_a_person_is_not_deleted_while_its_write_is_in_flight(world: World, before_writing) -> None:
    """Nobody would know whose the answer is; a moment later it can be."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    person, subscription = world.person("contact", contact).id, world.subscription
    removing = Removing(subscription.database, subscription.marketing, subscription.state)
    world.edit_person("contact", contact, phone="2")

    def delete_now() -> None:
        with pytest.raises(WriteUnderWay):
            removing.delete(person, at=subscription.now())

    before_writing(delete_now)
    world.cycle()
    removing.delete(person, at=subscription.now())
    world.cycle()

    assert "2" == world.row("contact", contact)["telephone1"]
    assert [] == world.export("person")


# Creating -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("switch", ["reset-before", "reset-after", "unexpected-after", "truncate"])
def test_R2_a_record_is_made_once_whatever_becomes_of_the_answer(world: World, switch: str) -> None:
    """Under the id that was chosen before the first try."""
    world.sync()
    person = world.want("lead", NEW, lastName="Ek", microsoftTopic="Visit")
    world.fault(switch, method="PATCH", path="leads")

    world.cycle()
    world.cycle()

    assert [NEW] == world.organisation.find("lead", "lastname", "Ek")
    assert ("lead", person) == (world.person("lead", NEW).type, world.person("lead", NEW).id)
    assert 1 == len(world.export("person"))
    assert settled(world)


def test_R2_a_record_that_is_made_and_excluded_in_one_stroke_stays_its_persons(make_world) -> None:
    """The organisation's default for the filter is No: the person is parked, and nobody is made twice."""
    world = make_world().filter_column("lead").connect()
    world.plug_in(Rewrite(table="lead", column="subject", target="new_synctomkto", to=Form.VALUE, value=False))
    world.sync()
    person = world.want("lead", NEW, lastName="Ek", microsoftTopic="Visit")

    world.cycle()
    world.cycle()

    link = world.link("lead", NEW)
    assert link is not None
    assert ("parked", person) == (link.state, link.person_id)
    assert 1 == len(world.export("person"))


def test_R2_trouble_that_ends_the_cycle_is_told_as_passing(world: World) -> None:
    """A gate that stays closed: nothing was carried out, everything waits."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.edit_person("contact", contact, phone="2")
    world.fault("throttle-requests", seconds=0, method="PATCH", path="contacts", times=None)

    with pytest.raises(RetryLater):
        world.cycle()
    world.faults.clear()
    world.cycle()

    assert "2" == world.row("contact", contact)["telephone1"]
    assert settled(world)
