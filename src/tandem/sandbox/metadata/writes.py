"""Writing definitions: tables, columns, relationships, keys and global option sets, made, changed and deleted.

The effects are at once what a sync meets in a tenant: the next query that names a deleted column fails, and the next
write is checked against the new length (reference 2.6, 4.1; the requests themselves are general knowledge [k]).
"""

from dataclasses import dataclass

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.metadata import changing
from tandem.sandbox.metadata.columns import ATTRIBUTE_CLASSES, column_id
from tandem.sandbox.metadata.finding import (
    find_column,
    find_key,
    find_option_set,
    find_relationship,
    find_table,
)
from tandem.sandbox.metadata.given import Given, already_exists
from tandem.sandbox.metadata.given_columns import changed_column, new_column
from tandem.sandbox.metadata.given_options import changed_option_set, new_option_set
from tandem.sandbox.metadata.given_relationships import changed_cascades, new_association, new_lookup
from tandem.sandbox.metadata.given_tables import changed_table, new_key, new_table
from tandem.sandbox.metadata.relationships import key_id, relationship_id
from tandem.sandbox.metadata.shapes import option_set_id, table_id
from tandem.sandbox.paths import Segment, expect_method, unknown_segment
from tandem.sandbox.store.customisation import ChangeOptionSet, MakeOptionSet
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Caller
from tandem.sandbox.tables import Association, Definitions, TableDefinition
from tandem.sandbox.writing.payload import decode_object


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionWrite:
    """A write to definitions on its way, and who writes; the caller of the module holds the transaction."""

    organisation: Organisation
    request: Request
    caller: Caller

    @property
    def definitions(self) -> Definitions:
        """What is defined now."""
        return self.organisation.definitions

    def given(self) -> Given:
        """The definition or the parameters in the body. Raises Refused (400, 0x80048d19)."""
        content = decode_object(self.request.body or b"{}")
        merging = self.request.headers.get("mscrm.mergelabels", "").strip().lower() == "true"
        return Given(content, merge_labels=merging or content.get("MergeLabels") is True)

    def demand(self, component: str, right: str | None = None) -> None:
        """Raise Refused (403) unless the caller may write definitions of that kind.

        The right is Create, Write or Delete, that of the method unless given. [k]
        """
        of_method = {"POST": "Create", "PUT": "Write", "DELETE": "Delete"}
        self.caller.demand_general(f"prv{right or of_method.get(self.request.method, 'Write')}{component}")

    def made(self, identity: str) -> Response:
        """204 with the address of what was made, below the path that it was posted to."""
        return done(f"{self.request.base}/{self.request.path.strip('/')}({identity})")


def write_definition(write: DefinitionWrite, segments: tuple[Segment, ...]) -> Response:
    """Answer a POST, PUT or DELETE of a path under one of the ROOTS. Raises Refused."""
    first, *rest = segments
    if first.name == "EntityDefinitions":
        return _to_tables(write, first, rest)
    # A relationship or a set can be cast to its class; the class in the body is what counts.
    if len(rest) > 1 or (rest and not rest[0].operation):
        raise unknown_segment(rest[-1].name)
    to_one = {"RelationshipDefinitions": _to_relationship, "GlobalOptionSetDefinitions": _to_option_set}[first.name]
    if first.arguments is not None:
        expect_method(write.request.method, first.name, "PUT", "DELETE")
        return to_one(write, first.arguments)
    expect_method(write.request.method, first.name, "POST")
    return _make_relationship(write) if first.name == "RelationshipDefinitions" else _make_option_set(write)


def done(entity: str | None = None) -> Response:
    """204, with the address of what was made."""
    headers = {"OData-Version": "4.0"}
    return Response(status=204, headers=headers if entity is None else {**headers, "OData-EntityId": entity})


def _to_tables(write: DefinitionWrite, first: Segment, rest: list[Segment]) -> Response:
    if first.arguments is None:
        if rest:
            raise unknown_segment(rest[0].name)
        expect_method(write.request.method, first.name, "POST")
        write.demand("Entity")
        table = new_table(write.definitions, write.given())
        changing.make_table(write.organisation, table)
        return write.made(table_id(write.organisation.tables[table.name]))
    table = find_table(write.definitions, first.arguments)
    if rest:
        return _to_part(write, table, rest)
    expect_method(write.request.method, first.name, "PUT", "DELETE")
    write.demand("Entity")
    if write.request.method == "DELETE":
        changing.remove_table(write.organisation, table)
    else:
        write.organisation.customise(changed_table(table, write.given()))
    return done()


def _to_part(write: DefinitionWrite, table: TableDefinition, path: list[Segment]) -> Response:
    part, *cast = path
    classes = ATTRIBUTE_CLASSES if part.name == "Attributes" else frozenset[str]()
    if part.name not in ("Attributes", "Keys") or len(cast) > 1 or (cast and cast[0].operation not in classes):
        raise unknown_segment(path[-1].name)
    write.demand("Attribute" if part.name == "Attributes" else "EntityKey")
    if part.name == "Keys":
        return _to_keys(write, table, part)
    if part.arguments is None:
        expect_method(write.request.method, part.name, "POST")
        column = new_column(write.definitions, write.given())
        changing.make_column(write.organisation, table, column)
        table = write.organisation.tables[table.name]
        return write.made(column_id(table, table.columns[column.name]))
    expect_method(write.request.method, part.name, "PUT", "DELETE")
    column = find_column(table, part.arguments)
    if write.request.method == "DELETE":
        changing.remove_column(write.organisation, table, column)
    else:
        changing.change_column(write.organisation, table, changed_column(write.definitions, column, write.given()))
    return done()


def _to_keys(write: DefinitionWrite, table: TableDefinition, part: Segment) -> Response:
    if part.arguments is None:
        expect_method(write.request.method, part.name, "POST")
        key = new_key(write.given())
        changing.make_key(write.organisation, table, key)
        table = write.organisation.tables[table.name]
        return write.made(key_id(table, next(each for each in table.keys if each.name == key.name)))
    expect_method(write.request.method, part.name, "DELETE")
    changing.remove_key(write.organisation, table, find_key(table, part.arguments))
    return done()


def _make_relationship(write: DefinitionWrite) -> Response:
    write.demand("Relationship")
    given = write.given()
    if given.type_name == "ManyToManyRelationshipMetadata":
        association = new_association(write.definitions, given)
        changing.make_association(write.organisation, association)
        association = write.definitions.associations[-1]
        return write.made(relationship_id(association.schema_name, association))
    made = new_lookup(write.definitions, given)
    changing.make_column(write.organisation, made.table, made.column)
    column = write.organisation.tables[made.table.name].columns[made.column.name]
    return write.made(relationship_id(made.table.relationship(column, column.targets[0]), column))


def _to_relationship(write: DefinitionWrite, arguments: str) -> Response:
    write.demand("Relationship")
    found = find_relationship(write.definitions, arguments)
    deleting = write.request.method == "DELETE"
    if isinstance(found, Association):
        if not deleting:
            raise Refused(501, "0x8006088a", "A many-to-many relationship has nothing to change in this sandbox.")
        changing.remove_association(write.organisation, found)
        return done()
    table, column = found
    if deleting:
        changing.remove_column(write.organisation, table, column)
    else:
        changing.change_column(write.organisation, table, changed_cascades(column, write.given()))
    return done()


def _make_option_set(write: DefinitionWrite) -> Response:
    write.demand("OptionSet")
    option_set = new_option_set(write.given())
    if option_set.name in write.definitions.option_sets:
        raise already_exists(f"An option set with the specified name {option_set.name}")
    write.organisation.customise(MakeOptionSet(option_set))
    return write.made(option_set_id(write.definitions.option_sets[option_set.name]))


def _to_option_set(write: DefinitionWrite, arguments: str) -> Response:
    write.demand("OptionSet")
    option_set = find_option_set(write.definitions, arguments)
    if write.request.method == "DELETE":
        changing.remove_option_set(write.organisation, option_set)
    else:
        write.organisation.customise(ChangeOptionSet(changed_option_set(option_set, write.given())))
    return done()
