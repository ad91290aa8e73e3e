"""RetrieveMetadataChanges: the definitions, or what became of them since a version stamp (reference 2.7).

What changed is found by comparing the definitions of then and now, not by remembering which change touches what. So no
kind of change can be forgotten here: what a client would read differently is what it is told.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Flag
from operator import attrgetter

from tandem.sandbox.functions.answering import Arguments, answer, dictionary, invalid_argument
from tandem.sandbox.messages import Response
from tandem.sandbox.metadata.columns import attribute_shapes
from tandem.sandbox.metadata.query import EntityQuery, PartQuery, Properties, read_query
from tandem.sandbox.metadata.relationships import related_shapes
from tandem.sandbox.metadata.shapes import Shape, option_set_shape, table_shape
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.query.condition import invalid
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.tracking import Position, expired, read_position
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import Definitions

_ALWAYS = ("MetadataId", "LogicalName", "SchemaName")
"""What every item shows beside HasChanged, asked for or not. [k]"""

_KINDS: Mapping[str, Callable[[EntityQuery], PartQuery]] = {
    "Attributes": attrgetter("attribute_query"),
    "ManyToOneRelationships": attrgetter("relationship_query"),
    "OneToManyRelationships": attrgetter("relationship_query"),
    "ManyToManyRelationships": attrgetter("relationship_query"),
    "Keys": attrgetter("key_query"),
}
"""The collections of a table's parts, each with the part of the query that is for it."""

_RELATIONSHIPS = {name for name in _KINDS if name.endswith("Relationships")}


class DeletedKind(Flag):
    """The kinds of definitions whose deletion is told; the values are the wire's own."""

    ENTITY = 1
    ATTRIBUTE = 2
    RELATIONSHIP = 4
    LABEL = 8
    OPTION_SET = 16


_KIND_NAMES: Mapping[DeletedKind, str] = {
    DeletedKind.ENTITY: "Entity",
    DeletedKind.ATTRIBUTE: "Attribute",
    DeletedKind.RELATIONSHIP: "Relationship",
    DeletedKind.LABEL: "Label",
    DeletedKind.OPTION_SET: "OptionSet",
}
_FILTERS: Mapping[str, DeletedKind] = {
    **{name: kind for kind, name in _KIND_NAMES.items()},
    "Default": DeletedKind.ENTITY,
    "All": ~DeletedKind(0),
}


def retrieve_metadata_changes(reading: Reading, arguments: Arguments) -> Response:
    """The definitions that the query wants: all of them, or with a stamp those that changed since."""
    organisation = reading.organisation
    query = read_query(arguments.json("Query"))
    kinds = _kinds(arguments.member("DeletedMetadataFilters", "DeletedMetadataFilters"))
    since = _since(organisation, arguments.text("ClientVersionStamp"))
    # The position comes first: what is changed while this is answered is told again, never lost.
    position = Position(version=organisation.metadata_version, at=organisation.clock())
    now, then = Model.of(organisation.definitions), None if since is None else Model.of(since)
    content = {
        "ServerVersionStamp": position.stamp(),
        "EntityMetadata": list(_Changes(query, now, then).tables()),
        "DeletedMetadata": dictionary({} if then is None else _gone(then, now, kinds)),
    }
    return answer(reading, "RetrieveMetadataChanges", content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """All definitions of one moment in the shapes of the wire; `parts` by table and by the name of their collection."""

    tables: Mapping[str, Shape]
    parts: Mapping[str, Mapping[str, Sequence[Shape]]]
    option_sets: Sequence[Shape]

    @classmethod
    def of(cls, definitions: Definitions) -> "Model":
        """The shapes of the definitions."""
        return cls(
            tables={name: table_shape(table) for name, table in definitions.tables.items()},
            parts={
                name: {
                    "Attributes": [{**common, **specific} for common, specific in attribute_shapes(definitions, table)],
                    **related_shapes(definitions, table),
                }
                for name, table in definitions.tables.items()
            },
            option_sets=[option_set_shape(each) for each in definitions.option_sets.values()],
        )

    def all_parts(self, collections: Collection[str]) -> Iterator[Shape]:
        """The parts of all tables in these collections; a relationship comes from both its sides."""
        for parts in self.parts.values():
            for name in parts.keys() & collections:
                yield from parts[name]

    def known(self) -> Mapping[object, Shape]:
        """Tables and parts by MetadataId."""
        return {shape["MetadataId"]: _lasting(shape) for shape in (*self.tables.values(), *self.all_parts(_KINDS))}

    def ids(self, kind: DeletedKind) -> set[object]:
        """The MetadataIds of all definitions of one kind."""
        match kind:
            case DeletedKind.ENTITY:
                found: Iterable[object] = self.tables.values()
            case DeletedKind.ATTRIBUTE:
                found = self.all_parts({"Attributes"})
            case DeletedKind.RELATIONSHIP:
                found = self.all_parts(_RELATIONSHIPS)
            case DeletedKind.OPTION_SET:
                found = [each["OptionSet"] for each in self.all_parts({"Attributes"}) if each.get("OptionSet")]
                found = [*found, *self.option_sets]
            case DeletedKind.LABEL:
                found = _labels([*self.tables.values(), *self.all_parts(_KINDS), *self.option_sets])
        return {each["MetadataId"] for each in found if isinstance(each, dict)}


class _Changes:
    """What the query wants to see of one model, or of what differs in it from an earlier one."""

    def __init__(self, query: EntityQuery, now: Model, then: Model | None) -> None:
        self._query = query
        self._now = now
        self._before = None if then is None else then.known()
        columns, relationships, keys = (
            _names(now.all_parts(collections)) for collections in ({"Attributes"}, _RELATIONSHIPS, {"Keys"})
        )
        self._names = {**dict.fromkeys(_RELATIONSHIPS, relationships), "Attributes": columns, "Keys": keys}

    def tables(self) -> Iterator[Shape]:
        """The tables that changed, and those that contain what changed."""
        query = self._query
        names = _names(self._now.tables.values()) | _KINDS.keys()
        _check(query.properties, names)
        for name, shape in self._now.tables.items():
            if not query.criteria.holds(shape, names):
                continue
            parts = {
                collection: list(self._parts(name, collection, part_query(query)))
                for collection, part_query in _KINDS.items()
                if query.properties.wants(collection)
            }
            if self._is_new(shape) or any(parts.values()):
                yield self._shown(shape, query.properties) | parts

    def _parts(self, table: str, collection: str, query: PartQuery) -> Iterator[Shape]:
        names = self._names[collection]
        # Where no table has a key, nothing tells what keys are made of, and nothing is shown.
        _check(query.properties, names or query.properties.property_names)
        for shape in self._now.parts[table][collection]:
            if query.criteria.holds(shape, names) and self._is_new(shape):
                yield self._shown(shape, query.properties)

    def _is_new(self, shape: Shape) -> bool:
        """Whether the client has not read the definition like this."""
        return self._before is None or self._before.get(shape["MetadataId"]) != _lasting(shape)

    def _shown(self, shape: Shape, properties: Properties) -> Shape:
        """The properties wanted. Without a stamp nothing is compared, so HasChanged is null; unconfirmed."""
        languages = self._query.label_query.filter_languages
        shown = {
            name: _in_languages(value, languages) if languages else value
            for name, value in shape.items()
            if name != "@odata.type" and (name in _ALWAYS or properties.wants(name))
        }
        if "@odata.type" in shape:
            shown = {"@odata.type": _complex(str(shape["@odata.type"])), **shown}
        return shown | {"HasChanged": None if self._before is None else self._is_new(shape)}


def _since(organisation: Organisation, stamp: str | None) -> Definitions | None:
    """The definitions that a client with this stamp has read.

    Raises Refused (400, 0x80044352) for a stamp that is too old, or ahead of an organisation that was restored.
    """
    if stamp is None:
        return None
    position = read_position(organisation, stamp, "expiresubscriptionsindays")
    if position.version > organisation.metadata_version:
        raise expired()
    return organisation.definitions_at(position.version)


def _gone(then: Model, now: Model, kinds: DeletedKind) -> dict[str, object]:
    """The MetadataIds of what went, by kind."""
    gone = {kind: sorted(map(str, then.ids(kind) - now.ids(kind))) for kind in kinds}
    return {_KIND_NAMES[kind]: {"Items": ids} for kind, ids in gone.items() if ids}


def _kinds(flags: str | None) -> DeletedKind:
    """The kinds in a literal such as `Attribute,Entity`; none where it is not given."""
    kinds = DeletedKind(0)
    for name in (flags or "").split(",") if flags else ():
        if name.strip() not in _FILTERS:
            raise invalid_argument(f"'{name}' is not a member of {NAMESPACE}DeletedMetadataFilters.")
        kinds |= _FILTERS[name.strip()]
    return kinds


def _lasting(shape: Shape) -> Shape:
    """The definition without its place among others, which moves when one of those goes."""
    return {name: value for name, value in shape.items() if name != "ColumnNumber"}


def _names(shapes: Iterable[Shape]) -> set[str]:
    return {name for shape in shapes for name in shape}


def _check(properties: Properties, names: Collection[str]) -> None:
    for name in properties.property_names:
        if name not in names:
            raise invalid(f"Could not find a property named '{name}'.")


def _complex(type_name: str) -> str:
    """The complex type that stands in for an entity type in this answer: `ComplexStringAttributeMetadata`."""
    return type_name.replace(NAMESPACE, f"{NAMESPACE}Complex")


def _labels(value: object) -> Iterator[object]:
    """Every localised label in a value."""
    if isinstance(value, list):
        for item in value:
            yield from _labels(item)
    elif isinstance(value, dict):
        if "LanguageCode" in value:
            yield value
        yield from _labels(list(value.values()))


def _in_languages(value: object, languages: Sequence[int]) -> object:
    """A value whose labels are only those in the languages."""
    if isinstance(value, list):
        return [_in_languages(item, languages) for item in value if _is_in(item, languages)]
    if isinstance(value, dict):
        return {
            name: _in_languages(item, languages) if _is_in(item, languages) else None for name, item in value.items()
        }
    return value


def _is_in(value: object, languages: Sequence[int]) -> bool:
    return not isinstance(value, dict) or value.get("LanguageCode", languages[0]) in languages
