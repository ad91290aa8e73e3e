"""Microsoft's own Python client, unmodified from PyPI, against the sandbox on a socket: each operation that it has.

It is the one client whose makers know the service from within. What it sends is right by definition, and what it
cannot read in an answer no other client would read either.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas
import pytest
import requests
from azure.identity import ClientSecretCredential
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models import (
    CascadeConfiguration,
    ExpandOption,
    Label,
    LocalizedLabel,
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
    UpsertItem,
    col,
    filters,
)

from tandem.sandbox.service.server import Sandbox
from tandem.testing.sandbox import running

NAMESPACES = ("records", "query", "tables", "files", "dataframe", "batch")
NOWHERE = "00000000-0000-4000-8000-000000000000"


class Colour(IntEnum):
    """A choice column's options, as the client takes them."""

    RED = 1
    BLUE = 2


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that speaks https, as azure-identity wants it, and is trusted."""
    with running(tls=True) as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.ca_file))
        yield sandbox


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Iterator[DataverseClient]:
    """The client, signed in by azure-identity."""
    credential = ClientSecretCredential(
        sandbox.tenant,
        sandbox.client_id,
        sandbox.client_secret,
        authority=sandbox.url,
        disable_instance_discovery=True,
    )
    with credential, DataverseClient(sandbox.url, credential) as client:
        yield client


@pytest.fixture
def accounts(sandbox: Sandbox, client: DataverseClient) -> Iterator[list[str]]:
    """Three accounts, A, B and C with 10, 20 and no employees, and nothing else afterwards."""
    yield client.records.create(
        "account",
        [
            {"name": "A", "numberofemployees": 10, "accountnumber": "1", "websiteurl": "http://a.example"},
            {"name": "B", "numberofemployees": 20, "accountnumber": "2"},
            {"name": "C", "accountnumber": "O'3", "customertypecode": "Customer"},
        ],
    )
    for table in ("contact", "account"):
        for row in client.records.list(table, select=[f"{table}id"]):
            client.records.delete(table, row[f"{table}id"])


@pytest.fixture
def widget(client: DataverseClient) -> Iterator[str]:
    """A table of the tests' own with a column of every type, gone afterwards."""
    client.tables.create(
        "new_Widget",
        {
            "new_Code": "string",
            "new_Text": "memo",
            "new_Count": "int",
            "new_Price": "decimal",
            "new_Weight": "float",
            "new_When": "datetime",
            "new_On": "bool",
            "new_Colour": Colour,
            "new_Stars": {"type": "int", "min_value": 1, "max_value": 5, "display_name": "Stars"},
        },
        primary_column="new_Title",
        display_name="Widget",
    )
    yield "new_Widget"
    client.tables.delete("new_Widget")


def names(rows: Any) -> list[str]:
    """The names of accounts, sorted."""
    return sorted(row["name"] for row in rows)


def refused(caught: pytest.ExceptionInfo[HttpError]) -> tuple[int, str]:
    """The status and the service's code of a refusal, as the client tells them."""
    return caught.value.status_code, caught.value.details["service_error_code"]


def test_every_public_operation_is_driven_here(client: DataverseClient) -> None:
    """A newer version of the client with an operation more fails this."""
    source = Path(__file__).read_text(encoding="utf-8")
    undriven = {
        f"{space}.{name}"
        for space in NAMESPACES
        for name in dir(getattr(client, space))
        if not name.startswith("_") and not re.search(rf"\b{space}\.{name}\(", source)
    }
    batch = client.batch.new()
    undriven |= {
        f"batch.{space}.{name}"
        for space in ("records", "query", "tables", "dataframe")
        for name in dir(getattr(batch, space))
        if not name.startswith("_") and not re.search(rf"\b(?:batch|changes)\.{space}\.{name}\(", source)
    }

    assert set() == undriven


# Records


def test_a_record_is_created_read_changed_and_deleted(client: DataverseClient) -> None:
    """The least that any client does; names of columns come in any case."""
    row_id = client.records.create("account", {"Name": "Alone", "NumberOfEmployees": 3})
    created = client.records.retrieve("account", row_id, select=["Name", "numberofemployees"])
    client.records.update("account", row_id, {"name": "Changed", "numberofemployees": None})
    changed = client.records.retrieve("account", row_id)
    client.records.delete("account", row_id)

    assert ("Alone", 3) == (created["name"], created["numberofemployees"])
    assert ("Changed", None) == (changed["name"], changed["numberofemployees"])
    assert row_id == changed["accountid"]
    assert created.etag != changed.etag
    assert client.records.retrieve("account", row_id) is None


def test_many_records_are_created_and_changed_at_once(client: DataverseClient, accounts: list[str]) -> None:
    """CreateMultiple and UpdateMultiple, with one change for all and with one each; a choice by its label."""
    client.records.update("account", accounts, {"telephone1": "1"})
    client.records.update("account", accounts[:2], [{"name": "A2"}, {"name": "B2"}])
    rows = client.records.list("account", select=["name", "telephone1", "customertypecode"], orderby=["name"])

    assert [("A2", "1", None), ("B2", "1", None), ("C", "1", 3)] == [
        (row["name"], row["telephone1"], row["customertypecode"]) for row in rows
    ]


@pytest.mark.parametrize("bulk", [True, False], ids=["as a bulk deletion", "one by one"])
def test_many_records_are_deleted(client: DataverseClient, accounts: list[str], bulk: bool) -> None:
    """A bulk deletion tells its job."""
    job = client.records.delete("account", accounts[:2], use_bulk_delete=bulk)

    assert ["C"] == names(client.records.list("account", select=["name"]))
    assert bulk == bool(job)
    if bulk:
        assert str(UUID(job)) == job


def test_a_record_is_upserted_by_its_key(sandbox: Sandbox, client: DataverseClient, accounts: list[str]) -> None:
    """One alone and several at once, those that exist and those that do not, quotes in the key."""
    key = client.tables.create_alternate_key("account", "new_number", ["accountnumber"])
    client.records.upsert("account", [UpsertItem(alternate_key={"accountnumber": "O'3"}, record={"name": "C2"})])
    client.records.upsert(
        "account",
        [
            UpsertItem(alternate_key={"accountnumber": "1"}, record={"name": "A2"}),
            {"alternate_key": {"accountnumber": "4"}, "record": {"name": "D"}},
        ],
    )
    found = client.records.retrieve("account", "accountnumber='4'", select=["name"])
    client.tables.delete_alternate_key("account", key.metadata_id)

    assert ["A2", "B", "C2", "D"] == names(client.records.list("account", select=["name"]))
    assert "D" == found["name"]


def test_a_record_is_bound_to_another_and_read_with_it(client: DataverseClient, accounts: list[str]) -> None:
    """Up the lookup and down the collection, with options and annotations."""
    contact = client.records.create(
        "contact",
        {"lastname": "Ek", "parentcustomerid_account@odata.bind": f"/accounts({accounts[0]})"},
    )
    up = client.records.retrieve(
        "contact",
        contact,
        select=["lastname", "_parentcustomerid_value"],
        expand=["parentcustomerid_account($select=name)"],
        include_annotations="*",
    )
    down = client.records.list(
        "account", filter="name eq 'A'", select=["name"], expand=["contact_customer_accounts($select=lastname)"]
    )

    assert "A" == up["parentcustomerid_account"]["name"]
    assert "account" == up["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"]
    assert "A" == up["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"]
    assert ["Ek"] == [each["lastname"] for each in down.first()["contact_customer_accounts"]]


def test_records_are_listed_with_every_option(client: DataverseClient, accounts: list[str]) -> None:
    """Together and by the page."""
    options: dict[str, Any] = {
        "filter": col("numberofemployees").is_not_null(),
        "select": ["name", "numberofemployees"],
        "orderby": ["numberofemployees desc", "name"],
        "include_annotations": "*",
    }
    rows = client.records.list("account", count=True, top=2, **options)
    pages = list(client.records.list_pages("account", page_size=1, **options))

    assert [("B", 20), ("A", 10)] == [(row["name"], row["numberofemployees"]) for row in rows]
    assert [["B"], ["A"]] == [[row["name"] for row in page] for page in pages]


def test_the_older_reads_do_still(client: DataverseClient, accounts: list[str]) -> None:
    """What the client itself advises against, and many use."""
    with pytest.deprecated_call():
        alone = client.records.get("account", accounts[0], select=["name"])
    with pytest.deprecated_call():
        pages = list(client.records.get("account", select=["name"], orderby=["name"], page_size=2, count=True))

    assert "A" == alone["name"]
    assert [["A", "B"], ["C"]] == [[row["name"] for row in page] for page in pages]


def test_refusals_reach_the_caller_with_their_codes(client: DataverseClient) -> None:
    """A record that is not there, a column that is not there, a value that does not fit."""
    with pytest.raises(HttpError) as missing:
        client.records.update("account", NOWHERE, {"name": "Nobody"})
    with pytest.raises(HttpError) as unknown:
        client.records.create("account", {"nosuchcolumn": 1})
    with pytest.raises(HttpError) as long:
        client.records.create("account", {"name": "x" * 161})

    assert (404, "0x80040217") == refused(missing)
    assert (400, "0x80048d19") == refused(unknown)
    assert (400, "0x80044331") == refused(long)
    assert str(UUID(missing.value.details["service_request_id"])) == missing.value.details["service_request_id"]


# Queries


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        pytest.param(condition, found, id=str(condition))
        for condition, found in [
            (col("name") == "A", ["A"]),
            (col("name") != "A", ["B", "C"]),
            (col("numberofemployees") > 10, ["B"]),
            (col("numberofemployees") >= 10, ["A", "B"]),
            (col("numberofemployees") < 20, ["A"]),
            (col("numberofemployees") <= 20, ["A", "B"]),
            (col("numberofemployees").is_null(), ["C"]),
            (col("numberofemployees").is_not_null(), ["A", "B"]),
            (col("numberofemployees").in_([10, 30]), ["A"]),
            (col("numberofemployees").not_in([10, 30]), ["B"]),
            (col("numberofemployees").between(5, 15), ["A"]),
            (col("numberofemployees").not_between(5, 15), ["B", "C"]),
            (col("accountnumber").contains("'"), ["C"]),
            (col("websiteurl").startswith("http"), ["A"]),
            (col("websiteurl").endswith(".example"), ["A"]),
            (col("accountnumber").like("O'%"), ["C"]),
            (col("websiteurl").like("%a.ex%"), ["A"]),
            (col("websiteurl").not_like("%.example"), ["B", "C"]),
            ((col("name") == "A") | (col("name") == "B"), ["A", "B"]),
            ((col("name") == "A") & (col("numberofemployees") == 20), []),
            (~(col("name") == "A"), ["B", "C"]),
            (col("createdon") < datetime(2000, 1, 1, tzinfo=UTC), []),
            (filters.raw("Microsoft.Dynamics.CRM.Today(PropertyName='createdon') and name ne 'B'"), ["A", "C"]),
        ]
    ],
)
def test_a_filter_finds_what_it_says(
    client: DataverseClient, accounts: list[str], condition: Any, found: list[str]
) -> None:
    """Every form of condition that the client can make."""
    assert found == names(client.query.builder("account").select("name").where(condition).execute())


@pytest.mark.parametrize(
    ("name", "arguments", "found"),
    [
        ("eq", ("accountnumber", "O'3"), ["C"]),
        ("ne", ("name", "A"), ["B", "C"]),
        ("gt", ("numberofemployees", 10), ["B"]),
        ("ge", ("numberofemployees", 20), ["B"]),
        ("lt", ("numberofemployees", 20), ["A"]),
        ("le", ("numberofemployees", 10), ["A"]),
        ("contains", ("name", "b"), ["B"]),
        ("startswith", ("name", "c"), ["C"]),
        ("endswith", ("name", "a"), ["A"]),
        ("between", ("numberofemployees", 10, 20), ["A", "B"]),
        ("not_between", ("numberofemployees", 10, 15), ["B", "C"]),
        ("is_null", ("websiteurl",), ["B", "C"]),
        ("is_not_null", ("websiteurl",), ["A"]),
        ("filter_in", ("name", ["A", "C"]), ["A", "C"]),
        ("not_in", ("name", ["A", "C"]), ["B"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_older_filter_finds_what_it_says(
    client: DataverseClient, accounts: list[str], name: str, arguments: tuple[Any, ...], found: list[str]
) -> None:
    """The functions from before `col`, which the client keeps."""
    with pytest.deprecated_call():
        condition = getattr(filters, name)(*arguments)

    assert found == names(client.query.builder("account").select("name").where(condition).execute())


def test_a_query_is_built_with_every_option(client: DataverseClient, accounts: list[str]) -> None:
    """Order, pages, labels, and related rows with options of their own."""
    client.records.create(
        "contact", {"lastname": "Ek", "parentcustomerid_account@odata.bind": f"/accounts({accounts[0]})"}
    )
    contacts = ExpandOption("contact_customer_accounts").select("lastname").filter("statecode eq 0").top(1)
    query = client.query.builder("account").select("name", "statecode", "numberofemployees")
    query = query.expand(contacts.order_by("lastname", descending=True))
    query = query.where(col("name") != "B").order_by("name", descending=True).include_annotations("*").count()
    rows = query.page_size(5).execute()
    formatted = client.query.builder("account").select("statecode").top(1).include_formatted_values().execute().first()
    pages = list(client.query.builder("account").select("name").order_by("name").page_size(2).execute_pages())
    with pytest.deprecated_call():
        frame = client.query.builder("account").select("name").order_by("name").to_dataframe()

    assert [("C", []), ("A", ["Ek"])] == [
        (row["name"], [each["lastname"] for each in row["contact_customer_accounts"]]) for row in rows
    ]
    assert "10" == rows[1]["numberofemployees@OData.Community.Display.V1.FormattedValue"]
    assert "Active" == formatted["statecode@OData.Community.Display.V1.FormattedValue"]
    assert [["A", "B"], ["C"]] == [[row["name"] for row in page] for page in pages]
    assert ["A", "B", "C"] == list(frame["name"])
    assert ["C", "A"] == list(rows.to_dataframe()["name"])


def test_sql_and_fetchxml_find_the_same(client: DataverseClient, accounts: list[str]) -> None:
    """And FetchXML's pages follow each other by the cookie."""
    by_sql = client.query.sql("SELECT name, numberofemployees FROM account WHERE numberofemployees > 5 ORDER BY name")
    fetch = """<fetch count="1"><entity name="account"><attribute name="name"/><order attribute="name"/>
        <filter><condition attribute="numberofemployees" operator="gt" value="5"/></filter></entity></fetch>"""
    pages = [[row["name"] for row in page] for page in client.query.fetchxml(fetch).execute_pages()]

    assert [("A", 10), ("B", 20)] == [(row["name"], row["numberofemployees"]) for row in by_sql]
    assert [["A"], ["B"]] == pages
    assert ["A", "B"] == [row["name"] for row in client.query.fetchxml(fetch).execute()]


def test_the_ways_to_find_columns_and_relationships_agree(client: DataverseClient) -> None:
    """The helpers that read the definitions."""
    columns = {column["name"]: column for column in client.query.sql_columns("account")}
    expands = client.query.odata_expands("contact")
    with pytest.deprecated_call():
        selected = client.query.odata_select("account")
    with pytest.deprecated_call():
        navigation = client.query.odata_expand("contact", "account")
    with pytest.deprecated_call():
        bound = client.query.odata_bind("contact", "account", NOWHERE)

    assert columns["accountid"]["is_pk"]
    assert (True, "String", "Account Name") == tuple(columns["name"][key] for key in ("is_name", "type", "label"))
    assert list(columns) == selected
    assert ("account", "accounts", "parentcustomerid") in {
        (each["target_table"], each["target_entity_set"], each["lookup_attribute"]) for each in expands
    }
    assert {f"{navigation}@odata.bind": f"/accounts({NOWHERE})"} == bound


# Tables, columns, relationships, keys


def test_a_table_is_made_described_and_deleted(client: DataverseClient) -> None:
    """With the primary column of the client's choice."""
    made = client.tables.create("new_Gadget", {"new_Size": "int"}, primary_column="new_Title", display_name="Gadget")
    info = client.tables.get("new_Gadget")
    listed = client.tables.list(filter="SchemaName eq 'new_Gadget'", select=["LogicalName", "EntitySetName"])
    every = client.tables.list()
    client.tables.delete("new_Gadget")

    assert ("new_Gadget", ["new_Size"]) == (made.schema_name, made.columns_created)
    assert ("new_gadget", "new_gadgets", "new_title", "new_gadgetid") == (
        info.logical_name,
        info.entity_set_name,
        info.primary_name_attribute,
        info.primary_id_attribute,
    )
    assert [("new_gadget", "new_gadgets")] == [(each["LogicalName"], each["EntitySetName"]) for each in listed]
    assert {"account", "contact", "new_gadget"} < {each["LogicalName"] for each in every}
    assert client.tables.get("new_Gadget") is None


def test_columns_of_every_type_keep_their_values(client: DataverseClient, widget: str) -> None:
    """What is written comes back; a choice is written by its label."""
    values = {
        "new_title": "First",
        "new_code": "W1",
        "new_text": "a\nb",
        "new_count": -7,
        "new_price": 1.25,
        "new_weight": 2.5,
        "new_when": "2025-01-02T03:04:05Z",
        "new_on": True,
        "new_stars": 5,
    }
    row_id = client.records.create(widget, {**values, "new_colour": "RED"})
    row = client.records.retrieve(widget, row_id, select=[*values, "new_colour"])
    with pytest.raises(HttpError) as caught:
        client.records.update(widget, row_id, {"new_stars": 6})

    assert {**values, "new_colour": 1} == {name: row[name] for name in (*values, "new_colour")}
    assert 400 == caught.value.status_code


def test_columns_are_added_changed_and_removed(client: DataverseClient, widget: str) -> None:
    """And each shows at once in what describes them."""
    assert ["new_More", "new_Again"] == client.tables.add_columns(widget, {"new_More": "string", "new_Again": Colour})
    client.tables.update_column(widget, "new_Code", {"max_length": 50, "required": "ApplicationRequired"})
    client.tables.update_columns(
        widget,
        {"new_Stars": {"max_value": 9}, "new_Price": {"precision": 3}, "new_Text": {"display_name": "Prose"}},
    )
    typed = client.tables.get_column(widget, "new_Code", typed=True)
    plain = client.tables.get_column(widget, "new_Text")
    stars = next(each for each in client.tables.list_columns(widget, typed=True) if each["LogicalName"] == "new_stars")
    removed = client.tables.remove_columns(widget, ["new_More", "new_Again"])
    left = client.tables.list_columns(widget, select=["LogicalName"], filter="IsCustomAttribute eq true")

    assert (50, "ApplicationRequired") == (typed["MaxLength"], typed["RequiredLevel"]["Value"])
    assert "Prose" == plain["DisplayName"]["UserLocalizedLabel"]["Label"]
    assert (1, 9) == (stars["MinValue"], stars["MaxValue"])
    assert ["new_More", "new_Again"] == removed
    assert {"new_more", "new_again"} & {each["LogicalName"] for each in left} == set()
    assert "new_code" in {each["LogicalName"] for each in left}
    assert client.tables.get_column(widget, "new_More") is None


def test_relationships_are_made_found_used_and_deleted(client: DataverseClient, widget: str) -> None:
    """A lookup made the short way and one made in full, and a many-to-many one."""
    contact = LookupAttributeMetadata(
        schema_name="new_ContactId", display_name=Label(localized_labels=[LocalizedLabel("Contact", 1033)])
    )
    owned = OneToManyRelationshipMetadata(
        schema_name="new_contact_widget",
        referenced_entity="contact",
        referencing_entity="new_widget",
        referenced_attribute="contactid",
        cascade_configuration=CascadeConfiguration(delete="Restrict"),
    )
    many = ManyToManyRelationshipMetadata(
        schema_name="new_widget_lead", entity1_logical_name="new_widget", entity2_logical_name="lead"
    )
    short = client.tables.create_lookup_field(widget, "new_AccountId", "account", display_name="Account")
    full = client.tables.create_one_to_many_relationship(contact, owned)
    crossed = client.tables.create_many_to_many_relationship(many)
    account = client.records.create("account", {"name": "Maker"})
    made = client.records.create(widget, {"new_title": "W", "new_AccountId@odata.bind": f"/accounts({account})"})
    found = client.tables.get_relationship("new_contact_widget")
    everywhere = client.tables.list_relationships(filter="SchemaName eq 'new_widget_lead'")
    of_the_table = client.tables.list_table_relationships(widget, select=["SchemaName"])

    assert account == client.records.retrieve(widget, made)["_new_accountid_value"]
    assert ("contact", "new_widget") == (found.referenced_entity, found.referencing_entity)
    assert full.relationship_id == found.relationship_id
    assert [crossed.relationship_id] == [each["MetadataId"] for each in everywhere]
    assert {"new_contact_widget", "new_widget_lead", short.relationship_schema_name} <= {
        each["SchemaName"] for each in of_the_table
    }
    client.records.delete("account", account)
    assert client.records.retrieve(widget, made)["_new_accountid_value"] is None
    for relationship in (short, full, crossed):
        client.tables.delete_relationship(relationship.relationship_id)
    assert client.tables.get_relationship("new_contact_widget") is None


def test_alternate_keys_are_made_listed_and_deleted(client: DataverseClient, widget: str) -> None:
    """A key of two columns, active at once, and what it forbids."""
    key = client.tables.create_alternate_key(widget, "new_widget_code", ["new_code", "new_count"], display_name="Code")
    (listed,) = client.tables.get_alternate_keys(widget)
    item = UpsertItem(alternate_key={"new_code": "K", "new_count": 1}, record={"new_title": "One"})
    client.records.upsert(widget, [item])
    client.records.upsert(widget, [item])
    with pytest.raises(HttpError) as twice:
        client.records.create(widget, {"new_code": "K", "new_count": 1})
    client.tables.delete_alternate_key(widget, key.metadata_id)

    assert ("new_widget_code", ["new_code", "new_count"], "Active") == (
        listed.schema_name,
        listed.key_attributes,
        listed.status,
    )
    assert key.metadata_id == listed.metadata_id
    assert ["One"] == [row["new_title"] for row in client.records.list(widget)]
    assert (412, "0x80060892") == refused(twice)
    assert [] == client.tables.get_alternate_keys(widget)


def test_a_file_column_is_refused_with_the_reason(client: DataverseClient, accounts: list[str], tmp_path: Path) -> None:
    """The sandbox keeps no files, and says so before anything is made or changed."""
    (tmp_path / "letter.txt").write_text("Dear all", encoding="utf-8")
    with pytest.raises(HttpError) as caught:
        client.files.upload("account", accounts[0], "new_Letter", str(tmp_path / "letter.txt"))

    assert 501 == caught.value.status_code
    assert client.tables.get_column("account", "new_Letter") is None


# Data frames


def test_data_frames_go_in_and_come_out(client: DataverseClient) -> None:
    """Created, read in every way, changed, emptied and deleted by the frame."""
    frame = pandas.DataFrame({"name": ["A", "B", "C"], "numberofemployees": [1, 2, None]}, dtype="object")
    ids = client.dataframe.create("account", frame)
    changes = pandas.DataFrame(
        {"accountid": ids[:2], "name": ["A2", None], "numberofemployees": [None, 5]}, dtype="object"
    )
    client.dataframe.update("account", changes, id_column="accountid")
    kept = client.dataframe.sql("SELECT name, numberofemployees FROM account ORDER BY name")
    client.dataframe.update("account", changes[["accountid", "numberofemployees"]], "accountid", clear_nulls=True)
    with pytest.deprecated_call():
        cleared = client.dataframe.get("account", select=["name", "numberofemployees"], orderby=["name"])
    with pytest.deprecated_call():
        alone = client.dataframe.get("account", ids[0], select=["name"])
    client.dataframe.delete("account", ids[:1])
    client.dataframe.delete("account", ids[1:])

    assert [("A2", 1.0), ("B", 5.0)] == list(kept[["name", "numberofemployees"]].itertuples(index=False))[:2]
    assert ["A2", "B", "C"] == list(cleared["name"])
    assert [True, False, True] == list(cleared["numberofemployees"].isna())
    assert ["A2"] == list(alone["name"])
    assert [] == names(client.records.list("account", select=["name"]))


# Batches


def test_a_batch_of_records_is_carried_out_in_order(client: DataverseClient, accounts: list[str]) -> None:
    """Every operation on records that a batch takes, each with its answer."""
    key = client.tables.create_alternate_key("account", "new_number", ["accountnumber"])
    batch = client.batch.new()
    batch.records.create("account", {"name": "D"})
    batch.records.create("account", [{"name": "E"}, {"name": "F"}])
    batch.records.update("account", accounts[0], {"name": "A2"})
    batch.records.update("account", accounts[:2], {"telephone1": "1"})
    batch.records.upsert("account", [UpsertItem(alternate_key={"accountnumber": "7"}, record={"name": "G"})])
    batch.records.retrieve("account", accounts[0], select=["name"], include_annotations="*")
    batch.records.list("account", filter=col("telephone1") == "1", select=["name"], orderby=["name"], top=5, count=True)
    batch.query.sql("SELECT TOP 1 name FROM account ORDER BY name DESC")
    batch.records.delete("account", accounts[1])
    batch.records.delete("account", [accounts[2]], use_bulk_delete=False)
    with pytest.deprecated_call():
        batch.records.get("account", accounts[0], select=["telephone1"])
    done = batch.execute()
    client.tables.delete_alternate_key("account", key.metadata_id)

    assert not done.has_errors
    assert [204, 200, 204, 204, 204, 200, 200, 200, 204, 204, 200] == [each.status_code for each in done.responses]
    assert "A2" == done.responses[5].data["name"]
    assert ["A2", "B"] == names(done.responses[6].data["value"])
    assert ["G"] == names(done.responses[7].data["value"])
    assert "1" == done.responses[10].data["telephone1"]
    assert ["A2", "D", "E", "F", "G"] == names(client.records.list("account", select=["name"]))


def test_a_change_set_stands_or_falls_as_one(client: DataverseClient, accounts: list[str]) -> None:
    """A part refers to what an earlier part makes; one refusal takes back its change set and nothing else."""
    batch = client.batch.new()
    with batch.changeset() as changes:
        made = changes.records.create("contact", {"lastname": "Ek"})
        changes.records.update("contact", made, {"firstname": "Eva"})
        changes.records.create("account", {"name": "Of Ek", "primarycontactid@odata.bind": made})
        changes.records.delete("account", accounts[2])
    with batch.changeset() as changes:
        changes.records.update("account", accounts[0], {"name": "never"})
        changes.records.update("account", NOWHERE, {"name": "never"})
    batch.records.update("account", accounts[1], {"name": "B2"})
    done = batch.execute(continue_on_error=True)
    (contact,) = client.records.list("contact", select=["fullname"])
    (company,) = client.records.list("account", filter="name eq 'Of Ek'", select=["_primarycontactid_value"])

    assert ["0x80040217"] == [each.error_code for each in done.failed]
    assert contact["fullname"] == "Eva Ek"
    assert contact["contactid"] == company["_primarycontactid_value"]
    assert ["A", "B2", "Of Ek"] == names(client.records.list("account", select=["name"]))


def test_a_batch_stops_at_the_first_refusal(client: DataverseClient, accounts: list[str]) -> None:
    """Unless it is told to go on. Its status is that of the whole (reference 5.11); the client reads on at 400 only."""
    batch = client.batch.new()
    batch.records.update("account", accounts[0], {"nosuchcolumn": "never"})
    batch.records.update("account", accounts[0], {"name": "never"})
    done = batch.execute()
    batch = client.batch.new()
    batch.records.update("account", NOWHERE, {"name": "Nobody"})
    with pytest.raises(HttpError) as caught:
        batch.execute()

    assert [(400, "0x80048d19")] == [(each.status_code, each.error_code) for each in done.responses]
    assert 404 == caught.value.status_code
    assert ["A", "B", "C"] == names(client.records.list("account", select=["name"]))


def test_a_batch_of_definitions_is_carried_out(client: DataverseClient, widget: str) -> None:
    """Every operation on definitions that a batch takes."""
    lookup = LookupAttributeMetadata(
        schema_name="new_ContactId", display_name=Label(localized_labels=[LocalizedLabel("Contact", 1033)])
    )
    owned = OneToManyRelationshipMetadata(
        schema_name="new_contact_widget",
        referenced_entity="contact",
        referencing_entity="new_widget",
        referenced_attribute="contactid",
    )
    many = ManyToManyRelationshipMetadata(
        schema_name="new_widget_lead", entity1_logical_name="new_widget", entity2_logical_name="lead"
    )
    batch = client.batch.new()
    batch.tables.create("new_Gadget", {"new_Size": "int"}, display_name="Gadget")
    batch.tables.add_columns(widget, {"new_More": "string"})
    batch.tables.remove_columns(widget, ["new_Stars"])
    batch.tables.create_one_to_many_relationship(lookup, owned)
    batch.tables.create_many_to_many_relationship(many)
    batch.tables.create_lookup_field(widget, "new_AccountId", "account")
    batch.tables.get_relationship("new_contact_widget")
    batch.tables.get(widget)
    batch.tables.list(filter="SchemaName eq 'new_Gadget'", select=["LogicalName"])
    done = batch.execute()
    batch = client.batch.new()
    batch.tables.delete("new_Gadget")
    batch.tables.delete_relationship(done.responses[4].entity_id)
    gone = batch.execute()
    columns = {each["LogicalName"] for each in client.tables.list_columns(widget, select=["LogicalName"])}

    assert ([], []) == (done.failed, gone.failed)
    assert {"new_more", "new_contactid", "new_accountid"} < columns
    assert "new_stars" not in columns
    assert client.tables.get("new_Gadget") is None
    assert client.tables.get_relationship("new_widget_lead") is None


def test_a_batch_takes_data_frames(client: DataverseClient, accounts: list[str]) -> None:
    """Created, changed and deleted in one request."""
    batch = client.batch.new()
    batch.dataframe.create("account", pandas.DataFrame({"name": ["D", "E"]}))
    batch.dataframe.update("account", pandas.DataFrame({"accountid": accounts[:1], "name": ["A2"]}), "accountid")
    batch.dataframe.delete("account", pandas.Series(accounts[1:]), use_bulk_delete=False)
    done = batch.execute()

    assert not done.has_errors
    assert ["A2", "D", "E"] == names(client.records.list("account", select=["name"]))


# Bad days


def test_a_throttled_client_is_told_how_long_to_wait(sandbox: Sandbox, client: DataverseClient) -> None:
    """The client does not wait by itself; the refusal says that it is passing, and for how long."""
    requests.post(f"{sandbox.control_url}/fault", json={"switch": "throttle-requests"}, timeout=30).raise_for_status()
    with pytest.raises(HttpError) as caught:
        client.records.list("account", select=["name"])

    assert (429, "0x80072322") == refused(caught)
    assert caught.value.is_transient
    assert caught.value.details["retry_after"] > 0


def test_a_cut_connection_is_tried_again_by_the_client(sandbox: Sandbox, client: DataverseClient) -> None:
    """Nothing was executed before the line broke, so nothing is there twice."""
    fault = {"switch": "reset-before", "method": "POST", "path": "accounts"}
    requests.post(f"{sandbox.control_url}/fault", json=fault, timeout=30).raise_for_status()
    row_id = client.records.create("account", {"name": "Once"})

    assert ["Once"] == names(client.records.list("account", select=["name"]))
    client.records.delete("account", row_id)
