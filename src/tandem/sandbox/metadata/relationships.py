"""Relationships and alternate keys in the shapes that EntityDefinitions answers with (reference 2.5, 2.6)."""

from collections.abc import Iterator, Mapping

from tandem.sandbox.metadata.shapes import Shape, label, metadata_id
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.tables import (
    Association,
    Cascade,
    ColumnDefinition,
    Definitions,
    KeyDefinition,
    TableDefinition,
)


def key_id(table: TableDefinition, key: KeyDefinition) -> str:
    """The MetadataId of an alternate key."""
    return metadata_id("key", table.name, key.name, made=key.created_at)


def relationship_id(schema_name: str, part: ColumnDefinition | Association) -> str:
    """The MetadataId of a relationship, that of a lookup or a many-to-many one."""
    return metadata_id("relationship", schema_name, made=part.created_at)


def related_shapes(definitions: Definitions, table: TableDefinition) -> Mapping[str, list[Shape]]:
    """Keys and relationships of a table, by the names of their collections; shared, not to be changed."""
    return definitions.derive(f"related to {table.name}", lambda: _related_shapes(definitions, table))


def _related_shapes(definitions: Definitions, table: TableDefinition) -> Mapping[str, list[Shape]]:
    tables = definitions.tables
    return {
        "Keys": [key_shape(table, key) for key in table.keys],
        "ManyToOneRelationships": [shape for _, shape in lookup_relationships(tables, table)],
        "OneToManyRelationships": [
            shape
            for other in tables.values()
            for target, shape in lookup_relationships(tables, other)
            if target == table.name
        ],
        "ManyToManyRelationships": [
            association_shape(association)
            for association in definitions.associations
            if table.name in (association.entity1, association.entity2)
        ],
    }


def every_relationship(definitions: Definitions) -> list[Shape]:
    """All relationships of all tables, each telling its class."""
    tables = definitions.tables
    shapes = [shape for table in tables.values() for _, shape in lookup_relationships(tables, table)]
    shapes += [association_shape(association) for association in definitions.associations]
    return [{"@odata.type": f"#{NAMESPACE}{shape['RelationshipType']}Metadata", **shape} for shape in shapes]


def key_shape(table: TableDefinition, key: KeyDefinition) -> Shape:
    """An alternate key; one whose columns held duplicates when it was made has no index (reference 2.6)."""
    return {
        "MetadataId": key_id(table, key),
        "HasChanged": None,
        "LogicalName": key.name,
        "SchemaName": key.schema_name,
        "EntityLogicalName": table.name,
        "KeyAttributes": list(key.columns),
        "EntityKeyIndexStatus": "Active" if key.active else "Failed",
        "IsManaged": False,
        "DisplayName": label(key.label, "key", table.name, key.name, custom=True),
    }


def lookup_relationships(tables: Mapping[str, TableDefinition], table: TableDefinition) -> Iterator[tuple[str, Shape]]:
    """The many-to-one relationships of the table's lookups, each with the name of the table it points to."""
    for column in table.columns.values():
        if column.derived is not None:
            continue
        for target in column.targets:
            name = table.relationship(column, target)
            shape: Shape = {
                "MetadataId": relationship_id(name, column),
                "HasChanged": None,
                "SchemaName": name,
                "RelationshipType": "OneToManyRelationship",
                "IsCustomRelationship": column.custom,
                "IsManaged": not column.custom,
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
        "Assign": str(column.on_assign),
        "Delete": str(column.on_delete),
        "Merge": str(column.on_merge),
        "Reparent": str(column.on_reparent),
        "Share": str(column.on_share),
        "Unshare": str(column.on_unshare),
        "RollupView": str(Cascade.NONE),
    }


def association_shape(association: Association) -> Shape:
    """A many-to-many relationship."""
    custom = association.created_at > 0
    return {
        "MetadataId": relationship_id(association.schema_name, association),
        "HasChanged": None,
        "SchemaName": association.schema_name,
        "RelationshipType": "ManyToManyRelationship",
        "IsCustomRelationship": custom,
        "IsManaged": not custom,
        "IntersectEntityName": association.intersect,
        "Entity1LogicalName": association.entity1,
        "Entity1IntersectAttribute": association.column1,
        "Entity1NavigationPropertyName": association.navigation1,
        "Entity2LogicalName": association.entity2,
        "Entity2IntersectAttribute": association.column2,
        "Entity2NavigationPropertyName": association.navigation2,
    }
