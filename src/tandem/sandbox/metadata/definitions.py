"""EntityDefinitions: what the organisation says of its own tables, columns, keys and relationships (reference 2).

A client maps by what it reads here, so a property that exists only in the sandbox, or a column whose metadata and
behaviour differ, would teach it something false. Everything is derived from the definitions that also rule the rows.
"""

from collections.abc import Iterable, Mapping, Sequence

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.metadata.filter import metadata_predicate
from tandem.sandbox.metadata.shapes import (
    ATTRIBUTE_CLASSES,
    OPTION_SETS,
    Shape,
    association_shape,
    attribute_shapes,
    lookup_relationships,
    metadata_id,
    table_shape,
)
from tandem.sandbox.paths import NAMESPACE, Segment, as_guid, parse_arguments, split_outside, unknown_segment
from tandem.sandbox.query.condition import invalid, unquote_text
from tandem.sandbox.query.options import selected
from tandem.sandbox.query.reading import Reading, json_response
from tandem.sandbox.tables import ASSOCIATIONS, TableDefinition

ROOTS = frozenset({"EntityDefinitions", "RelationshipDefinitions"})
"""The entity sets that are answered here."""

_EXPANDABLE = ("OptionSet", "GlobalOptionSet")


def read_metadata(reading: Reading, segments: Sequence[Segment]) -> Response:
    """Answer a path under one of the ROOTS. Definitions are never paged (reference 2.2)."""
    first, *rest = segments
    if first.name == "RelationshipDefinitions":
        if rest or first.arguments is not None:
            raise unknown_segment(rest[0].name if rest else first.name)
        return _collection(reading, first.name, _every_relationship(reading), "RelationshipMetadataBase")
    if first.arguments is None:
        if rest:
            raise unknown_segment(rest[0].name)
        return _tables(reading)
    table = _find_table(reading, first.arguments)
    if not rest:
        return _single(reading, first.name, table_shape(table), "EntityMetadata", _table_parts(reading, table))
    return _part(reading, table, rest)


def _tables(reading: Reading) -> Response:
    tables = reading.organisation.tables.values()
    shapes = [table_shape(table) for table in tables]
    expanding = reading.options.get("$expand") is not None
    parts = {table.name: _table_parts(reading, table) for table in tables if expanding}
    return _collection(reading, "EntityDefinitions", shapes, "EntityMetadata", parts)


def _find_table(reading: Reading, arguments: str) -> TableDefinition:
    """The table addressed by LogicalName or MetadataId. Raises Refused (404) for an unknown one."""
    named = parse_arguments(arguments)
    name = unquote_text(named.get("LogicalName", ""))
    identity = as_guid(named.get("MetadataId", named.get("", "")))
    for table in reading.organisation.tables.values():
        if table.name == name or metadata_id(table.name) == identity:
            return table
    what = f"name = '{name}'" if name else f"MetadataId = {arguments}"
    raise Refused(404, "0x80060888", f"The entity with a {what} was not found in the MetadataCache.")


def _part(reading: Reading, table: TableDefinition, rest: Sequence[Segment]) -> Response:
    part, *tail = rest
    root = f"EntityDefinitions('{table.name}')/{part.name}"
    if part.name == "Attributes":
        return _attributes(reading, table, part, tail)
    shapes = _relationships(reading, table).get(part.name)
    if shapes is None or tail or part.arguments is not None:
        raise unknown_segment(part.name if shapes is None else rest[-1].name)
    return _collection(reading, root, shapes, f"{part.name} of {table.name}")


def _attributes(reading: Reading, table: TableDefinition, part: Segment, tail: Sequence[Segment]) -> Response:
    """Columns: all or one, as the common type or cast to one class (reference 2.3, 2.4)."""
    cast = tail[0].operation if tail else ""
    if len(tail) > 1 or (tail and cast not in ATTRIBUTE_CLASSES):
        raise unknown_segment(tail[-1].name)
    shapes: list[Shape] = []
    for common, specific in attribute_shapes(table):
        if not cast:
            # Without a cast only common properties can be asked for, yet all come where none is named.
            shapes.append(common if selected(reading.options) else _without_sets({**common, **specific}))
        elif common["@odata.type"] == f"#{NAMESPACE}{cast}":
            shapes.append({**common, **specific})
    root = f"EntityDefinitions('{table.name}')/Attributes" + (f"/{NAMESPACE}{cast}" if cast else "")
    type_name = cast or "AttributeMetadata"
    if part.arguments is None:
        return _collection(reading, root, shapes, type_name)
    return _single(reading, root, _find_attribute(table, part.arguments, shapes), type_name)


def _find_attribute(table: TableDefinition, arguments: str, shapes: Iterable[Shape]) -> Shape:
    named = parse_arguments(arguments)
    name = unquote_text(named.get("LogicalName", ""))
    identity = as_guid(named.get("MetadataId", named.get("", "")))
    for shape in shapes:
        if shape["LogicalName"] == name or shape["MetadataId"] == identity:
            return shape
    raise Refused(404, "0x80060888", f"Could not find an attribute with {arguments} on '{table.name}'.")


def _without_sets(shape: Shape) -> Shape:
    return {name: value for name, value in shape.items() if name not in _EXPANDABLE}


def _table_parts(reading: Reading, table: TableDefinition) -> Mapping[str, list[Shape]]:
    """What can be expanded on a table."""
    attributes = [_without_sets({**common, **specific}) for common, specific in attribute_shapes(table)]
    return {"Attributes": attributes, **_relationships(reading, table)}


def _relationships(reading: Reading, table: TableDefinition) -> dict[str, list[Shape]]:
    """Keys and relationships of a table, by the names of their collections. No shipped table has a key."""
    tables = reading.organisation.tables
    return {
        "Keys": [],
        "ManyToOneRelationships": [shape for _, shape in lookup_relationships(tables, table)],
        "OneToManyRelationships": [
            shape
            for other in tables.values()
            for target, shape in lookup_relationships(tables, other)
            if target == table.name
        ],
        "ManyToManyRelationships": [
            association_shape(association)
            for association in ASSOCIATIONS
            if table.name in (association.entity1, association.entity2)
        ],
    }


def _every_relationship(reading: Reading) -> list[Shape]:
    tables = reading.organisation.tables
    shapes = [shape for table in tables.values() for _, shape in lookup_relationships(tables, table)]
    return shapes + [association_shape(association) for association in ASSOCIATIONS]


def _collection(
    reading: Reading,
    root: str,
    shapes: list[Shape],
    type_name: str,
    parts: Mapping[str, Mapping[str, list[Shape]]] | None = None,
) -> Response:
    _check_options(reading, "$filter")
    text = reading.options.get("$filter")
    if text is not None:
        shapes = [shape for shape in shapes if metadata_predicate(text)(shape)]
    value = [_shown(reading, shape, type_name, (parts or {}).get(str(shape.get("LogicalName")))) for shape in shapes]
    return json_response({"@odata.context": _context(reading, root), "value": value})


def _single(
    reading: Reading,
    root: str,
    shape: Shape,
    type_name: str,
    parts: Mapping[str, list[Shape]] | None = None,
) -> Response:
    _check_options(reading)
    shown = _shown(reading, shape, type_name, parts)
    return json_response({"@odata.context": f"{_context(reading, root)}/$entity", **shown})


def _check_options(reading: Reading, *more: str) -> None:
    for name in reading.options.values:
        if name not in ("$select", "$expand", *more):
            raise Refused(501, "0x8006088a", f"The query option '{name}' is not supported for Metadata Entities")


def _context(reading: Reading, root: str) -> str:
    names = selected(reading.options)
    return f"{reading.request.base}/$metadata#{root}" + (f"({','.join(names)})" if names else "")


def _shown(reading: Reading, shape: Shape, type_name: str, parts: Mapping[str, list[Shape]] | None) -> Shape:
    """The properties asked for, MetadataId always among them, with what is expanded."""
    expanded = _expansions(reading.options.get("$expand"))
    plain = _without_sets(shape)
    shown = _project(plain, selected(reading.options), type_name)
    for name, names in expanded.items():
        if name in _EXPANDABLE and type_name in OPTION_SETS:
            inner = shape.get(name)
            shown[name] = _project(inner, names, "OptionSetMetadata") if isinstance(inner, dict) else None
        elif parts is not None and name in parts:
            shown[name] = [_project(part, names, name) for part in parts[name]]
        else:
            raise invalid(f"Could not find a property named '{name}' on type '{NAMESPACE}{type_name}'.")
    return shown


def _project(shape: Shape, names: Sequence[str] | None, type_name: str) -> Shape:
    if names is None:
        return dict(shape)
    unknown = [name for name in names if name not in shape or name.startswith("@")]
    if unknown:
        raise invalid(f"Could not find a property named '{unknown[0]}' on type '{NAMESPACE}{type_name}'.")
    kept = ["@odata.type", *names, "MetadataId"]
    return {name: shape[name] for name in dict.fromkeys(kept) if name in shape}


def _expansions(text: str | None) -> dict[str, list[str] | None]:
    """`OptionSet($select=Options,Name),GlobalOptionSet` as names with their own `$select`."""
    expansions: dict[str, list[str] | None] = {}
    for part in split_outside(text or "", ","):
        name, _, inside = part.strip().partition("(")
        option, _, names = inside.removesuffix(")").partition("=")
        if inside and option != "$select":
            raise Refused(501, "0x8006088a", f"'{inside}' is not supported for Metadata Entities")
        if name:
            expansions[name] = [each.strip() for each in names.split(",")] if inside else None
    return expansions
