"""The table that facts about any table are looked at: the suite's own, or account where none may be made.

The facts name columns by what they are (`text`, `whole`, `money`); here stands what they are called in which table.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from uuid import uuid4

from tandem.testing.facts.case import Differs
from tandem.testing.facts.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A table with one column of each common type. `parent` is a lookup to the table itself, `children` its other
    end; `length` is the text's, `most` the whole number's greatest value."""

    table: str
    entity_set: str
    id: str
    name: str
    text: str
    length: int
    whole: str
    most: int
    flag: str
    choice: str
    money: str
    parent: str
    navigation: str
    children: str

    def values(self, **values: object) -> dict[str, object]:
        """Values by the table's own column names; `parent` takes the id of a row, and None to be emptied."""
        named = {field.name for field in fields(self)}
        found = {getattr(self, name) if name in named else name: value for name, value in values.items()}
        if "parent" in values:
            parent = found.pop(self.parent)
            found[f"{self.navigation}@odata.bind"] = parent and f"/{self.entity_set}({parent})"
        return found


ACCOUNT = Subject(
    table="account",
    entity_set="accounts",
    id="accountid",
    name="name",
    text="accountnumber",
    length=20,
    whole="numberofemployees",
    most=1_000_000_000,
    flag="creditonhold",
    choice="industrycode",
    money="creditlimit",
    parent="parentaccountid",
    navigation="parentaccountid",
    children="account_parent_account",
)
"""Where no table may be made."""


def make_table(client: Client) -> Subject:
    """A new table with every common type of column, a lookup to itself, tracked changes and an alternate key.

    Raises Differs where the organisation does not let it be made; what was made by then is removed again.
    """
    table = f"new_tandemfact{uuid4().hex[:8]}"
    subject = Subject(
        table=table,
        entity_set=f"{table}s",
        id=f"{table}id",
        name="new_name",
        text="new_text",
        length=20,
        whole="new_whole",
        most=1_000,
        flag="new_flag",
        choice="new_choice",
        money="new_money",
        parent="new_parentid",
        navigation="new_ParentId",
        children=f"{table}_parent",
    )
    try:
        create(client, "EntityDefinitions", table_definition(table))
        at = f"EntityDefinitions(LogicalName='{table}')"
        for definition in COLUMNS:
            create(client, f"{at}/Attributes", definition)
        create(client, "RelationshipDefinitions", relationship(subject))
        create(client, f"{at}/Keys", {"SchemaName": "new_TextKey", **named("Text"), "KeyAttributes": [subject.text]})
        described = client.send("GET", f"{at}?$select=EntitySetName").expect(200).json
    except BaseException:
        with suppress(Differs):
            remove_table(client, subject)
        raise
    return replace(subject, entity_set=described["EntitySetName"])


def remove_table(client: Client, subject: Subject) -> None:
    """Take the table away, with its rows. Raises Differs where that is refused."""
    client.send("DELETE", f"EntityDefinitions(LogicalName='{subject.table}')").expect(204)


def create(client: Client, path: str, definition: Mapping[str, object]) -> str:
    """The address of a definition that is made. Raises Differs."""
    return client.send("POST", path, definition).expect(204).headers.get("odata-entityid", "")


def named(text: str) -> dict[str, object]:
    """A label in English, as definitions carry it (reference 2.6)."""
    label = {"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}
    return {"DisplayName": {"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": [label]}}


def column(kind: str, schema_name: str, **more: object) -> dict[str, object]:
    """The definition of a column of one type of reference 2.4."""
    return {
        "@odata.type": f"Microsoft.Dynamics.CRM.{kind}AttributeMetadata",
        "SchemaName": schema_name,
        "RequiredLevel": {"Value": "None"},
        **named(schema_name.partition("_")[2]),
        **more,
    }


def options(*labels: str) -> dict[str, dict[str, object]]:
    """A column's own options, numbered from 1."""
    kept = [{"Value": value, "Label": named(label)["DisplayName"]} for value, label in enumerate(labels, 1)]
    kind = "Microsoft.Dynamics.CRM.OptionSetMetadata"
    return {"OptionSet": {"@odata.type": kind, "IsGlobal": False, "OptionSetType": "Picklist", "Options": kept}}


def table_definition(table: str) -> dict[str, object]:
    """A table with nothing but its name column."""
    name = column("String", "new_Name", MaxLength=100, FormatName={"Value": "Text"}, IsPrimaryName=True)
    return {
        "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata",
        "SchemaName": table,
        **named("Tandem facts"),
        "DisplayCollectionName": named("Tandem facts")["DisplayName"],
        "OwnershipType": "UserOwned",
        "HasActivities": False,
        "HasNotes": False,
        "ChangeTrackingEnabled": True,
        "Attributes": [name],
    }


def relationship(subject: Subject) -> dict[str, object]:
    """The table's lookup to itself."""
    return {
        "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
        "SchemaName": subject.children,
        "ReferencedEntity": subject.table,
        "ReferencingEntity": subject.table,
        "Lookup": column("Lookup", subject.navigation),
    }


_YES_NO = {
    "@odata.type": "Microsoft.Dynamics.CRM.BooleanOptionSetMetadata",
    "TrueOption": {"Value": 1, "Label": named("Yes")["DisplayName"]},
    "FalseOption": {"Value": 0, "Label": named("No")["DisplayName"]},
}
COLUMNS = (
    column("String", "new_Text", MaxLength=20, FormatName={"Value": "Text"}),
    column("Memo", "new_Memo", MaxLength=200, Format="TextArea"),
    column("Integer", "new_Whole", MinValue=0, MaxValue=1_000, Format="None"),
    column("BigInt", "new_Big"),
    column("Decimal", "new_Decimal", MinValue=0, MaxValue=1_000, Precision=2),
    column("Double", "new_Double", MinValue=0, MaxValue=1_000, Precision=2),
    column("Money", "new_Money", MinValue=0, MaxValue=1_000_000, Precision=2, PrecisionSource=0),
    column("Boolean", "new_Flag", DefaultValue=False, OptionSet=_YES_NO),
    column("DateTime", "new_Moment", Format="DateAndTime", DateTimeBehavior={"Value": "UserLocal"}),
    column("DateTime", "new_Day", Format="DateOnly", DateTimeBehavior={"Value": "DateOnly"}),
    column("DateTime", "new_Typed", Format="DateAndTime", DateTimeBehavior={"Value": "TimeZoneIndependent"}),
    column("Picklist", "new_Choice", **options("One", "Two", "Three")),
    column("MultiSelectPicklist", "new_Choices", **options("One", "Two", "Three")),
)
"""The columns of the suite's own table beside its name and its lookup (reference 2.4)."""
