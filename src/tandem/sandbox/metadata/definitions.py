"""EntityDefinitions: what the organisation says of its own tables, columns, keys and relationships (reference 2).

A client maps by what it reads here, so a property that exists only in the sandbox, or a column whose metadata and
behaviour differ, would teach it something false. Everything is derived from the definitions that also rule the rows.
"""

from collections.abc import Collection, Mapping, Sequence

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.metadata.columns import ATTRIBUTE_CLASSES, OPTION_SETS, attribute_shapes
from tandem.sandbox.metadata.filter import metadata_predicate
from tandem.sandbox.metadata.finding import Wanted, find_table, missing
from tandem.sandbox.metadata.relationships import every_relationship, related_shapes
from tandem.sandbox.metadata.shapes import Shape, option_set_shape, table_shape
from tandem.sandbox.paths import NAMESPACE, Segment, split_outside, unknown_segment
from tandem.sandbox.query.condition import invalid
from tandem.sandbox.query.options import Options, inner_options, selected
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.tables import TableDefinition

ROOTS = frozenset({"EntityDefinitions", "RelationshipDefinitions", "GlobalOptionSetDefinitions"})
"""The entity sets that are answered here."""

_EXPANDABLE = ("OptionSet", "GlobalOptionSet")
_RELATIONSHIP_CLASSES = ("OneToManyRelationshipMetadata", "ManyToManyRelationshipMetadata")
_NAMES = {"RelationshipDefinitions": "SchemaName", "GlobalOptionSetDefinitions": "Name"}
"""What a definition is addressed by beside its MetadataId, where that is not its LogicalName."""


def read_metadata(reading: Reading, segments: Sequence[Segment]) -> Response:
    """Answer a path under one of the ROOTS. Definitions are never paged (reference 2.2)."""
    first, *rest = segments
    definitions = reading.organisation.definitions
    if first.name == "RelationshipDefinitions":
        shapes = every_relationship(definitions)
        return _listed(reading, first.name, segments, shapes, "RelationshipMetadataBase", _RELATIONSHIP_CLASSES)
    if first.name == "GlobalOptionSetDefinitions":
        shapes = [option_set_shape(each) for each in definitions.option_sets.values()]
        return _listed(reading, first.name, segments, shapes, "OptionSetMetadataBase", ("OptionSetMetadata",))
    if first.arguments is None:
        if rest:
            raise unknown_segment(rest[0].name)
        return _tables(reading)
    table = find_table(definitions, first.arguments)
    if not rest:
        return _single(reading, first.name, table_shape(table), "EntityMetadata", _table_parts(reading, table))
    return _part(reading, table, rest)


def _tables(reading: Reading) -> Response:
    tables = reading.organisation.tables.values()
    shapes = [table_shape(table) for table in tables]
    expanding = reading.options.get("$expand") is not None
    parts = {table.name: _table_parts(reading, table) for table in tables if expanding}
    return _collection(reading, "EntityDefinitions", shapes, "EntityMetadata", parts)


def _part(reading: Reading, table: TableDefinition, path: Sequence[Segment]) -> Response:
    root = f"EntityDefinitions('{table.name}')/{path[0].name}"
    if path[0].name == "Attributes":
        shapes = _attributes(reading, table, cast=len(path) > 1)
        return _listed(reading, root, path, shapes, "AttributeMetadata", ATTRIBUTE_CLASSES)
    related = related_shapes(reading.organisation.definitions, table).get(path[0].name)
    if related is None:
        raise unknown_segment(path[0].name)
    return _listed(reading, root, path, related, f"{path[0].name} of {table.name}", ())


def _attributes(reading: Reading, table: TableDefinition, *, cast: bool) -> list[Shape]:
    """Columns. Without a cast only common properties can be asked for, yet all come where none is named."""
    found = attribute_shapes(reading.organisation.definitions, table)
    if cast:
        return [{**common, **specific} for common, specific in found]
    if selected(reading.options):
        return [common for common, _ in found]
    return [{**common, **specific} for common, specific in found]


def _listed(
    reading: Reading,
    root: str,
    path: Sequence[Segment],
    shapes: Sequence[Shape],
    type_name: str,
    classes: Collection[str],
) -> Response:
    """Definitions of one kind: all or one, as what they have in common or cast to a class (reference 2.3, 2.4)."""
    part, *tail = path
    cast = tail[0].operation if tail else ""
    # Behind one column that has them stand its option sets.
    option_set = tail.pop().name if len(tail) > 1 and cast in OPTION_SETS and part.arguments is not None else ""
    if len(tail) > 1 or (tail and cast not in classes):
        raise unknown_segment(tail[-1].name)
    if option_set and option_set not in _EXPANDABLE:
        raise unknown_segment(option_set)
    if cast:
        type_name, root = cast, f"{root}/{NAMESPACE}{cast}"
        shapes = [shape for shape in shapes if shape["@odata.type"] == f"#{NAMESPACE}{cast}"]
    if part.arguments is None:
        return _collection(reading, root, shapes, type_name)
    name = _NAMES.get(part.name, "LogicalName")
    wanted = Wanted(part.arguments, name)
    for shape in shapes:
        if wanted.means(shape["MetadataId"], shape.get(name)):
            found = shape[option_set] if option_set else shape
            if not isinstance(found, dict):
                return Response(status=204, headers={"OData-Version": "4.0"})
            if option_set:
                root, type_name = f"{root}/{option_set}", "OptionSetMetadata"
            return _single(reading, root, found, type_name)
    raise missing(type_name, part.arguments)


def _without_sets(shape: Shape) -> Shape:
    return {name: value for name, value in shape.items() if name not in _EXPANDABLE}


def _table_parts(reading: Reading, table: TableDefinition) -> Mapping[str, list[Shape]]:
    """What can be expanded on a table."""
    definitions = reading.organisation.definitions
    attributes = [{**common, **specific} for common, specific in attribute_shapes(definitions, table)]
    return {"Attributes": attributes, **related_shapes(definitions, table)}


def _collection(
    reading: Reading,
    root: str,
    shapes: Sequence[Shape],
    type_name: str,
    parts: Mapping[str, Mapping[str, list[Shape]]] | None = None,
) -> Response:
    _check_options(reading.options, "$select", "$expand", "$filter")
    found = _filtered(shapes, reading.options)
    names, expansions = selected(reading.options), _expansions(reading.options)
    value = [
        _shown(shape, names, expansions, type_name, (parts or {}).get(str(shape.get("LogicalName")))) for shape in found
    ]
    return reading.answer(_context(reading, root), {"value": value})


def _single(
    reading: Reading,
    root: str,
    shape: Shape,
    type_name: str,
    parts: Mapping[str, list[Shape]] | None = None,
) -> Response:
    _check_options(reading.options, "$select", "$expand")
    shown = _shown(shape, selected(reading.options), _expansions(reading.options), type_name, parts)
    return reading.answer(f"{_context(reading, root)}/$entity", shown)


def _filtered(shapes: Sequence[Shape], options: Options) -> Sequence[Shape]:
    text = options.get("$filter")
    if text is None:
        return shapes
    fits = metadata_predicate(text)
    return [shape for shape in shapes if fits(shape)]


def _check_options(options: Options, *allowed: str) -> None:
    for name in options.values:
        if name not in allowed:
            raise Refused(501, "0x8006088a", f"The query option '{name}' is not supported for Metadata Entities")


def _context(reading: Reading, root: str) -> str:
    names = selected(reading.options)
    return root + (f"({','.join(names)})" if names else "")


def _shown(
    shape: Shape,
    names: Sequence[str] | None,
    expansions: Mapping[str, Options],
    type_name: str,
    parts: Mapping[str, list[Shape]] | None,
) -> Shape:
    """The properties asked for, MetadataId always among them, with what is expanded."""
    shown = _project(shape, names, type_name)
    for name, options in expansions.items():
        inner_names = selected(options)
        if name in _EXPANDABLE and type_name in OPTION_SETS:
            _check_options(options, "$select")
            inner = shape.get(name)
            shown[name] = _project(inner, inner_names, "OptionSetMetadata") if isinstance(inner, dict) else None
        elif parts is not None and name in parts:
            _check_options(options, "$select", "$filter")
            shown[name] = [_project(part, inner_names, name) for part in _filtered(parts[name], options)]
        else:
            raise invalid(f"Could not find a property named '{name}' on type '{NAMESPACE}{type_name}'.")
    return shown


def _project(shape: Shape, names: Sequence[str] | None, type_name: str) -> Shape:
    if names is None:
        return _without_sets(shape)
    unknown = [name for name in names if name not in shape or name in _EXPANDABLE or name.startswith("@")]
    if unknown:
        raise invalid(f"Could not find a property named '{unknown[0]}' on type '{NAMESPACE}{type_name}'.")
    kept = ["@odata.type", *names, "MetadataId"]
    return {name: shape[name] for name in dict.fromkeys(kept) if name in shape}


def _expansions(options: Options) -> dict[str, Options]:
    """`OptionSet($select=Options,Name),GlobalOptionSet` as names with options of their own."""
    expansions: dict[str, Options] = {}
    for part in split_outside(options.get("$expand") or "", ","):
        name, _, inside = part.strip().partition("(")
        if name:
            expansions[name] = inner_options(inside.removesuffix(")"), options)
    return expansions
