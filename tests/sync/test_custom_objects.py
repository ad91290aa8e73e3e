"""Custom entities come one way and hang on people and companies (rules C1, C3, C4, D7, D8, O3 for them)."""

from collections.abc import Callable
from typing import Any

import pytest

from tandem.dynamics.client import Dynamics
from tandem.dynamics.rows import Page
from tandem.model.entities import Entity
from tandem.report.holds import tell_holds
from tandem.report.status import read_status
from tandem.runtime import syncing
from tandem.runtime.erasing import erase
from tandem.sandbox.door.definitions import RemoveTable
from tandem.sync.removing import Removing
from tandem.sync.waiting import objects_waiting
from tandem.testing.world import World


@pytest.fixture
def orders(world: World) -> World:
    """A world with orders of customers, and the lines of these orders; neither is enabled."""
    return with_orders(world)


def with_orders(world: World) -> World:
    """Add the tables."""
    world.make_table("new_Order", columns={"new_total": "decimal"}, new_CustomerId=None)
    world.make_table("new_Line", columns={"new_count": "integer"}, new_OrderId="new_order", new_NextId="new_line")
    return world


def of_contact(contact: str) -> dict[str, str]:
    """What binds an order to a contact."""
    return {"new_CustomerId_contact__bind": f"contacts({contact})"}


def of_account(account: str) -> dict[str, str]:
    """What binds an order to an account."""
    return {"new_CustomerId_account__bind": f"accounts({account})"}


def of_order(order: str) -> dict[str, str]:
    """What binds a line to its order."""
    return {"new_OrderId__bind": f"new_orders({order})"}


def owners(world: World, entity: str) -> dict[str, Any]:
    """Whose each custom object is: a person's number or a company's id, by name."""
    return {row["new_name"]: row["personId"] or row["externalCompanyId"] for row in world.export(entity)}


def objects_of(world: World, person: int) -> set[tuple[str, str]]:
    """The custom objects of a person as (entity, name)."""
    names = {
        (entity, row["externalCustomObjectId"]): row["new_name"]
        for entity in world.subscription.state.customs.all()
        for row in world.export(entity)
    }
    objects = world.subscription.state.customs.of_person(person)
    return {(entity.value, names[entity, each]) for entity, ids in objects.items() for each in ids}


def waiting(world: World) -> list[tuple[str, str, str, int]]:
    """The objects that wait: (entity, for a record of which table, why, how many)."""
    return [
        (entity, target, why, count) for entity, target, why, count, *_ in objects_waiting(world.subscription.state)
    ]


def removing(world: World) -> Removing:
    """What deletes and merges people by hand."""
    kept = world.subscription
    return Removing(kept.database, kept.marketing, kept.state)


def just_before_reading(table: str, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen once, just before a page of a table is asked for."""
    acts, read = [act], Dynamics.read_page

    def late(dynamics: Dynamics, where: Any, decoder: Any, **options: Any) -> Page:
        if decoder.table.name == table and acts:
            acts.pop()()
        return read(dynamics, where, decoder, **options)

    monkeypatch.setattr(Dynamics, "read_page", late)


def test_C4_records_appear_as_custom_objects_of_their_person_several_each(orders: World) -> None:
    """With the values of the fields chosen."""
    contact = orders.create("contact", lastname="Ek")
    for name, total in (("A", 1), ("B", 2)):
        orders.create("new_order", new_name=name, new_total=total, **of_contact(contact))
    orders.enable_custom("new_order", "new_customerid:contact")

    orders.sync()

    person = orders.person("contact", contact).id
    assert {"A": person, "B": person} == owners(orders, "new_order")
    assert [("A", 1), ("B", 2)] == sorted((row["new_name"], row["new_total"]) for row in orders.export("new_order"))


def test_C1_over_two_levels_the_record_between_says_whose_an_object_is(orders: World) -> None:
    """Re-pointing it does not touch its lines; they move with it all the same."""
    first, second = orders.create("contact", lastname="Ek"), orders.create("contact", lastname="Ng")
    order = orders.create("new_order", new_name="A", **of_contact(first))
    for name in ("1", "2"):
        orders.create("new_line", new_name=name, **of_order(order))
    orders.enable_custom("new_line", "new_orderid.new_customerid:contact")
    orders.sync()
    ek, ng = orders.person("contact", first).id, orders.person("contact", second).id
    assert {"1": ek, "2": ek} == owners(orders, "new_line")

    orders.edit("new_order", order, **of_contact(second))
    orders.cycle()

    assert {"1": ng, "2": ng} == owners(orders, "new_line")


def test_C1_an_object_moves_when_its_lookup_does_and_is_nobodys_when_it_is_emptied(orders: World) -> None:
    """It stays one object through both."""
    first, second = orders.create("contact", lastname="Ek"), orders.create("contact", lastname="Ng")
    order = orders.create("new_order", new_name="A", **of_contact(first))
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.sync()

    orders.edit("new_order", order, **of_contact(second))
    orders.cycle()
    assert {"A": orders.person("contact", second).id} == owners(orders, "new_order")

    orders.edit("new_order", order, new_CustomerId_contact__bind=None)
    orders.cycle()
    assert {"A": None} == owners(orders, "new_order")
    assert [] == waiting(orders)


def test_C1_a_lookup_to_several_tables_counts_only_for_the_table_of_the_path(orders: World) -> None:
    """The other customers' orders are copied, and are nobody's."""
    account, contact = orders.create("account", name="Contoso"), orders.create("contact", lastname="Ek")
    orders.create("new_order", new_name="A", **of_account(account))
    orders.create("new_order", new_name="B", **of_contact(contact))
    orders.enable_custom("new_order", "new_customerid:account")

    orders.sync()

    assert {"A": account, "B": None} == owners(orders, "new_order")
    assert [] == waiting(orders)


def test_C1_a_path_may_lead_over_a_standard_table_that_is_synced_itself(orders: World) -> None:
    """A note on an opportunity is its account's; both tables are read, each for its own end."""
    first, second = orders.create("account", name="Contoso"), orders.create("account", name="Fabrikam")
    orders.make_table("new_Note", new_OpportunityId="opportunity")
    deal = orders.create("opportunity", name="Deal", customerid_account__bind=f"accounts({first})")
    orders.create("new_note", new_name="1", new_OpportunityId__bind=f"opportunities({deal})")
    orders.enable_custom("new_note", "new_opportunityid.customerid:account")
    orders.sync()
    assert {"1": first} == owners(orders, "new_note")

    orders.edit("opportunity", deal, customerid_account__bind=f"accounts({second})")
    orders.cycle()

    assert {"1": second} == owners(orders, "new_note")
    assert [second] == [row["externalCompanyId"] for row in orders.export("opportunity")]


def test_C1_a_record_between_that_is_an_entity_itself_serves_both(orders: World) -> None:
    """Orders and their lines are both custom objects of the customer."""
    contact = orders.create("contact", lastname="Ek")
    order = orders.create("new_order", new_name="A", **of_contact(contact))
    orders.create("new_line", new_name="1", **of_order(order))
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.enable_custom("new_line", "new_orderid.new_customerid:contact")

    orders.sync()

    person = orders.person("contact", contact).id
    assert ({"A": person}, {"1": person}) == (owners(orders, "new_order"), owners(orders, "new_line"))
    assert {("new_line", "1"), ("new_order", "A")} == objects_of(orders, person)


def test_C1_a_lookup_of_a_table_to_itself_neither_loops_nor_doubles(orders: World) -> None:
    """Lines that follow one another in a circle are each one object of the customer."""
    contact = orders.create("contact", lastname="Ek")
    order = orders.create("new_order", new_name="A", **of_contact(contact))
    one = orders.create("new_line", new_name="1", **of_order(order))
    two = orders.create("new_line", new_name="2", **of_order(order), new_NextId__bind=f"new_lines({one})")
    orders.edit("new_line", one, new_NextId__bind=f"new_lines({two})")
    orders.enable_custom("new_line", "new_orderid.new_customerid:contact")

    orders.sync()

    person = orders.person("contact", contact).id
    assert [("1", person), ("2", person)] == sorted(
        (row["new_name"], row["personId"]) for row in orders.export("new_line")
    )


def test_C1_of_two_ways_to_a_person_only_the_chosen_one_counts(world: World) -> None:
    """A shipment names its order, and its order's buyer and payer are different people."""
    world.make_table("new_Order", new_BuyerId="contact", new_PayerId="contact")
    world.make_table("new_Shipment", new_OrderId="new_order")
    buyer, payer = world.create("contact", lastname="Ek"), world.create("contact", lastname="Ng")
    order = world.create(
        "new_order", new_name="A", new_BuyerId__bind=f"contacts({buyer})", new_PayerId__bind=f"contacts({payer})"
    )
    world.create("new_shipment", new_name="1", new_OrderId__bind=f"new_orders({order})")
    world.enable_custom("new_shipment", "new_orderid.new_payerid:contact")

    world.sync()

    assert {"1": world.person("contact", payer).id} == owners(world, "new_shipment")
    assert 1 == len(world.export("new_shipment"))


# What is not here yet ---------------------------------------------------------------------------------------------


def test_C1_an_object_that_was_read_before_the_record_between_waits_with_the_reason(
    orders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were made while a cycle ran, when it had read orders and not yet lines."""
    contact = orders.create("contact", lastname="Ek")
    orders.enable_custom("new_line", "new_orderid.new_customerid:contact")
    orders.sync()

    def make() -> None:
        order = orders.create("new_order", new_name="A", **of_contact(contact))
        orders.create("new_line", new_name="1", **of_order(order))

    just_before_reading("new_line", make, monkeypatch)
    orders.cycle()
    assert {"1": None} == owners(orders, "new_line")
    assert [("new_line", "new_order", "the new_order it belongs to has not been read yet", 1)] == waiting(orders)

    orders.cycle()

    assert {"1": orders.person("contact", contact).id} == owners(orders, "new_line")
    assert [] == waiting(orders)


def test_C1_an_object_that_was_read_before_its_person_waits_with_the_reason(
    orders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person brings it in the next cycle; its row is not read again for that."""
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.sync()
    made = list[str]()

    def make() -> None:
        made.append(orders.create("contact", lastname="Ek"))
        orders.create("new_order", new_name="A", **of_contact(made[0]))

    just_before_reading("new_order", make, monkeypatch)
    orders.cycle()
    assert [("new_order", "contact", "the person has not been read yet", 1)] == waiting(orders)

    report = orders.cycle()

    assert {"A": orders.person("contact", made[0]).id} == owners(orders, "new_order")
    assert 0 == report.counts(Entity("new_order")).read


def test_C1_an_object_of_a_person_the_filter_keeps_out_waits_with_the_reason(make_world: Callable[..., World]) -> None:
    """It is the person's as soon as the filter lets the person in, and stays when it keeps it out again (D8)."""
    world = with_orders(make_world().filter_column("contact").connect())
    contact = world.create("contact", lastname="Ek", new_synctomkto=False)
    world.create("new_order", new_name="A", **of_contact(contact))
    world.enable_custom("new_order", "new_customerid:contact")
    world.sync()
    assert [("new_order", "contact", "the person is excluded by the filter", 1)] == waiting(world)

    world.edit("contact", contact, new_synctomkto=True)
    world.cycle()
    person = world.person("contact", contact).id
    assert {"A": person} == owners(world, "new_order")

    world.edit("contact", contact, new_synctomkto=False)
    world.cycle()
    assert {"A": person} == owners(world, "new_order")
    assert [] == waiting(world)


def test_C1_an_object_of_a_company_the_filter_keeps_out_waits_with_the_reason(
    make_world: Callable[..., World],
) -> None:
    """Until the filter lets the company in."""
    world = with_orders(make_world().filter_column("account").connect())
    account = world.create("account", name="Contoso", new_synctomkto=False)
    world.create("new_order", new_name="A", **of_account(account))
    world.enable_custom("new_order", "new_customerid:account")
    world.sync()
    assert [("new_order", "account", "the company is excluded by the filter", 1)] == waiting(world)

    world.edit("account", account, new_synctomkto=True)
    world.cycle()
    assert [] == waiting(world)

    world.edit("account", account, new_synctomkto=False)
    world.cycle()
    assert [("new_order", "account", "the company is excluded by the filter", 1)] == waiting(world)


# What becomes of the person ---------------------------------------------------------------------------------------


def test_P8_objects_stay_with_a_person_whose_record_was_deleted_until_they_name_nobody(orders: World) -> None:
    """Dynamics empties the lookup to a deleted record, which is a change of the object's own."""
    contact = orders.create("contact", lastname="Ek")
    orders.create("new_order", new_name="A", **of_contact(contact))
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.sync()
    person = orders.person("contact", contact).id

    orders.delete("contact", contact)
    with orders.engine() as (engine, _):
        engine.cycle([Entity.CONTACT])
        assert orders.person("contact", contact).is_deleted
        assert {"A": person} == owners(orders, "new_order")
        engine.cycle()

    assert {"A": None} == owners(orders, "new_order")


def test_P9_objects_are_nobodys_while_their_person_is_deleted_and_the_new_ones_when_it_returns(orders: World) -> None:
    """The returning person has another number."""
    contact = orders.create("contact", lastname="Ek")
    orders.create("new_order", new_name="A", **of_contact(contact))
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.sync()
    old = orders.person("contact", contact).id

    removing(orders).delete(old, at=orders.subscription.now())
    assert {"A": None} == owners(orders, "new_order")
    assert [("new_order", "contact", "the person was deleted in marketing", 1)] == waiting(orders)

    orders.edit("contact", contact, jobtitle="CTO")
    orders.cycle()

    new = orders.person("contact", contact).id
    assert new != old
    assert {"A": new} == owners(orders, "new_order")


def erased_with_lines(orders: World) -> tuple[str, str]:
    """A contact that is erased, with an order and its line, both enabled; the contact and the order."""
    contact = orders.create("contact", lastname="Ek")
    order = orders.create("new_order", new_name="Ek's order", **of_contact(contact))
    orders.create("new_line", new_name="Ek's line", **of_order(order))
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.enable_custom("new_line", "new_orderid.new_customerid:contact")
    orders.sync()
    erase(orders.subscription, orders.person("contact", contact).id)
    return contact, order


def values(world: World) -> list[str]:
    """The names that are kept of orders and lines."""
    return sorted(
        row["new_name"] for entity in ("new_order", "new_line") for row in world.export(entity) if "new_name" in row
    )


def test_R2_no_value_of_an_erased_persons_objects_comes_back(orders: World) -> None:
    """Neither when they change, nor when all are read again for another field, nor of an order that is made later."""
    contact, order = erased_with_lines(orders)
    assert [] == values(orders)

    orders.edit("new_order", order, new_name="Ek's own order")
    orders.choose("new_line", "createdon")
    later = orders.create("new_order", new_name="Ek's second order", **of_contact(contact))
    orders.create("new_line", new_name="Ek's second line", **of_order(later))
    orders.sync()

    assert [] == values(orders)
    assert [] == waiting(orders)
    with orders.engine() as both:
        syncing.verify(*both, None)
    assert [] == orders.subscription.state.verifications.findings()


def test_R2_the_objects_of_an_order_that_moves_to_an_erased_person_lose_their_values(orders: World) -> None:
    """Its lines' rows do not change by that."""
    erased, _ = erased_with_lines(orders)
    contact = orders.create("contact", lastname="Ng")
    order = orders.create("new_order", new_name="A", **of_contact(contact))
    orders.create("new_line", new_name="1", **of_order(order))
    orders.sync()
    assert ["1", "A"] == values(orders)

    orders.edit("new_order", order, **of_contact(erased))
    orders.cycle()

    assert [] == values(orders)


def test_C1_an_erased_persons_order_that_moves_to_somebody_is_theirs_with_its_lines_and_values(orders: World) -> None:
    """The lines did not change, and are read once more for it."""
    _, order = erased_with_lines(orders)
    contact = orders.create("contact", lastname="Ng")

    orders.edit("new_order", order, **of_contact(contact))
    orders.cycle()

    person = orders.person("contact", contact).id
    assert ({"Ek's order": person}, {"Ek's line": person}) == (owners(orders, "new_order"), owners(orders, "new_line"))
    assert {} == orders.cycle().problems
    with orders.engine() as both:
        syncing.verify(*both, None)
    assert [] == orders.subscription.state.verifications.findings()


def test_P12_objects_without_a_value_are_filled_when_somebodys_record_is_merged_into_the_erased_one(
    orders: World,
) -> None:
    """Whose record lost goes on as the one that won, and what hangs on it is theirs."""
    erased, _ = erased_with_lines(orders)
    loser = orders.create("contact", lastname="Ng")
    orders.sync()
    person = orders.person("contact", loser).id

    orders.merge("contact", erased, loser)
    orders.cycle()
    orders.cycle()

    assert person == orders.person("contact", erased).id
    assert ({"Ek's order": person}, {"Ek's line": person}) == (owners(orders, "new_order"), owners(orders, "new_line"))


def test_P11_objects_of_a_qualified_lead_and_of_its_contact_are_one_persons(world: World) -> None:
    """Those that name the lead still and those that name the contact."""
    world.make_table("new_Visit", new_LeadId="lead")
    world.make_table("new_Order", new_ContactId="contact")
    lead = world.create("lead", lastname="Ek", companyname="Contoso")
    world.create("new_visit", new_name="V", new_LeadId__bind=f"leads({lead})")
    world.enable_custom("new_visit")
    world.enable_custom("new_order")
    world.sync()
    person = world.person("lead", lead).id

    contact = world.qualify(lead)
    world.create("new_order", new_name="A", new_ContactId__bind=f"contacts({contact})")
    world.cycle()

    assert person == world.person("contact", contact).id
    assert ({"V": person}, {"A": person}) == (owners(world, "new_visit"), owners(world, "new_order"))


def test_P11_objects_of_a_lead_that_joins_a_person_of_its_own_contact_go_with_it(world: World) -> None:
    """Qualified into a contact that was there: the contact's person stays, and gets the lead's objects."""
    world.make_table("new_Visit", new_LeadId="lead")
    lead, contact = world.create("lead", lastname="Ek"), world.create("contact", lastname="Ek")
    world.create("new_visit", new_name="V", new_LeadId__bind=f"leads({lead})")
    world.enable_custom("new_visit")
    world.sync()

    world.edit("lead", lead, parentcontactid__bind=f"contacts({contact})")
    world.edit("lead", lead, statecode=1, statuscode=3)
    world.cycle()

    assert {"V": world.person("contact", contact).id} == owners(world, "new_visit")


def test_P12_objects_of_a_loser_are_the_winners(orders: World) -> None:
    """Dynamics re-points them, which is an ordinary change of theirs."""
    winner, loser = orders.create("contact", lastname="Ek"), orders.create("contact", lastname="Eck")
    orders.create("new_order", new_name="A", **of_contact(loser))
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.sync()

    orders.merge("contact", winner, loser)
    with orders.engine() as (engine, _):
        engine.cycle([Entity.CONTACT])
        assert {"A": orders.person("contact", winner).id} == owners(orders, "new_order")
        engine.cycle()

    assert {"A": orders.person("contact", winner).id} == owners(orders, "new_order")


def test_P16_objects_of_both_people_merged_in_marketing_are_the_winners(orders: World) -> None:
    """The loser's record is set aside; what hangs on it is the winner's all the same."""
    winner, loser = orders.create("contact", lastname="Ek"), orders.create("contact", lastname="Eck")
    orders.create("new_order", new_name="A", **of_contact(winner))
    orders.create("new_order", new_name="B", **of_contact(loser))
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.sync()
    stays, goes = orders.person("contact", winner).id, orders.person("contact", loser).id

    removing(orders).merge(stays, goes, at=orders.subscription.now())

    assert {"A": stays, "B": stays} == owners(orders, "new_order")


def test_A5_objects_stay_with_a_company_whose_account_was_deleted_until_they_name_none(orders: World) -> None:
    """The company is marked, and its values are kept."""
    account = orders.create("account", name="Contoso")
    orders.create("new_order", new_name="A", **of_account(account))
    orders.enable_custom("new_order", "new_customerid:account")
    orders.sync()

    orders.delete("account", account)
    with orders.engine() as (engine, _):
        engine.cycle([Entity.ACCOUNT])
        assert [True] == [row["isDeleted"] for row in orders.export("company")]
        assert {"A": account} == owners(orders, "new_order")
        engine.cycle()

    assert {"A": None} == owners(orders, "new_order")


# Deleted, kept out, not readable ----------------------------------------------------------------------------------


def test_O3_a_deleted_record_is_removed_and_counted(orders: World) -> None:
    """As deleted since the first copy; the others of its person stay."""
    contact = orders.create("contact", lastname="Ek")
    first, _ = (orders.create("new_order", new_name=name, **of_contact(contact)) for name in "AB")
    orders.enable_custom("new_order", "new_customerid:contact")
    orders.sync()

    orders.delete("new_order", first)
    report = orders.cycle()

    assert {"B": orders.person("contact", contact).id} == owners(orders, "new_order")
    assert 1 == report.counts(Entity("new_order")).deleted
    shown = read_status(orders.settings).entities["new_order"]
    assert (1, 1) == (shown.records, shown.deleted)


def test_O3_the_records_of_a_deleted_record_between_are_nobodys(orders: World) -> None:
    """Dynamics leaves the lines, without their order."""
    contact = orders.create("contact", lastname="Ek")
    order = orders.create("new_order", new_name="A", **of_contact(contact))
    orders.create("new_line", new_name="1", **of_order(order))
    orders.enable_custom("new_line", "new_orderid.new_customerid:contact")
    orders.sync()

    orders.delete("new_order", order)
    orders.cycle()

    assert {"1": None} == owners(orders, "new_line")
    assert [] == waiting(orders)


@pytest.mark.parametrize(
    ("table", "entity"),
    [
        pytest.param("new_line", "new_line", id="of the entity"),
        pytest.param("new_order", "via:new_order.new_customerid:contact", id="of the table between"),
    ],
)
def test_R6_far_too_many_deletions_are_held(make_world: Callable[..., World], table: str, entity: str) -> None:
    """Everything stays as it was until somebody approves."""
    world = with_orders(make_world(brake_delete_floor="2").connect())
    contact = world.create("contact", lastname="Ek")
    made = [world.create("new_order", new_name="A", **of_contact(contact)) for _ in range(4)]
    lines = [world.create("new_line", new_name=f"Line {n}", **of_order(order)) for n, order in enumerate(made)]
    world.enable_custom("new_line", "new_orderid.new_customerid:contact")
    world.sync()
    before = owners(world, "new_line")

    for each in made if table == "new_order" else lines:
        world.delete(table, each)
    with world.engine() as (engine, _):
        engine.cycle([Entity(entity)])
    (hold,) = world.open_holds()
    assert (entity, 4) == (hold.entity.value, hold.count)
    (told,) = tell_holds(world.subscription, [hold])
    assert {None if hold.entity.is_path else "Line"} == {each.name and each.name.split()[0] for each in told.preview}
    assert before == owners(world, "new_line")

    world.approve(hold)
    with world.engine() as (engine, _):
        engine.cycle([Entity(entity)])
    assert {None} >= set(owners(world, "new_line").values())


def test_D7_of_a_record_that_the_filter_keeps_out_only_id_and_version_are_kept(
    make_world: Callable[..., World],
) -> None:
    """An empty filter lets in; one that turns to Yes later is created then."""
    world = with_orders(make_world().connect())
    world.filter_column("new_order")
    contact = world.create("contact", lastname="Ek")
    out = world.create("new_order", new_name="A", new_synctomkto=False, **of_contact(contact))
    world.create("new_order", new_name="B", **of_contact(contact))
    order = world.enable_custom("new_order", "new_customerid:contact")
    world.sync()
    assert ["B"] == list(owners(world, "new_order"))
    assert {"new_order": 1} == world.subscription.state.excluded_counts()

    world.edit("new_order", out, new_synctomkto=True)
    report = world.cycle()

    person = world.person("contact", contact).id
    assert {"A": person, "B": person} == owners(world, "new_order")
    assert (1, {}) == (report.counts(order).created, world.subscription.state.excluded_counts())


def test_D8_a_record_that_leaves_the_filter_stays_stale_and_marked_until_it_comes_back(
    make_world: Callable[..., World],
) -> None:
    """Nothing of it moves meanwhile."""
    world = with_orders(make_world().connect())
    world.filter_column("new_order")
    contact = world.create("contact", lastname="Ek")
    order = world.create("new_order", new_name="A", new_total=1, **of_contact(contact))
    world.enable_custom("new_order", "new_customerid:contact")
    world.sync()

    world.edit("new_order", order, new_synctomkto=False, new_total=2)
    world.cycle()
    world.edit("new_order", order, new_total=3)
    world.cycle()
    assert [(True, 1)] == [(row["isExcluded"], row["new_total"]) for row in world.export("new_order")]

    world.edit("new_order", order, new_synctomkto=True)
    world.cycle()
    assert [(False, 3)] == [(row["isExcluded"], row["new_total"]) for row in world.export("new_order")]


def test_D7_an_unreadable_filter_column_stops_the_custom_entity_and_nothing_else(
    make_world: Callable[..., World],
) -> None:
    """What it would keep out cannot be told."""
    world = with_orders(make_world().connect())
    world.filter_column("new_order")
    world.create("new_order", new_name="A")
    entity = world.enable_custom("new_order", "new_customerid:contact")
    world.secure("new_order", "new_synctomkto")
    contact = world.create("contact", lastname="Ek")

    report = world.cycle()

    assert {entity: "filter-unreadable"} == {key: problem.code for key, problem in report.problems.items()}
    assert [] == world.export("new_order")
    assert "contact" == world.person("contact", contact).type


def test_D6_a_lookup_that_is_gone_stops_the_custom_entity_and_nothing_else(orders: World) -> None:
    """Its objects stay whose they are; it goes on when it can be read again."""
    contact = orders.create("contact", lastname="Ek")
    order = orders.create("new_order", new_name="A", **of_contact(contact))
    orders.create("new_line", new_name="1", **of_order(order))
    line = orders.enable_custom("new_line", "new_orderid.new_customerid:contact")
    orders.sync()
    before = owners(orders, "new_line")

    orders.secure("new_line", "new_orderid")
    orders.create("new_line", new_name="2", **of_order(order))
    report = orders.cycle()
    assert {line: "lookup-gone"} == {key: problem.code for key, problem in report.problems.items()}
    assert before == owners(orders, "new_line")

    orders.secure("new_line", "new_orderid", secured=False)
    reports = orders.sync()

    assert {} == reports[-1].problems
    person = orders.person("contact", contact).id
    assert {"1": person, "2": person} == owners(orders, "new_line")


def test_D6_a_table_that_is_gone_stops_the_custom_entity_and_nothing_else(orders: World) -> None:
    """Somebody removed it in Dynamics; the objects stay until the entity is disabled."""
    contact = orders.create("contact", lastname="Ek")
    orders.create("new_order", new_name="A", **of_contact(contact))
    orders.create("new_line", new_name="1")
    line = orders.enable_custom("new_line", "new_orderid.new_customerid:contact")
    orders.sync()

    orders.do(RemoveTable(table="new_line"))
    orders.edit("contact", contact, jobtitle="CTO")
    report = orders.cycle()

    assert {line: "table-unknown"} == {key: problem.code for key, problem in report.problems.items()}
    assert ["1"] == list(owners(orders, "new_line"))
    assert "CTO" == orders.fields("contact", contact)["title"]


def test_C4_a_table_whose_changes_are_not_tracked_is_read_by_time(orders: World) -> None:
    """A weak stream, as of any other table; deletions are found by reading it again."""
    first, second = orders.create("contact", lastname="Ek"), orders.create("contact", lastname="Ng")
    order = orders.create("new_order", new_name="A", **of_contact(first))
    gone = orders.create("new_line", new_name="1", **of_order(order))
    orders.create("new_line", new_name="2", **of_order(order))
    for table in ("new_order", "new_line"):
        orders.track(table, enabled=False)
    orders.enable_custom("new_line", "new_orderid.new_customerid:contact")
    orders.sync()

    orders.edit("new_order", order, **of_contact(second))
    orders.cycle()
    ng = orders.person("contact", second).id
    assert {"1": ng, "2": ng} == owners(orders, "new_line")

    orders.delete("new_line", gone)
    orders.subscription.now = lambda: "2099-01-01T00:00:00Z"
    orders.sync()
    assert {"2": ng} == owners(orders, "new_line")
