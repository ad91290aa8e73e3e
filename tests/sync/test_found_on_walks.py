"""Where random walks broke a promise once, each told as the shortest way there (rules P4, P8, P12, S2, R2, R6)."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.registry import go_on, perform
from tandem.mapping.fields import Policy
from tandem.model.entities import Entity
from tandem.rules.presence import LinkState
from tandem.state.queues import Intent, IntentKind, Lane
from tandem.sync.edits import Edits
from tandem.sync.reading import TableReader
from tandem.sync.removing import Removing
from tandem.testing.fake_world import FakeWorld
from tandem.testing.world import World

NEW = "5ca1ab1e-0000-4000-8000-000000000001"
"""The id chosen for a record that is to be made."""


def test_P4_a_column_given_back_collides_before_anything_is_written_to_it(world: World) -> None:
    """What it was set to while nobody could read it is not written over unseen, although its version is known."""
    contact = world.create("contact", lastname="Ek", telephone1="1", jobtitle="Buyer")
    world.sync()
    world.secure("contact", "telephone1")
    world.cycle()
    world.edit("contact", contact, telephone1="3")
    world.edit_person("contact", contact, phone="2")
    world.cycle()

    world.secure("contact", "telephone1", secured=False)
    world.edit_person("contact", contact, title="CTO")
    world.cycle()

    row = world.row("contact", contact)
    assert ("3", "CTO") == (row["telephone1"], row["jobtitle"])
    assert {"phone": "3", "title": "CTO"}.items() <= world.fields("contact", contact).items()
    assert ['"2"'] == [each["marketing"] for each in world.subscription.state.journal.collisions()]


def test_R2_whoever_has_a_record_again_is_written_under_an_intent_of_its_own(world: World, before_writing) -> None:
    """The record was deleted, another one asked for, and the deleted one restored before that was made (P8, P10)."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.create("lead", lastname="Stays", subject="Visit")
    world.sync()
    world.delete("lead", lead)
    world.cycle()
    state, at = world.subscription.state, world.subscription.now()
    person = world.person("lead", lead).id
    with world.subscription.database.transaction():
        state.actions.begin("asked", "sync-person", person, at=at)
        state.intents.want(Intent(NEW, Entity.LEAD, person, IntentKind.CREATE, {}, None, "asked"), at=at)
    world.create("lead", leadid=lead, lastname="Ek", subject="Visit")
    world.edit_person("lead", lead, phone="2")
    under_way = list[Intent]()
    before_writing(lambda: under_way.extend(state.intents.begun()))

    world.cycle()

    assert [(lead, IntentKind.UPDATE)] == [(each.crm_id, each.kind) for each in under_way]
    assert "2" == world.row("lead", lead)["telephone1"]
    assert [] == state.intents.wanted()
    assert ("done", "already linked") == (state.actions.of("asked") or ())[2:4]


def test_P12_whoever_goes_on_as_a_record_that_was_passed_over_has_its_values(world: World) -> None:
    """The winner's person was deleted for ever here, so what was read of the winner was noted and no more."""
    winner, loser = (world.create("contact", lastname=name, jobtitle="Buyer") for name in ("Ek", "Eek"))
    world.sync()
    subscription = world.subscription
    removing = Removing(subscription.database, subscription.marketing, subscription.state)
    removing.delete(world.person("contact", winner).id, never_return=True, at=subscription.now())
    world.edit("contact", winner, jobtitle="CTO")
    world.cycle()
    person = world.person("contact", loser).id

    world.merge("contact", winner, loser)
    world.cycle()

    link = world.link("contact", winner)
    assert link is not None
    assert (LinkState.LIVE, person, world.row("contact", winner)["versionnumber"]) == (
        link.state,
        link.person_id,
        link.version,
    )
    assert ("CTO", "Ek") == tuple(world.fields("contact", winner)[name] for name in ("title", "lastName"))


def test_P12_a_winner_that_lost_to_a_record_which_is_gone_speaks_for_itself(world: World) -> None:
    """Its person got another record since (P10), and that one loses to it."""
    gone, winner = (world.create("contact", lastname=name) for name in ("Gone", "Ek"))
    world.sync()
    world.merge("contact", gone, winner)
    world.cycle()
    world.delete("contact", gone)
    world.edit("contact", winner, statecode=0)
    world.cycle()
    person, state, at = world.person("contact", gone).id, world.subscription.state, world.subscription.now()
    with world.subscription.database.transaction():
        state.intents.want(Intent(NEW, Entity.CONTACT, person, IntentKind.CREATE, {}), at=at)
        state.nominations.add([person], Lane.FRESH, at=at)
    world.cycle()

    world.merge("contact", winner, NEW)
    world.cycle()

    link = state.links.of_people([person])[person]
    assert (winner, world.row("contact", winner)["versionnumber"]) == (link.crm_id, link.version)


def test_R6_a_value_of_dynamics_that_an_approved_hold_writes_over_is_kept(world: World) -> None:
    """It changed again while the field was held, so the collision that led to the hold does not know it."""
    world.choose("contact", "telephone1", policy=Policy.HOLD)
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.edit_person("contact", contact, phone="2")
    world.edit("contact", contact, telephone1="3")
    world.cycle()
    world.edit("contact", contact, telephone1="4")
    world.cycle()

    [hold] = world.open_holds()
    world.approve(hold)
    world.cycle()

    assert "2" == world.row("contact", contact)["telephone1"]
    journal = world.subscription.state.journal.collisions()
    assert {('"3"', "marketing"), ('"4"', "marketing")} == {(each["crm"], each["winner"]) for each in journal}


def test_R6_a_held_field_in_which_both_sides_come_to_agree_is_free_again(world: World) -> None:
    """Here by an edit in marketing, after which Dynamics has nothing more to say."""
    world.choose("contact", "telephone1", policy=Policy.HOLD)
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.edit_person("contact", contact, phone="2")
    world.edit("contact", contact, telephone1="3")
    world.cycle()

    world.edit_person("contact", contact, phone="3")
    world.cycle()

    assert [] == world.open_holds()
    assert {} == world.subscription.state.held_fields.of_people([world.person("contact", contact).id])


def test_P12_the_opportunity_of_a_merged_customer_follows_the_person_who_stays(world: World) -> None:
    """Its row names a record that was merged away before and reactivated: no later merge touches that (O1)."""
    old, new = (world.create("account", name=name) for name in ("Old", "New"))
    first, second, third = (
        world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
        for account in (old, old, new)
    )
    world.sync()
    world.merge("contact", second, first)
    world.edit("contact", first, statecode=0, statuscode=1)
    deal = world.create("opportunity", name="Deal", customerid_contact__bind=f"/contacts({first})")
    world.cycle()
    assert [old] == [each["externalCompanyId"] for each in world.export("opportunity")]

    world.merge("contact", third, second)
    world.cycle()

    assert first == world.row("opportunity", deal)["customerid"]
    assert [new] == [each["externalCompanyId"] for each in world.export("opportunity")]


def test_S2_what_was_deleted_before_a_first_copy_was_begun_once_more_is_gone(world: World, monkeypatch) -> None:
    """It was read as a fresh edit after the copy was begun for the first time, so it is known and never listed."""
    world.create("lead", lastname="Stays", subject="Visit")
    store = TableReader._store

    def dies(reader: TableReader, *page: Any) -> None:
        if reader.stream.entity is Entity.LEAD:
            raise KeyboardInterrupt
        store(reader, *page)

    monkeypatch.setattr(TableReader, "_store", dies)
    with pytest.raises(KeyboardInterrupt):
        world.cycle()
    fresh = world.create("lead", lastname="Ek", subject="Visit")
    with world.engine() as (engine, _):
        engine.cycle(backfill=False)
    world.delete("lead", fresh)
    monkeypatch.setattr(TableReader, "_store", store)

    world.sync()

    link = world.link("lead", fresh)
    assert link is not None
    assert LinkState.SEVERED is link.state


def test_P8_a_restored_record_that_is_merged_at_once_brings_its_person_back_as_the_parked_winner(world: World) -> None:
    """Between two reads: only the loser's end is seen, and its person is not deleted any more (P12, D10)."""
    world.filter_column("contact")
    loser = world.create("contact", lastname="Ek")
    winner = world.create("contact", lastname="Berg", new_synctomkto=False)
    world.create("contact", lastname="Stays")
    world.sync()
    person = world.person("contact", loser).id
    world.delete("contact", loser)
    world.cycle()
    deleted = world.subscription.marketing.people.get([person])[person]

    world.create("contact", contactid=loser, lastname="Ek")
    world.merge("contact", winner, loser)
    world.cycle()

    now = world.person("contact", winner)
    assert (None, True) == (deleted.type, deleted.is_deleted)
    assert (person, "contact", False) == (now.id, now.type, now.is_deleted)
    assert LinkState.PARKED is world.link("contact", winner).state


def test_S2_a_stop_that_is_asked_for_while_an_action_sends_ends_it_and_the_next_cycle_goes_on(tmp_path: Path) -> None:
    """Whatever the moment: what was not sent waits, and nobody tries it for ever."""
    with FakeWorld(tmp_path) as world:
        kept = world.connect().subscription
        world.sync()
        edits, at = Edits(kept.database, kept.marketing, kept.state), world.clock.now()
        for patience in range(6):
            person = edits.create([("lastName", f"Ek {patience}"), ("microsoftTopic", "Visit")], at=at)
            asked = itertools.count()
            with world.engine(stopping=lambda: next(asked) >= patience) as (engine, context):  # noqa: B023
                perform(engine, context, Action.SYNC_PERSON, person, {"as": "lead"}, f"request {patience}")
        with world.engine() as (engine, context):
            engine.cycle()
            go_on(engine, context)

        assert 6 == len(world.organisation.rows("lead"))
