"""What marketing changes reaches Dynamics, and nothing else does (rules S4, P2, P3, P5, P6, P13, R2, R3)."""

import pytest

from tandem.sandbox.automation.plug_ins import Touch
from tandem.sync.cycle_report import CycleReport
from tandem.sync.edits import Edits
from tandem.sync.known_tables import OrganisationChanged
from tandem.testing.world import World


def pushed(report: CycleReport) -> int:
    """How many records a cycle wrote."""
    return sum(counts.pushed for counts in report.entities.values())


def quiet(world: World) -> bool:
    """Do two cycles write nothing and find no news?"""
    reports = [world.cycle(), world.cycle()]
    counts = [each for report in reports for each in report.entities.values()]
    return not any(each.pushed or each.failed or each.updated or each.created for each in counts)


def test_S4_an_edit_in_marketing_reaches_dynamics(world: World) -> None:
    """In the next cycle, by one write; the base closes."""
    lead = world.create("lead", lastname="Ek", subject="Visit", telephone1="1")
    contact = world.create("contact", lastname="Ek", jobtitle="Buyer")
    world.sync()
    world.edit_person("lead", lead, phone="+46 1", city="Umeå")
    world.edit_person("contact", contact, title="")

    report = world.cycle()

    assert ("+46 1", "Umeå") == (world.row("lead", lead)["telephone1"], world.row("lead", lead)["address1_city"])
    assert world.row("contact", contact)["jobtitle"] is None
    assert 2 == pushed(report)
    assert [None, None] == [world.base("lead", lead), world.base("contact", contact)]
    assert quiet(world)


def test_P2_a_person_that_is_only_in_marketing_is_not_sent(world: World, writes) -> None:
    """Neither made nor edited."""
    world.sync()
    subscription = world.subscription
    edits = Edits(subscription.database, subscription.marketing, subscription.state)
    person = edits.create([("lastName", "Ek")], at=subscription.now())
    edits.edit(person, [("title", "CTO")], at=subscription.now())

    world.cycle()

    assert [] == writes
    assert 0 == subscription.state.nominations.count()


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_P3_different_fields_edited_on_the_two_sides_both_survive(world: World, table: str) -> None:
    """Whoever wins a collision: there is none."""
    record = world.create(table, lastname="Ek", telephone1="1", jobtitle="Buyer")
    world.sync()

    world.edit_person(table, record, phone="2")
    world.edit(table, record, jobtitle="CTO")
    world.cycle()

    assert ("2", "CTO") == (world.row(table, record)["telephone1"], world.row(table, record)["jobtitle"])
    assert {"phone": "2", "title": "CTO"}.items() <= world.fields(table, record).items()
    assert [] == world.subscription.state.journal.collisions()
    assert quiet(world)


def test_P5_only_changed_fields_are_written_under_the_version_that_was_seen(world: World, writes) -> None:
    """Dynamics counts every column of a write as changed, so an unchanged one would start its automation."""
    contact = world.create("contact", lastname="Ek", telephone1="1", jobtitle="Buyer")
    world.sync()
    version = world.row("contact", contact)["versionnumber"]

    world.edit_person("contact", contact, phone="2", title="Buyer")
    world.cycle()

    [[write]] = writes
    assert ({"telephone1": "2"}, version) == (dict(write.values), write.version)


def test_P5_an_edit_taken_back_before_it_was_sent_is_not_written(world: World, writes) -> None:
    """The person equals the base again."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()

    world.edit_person("contact", contact, phone="2")
    world.edit_person("contact", contact, phone="1")
    world.cycle()

    assert [] == writes


@pytest.mark.parametrize(
    ("table", "phone"), [("lead", "2"), ("contact", "3")], ids=["marketing wins a lead", "Dynamics wins a contact"]
)
def test_P5_a_record_changed_between_the_pull_and_the_push_is_read_and_decided_again(
    world: World, before_writing, table: str, phone: str
) -> None:
    """In the same cycle; the collision is settled as if the pull had seen it."""
    record = world.create(table, lastname="Ek", telephone1="1", jobtitle="Buyer")
    world.sync()
    world.edit_person(table, record, phone="2")
    before_writing(lambda: world.edit(table, record, telephone1="3", jobtitle="CTO"))

    world.cycle()

    assert (phone, "CTO") == (world.row(table, record)["telephone1"], world.row(table, record)["jobtitle"])
    assert {"phone": phone, "title": "CTO"}.items() <= world.fields(table, record).items()
    assert ["phone"] == [each["field"] for each in world.subscription.state.journal.collisions()]
    assert quiet(world)


def test_P5_a_record_that_keeps_changing_is_left_to_the_next_cycle(world: World, writes) -> None:
    """Three tries in a cycle; nothing of it is an error."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.edit_person("contact", contact, phone="2")
    world.fault("version-mismatch", times=None)

    world.cycle()
    tries = len(writes)
    world.faults.clear()
    world.cycle()

    assert (3, 4) == (tries, len(writes))
    assert "2" == world.row("contact", contact)["telephone1"]
    assert [] == world.subscription.state.journal.errors()


def test_P5_of_many_records_only_the_changed_one_is_decided_again(world: World, before_writing) -> None:
    """The others of the same request are written."""
    contacts = [world.create("contact", lastname="Ek", telephone1="1") for _ in range(3)]
    world.sync()
    for each in contacts:
        world.edit_person("contact", each, phone="2")
    before_writing(lambda: world.edit("contact", contacts[1], jobtitle="CTO"))

    report = world.cycle()

    assert ["2"] * 3 == [world.row("contact", each)["telephone1"] for each in contacts]
    assert 3 == pushed(report)


def test_P6_our_own_write_coming_back_is_no_news(world: World) -> None:
    """Neither as a row at the version our write returned, nor as a newer one that equals the base."""
    lead = world.create("lead", lastname="Ek")
    world.sync()
    world.plug_in(Touch(table="lead"))
    world.edit_person("lead", lead, phone="2")
    world.cycle()
    log = world.log(world.person("lead", lead))

    world.settle()

    assert quiet(world)
    assert log == world.log(world.person("lead", lead))
    link = world.link("lead", lead)
    assert link is not None
    assert world.row("lead", lead)["versionnumber"] == link.version


def test_P13_an_edit_never_writes_the_owner(world: World, writes) -> None:
    """Nor when the owner changed in the same moment."""
    owner = world.create("systemuser", firstname="Sam", lastname="Sale", internalemailaddress="sam@example.com")
    contact = world.create("contact", lastname="Ek")
    world.sync()

    world.edit_person("contact", contact, phone="2")
    world.edit("contact", contact, ownerid__bind=f"/systemusers({owner})")
    world.cycle()

    assert [{"telephone1"}] == [set(write.values) for request in writes for write in request]
    assert owner == world.row("contact", contact)["ownerid"]
    assert owner == world.person("contact", contact).external_sales_person_id


def test_P8_an_unsent_edit_of_a_deleted_record_stays_with_the_person(world: World, before_writing) -> None:
    """Deleted before it could be sent, or in the moment it was sent: the person keeps it, and nobody is doubled."""
    contacts = [world.create("contact", lastname="Ek", telephone1="1") for _ in range(2)]
    world.sync()
    for each in contacts:
        world.edit_person("contact", each, phone="2")

    world.delete("contact", contacts[0])
    before_writing(lambda: world.delete("contact", contacts[1]))
    world.sync()
    world.cycle()

    assert [True] * 2 == [world.person("contact", each).is_deleted for each in contacts]
    assert ["2"] * 2 == [world.fields("contact", each)["phone"] for each in contacts]
    assert [] == world.subscription.state.journal.errors()
    assert 0 == world.subscription.state.nominations.count()


def test_P8_a_restored_record_gets_the_edit_that_was_made_meanwhile(world: World) -> None:
    """The base of the severed link still says what Dynamics held."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.delete("contact", contact)
    world.cycle()

    world.edit_person("contact", contact, phone="2")
    world.create("contact", contactid=contact, lastname="Ek", telephone1="1")
    world.cycle()

    assert "2" == world.row("contact", contact)["telephone1"]


def test_R3_a_thousand_edits_take_few_requests(make_world) -> None:
    """At most one for fifty, and what a cycle takes anyway."""
    world = make_world(people=2_700).connect()
    world.sync()
    contacts = world.organisation.find("contact", "statecode", 0)[:1_000]
    assert 1_000 == len(contacts)
    with world.engine() as (engine, _):
        engine.cycle()
        for each in contacts:
            world.edit_person("contact", each, title="Chosen")
        report = engine.cycle()

    assert 1_000 == pushed(report)
    assert {"Chosen"} == {world.row("contact", each)["jobtitle"] for each in contacts}
    assert report.requests <= 1_000 / 50 + 12
    assert quiet(world)


def test_S9_nothing_is_written_to_another_organisation(world: World, writes) -> None:
    """The identity is looked at before the first write, in every cycle."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.edit_person("contact", contact, phone="2")
    world.become_a_copy()

    with pytest.raises(OrganisationChanged):
        world.cycle()

    assert [] == writes
    assert 1 == len(world.subscription.marketing.people.feed())
