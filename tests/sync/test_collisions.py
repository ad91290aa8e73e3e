"""Two edits of one field are settled by rule, and the loser is kept (rules P4, P15, P19, D7-D10, N7)."""

from typing import Any

import pytest

from tandem.mapping.fields import Direction, Policy
from tandem.testing.world import World


def collide(world: World, table: str, record: str, here: dict[str, str], there: dict[str, Any]) -> None:
    """Both sides edit a record between two cycles."""
    world.edit_person(table, record, **here)
    world.edit(table, record, **there)
    world.cycle()


def lost(world: World) -> list[tuple[str, Any, Any, str]]:
    """The journal as (field, marketing's value, Dynamics' value, winner), both values as they are stored."""
    return [
        (each["field"], each["marketing"], each["crm"], each["winner"])
        for each in world.subscription.state.journal.collisions()
    ]


def agree(world: World, table: str, record: str) -> bool:
    """Do both sides hold the same, and do two more cycles leave it so?"""
    before = world.row(table, record)["versionnumber"]
    world.cycle()
    world.cycle()
    return world.base(table, record) is None and before == world.row(table, record)["versionnumber"]


@pytest.mark.parametrize(
    ("table", "phone", "winner"), [("lead", "2", "marketing"), ("contact", "3", "crm")], ids=["lead", "contact"]
)
def test_P4_the_table_decides_who_wins(world: World, table: str, phone: str, winner: str) -> None:
    """Marketing on a lead, Dynamics on a contact; the journal has both values and the base."""
    record = world.create(table, lastname="Ek", telephone1="1")
    world.sync()

    collide(world, table, record, {"phone": "2"}, {"telephone1": "3"})

    assert (phone, phone) == (world.row(table, record)["telephone1"], world.fields(table, record)["phone"])
    assert [("phone", '"2"', '"3"', winner)] == lost(world)
    assert ['"1"'] == [each["base"] for each in world.subscription.state.journal.collisions()]
    assert "Conflict" in [entry[0] for entry in world.log(world.person(table, record))]
    assert agree(world, table, record)


def test_P4_the_same_value_on_both_sides_is_no_collision(world: World) -> None:
    """They agree, and nothing is written."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()

    collide(world, "contact", contact, {"phone": "2"}, {"telephone1": "2"})

    assert [] == lost(world)
    assert agree(world, "contact", contact)


@pytest.mark.parametrize(
    ("table", "policy", "phone"),
    [("contact", Policy.MARKETING, "2"), ("lead", Policy.DYNAMICS, "3")],
    ids=["marketing on a contact", "Dynamics on a lead"],
)
def test_P4_a_field_overrides_the_winner_of_its_table(world: World, table: str, policy: Policy, phone: str) -> None:
    """For that field alone."""
    record = world.create(table, lastname="Ek", telephone1="1", jobtitle="Buyer")
    world.choose(table, "telephone1", policy=policy)
    world.sync()

    collide(world, table, record, {"phone": "2", "title": "CTO"}, {"telephone1": "3", "jobtitle": "CFO"})

    assert phone == world.row(table, record)["telephone1"]
    assert {"lead": "CTO", "contact": "CFO"}[table] == world.row(table, record)["jobtitle"]
    assert agree(world, table, record)


@pytest.mark.parametrize(("approved", "phone"), [(True, "2"), (False, "3")], ids=["approved", "cancelled"])
def test_P4_a_person_settles_a_collision_that_is_held(world: World, approved: bool, phone: str) -> None:
    """Until then both values stay, and every other field moves."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.choose("contact", "telephone1", policy=Policy.HOLD)
    world.sync()
    collide(world, "contact", contact, {"phone": "2", "city": "Umeå"}, {"telephone1": "3", "jobtitle": "CTO"})

    (hold,) = world.open_holds()
    held = ("2", "3", "Umeå", "CTO")
    fields, row = world.fields("contact", contact), world.row("contact", contact)
    assert held == (fields["phone"], row["telephone1"], row["address1_city"], fields["title"])
    assert ("conflict", "phone") == (hold.kind, hold.field)
    (world.approve if approved else world.cancel)(hold)
    world.cycle()

    assert (phone, phone) == (world.row("contact", contact)["telephone1"], world.fields("contact", contact)["phone"])
    assert [("phone", '"2"', '"3"', "marketing" if approved else "crm")] == lost(world)
    assert [] == world.open_holds()
    assert agree(world, "contact", contact)


def test_P4_a_held_collision_ends_when_both_sides_agree_by_themselves(world: World) -> None:
    """Nobody has to be asked any more."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.choose("contact", "telephone1", policy=Policy.HOLD)
    world.sync()
    collide(world, "contact", contact, {"phone": "2"}, {"telephone1": "3"})

    world.edit("contact", contact, telephone1="2")
    world.cycle()

    assert [] == world.open_holds()
    assert agree(world, "contact", contact)


def test_P4_what_both_sides_added_to_a_number_is_added_up(world: World) -> None:
    """The policy `add`: nobody loses."""
    world.organisation.add_column("contact", "new_visits", "integer")
    contact = world.create("contact", lastname="Ek", new_visits=10)
    world.choose("contact", "new_visits", policy=Policy.ADD)
    world.sync()

    collide(world, "contact", contact, {"new_visits": "13"}, {"new_visits": 15})

    assert (18, 18) == (world.row("contact", contact)["new_visits"], world.fields("contact", contact)["new_visits"])
    assert [] == lost(world)
    assert agree(world, "contact", contact)


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_P4_what_both_sides_chose_and_unchose_is_merged(world: World, table: str) -> None:
    """Of several choices: Red and Green were agreed; here Blue is added, there Red is taken away."""
    world.organisation.add_column(table, "new_colours", "choices")
    record = world.create(table, lastname="Ek", new_colours="1,2")
    world.choose(table, "new_colours")
    world.sync()

    collide(world, table, record, {"new_colours": "Red; Green; Blue"}, {"new_colours": "2"})

    assert ("2,3", "2,3") == (world.row(table, record)["new_colours"], world.fields(table, record)["new_colours"])
    assert [] == lost(world)
    assert agree(world, table, record)


@pytest.mark.parametrize(("table", "state"), [("lead", 2), ("contact", 1)])
def test_P4_state_and_status_reason_go_as_a_pair(world: World, writes, table: str, state: int) -> None:
    """Made two-way; the organisation refuses half of a pair."""
    record = world.create(table, lastname="Ek")
    for column in ("statecode", "statuscode"):
        world.choose(table, column, direction=Direction.BOTH)
    world.sync()
    reasons = {"lead": 4, "contact": 2}

    world.edit_person(table, record, leadStatus=str(state), microsoftStatusReason=str(reasons[table]))
    world.cycle()

    assert (state, reasons[table]) == (world.row(table, record)["statecode"], world.row(table, record)["statuscode"])
    assert [{"statecode", "statuscode"}] == [set(write.values) for request in writes for write in request]
    assert agree(world, table, record)


def test_P4_a_pair_that_collides_stays_a_pair(world: World) -> None:
    """Marketing closed the lead, Dynamics only contacted it: both halves are the winner's."""
    lead = world.create("lead", lastname="Ek")
    for column in ("statecode", "statuscode"):
        world.choose("lead", column, direction=Direction.BOTH)
    world.sync()

    collide(world, "lead", lead, {"leadStatus": "2", "microsoftStatusReason": "4"}, {"statecode": 0, "statuscode": 2})

    assert (2, 4) == (world.row("lead", lead)["statecode"], world.row("lead", lead)["statuscode"])
    assert agree(world, "lead", lead)


def test_P4_a_wrong_pair_is_a_problem_of_these_fields_alone(world: World) -> None:
    """What else was edited is sent; a lead is never qualified by a write."""
    lead, other = world.create("lead", lastname="Ek"), world.create("lead", lastname="Ng")
    for column in ("statecode", "statuscode"):
        world.choose("lead", column, direction=Direction.BOTH)
    world.sync()

    world.edit_person("lead", lead, leadStatus="2", microsoftStatusReason="1", phone="2")
    world.edit_person("lead", other, leadStatus="1", microsoftStatusReason="3", phone="2")
    world.cycle()

    assert [(0, 1, "2")] * 2 == [
        tuple(world.row("lead", each)[name] for name in ("statecode", "statuscode", "telephone1"))
        for each in (lead, other)
    ]
    codes = {(each["code"], each["field"]) for each in world.subscription.state.journal.errors()}
    qualified = {("qualified-state", name) for name in ("leadStatus", "microsoftStatusReason")}
    assert {("state-pair", "leadStatus"), *qualified} == codes


def test_P4_an_amount_and_its_currency_are_decided_together(make_world) -> None:
    """An amount that meets another currency would be another amount; the currency itself is never written."""
    world = make_world()
    krona = {"currencyname": "Krona", "isocurrencycode": "SEK", "currencysymbol": "kr", "currencyprecision": 2}
    other = world.create("transactioncurrency", exchangerate=10, **krona)
    world.connect()
    world.choose("lead", "transactioncurrencyid", direction=Direction.FROM)
    bare = {"lastname": "Ek", "revenue": 100}
    first, second = world.create("lead", **bare), world.create("lead", **bare)
    world.sync()

    for each in (first, second):
        world.edit_person("lead", each, annualRevenue="200")
    world.edit("lead", first, revenue=300)
    world.edit("lead", second, transactioncurrencyid__bind=f"/transactioncurrencies({other})")
    world.cycle()

    assert [200, 100] == [world.row("lead", each)["revenue"] for each in (first, second)]
    assert (200, 100) == tuple(world.fields("lead", each)["annualRevenue"] for each in (first, second))
    assert other == world.fields("lead", second)["transactioncurrencyid"]
    assert agree(world, "lead", first)
    assert agree(world, "lead", second)


@pytest.mark.parametrize(
    ("setting", "city"), [("true", "Umeå"), ("false", "Lund")], ids=["as one", "each line by itself"]
)
def test_P4_an_address_is_decided_as_one_where_that_is_chosen(make_world, setting: str, city: str) -> None:
    """Marketing changed the street, Dynamics street and city."""
    world = make_world(address_block=setting).connect()
    lead = world.create("lead", lastname="Ek", address1_line1="1 Old", address1_city="Umeå")
    world.sync()

    collide(world, "lead", lead, {"address": "2 Ours"}, {"address1_line1": "3 Theirs", "address1_city": "Lund"})

    assert ("2 Ours", city) == (world.row("lead", lead)["address1_line1"], world.row("lead", lead)["address1_city"])
    assert agree(world, "lead", lead)


@pytest.mark.parametrize(
    ("direction", "row", "person"),
    [(Direction.TO, "2", "2"), (Direction.FROM, "3", "3"), (Direction.BLOCKED, "3", "2")],
    ids=["only to Dynamics", "only from Dynamics", "blocked"],
)
def test_P4_a_field_goes_the_way_it_was_given(world: World, direction: Direction, row: str, person: str) -> None:
    """Here both sides edited it before the direction was chosen; a difference that stays is no error."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()

    world.edit_person("contact", contact, phone="2")
    world.choose("contact", "telephone1", direction=direction)
    world.edit("contact", contact, telephone1="3")
    world.sync()
    world.cycle()

    assert (row, person) == (world.row("contact", contact)["telephone1"], world.fields("contact", contact)["phone"])
    assert [] == world.subscription.state.journal.errors()


@pytest.mark.parametrize("opened", [Direction.BOTH, Direction.TO])
def test_P4_what_was_blocked_is_sent_when_it_is_opened(world: World, opened: Direction) -> None:
    """Nobody has to edit it again."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    world.choose("contact", "telephone1", direction=Direction.BLOCKED)
    world.sync()
    world.edit_person("contact", contact, phone="2")
    world.cycle()
    before = world.row("contact", contact)["telephone1"]

    world.choose("contact", "telephone1", direction=opened)
    world.sync()
    world.cycle()

    assert ("1", "2") == (before, world.row("contact", contact)["telephone1"])
    assert agree(world, "contact", contact)


def test_P19_a_new_field_fills_the_empty_side_and_takes_dynamics_value_where_both_are_set(world: World) -> None:
    """No base yet; the loser is journalled."""
    world.organisation.add_column("lead", "new_tier", "text")
    leads = [world.create("lead", lastname="Ek", new_tier=each) for each in ("theirs", None, "theirs", "same")]
    world.sync()
    for lead, value in zip(leads, (None, "ours", "ours", "same"), strict=True):
        world.put_marketing_only("lead", lead, new_tier=value)

    world.choose("lead", "new_tier")
    world.sync()
    world.cycle()

    assert ["theirs", "ours", "theirs", "same"] == [world.row("lead", each)["new_tier"] for each in leads]
    assert ["theirs", "ours", "theirs", "same"] == [world.fields("lead", each)["new_tier"] for each in leads]
    assert [("new_tier", '"ours"', '"theirs"', "crm")] == lost(world)


# Consent ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agreed", "here", "there", "outcome"),
    [
        pytest.param(False, "yes", None, True, id="opted out here"),
        pytest.param(False, None, True, True, id="opted out there"),
        pytest.param(True, "no", None, False, id="lifted here, by a person"),
    ],
)
def test_P15_an_opt_out_reaches_the_other_side(make_world, agreed: bool, here, there, outcome: bool) -> None:
    """On a lead, where marketing would win, and on a contact, where Dynamics would."""
    world = make_world(consent_wins="true").connect()
    records = [(each, world.create(each, lastname="Ek", donotbulkemail=agreed)) for each in ("lead", "contact")]
    world.sync()

    for table, record in records:
        if here is not None:
            world.edit_person(table, record, unsubscribed=here)
        if there is not None:
            world.edit(table, record, donotbulkemail=there)
    world.cycle()

    assert [outcome] * 2 == [bool(world.row(*each)["donotbulkemail"]) for each in records]
    assert [outcome] * 2 == [bool(world.fields(*each).get("unsubscribed")) for each in records]
    assert [] == world.open_holds()


@pytest.mark.parametrize("table", ["lead", "contact"])
@pytest.mark.parametrize(("approved", "outcome"), [(True, False), (False, True)], ids=["approved", "cancelled"])
def test_P15_an_opt_out_lifted_in_dynamics_waits_for_a_person(
    make_world, table: str, approved: bool, outcome: bool
) -> None:
    """Approved, it is lifted here; cancelled, it goes back to Dynamics."""
    world = make_world(consent_wins="true").connect()
    record = world.create(table, lastname="Ek", donotbulkemail=True)
    world.sync()

    world.edit(table, record, donotbulkemail=False)
    world.cycle()
    (hold,) = world.open_holds()
    waiting = (world.row(table, record)["donotbulkemail"], world.fields(table, record)["unsubscribed"])
    (world.approve if approved else world.cancel)(hold)
    world.cycle()

    assert ("consent", (False, True)) == (hold.kind, waiting)
    assert outcome == bool(world.row(table, record)["donotbulkemail"])
    assert outcome == bool(world.fields(table, record).get("unsubscribed"))
    assert agree(world, table, record)


def test_P15_without_the_setting_the_winners_of_P4_decide(world: World) -> None:
    """Lifted in Dynamics, it is lifted."""
    contact = world.create("contact", lastname="Ek", donotbulkemail=True)
    world.sync()

    world.edit("contact", contact, donotbulkemail=False)
    world.cycle()

    assert not world.fields("contact", contact).get("unsubscribed")
    assert [] == world.open_holds()


# The filter ---------------------------------------------------------------------------------------------------------


def test_D8_nothing_moves_while_the_filter_says_no_and_then_both_edits_meet(make_world) -> None:
    """A three-way merge on the base of the moment the record was parked."""
    world = make_world().filter_column("lead").connect()
    lead = world.create("lead", lastname="Ek", telephone1="1", jobtitle="Buyer", address1_city="Umeå")
    world.sync()

    world.edit("lead", lead, new_synctomkto=False)
    world.cycle()
    world.edit_person("lead", lead, phone="2", city="Lund")
    world.edit("lead", lead, telephone1="3", jobtitle="CTO")
    world.cycle()
    parked = (world.row("lead", lead)["telephone1"], world.fields("lead", lead)["title"])
    world.edit("lead", lead, new_synctomkto=True)
    world.cycle()

    assert ("3", "Buyer") == parked
    row, fields = world.row("lead", lead), world.fields("lead", lead)
    assert ("2", "CTO", "Lund") == (row["telephone1"], row["jobtitle"], row["address1_city"])
    assert ("2", "CTO", "Lund") == (fields["phone"], fields["title"], fields["city"])
    assert [("phone", '"2"', '"3"', "marketing")] == lost(world)
    assert agree(world, "lead", lead)


def test_D8_an_edit_waiting_when_the_record_is_parked_is_kept(make_world) -> None:
    """The No comes with the same cycle that would have sent it."""
    world = make_world().filter_column("contact").connect()
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()

    world.edit_person("contact", contact, phone="2")
    world.edit("contact", contact, new_synctomkto=False)
    world.cycle()
    parked = world.row("contact", contact)["telephone1"]
    world.edit("contact", contact, new_synctomkto=None)
    world.cycle()

    assert ("1", "2") == (parked, world.row("contact", contact)["telephone1"])


def test_D8_a_record_parked_between_the_pull_and_the_push_is_not_written(make_world, before_writing) -> None:
    """Its version says so."""
    world = make_world().filter_column("contact").connect()
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()

    world.edit_person("contact", contact, phone="2")
    before_writing(lambda: world.edit("contact", contact, new_synctomkto=False))
    world.cycle()

    assert "1" == world.row("contact", contact)["telephone1"]
    assert {"phone": "1"} == world.base("contact", contact)


@pytest.mark.parametrize(
    ("contact_wanted", "phone"), [(True, "2"), (False, "1")], ids=["D9 Yes and Yes", "D9 Yes and No"]
)
def test_D9_an_unsent_edit_follows_the_qualified_lead_where_the_filter_lets_it(
    make_world, contact_wanted: bool, phone: str
) -> None:
    """The contact is the lead's person; while its filter says No nothing is sent."""
    world = make_world().filter_column("lead", "contact").connect()
    lead = world.create("lead", lastname="Ek", telephone1="1")
    world.sync()
    person = world.person("lead", lead).id

    contact = world.qualify(lead)
    world.edit("contact", contact, new_synctomkto=contact_wanted)
    world.edit_person("lead", lead, phone="2")
    world.cycle()

    assert phone == world.row("contact", contact)["telephone1"]
    assert "1" == world.row("lead", lead)["telephone1"]

    world.edit("contact", contact, new_synctomkto=True)
    world.cycle()

    assert "2" == world.row("contact", contact)["telephone1"]
    assert person == world.person("contact", contact).id


def test_D10_the_winner_of_a_merge_that_the_filter_excludes_gets_nothing(make_world, writes) -> None:
    """Nor does the loser."""
    world = make_world().filter_column("contact").connect()
    winner, loser = (world.create("contact", lastname="Ek", telephone1="1") for _ in range(2))
    world.sync()

    world.edit("contact", winner, new_synctomkto=False)
    world.merge("contact", winner, loser)
    world.edit_person("contact", loser, phone="2")
    world.cycle()

    assert [] == writes
    assert "1" == world.row("contact", winner)["telephone1"]
