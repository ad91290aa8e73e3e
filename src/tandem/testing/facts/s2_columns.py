"""Definitions of columns, the incremental schema, and types on the wire (reference 2.3, 2.4, 2.7, 2.8)."""

from typing import Any

from tandem.testing.facts.case import Need, fact, same, true
from tandem.testing.facts.s2_tables import ACCOUNT
from tandem.testing.facts.stage import Stage

_COMMON = (
    "LogicalName",
    "SchemaName",
    "AttributeType",
    "AttributeTypeName",
    "IsValidForRead",
    "IsValidForCreate",
    "IsValidForUpdate",
    "RequiredLevel",
    "IsSecured",
    "IsCustomAttribute",
    "IsPrimaryId",
    "IsPrimaryName",
    "IsLogical",
    "AttributeOf",
    "DisplayName",
    "CanBeSecuredForRead",
    "CanBeSecuredForCreate",
    "CanBeSecuredForUpdate",
)
_CASTS = {
    "String": ("name", ("MaxLength", "FormatName", "DatabaseLength")),
    "Memo": ("description", ("MaxLength", "Format")),
    "Integer": ("numberofemployees", ("MinValue", "MaxValue", "Format")),
    "Money": (
        "creditlimit",
        ("MinValue", "MaxValue", "Precision", "PrecisionSource", "IsBaseCurrency", "CalculationOf"),
    ),
    "DateTime": ("createdon", ("Format", "DateTimeBehavior")),
    "Lookup": ("primarycontactid", ("Targets",)),
    "Picklist": ("industrycode", ("DefaultFormValue",)),
    "Boolean": ("creditonhold", ("DefaultValue",)),
    "BigInt": ("versionnumber", ("MinValue", "MaxValue")),
}


def one(stage: Stage, name: str, kind: str = "", query: str = "") -> dict[str, Any]:
    """The definition of one column of account, cast to one kind."""
    cast = f"/Microsoft.Dynamics.CRM.{kind}AttributeMetadata" if kind else ""
    found: dict[str, Any] = stage.get(f"{ACCOUNT}/Attributes(LogicalName='{name}'){cast}{query}").expect(200).json
    return found


@fact("2.3", "a column has the property `{0}`", each=[(name,) for name in _COMMON])
def common(stage: Stage, name: str) -> None:
    """For every type."""
    true(name in one(stage, "name", query=f"?$select={name}"), f"no {name}")


@fact("2.3", "the columns of a table tell their type in `@odata.type`")
def typed(stage: Stage) -> None:
    """Each its own."""
    rows = stage.get(f"{ACCOUNT}/Attributes?$select=LogicalName").rows
    found = {row["LogicalName"]: row.get("@odata.type") for row in rows}
    same("@odata.type of name", found["name"], "#Microsoft.Dynamics.CRM.StringAttributeMetadata")


@fact(
    "2.3",
    "account.{0} is {1}, {2}",
    each=[
        ("name", "String", "StringType"),
        ("description", "Memo", "MemoType"),
        ("creditlimit", "Money", "MoneyType"),
        ("numberofemployees", "Integer", "IntegerType"),
        ("creditonhold", "Boolean", "BooleanType"),
        ("createdon", "DateTime", "DateTimeType"),
        ("industrycode", "Picklist", "PicklistType"),
        ("statecode", "State", "StateType"),
        ("statuscode", "Status", "StatusType"),
        ("ownerid", "Owner", "OwnerType"),
        ("primarycontactid", "Lookup", "LookupType"),
        ("accountid", "Uniqueidentifier", "UniqueidentifierType"),
        ("versionnumber", "BigInt", "BigIntType"),
    ],
)
def types(stage: Stage, name: str, kind: str, type_name: str) -> None:
    """AttributeType and AttributeTypeName."""
    found = one(stage, name, query="?$select=AttributeType,AttributeTypeName")
    same("the type", (found["AttributeType"], found["AttributeTypeName"]["Value"]), (kind, type_name))


@fact("2.3", "contact.parentcustomerid is Customer")
def customer(stage: Stage) -> None:
    """A lookup to two tables."""
    path = "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='parentcustomerid')"
    same("AttributeType", stage.get(f"{path}?$select=AttributeType").expect(200).json["AttributeType"], "Customer")


@fact("2.3", "a column with `AttributeOf` cannot be selected")
def shadow(stage: Stage) -> None:
    """A shadow such as `primarycontactidname`."""
    stage.get("accounts?$select=primarycontactidname&$top=1").expect(400, "0x80060888")


@fact("2.3", "requirement levels are None, Recommended, ApplicationRequired and SystemRequired")
def levels(stage: Stage) -> None:
    """Nothing else."""
    rows = stage.get(f"{ACCOUNT}/Attributes?$select=LogicalName,RequiredLevel").rows
    unknown = {row["RequiredLevel"]["Value"] for row in rows} - {
        "None",
        "Recommended",
        "ApplicationRequired",
        "SystemRequired",
    }
    same("other levels", sorted(unknown), [])


@fact("2.3", "ApplicationRequired is not enforced: a lead without lastname and subject is made", need=Need.SALES)
def application_required(stage: Stage) -> None:
    """It binds forms only."""
    stage.make("leads", {"companyname": stage.mark})


@fact("2.3", "account.{0} is not valid for update", each=[("createdon",), ("modifiedon",), ("versionnumber",)])
def read_only(stage: Stage, name: str) -> None:
    """The service's own."""
    same("IsValidForUpdate", one(stage, name, query="?$select=IsValidForUpdate")["IsValidForUpdate"], False)


@fact("2.3", "`overriddencreatedon` is valid for create only")
def create_only(stage: Stage) -> None:
    """Backdating."""
    found = one(stage, "overriddencreatedon", query="?$select=IsValidForCreate,IsValidForUpdate")
    same("create and update", (found["IsValidForCreate"], found["IsValidForUpdate"]), (True, False))


@fact(
    "2.4",
    "{0}AttributeMetadata has `{2}`",
    each=[(kind, name, each) for kind, (name, properties) in _CASTS.items() for each in properties],
)
def cast(stage: Stage, kind: str, name: str, each: str) -> None:
    """By a cast only."""
    true(each in one(stage, name, kind, f"?$select={each}"), f"no {each}")


@fact("2.4", "a property of one type cannot be selected without a cast")
def without_cast(stage: Stage) -> None:
    """`MaxLength` is no property of every column."""
    stage.get(f"{ACCOUNT}/Attributes?$select=MaxLength").expect(400, "0x80060888")


@fact("2.4", "the abstract EnumAttributeMetadata cannot be cast to")
def abstract(stage: Stage) -> None:
    """One of its kinds can."""
    stage.get(f"{ACCOUNT}/Attributes/Microsoft.Dynamics.CRM.EnumAttributeMetadata?$select=LogicalName").refused()


@fact("2.4", "the lookup cast holds Customer and Owner columns too")
def lookup_cast(stage: Stage) -> None:
    """`Targets` of all three."""
    path = "EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM.LookupAttributeMetadata"
    found = {row["LogicalName"]: row["Targets"] for row in stage.get(f"{path}?$select=LogicalName,Targets").rows}
    same("targets of parentcustomerid", sorted(found["parentcustomerid"]), ["account", "contact"])
    true({"systemuser", "team"} <= set(found["ownerid"]), f"targets of ownerid are {found['ownerid']}")


@fact(
    "2.4",
    "options come with `{0}`",
    each=[
        (name,)
        for name in (
            "Value",
            "Color",
            "IsManaged",
            "ExternalValue",
            "ParentValues",
            "Label",
            "Description",
            "MetadataId",
            "HasChanged",
        )
    ],
)
def option(stage: Stage, name: str) -> None:
    """Of a choice, expanded."""
    found = one(stage, "industrycode", "Picklist", "?$select=LogicalName&$expand=OptionSet($select=Options)")
    true(all(name in each for each in found["OptionSet"]["Options"]), f"no {name}")


@fact("2.4", "a local option set stands in OptionSet, and GlobalOptionSet is null")
def local_set(stage: Stage) -> None:
    """Read whichever is not null."""
    expanded = "$expand=OptionSet($select=Options,IsGlobal,Name),GlobalOptionSet($select=Options,Name)"
    found = one(stage, "industrycode", "Picklist", f"?$select=LogicalName&{expanded}")
    same("GlobalOptionSet", found["GlobalOptionSet"], None)
    same("OptionSet", (found["OptionSet"]["IsGlobal"], found["OptionSet"]["Name"]), (False, "account_industrycode"))


@fact("2.4", "a state option tells `{0}`", each=[("DefaultStatus",), ("InvariantName",)])
def state_option(stage: Stage, name: str) -> None:
    """`StateOptionMetadata`."""
    found = one(stage, "statecode", "State", "?$select=LogicalName&$expand=OptionSet")
    true(all(name in each for each in found["OptionSet"]["Options"]), f"no {name}")


@fact("2.4", "a status option tells `{0}`", each=[("State",), ("TransitionData",)])
def status_option(stage: Stage, name: str) -> None:
    """`StatusOptionMetadata`."""
    found = one(stage, "statuscode", "Status", "?$select=LogicalName&$expand=OptionSet")
    true(all(name in each for each in found["OptionSet"]["Options"]), f"no {name}")


@fact("2.4", "yes and no are `TrueOption` and `FalseOption`")
def boolean_options(stage: Stage) -> None:
    """Of a boolean, expanded."""
    found = one(stage, "creditonhold", "Boolean", "?$select=LogicalName&$expand=OptionSet")["OptionSet"]
    same("values", (found["TrueOption"]["Value"], found["FalseOption"]["Value"]), (1, 0))


@fact("2.4", "several choices have `AttributeType` Virtual, told by `MultiSelectPicklistType`", need=Need.SCHEMA)
def virtual(stage: Stage) -> None:
    """As images and files are."""
    path = f"EntityDefinitions(LogicalName='{stage.subject.table}')/Attributes(LogicalName='new_choices')"
    found = stage.get(f"{path}?$select=AttributeType,AttributeTypeName").expect(200).json
    same(
        "the type",
        (found["AttributeType"], found["AttributeTypeName"]["Value"]),
        ("Virtual", "MultiSelectPicklistType"),
    )


@fact(
    "2.4",
    "a new {0} column tells its {2}",
    need=Need.SCHEMA,
    each=[
        ("String", "new_text", "MaxLength", 20),
        ("Integer", "new_whole", "MaxValue", 1_000),
        ("Decimal", "new_decimal", "Precision", 2),
        ("Double", "new_double", "Precision", 2),
        ("Money", "new_money", "PrecisionSource", 0),
        ("DateTime", "new_day", "Format", "DateOnly"),
        ("DateTime", "new_typed", "DateTimeBehavior", {"Value": "TimeZoneIndependent"}),
    ],
)
def new_columns(stage: Stage, kind: str, name: str, each: str, value: object) -> None:
    """As it was made."""
    path = f"EntityDefinitions(LogicalName='{stage.subject.table}')/Attributes(LogicalName='{name}')"
    found = stage.get(f"{path}/Microsoft.Dynamics.CRM.{kind}AttributeMetadata?$select={each}").expect(200).json
    same(each, found[each], value)


@fact("2.8", "several choices are written with blanks after the commas, and read without", need=Need.SCHEMA)
def choices_with_blanks(stage: Stage) -> None:
    """Compare as sets."""
    row_id = stage.row(new_choices="3, 1")
    found = stage.get(f"{stage.address(row_id)}?$select=new_choices").expect(200).json["new_choices"]
    same("the choices", sorted(found.split(",")), ["1", "3"])


@fact("2.8", "the labels of several choices are joined with `; `", need=Need.SCHEMA)
def choices_labels(stage: Stage) -> None:
    """The formatted value."""
    row_id = stage.row(new_choices="1,3")
    answer = stage.get(f"{stage.address(row_id)}?$select=new_choices", prefer='odata.include-annotations="*"')
    found = answer.expect(200).json["new_choices@OData.Community.Display.V1.FormattedValue"]
    same("the formatted value", found, "One; Three")


@fact("2.8", "several choices are found with ContainValues", need=Need.SCHEMA)
def contain_values(stage: Stage) -> None:
    """By one of them."""
    row_id = stage.row(new_choices="1,3")
    condition = "Microsoft.Dynamics.CRM.ContainValues(PropertyName='new_choices',PropertyValues=['3'])"
    rows = stage.get(f"{stage.subject.entity_set}?$select={stage.subject.id}&$filter={condition}").rows
    true(row_id in [row[stage.subject.id] for row in rows], "the row is not found")


@fact("2.8", "several choices cannot be sorted by", need=Need.SCHEMA)
def choices_unsorted(stage: Stage) -> None:
    """Nor grouped."""
    stage.get(f"{stage.subject.entity_set}?$select={stage.subject.id}&$orderby=new_choices").refused()
