"""The incremental schema, and what its changes do to rows (reference 2.7)."""

import json
from typing import Any
from urllib.parse import quote

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.stage import Stage
from tandem.testing.facts.subject import column

_CHANGES = "RetrieveMetadataChanges"


def condition(operator: str, kind: str, value: str) -> dict[str, Any]:
    """A condition on the logical name of tables."""
    told = {"Type": kind, "Value": value}
    return {"PropertyName": "LogicalName", "ConditionOperator": operator, "Value": told}


def changes(
    stage: Stage, stamp: str | None = None, *, deleted: str | None = None, where: dict[str, Any] | None = None
) -> dict[str, Any]:
    """RetrieveMetadataChanges for a table (account unless told) and its columns; since a stamp, with deletions."""
    wanted = where or condition("Equals", "System.String", "account")
    query = {
        "Criteria": {"FilterOperator": "And", "Conditions": [wanted]},
        "Properties": {"AllProperties": False, "PropertyNames": ["LogicalName", "Attributes"]},
        "AttributeQuery": {"Properties": {"AllProperties": True}},
    }
    parameters, values = "Query=@p1", f"@p1={quote(json.dumps(query))}"
    if deleted is not None:
        parameters += ",DeletedMetadataFilters=@p2"
        values += f"&@p2=Microsoft.Dynamics.CRM.DeletedMetadataFilters'{deleted}'"
    if stamp is not None:
        parameters += ",ClientVersionStamp=@p3"
        values += f"&@p3='{quote(stamp)}'"
    found: dict[str, Any] = stage.get(f"{_CHANGES}({parameters})?{values}").expect(200).json
    return found


@fact("2.7", "RetrieveMetadataChanges gives a ServerVersionStamp and the tables asked for")
def first_changes(stage: Stage) -> None:
    """Every property in one call."""
    found = changes(stage)
    true(found["ServerVersionStamp"], "no ServerVersionStamp")
    same("tables", [each["LogicalName"] for each in found["EntityMetadata"]], ["account"])
    names = [each["LogicalName"] for each in found["EntityMetadata"][0]["Attributes"]]
    true("name" in names, "no column name")


@fact("2.7", "RetrieveMetadataChanges gives type-specific properties without a cast")
def all_properties(stage: Stage) -> None:
    """Which EntityDefinitions does not."""
    columns = {each["LogicalName"]: each for each in changes(stage)["EntityMetadata"][0]["Attributes"]}
    true("MaxLength" in columns["name"], "no MaxLength")


@fact("2.7", "columns come as `#Microsoft.Dynamics.CRM.ComplexStringAttributeMetadata` and its kin")
def complex_types(stage: Stage) -> None:
    """Other types than by EntityDefinitions."""
    columns = {each["LogicalName"]: each for each in changes(stage)["EntityMetadata"][0]["Attributes"]}
    kind = columns["name"]["@odata.type"]
    same("@odata.type", kind, "#Microsoft.Dynamics.CRM.ComplexStringAttributeMetadata")


@fact("2.7", "since the newest stamp nothing has changed", mark=Mark.KNOWN)
def nothing_new(stage: Stage) -> None:
    """Somebody may customise in between: look again then."""
    found = changes(stage, changes(stage)["ServerVersionStamp"])
    changed = [
        each for table in found["EntityMetadata"] for each in table.get("Attributes") or [] if each["HasChanged"]
    ]
    same("changed columns", len(changed), 0)


@fact("2.7", "a damaged stamp is refused", mark=Mark.KNOWN)
def damaged_stamp(stage: Stage) -> str:
    """Its code is not documented."""
    parameters = "Query=@p1,ClientVersionStamp=@p3"
    query = quote(json.dumps({"Properties": {"AllProperties": False, "PropertyNames": ["LogicalName"]}}))
    return stage.get(f"{_CHANGES}({parameters})?@p1={query}&@p3='rubbish'").refused()


@fact("2.7", "annotations tell the version of the schema, `globalmetadataversion`")
def metadata_version(stage: Stage) -> None:
    """A cheap probe."""
    found = stage.get("organizations?$select=name", prefer='odata.include-annotations="*"').expect(200).json
    true(str(found.get("@Microsoft.Dynamics.CRM.globalmetadataversion", "")).isdigit(), "no globalmetadataversion")


@fact("2.7", "a new column raises `globalmetadataversion`", need=Need.SCHEMA)
def raised_version(stage: Stage) -> None:
    """Some schema changed."""
    name, everything = "@Microsoft.Dynamics.CRM.globalmetadataversion", 'odata.include-annotations="*"'
    before = int(stage.get("organizations?$select=name", prefer=everything).expect(200).json[name])
    _passing(stage)
    after = int(stage.get("organizations?$select=name", prefer=everything).expect(200).json[name])
    true(after > before, f"it is {after} after {before}")


@fact(
    "2.7",
    "the conditions of RetrieveMetadataChanges take {0}",
    each=[
        ("Equals", "System.String", "account", ["account"]),
    ],
)
def operators(stage: Stage, operator: str, kind: str, value: str, said: list[str]) -> None:
    """The single-value form is confirmed."""
    found = changes(stage, where=condition(operator, kind, value))["EntityMetadata"]
    same("the tables", [each["LogicalName"] for each in found], said)


@fact("2.7", "whether `In` takes an array as the JSON text of `System.String[]`", mark=Mark.UNCONFIRMED)
def in_array(stage: Stage) -> str:
    """OR-ed Equals conditions are the safe way."""
    where = condition("In", "System.String[]", json.dumps(["account", "contact"]))
    query = {"Criteria": {"FilterOperator": "And", "Conditions": [where]}}
    answer = stage.get(f"{_CHANGES}(Query=@p1)?@p1={quote(json.dumps(query))}")
    if answer.status >= 400:
        return f"it does not: {answer.refused()}"
    found = answer.json["EntityMetadata"]
    same("the tables", sorted(each["LogicalName"] for each in found), ["account", "contact"])
    return "it does"


@fact("2.7", "since a stamp a new column comes with its table, and no other column", need=Need.SCHEMA)
def new_column(stage: Stage) -> None:
    """Only what changed."""
    where = condition("Equals", "System.String", stage.subject.table)
    stamp = changes(stage, where=where)["ServerVersionStamp"]
    _passing(stage)
    (found,) = changes(stage, stamp, where=where)["EntityMetadata"]
    same("the columns", [each["LogicalName"] for each in found["Attributes"] if each["HasChanged"]], ["new_passing"])


@fact("2.7", "since a stamp a deleted column comes among DeletedMetadata, by its MetadataId", need=Need.SCHEMA)
def deleted_column(stage: Stage) -> None:
    """In a .NET dictionary."""
    where = condition("Equals", "System.String", stage.subject.table)
    address = _passing(stage)
    identity = stage.get(f"{address}?$select=LogicalName").expect(200).json["MetadataId"]
    stamp = changes(stage, where=where)["ServerVersionStamp"]
    stage.delete(address).expect(204)
    found = changes(stage, stamp, deleted="Attribute", where=where)["DeletedMetadata"]
    same("the kinds", found["Keys"], ["Attribute"])
    true(identity in found["Values"][0]["Items"], "the column is not among them")


@fact("2.7", "an unknown ClientVersionStamp is never answered as if nothing had changed", mark=Mark.KNOWN)
def never_silent(stage: Stage) -> str:
    """A full load, or a refusal."""
    answer = stage.get(
        f"{_CHANGES}(Query=@p1,ClientVersionStamp=@p3)?@p1="
        + quote(json.dumps({"Criteria": {"FilterOperator": "And", "Conditions": []}}))
        + "&@p3='1!01/01/2015 00:00:00'"
    )
    if answer.status >= 400:
        return answer.refused()
    true(answer.json["EntityMetadata"], "nothing has changed, it says")
    return "everything comes"


@fact("2.7", "a deleted column fails every query that selects it, with 400 0x80060888", need=Need.SCHEMA)
def column_gone(stage: Stage) -> None:
    """Drop it from the mapping."""
    address, path = _passing(stage), f"{stage.subject.entity_set}?$select=new_passing&$top=1"
    stage.get(path).expect(200)
    stage.delete(address).expect(204)
    stage.get(path).expect(400, "0x80060888")


def _passing(stage: Stage) -> str:
    """The address of a column that is gone after the fact."""
    at = f"EntityDefinitions(LogicalName='{stage.subject.table}')/Attributes"
    stage.post(at, column("String", "new_Passing", MaxLength=10)).expect(204)
    return stage.taken_away(f"{at}(LogicalName='new_passing')")
