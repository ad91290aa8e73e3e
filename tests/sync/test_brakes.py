"""What is too improbable to be meant is held, shown, and waits for a person (rule R6)."""

from collections.abc import Callable

import pytest

from tandem.model.entities import Entity
from tandem.state.queues import Lane
from tandem.testing.world import World


@pytest.fixture
def blanked(make_world: Callable[..., World]) -> tuple[World, list[str]]:
    """Thirty contacts with a job title, and a limit of twelve that may be emptied at once."""
    world = make_world(brake_blank_floor="12").connect()
    contacts = [world.create("contact", lastname="Ek", jobtitle="Buyer", telephone1="1") for _ in range(30)]
    world.sync()
    return world, contacts


def titles(world: World, contacts: list[str]) -> set[str | None]:
    """The job titles the people of these contacts have."""
    return {world.fields("contact", each).get("title") for each in contacts}


def test_R6_one_field_emptied_on_many_records_is_held(blanked: tuple[World, list[str]]) -> None:
    """Only that field on those people; everything else of the same rows goes on."""
    world, contacts = blanked
    for each in contacts[:15]:
        world.edit("contact", each, jobtitle=None, telephone1="2")

    world.cycle()
    world.cycle()

    [hold] = world.open_holds()
    assert ("mass-blank", "title", 15, 30) == (hold.kind, hold.field, hold.count, hold.known)
    assert {"Buyer"} == titles(world, contacts)
    assert {"2"} == {world.fields("contact", each)["phone"] for each in contacts[:15]}
    assert {None} == {world.row("contact", each)["jobtitle"] for each in contacts[:15]}


@pytest.mark.parametrize(("approved", "title"), [(True, None), (False, "Buyer")], ids=["approved", "cancelled"])
def test_R6_a_person_settles_what_was_emptied(
    blanked: tuple[World, list[str]], approved: bool, title: str | None
) -> None:
    """Approved, the values are emptied here too; cancelled, they go back to Dynamics."""
    world, contacts = blanked
    for each in contacts[:15]:
        world.edit("contact", each, jobtitle=None)
    world.cycle()

    [hold] = world.open_holds()
    (world.approve if approved else world.cancel)(hold)
    world.cycle()

    assert {title} == titles(world, contacts[:15])
    assert {title} == {world.row("contact", each)["jobtitle"] for each in contacts[:15]}
    assert [] == world.open_holds()


def test_R6_a_few_emptied_values_are_emptied_here_and_are_no_collisions(blanked: tuple[World, list[str]]) -> None:
    """Many on one page, and not too many in the end; nobody had edited them."""
    world, contacts = blanked
    for each in contacts[:11]:
        world.edit("contact", each, jobtitle=None)

    world.cycle()

    assert {None} == titles(world, contacts[:11])
    assert [] == world.open_holds()
    assert [] == world.subscription.state.journal.collisions()
    assert ("Change Data Value", "title", "Buyer", None) == world.log(world.person("contact", contacts[0]))[-1]
    assert world.base("contact", contacts[0]) is None


@pytest.fixture
def overwriting(make_world: Callable[..., World]) -> tuple[World, list[str]]:
    """Ten leads that are to be written although nobody edited them: a fault of ours, or of a program beside us."""
    world = make_world(brake_write_floor="3").connect()
    leads = [world.create("lead", lastname="Ek", telephone1="1") for _ in range(30)]
    world.sync()
    state, at = world.subscription.state, world.subscription.now()
    with world.subscription.database.transaction():
        state.put_setting("push_balance", {"day": at[:10], "changes": 2, "writes": {}})
        for each in leads[:10]:
            state.links.set_base(Entity.LEAD, each, '{"phone":"other"}')
        state.nominations.add([world.person("lead", each).id for each in leads[:10]], Lane.FRESH, at=at)
    return world, leads


def test_R6_more_writes_than_changes_are_held(overwriting: tuple[World, list[str]], writes) -> None:
    """Of that table only; a contact is written."""
    world, _ = overwriting
    contact = world.create("contact", lastname="Ek")
    world.cycle()
    world.edit_person("contact", contact, phone="2")
    world.cycle()

    assert [("own-writes", Entity.LEAD)] == [(hold.kind, hold.entity) for hold in world.open_holds()]
    assert ["contact"] == [write.table.name for request in writes for write in request]
    assert "2" == world.row("contact", contact)["telephone1"]


@pytest.mark.parametrize(("approved", "written"), [(True, 10), (False, 1)], ids=["approved", "cancelled"])
def test_R6_a_person_lets_the_writing_go_on(
    overwriting: tuple[World, list[str]], writes, approved: bool, written: int
) -> None:
    """Cancelled, what waited is not sent; either way the next edit is."""
    world, leads = overwriting
    world.cycle()

    [hold] = world.open_holds()
    (world.approve if approved else world.cancel)(hold)
    world.cycle()
    world.edit_person("lead", leads[0], title="CTO")
    world.cycle()

    assert "CTO" == world.row("lead", leads[0])["jobtitle"]
    assert written + approved == sum(len(request) for request in writes)
    assert [] == world.open_holds()
