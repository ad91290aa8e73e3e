"""The operations of the control door that change what an organisation defines.

A customer's administrator does this while a sync runs: a column goes, is made again with another type, or takes less.
They are the requests of the metadata API, so nothing can be changed here that no tenant lets anybody change.
"""

import msgspec

from tandem.sandbox.door.levers import Levers, Operation
from tandem.sandbox.metadata import changing
from tandem.sandbox.metadata.shapes import LANGUAGE
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.tables.custom import custom_column


def _label(text: str) -> dict[str, object]:
    return {"LocalizedLabels": [{"Label": text, "LanguageCode": LANGUAGE}]}


def _table(name: str) -> str:
    return f"EntityDefinitions(LogicalName='{name}')"


def _column(table: str, name: str) -> str:
    return f"{_table(table)}/Attributes(LogicalName='{name}')"


class MakeTable(Operation):
    """make a table of that schema name (`new_Thing`), with the column `new_name` and with `columns`, short type names
    by logical name as in a CSV header"""

    table: str
    label: str | None = None
    columns: dict[str, str] = msgspec.field(default_factory=dict)

    def run(self, levers: Levers) -> object:
        """Its logical name and its entity set."""
        prefix = self.table.partition("_")[0]
        primary = {
            "@odata.type": f"{NAMESPACE}StringAttributeMetadata",
            "SchemaName": f"{prefix}_Name",
            "DisplayName": _label("Name"),
            "IsPrimaryName": True,
        }
        content = {
            "SchemaName": self.table,
            "DisplayName": _label(self.label or self.table),
            "ChangeTrackingEnabled": True,
            "Attributes": [primary],
        }
        organisation, name = levers.organisation, self.table.lower()
        with organisation.transaction():
            levers.write("POST", "EntityDefinitions", content, user=None)
            for column, type in self.columns.items():
                changing.make_column(organisation, organisation.tables[name], custom_column(column, type))
        return {"table": name, "entity_set": levers.entity_set(name)}


class RemoveTable(Operation):
    """remove a custom table with its rows"""

    table: str

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.write("DELETE", _table(self.table), {}, user=None)
        return {}


class MakeColumn(Operation):
    """make a column of a short type name, as in a CSV header; after `remove-column` it is another one"""

    table: str
    column: str
    type: str
    label: str | None = None

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.entity_set(self.table)
        made = custom_column(self.column, self.type, label=self.label)
        changing.make_column(levers.organisation, levers.organisation.tables[self.table], made)
        return {}


class MakeLookup(Operation):
    """make a lookup of that schema name (`new_OrderId`) that points to the `target`, a table; without one to customers,
    which are accounts and contacts"""

    table: str
    column: str
    target: str | None = None
    label: str | None = None

    def run(self, levers: Levers) -> object:
        """Its logical name."""
        levers.entity_set(self.table)
        lookup = {
            "@odata.type": f"{NAMESPACE}{'Lookup' if self.target else 'ComplexLookup'}AttributeMetadata",
            "SchemaName": self.column,
            "DisplayName": _label(self.label or self.column),
        }
        relationships: list[dict[str, object]] = [
            {
                "@odata.type": f"{NAMESPACE}OneToManyRelationshipMetadata",
                "SchemaName": f"{self.column}_{self.table}_{target}",
                "ReferencedEntity": target,
                "ReferencingEntity": self.table,
            }
            for target in ([self.target] if self.target else ["account", "contact"])
        ]
        if self.target:
            levers.write("POST", "RelationshipDefinitions", {**relationships[0], "Lookup": lookup}, user=None)
        else:
            content = {"Lookup": lookup, "OneToManyRelationships": relationships}
            levers.write("POST", "CreateCustomerRelationships", content, user=None)
        return {"column": self.column.lower()}


class ChangeColumn(Operation):
    """change the label or the limits of a column; rows keep values that no longer fit. `required`: None, Recommended
    or ApplicationRequired"""

    table: str
    column: str
    label: str | None = None
    required: str | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    precision: int | None = None

    def run(self, levers: Levers) -> object:
        """Nothing."""
        told = {
            "DisplayName": None if self.label is None else _label(self.label),
            "RequiredLevel": None if self.required is None else {"Value": self.required},
            "MaxLength": self.max_length,
            "MinValue": self.minimum,
            "MaxValue": self.maximum,
            "Precision": self.precision,
        }
        content = {name: value for name, value in told.items() if value is not None}
        levers.write("PUT", _column(self.table, self.column), content, user=None)
        return {}


class RemoveColumn(Operation):
    """remove a custom column with its values"""

    table: str
    column: str

    def run(self, levers: Levers) -> object:
        """Nothing."""
        levers.write("DELETE", _column(self.table, self.column), {}, user=None)
        return {}


class RemoveOption(Operation):
    """remove an option of a choice column; rows that hold it keep the number"""

    table: str
    column: str
    option: int

    def run(self, levers: Levers) -> object:
        """Nothing."""
        told = {"EntityLogicalName": self.table, "AttributeLogicalName": self.column, "Value": self.option}
        levers.write("POST", "DeleteOptionValue", told, user=None)
        return {}
