"""A process is killed at every point of every row of the presence table (`tandem.rules.presence`)."""

import re

from tandem.model.entities import STANDARD
from tandem.rules.presence import LinkState, Presence
from tandem.sync.edits import Edits
from tandem.testing.asking import delete_person
from tandem.testing.world import World

TABLES = ("lead", "contact")
"""Most scenarios happen to one of each at the same time."""


def state(world: World, table: str, record: str) -> LinkState:
    """What is remembered of a record."""
    link = world.link(table, record)
    return link.state if link else LinkState.NONE


def known(world: World, table: str = "contact", **values: object) -> str:
    """A record that both sides have."""
    record = world.create(table, lastname="Ek", telephone1="1", **values)
    world.sync()
    return record


def parked(world: World, table: str = "contact") -> str:
    """A record that left the filter."""
    record = known(world, table)
    world.edit(table, record, new_synctomkto=False)
    world.sync()
    return record


def severed(world: World, table: str = "contact") -> str:
    """A record that was deleted in Dynamics."""
    record = known(world, table)
    world.delete(table, record)
    world.sync()
    return record


def removed(world: World, table: str = "contact") -> str:
    """A record whose person was deleted in marketing."""
    record = known(world, table)
    delete_person(world.subscription, person=world.person(table, record).id)
    world.sync()
    return record


def merged(world: World, table: str = "contact") -> tuple[str, str]:
    """A record that became part of another one: (winner, loser)."""
    winner, loser = known(world, table), known(world, table)
    world.merge(table, winner, loser)
    world.sync()
    return winner, loser


def test_presence_KNOWN_our_own_write_comes_back(world: World, killed_anywhere) -> None:
    """At the version the answer told."""
    records = {table: known(world, table) for table in TABLES}
    for table, record in records.items():
        world.edit_person(table, record, phone="2")
    world.cycle()

    killed_anywhere()

    for table, record in records.items():
        assert "2" == world.row(table, record)["telephone1"]
        assert 2 == len(world.log(world.person(table, record)))


def test_presence_CREATE_a_new_record_becomes_a_person(world: World, killed_anywhere) -> None:
    """One person for each; equal e-mail addresses make no difference."""
    world.sync()
    records = {table: world.create(table, lastname="Ek", emailaddress1="ek@example.com") for table in TABLES}

    killed_anywhere()

    for table, record in records.items():
        assert [("New Person", None, None, None)] == world.log(world.person(table, record))
    assert 2 == len(world.export("person"))


def test_presence_EXCLUDE_a_new_record_outside_the_filter(world: World, killed_anywhere) -> None:
    """Nobody comes of it."""
    world.sync()
    contact = world.create("contact", lastname="Ek", new_synctomkto=False)

    killed_anywhere()

    assert LinkState.EXCLUDED is state(world, "contact", contact)
    assert [] == world.export("person")


def test_presence_START_a_record_enters_the_filter(world: World, killed_anywhere) -> None:
    """Logged once."""
    contact = known(world, new_synctomkto=False)
    world.edit("contact", contact, new_synctomkto=True)

    killed_anywhere()

    assert [("Create [StartSync]", None, None, None)] == world.log(world.person("contact", contact))


def test_presence_UPDATE_both_sides_changed_other_fields(world: World, killed_anywhere) -> None:
    """Both survive (P3)."""
    records = {table: known(world, table) for table in TABLES}
    for table, record in records.items():
        world.edit_person(table, record, city="Umeå")
        world.edit(table, record, telephone1="3")

    killed_anywhere()

    for table, record in records.items():
        assert ("Umeå", "3") == (world.row(table, record)["address1_city"], world.fields(table, record)["phone"])


def test_presence_UPDATE_both_sides_changed_the_same_field(world: World, killed_anywhere) -> None:
    """One entry each in the journal; marketing wins the lead, Dynamics the contact (P4)."""
    records = {table: known(world, table) for table in TABLES}
    for table, record in records.items():
        world.edit_person(table, record, phone="2")
        world.edit(table, record, telephone1="3")

    killed_anywhere()

    for (table, record), phone in zip(records.items(), ("2", "3"), strict=True):
        assert (phone, phone) == (world.row(table, record)["telephone1"], world.fields(table, record)["phone"])
    assert ["phone"] * 2 == [each["field"] for each in world.subscription.state.journal.collisions()]


def test_presence_PARK_a_person_with_an_unsent_edit(world: World, killed_anywhere) -> None:
    """The edit stays unsent, and the base frozen."""
    contact = known(world)
    world.edit_person("contact", contact, phone="2")
    world.edit("contact", contact, new_synctomkto=False, jobtitle="CTO")

    killed_anywhere()

    assert LinkState.PARKED is state(world, "contact", contact)
    assert ("1", {"phone": "1"}) == (world.row("contact", contact)["telephone1"], world.base("contact", contact))


def test_presence_RESUME_both_sides_changed_meanwhile(world: World, killed_anywhere) -> None:
    """A three-way merge; what marketing edited is sent."""
    contact = parked(world)
    world.edit_person("contact", contact, phone="2", city="Umeå")
    world.edit("contact", contact, telephone1="3", jobtitle="CTO", new_synctomkto=True)

    killed_anywhere()

    row, fields = world.row("contact", contact), world.fields("contact", contact)
    assert ("3", "Umeå") == (row["telephone1"], row["address1_city"])
    assert ("3", "CTO") == (fields["phone"], fields["title"])


def test_presence_RESTORE_a_deleted_record_comes_back(world: World, killed_anywhere) -> None:
    """The same person, whose edit meanwhile is sent."""
    contact = severed(world)
    person = world.export("person")[0]["id"]
    edit(world, person, phone="2")
    world.create("contact", contactid=contact, lastname="Ek", telephone1="1")

    killed_anywhere()

    assert person == world.person("contact", contact).id
    assert "2" == world.row("contact", contact)["telephone1"]


def edit(world: World, person: int, **values: str) -> None:
    """Edit a person that has no record now."""
    subscription = world.subscription
    edits = Edits(subscription.database, subscription.marketing, subscription.state)
    edits.edit(person, list(values.items()), at=subscription.now())


def test_presence_RESTORE_PARKED_a_deleted_record_comes_back_outside_the_filter(world: World, killed_anywhere) -> None:
    """The same person, and nothing moves."""
    contact = severed(world)
    world.create("contact", contactid=contact, lastname="Secret", new_synctomkto=False)

    killed_anywhere()

    assert LinkState.PARKED is state(world, "contact", contact)
    assert "Ek" == world.fields("contact", contact)["lastName"]


def test_presence_MERGE_two_people_with_unsent_edits(world: World, killed_anywhere) -> None:
    """One person, one log, and one write for the winner (P12)."""
    pairs = {table: (known(world, table), known(world, table)) for table in TABLES}
    for table, (winner, loser) in pairs.items():
        world.edit_person(table, winner, city="Umeå")
        world.edit_person(table, loser, phone="2")
        world.merge(table, winner, loser)

    killed_anywhere()

    assert 2 == len(world.export("person"))
    for table, (winner, loser) in pairs.items():
        assert "Umeå" == world.row(table, winner)["address1_city"]
        assert LinkState.SUPERSEDED is state(world, table, loser)


def test_presence_MERGE_the_filter_of_the_winner_decides(world: World, killed_anywhere) -> None:
    """D10: it goes on with one winner, and is parked with the other."""
    inside, outside = known(world), known(world, new_synctomkto=False)
    world.merge("contact", inside, known(world, new_synctomkto=False))
    world.merge("contact", outside, known(world))

    killed_anywhere()

    assert (LinkState.LIVE, LinkState.PARKED) == (state(world, "contact", inside), state(world, "contact", outside))
    assert 2 == len(world.export("person"))


def test_presence_NOTE_a_record_outside_the_filter_changes(world: World, killed_anywhere) -> None:
    """Only its version is news, whether it was parked, never let in, or deleted in marketing."""
    contacts = [parked(world), known(world, new_synctomkto=False), removed(world)]
    people = world.export("person")
    for each in contacts:
        world.edit("contact", each, new_synctomkto=False, jobtitle="CTO")

    killed_anywhere()

    assert people == world.export("person")
    assert [world.row("contact", each)["versionnumber"] for each in contacts] == [
        version(world, each) for each in contacts
    ]


def version(world: World, contact: str) -> int | None:
    """The version that was last seen of a contact."""
    link = world.link("contact", contact)
    return link.version if link else None


def test_presence_NOTE_a_record_that_was_qualified_changes(world: World, killed_anywhere) -> None:
    """Its contact speaks for the person."""
    lead = known(world, "lead")
    contact = world.qualify(lead)
    world.sync()
    world.edit("lead", lead, statecode=0, statuscode=1)
    world.edit("contact", contact, jobtitle="CTO")

    killed_anywhere()

    assert LinkState.SUPERSEDED is state(world, "lead", lead)
    assert "CTO" == world.fields("contact", contact)["title"]


def test_presence_NOTE_a_record_without_a_person_is_merged(world: World, killed_anywhere) -> None:
    """Nobody is left to be merged."""
    loser, winner = removed(world), known(world)
    world.merge("contact", winner, loser)

    killed_anywhere()

    assert 1 == len(world.export("person"))


def test_presence_RETURN_a_deleted_person_gets_in_touch_again(world: World, killed_anywhere) -> None:
    """A new person, once (P9)."""
    records = {table: removed(world, table) for table in TABLES}
    for table, record in records.items():
        world.edit(table, record, telephone1="3")

    killed_anywhere()

    assert ["3", "3"] == [each["phone"] for each in world.export("person")]
    assert {3, 4} == {world.person(table, record).id for table, record in records.items()}


def test_P8_a_record_with_an_unsent_edit_is_deleted(world: World, killed_anywhere) -> None:
    """The person keeps the edit, and is told once that its record is gone."""
    records = {table: known(world, table) for table in TABLES}
    for table, record in records.items():
        world.edit_person(table, record, phone="2")
        world.delete(table, record)

    killed_anywhere()

    assert [LinkState.SEVERED] * 2 == [state(world, *record) for record in records.items()]
    assert [("2", True)] * 2 == [(each["phone"], each["microsoftIsDeleted"]) for each in world.export("person")]


def test_P11_a_lead_with_an_unsent_edit_is_qualified(world: World, killed_anywhere) -> None:
    """The same person goes on as the contact's, and its edit is sent there; the whole cycle, with every table."""
    lead = known(world, "lead", companyname="Contoso")
    world.edit_person("lead", lead, phone="2")
    contact = world.qualify(lead, account=True)

    killed_anywhere(tables=STANDARD)

    assert 1 == len(world.export("person"))
    assert "2" == world.row("contact", contact)["telephone1"]
    assert (LinkState.SUPERSEDED, LinkState.LIVE) == (state(world, "lead", lead), state(world, "contact", contact))


def test_D9_leads_are_qualified_across_the_filter(world: World, killed_anywhere) -> None:
    """No + Yes: a new person for the contact. Yes + No: the lead's person as it was."""
    leads = {wanted: known(world, "lead", new_synctomkto=not wanted) for wanted in (True, False)}
    contacts = {wanted: world.qualify(lead) for wanted, lead in leads.items()}
    for wanted, contact in contacts.items():
        world.edit("contact", contact, new_synctomkto=wanted)

    killed_anywhere()

    assert {"contact", "lead"} == {each["microsoftType"] for each in world.export("person")}
    assert LinkState.LIVE is state(world, "contact", contacts[True])


def test_every_outcome_of_the_presence_table_is_killed() -> None:
    """A row without a scenario would make the matrix look complete."""
    proven = {word for name in globals() if name.startswith("test_presence_") for word in re.findall("[A-Z_]+", name)}

    assert {outcome.name for outcome in Presence} == {each.strip("_") for each in proven} - {""}
