"""Columns made, changed and deleted while a client reads: what it asks for, and what it meets then."""

from typing import Any

import pytest

TICKET = "EntityDefinitions(LogicalName='new_ticket')"
COLUMNS = f"{TICKET}/Attributes"
LEAD_COLUMNS = "EntityDefinitions(LogicalName='lead')/Attributes"
OPTIONS = {"Options": [{"Value": 1, "Label": {"LocalizedLabels": [{"Label": "One", "LanguageCode": 1033}]}}]}


def column(name: str) -> str:
    """The path of a column of new_ticket."""
    return f"{COLUMNS}(LogicalName='{name}')"


@pytest.mark.parametrize(
    ("type", "told", "value", "shown"),
    [
        ("String", {"MaxLength": 5}, "abcde", {"MaxLength": 5, "FormatName": {"Value": "Text"}}),
        ("Memo", {"MaxLength": 5_000}, "x" * 5_000, {"MaxLength": 5_000}),
        ("Integer", {"MinValue": -1, "MaxValue": 7}, 7, {"MinValue": -1, "MaxValue": 7}),
        ("BigInt", {}, 2**40, {"MaxValue": 2**63 - 1}),
        ("Decimal", {"MinValue": 0, "MaxValue": 9.5, "Precision": 3}, 1.234, {"MaxValue": 9.5, "Precision": 3}),
        ("Double", {"MinValue": 0, "MaxValue": 9, "Precision": 1}, 1.5, {"Precision": 1}),
        ("Money", {"PrecisionSource": 0, "Precision": 3}, 1.234, {"PrecisionSource": 0, "Precision": 3}),
        ("Boolean", {"DefaultValue": True}, False, {"DefaultValue": True}),
        (
            "DateTime",
            {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}},
            "2025-03-04",
            {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}},
        ),
        (
            "DateTime",
            {"DateTimeBehavior": {"Value": "TimeZoneIndependent"}},
            "2025-03-04T05:06:07Z",
            {"Format": "DateAndTime", "DateTimeBehavior": {"Value": "TimeZoneIndependent"}},
        ),
        ("DateTime", {}, "2025-03-04T05:06:07Z", {"DateTimeBehavior": {"Value": "UserLocal"}}),
        ("Picklist", {"OptionSet": OPTIONS, "DefaultFormValue": 1}, 1, {"DefaultFormValue": 1}),
        ("MultiSelectPicklist", {"OptionSet": OPTIONS}, "1", {"DefaultFormValue": -1}),
    ],
)
def test_a_column_of_every_type_can_be_made_written_and_read(
    definer, reader, type: str, told: dict[str, object], value: object, shown: dict[str, object]
) -> None:
    """Its definition says what it was made with, and a row keeps what it is given."""
    definer.table()
    identity = definer.add(type, "new_Thing", **told)
    row = definer.done("POST", "new_tickets", {"new_thing": value})
    definition = reader.page(f"{column('new_thing')}/Microsoft.Dynamics.CRM.{type}AttributeMetadata")

    assert {"MetadataId": identity, "SchemaName": "new_Thing", "IsCustomAttribute": True}.items() <= definition.items()
    assert shown.items() <= definition.items()
    assert value == reader.page(f"new_tickets({row})?$select=new_thing")["new_thing"]


def test_money_brings_its_base_and_the_row_a_currency(definer, reader) -> None:
    """Both columns go with it again, the currency stays (reference 9.4)."""
    definer.table()
    definer.add("Money", "new_Fee")
    row = definer.done("POST", "new_tickets", {"new_fee": 12.5})
    shown = reader.page(f"new_tickets({row})?$select=new_fee,new_fee_base")
    definer.done("DELETE", column("new_fee"))

    assert (12.5, 12.5) == (shown["new_fee"], shown["new_fee_base"])
    assert shown["_transactioncurrencyid_value"] is not None
    assert (400, "0x80060888") == reader.refusal("new_tickets?$select=new_fee_base")
    assert 200 == reader.get("new_tickets?$select=_transactioncurrencyid_value").status


def test_a_new_yes_no_column_says_what_it_was_made_to_say(definer, reader) -> None:
    """On rows that are made without it; rows from before stay empty."""
    definer.table()
    before = definer.done("POST", "new_tickets", {})
    definer.add(
        "Boolean",
        "new_Open",
        DefaultValue=True,
        OptionSet={"TrueOption": {"Value": 1, "Label": definer.label("Open")}},
    )
    after = definer.done("POST", "new_tickets", {})
    shown = reader.page(f"new_tickets({after})?$select=new_open", prefer='odata.include-annotations="*"')

    assert reader.page(f"new_tickets({before})?$select=new_open")["new_open"] is None
    assert (True, "Open") == (shown["new_open"], shown["new_open@OData.Community.Display.V1.FormattedValue"])


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        pytest.param({"SchemaName": "new_NAME"}, (400, "0x80047013"), id="a name that is taken"),
        pytest.param({"SchemaName": "Thing"}, (400, "0x80040203"), id="a name without a prefix"),
        pytest.param({"MaxLength": 4_001}, (400, "0x80040203"), id="a length beyond the longest"),
        pytest.param({"MaxLength": "long"}, (400, "0x80048d19"), id="a length that is no number"),
        pytest.param({"MaxLenght": 5}, (400, "0x80048d19"), id="a property that is misspelt"),
        pytest.param({"RequiredLevel": {"Value": "Perhaps"}}, (400, "0x80048d19"), id="a level that there is not"),
        pytest.param({"SourceType": 1}, (501, "0x8006088a"), id="a calculated column"),
        pytest.param({"AutoNumberFormat": "T-{SEQNUM:4}"}, (501, "0x8006088a"), id="a numbered column"),
        pytest.param(
            {"@odata.type": "Microsoft.Dynamics.CRM.FileAttributeMetadata"}, (501, "0x8006088a"), id="a file column"
        ),
        pytest.param({"@odata.type": "#Microsoft.Dynamics.CRM.X"}, (400, "0x80040203"), id="a class there is not"),
        pytest.param(
            {"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata"},
            (400, "0x80040203"),
            id="a lookup without its relationship",
        ),
        pytest.param(
            {"@odata.type": "Microsoft.Dynamics.CRM.IntegerAttributeMetadata", "MinValue": 5, "MaxValue": 4},
            (400, "0x80040203"),
            id="a range without a number",
        ),
        pytest.param(
            {"@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"},
            (400, "0x80040203"),
            id="a choice without options",
        ),
        pytest.param(
            {
                "@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
                "OptionSet": OPTIONS,
                "DefaultFormValue": 9,
            },
            (400, "0x80040203"),
            id="a default that is no option",
        ),
        pytest.param(
            {"DisplayName": {"LocalizedLabels": [{"Label": "Chose", "LanguageCode": 1036}]}},
            (400, "0x80040203"),
            id="a language that is not there",
        ),
    ],
)
def test_a_column_that_no_tenant_takes_is_refused(
    definer, reader, content: dict[str, object], refusal: tuple[int, str]
) -> None:
    """And nothing of it is left."""
    definer.table()
    before = reader.page(COLUMNS)

    assert refusal == definer.refusal("POST", COLUMNS, {**definer.column("String", "new_Thing"), **content})
    assert before == reader.page(COLUMNS)


def test_a_column_that_is_gone_fails_every_query_that_names_it(definer, reader) -> None:
    """In $select, $filter, $orderby, in a body, and in a delta link that was stored with it (reference 3.1, 11)."""
    definer.add("String", "new_Tier", table="lead")
    lead = definer.done("POST", "leads", {"lastname": "Ek", "new_tier": "Gold"})
    link = reader.page("leads?$select=new_tier", prefer="odata.track-changes")["@odata.deltaLink"]
    definer.done("DELETE", f"{LEAD_COLUMNS}(LogicalName='new_tier')")

    assert (400, "0x80060888") == reader.refusal("leads?$select=new_tier")
    assert (400, "0x80060888") == reader.refusal("leads?$filter=new_tier eq 'Gold'")
    assert (400, "0x80060888") == reader.refusal("leads?$orderby=new_tier")
    assert (400, "0x80060888") == reader.refusal(link)
    assert (400, "0x80048d19") == definer.refusal("PATCH", f"leads({lead})", {"new_tier": "Gold"})
    assert "new_tier" not in reader.page(f"leads({lead})")
    assert (404, "0x80060888") == reader.refusal(f"{LEAD_COLUMNS}(LogicalName='new_tier')")


def test_a_column_made_again_is_another_column(definer, reader) -> None:
    """Retyped: the same name, another type, another MetadataId, and no value from before."""
    first = definer.add("String", "new_Tier", table="lead")
    lead = definer.done("POST", "leads", {"lastname": "Ek", "new_tier": "3"})
    definer.done("DELETE", f"{LEAD_COLUMNS}({first})")
    second = definer.add("Integer", "new_Tier", table="lead")
    empty = reader.page(f"leads({lead})?$select=new_tier")["new_tier"]
    definer.done("PATCH", f"leads({lead})", {"new_tier": 3})

    assert first != second
    assert (None, 3) == (empty, reader.page(f"leads({lead})?$select=new_tier")["new_tier"])
    assert (404, "0x80060888") == reader.refusal(f"{LEAD_COLUMNS}({first})")
    assert "Integer" == reader.page(f"{LEAD_COLUMNS}({second})?$select=AttributeType")["AttributeType"]


def test_a_shortened_column_keeps_what_is_longer_and_takes_no_more_of_it(definer, reader) -> None:
    """0x80044331 for a write over the new length (reference 7.2)."""
    definer.add("String", "new_Tier", table="lead", MaxLength=20)
    lead = definer.done("POST", "leads", {"lastname": "Ek", "new_tier": "Gold and silver"})
    path = f"{LEAD_COLUMNS}(LogicalName='new_tier')"
    definer.done("PUT", path, {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "MaxLength": 4})

    assert (400, "0x80044331") == definer.refusal("PATCH", f"leads({lead})", {"new_tier": "Golden"})
    assert "Gold and silver" == reader.page(f"leads({lead})?$select=new_tier")["new_tier"]
    definer.done("PATCH", f"leads({lead})", {"new_tier": "Gold"})


def test_a_local_moment_can_become_a_day_and_nothing_else_again(definer, reader) -> None:
    """DateTimeBehavior is changed once, from UserLocal; the rows then show the day (reference 9.2)."""
    definer.add("DateTime", "new_Due", table="lead", Format="DateOnly")
    lead = definer.done("POST", "leads", {"lastname": "Ek", "new_due": "2025-03-04T05:06:07Z"})
    path = f"{LEAD_COLUMNS}(LogicalName='new_due')"
    definer.done("PUT", path, {"DateTimeBehavior": {"Value": "DateOnly"}})

    assert "2025-03-04" == reader.page(f"leads({lead})?$select=new_due")["new_due"]
    assert [lead] == [each["leadid"] for each in reader.page("leads?$filter=new_due eq 2025-03-04")["value"]]
    assert (400, "0x80040203") == definer.refusal("PUT", path, {"DateTimeBehavior": {"Value": "UserLocal"}})
    assert (400, "0x80040203") == definer.refusal("PUT", path, {"Format": "DateAndTime"})


def test_a_shipped_column_may_reach_further_than_a_customers(definer, reader) -> None:
    """Its definition can be put back as it was, or narrowed."""
    path = f"{LEAD_COLUMNS}(LogicalName='estimatedvalue')"
    definer.done("PUT", path, {"MaxValue": 1_000_000_000_000, "DisplayName": definer.label("Estimate")})
    definer.done("PUT", path, {"MaxValue": 5})

    assert (400, "0x80044330") == definer.refusal("POST", "leads", {"estimatedvalue": 6})
    assert (400, "0x80040203") == definer.refusal("PUT", path, {"MaxValue": 1_000_000_000_000})


def test_a_shipped_column_can_be_lengthened_and_renamed(definer, reader) -> None:
    """Customers change lengths and labels of what ships (reference 8)."""
    path = f"{LEAD_COLUMNS}(LogicalName='mobilephone')"
    definer.done("PUT", path, {"MaxLength": 30, "DisplayName": definer.label("Handy"), "IsSecured": True})
    definition = reader.page(f"{path}/Microsoft.Dynamics.CRM.StringAttributeMetadata")

    assert (30, True) == (definition["MaxLength"], definition["IsSecured"])
    assert "Handy" == definition["DisplayName"]["UserLocalizedLabel"]["Label"]


def test_a_definition_that_is_put_back_as_it_was_read_changes_nothing(definer, reader) -> None:
    """Clients read the whole definition, change a property and send it all back."""
    definer.table()
    definer.add("Money", "new_Fee")
    definer.add("Picklist", "new_Kind", OptionSet=definer.options(Bug=1, Wish=2))
    for name, kind in (("new_name", "String"), ("new_fee", "Money"), ("new_kind", "Picklist"), ("ownerid", "Lookup")):
        path = f"{column(name)}/Microsoft.Dynamics.CRM.{kind}AttributeMetadata?$expand=OptionSet"
        path = path if kind == "Picklist" else path.partition("?")[0]
        before = reader.page(path)
        definer.done("PUT", column(name), {name: value for name, value in before.items() if "@" not in name})

        assert before == reader.page(path)


def test_labels_are_kept_or_emptied_as_the_client_says(definer, reader) -> None:
    """MSCRM.MergeLabels: a label that is not given stays, or goes."""
    definer.table()
    told = {"DisplayName": {"LocalizedLabels": []}}

    def label() -> Any:
        return reader.page(f"{column('new_name')}?$select=DisplayName")["DisplayName"]["UserLocalizedLabel"]

    definer.done("PUT", column("new_name"), told, **{"mscrm.mergelabels": "true"})
    kept = label()
    definer.done("PUT", column("new_name"), told)

    assert ("new_Name", None) == (kept["Label"], label())


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        pytest.param(
            "new_name",
            {"@odata.type": "Microsoft.Dynamics.CRM.MemoAttributeMetadata"},
            (400, "0x80040203"),
            id="another type",
        ),
        pytest.param("owninguser", {"IsSecured": True}, (400, "0x80040203"), id="a computed column"),
        pytest.param("new_name", {"RequiredLevel": "SystemRequired"}, (400, "0x80040203"), id="required by the system"),
        pytest.param("new_nothing", {"MaxLength": 5}, (404, "0x80060888"), id="a column that is not there"),
    ],
)
def test_a_change_that_no_tenant_takes_is_refused(
    definer, name: str, content: dict[str, object], refusal: tuple[int, str]
) -> None:
    """With the column as it was."""
    definer.table()

    assert refusal == definer.refusal("PUT", column(name), content)


def test_every_answer_about_definitions_is_of_this_moment(definer, reader) -> None:
    """Kept answers are thrown away with the definitions; the version that clients watch moves (reference 2.7)."""

    def version() -> int:
        page = reader.page("leads?$top=1", prefer='odata.include-annotations="*"')
        return int(page["@Microsoft.Dynamics.CRM.globalmetadataversion"])

    before = version()
    assert 200 == reader.get(LEAD_COLUMNS).status
    definer.add("String", "new_Tier", table="lead")

    assert "new_tier" in {each["LogicalName"] for each in reader.page(LEAD_COLUMNS)["value"]}
    assert before < version()
