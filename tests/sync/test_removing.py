"""People deleted and merged by hand in marketing: what stays, what comes back, what Dynamics is told (P9, P16, F5)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tandem.database.statements import Statement
from tandem.marketing.records import BY_HAND, Activity, ActivityType
from tandem.model.entities import Entity
from tandem.model.errors import TandemError
from tandem.model.ids import PersonId
from tandem.rules.presence import LinkState
from tandem.sandbox.door.definitions import MakeColumn, RemoveColumn
from tandem.state.links import Waiter
from tandem.state.queues import Intent, IntentKind, Lane
from tandem.sync.edits import Edits, UnknownPerson
from tandem.sync.removing import Merged, NotMergeable, Removing, WriteUnderWay
from tandem.sync.waiting import CONTACT_OF_LEAD
from tandem.testing.world import World

_TABLES = ("person", "activity", "change_feed", "conflict", "sync_error", "link", "waiting", "nomination", "held_field")


def removing(world: World, *, sum_scores: bool = True) -> Removing:
    """What takes people out of the world's subscription."""
    subscription = world.subscription
    return Removing(subscription.database, subscription.marketing, subscription.state, sum_scores=sum_scores)


def delete(world: World, person: int, *, never_return: bool = False) -> None:
    """Delete a person as `tandem people delete` does."""
    removing(world).delete(person, never_return=never_return, at=world.subscription.now())


def merge(world: World, winner: int, loser: int, *, sum_scores: bool = True) -> Merged:
    """Merge two people as `tandem people merge` does."""
    return removing(world, sum_scores=sum_scores).merge(winner, loser, at=world.subscription.now())


def edits(world: World) -> Edits:
    """The edits of the world's subscription."""
    return Edits(world.subscription.database, world.subscription.marketing, world.subscription.state)


def edit(world: World, person: int, **values: str) -> None:
    """Edit a person in marketing."""
    edits(world).edit(person, list(values.items()), at=world.subscription.now())


def only_here(world: World, **values: str) -> PersonId:
    """Make a person that is only in marketing."""
    return edits(world).create(list(values.items()), at=world.subscription.now())


def person_of(world: World, table: str, record: str) -> int | None:
    """The id of a record's person, None where there is none."""
    link = world.link(table, record)
    return link.person_id if link else None


def state_of(world: World, table: str, record: str) -> LinkState:
    """The state of a record's link."""
    link = world.link(table, record)
    return link.state if link else LinkState.NONE


def people(world: World) -> list[int]:
    """The ids of everybody in marketing."""
    return [each["id"] for each in world.export("person")]


def row(world: World, table: str, record: str) -> dict[str, Any]:
    """What Dynamics holds."""
    return dict(world.organisation.get(table, record) or {})


def stored(world: World) -> str:
    """Everything that is stored about people, as text."""
    rows = [
        each
        for table in _TABLES
        for each in world.subscription.database.all(Statement(table, *[f"select * from {table}"] * 2))
    ]
    return repr(rows)


def nothing_is_fresh(world: World, table: Entity) -> None:
    """No edit was made since the table was read: a read from the start begins without looking for fresh ones."""
    streams = world.subscription.state.streams
    with world.subscription.database.transaction():
        streams.put(replace(streams.all()[table], token_at="2999-01-01T00:00:00Z"))


# Deleted in marketing (P9) ------------------------------------------------------------------------------------------


def test_P9_a_deleted_person_leaves_one_entry_of_its_log_and_no_value(world: World) -> None:
    """Not in a table of either room; its record stays in Dynamics, and quiet cycles bring nobody."""
    contact = world.create("contact", lastname="Unforgettable", emailaddress1="u@example.com", telephone1="4711")
    world.sync()
    person = world.person("contact", contact).id
    edit(world, person, phone="4712")
    world.edit("contact", contact, telephone1="4713")
    world.cycle()
    world.cycle()
    edit(world, person, phone="4714")
    assert {"4711", "4712", "4713", "4714"} == {
        each for each in ("4711", "4712", "4713", "4714") if each in stored(world)
    }

    delete(world, person)

    assert [("Delete Person", None, None, None)] == world.log(person)
    assert [] == [each for each in ("Unforgettable", "u@example.com", "471") if each in stored(world)]
    known = world.link("contact", contact)
    assert known is not None
    assert (LinkState.REMOVED, None, None) == (known.state, known.person_id, known.base)
    world.cycle()
    assert [] == people(world)
    assert "4713" == row(world, "contact", contact)["telephone1"]


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_P9_the_next_newer_version_brings_a_new_person(world: World, table: str) -> None:
    """The same e-mail, another id, a history that begins anew."""
    record = world.create(table, lastname="Ek", emailaddress1="ek@example.com")
    world.sync()
    before = world.person(table, record).id
    delete(world, before)

    world.edit(table, record, jobtitle="CTO")
    world.cycle()

    after = world.person(table, record)
    assert ("ek@example.com", "CTO", table) == (after.email, world.fields(table, record)["title"], after.type)
    assert after.id > before
    assert [("New Person", None, None, None)] == world.log(after)
    world.cycle()
    assert [after.id] == people(world)


def test_P9_a_read_from_the_start_revives_nobody(world: World) -> None:
    """Neither after a lost token nor once a column is gone; the version it shows is known from then on."""
    world.do(MakeColumn(table="contact", column="new_colour", type="text"))
    world.select_fields("contact", ["new_colour"])
    contact = world.create("contact", lastname="Ek")
    world.sync()
    delete(world, world.person("contact", contact).id)

    world.edit("contact", contact, jobtitle="CTO")
    world.advance(days=8)
    nothing_is_fresh(world, Entity.CONTACT)
    world.sync()
    assert (LinkState.REMOVED, []) == (state_of(world, "contact", contact), people(world))

    world.do(RemoveColumn(table="contact", column="new_colour"))
    nothing_is_fresh(world, Entity.CONTACT)
    world.edit("contact", contact, jobtitle="CEO")
    world.sync()
    assert (LinkState.REMOVED, []) == (state_of(world, "contact", contact), people(world))

    world.edit("contact", contact, telephone1="1")
    world.cycle()
    assert "1" == world.fields("contact", contact)["phone"]


def test_P9_a_person_that_is_never_to_return_does_not(world: World) -> None:
    """Its record is set aside for ever, and listed."""
    contact = world.create("contact", lastname="Ek")
    world.sync()

    delete(world, world.person("contact", contact).id, never_return=True)
    world.edit("contact", contact, jobtitle="CTO")
    world.cycle()

    assert (LinkState.SUPERSEDED, []) == (state_of(world, "contact", contact), people(world))
    assert [(contact, None)] == [(link.crm_id, link.person_id) for link in world.subscription.state.links.set_aside()]


def test_P9_with_the_setting_nobody_returns(make_world) -> None:
    """Deleted without saying so."""
    world = make_world(never_return="true").connect()
    lead = world.create("lead", lastname="Ek")
    world.sync()

    delete(world, world.person("lead", lead).id)
    world.edit("lead", lead, jobtitle="CTO")
    world.cycle()

    assert (LinkState.REMOVED, []) == (state_of(world, "lead", lead), people(world))


def test_P9_a_removed_record_that_is_deleted_and_restored_brings_a_new_person(world: World) -> None:
    """The deletion in Dynamics concerns nobody; what comes back is a newer version."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    before = world.person("contact", contact).id
    delete(world, before)

    world.delete("contact", contact)
    deleted = world.cycle()
    world.create("contact", contactid=contact, lastname="Back")
    world.cycle()

    assert 0 == deleted.counts(Entity.CONTACT).deleted
    assert "Back" == world.fields("contact", contact)["lastName"]
    assert world.person("contact", contact).id > before


def test_P9_a_person_whose_record_was_deleted_is_deleted_too(world: World) -> None:
    """A restore of the record does not find the person any more (P8): it brings a new one."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    before = world.person("contact", contact).id
    world.delete("contact", contact)
    world.cycle()
    assert LinkState.SEVERED is state_of(world, "contact", contact)

    delete(world, before)
    world.create("contact", contactid=contact, lastname="Back")
    world.cycle()

    after = world.person("contact", contact)
    assert (True, False) == (after.id > before, after.is_deleted)


def test_P9_a_record_the_filter_keeps_out_brings_a_new_person_when_it_is_let_in(make_world) -> None:
    """No revives nobody; Yes is a newer version."""
    world = make_world().filter_column("contact").connect()
    contact = world.create("contact", lastname="Ek")
    world.sync()
    before = world.person("contact", contact).id
    delete(world, before)

    world.edit("contact", contact, new_synctomkto=False)
    world.cycle()
    assert [] == people(world)
    world.edit("contact", contact, new_synctomkto=True)
    world.cycle()

    assert world.person("contact", contact).id > before


def test_P9_a_contact_qualified_from_a_removed_lead_is_a_new_person(world: World) -> None:
    """One human, one new person, whichever of the two rows is read first."""
    lead = world.create("lead", lastname="Ek", subject="x")
    world.sync()
    before = world.person("lead", lead).id
    delete(world, before)

    contact = world.qualify(lead)
    world.cycle()

    (after,) = people(world)
    assert (after, True) == (world.person("contact", contact).id, after > before)


def test_P9_a_contact_whose_lead_is_unknown_returns_at_once(world: World) -> None:
    """It waited for its lead when it was read for the first time, and does not wait again."""
    lead = world.create("lead", lastname="Ek", subject="x")
    world.sync()
    contact = world.qualify(lead)
    world.cycle()
    delete(world, world.person("contact", contact).id)
    with world.subscription.database.transaction():
        world.subscription.database.script(f"delete from link where crm_id = '{lead}'")

    world.edit("contact", contact, jobtitle="CTO")
    world.cycle()

    assert "CTO" == world.fields("contact", contact)["title"]


def test_P9_a_removed_record_that_loses_a_merge_concerns_nobody(world: World) -> None:
    """The winner's person is as it was, and the winner speaks for the record from then on."""
    winner, loser = world.create("contact", lastname="Ek"), world.create("contact", lastname="Ekk")
    world.sync()
    kept = world.person("contact", winner).id
    delete(world, world.person("contact", loser).id)

    world.merge("contact", winner, loser)
    world.cycle()

    assert [kept] == people(world)
    assert [("New Person", None, None, None)] == world.log(kept)
    link = world.link("contact", loser)
    assert link is not None
    assert (LinkState.SUPERSEDED, winner) == (link.state, link.successor)


@pytest.mark.parametrize("never_return", [pytest.param(False, id="removed"), pytest.param(True, id="set aside")])
def test_P9_a_removed_record_that_wins_a_merge_takes_over_the_losers_person(world: World, never_return: bool) -> None:
    """P12: a winner without a person gives the loser's a record; the person goes on under its id."""
    winner, loser = world.create("contact", lastname="Ek", telephone1="1"), world.create("contact", lastname="Ekk")
    world.sync()
    goes_on = world.person("contact", loser).id
    delete(world, world.person("contact", winner).id, never_return=never_return)

    world.merge("contact", winner, loser, jobtitle="CTO")
    world.cycle()
    world.cycle()

    assert [goes_on] == people(world)
    assert (LinkState.LIVE, goes_on) == (state_of(world, "contact", winner), person_of(world, "contact", winner))
    if not never_return:
        held = world.fields("contact", winner)
        assert ("Ek", "1", "CTO") == (held["lastName"], held["phone"], held["title"])


def test_P9_roles_wait_for_the_new_person(world: World) -> None:
    """The opportunity is not read again; its primary contact, customer and stakeholder come back all the same (O2)."""
    account = world.create("account", name="Contoso")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    binds = {"parentcontactid__bind": f"/contacts({contact})", "customerid_contact__bind": f"/contacts({contact})"}
    deal = world.create("opportunity", name="Deal", **binds)
    world.create(
        "connection",
        record1id_opportunity__bind=f"/opportunities({deal})",
        record2id_contact__bind=f"/contacts({contact})",
    )
    world.sync()
    before = sorted((each["role"], each["isPrimary"]) for each in world.export("opportunityrole"))
    assert 3 == len(before)

    delete(world, world.person("contact", contact).id)
    assert [] == world.export("opportunityrole")
    assert [None] == [each["externalCompanyId"] for each in world.export("opportunity")]
    assert {"the person was deleted in marketing"} == {each[3] for each in world.subscription.state.waiting.counts()}
    world.edit("contact", contact, jobtitle="CTO")
    world.cycle()

    after = world.export("opportunityrole")
    assert before == sorted((each["role"], each["isPrimary"]) for each in after)
    assert {world.person("contact", contact).id} == {each["personId"] for each in after}
    assert [account] == [each["externalCompanyId"] for each in world.export("opportunity")]
    assert [] == world.subscription.state.waiting.counts()


def test_P9_a_person_only_in_marketing_is_gone_for_good(world: World) -> None:
    """There is no record that could bring it back; an id merged into it finds nobody either."""
    world.sync()
    person, merged = only_here(world, email="a@example.com"), only_here(world, firstName="Ann")
    merge(world, person, merged)

    delete(world, person)
    world.cycle()

    assert [] == people(world)
    assert [None, None] == [world.subscription.marketing.people.resolve(each) for each in (person, merged)]
    assert person + 2 <= only_here(world, email="a@example.com")


# Merged in marketing (P16) ------------------------------------------------------------------------------------------


def test_P16_the_winners_value_stands_else_the_losers(make_world) -> None:
    """Scores are added, logs joined, the old id finds the person; what the loser had and lost is journalled (R2)."""
    world = make_world()
    world.organisation.add_column("contact", "mkt_leadscore", "integer")
    world.connect().sync()
    winner = only_here(world, firstName="Ann", phone="1", leadScore="5")
    loser = only_here(world, firstName="Anna", email="ann@example.com", leadScore="7")

    merged = merge(world, winner, loser)

    assert Merged(record=None, set_aside=None, unsent=[]) == merged
    (held,) = world.export("person")
    assert (winner, "Ann", "1", "ann@example.com", 12) == tuple(
        held[name] for name in ("id", "firstName", "phone", "email", "leadScore")
    )
    assert ["New Person", "New Person", "Merge People"] == [entry[0] for entry in world.log(winner)]
    assert BY_HAND == world.subscription.marketing.people.activities(winner)[-1]["source"]
    assert winner == world.subscription.marketing.people.resolve(loser)
    assert [(winner, "firstName", '"Anna"', '"Ann"', "P16")] == [
        (each["person_id"], each["field"], each["marketing"], each["crm"], each["rule"])
        for each in world.subscription.state.journal.collisions()
    ]


def test_P16_without_the_setting_a_score_is_a_value_like_any_other(make_world) -> None:
    """The winner's stands, and the loser's is journalled."""
    world = make_world()
    world.organisation.add_column("contact", "mkt_leadscore", "integer")
    world.connect().sync()
    winner, loser = only_here(world, leadScore="5"), only_here(world, leadScore="7")

    merge(world, winner, loser, sum_scores=False)

    assert [5] == [each["leadScore"] for each in world.export("person")]
    assert [("leadScore", "7")] == [
        (each["field"], each["marketing"]) for each in world.subscription.state.journal.collisions()
    ]


def test_P16_two_linked_people_leave_one_record_set_aside(world: World) -> None:
    """It is listed, moves in neither direction and never brings a new person; nothing is merged in Dynamics."""
    first = world.create("contact", lastname="Ek")
    second = world.create("contact", lastname="Ekk", telephone1="1")
    world.sync()
    winner, loser = world.person("contact", first).id, world.person("contact", second).id

    merged = merge(world, winner, loser)
    world.cycle()
    world.edit("contact", second, jobtitle="CTO")
    edit(world, winner, city="Oslo")
    world.cycle()

    assert merged.set_aside is not None
    assert (second, ["phone"]) == (merged.set_aside.crm_id, merged.unsent)
    assert ([winner], LinkState.SUPERSEDED) == (people(world), state_of(world, "contact", second))
    assert [(second, winner)] == [(link.crm_id, link.person_id) for link in world.subscription.state.links.set_aside()]
    assert "title" not in world.fields("contact", first)
    assert ("1", "Oslo") == tuple(row(world, "contact", first)[name] for name in ("telephone1", "address1_city"))
    assert ("Ekk", None, False) == tuple(
        row(world, "contact", second).get(name) for name in ("lastname", "address1_city", "merged")
    )


def test_P16_if_only_the_loser_is_linked_its_record_is_the_winners(world: World) -> None:
    """The winner differs from what Dynamics holds: that is sent, and nothing else."""
    account = world.create("account", name="Contoso")
    contact = world.create(
        "contact",
        lastname="Ek",
        telephone1="1",
        jobtitle="CTO",
        parentcustomerid_account__bind=f"/accounts({account})",
    )
    world.sync()
    winner, loser = only_here(world, phone="2", city="Oslo"), world.person("contact", contact).id
    edit(world, loser, email="ek@example.com")

    merged = merge(world, winner, loser)

    link = world.link("contact", contact)
    assert link is not None
    assert (winner, LinkState.LIVE) == (link.person_id, link.state)
    assert {"phone": "1", "city": None, "email": None} == json.loads(link.base or "{}")
    assert ["city", "email", "phone"] == merged.unsent
    (held,) = world.export("person")
    assert ("contact", account, "Contoso", "CTO", "Ek") == tuple(
        held[name] for name in ("microsoftType", "externalCompanyId", "company", "title", "lastName")
    )
    report = world.cycle()
    there = row(world, "contact", contact)
    assert ("2", "Oslo", "ek@example.com", "CTO") == tuple(
        there[name] for name in ("telephone1", "address1_city", "emailaddress1", "jobtitle")
    )
    assert 1 == report.counts(Entity.CONTACT).pushed
    assert 0 == world.cycle().counts(Entity.CONTACT).pushed


def test_P16_a_field_only_dynamics_changes_is_what_the_record_holds(world: World) -> None:
    """The winner's own record was disqualified and deleted; the one it takes over is open."""
    kept = world.create("lead", lastname="Ek", subject="x")
    former = world.create("lead", lastname="Ekk", subject="x")
    world.edit("lead", former, statecode=2, statuscode=4)
    world.sync()
    winner, loser = world.person("lead", former).id, world.person("lead", kept).id
    world.delete("lead", former)
    world.cycle()

    merge(world, winner, loser)

    assert (winner, 0) == (world.person("lead", kept).id, world.fields("lead", kept)["leadStatus"])


@pytest.mark.parametrize("way", ["deleted", "set aside"])
def test_P11_nothing_a_record_waited_for_matters_any_more(world: World, way: str) -> None:
    """A qualified lead awaited its contact; its person is gone, or another record's now."""
    lead, other = (world.create("lead", lastname=name, subject="x") for name in ("Ek", "Ekk"))
    world.sync()
    person, state = world.person("lead", lead).id, world.subscription.state
    waiter = Waiter(Entity.LEAD, lead, "5f0c0d5e-0000-4000-8000-000000000001", CONTACT_OF_LEAD, None)
    with world.subscription.database.transaction():
        state.waiting.add([(waiter, "contact", None, "not synced")], at=world.subscription.now())

    if way == "deleted":
        delete(world, person)
    else:
        merge(world, world.person("lead", other).id, person)

    assert [] == state.waiting.counts()


@pytest.mark.parametrize(
    ("winner_state", "loser_state", "after"),
    [
        pytest.param("live", "live", ("live", "superseded"), id="both live: the loser's is set aside"),
        pytest.param(
            "parked", "live", ("parked", "superseded"), id="a parked record is a record: it stays the winner's"
        ),
        pytest.param("live", "parked", ("live", "superseded"), id="the loser's parked record is set aside"),
        pytest.param("severed", "live", ("severed", "live"), id="the winner's was deleted: it takes the loser's"),
        pytest.param("severed", "parked", ("severed", "parked"), id="and takes it parked"),
        pytest.param("live", "severed", ("live", "severed"), id="the loser's was deleted: the winner keeps its own"),
        pytest.param(
            "severed", "severed", ("severed", "severed"), id="both were deleted: the winner may get either back"
        ),
    ],
)
def test_P16_whatever_became_of_the_two_records(
    make_world, winner_state: str, loser_state: str, after: tuple[str, str]
) -> None:
    """One person, the winner, has both records' links; at most one is in force, and it decides type and flag."""
    world = make_world().filter_column("contact").connect()
    records = [world.create("contact", lastname=name) for name in ("Ek", "Ekk")]
    world.sync()
    winner, loser = (world.person("contact", each).id for each in records)
    for record, state in zip(records, (winner_state, loser_state), strict=True):
        if state == "parked":
            world.edit("contact", record, new_synctomkto=False)
        elif state == "severed":
            world.delete("contact", record)
    world.cycle()

    merge(world, winner, loser)
    world.cycle()

    assert after == tuple(state_of(world, "contact", each).value for each in records)
    assert [winner, winner] == [person_of(world, "contact", each) for each in records]
    (held,) = world.export("person")
    is_deleted = set(after) == {"severed"}
    assert (None if is_deleted else "contact", is_deleted) == (held["microsoftType"], held["microsoftIsDeleted"])


def test_P16_a_deleted_record_of_the_loser_comes_back_to_the_winner(world: World) -> None:
    """The winner has no record: the restored one is its own, and an edit made meanwhile is not lost."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    loser = world.person("contact", contact).id
    world.delete("contact", contact)
    world.cycle()
    winner = only_here(world, phone="2")
    merge(world, winner, loser)
    assert [(None, True)] == [(each["microsoftType"], each["microsoftIsDeleted"]) for each in world.export("person")]

    world.create("contact", contactid=contact, lastname="Ek", telephone1="1")
    world.cycle()

    assert (winner, "contact") == (world.person("contact", contact).id, world.person("contact", contact).type)
    assert "2" == world.fields("contact", contact)["phone"] == row(world, "contact", contact)["telephone1"]


def test_P16_two_deleted_records_of_one_person_are_restored_at_once(world: World) -> None:
    """One becomes the person's again, the other is set aside: no page fails over it."""
    records = [world.create("contact", lastname=name) for name in ("Ek", "Ekk")]
    world.sync()
    winner, loser = (world.person("contact", each).id for each in records)
    for each in records:
        world.delete("contact", each)
    world.cycle()
    merge(world, winner, loser)

    for each in records:
        world.create("contact", contactid=each, lastname="Back")
    world.cycle()

    assert {LinkState.LIVE, LinkState.SUPERSEDED} == {state_of(world, "contact", each) for each in records}
    assert [winner] == people(world)


def test_P16_records_that_are_merged_in_dynamics_as_well_are_set_aside_no_more(world: World) -> None:
    """The record has a successor there: nobody needs to look at it."""
    first, second = world.create("contact", lastname="Ek"), world.create("contact", lastname="Ekk")
    world.sync()
    winner = world.person("contact", first).id
    merge(world, winner, world.person("contact", second).id)

    world.merge("contact", first, second)
    world.cycle()

    assert [] == world.subscription.state.links.set_aside()
    assert ([winner], LinkState.LIVE) == (people(world), state_of(world, "contact", first))


def test_P16_a_record_set_aside_that_wins_the_merge_in_dynamics_is_the_persons_again(world: World) -> None:
    """Somebody chose the other record there: the person goes on as that one, with its values (P12)."""
    first, second = world.create("contact", lastname="Ek"), world.create("contact", lastname="Ekk", jobtitle="CTO")
    world.sync()
    winner = world.person("contact", first).id
    merge(world, winner, world.person("contact", second).id)
    world.cycle()

    world.merge("contact", second, first)
    world.cycle()
    world.edit("contact", second, jobtitle="CEO")
    world.cycle()

    assert (winner, LinkState.LIVE) == (person_of(world, "contact", second), state_of(world, "contact", second))
    assert ("Ekk", "CEO") == tuple(world.fields("contact", second)[name] for name in ("lastName", "title"))


def test_P12_a_former_record_that_loses_a_merge_leaves_its_person_where_it_is(world: World) -> None:
    """The person goes on as another record since; two records in force for one person there must never be."""
    former, present, other = (world.create("contact", lastname=name) for name in ("Ek", "Ekk", "Ekkk"))
    world.sync()
    winner, loser = world.person("contact", former).id, world.person("contact", present).id
    world.delete("contact", former)
    world.cycle()
    merge(world, winner, loser)

    world.create("contact", contactid=former, lastname="Back")
    world.merge("contact", other, former)
    world.cycle()

    assert (winner, LinkState.LIVE) == (person_of(world, "contact", present), state_of(world, "contact", present))
    assert {winner, world.person("contact", other).id} == set(people(world))


def test_P12_a_value_only_marketing_has_is_journalled_where_the_winner_has_another(world: World) -> None:
    """Nothing overwritten is gone, whoever merged the two (R2)."""
    first, second = world.create("contact", lastname="Ek"), world.create("contact", lastname="Ek")
    world.sync()
    for record, rating in ((first, "Hot"), (second, "Cold")):
        edit(world, world.person("contact", record).id, rating=rating)

    world.merge("contact", first, second)
    world.cycle()

    assert [("rating", "3", "1", "P12")] == [
        (each["field"], each["marketing"], each["crm"], each["rule"])
        for each in world.subscription.state.journal.collisions()
    ]


def test_P16_what_was_noted_of_the_loser_goes_on_or_ends(world: World) -> None:
    """Journal and roles are the winner's; the loser is neither nominated nor in the change feed any more."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    deal = world.create("opportunity", name="Deal", parentcontactid__bind=f"/contacts({contact})")
    world.sync()
    loser = world.person("contact", contact).id
    edit(world, loser, phone="2")
    world.edit("contact", contact, telephone1="3")
    world.cycle()
    edit(world, loser, phone="4")
    state, marketing = world.subscription.state, world.subscription.marketing
    with world.subscription.database.transaction():
        state.nominations.add([loser], Lane.RETRY, at=world.subscription.now())
    winner = only_here(world, email="ek@example.com")

    merge(world, winner, loser)

    assert [winner] == [each["person_id"] for each in state.journal.collisions()]
    assert [(deal, winner)] == [
        (each["externalOpportunityId"], each["personId"]) for each in world.export("opportunityrole")
    ]
    assert state.nominations.of_people([loser]) == {}
    assert {winner} == {person for _, person, _ in marketing.people.feed()}


# Refusals -----------------------------------------------------------------------------------------------------------


def intent(world: World, person: int, record: str, action: str | None = None) -> Intent:
    """A creation of a contact for a person, asked for by an action."""
    if action is not None:
        world.subscription.state.actions.begin(action, "sync-person", person, at=world.subscription.now())
    return Intent(record, Entity.CONTACT, person, IntentKind.CREATE, {}, action_id=action)


@pytest.mark.parametrize("way", ["deleted", "the winner", "the loser"])
def test_R2_a_person_that_is_being_written_is_refused_until_the_answer_is_there(world: World, way: str) -> None:
    """The answer must find whoever it was sent for; nothing is changed."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    person, other = world.person("contact", contact).id, only_here(world, firstName="Ann")
    state = world.subscription.state
    with world.subscription.database.transaction():
        state.intents.begin(
            [Intent(contact, Entity.CONTACT, person, IntentKind.UPDATE, {"phone": "1"})], at=world.subscription.now()
        )
    before = stored(world)

    with pytest.raises(WriteUnderWay, match=f"Person {person} is being written"):
        {
            "deleted": lambda: delete(world, person),
            "the winner": lambda: merge(world, person, other),
            "the loser": lambda: merge(world, other, person),
        }[way]()

    assert before == stored(world)
    with world.subscription.database.transaction():
        state.intents.end(state.intents.begun())
    delete(world, person)
    assert [other] == people(world)


@pytest.mark.parametrize("way", ["deleted", "merged"])
def test_F1_a_creation_that_was_asked_for_ends_with_the_person(world: World, way: str) -> None:
    """Nothing of it was sent yet; whoever asked is told."""
    world.sync()
    person, other = only_here(world, lastName="Ek"), only_here(world, lastName="Ekk")
    state, record = world.subscription.state, "5f0c0d5e-0000-4000-8000-000000000001"
    with world.subscription.database.transaction():
        state.intents.want(intent(world, person, record, "asked"), at=world.subscription.now())

    if way == "deleted":
        delete(world, person)
    else:
        merge(world, other, person)

    assert {} == state.intents.of_people([person])
    assert ("sync-person", person, "refused", f"the person was {way}") == (state.actions.of("asked") or ())[:4]


def test_F1_a_winner_that_takes_over_a_record_needs_no_other_one(world: World) -> None:
    """Its own creation was asked for and not begun: it would make a second record of one human."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    winner, loser = only_here(world, lastName="Ek"), world.person("contact", contact).id
    state, record = world.subscription.state, "5f0c0d5e-0000-4000-8000-000000000001"
    with world.subscription.database.transaction():
        state.intents.want(intent(world, winner, record, "asked"), at=world.subscription.now())

    merge(world, winner, loser)
    world.cycle()

    assert {} == state.intents.of_people([winner])
    assert {} == row(world, "contact", record)


@pytest.mark.parametrize(
    ("winner", "loser", "problem", "said"),
    [
        pytest.param(77, 1, UnknownPerson, "There is no person 77", id="nobody as the winner"),
        pytest.param(1, 77, UnknownPerson, "There is no person 77", id="nobody as the loser"),
        pytest.param(3, 1, UnknownPerson, "Person 3 was merged into person 2", id="somebody merged away"),
        pytest.param(1, 1, NotMergeable, "Person 1 cannot be merged with itself", id="oneself"),
    ],
)
def test_P16_a_refused_merge_changes_nothing(
    world: World, winner: int, loser: int, problem: type[TandemError], said: str
) -> None:
    """The sentence names who it is about."""
    world.sync()
    assert [1, 2, 3] == [only_here(world, firstName=name) for name in ("Ann", "Bo", "Cy")]
    merge(world, 2, 3)
    before = stored(world)

    with pytest.raises(problem, match=said) as refused:
        merge(world, winner, loser)

    assert refused.value.remedy
    assert before == stored(world)


@pytest.mark.parametrize(
    ("person", "said"),
    [pytest.param(77, "There is no person 77", id="nobody"), pytest.param(1, "There is no person 1", id="deleted")],
)
def test_F5_somebody_who_is_not_there_cannot_be_deleted(world: World, person: int, said: str) -> None:
    """A second deletion says so, and the log still has its one entry."""
    world.sync()
    assert 1 == only_here(world, firstName="Ann")
    delete(world, 1)

    with pytest.raises(UnknownPerson, match=said):
        delete(world, person)

    assert [("Delete Person", None, None, None)] == world.log(1)


def test_F5_held_fields_and_holds_end_with_the_person(world: World) -> None:
    """Nobody is asked about somebody who is gone."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    person, state = world.person("contact", contact).id, world.subscription.state
    with world.subscription.database.transaction():
        hold = state.journal.add_hold(
            "ping-pong", Entity.CONTACT, count=1, known=1, brake=0, at="2026-01-01T00:00:00Z", person_id=person,
            field="phone",
        )  # fmt: skip
        state.held_fields.hold([(person, "phone")], hold)
        world.subscription.marketing.people.log([Activity(person, ActivityType.CONFLICT)], at="2026-01-01T00:00:00Z")

    delete(world, person)

    assert [] == state.journal.holds()
    assert {} == state.held_fields.of_people([person])
