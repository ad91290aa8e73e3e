"""A row and the rows around it are made in one transaction, or none of them is: what clients call deep insert.

A nested object under a single-valued navigation property is made first and pointed at; a nested list under a
collection is made afterwards and points back; `x@odata.bind: [...]` takes rows that exist into a collection
(reference 5.1).
"""

from collections.abc import Mapping

from tandem.sandbox.tables import ColumnType, TableDefinition
from tandem.sandbox.writing.payload import Values, payload_error, read_body, reference, undeclared
from tandem.sandbox.writing.records import Records
from tandem.sandbox.writing.references import Collection, find_collection
from tandem.sandbox.writing.states import check_open

_NOTHING: Mapping[str, object] = {}


def create_with_related(
    records: Records,
    table: TableDefinition,
    content: Mapping[str, object],
    given: Mapping[str, object] = _NOTHING,
    *,
    part: bool = False,
) -> str:
    """Create the row that a body describes, with all that is nested in it, and return its id.

    The values of `given` are those of the URL, or of the row that this one is `part` of; the body wins (reference
    5.5). The caller holds the transaction.
    Raises Refused as reading a body and creating a row do, and 0x80048d19 for a navigation property that is none.
    """
    body = read_body(records.organisation, table, content)
    collections = {name: _collection(records, table, name) for name in body.members}
    values: Values = {**given, **body.values}
    for name, parent in body.parents.items():
        values |= _made(records, table, name, parent)
    row_id = records.create(table, values, part=part)
    for name, collection in collections.items():
        for member in body.members[name]:
            _collect(records, collection, row_id, member)
    return row_id


def replace_parts(records: Records, collection: Collection, row_id: str, contents: object) -> None:
    """Let the parts of a row be those that a body describes, in place of those it has (reference 5.6, 8.8).

    Raises Refused as writing the row does, and 0x80048d19 for what is no list of rows.
    """
    if collection.lookup is None or not isinstance(contents, list):
        raise payload_error(f"A list of rows of '{collection.table.entity_set}' was expected.")
    organisation, back = records.organisation, reference(collection.lookup, collection.owner.name, row_id)
    check_open(collection.owner, records.existing(collection.owner, row_id), back)
    for part_id in organisation.find(collection.table.name, collection.lookup.name, row_id):
        organisation.delete(collection.table.name, part_id, actor=records.actor)
    for content in contents:
        if not isinstance(content, dict):
            raise payload_error(f"A row of '{collection.table.entity_set}' was expected.")
        create_with_related(records, collection.table, content, back, part=True)
    # Asks for the right on the row, and gives it a version.
    records.update(collection.owner, row_id, {})


def _made(records: Records, table: TableDefinition, name: str, content: Mapping[str, object]) -> Values:
    """The reference to a row made for the row that is to point at it."""
    column, targets = table.by_navigation[name]
    if column.type is ColumnType.OWNER:
        raise payload_error(f"An owner cannot be made here: bind it with '{name}@odata.bind'.")
    target = records.organisation.tables[targets[0]]
    return reference(column, target.name, create_with_related(records, target, content))


def _collection(records: Records, table: TableDefinition, name: str) -> Collection:
    found = find_collection(records.organisation, table, name)
    if found is None:
        raise undeclared(table, name, "which does not exist on the type")
    return found


def _collect(records: Records, collection: Collection, row_id: str, member: Mapping[str, object] | str) -> None:
    """Take an existing row into a collection, or make one in it."""
    if isinstance(member, str):
        collection.add(records, row_id, collection.member(records.organisation, member))
    elif collection.lookup is not None:
        back = reference(collection.lookup, collection.owner.name, row_id)
        create_with_related(records, collection.table, member, back, part=True)
    else:
        collection.add(records, row_id, create_with_related(records, collection.table, member))
