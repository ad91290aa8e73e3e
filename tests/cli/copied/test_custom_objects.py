"""Commands know an enabled custom entity as they know any other (rules C1, C4, N2, N3)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.testing.world import World

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three lines of one customer's order, and one of an order that names nobody; copied over two levels."""
    with World(tmp_path_factory.mktemp("orders")) as world:
        world.connect()
        world.make_table("new_Order", new_ContactId="contact")
        world.make_table("new_Line", columns={"new_count": "integer"}, new_OrderId="new_order")
        contact = world.create("contact", lastname="Ek")
        bought = world.create("new_order", new_name="A", new_ContactId__bind=f"contacts({contact})")
        nobodys = world.create("new_order", new_name="B")
        for number, order in enumerate((bought, bought, bought, nobodys)):
            world.create("new_line", new_name=str(number), new_count=number, new_OrderId__bind=f"new_orders({order})")
        world.enable_custom("new_line", "new_orderid.new_contactid")
        world.sync()
        yield world


def test_C4_a_custom_entity_is_exported_by_its_logical_name(orders: World, tandem: Command) -> None:
    """Each record with the person it belongs to, by marketing's names."""
    ended = tandem("export", "new_line", world=orders)

    people = {each["new_name"]: each.get("personId") for each in map(json.loads, ended.out.splitlines())}
    (person,) = (each["id"] for each in orders.export("person"))
    assert {"0": person, "1": person, "2": person, "3": None} == people
    header, *rows = tandem("export", "new_line", "--format", "csv", world=orders).out.splitlines()
    assert header.startswith("externalCustomObjectId,personId,externalCompanyId,isExcluded,updatedAt,")
    assert 4 == len(rows)


def test_N3_the_status_has_a_row_for_a_custom_entity_and_a_stream_for_its_path(orders: World, tandem: Command) -> None:
    """The path is read like a table, and is no entity."""
    status = json.loads(tandem("status", "--json", world=orders).out)

    assert 4 == status["entities"]["new_line"]["records"]
    path = "via:new_order.new_contactid:contact"
    assert ("live", "live") == (status["streams"]["new_line"]["state"], status["streams"][path]["state"])
    assert path not in status["entities"]


def test_C4_the_fields_of_a_custom_entity_are_listed_and_chosen_like_any(orders: World, tandem: Command) -> None:
    """By default its name and its custom columns; the others can be added."""
    listed = json.loads(tandem("fields", "new_line", "--json", world=orders).out)["fields"]
    selected = {field["column"] for field in listed if field["selected"]}
    assert {"new_name", "new_count", "new_orderid"} == selected
    assert "createdon" in {field["column"] for field in listed}
    assert {"from"} == {field["direction"] for field in listed}

    tandem("fields", "new_line", "--select", "createdon", world=orders)
    orders.sync()

    assert all(row["createdon"] for row in orders.export("new_line"))


def test_C4_a_person_is_shown_with_the_custom_objects_it_has(orders: World, tandem: Command) -> None:
    """How many of each entity."""
    (person,) = (str(each["id"]) for each in orders.export("person"))

    shown = json.loads(tandem("people", "show", person, "--json", world=orders).out)
    assert {"new_line": 3} == shown["custom_objects"]
    assert "Custom objects: 3 new_line" in tandem("people", "show", person, world=orders).out


def test_C3_sync_can_read_one_custom_entity_with_its_path(orders: World, tandem: Command) -> None:
    """And nothing else."""
    cycle = json.loads(tandem("sync", "--entity", "new_line", "--json", world=orders).out)

    read = {name for name, counts in cycle["entities"].items() if counts["seconds"]}
    assert {"via:new_order.new_contactid:contact", "new_line"} == read


def test_N2_validate_looks_at_a_custom_entity_and_its_path(orders: World, tandem: Command) -> None:
    """Rights, change tracking, fields."""
    checks = json.loads(tandem("validate", "--json", world=orders).out)["checks"]

    found = {(check["name"], check["table"]): check["verdict"] for check in checks}
    path = "via:new_order.new_contactid:contact"
    assert {"pass"} == {found[name, "new_line"] for name in ("read", "change tracking", "fields")}
    assert {"pass"} == {found[name, path] for name in ("read", "change tracking")}


@pytest.mark.parametrize("command", [("export",), ("fields",), ("sync", "--entity")], ids=lambda each: each[0])
def test_C1_a_custom_entity_that_is_not_enabled_is_no_entity(
    orders: World, tandem: Command, command: tuple[str, ...]
) -> None:
    """The advice lists what is."""
    ended = tandem(*command, "new_order", world=orders)

    assert ExitCode.FAILED == ended.code
    assert "There is no entity 'new_order'." in ended.err
    assert "new_line" in ended.err
