"""Identities that move: qualified leads and merged records (rules P11, P12, D9, D10)."""

from collections.abc import Callable

import pytest

from tandem.model.entities import Entity
from tandem.rules.presence import LinkState
from tandem.sync.context import Counts
from tandem.sync.reading import TableReader
from tandem.testing.world import World


def test_P11_a_qualified_leads_person_becomes_the_contacts(world: World) -> None:
    """Same person, same id, same log; the type is contact now."""
    lead = world.create("lead", lastname="Ek", subject="x", companyname="Ek & Co", emailaddress1="a@example.com")
    world.sync()
    person = world.person("lead", lead)

    contact = world.qualify(lead)
    world.cycle()

    after = world.person("contact", contact)
    assert (person.id, "contact") == (after.id, after.type)
    types = [entry[0] for entry in world.log(after)]
    assert "New Person" == types[0]
    assert "Converted to Contact" in types
    assert (LinkState.SUPERSEDED, contact) == (world.link("lead", lead).state, world.link("lead", lead).successor)


def test_P11_lead_only_fields_keep_their_values(world: World) -> None:
    """Company Name of a lead is no field of a contact; it stays."""
    lead = world.create("lead", lastname="Ek", subject="Webinar", companyname="Ek & Co")
    world.sync()

    contact = world.qualify(lead)
    world.cycle()

    kept = world.fields("contact", contact)
    assert ("Webinar", "Ek & Co") == (kept["microsoftTopic"], kept["company"])


def test_P11_holds_in_the_first_copy_too(world: World) -> None:
    """Both rows are there before Tandem is: one person, and New Person is all its log says."""
    lead = world.create("lead", lastname="Ek", subject="x")
    contact = world.qualify(lead)

    world.sync()

    assert 1 == world.subscription.marketing.counts()["person"][0]
    person = world.person("contact", contact)
    assert "contact" == person.type
    assert [("New Person", None, None, None)] == world.log(person)


def test_P11_a_second_contact_of_one_lead_is_a_new_person(world: World) -> None:
    """The first contact took the person."""
    lead = world.create("lead", lastname="Ek", subject="x")
    world.sync()
    first = world.qualify(lead)
    world.cycle()

    second = world.create("contact", lastname="Ek", originatingleadid__bind=f"/leads({lead})")
    world.cycle()

    assert world.person("contact", first).id != world.person("contact", second).id


def test_P11_a_contact_whose_lead_was_not_read_waits_for_a_later_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leads are read before contacts, so a lead made in between is only in the next read."""
    world.sync()
    made: dict[str, str] = {}
    read_changes = TableReader.changes

    def between_the_reads(reader: TableReader, until: Callable[[], bool]) -> Counts:
        counts = read_changes(reader, until)
        if reader.stream.entity is Entity.LEAD and not made:
            made["lead"] = world.create("lead", lastname="Ek", subject="x")
            bind = f"/leads({made['lead']})"
            made["contact"] = world.create("contact", lastname="Ek", originatingleadid__bind=bind)
        return counts

    monkeypatch.setattr(TableReader, "changes", between_the_reads)
    world.cycle()
    assert world.link("contact", made["contact"]) is None
    assert ["contact"] == [row[0] for row in world.subscription.state.waiting.counts()]
    world.cycle()

    assert world.person("lead", made["lead"]).id == world.person("contact", made["contact"]).id
    assert [] == world.subscription.state.waiting.counts()


def test_P11_a_contact_whose_lead_never_comes_becomes_a_new_person(world: World) -> None:
    """After a later read of the leads its absence is certain."""
    lead = world.create("lead", lastname="Gone", subject="x")
    world.sync()
    world.delete("lead", lead)
    world.cycle()
    _forget_link(world, "lead", lead)
    contact = world.create("contact", lastname="Ek")
    world.organisation.update("contact", contact, {"originatingleadid": lead}, actor=world.levers.other_user())

    world.cycle()
    assert world.link("contact", contact) is None
    world.cycle()

    assert "contact" == world.person("contact", contact).type


def test_P11_qualified_into_an_existing_contact_merges_into_the_contacts_person(world: World) -> None:
    """Where both have a person the contact's wins."""
    contact = world.create("contact", lastname="Ek", emailaddress1="work@example.com")
    lead = world.create("lead", lastname="Ek", subject="Webinar")
    world.sync()
    winner, loser = world.person("contact", contact), world.person("lead", lead)

    world.edit("lead", lead, statecode=1, statuscode=3, parentcontactid__bind=f"/contacts({contact})")
    world.cycle()

    assert winner.id == world.person("contact", contact).id
    assert winner.id == world.subscription.marketing.people.resolve(loser.id)
    assert "Webinar" == world.fields("contact", contact)["microsoftTopic"]
    assert "Merge People" in [entry[0] for entry in world.log(winner)]


def test_P11_a_lead_qualified_into_a_contact_that_comes_later_gives_it_its_person(world: World) -> None:
    """The lead names the contact; the contact's row does not name the lead."""
    contact = world.create("contact", lastname="Ek")
    lead = world.create("lead", lastname="Ek", subject="x", parentcontactid__bind=f"/contacts({contact})")
    world.edit("lead", lead, statecode=1, statuscode=3)

    world.sync()

    assert 1 == world.subscription.marketing.counts()["person"][0]
    assert world.person("contact", contact).type == "contact"


def test_P11_without_a_contact_the_person_stays_a_lead(world: World) -> None:
    """Qualified, and nothing to become."""
    lead = world.create("lead", lastname="Ek", subject="x")
    world.sync()

    world.edit("lead", lead, statecode=1, statuscode=3)
    world.cycle()

    assert "lead" == world.person("lead", lead).type
    assert 1 == world.fields("lead", lead)["leadStatus"]


@pytest.mark.parametrize("table", ["contact", "lead"])
def test_P12_merged_records_make_one_person(world: World, table: str) -> None:
    """The loser's person joins the winner's: log, alias, marketing-only values."""
    extra = {"subject": "x"} if table == "lead" else {}
    winner = world.create(table, lastname="Ek", **extra)
    loser = world.create(table, lastname="Ekk", telephone1="555", **extra)
    world.sync()
    kept, gone = world.person(table, winner), world.person(table, loser)

    world.merge(table, winner, loser)
    world.cycle()

    assert kept.id == world.person(table, winner).id
    assert kept.id == world.subscription.marketing.people.resolve(gone.id)
    assert LinkState.SUPERSEDED is world.link(table, loser).state
    assert 2 == [entry[0] for entry in world.log(kept)].count("New Person")
    assert "Ek" == world.fields(table, winner)["lastName"]


def test_P12_chains_of_merges_end_at_the_last_winner(world: World) -> None:
    """A into B into C: everybody is C's person."""
    a, b, c = (world.create("contact", lastname=name) for name in "ABC")
    world.sync()
    people = [world.person("contact", each).id for each in (a, b)]

    world.merge("contact", b, a)
    world.merge("contact", c, b)
    world.cycle()

    final = world.person("contact", c).id
    assert [final, final] == [world.subscription.marketing.people.resolve(each) for each in people]
    assert 1 == world.subscription.marketing.counts()["person"][0]


def test_P12_a_merge_before_the_first_copy_makes_one_person(world: World) -> None:
    """The loser never was a person of its own."""
    winner = world.create("contact", lastname="Ek")
    loser = world.create("contact", lastname="Ekk")
    world.merge("contact", winner, loser)

    world.sync()

    assert 1 == world.subscription.marketing.counts()["person"][0]
    assert "Ek" == world.fields("contact", winner)["lastName"]


def test_P11_a_contact_of_a_lead_that_lost_a_merge_is_the_winners_person(world: World) -> None:
    """The merge is followed to the lead that goes on."""
    winner = world.create("lead", lastname="Ek", subject="x")
    loser = world.create("lead", lastname="Ekk", subject="x")
    world.sync()
    kept = world.person("lead", winner)
    world.merge("lead", winner, loser)
    world.cycle()

    contact = world.create("contact", lastname="Ek", originatingleadid__bind=f"/leads({loser})")
    world.cycle()

    assert kept.id == world.person("contact", contact).id


def test_P12_what_the_loser_held_and_the_winner_does_not_is_journalled(world: World) -> None:
    """Nothing overwritten is gone (R2)."""
    winner = world.create("contact", lastname="Ek")
    loser = world.create("contact", lastname="Ekk", telephone1="555")
    world.sync()

    world.merge("contact", winner, loser)
    world.cycle()

    kept = {row["field"]: (row["marketing"], row["crm"], row["rule"]) for row in _journal(world)}
    assert ('"Ekk"', '"Ek"', "P12") == kept["lastName"]
    assert ('"555"', None, "P12") == kept["phone"]


def test_P12_merged_accounts_mark_the_loser_and_people_follow_their_rows(world: World) -> None:
    """The company is marked merged; its contacts were re-parented by Dynamics."""
    winner, loser = world.create("account", name="Contoso"), world.create("account", name="Contosso")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({loser})")
    world.sync()

    world.merge("account", winner, loser)
    world.cycle()

    companies = {row["externalCompanyId"]: row["mergedInto"] for row in world.export("company")}
    assert {winner: None, loser: winner} == companies
    assert winner == world.person("contact", contact).external_company_id


@pytest.mark.parametrize(
    ("lead_value", "contact_value", "people", "linked"),
    [
        pytest.param(False, False, 0, False, id="No and No: nothing"),
        pytest.param(True, True, 1, True, id="Yes and Yes: the same person"),
        pytest.param(False, True, 1, True, id="No and Yes: a new person for the contact"),
        pytest.param(True, False, 1, False, id="Yes and No: the lead's person, the contact is not synced"),
    ],
)
def test_D9_qualify_and_filter(make_world, lead_value: bool, contact_value: bool, people: int, linked: bool) -> None:
    """The four cases of the rule."""
    world = make_world().filter_column("lead", "contact").connect()
    lead = world.create("lead", lastname="Ek", subject="x", new_synctomkto=lead_value)
    world.sync()

    contact = world.qualify(lead)
    world.edit("contact", contact, new_synctomkto=contact_value)
    world.cycle()
    world.cycle()

    assert people == world.subscription.marketing.counts()["person"][0]
    link = world.link("contact", contact)
    assert linked == (link is not None and link.state is LinkState.LIVE)
    if lead_value and contact_value:
        assert world.person("lead", lead).id == world.person("contact", contact).id


def test_D9_a_contact_turned_to_yes_later_is_the_same_person(make_world) -> None:
    """Yes + No, and the contact is let in afterwards."""
    world = make_world().filter_column("lead", "contact").connect()
    lead = world.create("lead", lastname="Ek", subject="x")
    world.sync()
    person = world.person("lead", lead)
    contact = world.qualify(lead)
    world.edit("contact", contact, new_synctomkto=False)
    world.cycle()

    world.edit("contact", contact, new_synctomkto=True)
    world.cycle()

    assert person.id == world.person("contact", contact).id


@pytest.mark.parametrize(
    ("winner_value", "state"),
    [
        pytest.param(True, LinkState.LIVE, id="Yes: it goes on"),
        pytest.param(False, LinkState.PARKED, id="No: it does not sync"),
    ],
)
def test_D10_the_winners_filter_value_decides(make_world, winner_value: bool, state: LinkState) -> None:
    """The loser's person is the winner's, synced or parked."""
    world = make_world().filter_column("contact").connect()
    winner = world.create("contact", lastname="Ek", new_synctomkto=winner_value)
    loser = world.create("contact", lastname="Ekk")
    world.sync()
    person = world.person("contact", loser)

    world.merge("contact", winner, loser)
    world.cycle()

    assert state is world.link("contact", winner).state
    resolved = world.subscription.marketing.people.resolve(person.id)
    assert resolved == world.person("contact", winner).id


def _forget_link(world: World, table: str, record: str) -> None:
    with world.subscription.database.transaction():
        world.subscription.database.script(f"delete from link where entity = '{table}' and crm_id = '{record}'")


def _journal(world: World) -> list[dict]:
    return world.subscription.state.journal.collisions()


def test_P11_a_contact_merged_away_before_it_was_read_takes_its_lead_along(world: World) -> None:
    """The lead still names the contact that lost; its person joins the winner's, nobody is doubled."""
    lead = world.create("lead", lastname="Ek", subject="x")
    winner = world.create("contact", lastname="Ek")
    world.sync()

    loser = world.qualify(lead)
    world.merge("contact", winner, loser)
    world.organisation.update("lead", lead, {"parentcontactid": loser}, actor=world.levers.other_user())
    world.cycle()

    assert 1 == world.subscription.marketing.counts()["person"][0]
    assert LinkState.SUPERSEDED is world.link("lead", lead).state
    assert world.person("contact", winner).id == world.person("lead", lead).id


def test_P11_two_leads_qualified_into_one_new_contact_are_one_person(world: World) -> None:
    """The contact names the first, the second names the contact; both come in one cycle."""
    first, second = (world.create("lead", lastname=name, subject="x") for name in ("Ek", "Ek again"))
    world.sync()

    contact = world.qualify(first)
    world.edit("lead", second, parentcontactid__bind=f"/contacts({contact})", statecode=1, statuscode=3)
    world.cycle()

    assert 1 == world.subscription.marketing.counts()["person"][0]
    assert world.person("contact", contact).id == world.person("lead", second).id == world.person("lead", first).id


def test_P11_a_lead_qualified_into_a_parked_contact_joins_it_when_it_is_let_in(make_world) -> None:
    """Yes + No keeps the lead's person; turned to Yes later the contact's own person is the one that goes on."""
    world = make_world().filter_column("lead", "contact").connect()
    lead = world.create("lead", lastname="Ek", subject="x")
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.edit("contact", contact, new_synctomkto=False)
    world.cycle()
    world.edit("lead", lead, parentcontactid__bind=f"/contacts({contact})", statecode=1, statuscode=3)
    world.cycle()
    assert LinkState.LIVE is world.link("lead", lead).state

    world.edit("contact", contact, new_synctomkto=True)
    world.cycle()

    assert world.person("contact", contact).id == world.person("lead", lead).id
    assert [] == world.subscription.state.waiting.counts()
