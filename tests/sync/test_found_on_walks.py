"""Where random walks broke a promise once, each told as the shortest way there (rules P4, P8, P12, R2)."""

from tandem.model.entities import Entity
from tandem.rules.presence import LinkState
from tandem.state.queues import Intent, IntentKind
from tandem.sync.removing import Removing
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
    assert ("done", "already linked") == (state.actions.of("asked") or ())[2:]


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
