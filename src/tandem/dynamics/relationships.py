"""Every table and every relationship of an organisation, in one request, and how much of each table may be read.

Which entities could be synced depends on all tables at once; asked table by table, an organisation with a thousand of
them would take a thousand requests before anybody sees a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from tandem.dynamics.identity import Depth
from tandem.dynamics.messages import Conversation, Request, document
from tandem.dynamics.metadata import Labels, label_in
from tandem.dynamics.translation import expect
from tandem.rules.offers import Outline, Readable
from tandem.rules.paths import Step

_CLASS = "RelationshipDefinitions/Microsoft.Dynamics.CRM."


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationships:
    """The tables of an organisation by logical name, their lookups (a polymorphic one once for each table it may point
    to), and the names of the many-to-many relationships, with those of their tables between."""

    tables: Mapping[str, Outline]
    lookups: frozenset[Step]
    many_to_many: frozenset[str]


class _Privilege(msgspec.Struct, rename="pascal"):
    name: str
    privilege_type: str


class _Table(msgspec.Struct, rename="pascal"):
    logical_name: str
    display_name: Labels | None = None
    is_custom_entity: bool | None = None
    is_activity: bool | None = None
    is_intersect: bool | None = None
    table_type: str | None = None
    change_tracking_enabled: bool | None = None
    privileges: list[_Privilege] = []


class _Lookup(msgspec.Struct, rename="pascal"):
    referencing_entity: str
    referencing_attribute: str
    referenced_entity: str


class _Pair(msgspec.Struct, rename="pascal"):
    schema_name: str
    intersect_entity_name: str | None = None


class _Tables(msgspec.Struct):
    value: list[_Table]


class _Lookups(msgspec.Struct):
    value: list[_Lookup]


class _Pairs(msgspec.Struct):
    value: list[_Pair]


def read_relationships(api: str, privileges: Mapping[str, Depth], *, language: int) -> Conversation[Relationships]:
    """All tables but those of many-to-many relationships, and all relationships (reference 2.2, 2.5).

    `privileges` are the sync user's (reference 1.7); labels come in `language` (an LCID). Definitions are never paged.
    """
    tables, lookups, pairs = yield [
        Request(
            url=f"{api}/EntityDefinitions?$select=LogicalName,DisplayName,IsCustomEntity,IsActivity,IsIntersect,"
            "TableType,ChangeTrackingEnabled,Privileges"
        ),
        Request(
            url=f"{api}/{_CLASS}OneToManyRelationshipMetadata?$select=ReferencingEntity,ReferencingAttribute,"
            "ReferencedEntity"
        ),
        Request(url=f"{api}/{_CLASS}ManyToManyRelationshipMetadata?$select=SchemaName,IntersectEntityName"),
    ]
    reach = {name.lower(): depth for name, depth in privileges.items()}
    return Relationships(
        tables={
            each.logical_name: _outline(each, reach, language=language)
            for each in document(expect(tables), _Tables).value
            if not each.is_intersect
        },
        lookups=frozenset(
            Step(table=each.referencing_entity, column=each.referencing_attribute, target=each.referenced_entity)
            for each in document(expect(lookups), _Lookups).value
        ),
        many_to_many=frozenset(
            name
            for each in document(expect(pairs), _Pairs).value
            for name in (each.schema_name, each.intersect_entity_name)
            if name
        ),
    )


def _outline(table: _Table, reach: Mapping[str, Depth], *, language: int) -> Outline:
    # Activities of every kind share one privilege, and some tables' are not named after them: only the metadata tells.
    reading = [reach.get(each.name.lower()) for each in table.privileges if each.privilege_type == "Read"]
    depth = max((each for each in reading if each is not None), default=None)
    return Outline(
        name=table.logical_name,
        label=label_in(table.display_name, language=language) or table.logical_name,
        custom=bool(table.is_custom_entity),
        activity=bool(table.is_activity),
        kind=table.table_type or "Standard",
        change_tracking=bool(table.change_tracking_enabled),
        readable=Readable.NOTHING if depth is None else Readable.ALL if depth is Depth.GLOBAL else Readable.PART,
    )
