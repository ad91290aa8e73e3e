"""RetrieveMetadataChanges: what a query selects, and what changed or went since a stamp (reference 2.7)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tandem.sandbox.store.customisation import MakeColumn, RemoveColumn, RemoveTable
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables.custom import custom_column

LEAD = {
    "PropertyName": "LogicalName",
    "ConditionOperator": "Equals",
    "Value": {"Type": "System.String", "Value": "lead"},
}
NAMED = {"Properties": {"PropertyNames": ["LogicalName"]}}
NAMESPACE = "Microsoft.Dynamics.CRM."


def where(*conditions: object, operator: str = "And", filters: tuple[object, ...] = ()) -> dict[str, object]:
    return {"FilterOperator": operator, "Conditions": list(conditions), "Filters": list(filters)}


def condition(name: str, operator: str, value: object, kind: str = "System.String") -> dict[str, object]:
    return {"PropertyName": name, "ConditionOperator": operator, "Value": {"Type": kind, "Value": value}}


def call(query: object, *, stamp: str | None = None, deleted: str | None = None) -> str:
    """The URL of a call with parameter aliases."""
    aliases = {"Query": quote(json.dumps(query))}
    if stamp is not None:
        aliases["ClientVersionStamp"] = quote(f"'{stamp}'")
    if deleted is not None:
        aliases["DeletedMetadataFilters"] = f"{NAMESPACE}DeletedMetadataFilters'{deleted}'"
    inside = ",".join(f"{name}=@p{n}" for n, name in enumerate(aliases))
    return f"RetrieveMetadataChanges({inside})?" + "&".join(f"@p{n}={text}" for n, text in enumerate(aliases.values()))


def tables(body: Any) -> list[str]:
    return [each["LogicalName"] for each in body["EntityMetadata"]]


def columns(body: Any, table: str = "lead") -> dict[str, Any]:
    """The columns shown of one table; none where the table is not shown."""
    return {
        column["LogicalName"]: column
        for each in body["EntityMetadata"]
        if each["LogicalName"] == table
        for column in each.get("Attributes", ())
    }


def gone(body: Any) -> dict[str, list[str]]:
    """The deleted ids by kind."""
    deleted = body["DeletedMetadata"]
    assert deleted["Count"] == len(deleted["Keys"]) == len(deleted["Values"])
    return {key: value["Items"] for key, value in zip(deleted["Keys"], deleted["Values"], strict=True)}


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(organisation: Organisation) -> Clock:
    """The organisation's clock, at the moment of the reference's sample."""
    clock = Clock()
    organisation.clock = clock
    return clock


LEADS = {
    "Criteria": where(LEAD),
    "Properties": {"PropertyNames": ["LogicalName", "Attributes"]},
    "AttributeQuery": {"Properties": {"PropertyNames": ["AttributeType", "MaxLength"]}},
}
"""The columns of the lead, with two properties."""


def test_without_a_stamp_everything_wanted_comes(organisation, reader, clock) -> None:
    """Only the properties asked for, ids and names always among them, under Complex type names."""
    body = reader.page(call(LEADS))
    (lead,) = body["EntityMetadata"]
    lastname = columns(body)["lastname"]

    assert f"{NAMESPACE}RetrieveMetadataChangesResponse" in body["@odata.context"]
    assert f"{organisation.metadata_version}!03/04/2025 05:06:07" == body["ServerVersionStamp"]
    assert {"MetadataId", "LogicalName", "SchemaName", "HasChanged", "Attributes"} == lead.keys()
    assert {
        "@odata.type": f"#{NAMESPACE}ComplexStringAttributeMetadata",
        "MetadataId": lastname["MetadataId"],
        "LogicalName": "lastname",
        "SchemaName": "LastName",
        "AttributeType": "String",
        "MaxLength": 50,
        "HasChanged": None,
    } == lastname
    assert {} == gone(body)


def test_every_property_is_the_one_of_the_definitions(reader) -> None:
    """One call gives what EntityDefinitions gives in a dozen (reference 2.4)."""
    everything = {"Properties": {"AllProperties": True}}
    query = {"Criteria": where(LEAD), **everything, "AttributeQuery": everything, "RelationshipQuery": everything}
    (lead,) = reader.page(call(query))["EntityMetadata"]
    path = "EntityDefinitions(LogicalName='lead')"
    defined = reader.page(path)
    strings = reader.page(f"{path}/Attributes/{NAMESPACE}StringAttributeMetadata")["value"]
    choices = reader.page(f"{path}/Attributes/{NAMESPACE}PicklistAttributeMetadata?$expand=OptionSet")["value"]
    shown = {each["LogicalName"]: each for each in lead["Attributes"]}

    assert {name: lead[name] for name in defined if name != "@odata.context"} | {"HasChanged": lead["HasChanged"]} == {
        name: value for name, value in defined.items() if name != "@odata.context"
    } | {"HasChanged": None}
    for column in strings:
        assert shown[column["LogicalName"]]["MaxLength"] == column["MaxLength"]
    for column in choices:
        assert shown[column["LogicalName"]]["OptionSet"] == column["OptionSet"]
    for collection in ("ManyToOneRelationships", "OneToManyRelationships", "ManyToManyRelationships", "Keys"):
        listed = reader.page(f"{path}/{collection}")["value"]
        assert [each["MetadataId"] for each in listed] == [each["MetadataId"] for each in lead[collection]]


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        (where(LEAD), {"lead"}),
        (where(condition("LogicalName", "In", '["lead","contact"]', "System.String[]")), {"lead", "contact"}),
        (where(condition("LogicalName", "In", ["lead", "contact"], "System.String[]")), {"lead", "contact"}),
        (where(condition("ObjectTypeCode", "LessThan", 3, "System.Int32")), {"account", "contact"}),
        (
            where(
                condition("ObjectTypeCode", "GreaterThan", "1", "System.Int32"),
                condition("ObjectTypeCode", "LessThan", "4", "System.Int32"),
            ),
            {"contact", "opportunity"},
        ),
        (
            where(
                condition("OwnershipType", "Equals", "BusinessParented", "Microsoft.Xrm.Sdk.Metadata.OwnershipTypes")
            ),
            {"businessunit"},
        ),
        (
            where(
                operator="And",
                filters=(
                    where(condition("ObjectTypeCode", "In", "[1,2,4]", "System.Int32[]")),
                    where(LEAD, condition("LogicalName", "Equals", "account"), operator="Or"),
                ),
            ),
            {"lead", "account"},
        ),
        (
            where(
                condition("LogicalName", "NotIn", '["contact"]', "System.String[]"),
                condition("LogicalName", "NotEquals", "account"),
                condition("ObjectTypeCode", "In", "[1,2,4]", "System.Int32[]"),
            ),
            {"lead"},
        ),
        (where(LEAD, condition("ChangeTrackingEnabled", "Equals", "false", "System.Boolean")), set()),
        (where(LEAD, condition("CanCreateAttributes", "Equals", True, "System.Boolean")), {"lead"}),
        (
            where(
                condition("PrimaryNameAttribute", "Equals", None),
                condition("LogicalName", "In", '["lead","teammembership"]', "System.String[]"),
            ),
            {"teammembership"},
        ),
    ],
)
def test_criteria_choose_tables(reader, criteria: object, expected: set[str]) -> None:
    """The six operators, nested filters, enumerations, managed properties and null."""
    assert expected == set(tables(reader.page(call({"Criteria": criteria, **NAMED}))))


def test_a_table_is_found_by_its_id(reader) -> None:
    """GUIDs compare whatever their case."""
    identity = reader.page("EntityDefinitions(LogicalName='lead')?$select=MetadataId")["MetadataId"]
    criteria = where(condition("MetadataId", "Equals", identity.upper(), "System.Guid"))

    assert ["lead"] == tables(reader.page(call({"Criteria": criteria})))


def test_each_kind_of_part_has_a_query_of_its_own(reader) -> None:
    """Columns, relationships and keys are chosen by their own criteria."""
    query = {
        "Criteria": where(LEAD),
        "Properties": {"PropertyNames": ["Attributes", "ManyToOneRelationships", "Keys"]},
        "AttributeQuery": {
            "Criteria": where(
                condition("AttributeType", "Equals", "Money", "Microsoft.Xrm.Sdk.Metadata.AttributeTypeCode")
            )
        },
        "RelationshipQuery": {
            "Criteria": where(condition("ReferencingAttribute", "Equals", "customerid")),
            "Properties": {"PropertyNames": ["ReferencedEntity"]},
        },
        "KeyQuery": {"Criteria": where(condition("LogicalName", "Equals", "nothing"))},
    }
    (lead,) = reader.page(call(query))["EntityMetadata"]

    assert {"revenue", "revenue_base", "budgetamount", "budgetamount_base"} <= {
        each["LogicalName"] for each in lead["Attributes"]
    }
    assert all(
        {"MetadataId", "LogicalName", "SchemaName", "HasChanged", "@odata.type"} == each.keys()
        for each in lead["Attributes"]
    )
    assert ["account", "contact"] == [each["ReferencedEntity"] for each in lead["ManyToOneRelationships"]]
    assert [] == lead["Keys"]


def test_a_query_may_name_what_only_some_relationships_have(reader, make_key) -> None:
    """One query is for relationships of every kind; and one for keys may be asked before there is a key."""
    query = {
        "Criteria": where(LEAD),
        "Properties": {"PropertyNames": ["ManyToOneRelationships", "ManyToManyRelationships", "Keys"]},
        "RelationshipQuery": {"Properties": {"PropertyNames": ["ReferencingAttribute", "IntersectEntityName"]}},
        "KeyQuery": {"Properties": {"PropertyNames": ["KeyAttributes"]}},
    }
    (before,) = reader.page(call(query))["EntityMetadata"]
    make_key("lead", "emailaddress1")
    (after,) = reader.page(call(query))["EntityMetadata"]

    assert "customerid" in {each["ReferencingAttribute"] for each in before["ManyToOneRelationships"]}
    assert "listmember" in {each["IntersectEntityName"] for each in before["ManyToManyRelationships"]}
    assert ([], [["emailaddress1"]]) == (before["Keys"], [each["KeyAttributes"] for each in after["Keys"]])


@pytest.mark.parametrize(("languages", "labels"), [([1033], ["Lead"]), ([], ["Lead"]), ([1031], [])])
def test_labels_come_in_the_languages_asked_for(reader, languages: list[int], labels: list[str]) -> None:
    """No language is put in the place of a missing one."""
    query = {
        "Criteria": where(LEAD),
        "Properties": {"PropertyNames": ["DisplayName"]},
        "LabelQuery": {"FilterLanguages": languages, "MissingLabelBehavior": 0},
    }
    (lead,) = reader.page(call(query))["EntityMetadata"]
    own = lead["DisplayName"]["UserLocalizedLabel"]

    assert labels == [each["Label"] for each in lead["DisplayName"]["LocalizedLabels"]]
    assert labels == ([own["Label"]] if own else [])


def test_the_query_may_stand_in_the_path(reader) -> None:
    """A parameter may be given without an alias, too (reference 3.7)."""
    query = quote(json.dumps({"Criteria": where(LEAD), "AttributeQuery": None}))

    assert ["lead"] == tables(reader.page(f"RetrieveMetadataChanges(Query={query})"))
    assert "lead" in tables(reader.page("RetrieveMetadataChanges()"))


def test_with_a_stamp_only_what_changed_comes(organisation, reader) -> None:
    """A new column with its table, and nothing else; then nothing at all."""
    stamp = reader.page(call(LEADS))["ServerVersionStamp"]
    organisation.customise(MakeColumn("lead", custom_column("new_score", "integer")))
    body = reader.page(call(LEADS, stamp=stamp))
    (lead,) = body["EntityMetadata"]
    later = reader.page(call(LEADS, stamp=body["ServerVersionStamp"]))

    assert (False, ["new_score"]) == (lead["HasChanged"], list(columns(body)))
    assert columns(body)["new_score"]["HasChanged"] is True
    assert [] == later["EntityMetadata"]


def test_a_changed_column_and_a_changed_table_are_told(organisation, reader) -> None:
    """Security changes the column, tracking the table."""
    stamp = reader.page(call(LEADS))["ServerVersionStamp"]
    organisation.secure_column("lead", "jobtitle")
    secured = reader.page(call(LEADS, stamp=stamp))
    organisation.set_change_tracking("lead", enabled=False)
    tracked = reader.page(call(LEADS, stamp=secured["ServerVersionStamp"]))

    assert "jobtitle" in columns(secured)
    assert [False] == [each["HasChanged"] for each in secured["EntityMetadata"]]
    assert [True] == [each["HasChanged"] for each in tracked["EntityMetadata"]]
    assert {} == columns(tracked)


def test_a_deleted_column_is_told_by_its_id(organisation, reader) -> None:
    """Only where the filter asks for columns; made again, it is another one."""
    organisation.customise(MakeColumn("lead", custom_column("new_score", "integer")))
    first = reader.page(call(LEADS))
    identity, stamp = columns(first)["new_score"]["MetadataId"], first["ServerVersionStamp"]
    organisation.customise(RemoveColumn("lead", "new_score"))
    unasked = reader.page(call(LEADS, stamp=stamp))
    entities = reader.page(call(LEADS, stamp=stamp, deleted="Default"))
    asked = reader.page(call(LEADS, stamp=stamp, deleted="Attribute,Entity"))
    organisation.customise(MakeColumn("lead", custom_column("new_score", "text")))
    again = reader.page(call(LEADS, stamp=stamp, deleted="Attribute"))

    assert {} == gone(unasked) == gone(entities)
    assert {"Attribute": [identity]} == gone(asked) == gone(again)
    assert [] == asked["EntityMetadata"]
    assert identity != columns(again)["new_score"]["MetadataId"]


def test_what_a_client_never_saw_is_not_told_as_deleted(organisation, reader) -> None:
    """Made and deleted between two stamps."""
    stamp = reader.page(call(LEADS))["ServerVersionStamp"]
    organisation.customise(MakeColumn("lead", custom_column("new_score", "integer")))
    organisation.customise(RemoveColumn("lead", "new_score"))

    assert {} == gone(reader.page(call(LEADS, stamp=stamp, deleted="All")))


def test_a_deleted_table_goes_with_its_parts(organisation, reader) -> None:
    """Table, columns, relationships, labels and option sets by kind."""
    before = reader.page(call({"Properties": {"AllProperties": True}}))
    (table,) = [each for each in before["EntityMetadata"] if each["LogicalName"] == "connection"]
    organisation.customise(RemoveTable("connection"))
    deleted = gone(reader.page(call({}, stamp=before["ServerVersionStamp"], deleted="All")))

    assert {"Entity", "Attribute", "Relationship", "Label", "OptionSet"} == deleted.keys()
    assert [table["MetadataId"]] == deleted["Entity"]
    assert {each["MetadataId"] for each in table["Attributes"]} == set(deleted["Attribute"])


def test_an_option_that_goes_shows_in_its_column(definer, reader) -> None:
    """It has no deletion of its own (reference 2.7); a global set that goes has."""
    identity = definer.done(
        "POST",
        "GlobalOptionSetDefinitions",
        {
            "@odata.type": f"{NAMESPACE}OptionSetMetadata",
            "Name": "new_sizes",
            "DisplayName": definer.label("Sizes"),
            **definer.options(Small=1, Large=2),
        },
    )
    stamp = reader.page(call(LEADS))["ServerVersionStamp"]
    option = {"EntityLogicalName": "lead", "AttributeLogicalName": "leadsourcecode", "Value": 10}
    definer.done("POST", "DeleteOptionValue", option)
    definer.done("DELETE", f"GlobalOptionSetDefinitions({identity})")
    body = reader.page(call(LEADS, stamp=stamp, deleted="Attribute,OptionSet"))

    assert ["leadsourcecode"] == list(columns(body))
    assert {"OptionSet": [identity]} == gone(body)


def test_a_stamp_expires_after_the_days_of_the_organisation(organisation, reader, clock) -> None:
    """Deletions are kept 90 days."""
    stamp = reader.page(call(LEADS))["ServerVersionStamp"]
    clock.now += timedelta(days=90)
    kept = reader.get(call(LEADS, stamp=stamp)).status
    clock.now += timedelta(seconds=1)

    assert 200 == kept
    assert (400, "0x80044352") == reader.refusal(call(LEADS, stamp=stamp))


def test_a_stamp_of_what_a_restore_took_back_has_expired(organisation, reader) -> None:
    """It is ahead of the organisation: nothing can be said of what changed since."""
    organisation.back_up()
    organisation.customise(MakeColumn("lead", custom_column("new_score", "integer")))
    stamp = reader.page(call(LEADS))["ServerVersionStamp"]
    organisation.restore()

    assert (400, "0x80044352") == reader.refusal(call(LEADS, stamp=stamp))


@pytest.mark.parametrize(
    "url",
    [
        call({"Criterion": where(LEAD)}),
        call({"Properties": {"PropertyNames": ["Nothing"]}}),
        call({"Criteria": where(condition("Nothing", "Equals", "lead"))}),
        call({"Criteria": where(condition("DisplayName", "Equals", "Lead"))}),
        call({"Criteria": where(condition("LogicalName", "Contains", "lead"))}),
        call({"Criteria": where(condition("LogicalName", "GreaterThan", "lead"))}),
        call({"Criteria": where(condition("LogicalName", "In", "lead", "System.String[]"))}),
        call({"Criteria": where(condition("ObjectTypeCode", "Equals", "four", "System.Int32"))}),
        call({"Criteria": where(condition("LogicalName", "Equals", "lead", "System.DateTime"))}),
        call({"LabelQuery": {"MissingLabelBehavior": 2}}),
        call([]),
        call({}, deleted="Nothing"),
        call({}, stamp="nothing"),
        "RetrieveMetadataChanges(Query=@p1)?@p1={",
        "RetrieveMetadataChanges(Query=@p1)",
        "RetrieveMetadataChanges(Question={})",
        "RetrieveMetadataChanges(ClientVersionStamp=1!03/04/2025 05:06:07)",
    ],
)
def test_what_cannot_be_read_is_refused(reader, url: str) -> None:
    """400, never other definitions than those asked for."""
    assert (400, "0x80060888") == reader.refusal(url)
