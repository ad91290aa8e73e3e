"""The sync filter where records become one: qualify (D9) and merge (D10), every pair of values in every order.

Two streams and any page size: whichever row comes first, who is synced in the end is decided by the filter alone.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tandem.model.entities import Entity
from tandem.rules.presence import LinkState, passes
from tandem.testing.fake_world import FakeWorld

VALUES = {"empty": None, "Yes": True, "No": False}
MakeWorld = Callable[..., FakeWorld]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Makes a world with the filter column on leads and contacts, connected."""
    with ExitStack() as worlds:

        def make(**settings: str) -> FakeWorld:
            made = worlds.enter_context(FakeWorld(tmp_path, **settings))
            return made.filter_column("lead", "contact").connect()

        yield make


def read(world: FakeWorld, *tables: Entity) -> None:
    """Cycles that read these tables and no other, one after the other, and then all of them until nothing is left."""
    with world.engine() as (engine, _):
        for table in tables:
            engine.cycle([table])
    world.sync()
    world.cycle()


def people_of(world: FakeWorld) -> list[int]:
    """The people there are."""
    return sorted(row["id"] for row in world.export("person"))


def state_of(world: FakeWorld, table: str, record: str) -> LinkState:
    """What is remembered of a record."""
    link = world.link(table, record)
    return link.state if link else LinkState.NONE


# Qualify --------------------------------------------------------------------------------------------------------------

ORDERS = {
    "leads first": (Entity.LEAD, Entity.CONTACT),
    "contacts first": (Entity.CONTACT, Entity.LEAD),
    "together": (),
}


@pytest.mark.parametrize("order", [pytest.param(tables, id=name) for name, tables in ORDERS.items()])
@pytest.mark.parametrize(
    "copied", [pytest.param(True, id="after the copy"), pytest.param(False, id="in the first copy")]
)
@pytest.mark.parametrize("contact_says", [pytest.param(value, id=f"contact {name}") for name, value in VALUES.items()])
@pytest.mark.parametrize("lead_says", [pytest.param(value, id=f"lead {name}") for name, value in VALUES.items()])
def test_D9_qualify_and_filter(
    make_world: MakeWorld,
    lead_says: bool | None,
    contact_says: bool | None,
    copied: bool,
    order: tuple[Entity, ...],
) -> None:
    """No and No: nothing. Yes and Yes: one person, now the contact. No and Yes: a new person. Yes and No: the lead."""
    world = make_world()
    lead = world.create("lead", lastname="Ek", subject="Visit", new_synctomkto=lead_says)
    if copied:
        world.sync()
    before = people_of(world)
    world.edit("lead", lead, jobtitle="Final")
    contact = world.qualify(lead)
    world.edit("contact", contact, new_synctomkto=contact_says)

    read(world, *order)

    wants_lead, wants_contact = passes(lead_says), passes(contact_says)
    expected = {
        (False, False): (LinkState.EXCLUDED, LinkState.EXCLUDED, None),
        (True, True): (LinkState.SUPERSEDED, LinkState.LIVE, "contact"),
        (False, True): (LinkState.EXCLUDED, LinkState.LIVE, "contact"),
        (True, False): (LinkState.LIVE, LinkState.EXCLUDED, "lead"),
    }[wants_lead, wants_contact]
    people = world.export("person")
    kind = people[0]["microsoftType"] if people else None
    assert expected == (state_of(world, "lead", lead), state_of(world, "contact", contact), kind)
    assert len(people) == int(wants_lead or wants_contact)
    assert people_of(world) == before or not before
    if wants_lead and not wants_contact:
        assert (1, "Final") == (people[0]["leadStatus"], people[0]["title"])


@pytest.mark.parametrize("order", [pytest.param(tables, id=name) for name, tables in ORDERS.items()])
def test_D9_a_contact_that_said_no_and_says_yes_later_is_the_same_person(
    make_world: MakeWorld, order: tuple[Entity, ...]
) -> None:
    """Yes and No, turned to Yes: the lead's person goes on as the contact."""
    world = make_world()
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.sync()
    person = world.person("lead", lead).id
    contact = world.qualify(lead)
    world.edit("contact", contact, new_synctomkto=False)
    read(world)

    world.edit("contact", contact, new_synctomkto=True)
    read(world, *order)

    assert [person] == people_of(world)
    assert (person, "contact") == (world.person("contact", contact).id, world.person("contact", contact).type)
    assert LinkState.SUPERSEDED is state_of(world, "lead", lead)


@pytest.mark.parametrize("order", [pytest.param(tables, id=name) for name, tables in ORDERS.items()])
def test_D9_a_lead_that_was_parked_keeps_its_person_and_the_contact_is_somebody_new(
    make_world: MakeWorld, order: tuple[Entity, ...]
) -> None:
    """No and Yes, where the lead had said Yes once."""
    world = make_world()
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.sync()
    person = world.person("lead", lead).id
    world.edit("lead", lead, new_synctomkto=False)
    read(world)
    contact = world.qualify(lead)

    read(world, *order)

    assert (LinkState.PARKED, LinkState.LIVE) == (state_of(world, "lead", lead), state_of(world, "contact", contact))
    assert person != world.person("contact", contact).id
    assert 2 == len(people_of(world))


def test_D9_a_lead_turned_to_no_between_the_reads_of_the_two_tables_counts_as_it_was_read(
    make_world: MakeWorld,
) -> None:
    """Decided in the cycle that reads it (D8): nobody is doubled, and the lead's No comes to a record without a say."""
    world = make_world()
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.sync()
    person = world.person("lead", lead).id
    with world.engine() as (engine, _):
        engine.cycle([Entity.LEAD])
        world.edit("lead", lead, new_synctomkto=False)
        contact = world.qualify(lead)
        engine.cycle([Entity.CONTACT])
    read(world)

    assert [person] == people_of(world)
    assert (person, LinkState.LIVE) == (world.person("contact", contact).id, state_of(world, "contact", contact))
    assert LinkState.SUPERSEDED is state_of(world, "lead", lead)


# Merge ----------------------------------------------------------------------------------------------------------------

SIDES = ("live", "parked", "excluded", "unread")


@pytest.mark.parametrize(
    ("table", "page_size"),
    [pytest.param("lead", "5000", id="leads on one page"), pytest.param("contact", "1", id="contacts on a page each")],
)
@pytest.mark.parametrize("final", [pytest.param(value, id=f"winner says {name}") for name, value in VALUES.items()])
@pytest.mark.parametrize("loser_is", [pytest.param(each, id=f"loser {each}") for each in SIDES])
@pytest.mark.parametrize("winner_is", [pytest.param(each, id=f"winner {each}") for each in SIDES])
def test_D10_merge_and_filter(
    make_world: MakeWorld, winner_is: str, loser_is: str, final: bool | None, page_size: str, table: str
) -> None:
    """The winner's value decides: Yes goes on or starts, No does not sync; whoever was somebody goes on as one."""
    world = make_world(page_size=page_size)
    records = {side: prepared(world, table, is_, side) for side, is_ in (("winner", winner_is), ("loser", loser_is))}
    world.sync()
    for side, is_ in (("winner", winner_is), ("loser", loser_is)):
        if is_ == "parked":
            world.edit(table, records[side], new_synctomkto=False)
    world.sync()
    before = people_of(world)
    for side, is_ in (("winner", winner_is), ("loser", loser_is)):
        if is_ == "unread":
            records[side] = world.create(table, lastname=side)

    world.merge(table, records["winner"], records["loser"], new_synctomkto=final)
    read(world)

    wanted = passes(final)
    state = LinkState.LIVE if wanted else LinkState.PARKED if before else LinkState.EXCLUDED
    assert state is state_of(world, table, records["winner"])
    assert LinkState.SUPERSEDED is state_of(world, table, records["loser"])
    assert len(people_of(world)) == int(wanted or bool(before))
    survivors = {world.subscription.marketing.people.resolve(person) for person in before}
    assert survivors <= {*people_of(world)}


def prepared(world: FakeWorld, table: str, is_: str, name: str) -> str:
    """A record as one side of a merge begins: live, to be parked, excluded, or not made yet."""
    return "" if is_ == "unread" else world.create(table, lastname=name, new_synctomkto=is_ != "excluded")
