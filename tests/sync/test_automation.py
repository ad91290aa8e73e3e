"""The customer's automation rewrites, undoes and answers what we send, and is never fought (rules P6, R6)."""

from datetime import datetime, timedelta

import pytest

from tandem.sandbox.automation.plug_ins import Form, Rewrite, RewriteLater
from tandem.sandbox.door.automation import Unplug
from tandem.testing.world import World


def versions(world: World, table: str, record: str) -> tuple[int, int]:
    """The version of a record before and after two more cycles: the same where nothing is written."""
    before = world.row(table, record)["versionnumber"]
    world.cycle()
    world.cycle()
    return before, world.row(table, record)["versionnumber"]


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_P6_what_dynamics_rewrites_at_once_is_accepted_once(world: World, writes, table: str) -> None:
    """The answer is the base: no collision, and the value is not sent again."""
    record = world.create(table, lastname="Ek", jobtitle="Buyer")
    world.sync()
    world.plug_in(Rewrite(table=table, column="jobtitle", to=Form.UPPER))

    world.edit_person(table, record, title="cto")
    world.cycle()

    assert ("CTO", "CTO") == (world.row(table, record)["jobtitle"], world.fields(table, record)["title"])
    assert ("Change Data Value", "title", "cto", "CTO") == world.log(world.person(table, record))[-1]
    before, after = versions(world, table, record)
    assert (before, 1) == (after, len(writes))
    assert [] == world.subscription.state.journal.collisions()


def test_P6_what_dynamics_sets_beside_our_write_is_news(world: World, writes) -> None:
    """Another column than the one we wrote."""
    lead = world.create("lead", lastname="Ek")
    world.sync()
    world.plug_in(Rewrite(table="lead", column="telephone1", target="jobtitle", to=Form.VALUE, value="Called"))

    world.edit_person("lead", lead, phone="2")
    world.cycle()

    assert {"phone": "2", "title": "Called"}.items() <= world.fields("lead", lead).items()
    before, after = versions(world, "lead", lead)
    assert (before, 1) == (after, len(writes))


@pytest.mark.parametrize(("form", "title"), [(Form.UPPER, "CTO"), (Form.BEFORE, "Buyer")], ids=["upper", "undone"])
@pytest.mark.parametrize("table", ["lead", "contact"])
def test_P6_what_dynamics_rewrites_later_comes_as_news(
    world: World, writes, table: str, form: Form, title: str
) -> None:
    """Even where marketing would win a collision: our edit was sent, so there is none."""
    record = world.create(table, lastname="Ek", jobtitle="Buyer")
    world.sync()
    world.plug_in(RewriteLater(table=table, column="jobtitle", to=form))

    world.edit_person(table, record, title="cto")
    world.cycle()
    sent = world.row(table, record)["jobtitle"]
    world.settle()
    world.cycle()

    assert ("cto", title, title) == (sent, world.row(table, record)["jobtitle"], world.fields(table, record)["title"])
    before, after = versions(world, table, record)
    assert (before, 1) == (after, len(writes))
    assert [] == world.subscription.state.journal.collisions() == world.open_holds()


def undone(world: World) -> str:
    """A contact whose new job title Dynamics has just put back."""
    contact = world.create("contact", lastname="Ek", jobtitle="Buyer")
    world.sync()
    world.plug_in(Rewrite(table="contact", column="jobtitle", to=Form.BEFORE))
    world.edit_person("contact", contact, title="CTO", phone="2")
    world.cycle()
    return contact


def test_R6_what_dynamics_undoes_at_once_is_held_and_not_sent_again(world: World, writes) -> None:
    """The person keeps its value, and the other field of the write is agreed."""
    contact = undone(world)
    before, after = versions(world, "contact", contact)
    world.edit("contact", contact, address1_city="Umeå")
    world.cycle()

    assert ("Buyer", "2") == tuple(world.row("contact", contact)[name] for name in ("jobtitle", "telephone1"))
    assert {"title": "CTO", "city": "Umeå"}.items() <= world.fields("contact", contact).items()
    assert [("undone", "title")] == [(hold.kind, hold.field) for hold in world.open_holds()]
    assert {"title": "Buyer"} == world.base("contact", contact)
    assert (before, 1) == (after, len(writes))


@pytest.mark.parametrize(("approved", "title"), [(True, "CTO"), (False, "Buyer")], ids=["approved", "cancelled"])
def test_R6_a_person_settles_what_was_undone(world: World, approved: bool, title: str) -> None:
    """Approved, it is sent once more; cancelled, Dynamics' value is taken. The journal keeps the one that went."""
    contact = undone(world)
    world.do(Unplug())

    [hold] = world.open_holds()
    (world.approve if approved else world.cancel)(hold)
    world.cycle()

    assert (title, title) == (world.row("contact", contact)["jobtitle"], world.fields("contact", contact)["title"])
    assert [] == world.open_holds()
    assert world.base("contact", contact) is None
    lost = [(each["field"], each["marketing"]) for each in world.subscription.state.journal.collisions()]
    assert [("title", '"CTO"')] == lost


def test_R6_what_is_undone_again_is_held_again(world: World, writes) -> None:
    """Approving is one more try, not a fight."""
    contact = undone(world)

    world.approve(world.open_holds()[0])
    world.cycle()
    world.cycle()

    assert ["undone"] == [hold.kind for hold in world.open_holds()]
    assert ("Buyer", 2) == (world.row("contact", contact)["jobtitle"], len(writes))


def fight(world: World, lead: str, **typed: str) -> None:
    """One round: a campaign in marketing sets its values, and what Dynamics makes of them comes back."""
    world.edit_person("lead", lead, **typed)
    world.cycle()
    world.settle()
    world.cycle()


@pytest.fixture
def fighting(world: World) -> World:
    """An organisation whose flows set country and city of every lead back."""
    world.plug_in(RewriteLater(table="lead", column="address1_country", to=Form.VALUE, value="Germany"))
    world.plug_in(RewriteLater(table="lead", column="address1_city", to=Form.VALUE, value="Berlin"))
    return world


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"country": "DE"}, {"country": "Germany"}),
        ({"country": "DE", "city": "B"}, {"country": "Germany", "city": "Berlin"}),
    ],
    ids=["one field", "two fields"],
)
def test_R6_two_automations_that_undo_each_other_are_frozen(
    fighting: World, writes, ours: dict[str, str], theirs: dict[str, str]
) -> None:
    """On that field of that person only, after three times each; the values stay as they are."""
    world = fighting
    lead, other = world.create("lead", lastname="Ek"), world.create("lead", lastname="Ng")
    world.settle()
    world.sync()

    for _ in range(4):
        fight(world, lead, **ours)
    fought = len(writes)
    world.edit_person("lead", lead, phone="2")
    world.edit_person("lead", other, country="DE")
    world.cycle()

    assert {("ping-pong", name) for name in ours} == {(hold.kind, hold.field) for hold in world.open_holds()}
    assert 3 == fought
    assert ours.items() <= world.fields("lead", lead).items()
    assert theirs == world.base("lead", lead)
    assert ("Germany", "2") == tuple(world.row("lead", lead)[name] for name in ("address1_country", "telephone1"))
    assert "DE" == world.row("lead", other)["address1_country"]


@pytest.mark.parametrize(("approved", "country"), [(True, "DE"), (False, "Germany")], ids=["approved", "cancelled"])
def test_R6_a_person_ends_the_fight(fighting: World, approved: bool, country: str) -> None:
    """One side's value goes to the other."""
    world = fighting
    lead = world.create("lead", lastname="Ek")
    world.settle()
    world.sync()
    for _ in range(4):
        fight(world, lead, country="DE")
    world.do(Unplug())
    after = datetime.fromisoformat(world.subscription.now()) + timedelta(minutes=1)
    world.subscription.now = lambda: after.strftime("%Y-%m-%dT%H:%M:%SZ")

    [hold] = world.open_holds()
    (world.approve if approved else world.cancel)(hold)
    world.cycle()

    assert (country, country) == (world.row("lead", lead)["address1_country"], world.fields("lead", lead)["country"])
    assert [] == world.open_holds()
