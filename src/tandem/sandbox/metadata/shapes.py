"""Definitions of tables, columns and relationships in the shapes that EntityDefinitions answers with (reference 2)."""

from collections.abc import Iterator, Mapping
from uuid import NAMESPACE_URL, uuid5

from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.store.privileges import Right, privilege_id, privilege_name
from tandem.sandbox.tables import (
    Association,
    Cascade,
    ColumnDefinition,
    ColumnType,
    OptionDefinition,
    TableDefinition,
)

Shape = dict[str, object]

LANGUAGE = 1033

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


def metadata_id(*names: str) -> str:
    """A stable id for a piece of metadata."""
    return str(uuid5(NAMESPACE_URL, "metadata:" + "/".join(names)))


def label(text: str | None, *names: str) -> Shape:
    """A label in the one language of the sandbox; without text, the empty shape."""
    if not text:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    localized = {
        "Label": text,
        "LanguageCode": LANGUAGE,
        "IsManaged": True,
        "MetadataId": metadata_id("label", *names),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": localized}


def managed(value: object, name: str) -> Shape:
    """A managed property."""
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def table_shape(table: TableDefinition) -> Shape:
    """The properties of one EntityMetadata."""
    return {
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.entity_set,
        "LogicalCollectionName": table.entity_set,
        "CollectionSchemaName": table.entity_set,
        "PrimaryIdAttribute": table.primary_id,
        "PrimaryNameAttribute": table.primary_name,
        "ObjectTypeCode": table.object_type_code,
        "OwnershipType": table.ownership,
        "ChangeTrackingEnabled": table.change_tracking,
        "CanChangeTrackingBeEnabled": managed(True, "canchangetrackingbeenabled"),
        "CanCreateAttributes": managed(not table.is_intersect, "cancreateattributes"),
        "IsOptimisticConcurrencyEnabled": table.optimistic_concurrency,
        "IsActivity": False,
        "IsIntersect": table.is_intersect,
        "IsCustomEntity": False,
        "IsLogicalEntity": False,
        "TableType": "Standard",
        "DisplayName": label(table.label, table.name),
        "DisplayCollectionName": label(f"{table.label}s", table.name, "collection"),
        "Description": label(None),
        "Privileges": [_privilege(table, right) for right in Right],
    }


def _privilege(table: TableDefinition, right: Right) -> Shape:
    name = privilege_name(table, right)
    owned = "ownerid" in table.columns
    return {
        "CanBeBasic": owned,
        "CanBeLocal": owned,
        "CanBeDeep": owned,
        "CanBeGlobal": True,
        "CanBeEntityReference": False,
        "CanBeParentEntityReference": False,
        "Name": name,
        "PrivilegeId": privilege_id(name),
        "PrivilegeType": str(right),
    }


def attribute_shapes(table: TableDefinition) -> Iterator[tuple[Shape, Shape]]:
    """Every attribute of the table as (common properties, properties of its class), shadow columns included."""
    for column in table.columns.values():
        yield _common(table, column), _specific(table, column)
        yield from _shadows(table, column)


def attribute_class(column: ColumnDefinition) -> str:
    """The class a column must be cast to: `StringAttributeMetadata`."""
    return f"{_CLASSES.get(column.type, column.type)}AttributeMetadata"


def _common(table: TableDefinition, column: ColumnDefinition) -> Shape:
    virtual = column.type is ColumnType.CHOICES
    return {
        "@odata.type": f"#{NAMESPACE}{attribute_class(column)}",
        "MetadataId": metadata_id(table.name, column.name),
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
        "IsPrimaryId": column.name == table.primary_id,
        "IsPrimaryName": column.name == table.primary_name,
        "IsLogical": column.derived is not None,
        "AttributeOf": None,
        "SourceType": 0,
        "ColumnNumber": list(table.columns).index(column.name) + 1,
        "DisplayName": label(column.label, table.name, column.name),
        "Description": label(None),
    }


def _specific(table: TableDefinition, column: ColumnDefinition) -> Shape:
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
            calculated = column.name.removesuffix("_base") if base else None
            source = {"PrecisionSource": 2, "IsBaseCurrency": base, "CalculationOf": calculated}
            return {**bounds, "Precision": column.precision, **source}
        case ColumnType.DATETIME:
            behavior = "DateOnly" if column.date_only else "UserLocal"
            return {"Format": column.format, "DateTimeBehavior": {"Value": behavior}}
        case ColumnType.LOOKUP | ColumnType.CUSTOMER | ColumnType.OWNER:
            return {"Targets": list(column.targets), "Format": "None"}
        case ColumnType.GUID:
            return {}
        case ColumnType.BOOLEAN:
            return {"DefaultValue": False, **_option_sets(table, column)}
        case _:
            return {"DefaultFormValue": -1, **_option_sets(table, column)}


def _option_sets(table: TableDefinition, column: ColumnDefinition) -> Shape:
    """Only shown when expanded. The shipped sets are local, so the global one is null."""
    options: Shape
    if column.type is ColumnType.BOOLEAN:
        false, true = (_option(table, column, option) for option in column.options)
        options = {"TrueOption": true, "FalseOption": false}
    else:
        options = {"Options": [_option(table, column, option) for option in column.options]}
    return {
        "OptionSet": {
            "MetadataId": metadata_id("optionset", table.name, column.name),
            "Name": f"{table.name}_{column.name}",
            "IsGlobal": False,
            "IsCustomOptionSet": column.custom,
            "OptionSetType": "Picklist" if column.type is ColumnType.CHOICES else str(column.type),
            "DisplayName": label(column.label, "optionset", table.name, column.name),
            **options,
        },
        "GlobalOptionSet": None,
    }


def _option(table: TableDefinition, column: ColumnDefinition, option: OptionDefinition) -> Shape:
    shape: Shape = {
        "Value": option.value,
        "Color": None,
        "IsManaged": True,
        "ExternalValue": None,
        "ParentValues": [],
        "Label": label(option.label, table.name, column.name, str(option.value)),
        "Description": label(None),
        "MetadataId": None,
        "HasChanged": None,
    }
    if column.type is ColumnType.STATE:
        shape |= {"DefaultStatus": option.default_status, "InvariantName": option.label}
        shape["@odata.type"] = f"#{NAMESPACE}StateOptionMetadata"
    if column.type is ColumnType.STATUS:
        shape |= {"State": option.state, "TransitionData": None}
        shape["@odata.type"] = f"#{NAMESPACE}StatusOptionMetadata"
    return shape


def _shadows(table: TableDefinition, column: ColumnDefinition) -> Iterator[tuple[Shape, Shape]]:
    """The columns that only accompany another and cannot be addressed in the Web API (reference 2.3)."""
    if column.is_lookup:
        specific: Shape = {"MaxLength": 100, "Format": "Text", "FormatName": {"Value": "Text"}, "DatabaseLength": 200}
        yield _shadow(table, column, "name", "String", "StringAttributeMetadata"), specific
        if column.polymorphic:
            yield _shadow(table, column, "type", "EntityName", "EntityNameAttributeMetadata"), {}
    elif column.options:
        yield _shadow(table, column, "name", "Virtual", "AttributeMetadata"), {}


def _shadow(table: TableDefinition, column: ColumnDefinition, suffix: str, kind: str, of_class: str) -> Shape:
    return {
        **_common(table, column),
        "@odata.type": f"#{NAMESPACE}{of_class}",
        "MetadataId": metadata_id(table.name, column.name + suffix),
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
        "DisplayName": label(None),
    }


def lookup_relationships(tables: Mapping[str, TableDefinition], table: TableDefinition) -> Iterator[tuple[str, Shape]]:
    """The many-to-one relationships of the table's lookups, each with the name of the table it points to."""
    for column in table.columns.values():
        if column.derived is not None:
            continue
        for target in column.targets:
            name = table.relationship(column, target)
            shape: Shape = {
                "MetadataId": metadata_id("relationship", name),
                "SchemaName": name,
                "RelationshipType": "OneToManyRelationship",
                "IsCustomRelationship": column.custom,
                "ReferencingEntity": table.name,
                "ReferencingAttribute": column.name,
                "ReferencedEntity": target,
                "ReferencedAttribute": tables[target].primary_id,
                "ReferencingEntityNavigationPropertyName": column.navigation[target],
                "ReferencedEntityNavigationPropertyName": name,
                "CascadeConfiguration": _cascades(column),
            }
            yield target, shape


def _cascades(column: ColumnDefinition) -> Shape:
    return {
        "Assign": str(Cascade.NONE),
        "Delete": str(column.on_delete),
        "Merge": str(column.on_merge),
        "Reparent": str(Cascade.NONE),
        "Share": str(Cascade.NONE),
        "Unshare": str(Cascade.NONE),
        "RollupView": str(Cascade.NONE),
    }


def association_shape(association: Association) -> Shape:
    """A many-to-many relationship."""
    return {
        "MetadataId": metadata_id("relationship", association.schema_name),
        "SchemaName": association.schema_name,
        "RelationshipType": "ManyToManyRelationship",
        "IsCustomRelationship": False,
        "IntersectEntityName": association.intersect,
        "Entity1LogicalName": association.entity1,
        "Entity1IntersectAttribute": association.column1,
        "Entity1NavigationPropertyName": association.navigation1,
        "Entity2LogicalName": association.entity2,
        "Entity2IntersectAttribute": association.column2,
        "Entity2NavigationPropertyName": association.navigation2,
    }
