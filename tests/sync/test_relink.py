"""Another organisation, or an older state of it, is linked again with eyes open (rule S9).

What is proved: nothing goes on by itself, nobody is doubled or lost, no value goes without a trace, and Dynamics is not
written before every lead and contact was looked at.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
from tandem.dynamics.writes import RowWrite
from tandem.model.entities import Entity
from tandem.rules.presence import LinkState
from tandem.rules.relinking import Verdict
from tandem.runtime import connecting, instance
from tandem.runtime.instance import CopiedDatabase
from tandem.runtime.relinking import AnotherOrganisation, Comparison, NothingToRelink, relinking
from tandem.runtime.subscription import NotConnected
from tandem.state.notices import NoticeKind
from tandem.state.queues import Intent, IntentKind
from tandem.state.reviews import ReviewKind
from tandem.state.streams import StreamState
from tandem.sync.applier import OrganisationRestored
from tandem.sync.comparing import Goes
from tandem.sync.context import Progress
from tandem.sync.edits import Edits
from tandem.sync.known_tables import OrganisationChanged
from tandem.sync.removing import Removing
from tandem.sync.review import GIVEN_UP
from tandem.testing.fake_world import FakeWorld
from tandem.testing.world import World


def relink(world: World, *, force: bool = False, **options: Any) -> Comparison:
    """Compare and link again, to what answers now."""
    with relinking(world.subscription, **options) as at_work:
        found = at_work.compare()
        at_work.carry_out(found, force=force)
    return found


def compare(world: World, *, samples: int = 200) -> Comparison:
    """Only compare."""
    with relinking(world.subscription) as at_work:
        return at_work.compare(samples=samples)


def people(world: World) -> int:
    """How many people there are."""
    return world.subscription.marketing.counts()["person"][0]


# A copy ---------------------------------------------------------------------------------------------------------------


def test_S9_a_copy_is_linked_again_and_everybody_stays_who_they_were(world: World) -> None:
    """A sandbox was refreshed: another id, the same records; edits of both sides go on from there."""
    lead, contact = world.create("lead", lastname="Ek"), world.create("contact", lastname="Ng")
    world.sync()
    before = [world.person("lead", lead), world.person("contact", contact)]

    world.become_a_copy()
    with pytest.raises(OrganisationChanged):
        world.cycle()
    found = relink(world)
    world.sync()
    world.edit("contact", contact, lastname="Berg")
    world.edit_person("lead", lead, firstName="Ida")
    world.sync()

    assert (Verdict.COPIED, 1.0) == (found.verdict, found.share)
    assert [each.id for each in before] == [world.person("lead", lead).id, world.person("contact", contact).id]
    assert ("Berg", "Ida") == (world.fields("contact", contact)["lastName"], world.row("lead", lead)["firstname"])
    assert 2 == people(world)


def test_S9_linking_again_twice_in_a_row_is_as_good_as_once(world: World) -> None:
    """Also where the first review has not even begun to read."""
    contact = world.create("contact", lastname="Ek")
    world.sync()

    for _ in range(2):
        world.become_a_copy()
        assert Verdict.COPIED is relink(world).verdict
    world.sync()

    assert 1 == people(world)
    assert "Ek" == world.fields("contact", contact)["lastName"]
    assert world.subscription.state.reviews.open() is None
    assert 2 == len(world.subscription.state.reviews.all())


def test_S9_a_value_the_copy_holds_otherwise_is_taken_and_the_old_one_is_in_the_journal(world: World) -> None:
    """Nobody edited it here, so it is no collision; it must not go without a trace all the same."""
    contact = world.create("contact", lastname="Ek", jobtitle="Buyer")
    world.sync()
    world.become_a_copy()
    world.edit("contact", contact, jobtitle="Director")

    found = compare(world)
    relink(world)
    world.sync()

    (difference,) = [each for table in found.tables for each in table.differences]
    assert ("title", "Buyer", "Director", Goes.TO_MARKETING) == (
        difference.field,
        difference.marketing,
        difference.dynamics,
        difference.goes,
    )
    (kept,) = world.subscription.state.journal.collisions()
    assert "Director" == world.fields("contact", contact)["title"]
    assert ("title", '"Buyer"', '"Director"', "crm", "S9") == (
        kept["field"],
        kept["marketing"],
        kept["crm"],
        kept["winner"],
        kept["rule"],
    )


@pytest.mark.parametrize(("table", "wins"), [("lead", "Ida"), ("contact", "Ada")])
def test_S9_a_field_both_sides_changed_goes_by_the_rule_of_collisions(world: World, table: str, wins: str) -> None:
    """Marketing wins for leads, Dynamics for contacts; the loser is in the journal (P4)."""
    record = world.create(table, lastname="Ek", firstname="Eva")
    world.sync()
    world.edit_person(table, record, firstName="Ida")
    world.become_a_copy()
    world.edit(table, record, firstname="Ada")

    (difference,) = next(each for each in compare(world).tables if each.differences).differences
    relink(world)
    world.sync()
    world.sync()

    assert Goes.COLLISION is difference.goes
    assert (wins, wins) == (world.fields(table, record)["firstName"], world.row(table, record)["firstname"])
    (kept,) = world.subscription.state.journal.collisions()
    assert {"Ida", "Ada"} == {kept["marketing"].strip('"'), kept["crm"].strip('"')}


def test_S9_an_unsent_edit_is_sent_after_the_review(world: World) -> None:
    """It was made while the organisation was away."""
    lead = world.create("lead", lastname="Ek")
    world.sync()
    world.become_a_copy()
    world.edit_person("lead", lead, firstName="Ida")

    (difference,) = next(each for each in compare(world).tables if each.differences).differences
    relink(world)
    world.sync()

    assert Goes.TO_DYNAMICS is difference.goes
    assert "Ida" == world.row("lead", lead)["firstname"]


def test_S9_nothing_is_written_before_every_lead_and_contact_was_looked_at(
    make_world: Any, writes: list[list[RowWrite]]
) -> None:
    """The edit waits while one table is read; who acts by name is told so and nothing is kept of it."""
    world = make_world(page_size="2").connect()
    leads = [world.create("lead", lastname=f"Ek {number}") for number in range(5)]
    world.sync()
    world.become_a_copy()
    world.edit_person("lead", leads[0], firstName="Ida")
    relink(world)

    with world.engine() as (engine, _):
        engine.cycle([Entity.LEAD])
    streams = world.subscription.state.streams.all()

    assert (StreamState.LIVE, StreamState.COPYING) == (streams[Entity.LEAD].state, streams[Entity.CONTACT].state)
    assert [] == writes
    world.sync()
    assert "Ida" == world.row("lead", leads[0])["firstname"]


def test_S9_records_the_copy_does_not_have_are_held_as_a_mass_deletion(make_world: Any) -> None:
    """Absence is confirmed one by one and stays behind the brakes (R6)."""
    world = make_world(brake_delete_floor="2").connect()
    contacts = [world.create("contact", lastname=f"Ek {number}") for number in range(10)]
    world.sync()
    world.become_a_copy()
    for each in contacts[:4]:
        world.delete("contact", each)

    found = relink(world)
    world.sync()

    table = next(each for each in found.tables if each.entity is Entity.CONTACT)
    assert (10, 6, 6, 4) == (table.known, table.found, table.staying, table.severed)
    (hold,) = world.open_holds()
    assert ("mass-delete", 4) == (hold.kind, hold.count)
    assert not any(world.person("contact", each).is_deleted for each in contacts)


# An older state -------------------------------------------------------------------------------------------------------


def test_S9_a_restore_in_place_is_followed_and_what_is_undone_is_in_the_journal(world: World) -> None:
    """A version below the known one is no reason to pass a row over; later edits are followed as ever."""
    contact = world.create("contact", lastname="A")
    world.back_up()
    world.sync()
    for name in ("B", "C"):
        world.edit("contact", contact, lastname=name)
    added = world.create("contact", lastname="Later")
    world.cycle()
    world.restore()
    with pytest.raises(OrganisationRestored):
        world.cycle()

    found = relink(world)
    world.sync()
    followed = world.fields("contact", contact)["lastName"]
    world.edit("contact", contact, lastname="D")
    world.cycle()

    assert Verdict.OLDER is found.verdict
    assert ("A", "D") == (followed, world.fields("contact", contact)["lastName"])
    assert ['"C"'] == [each["marketing"] for each in world.subscription.state.journal.collisions()]
    assert world.person("contact", added).is_deleted


def test_S9_a_record_whose_deletion_was_taken_back_is_the_same_person_again(world: World) -> None:
    """The restored organisation has it (P8)."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    before = world.person("contact", contact).id
    world.back_up()
    world.create("contact", lastname="Ng")
    world.delete("contact", contact)
    world.cycle()
    world.restore()

    relink(world)
    world.sync()

    assert (before, False) == (world.person("contact", contact).id, world.person("contact", contact).is_deleted)


def test_S9_somebody_who_was_given_another_record_meanwhile_has_the_first_one_again(tmp_path: Path) -> None:
    """The deletion is undone, and so is what was made for the person after it (P10): nobody is without a record."""
    with FakeWorld(tmp_path) as world:
        world.connect()
        first, _ = world.create("contact", lastname="Ek"), world.create("contact", lastname="Ng")
        world.back_up()
        world.sync()
        person = world.person("contact", first).id
        world.delete("contact", first)
        world.sync()
        with world.engine() as (engine, context):
            second = perform(engine, context, Action.SYNC_PERSON, person, {"as": "contact"}).record_id or ""
        world.restore()

        world.relink()
        world.sync()

        links = {link.crm_id: link.state for link in world.subscription.state.links.of_person(person)}
        assert {first: LinkState.LIVE, second: LinkState.SEVERED} == links
        assert not world.person("contact", first).is_deleted


def test_S9_somebody_deleted_in_marketing_does_not_return_with_the_review(world: World) -> None:
    """Nothing tells whether the record changed since (P9); its next change does."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    kept = world.subscription
    Removing(kept.database, kept.marketing, kept.state).delete(world.person("contact", contact).id, at=kept.now())
    world.become_a_copy()

    relink(world)
    world.sync()
    after = people(world)
    world.edit("contact", contact, lastname="Berg")
    world.cycle()

    assert (0, 1) == (after, people(world))


def test_S9_a_qualification_that_was_taken_back_leaves_the_person_a_lead(world: World) -> None:
    """The contact is gone and the lead is open again: the same person goes on as it (P11)."""
    lead = world.create("lead", lastname="Ek", companyname="Contoso")
    world.create("contact", lastname="Ng")
    world.sync()
    before = world.person("lead", lead).id
    world.back_up()
    contact = world.qualify(lead)
    world.cycle()
    after = world.person("contact", contact).id
    world.restore()

    relink(world)
    world.sync()
    person = world.person("lead", lead)
    world.edit("lead", lead, lastname="Berg")
    world.cycle()

    assert (before, before) == (after, person.id)
    assert ("lead", False, "Berg") == (person.type, person.is_deleted, world.fields("lead", lead)["lastName"])
    assert 2 == people(world)


def test_S9_a_merge_that_was_taken_back_leaves_the_loser_set_aside(world: World) -> None:
    """Its person became the winner's; the record is listed, and nobody is doubled (P16)."""
    winner, loser = (world.create("contact", lastname=name) for name in ("Ek", "Ng"))
    world.sync()
    world.back_up()
    world.merge("contact", winner, loser)
    world.cycle()
    world.restore()

    relink(world)
    world.sync()

    assert 1 == people(world)
    assert [loser] == [link.crm_id for link in world.subscription.state.links.set_aside()]
    assert "Ek" == world.fields("contact", winner)["lastName"]


# What is refused ------------------------------------------------------------------------------------------------------


def test_S9_an_organisation_without_our_records_takes_force(world: World) -> None:
    """Linking would make everybody a stranger; the links of those who are gone stay until somebody approves."""
    ours = [world.create("contact", lastname=f"Ek {number}") for number in range(30)]
    world.sync()
    world.become_a_copy()
    for each in ours:
        world.delete("contact", each)
    world.create("contact", lastname="Ng")

    with pytest.raises(AnotherOrganisation, match="0%"):
        relink(world)
    with pytest.raises(OrganisationChanged):
        world.cycle()
    relink(world, force=True)
    world.sync()

    assert 31 == people(world)
    assert ["mass-delete"] == [hold.kind for hold in world.open_holds()]


def test_S9_an_organisation_to_which_nothing_happened_is_not_linked_again(world: World) -> None:
    """There is nothing to gain by it; with force it is only read once more."""
    world.create("contact", lastname="Ek")
    world.sync()

    with pytest.raises(NothingToRelink):
        relink(world)
    assert Verdict.UNCHANGED is relink(world, force=True).verdict
    world.sync()

    assert 1 == people(world)


# What is forgotten, and what is not -----------------------------------------------------------------------------------


def test_S9_whatever_row_comes_next_is_newer_in_every_table(make_world: Any) -> None:
    """A version of another organisation that stayed anywhere would hide a change for ever."""
    world = make_world(people=100).connect()
    world.sync()
    world.become_a_copy()
    relink(world)

    kept = {}
    with contextlib.closing(apsw.Connection(str(world.settings.database_file))) as database:
        tables = database.execute("select name from sqlite_schema where type = 'table'").fetchall()
        for (table,) in tables:
            columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
            if "version" in columns:
                (kept[table],) = database.execute(f"select count(*) from {table} where version <> 0").fetchone()

    assert {"link", "company", "opportunity", "sales_person", "team", "team_member"} <= kept.keys()
    assert dict.fromkeys(kept, 0) == kept


def test_S9_companies_and_opportunities_follow_the_copy(world: World) -> None:
    """One way; what marketing edited of a company is in the journal (A3)."""
    account = world.create("account", name="Contoso", telephone1="1")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    world.sync()
    kept = world.subscription
    edits = Edits(kept.database, kept.marketing, kept.state)
    edits.edit(world.person("contact", contact).id, [("company.mainPhone", "2")], at=kept.now())
    world.become_a_copy()
    world.edit("account", account, name="Fabrikam")

    found = compare(world)
    relink(world)
    world.sync()

    accounts = next(each for each in found.tables if each.entity is Entity.ACCOUNT)
    assert (1, 1, 0, {"company", "mainPhone"}) == (
        accounts.known,
        accounts.found,
        accounts.equal,
        {each.field for each in accounts.differences},
    )
    company = kept.marketing.companies.get([account])[account]
    assert ('"company":"Fabrikam"' in company.fields, '"mainPhone":"1"' in company.fields) == (True, True)
    assert ["A3"] == [each["rule"] for each in kept.state.journal.collisions()]


def test_S9_a_qualification_under_way_is_given_up_with_a_record(world: World) -> None:
    """Nobody can ask the former organisation; whoever asked is told to ask again."""
    lead = world.create("lead", lastname="Ek")
    world.sync()
    kept, person = world.subscription, world.person("lead", lead).id
    with kept.database.transaction():
        kept.state.actions.begin("first", "sync-person", person, at=kept.now())
        intent = Intent(lead, Entity.LEAD, person, IntentKind.QUALIFY, {}, None, "first")
        kept.state.intents.begin([intent], at=kept.now())
    world.become_a_copy()

    relink(world)
    world.sync()

    stored = kept.state.actions.of("first")
    assert stored is not None
    assert ("refused", GIVEN_UP[ReviewKind.RELINK]) == (stored.state, stored.outcome)
    assert "Sync Person to Microsoft" == world.log(world.person("lead", lead))[-1][0]
    assert [] == kept.state.intents.begun()


def test_S9_what_was_held_of_the_former_organisations_deletions_is_not_carried_out(make_world: Any) -> None:
    """The copy has the records: approving yesterday's hold must not delete them."""
    world = make_world(brake_delete_floor="2").connect()
    contacts = [world.create("contact", lastname=f"Ek {number}") for number in range(10)]
    world.sync()
    world.back_up()
    for each in contacts[:4]:
        world.delete("contact", each)
    world.cycle()
    (hold,) = world.open_holds()
    world.restore()
    world.become_a_copy()

    relink(world)
    world.sync()

    assert [("cancelled", 0)] == [
        (each.state, len(world.subscription.state.deletions.held(each.id)))
        for each in world.subscription.state.journal.holds()
        if each.id == hold.id
    ]
    assert not any(world.person("contact", each).is_deleted for each in contacts)


def test_S9_a_first_copy_that_was_under_way_goes_on_in_the_copy(make_world: Any) -> None:
    """What was read so far stays linked; nobody is doubled."""
    world = make_world(page_size="2").connect()
    leads = [world.create("lead", lastname=f"Ek {number}") for number in range(5)]
    told = list[Progress]()
    with world.engine(report=told.append, stopping=lambda: bool(told)) as (engine, _):
        engine.cycle([Entity.LEAD])
    begun = people(world)
    world.become_a_copy()

    relink(world)
    world.sync()

    assert 0 < begun < len(leads) == people(world)


def test_S9_a_review_is_told_once_and_told_to_be_over(world: World) -> None:
    """Who waits for writing to go on hears of it."""
    world.create("contact", lastname="Ek")
    world.sync()
    world.become_a_copy()
    relink(world)
    told = world.subscription.state.notices

    (notice,) = told.open(NoticeKind.REVIEW)
    world.sync()

    assert "nothing is written to Dynamics" in notice.message
    assert ([], "review") == (told.open(NoticeKind.REVIEW), told.newest(limit=1)[0].about)


@pytest.mark.parametrize("elsewhere", [True, False], ids=["another address", "the same address"])
def test_S9_new_credentials_can_be_given_for_those_that_were_forgotten(world: World, elsewhere: bool) -> None:
    """The copy has an application of its own, and may stand elsewhere."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    connecting.disconnect(world.settings)
    world.become_a_copy()

    with pytest.raises(NotConnected):
        relink(world)
    relink(world, url=world.sandbox.url if elsewhere else None, credentials=world.credentials)
    world.sync()

    assert "Ek" == world.fields("contact", contact)["lastName"]


def test_S10_a_copied_database_is_not_linked_again(world: World) -> None:
    """Whose database it is comes first."""
    world.create("contact", lastname="Ek")
    world.sync()
    world.become_a_copy()
    instance.expect_newer(world.subscription)

    with pytest.raises(CopiedDatabase, match="restored from a backup"):
        relink(world)


# What leads nowhere any more ------------------------------------------------------------------------------------------


def expire(world: FakeWorld, _saved: Path) -> None:
    """Its tokens are too old when Tandem comes again (S11)."""
    world.advance(days=9)


def put_back(world: FakeWorld, saved: Path) -> None:
    """The database is put back and adopted as well (S10), as it was after the time that Dynamics is set back to."""
    world.put_back(saved)


@pytest.mark.parametrize("happens", [expire, put_back], ids=["the tokens expired", "the database is adopted"])
def test_S9_a_restore_in_place_is_noticed_where_a_table_is_read_from_its_start(
    tmp_path: Path, happens: Callable[[FakeWorld, Path], None]
) -> None:
    """No token is left that could count back; the rows do. Nobody takes such a record for one that is known."""
    saved = tmp_path / "saved.db"
    with FakeWorld(tmp_path) as world:
        contact = world.connect().create("contact", lastname="A")
        world.sync()
        world.back_up()
        world.edit("contact", contact, lastname="B")
        world.sync()
        world.save(saved)
        world.restore()
        happens(world, saved)

        with pytest.raises(OrganisationRestored):
            world.sync()
        world.relink()
        world.sync()

        assert "A" == world.fields("contact", contact)["lastName"]


def test_S9_a_quick_sync_that_rode_on_a_reading_begins_anew_with_the_review(tmp_path: Path) -> None:
    """Else it would wait for the end of a reading that there is no more, and its field could never be deselected."""
    with FakeWorld(tmp_path, page_size="2") as world:
        world.connect()
        for number in range(5):
            world.create("lead", lastname=f"Ek {number}", subject="Visit")
        world.sync()
        world.choose("lead", "pager")
        world.organisation.remove_column("lead", "fax")
        state = world.subscription.state
        with world.engine(stopping=lambda: any(each.rides for each in state.quick_syncs.open())) as (engine, _):
            engine.cycle()
        (riding,) = state.quick_syncs.open()

        world.relink()
        world.sync()

        assert riding.rides
        assert [] == state.quick_syncs.open()


def test_S9_the_same_organisation_at_another_address_is_followed_from_there(make_world: Any) -> None:
    """The stored links lead to the former address, where no token of this one may go."""
    world = make_world().connect()
    contact = world.create("contact", lastname="Ek")
    world.sync()
    connecting.disconnect(world.settings)
    connecting.connect(world.settings, world.sandbox.url.replace("127.0.0.1", "localhost"), world.credentials)
    world.edit("contact", contact, lastname="Ng")

    world.sync()

    assert "Ng" == world.fields("contact", contact)["lastName"]
    assert 1 == people(world)
