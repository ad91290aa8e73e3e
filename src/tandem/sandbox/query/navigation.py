"""What stands behind a set or a row in a path: properties, references and related rows (reference 3.1, 5.6)."""

from collections.abc import Sequence

from tandem.sandbox.messages import Response
from tandem.sandbox.paths import Segment, unknown_segment
from tandem.sandbox.query.apply import read_groups
from tandem.sandbox.query.condition import Condition, Fragment
from tandem.sandbox.query.expand import Row
from tandem.sandbox.query.fetch.answer import read_query
from tandem.sandbox.query.options import refuse_others
from tandem.sandbox.query.reading import Reading, missing
from tandem.sandbox.query.rows import (
    Listing,
    find_row,
    read_count,
    read_property,
    read_references,
    read_row,
    whole_table,
)
from tandem.sandbox.query.sources import Step, members, references, root
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.addressing import row_id_of

_REFERENCE = Segment("$ref")
_COUNT = Segment("$count")
_VALUE = Segment("$value")

_NOTHING = Row(sql=Fragment("''"))
"""What is shown of a row that must only be there."""


def read_set(reading: Reading, table: TableDefinition, rest: Sequence[Segment]) -> Response:
    """Answer a set, its `$count` or its `$ref`."""
    return _read_listing(reading, whole_table(reading, table), rest)


def read_at_row(reading: Reading, table: TableDefinition, row_id: str, rest: Sequence[Segment]) -> Response:
    """Answer a row, one of its properties, or what it refers to, as deep as the path goes. Raises Refused (404)."""
    if not rest:
        return read_row(reading, table, row_id)
    part, *tail = rest
    if part.arguments is None and part.name in table.by_wire_name and tail in ([], [_VALUE]):
        return read_property(reading, table, row_id, part.name, raw=bool(tail))
    find_row(reading, table, row_id, _NOTHING)
    if part.arguments is None and part.name in table.by_navigation:
        return _read_reference(reading, table, row_id, part.name, tail)
    path = f"{table.entity_set}({row_id})/{part.name}"
    step = members(reading, table, part.name, key="?", alias=f"{table.name}__{part.name}")
    if step is None:
        raise unknown_segment(part.name)
    listing = Listing(source=step.source, path=path, within=Condition(step.sql, (row_id,)))
    if part.arguments is None:
        return _read_listing(reading, listing, tail)
    member = row_id_of(reading.organisation, step.source.table, part.arguments)
    if not _holds(reading, listing, member):
        raise missing(step.source.table, member)
    return read_at_row(reading, step.source.table, member, tail)


def _read_listing(reading: Reading, listing: Listing, rest: Sequence[Segment]) -> Response:
    match list(rest):
        case [] if reading.options.get("$apply") is not None:
            return read_groups(reading, listing)
        case []:
            return read_query(reading, listing)
        case [last] if last == _COUNT:
            return read_count(reading, listing)
        case [last] if last == _REFERENCE:
            return read_references(reading, listing)
    raise unknown_segment(rest[0].name)


def _read_reference(
    reading: Reading, table: TableDefinition, row_id: str, name: str, tail: Sequence[Segment]
) -> Response:
    """What a lookup points to; 204 where it points nowhere, or to a table of another name."""
    for step in references(reading, root(table), name):
        target = step.source.table
        found = _target(reading, table, row_id, step)
        if found is None:
            continue
        if list(tail) != [_REFERENCE]:
            return read_at_row(reading, target, found, tail)
        refuse_others(reading.options, ())
        address = f"{reading.request.base}/{target.entity_set}({found})"
        return reading.answer("$ref", {"@odata.id": address})
    return Response(status=204, headers={"OData-Version": "4.0"})


def _target(reading: Reading, table: TableDefinition, row_id: str, step: Step) -> str | None:
    sql = f"SELECT {step.select(step.source.key)} FROM {table.name} WHERE {table.primary_id} = ?"  # noqa: S608
    found = reading.organisation.connection.execute(sql, (row_id,)).get
    return None if found is None else str(found)


def _holds(reading: Reading, listing: Listing, member: str) -> bool:
    sql = f"SELECT 1 FROM {listing.source.named} WHERE {listing.within.sql} AND {listing.source.key} = ?"  # noqa: S608
    values = (*listing.within.values, member)
    return reading.organisation.connection.execute(sql, values).fetchone() is not None
