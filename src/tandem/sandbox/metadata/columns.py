"""Columns in the shapes that EntityDefinitions answers with: common properties, those of each class, option sets.

A shadow column stands beside each lookup and choice and cannot be asked for. A client that maps it fails at its first
read, so it is told here as a tenant tells it (reference 2.3, 2.4).
"""

from collections.abc import Iterator, Sequence

from tandem.sandbox.metadata.shapes import Shape, label, managed, metadata_id, option_set_shape, option_shapes
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.tables import ColumnDefinition, ColumnType, Definitions, TableDefinition

_CLASSES = {
    ColumnType.CHOICES: "MultiSelectPicklist",
    ColumnType.CUSTOMER: "Lookup",
    ColumnType.OWNER: "Lookup",
    ColumnType.GUID: "UniqueIdentifier",
}

ATTRIBUTE_CLASSES = frozenset(
    f"{name}AttributeMetadata"
    for name in (
        *(_CLASSES.get(type_, type_) for type_ in ColumnType),
        "EntityName",
        "File",
        "Image",
        "ManagedProperty",
    )
)
"""The classes that columns can be cast to (reference 2.4)."""

OPTION_SETS = {
    "BooleanAttributeMetadata",
    "PicklistAttributeMetadata",
    "MultiSelectPicklistAttributeMetadata",
    "StateAttributeMetadata",
    "StatusAttributeMetadata",
}
"""The attribute classes whose `OptionSet` can be expanded."""


def column_id(table: TableDefinition, column: ColumnDefinition) -> str:
    """The MetadataId of a column."""
    return metadata_id(table.name, column.name, made=column.created_at)


def attribute_class(column: ColumnDefinition) -> str:
    """The class a column must be cast to: `StringAttributeMetadata`."""
    return f"{_CLASSES.get(column.type, column.type)}AttributeMetadata"


def attribute_shapes(definitions: Definitions, table: TableDefinition) -> Sequence[tuple[Shape, Shape]]:
    """Every attribute of the table as (common properties, properties of its class), shadow columns included.

    They are shared by all who ask: nobody may change them.
    """
    # Global option sets are not the table's own: they may change without it.
    depends = any(column.option_set is not None for column in table.columns.values())
    holder = definitions if depends else table
    return holder.derive(f"attributes of {table.name}", lambda: list(_attribute_shapes(definitions, table)))


def _attribute_shapes(definitions: Definitions, table: TableDefinition) -> Iterator[tuple[Shape, Shape]]:
    for number, column in enumerate(table.columns.values(), start=1):
        common = _common(table, column, number)
        yield common, _specific(definitions, table, column)
        yield from _shadows(common, table, column)


def _common(table: TableDefinition, column: ColumnDefinition, number: int) -> Shape:
    virtual = column.type is ColumnType.CHOICES
    return {
        "@odata.type": f"#{NAMESPACE}{attribute_class(column)}",
        "MetadataId": column_id(table, column),
        "HasChanged": None,
        "LogicalName": column.name,
        "SchemaName": column.schema_name,
        "EntityLogicalName": table.name,
        "AttributeType": "Virtual" if virtual else str(column.type),
        "AttributeTypeName": {"Value": f"{column.type}Type"},
        "IsValidForRead": True,
        "IsValidForCreate": column.creatable,
        "IsValidForUpdate": column.updatable and column.name != table.primary_id,
        "IsRetrievable": True,
        "IsFilterable": True,
        "RequiredLevel": managed(str(column.required), "canmodifyrequirementlevelsettings"),
        "IsSecured": column.secured,
        "CanBeSecuredForRead": column.type is not ColumnType.GUID,
        "CanBeSecuredForCreate": column.creatable,
        "CanBeSecuredForUpdate": column.updatable,
        "IsCustomAttribute": column.custom,
        "IsCustomizable": managed(True, "iscustomizable"),
        "IsManaged": not column.custom,
        "IsPrimaryId": column.name == table.primary_id,
        "IsPrimaryName": column.name == table.primary_name,
        "IsLogical": column.derived is not None,
        "AttributeOf": None,
        "SourceType": 0,
        "ColumnNumber": number,
        "DisplayName": label(column.label, table.name, column.name, custom=column.custom),
        "Description": label(column.description, table.name, column.name, "description", custom=column.custom),
    }


def _specific(definitions: Definitions, table: TableDefinition, column: ColumnDefinition) -> Shape:
    bounds = {"MinValue": column.minimum, "MaxValue": column.maximum}
    match column.type:
        case ColumnType.STRING:
            database = None if column.max_length is None else column.max_length * 2
            return {
                "MaxLength": column.max_length,
                "Format": column.format,
                "FormatName": {"Value": column.format},
                "DatabaseLength": database,
            }
        case ColumnType.MEMO:
            return {"MaxLength": column.max_length, "Format": column.format}
        case ColumnType.INTEGER:
            return {**bounds, "Format": column.format}
        case ColumnType.BIGINT:
            return {"MinValue": -(2**63), "MaxValue": 2**63 - 1}
        case ColumnType.DECIMAL | ColumnType.DOUBLE:
            return {**bounds, "Precision": column.precision}
        case ColumnType.MONEY:
            base = column.derived is not None
            return {
                **bounds,
                "Precision": column.precision,
                "PrecisionSource": column.precision_source,
                "IsBaseCurrency": base,
                "CalculationOf": column.name.removesuffix("_base") if base else None,
            }
        case ColumnType.DATETIME:
            return {"Format": column.format, "DateTimeBehavior": {"Value": str(column.behaviour)}}
        case ColumnType.LOOKUP | ColumnType.CUSTOMER | ColumnType.OWNER:
            return {"Targets": list(column.targets), "Format": "None"}
        case ColumnType.GUID:
            return {}
        case ColumnType.BOOLEAN:
            return {"DefaultValue": bool(column.default), **_option_sets(definitions, table, column)}
        case _:
            return {
                "DefaultFormValue": -1 if column.default is None else column.default,
                **_option_sets(definitions, table, column),
            }


def _option_sets(definitions: Definitions, table: TableDefinition, column: ColumnDefinition) -> Shape:
    """Only shown when expanded: the column's own set or the global one, the other is null (reference 2.4)."""
    if column.option_set is not None:
        return {"OptionSet": None, "GlobalOptionSet": option_set_shape(definitions.option_sets[column.option_set])}
    names = (table.name, column.name)
    options = option_shapes(column.options, *names, custom=column.custom)
    for shape, option in zip(options, column.options, strict=True):
        if column.type is ColumnType.STATE:
            shape |= {"DefaultStatus": option.default_status, "InvariantName": option.label}
            shape["@odata.type"] = f"#{NAMESPACE}StateOptionMetadata"
        if column.type is ColumnType.STATUS:
            shape |= {"State": option.state, "TransitionData": None}
            shape["@odata.type"] = f"#{NAMESPACE}StatusOptionMetadata"
    own: Shape = {
        "MetadataId": metadata_id("optionset", *names, made=column.created_at),
        "HasChanged": None,
        "Name": f"{table.name}_{column.name}",
        "IsGlobal": False,
        "IsCustomOptionSet": column.custom,
        "OptionSetType": "Picklist" if column.type is ColumnType.CHOICES else str(column.type),
        "DisplayName": label(column.label, "optionset", *names, custom=column.custom),
    }
    if column.type is ColumnType.BOOLEAN:
        false, true = options
        return {"OptionSet": {**own, "TrueOption": true, "FalseOption": false}, "GlobalOptionSet": None}
    return {"OptionSet": {**own, "Options": options}, "GlobalOptionSet": None}


def _shadows(common: Shape, table: TableDefinition, column: ColumnDefinition) -> Iterator[tuple[Shape, Shape]]:
    """The columns that only accompany another and cannot be addressed in the Web API (reference 2.3)."""
    if column.is_lookup:
        specific: Shape = {"MaxLength": 100, "Format": "Text", "FormatName": {"Value": "Text"}, "DatabaseLength": 200}
        yield _shadow(common, table, column, "name", "String", "StringAttributeMetadata"), specific
        if column.polymorphic:
            yield _shadow(common, table, column, "type", "EntityName", "EntityNameAttributeMetadata"), {}
    elif column.options:
        yield _shadow(common, table, column, "name", "Virtual", "AttributeMetadata"), {}


def _shadow(
    common: Shape, table: TableDefinition, column: ColumnDefinition, suffix: str, kind: str, of_class: str
) -> Shape:
    return {
        **common,
        "@odata.type": f"#{NAMESPACE}{of_class}",
        "MetadataId": metadata_id(table.name, column.name + suffix, made=column.created_at),
        "LogicalName": column.name + suffix,
        "SchemaName": column.schema_name + suffix.title(),
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "IsValidForCreate": False,
        "IsValidForUpdate": False,
        "RequiredLevel": managed("None", "canmodifyrequirementlevelsettings"),
        "IsPrimaryId": False,
        "IsPrimaryName": False,
        "IsLogical": True,
        "AttributeOf": column.name,
        "DisplayName": label(""),
        "Description": label(""),
    }
