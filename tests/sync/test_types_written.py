"""Every type of column takes what marketing holds (rules D3, D4)."""

from datetime import date, datetime
from typing import Any

import pytest

from tandem.sandbox.door.operations import Secure
from tandem.testing.world import World

COLUMNS = {
    "new_word": "text",
    "new_notes": "memo",
    "new_visits": "integer",
    "new_steps": "bigint",
    "new_share": "decimal",
    "new_ratio": "double",
    "new_vip": "boolean",
    "new_colour": "choice",
    "new_colours": "choices",
    "new_seen": "datetime",
    "new_born": "date",
}


@pytest.fixture
def typed(world: World) -> World:
    """Leads and contacts have a custom column of every type."""
    for table in ("lead", "contact"):
        for column, kind in COLUMNS.items():
            world.organisation.add_column(table, column, kind)
            world.choose(table, column)
    return world


TYPED_IN = {
    "new_word": "Åsa 'Ö' \\",
    "new_notes": "one\ntwo",
    "new_visits": "-7",
    "new_steps": "9007199254740993",  # beyond what a double holds
    "new_share": "0.1234567891",  # to its scale
    "new_ratio": "2.5",
    "new_vip": "yes",
    "new_colour": "Green",
    "new_colours": "Blue; Red",
    "new_seen": "2025-03-04T05:06:07+01:00",
    "new_born": "1980-02-29",
}
STORED = TYPED_IN | {
    "new_visits": -7,
    "new_steps": 9007199254740993,
    "new_vip": True,
    "new_colour": 2,
    "new_colours": "1,3",
    "new_seen": "2025-03-04T04:06:07Z",
}


def test_D3_each_type_is_written_and_comes_back_equal(typed: World, writes: list[Any]) -> None:
    """On both tables, by one write."""
    world = typed
    records = [(table, world.create(table, lastname="Ek")) for table in ("lead", "contact")]
    world.sync()

    for table, record in records:
        world.edit_person(table, record, **TYPED_IN)
    world.cycle()
    world.cycle()

    assert [STORED] * 2 == [held(world, *each) for each in records]
    assert [None] * 2 == [world.base(*each) for each in records]
    assert 2 == sum(len(request) for request in writes)


def test_D3_each_type_can_be_emptied(typed: World) -> None:
    """An emptied field is an edit like any other."""
    world = typed
    records = [(table, world.create(table, lastname="Ek")) for table in ("lead", "contact")]
    world.sync()
    for values in (TYPED_IN, dict.fromkeys(TYPED_IN, "")):
        for table, record in records:
            world.edit_person(table, record, **values)
        world.cycle()

    assert [dict.fromkeys(STORED)] * 2 == [held(world, *each) for each in records]
    assert [None] * 2 == [world.base(*each) for each in records]


def held(world: World, table: str, record: str) -> dict[str, Any]:
    """What Dynamics holds in the columns of every type."""
    row = world.row(table, record)
    return {name: _plain(row[name], STORED[name]) for name in STORED}


def _plain(value: Any, like: Any) -> Any:
    """A stored value as the one it is compared with: numbers by their digits, moments as Dynamics prints them."""
    match value:
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        case date():
            return value.isoformat()
        case _:
            return str(value) if isinstance(like, str) and value is not None else value


def test_D3_a_leads_own_types_are_written(world: World, writes: list[Any]) -> None:
    """Money in the row's currency, which stays as it is; a choice by its label; an answer of the default map."""
    lead = world.create("lead", lastname="Ek", revenue=1)
    world.sync()
    currency = world.row("lead", lead)["transactioncurrencyid"]

    world.edit_person("lead", lead, annualRevenue="1000.5", rating="Hot", unsubscribed="yes")
    world.cycle()

    row = world.row("lead", lead)
    assert (1000.5, 1, True) == (float(row["revenue"]), row["leadqualitycode"], row["donotbulkemail"])
    assert currency == row["transactioncurrencyid"]
    assert [{"revenue", "leadqualitycode", "donotbulkemail"}] == [set(each.values) for sent in writes for each in sent]
    assert world.base("lead", lead) is None


def test_D3_a_lookup_with_one_target_is_written_moved_and_emptied(world: World) -> None:
    """By the navigation property of its target."""
    accounts = [world.create("account", name=name) for name in ("Contoso", "Fabrikam")]
    world.choose("lead", "parentaccountid")
    lead = world.create("lead", lastname="Ek")
    world.sync()

    seen = []
    for each in (*accounts, ""):
        world.edit_person("lead", lead, parentaccountid=each)
        world.cycle()
        seen.append(world.row("lead", lead)["parentaccountid"])

    assert [*accounts, None] == seen
    assert world.base("lead", lead) is None


def test_D3_a_lookup_that_collides_is_the_winners(world: World) -> None:
    """Like any scalar."""
    first, ours, theirs = (world.create("account", name=name) for name in ("Contoso", "Fabrikam", "Northwind"))
    world.choose("lead", "parentaccountid")
    lead = world.create("lead", lastname="Ek", parentaccountid__bind=f"/accounts({first})")
    world.sync()

    world.edit_person("lead", lead, parentaccountid=ours)
    world.edit("lead", lead, parentaccountid__bind=f"/accounts({theirs})")
    world.cycle()

    assert (ours, ours) == (world.row("lead", lead)["parentaccountid"], world.fields("lead", lead)["parentaccountid"])


def test_D4_a_secured_column_is_never_written(world: World, writes: list[Any]) -> None:
    """What was edited before it was secured waits; everything else of the person is sent."""
    contact = world.create("contact", lastname="Ek", jobtitle="Buyer")
    world.sync()
    world.edit_person("contact", contact, title="CTO", phone="2")
    world.do(Secure(table="contact", column="jobtitle"))

    world.sync()

    assert [{"telephone1"}] == [set(write.values) for request in writes for write in request]
    assert "CTO" == world.fields("contact", contact)["title"]

    world.do(Secure(table="contact", column="jobtitle", secured=False))
    world.sync()
    world.cycle()
    assert "CTO" == world.row("contact", contact)["jobtitle"]
