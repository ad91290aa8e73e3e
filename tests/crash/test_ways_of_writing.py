"""A process is killed at every point of every way a write goes (rules S4, P5-P10, P16, P17, F1, R2)."""

from functools import partial

import pytest

from tandem.database.port import Dialect
from tandem.model.entities import Entity
from tandem.rules.presence import LinkState
from tandem.sandbox.automation.plug_ins import Form, Refuse, Rewrite
from tandem.sync.edits import Edits
from tandem.testing.asking import delete_person, make_record, merge_people
from tandem.testing.world import World

TABLES = ("lead", "contact")
ON_BOTH_DATABASES = pytest.mark.parametrize("world", list(Dialect), indirect=True)


def known(world: World, table: str, **values: object) -> str:
    """A record that both sides have."""
    record = world.create(table, lastname="Ek", telephone1="1", **values)
    world.sync()
    return record


def in_marketing(world: World, **values: str) -> int:
    """A person that is only in marketing."""
    subscription = world.subscription
    edits = Edits(subscription.database, subscription.marketing, subscription.state)
    return edits.create([("lastName", "Ek"), ("subject", "Visit"), *values.items()], at=subscription.now())


def made(world: World, table: str) -> list[str]:
    """The records in Dynamics that Tandem made."""
    return world.organisation.find(table, "createdby", world.organisation.user_id)


def state(world: World, table: str, record: str) -> LinkState:
    """What is remembered of a record."""
    link = world.link(table, record)
    return link.state if link else LinkState.NONE


def codes(world: World) -> list[tuple[str, str]]:
    """The errors, with how they stand."""
    return [(each["code"], each["state"]) for each in world.subscription.state.journal.errors()]


# Updates --------------------------------------------------------------------------------------------------------------


@ON_BOTH_DATABASES
def test_S4_one_edit_of_each_table_is_sent(world: World, killed_anywhere) -> None:
    """A PATCH each."""
    records = {table: known(world, table) for table in TABLES}
    for table, record in records.items():
        world.edit_person(table, record, phone="2", city="Umeå")

    killed_anywhere()

    for table, record in records.items():
        assert ("2", "Umeå") == (world.row(table, record)["telephone1"], world.row(table, record)["address1_city"])


def test_P7_of_a_batch_one_is_refused(world: World, killed_anywhere) -> None:
    """The others are written; the refused one is told once, with its reason."""
    contacts = [known(world, "contact") for _ in range(3)]
    world.plug_in(Refuse(table="contact", when={"telephone1": "3"}, message="No such phone."))
    for contact, phone in zip(contacts, ("2", "3", "4"), strict=True):
        world.edit_person("contact", contact, phone=phone)

    killed_anywhere()

    assert ["2", "1", "4"] == [world.row("contact", each)["telephone1"] for each in contacts]
    assert [("dynamics-refused", "open")] == codes(world)
    told = [entry for entry in world.log(world.person("contact", contacts[1])) if entry[0].startswith("Sync Person")]
    assert 1 == len(told)


def test_P7_a_value_does_not_fit(world: World, killed_anywhere) -> None:
    """Its field is held, the rest is sent."""
    lead = known(world, "lead")
    world.edit_person("lead", lead, mobilePhone="0" * 21, phone="2")

    killed_anywhere()

    assert ("2", None) == (world.row("lead", lead)["telephone1"], world.row("lead", lead)["mobilephone"])
    assert [("too-long", "open")] == codes(world)


def test_P6_dynamics_rewrites_what_was_sent(world: World, killed_anywhere) -> None:
    """Accepted, and never fought. Who rewrote it cannot be known without the answer: then both values are kept."""
    contact = known(world, "contact")
    world.plug_in(Rewrite(table="contact", column="address1_city", to=Form.UPPER))
    world.edit_person("contact", contact, city="Umeå")

    killed_anywhere(but=("conflict", "activity"))

    assert ("UMEÅ", "UMEÅ") == (
        world.row("contact", contact)["address1_city"],
        world.fields("contact", contact)["city"],
    )


@pytest.mark.parametrize(("table", "phone"), [("lead", "2"), ("contact", "3")])
def test_P5_the_record_changes_before_the_write_arrives(
    world: World, killed_anywhere, before_writing, table: str, phone: str
) -> None:
    """412: read again and decided again; the collision stands in the journal once."""
    record = known(world, table)
    world.edit_person(table, record, phone="2", city="Umeå")

    killed_anywhere(arm=lambda: before_writing(lambda: world.edit(table, record, telephone1="3")))

    assert (phone, "Umeå") == (world.row(table, record)["telephone1"], world.row(table, record)["address1_city"])
    assert ["phone"] == [each["field"] for each in world.subscription.state.journal.collisions()]


def test_P8_the_record_is_deleted_before_the_write_arrives(world: World, killed_anywhere, before_writing) -> None:
    """404: the person keeps its edit."""
    contact = known(world, "contact")
    world.edit_person("contact", contact, phone="2")

    killed_anywhere(arm=lambda: before_writing(lambda: world.delete("contact", contact)))

    assert [("2", True)] == [(each["phone"], each["microsoftIsDeleted"]) for each in world.export("person")]


def test_P17_a_locked_record_is_not_written(world: World, killed_anywhere) -> None:
    """The edit waits with its reason."""
    contact = known(world, "contact")
    world.lock("contact", contact)
    world.edit_person("contact", contact, phone="2")

    killed_anywhere()

    assert "1" == world.row("contact", contact)["telephone1"]
    assert ["open"] == [state for _, state in codes(world)]


@pytest.mark.parametrize("switch", ["reset-before", "reset-after", "unavailable"])
def test_R2_the_answer_was_lost_before(world: World, killed_anywhere, switch: str) -> None:
    """One write is cut off, on top of the crash."""
    lead = known(world, "lead")
    world.edit_person("lead", lead, phone="2")

    killed_anywhere(arm=lambda: world.fault(switch, method="PATCH"))

    assert "2" == world.row("lead", lead)["telephone1"]


# Making records -------------------------------------------------------------------------------------------------------


@ON_BOTH_DATABASES
def test_F1_a_person_becomes_a_lead(world: World, killed_anywhere) -> None:
    """One, and the request is done."""
    world.sync()
    person = in_marketing(world, email="ek@example.com")

    killed_anywhere(partial(make_record, person=person, wanted=Entity.LEAD))

    (lead,) = made(world, "lead")
    assert (person, "ek@example.com") == (world.person("lead", lead).id, world.row("lead", lead)["emailaddress1"])


@pytest.mark.parametrize("switch", ["reset-before", "reset-after"])
def test_F1_the_answer_to_a_creation_was_lost_before(world: World, killed_anywhere, switch: str) -> None:
    """Looked for, and wanted still where it is not found."""
    world.sync()
    person = in_marketing(world)

    killed_anywhere(
        partial(make_record, person=person, wanted=Entity.CONTACT), arm=lambda: world.fault(switch, method="PATCH")
    )

    (contact,) = made(world, "contact")
    assert person == world.person("contact", contact).id


def test_P7_a_duplicate_is_refused(world: World, killed_anywhere) -> None:
    """Nothing is made, and the reason is told once."""
    known(world, "lead", emailaddress1="ek@example.com")
    world.detect_duplicates("lead")
    person = in_marketing(world, email="ek@example.com")

    killed_anywhere(partial(make_record, person=person, wanted=Entity.LEAD))

    assert [] == made(world, "lead")
    assert ["open"] == [state for _, state in codes(world)]


def test_P10_a_new_record_takes_the_place_of_a_deleted_one(world: World, killed_anywhere) -> None:
    """The flag is cleared."""
    contact = known(world, "contact")
    person = world.person("contact", contact).id
    world.delete("contact", contact)
    world.sync()

    killed_anywhere(partial(make_record, person=person, wanted=Entity.CONTACT))

    (made_now,) = made(world, "contact")
    assert (person, False) == (world.person("contact", made_now).id, world.person("contact", made_now).is_deleted)


# Qualifying -----------------------------------------------------------------------------------------------------------


@ON_BOTH_DATABASES
def test_F1_a_lead_with_an_unsent_edit_is_qualified(world: World, killed_anywhere) -> None:
    """The edit first, then one contact, which is the person's; told once."""
    lead = known(world, "lead")
    person = world.person("lead", lead).id
    world.edit_person("lead", lead, phone="2")

    killed_anywhere(partial(make_record, person=person, wanted=Entity.CONTACT))

    (contact,) = made(world, "contact")
    assert (person, "2") == (world.person("contact", contact).id, world.row("contact", contact)["telephone1"])
    assert LinkState.SUPERSEDED is state(world, "lead", lead)


# Deleting and merging people ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("never_return", [False, True], ids=["until it gets in touch", "for good"])
def test_P9_a_person_with_an_unsent_edit_is_deleted(world: World, killed_anywhere, never_return: bool) -> None:
    """Its record is left alone, and brings nobody by itself."""
    contact = known(world, "contact")
    person = world.person("contact", contact).id
    world.edit_person("contact", contact, phone="2")

    killed_anywhere(partial(delete_person, person=person, never_return=never_return))

    assert [] == world.export("person")
    assert "1" == world.row("contact", contact)["telephone1"]


def test_P9_a_person_is_deleted_whose_record_has_news(world: World, killed_anywhere) -> None:
    """A new person, once."""
    lead = known(world, "lead")
    person = world.person("lead", lead).id
    world.edit("lead", lead, telephone1="3")

    killed_anywhere(partial(delete_person, person=person))

    assert ["3"] == [each["phone"] for each in world.export("person")]
    assert person != world.person("lead", lead).id


def test_P16_a_linked_person_becomes_part_of_one_that_is_not(world: World, killed_anywhere) -> None:
    """The record is the winner's, and is sent where the winner differs."""
    record = known(world, "contact")
    winner, loser = in_marketing(world, city="Umeå"), world.person("contact", record).id
    world.edit_person("contact", record, phone="2")

    killed_anywhere(partial(merge_people, winner=winner, loser=loser))

    assert [winner] == [each["id"] for each in world.export("person")]
    assert ("2", "Umeå") == (world.row("contact", record)["telephone1"], world.row("contact", record)["address1_city"])


def test_P16_two_linked_people_become_one(world: World, killed_anywhere) -> None:
    """The winner keeps its record; the loser's is set aside, and nothing is merged in Dynamics."""
    kept, aside = (known(world, "contact") for _ in range(2))
    winner, loser = (world.person("contact", each).id for each in (kept, aside))
    world.edit_person("contact", kept, phone="2")
    world.edit_person("contact", aside, city="Umeå")

    killed_anywhere(partial(merge_people, winner=winner, loser=loser))

    assert [winner] == [each["id"] for each in world.export("person")]
    assert ("2", "Umeå") == (world.row("contact", kept)["telephone1"], world.row("contact", kept)["address1_city"])
    assert None is world.row("contact", aside)["address1_city"]
    assert LinkState.SUPERSEDED is state(world, "contact", aside)
