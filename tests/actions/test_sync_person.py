"""Sync Person to Microsoft: what becomes of a person, each of whose requests acts once (rules F1, P2, P10, P11, R2)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
from tandem.actions.requests import RequestIdTaken, RequestState
from tandem.model.entities import Entity
from tandem.runtime.acting import acting
from tandem.sandbox.automation.plug_ins import Refuse
from tandem.sandbox.door.automation import Unplug
from tandem.sandbox.door.operations import Privilege
from tandem.sync.edits import Edits, UnknownPerson
from tandem.sync.removing import Removing
from tandem.testing.world import World

DONE, REFUSED, BEGUN = RequestState.DONE, RequestState.REFUSED, RequestState.BEGUN
LEAD, CONTACT = Entity.LEAD, Entity.CONTACT


def quiet(world: World) -> bool:
    """Does a cycle find nothing to do: nothing to write, nothing new, nobody made?"""
    counts = world.cycle().entities.values()
    return sum(each.pushed + each.created + each.updated + each.failed for each in counts) == 0


def link_of(world: World, person: int) -> Any:
    """The record a person has."""
    return world.subscription.state.links.of_people([person]).get(person)


# A record is made ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "table"), [(None, LEAD), (LEAD, LEAD), (CONTACT, CONTACT)], ids=["nothing said", "lead", "contact"]
)
def test_F1_a_person_only_in_marketing_becomes_what_is_asked_for(
    world: World, marketer: Any, wanted: Entity | None, table: Entity
) -> None:
    """With its values, linked, logged once; a lead where nothing is said. The cycles after it find nothing to do."""
    person = marketer.create(lastname="Ek", email="ek@example.com", phone="+46 1")

    acted = marketer.sync(person, wanted)

    (record,) = marketer.records(table, "Ek")
    assert (DONE, "created", table, record[f"{table}id"]) == (
        acted.state,
        acted.outcome,
        acted.record,
        acted.record_id,
    )
    assert ("ek@example.com", "+46 1") == (record["emailaddress1"], record["telephone1"])
    assert table == world.person(table, acted.record_id).type
    assert [{"as": table, "outcome": "created", "owner": None}] == marketer.told(person)
    assert [True, True] == [quiet(world), quiet(world)]


def test_P2_nobody_is_sent_without_being_asked_for(world: World, marketer: Any) -> None:
    """A new person stays in marketing; once linked, its edits flow."""
    person = marketer.create(lastname="Ek")
    world.cycle()
    before = marketer.records(LEAD, "Ek")
    marketer.sync(person)
    marketer.edit(person, city="Umeå")
    world.cycle()

    assert [] == before
    assert ["Umeå"] == [each["address1_city"] for each in marketer.records(LEAD, "Ek")]


def test_P10_a_person_deleted_in_dynamics_gets_a_new_record(world: World, marketer: Any) -> None:
    """As asked; Microsoft Is Deleted becomes false, and the deleted record coming back doubles nobody."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.cycle()
    person = world.person("lead", lead).id
    world.delete("lead", lead)
    world.cycle()
    deleted = world.subscription.marketing.people.get([person])[person]

    acted = marketer.sync(person, CONTACT)

    after = world.subscription.marketing.people.get([person])[person]
    assert (None, True) == (deleted.type, deleted.is_deleted)
    assert ("contact", False) == (after.type, after.is_deleted)
    assert ["Ek"] == [each["lastname"] for each in marketer.records(CONTACT, "Ek")]
    assert (DONE, CONTACT) == (acted.state, acted.record)
    assert quiet(world)


# A record is there --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [LEAD, CONTACT])
def test_F1_a_linked_person_stays_what_it_is(world: World, marketer: Any, table: Entity) -> None:
    """Said, and no error; nothing is written."""
    record = world.create(table, lastname="Ek")
    world.cycle()
    person, before = world.person(table, record).id, world.organisation.version

    acted = marketer.sync(person, LEAD)

    assert (DONE, "already linked", table, record) == (acted.state, acted.outcome, acted.record, acted.record_id)
    assert before == world.organisation.version
    assert [{"as": table, "outcome": "already linked", "owner": None}] == marketer.told(person)


def test_F1_a_lead_asked_for_as_a_contact_is_qualified(world: World, marketer: Any) -> None:
    """A contact only; the same person goes on with it, and what was not sent yet goes to the lead first (P11)."""
    lead = world.create("lead", lastname="Ek", subject="Visit", companyname="Ek AB")
    world.cycle()
    person = world.person("lead", lead).id
    marketer.edit(person, city="Umeå")

    acted = marketer.sync(person, CONTACT)

    (contact,) = marketer.records(CONTACT, "Ek")
    assert (DONE, "qualified", CONTACT, contact["contactid"]) == (
        acted.state,
        acted.outcome,
        acted.record,
        acted.record_id,
    )
    assert (lead, "Umeå") == (contact["originatingleadid"], contact["address1_city"])
    assert [] == world.organisation.find("account", "name", "Ek AB")
    assert person == world.person("contact", contact["contactid"]).id
    assert [{"as": "contact", "outcome": "qualified", "owner": None}] == marketer.told(person)
    assert [True, True] == [quiet(world), quiet(world)]


def test_F1_a_closed_lead_is_not_qualified(world: World, marketer: Any) -> None:
    """The reason stands in the answer, in the person's log and among the errors; the person stays a lead."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.edit("lead", lead, statecode=2, statuscode=4)
    world.cycle()
    person = world.person("lead", lead).id

    acted = marketer.sync(person, CONTACT)

    assert (REFUSED, LEAD, lead) == (acted.state, acted.record, acted.record_id)
    assert "closed" in acted.outcome
    assert [("failed", acted.outcome)] == [(each["outcome"], each["reason"]) for each in marketer.told(person)]
    (error,) = world.subscription.state.journal.errors()
    assert ("qualify", "state-conflict", person) == (error["operation"], error["code"], error["person_id"])
    assert [] == marketer.records(CONTACT, "Ek")
    assert [] == world.subscription.state.intents.begun()


def test_F1_an_error_of_qualifying_heals_when_it_is_done(world: World, marketer: Any) -> None:
    """The lead is opened again, and asked for once more."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.edit("lead", lead, statecode=2, statuscode=4)
    world.cycle()
    person = world.person("lead", lead).id
    marketer.sync(person, CONTACT)
    world.edit("lead", lead, statecode=0, statuscode=1)

    acted = marketer.sync(person, CONTACT)

    assert (DONE, "qualified") == (acted.state, acted.outcome)
    assert ["healed"] == [each["state"] for each in world.subscription.state.journal.errors()]


# It is refused ------------------------------------------------------------------------------------------------------


def test_F1_a_parked_person_is_refused(world: World, marketer: Any) -> None:
    """Its record says No: nothing moves in either direction (D8)."""
    world.filter_column("lead")
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.sync()
    world.edit("lead", lead, new_synctomkto=False)
    world.cycle()
    person = world.person("lead", lead).id

    acted = marketer.sync(person, CONTACT)

    assert REFUSED == acted.state
    assert acted.outcome.startswith("The sync filter says No")
    assert ["failed"] == [each["outcome"] for each in marketer.told(person)]
    assert [] == marketer.records(CONTACT, "Ek")


def test_F1_a_table_that_cannot_be_read_is_not_written(world: World, marketer: Any) -> None:
    """Nobody could see what became of it."""
    world.filter_column("contact")
    world.secure("contact", "new_synctomkto")
    person = marketer.create(lastname="Ek")

    acted = marketer.sync(person, CONTACT)

    assert (REFUSED, "A table it takes cannot be read: `tandem validate` says why.") == (acted.state, acted.outcome)
    assert [] == marketer.records(CONTACT, "Ek")


def test_P7_a_required_field_that_is_empty_is_named_and_the_wish_stands(world: World, marketer: Any) -> None:
    """Given a value, the person is sent by the next cycle, and the request is done."""
    person = marketer.create(email="ek@example.com")
    refused = marketer.sync(person, request="first")
    marketer.edit(person, lastname="Ek")
    world.cycle()
    acted = marketer.sync(person, request="first")

    assert (REFUSED, "lastName is required in Dynamics and would be empty.") == (refused.state, refused.outcome)
    assert ["Ek"] == [each["lastname"] for each in marketer.records(LEAD, "Ek")]
    assert (DONE, "created") == (acted.state, acted.outcome)
    assert ["failed", "created"] == [each["outcome"] for each in marketer.told(person)]
    assert {"healed"} == {each["state"] for each in world.subscription.state.journal.errors()}


@pytest.mark.parametrize("reason", ["a plug-in", "a duplicate rule", "a missing right"])
def test_P7_a_creation_that_dynamics_refuses_stays_wanted(world: World, marketer: Any, reason: str) -> None:
    """With its reason; it is not tried in every cycle, and a new request, once the cause has gone, makes one record."""
    person = marketer.create(lastname="Ek", email="ek@example.com")
    world.cycle()
    if reason == "a plug-in":
        world.plug_in(Refuse(table="lead", message="Not on Fridays."))
    elif reason == "a duplicate rule":
        world.detect_duplicates("lead")
        other = world.create("lead", lastname="Ekman", subject="Visit", emailaddress1="ek@example.com")
    else:
        world.do(Privilege(privilege="prvCreateLead"))
    refused = marketer.sync(person)
    pushed = [world.cycle(), world.cycle()]

    if reason == "a plug-in":
        assert "Not on Fridays." in refused.outcome
        world.do(Unplug())
    elif reason == "a duplicate rule":
        world.delete("lead", other)
    else:
        world.do(Privilege(privilege="prvCreateLead", depth="Global"))
    acted = marketer.sync(person)

    assert (REFUSED, None) == (refused.state, refused.record)
    assert [0, 0] == [each.counts(LEAD).failed for each in pushed]
    assert (DONE, "created") == (acted.state, acted.outcome)
    assert 1 == len(marketer.records(LEAD, "Ek"))
    assert ["failed", "created"] == [each["outcome"] for each in marketer.told(person)]


def test_F1_a_wish_that_was_refused_can_be_changed(world: World, marketer: Any) -> None:
    """Asked for as a contact after a lead was refused: one contact, no lead, also after the cause has gone."""
    person = marketer.create(lastname="Ek")
    world.plug_in(Refuse(table="lead"))
    marketer.sync(person, LEAD)

    acted = marketer.sync(person, CONTACT)
    world.do(Unplug())
    marketer.edit(person, city="Umeå")
    world.cycle()

    assert (DONE, CONTACT) == (acted.state, acted.record)
    assert (0, 1) == (len(marketer.records(LEAD, "Ek")), len(marketer.records(CONTACT, "Ek")))


def test_F1_a_wish_ends_when_the_person_gets_a_record_otherwise(make_marketer: Callable[..., Any]) -> None:
    """A lead was refused, then a record with the same e-mail was linked (P1): no second one is made, nor wanted."""
    marketer = make_marketer(match_email="true")
    world, person = marketer.world, marketer.create(lastname="Ek", email="ek@example.com")
    world.plug_in(Refuse(table="lead"))
    refused = marketer.sync(person, request="first")
    contact = world.create("contact", lastname="Ek", emailaddress1="ek@example.com")
    world.cycle()
    world.do(Unplug())

    acted = marketer.sync(person)

    assert REFUSED is refused.state
    assert ("already linked", CONTACT, contact) == (acted.outcome, acted.record, acted.record_id)
    assert {} == world.subscription.state.intents.of_people([person])
    assert [] == marketer.records(LEAD, "Ek")


def test_F1_an_unknown_person_is_refused_and_nothing_is_stored(world: World, marketer: Any) -> None:
    """Nobody, or somebody merged away: whose id it is now is said."""
    winner, loser = marketer.create(lastname="Ek"), marketer.create(lastname="Ekman")
    subscription = world.subscription
    Removing(subscription.database, subscription.marketing, subscription.state).merge(
        winner, loser, at=subscription.now()
    )

    with pytest.raises(UnknownPerson, match="There is no person 999"):
        marketer.sync(999, request="first")
    with pytest.raises(UnknownPerson, match=f"was merged into person {winner}"):
        marketer.sync(loser, request="second")

    assert [None, None] == [subscription.state.actions.of(each) for each in ("first", "second")]


# Who owns it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("called", ["id", "email", "name", "team"])
def test_F1_a_new_record_can_be_given_an_owner(world: World, marketer: Any, called: str) -> None:
    """A user by id, e-mail or name, or a team; the person belongs to it at once (P13)."""
    user = world.create("systemuser", firstname="Sam", lastname="Sale", internalemailaddress="sam@example.com")
    team = world.create("team", name="North", teamtype=0)
    world.cycle()
    person = marketer.create(lastname="Ek")

    acted = marketer.sync(
        person, owner={"id": user.upper(), "email": "Sam@Example.com", "name": "sam sale", "team": "North"}[called]
    )

    owner = team if called == "team" else user
    (record,) = marketer.records(LEAD, "Ek")
    after = world.person("lead", acted.record_id or "")
    assert owner == record["ownerid"]
    assert owner == (after.team_id if called == "team" else after.external_sales_person_id)
    assert [owner] == [each["owner"] for each in marketer.told(person)]


def test_F1_who_cannot_own_is_refused_with_the_reason(world: World, marketer: Any) -> None:
    """Nobody, one of two, somebody disabled, an access team, a deleted team; no record is made."""
    world.create("systemuser", firstname="Kim", lastname="Old", internalemailaddress="kim@example.com", isdisabled=True)
    for name in ("Sam", "Sam"):
        world.create("systemuser", firstname=name, lastname="Sale")
    world.create("team", name="Access", teamtype=1)
    gone = world.create("team", name="Gone", teamtype=0)
    world.cycle()
    world.delete("team", gone)
    world.cycle()
    person = marketer.create(lastname="Ek")
    reasons = {
        "nobody@example.com": "There is no user or team",
        "Sam Sale": "2 users and teams are called",
        "kim@example.com": "the user is disabled",
        "Access": "it is an access team",
        "Gone": "the team was deleted in Dynamics",
    }

    found = {owner: marketer.sync(person, owner=owner) for owner in reasons}

    assert {REFUSED} == {each.state for each in found.values()}
    for owner, reason in reasons.items():
        assert reason in found[owner].outcome
    assert [] == marketer.records(LEAD, "Ek")
    assert 5 == len(marketer.told(person))


def test_F1_an_owner_that_dynamics_does_not_have_any_more_is_a_refusal(world: World, marketer: Any) -> None:
    """Deleted since the last cycle; the next request names another one."""
    team = world.create("team", name="North", teamtype=0)
    user = world.create("systemuser", firstname="Sam", lastname="Sale")
    world.cycle()
    world.delete("team", team)
    person = marketer.create(lastname="Ek")

    refused, acted = marketer.sync(person, owner="North"), marketer.sync(person, owner="Sam Sale")

    assert (REFUSED, None) == (refused.state, refused.record)
    assert (DONE, "created") == (acted.state, acted.outcome)
    assert [user] == [each["ownerid"] for each in marketer.records(LEAD, "Ek")]


# The same request ---------------------------------------------------------------------------------------------------


def test_F1_the_same_request_never_acts_twice(world: World, marketer: Any) -> None:
    """It is answered with its outcome, and asks Dynamics nothing; under its id nothing else can be asked for."""
    person, other = marketer.create(lastname="Ek"), marketer.create(lastname="Ekman")
    first = marketer.sync(person, request="first")
    world.fault("reset-before", times=None)

    assert first == marketer.sync(person, request="first")
    with pytest.raises(RequestIdTaken, match=f"sync-person of person {person}"):
        marketer.sync(other, request="first")
    assert 1 == len(marketer.told(person))


def test_F1_a_request_without_an_id_gets_one(marketer: Any) -> None:
    """Two of them are two requests: the second finds the record of the first."""
    person = marketer.create(lastname="Ek")
    first, second = marketer.sync(person), marketer.sync(person)

    assert first.request != second.request
    assert ["created", "already linked"] == [first.outcome, second.outcome]
    assert first.record_id == second.record_id


def test_F1_a_person_is_sent_before_the_first_cycle_has_read_anything(tmp_path: Path) -> None:
    """The first cycle was cut off after the fields were known; nothing was read by then."""
    with World(tmp_path) as world:
        world.connect()
        subscription = world.subscription
        with acting(subscription) as (engine, context):
            engine.tables()
            edits = Edits(subscription.database, subscription.marketing, subscription.state)
            person = edits.create([("subject", "Visit"), ("lastname", "Early")], at=subscription.now())

            acted = perform(engine, context, Action.SYNC_PERSON, person, {})

        assert RequestState.DONE == acted.state
        assert 1 == len(world.organisation.find("lead", "lastname", "Early"))
