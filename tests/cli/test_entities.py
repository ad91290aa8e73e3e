"""`tandem entities`: custom entities with their paths, what can be enabled, and what cannot (rules C1, C2, C3)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tandem.cli.invocation import ExitCode
from tandem.sandbox.door.definitions import MakeLookup, MakeTable, RemoveColumn
from tandem.sandbox.door.operations import Create, Privilege, Tracking
from tandem.sandbox.paths import NAMESPACE
from tandem.testing.world import World

PAYER = "new_orderid:new_order.new_payerid"


@contextmanager
def trading(folder: Path) -> Iterator[World]:
    """An organisation with orders of customers, their lines, parts of lines, and events that leads go to."""
    with World(folder) as world:
        for name, label in (
            ("new_Order", "Order"),
            ("new_Line", "Order Line"),
            ("new_Part", "Part"),
            ("new_Event", ""),
        ):
            world.do(MakeTable(table=name, label=label or None))
        world.do(MakeLookup(table="new_order", column="new_PayerId"))
        world.do(MakeLookup(table="new_line", column="new_OrderId", target="new_order"))
        world.do(MakeLookup(table="new_line", column="new_ParentId", target="new_line"))
        world.do(MakeLookup(table="new_part", column="new_LineId", target="new_line"))
        pairs = {"SchemaName": "new_Event_Lead", "Entity1LogicalName": "new_event", "Entity2LogicalName": "lead"}
        world.levers.write(
            "POST",
            "RelationshipDefinitions",
            {"@odata.type": f"{NAMESPACE}ManyToManyRelationshipMetadata", "IntersectEntityName": "new_going", **pairs},
            user=None,
        )
        yield world


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One that the tests of this module leave as it is."""
    with trading(tmp_path_factory.mktemp("trading")) as world:
        yield world


@pytest.fixture
def shop(organisation: World, make_terminal: Callable[[World], Any]) -> Any:
    """A terminal of the test's own, connected to it."""
    return make_terminal(organisation).connected()


@pytest.fixture
def own_shop(tmp_path: Path, make_terminal: Callable[[World], Any]) -> Iterator[Any]:
    """A connected terminal at an organisation that the test may change."""
    with trading(tmp_path) as world:
        yield make_terminal(world).connected()


def listed(shop: Any, *more: str) -> dict[str, dict[str, Any]]:
    """What the JSON list tells, by table."""
    return {each["entity"]: each for each in shop.run("entities", "--json", *more).json["entities"]}


def paths(entity: dict[str, Any]) -> list[str]:
    """The paths of a listed entity, the proposed one marked."""
    return [f"{each['path']}{' proposed' if each['proposed'] else ''}" for each in entity["paths"]]


def enabled(shop: Any) -> dict[str, str]:
    """The path of each enabled entity, as the list tells it."""
    return {name: path["path"] for name, each in listed(shop).items() for path in each["paths"] if path["enabled"]}


def test_C1_every_custom_table_is_listed_with_every_path_and_the_proposed_one(shop) -> None:
    """A third level and a many-to-many relationship are no paths; a lookup to the same table does not loop."""
    found = listed(shop)

    assert {"new_order", "new_line"} == set(found)
    assert ["new_payerid:contact proposed", "new_payerid:account"] == paths(found["new_order"])
    assert [f"{PAYER}:contact proposed", f"{PAYER}:account"] == paths(found["new_line"])
    assert ("Order Line", True, False, None, None) == tuple(
        found["new_line"][name] for name in ("label", "custom", "enabled", "records", "obstacle")
    )
    assert {"table": "new_order", "column": "new_payerid", "target": "contact"} == found["new_line"]["paths"][0][
        "steps"
    ][1]


def test_C1_the_list_is_a_tree_from_contact_lead_and_account_downwards(shop) -> None:
    """A table stands under the table its path goes by; each path is printed as it is typed."""
    out = shop.run("entities").out
    rows = [line.rstrip() for line in out.splitlines() if "new_" in line]

    assert ["  new_order", "    new_line", "  new_order", "    new_line"] == [
        line[: len(line) - len(line.lstrip())] + line.split()[0] for line in rows
    ]
    assert out.index("Belongs to contact") < out.index(f"{PAYER}:contact") < out.index("Belongs to account")
    assert [True, True, False, False] == [line.endswith("proposed") for line in rows]
    assert "2 tables that ship with Dynamics have a path too: tandem entities --all" in out


def test_C1_a_table_between_that_is_not_listed_is_shown_in_brackets(own_shop) -> None:
    """Such as an opportunity, which is synced anyway."""
    own_shop.world.do(MakeLookup(table="new_line", column="new_DealId", target="opportunity"))
    out = own_shop.run("entities").out
    (heading,) = (line for line in out.splitlines() if "parentcontactid" in line and "new_line" not in line)

    assert ["(opportunity)", "parentcontactid:contact"] == heading.split()
    assert "new_dealid:opportunity.parentcontactid:contact" in paths(listed(own_shop)["new_line"])


def test_S6_tables_that_ship_with_dynamics_are_listed_when_asked_for_and_activities_are_not_possible(shop) -> None:
    found = listed(shop, "--all")

    assert {"new_order", "new_line", "activitypointer", "task"} == set(found)
    assert "activities are not synced" == found["task"]["obstacle"]
    assert not any(each["proposed"] for each in found["task"]["paths"])
    assert "not possible: activities are not synced" in shop.run("entities", "--all").out


@pytest.mark.parametrize(
    ("depth", "reason"),
    [
        pytest.param(None, "the sync user has no read privilege", id="no right to read"),
        pytest.param("Deep", "a part of it only", id="a right that does not reach everywhere"),
    ],
)
def test_C2_a_table_that_cannot_be_read_is_greyed_with_the_reason(own_shop, depth, reason) -> None:
    """And so are the paths that lead over it; enabling is refused, and nothing is stored."""
    own_shop.world.do(Privilege(privilege="prvReadnew_Order", depth=depth))
    found = listed(own_shop)
    refused = own_shop.run("entities", "--enable", "new_line")

    assert reason in found["new_order"]["obstacle"]
    assert reason in found["new_line"]["obstacle"]
    assert "new_order, on the way" in found["new_line"]["obstacle"]
    assert not any(path["proposed"] for each in found.values() for path in each["paths"])
    assert (ExitCode.FAILED, "") == (refused.code, refused.out)
    assert reason in refused.told
    assert "[entity-not-offered]" in refused.told
    assert {} == enabled(own_shop)


def test_C2_a_table_without_change_tracking_is_offered_with_a_warning(own_shop) -> None:
    own_shop.world.do(Tracking(table="new_order", enabled=False))

    assert "weak stream" in listed(own_shop)["new_order"]["warning"]
    assert listed(own_shop)["new_line"]["warning"] is None
    assert 0 == own_shop.run("entities", "--enable", "new_order").code


def test_C1_without_a_path_the_proposed_one_is_enabled_and_its_cost_is_told_before(own_shop) -> None:
    """With two lookups the table between is counted too, for it is read."""
    for _ in range(3):
        own_shop.world.do(Create(table="new_line", values={"new_name": "A"}))
    own_shop.world.do(Create(table="new_order", values={"new_name": "B"}))
    ended = own_shop.run("entities", "--enable", "NEW_LINE")

    assert 0 == ended.code
    assert f"new_line (Order Line) is synced from now on, by {PAYER}:contact" in ended.out
    assert "To copy, estimated: 4 rows (new_order 1, new_line 3), 4 requests" in ended.told
    assert {"new_line": f"{PAYER}:contact"} == enabled(own_shop)


def test_C1_the_path_wanted_is_enabled(shop) -> None:
    """By its lookups alone where these lead to one table."""
    ended = shop.run("entities", "--enable", "new_line", "--path", "new_orderid.new_payerid:account", "--json").json

    assert ("new_line", f"{PAYER}:account", True, True) == tuple(
        ended[name] for name in ("entity", "path", "enabled", "changed")
    )
    assert {"new_line", "via:new_order.new_payerid:account"} == set(ended["estimate"]["rows"])
    assert {"new_line": f"{PAYER}:account"} == enabled(shop)


def test_C1_an_entity_that_is_enabled_stays_enabled_by_its_one_path(shop) -> None:
    """Asked for again there is nothing to do; another path needs it to be disabled first."""
    shop.run("entities", "--enable", "new_order", "--path", "new_payerid:account")
    again = shop.run("entities", "--enable", "new_order")
    same = shop.run("entities", "--enable", "new_order", "--path", "new_payerid:account", "--json").json
    other = shop.run("entities", "--enable", "new_order", "--path", "new_payerid:contact")

    assert (0, "new_order is synced by new_payerid:account already.\n", "") == (again.code, again.out, again.told)
    assert (False, None) == (same["changed"], same["estimate"])
    assert ExitCode.FAILED == other.code
    assert "[second-path]" in other.told
    assert {"new_order": "new_payerid:account"} == enabled(shop)


def test_C3_an_entity_is_disabled_and_enabled_again_by_another_path(shop) -> None:
    shop.run("entities", "--enable", "new_order")
    told = shop.run("entities", "--disable", "New_Order")
    shop.run("entities", "--enable", "new_order", "--path", "new_payerid:account")
    ended = shop.run("entities", "--disable", "new_order", "--json")

    assert (0, "new_order is not synced any more; the next sync removes its records here.\n") == (told.code, told.out)
    assert {"entity": "new_order", "enabled": False} == ended.json
    assert {} == enabled(shop)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("--enable", "new_event"), "no-path", id="no way to anybody"),
        pytest.param(("--enable", "new_part"), "no-path", id="a third level"),
        pytest.param(("--enable", "new_event", "--path", "new_Event_Lead"), "path-many-to-many", id="many-to-many"),
        pytest.param(("--enable", "new_going"), "path-many-to-many", id="the table of a many-to-many relationship"),
        pytest.param(("--enable", "new_line", "--path", "a.b.c"), "path-too-long", id="three lookups"),
        pytest.param(("--enable", "new_line", "--path", "new_nothing"), "path-unknown", id="a path that is not there"),
        pytest.param(("--enable", "new_order", "--path", "new_payerid"), "path-ambiguous", id="two ends"),
        pytest.param(
            ("--enable", "new_order", "--path", "new_payerid:contact", "--path", "new_payerid:account"),
            "second-path",
            id="two paths",
        ),
        pytest.param(("--enable", "new_orders"), "table-unknown", id="no such table"),
        pytest.param(("--enable", "task"), "entity-not-offered", id="an activity"),
        pytest.param(("--enable", "lead"), "entity-standard", id="a standard entity"),
        pytest.param(("--disable", "new_order"), "entity-not-enabled", id="disabling what is not enabled"),
        pytest.param(("--disable", "contact"), "entity-standard", id="disabling a standard entity"),
    ],
)
def test_C1_what_cannot_be_enabled_is_refused_with_a_code(shop, arguments, code) -> None:
    """Nothing is enabled then."""
    ended = shop.run("entities", *arguments)

    assert (ExitCode.FAILED, "") == (ended.code, ended.out)
    assert ended.told.endswith(f"[{code}]\n")
    assert {} == enabled(shop)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--enable", "new_order", "--disable", "new_line"), id="both at once"),
        pytest.param(("--path", "new_payerid"), id="a path of nothing"),
        pytest.param(("--disable", "new_order", "--path", "new_payerid"), id="a path while disabling"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_a_usage_error(shop, arguments) -> None:
    assert ExitCode.USAGE == shop.run("entities", *arguments).code


def test_C1_what_is_enabled_stays_listed_when_its_path_is_gone(own_shop) -> None:
    """With the reason; a lookup that is made again is the path again."""
    own_shop.run("entities", "--enable", "new_order")
    own_shop.world.do(RemoveColumn(table="new_order", column="new_payerid"))
    lost = listed(own_shop)["new_order"]
    own_shop.world.do(MakeLookup(table="new_order", column="new_OtherId", target="lead"))
    other = listed(own_shop)["new_order"]
    out = own_shop.run("entities").out
    own_shop.world.do(MakeLookup(table="new_order", column="new_PayerId"))

    assert (True, "the organisation does not have this path any more") == (lost["enabled"], lost["obstacle"])
    assert lost["obstacle"] == other["obstacle"]
    assert {"new_payerid:contact": True, "new_otherid:lead": False} == {
        each["path"]: each["enabled"] for each in other["paths"]
    }
    assert "cannot be read: the organisation does not have this path any more" in out
    assert listed(own_shop)["new_order"]["obstacle"] is None


def test_C1_an_organisation_without_custom_tables_says_so(tmp_path: Path, make_terminal) -> None:
    """And where other tables are listed."""
    with World(tmp_path) as world:
        ended = make_terminal(world).connected().run("entities")

    assert 0 == ended.code
    assert ended.out.startswith("No custom table has a path to contact, lead or account.\n")
    assert "tandem entities --all" in ended.out
