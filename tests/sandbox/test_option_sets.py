"""Options of local and global sets, which a customer adds to, renames, orders and removes (reference 2.4)."""

import json
from typing import Any

import pytest

TICKET = "EntityDefinitions(LogicalName='new_ticket')"
COLOURS = "GlobalOptionSetDefinitions(Name='new_colours')"
OF_KIND = {"EntityLogicalName": "new_ticket", "AttributeLogicalName": "new_kind"}
OF_STATUS = {"EntityLogicalName": "new_ticket", "AttributeLogicalName": "statuscode"}
OF_COLOURS = {"OptionSetName": "new_colours"}


@pytest.fixture
def shop(definer) -> Any:
    """A table with a local choice `new_kind` and two choices of the global set `new_colours`."""
    definer.table()
    definer.add("Picklist", "new_Kind", OptionSet=definer.options(Bug=1, Wish=2))
    told = {"Name": "new_colours", "DisplayName": definer.label("Colours"), **definer.options(Red=1, Blue=2)}
    identity = definer.done("POST", "GlobalOptionSetDefinitions", {"OptionSetType": "Picklist", **told})
    bound = {"GlobalOptionSet@odata.bind": f"/GlobalOptionSetDefinitions({identity})"}
    definer.add("Picklist", "new_Colour", **bound)
    definer.add("MultiSelectPicklist", "new_Others", OptionSet={"IsGlobal": True, "Name": "new_colours"})
    return definer


def labels(reader: Any, of: dict[str, str]) -> dict[int, str]:
    """The labels by value, in order, as a client reads them."""
    if of == OF_COLOURS:
        found = reader.page(COLOURS)["Options"]
    else:
        column = of["AttributeLogicalName"]
        kind = "StatusAttributeMetadata" if column == "statuscode" else "PicklistAttributeMetadata"
        path = f"{TICKET}/Attributes(LogicalName='{column}')/Microsoft.Dynamics.CRM.{kind}?$expand=OptionSet"
        found = reader.page(path)["OptionSet"]["Options"]
    return {option["Value"]: option["Label"]["UserLocalizedLabel"]["Label"] for option in found}


@pytest.mark.parametrize("of", [OF_KIND, OF_COLOURS], ids=["a local set", "a global set"])
def test_options_are_added_renamed_ordered_and_removed(shop, reader, of: dict[str, str]) -> None:
    """By actions, one by one; one without a value gets the next of the publisher's (reference 8)."""
    made = json.loads(shop.send("POST", "InsertOptionValue", {**of, "Label": shop.label("New")}).body)
    shop.done("POST", "UpdateOptionValue", {**of, "Value": 1, "Label": shop.label("First"), "MergeLabels": True})
    shop.done("POST", "OrderOption", {**of, "Values": [100_000_000, 2, 1]})
    ordered = labels(reader, of)
    shop.done("POST", "DeleteOptionValue", {**of, "Value": 2})

    assert 100_000_000 == made["NewOptionValue"]
    assert [100_000_000, 2, 1] == list(ordered)
    assert {100_000_000: "New", 1: "First"} == labels(reader, of)


def test_an_option_that_is_gone_stays_in_the_rows_without_a_label(shop, reader) -> None:
    """A write of it is refused (0x8004431A), the number is still read."""
    row = shop.done("POST", "new_tickets", {"new_kind": 2, "new_colour": 2, "new_others": "1,2"})
    for of in (OF_KIND, OF_COLOURS):
        shop.done("POST", "DeleteOptionValue", {**of, "Value": 2})
    shown = reader.page(
        f"new_tickets({row})?$select=new_kind,new_colour,new_others", prefer='odata.include-annotations="*"'
    )
    formatted = "OData.Community.Display.V1.FormattedValue"

    assert (2, 2, "1,2") == (shown["new_kind"], shown["new_colour"], shown["new_others"])
    assert {"new_others"} == {name.partition("@")[0] for name in shown if name.endswith(formatted)}
    assert "Red" == shown[f"new_others@{formatted}"]
    for content in ({"new_kind": 2}, {"new_colour": 2}, {"new_others": "2"}):
        assert (400, "0x8004431A") == shop.refusal("PATCH", f"new_tickets({row})", content)
    shop.done("PATCH", f"new_tickets({row})", {"new_name": "Other columns can be written"})


def test_a_choice_without_any_option_can_be_read(definer, reader) -> None:
    """Its options may be added later."""
    definer.table()
    definer.add("Picklist", "new_Kind", OptionSet={"Options": []})
    definer.done("POST", "new_tickets", {})

    (row,) = reader.page("new_tickets?$select=new_kind", prefer='odata.include-annotations="*"')["value"]
    assert row["new_kind"] is None


def test_columns_of_a_global_set_show_it_and_none_of_their_own(shop, reader) -> None:
    """Clients read whichever is not null (reference 2.4)."""
    path = f"{TICKET}/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    found = {
        each["LogicalName"]: each
        for each in reader.page(f"{path}?$select=LogicalName&$expand=OptionSet($select=Name),GlobalOptionSet")["value"]
    }

    assert "new_ticket_new_kind" == found["new_kind"]["OptionSet"]["Name"]
    assert found["new_kind"]["GlobalOptionSet"] is None
    assert found["new_colour"]["OptionSet"] is None
    assert ("new_colours", True) == tuple(found["new_colour"]["GlobalOptionSet"][name] for name in ("Name", "IsGlobal"))


def test_a_global_set_is_listed_renamed_and_deleted(shop, reader) -> None:
    """Not while a column has its options from it."""
    shop.done("PUT", COLOURS, {**reader.page(COLOURS), "DisplayName": shop.label("Hues")})
    (listed,) = reader.page("GlobalOptionSetDefinitions?$select=Name,DisplayName")["value"]
    used = shop.refusal("DELETE", COLOURS)
    for name in ("new_colour", "new_others"):
        shop.done("DELETE", f"{TICKET}/Attributes(LogicalName='{name}')")
    shop.done("DELETE", f"GlobalOptionSetDefinitions({listed['MetadataId']})")

    assert ("new_colours", "Hues") == (listed["Name"], listed["DisplayName"]["UserLocalizedLabel"]["Label"])
    assert (400, "0x8004f01f") == used
    assert (404, "0x80060888") == reader.refusal(COLOURS)


def test_a_status_is_added_to_its_state(shop, reader) -> None:
    """InsertStatusValue; a row can then have it, with its state only (reference 5.7)."""
    told = {**OF_STATUS, "StateCode": 1, "Label": shop.label("Lost"), "Value": 3}
    shop.send("POST", "InsertStatusValue", told)
    row = shop.done("POST", "new_tickets", {})
    shop.done("PATCH", f"new_tickets({row})", {"statecode": 1, "statuscode": 3})

    assert {1: "Active", 2: "Inactive", 3: "Lost"} == labels(reader, OF_STATUS)
    assert (400, "0x80048408") == shop.refusal("PATCH", f"new_tickets({row})", {"statecode": 0, "statuscode": 3})


@pytest.mark.parametrize(
    ("action", "told", "refusal"),
    [
        pytest.param("InsertOptionValue", {**OF_KIND, "Value": 1}, (400, "0x80044363"), id="a value that is taken"),
        pytest.param("InsertOptionValue", {**OF_KIND, "Value": 2**31}, (400, "0x80048d19"), id="a value too large"),
        pytest.param("InsertOptionValue", OF_STATUS, (400, "0x80040203"), id="a status as if it were an option"),
        pytest.param("InsertStatusValue", {**OF_KIND, "StateCode": 0}, (400, "0x80040203"), id="an option as a status"),
        pytest.param(
            "InsertStatusValue", {**OF_STATUS, "StateCode": 7}, (400, "0x80040203"), id="a state there is not"
        ),
        pytest.param("UpdateOptionValue", {**OF_KIND, "Value": 9}, (400, "0x80040203"), id="a value that is not there"),
        pytest.param("DeleteOptionValue", {**OF_STATUS, "Value": 1}, (400, "0x80040203"), id="a state's last status"),
        pytest.param("OrderOption", {**OF_KIND, "Values": [1]}, (400, "0x80040203"), id="an order that leaves one out"),
        pytest.param("OrderOption", {**OF_KIND, "Value": 1}, (400, "0x80048d19"), id="a parameter there is not"),
        pytest.param(
            "DeleteOptionValue", {"OptionSetName": "new_x"}, (404, "0x80060888"), id="a set that is not there"
        ),
        pytest.param(
            "DeleteOptionValue",
            {**OF_KIND, "AttributeLogicalName": "new_colour", "Value": 1},
            (400, "0x80040203"),
            id="an option of a global set through its column",
        ),
    ],
)
def test_a_change_of_options_that_no_tenant_takes_is_refused(
    shop, reader, action: str, told: dict[str, object], refusal: tuple[int, str]
) -> None:
    """And the options are as they were."""
    label = {"Label": shop.label("New")} if action in ("InsertOptionValue", "InsertStatusValue") else {}
    assert refusal == shop.refusal("POST", action, {**told, **label})
    assert {1: "Bug", 2: "Wish"} == labels(reader, OF_KIND)
    assert {1: "Active", 2: "Inactive"} == labels(reader, OF_STATUS)
    assert {1: "Red", 2: "Blue"} == labels(reader, OF_COLOURS)


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        pytest.param({"Name": "new_colours"}, (400, "0x80044363"), id="a name that is taken"),
        pytest.param({"Name": "colours"}, (400, "0x80040203"), id="a name without a prefix"),
        pytest.param({"OptionSetType": "Boolean"}, (400, "0x80040203"), id="a set of another type"),
        pytest.param({"Options": [{"Value": 1}, {"Value": 1}]}, (400, "0x80040203"), id="a value twice"),
    ],
)
def test_a_set_that_no_tenant_takes_is_refused(shop, told: dict[str, object], refusal: tuple[int, str]) -> None:
    """Names and values are unique."""
    assert refusal == shop.refusal("POST", "GlobalOptionSetDefinitions", {"Name": "new_other", "Options": [], **told})
