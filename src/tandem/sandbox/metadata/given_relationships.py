"""Relationships as a client gives them, made into lookup columns and many-to-many relationships (reference 2.5).

A lookup is bound by a name of its own and followed back by its relationship's; both keep their case (reference 0.4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tandem.sandbox.messages import Refused
from tandem.sandbox.metadata.given import Given, invalid_definition
from tandem.sandbox.metadata.given_columns import described
from tandem.sandbox.metadata.naming import checked_name, logical_name
from tandem.sandbox.tables import (
    Association,
    Cascade,
    ColumnDefinition,
    ColumnType,
    Definitions,
    TableDefinition,
)

_UNUSED = frozenset(
    {
        "AssociatedMenuConfiguration",
        "Entity1AssociatedMenuConfiguration",
        "Entity1IntersectAttribute",
        "Entity2AssociatedMenuConfiguration",
        "Entity2IntersectAttribute",
        "EntityKey",
        "IsCustomRelationship",
        "IsDenormalizedLookup",
        "IsHierarchical",
        "IsRelationshipAttributeDenormalized",
        "IsValidForAdvancedFind",
        "ReferencedAttribute",
        "ReferencingAttribute",
        "RelationshipAttributes",
        "RelationshipBehavior",
        "RelationshipType",
        "SecurityTypes",
    }
)
"""What the service knows of relationships and the sandbox has no use for, or tells of itself."""

_CASCADES = {
    "Assign": "on_assign",
    "Delete": "on_delete",
    "Merge": "on_merge",
    "Reparent": "on_reparent",
    "Share": "on_share",
    "Unshare": "on_unshare",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLookup:
    """A lookup column that comes with its relationships, and the table that gets it."""

    table: TableDefinition
    column: ColumnDefinition


def new_lookup(definitions: Definitions, given: Given) -> NewLookup:
    """The lookup of a OneToManyRelationshipMetadata. Raises Refused."""
    lookup = given.part("Lookup")
    if lookup is None:
        raise invalid_definition("A one-to-many relationship is created with its Lookup.")
    return _lookup(definitions, lookup, (given,), ColumnType.LOOKUP)


def new_customer(definitions: Definitions, lookup: Given, relationships: Iterable[Given]) -> NewLookup:
    """The customer column of CreateCustomerRelationships, with a relationship to account and one to contact."""
    made = _lookup(definitions, lookup, tuple(relationships), ColumnType.CUSTOMER)
    if set(made.column.targets) != {"account", "contact"}:
        raise invalid_definition("A customer attribute has one relationship to account and one to contact.")
    return made


def _lookup(definitions: Definitions, lookup: Given, relationships: tuple[Given, ...], type_: ColumnType) -> NewLookup:
    schema_name = lookup.text("SchemaName")
    referencing = {each.text("ReferencingEntity") for each in relationships}
    if len(referencing) != 1:
        raise invalid_definition("The relationships of an attribute have the same ReferencingEntity.")
    names = {each.text("ReferencedEntity"): checked_name(each.text("SchemaName")) for each in relationships}
    for name in (*referencing, *names):
        _demand_table(definitions, name)
    column = ColumnDefinition(
        name=logical_name(schema_name),
        type=type_,
        label=schema_name,
        schema_name=schema_name,
        targets=tuple(names),
        navigation={
            each.text("ReferencedEntity"): checked_name(
                each.text(
                    "ReferencingEntityNavigationPropertyName",
                    schema_name if len(names) == 1 else f"{schema_name}_{each.text('ReferencedEntity')}",
                )
            )
            for each in relationships
        },
        relationships=names,
        custom=True,
    )
    cascades = [_cascades(column, each) for each in relationships]
    if any(each != cascades[0] for each in cascades):
        raise Refused(501, "0x8006088a", "Different cascades of one attribute are not implemented by this sandbox.")
    for each in relationships:
        collection = each.text("ReferencedEntityNavigationPropertyName", each.text("SchemaName"))
        if collection != each.text("SchemaName"):
            raise Refused(501, "0x8006088a", "A collection is named as its relationship by this sandbox.")
        each.done(_UNUSED)
    return NewLookup(
        table=definitions.tables[referencing.pop()],
        column=described(replace(column, **cascades[0]), lookup),  # type: ignore[arg-type]
    )


def changed_cascades(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    """The lookup with the cascades that a client wants of its relationship. Raises Refused."""
    cascades = _cascades(column, given)
    given.part("Lookup")
    given.done(
        _UNUSED
        | {
            "SchemaName",
            "ReferencedEntity",
            "ReferencingEntity",
            "ReferencedEntityNavigationPropertyName",
            "ReferencingEntityNavigationPropertyName",
        }
    )
    return replace(column, **cascades)  # type: ignore[arg-type]


def _cascades(column: ColumnDefinition, given: Given) -> Mapping[str, Cascade]:
    configuration = given.part("CascadeConfiguration")
    if configuration is None:
        return {}
    found = {field: configuration.member(name, Cascade, getattr(column, field)) for name, field in _CASCADES.items()}
    configuration.member("RollupView", Cascade, Cascade.NONE)
    configuration.member("Archive", Cascade, Cascade.NONE)
    configuration.done(())
    if found["on_delete"] not in (Cascade.NONE, Cascade.CASCADE, Cascade.REMOVE_LINK, Cascade.RESTRICT):
        raise invalid_definition(f"Delete cannot be {found['on_delete']}.")
    return found


def new_association(definitions: Definitions, given: Given) -> Association:
    """The many-to-many relationship that a client wants made. Raises Refused."""
    schema_name = checked_name(given.text("SchemaName"))
    first, second = given.text("Entity1LogicalName"), given.text("Entity2LogicalName")
    for name in (first, second):
        _demand_table(definitions, name)
    keys = [definitions.tables[name].primary_id for name in (first, second)]
    if first == second:
        keys = [f"{keys[0]}one", f"{keys[0]}two"]
    association = Association(
        schema_name=schema_name,
        entity1=first,
        column1=keys[0],
        navigation1=checked_name(given.text("Entity1NavigationPropertyName", schema_name)),
        entity2=second,
        column2=keys[1],
        navigation2=checked_name(given.text("Entity2NavigationPropertyName", schema_name)),
        intersect=logical_name(given.text("IntersectEntityName", schema_name)),
    )
    if first == second and association.navigation1 == association.navigation2:
        raise invalid_definition("The ends of a table's relationship with itself need different navigation properties.")
    given.done(_UNUSED)
    return association


def _demand_table(definitions: Definitions, name: str) -> None:
    """Raise Refused (400) for a table that is none, or that takes no relationships: pairs, and views over others."""
    table = definitions.tables.get(name)
    if table is None:
        raise invalid_definition(f"The entity with a name = '{name}' was not found in the MetadataCache.")
    if table.is_intersect or table.united:
        raise invalid_definition(f"The entity '{name}' takes no relationships.")
