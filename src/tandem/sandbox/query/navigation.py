"""From a row to the rows it is related to: single references, and collections of either kind (reference 3.1, 5.6)."""

from collections.abc import Sequence

from tandem.sandbox.messages import Response
from tandem.sandbox.paths import Segment, unknown_segment
from tandem.sandbox.query.condition import Condition
from tandem.sandbox.query.options import refuse_others
from tandem.sandbox.query.reading import (
    JSON_HEADERS,
    Reading,
    collection_body,
    json_response,
    missing,
    read_collection,
    read_count,
    read_row,
)
from tandem.sandbox.store.privileges import Right
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.associations import ENDS

_REFERENCE = Segment("$ref")
_COUNT = Segment("$count")


def read_navigation(
    reading: Reading, table: TableDefinition, row_id: str, part: Segment, tail: Sequence[Segment]
) -> Response:
    """Answer `<row>/<navigation property>`, its `$ref` or, for a collection, its `$count`. Raises Refused (404)."""
    if part.arguments is not None or len(tail) > 1:
        raise unknown_segment(tail[-1].name if tail else part.name)
    reading.caller.demand(table, Right.READ)
    if not reading.organisation.exists(table.name, row_id):
        raise missing(table, row_id)
    if part.name in table.by_navigation:
        return _read_single(reading, table, row_id, part.name, tail)
    found = _collection(reading, table, row_id, part.name)
    if found is None:
        raise unknown_segment(part.name)
    target, within = found
    match list(tail):
        case []:
            path = f"{table.entity_set}({row_id})/{part.name}"
            return read_collection(reading, target, within=within, path=path)
        case [last] if last == _COUNT:
            return read_count(reading, target, within=within)
        case [last] if last == _REFERENCE:
            return _read_references(reading, target, within)
        case _:
            raise unknown_segment(tail[-1].name)


def _read_single(reading: Reading, table: TableDefinition, row_id: str, name: str, tail: Sequence[Segment]) -> Response:
    """The row a lookup points to, or its address; 204 where it points nowhere, or to a table of another name."""
    column, targets = table.by_navigation[name]
    row = reading.organisation.get(table.name, row_id) or {}
    target_id, kind = row.get(column.name), row.get(f"{column.name}_type")
    if target_id is None or kind not in targets:
        return Response(status=204, headers={"OData-Version": "4.0"})
    target = reading.organisation.tables[str(kind)]
    if not tail:
        return read_row(reading, target, str(target_id))
    if tail[0] != _REFERENCE:
        raise unknown_segment(tail[0].name)
    refuse_others(reading.options, ())
    base = reading.request.base
    context = f"{base}/$metadata#$ref"
    return json_response({"@odata.context": context, "@odata.id": f"{base}/{target.entity_set}({target_id})"})


def _collection(
    reading: Reading, table: TableDefinition, row_id: str, name: str
) -> tuple[TableDefinition, Condition] | None:
    """The table a collection-valued navigation property leads to and which of its rows, or None if there is none."""
    tables = reading.organisation.tables
    for other in tables.values():
        for column in other.columns.values():
            if (
                column.derived is None
                and table.name in column.targets
                and other.relationship(column, table.name) == name
            ):
                kind = f" AND {other.name}.{column.name}_type = '{table.name}'" if column.polymorphic else ""
                return other, Condition(f"{other.name}.{column.name} = ?{kind}", (row_id,))
    end = ENDS.get((table.name, name))
    if end is None:
        return None
    target = tables[end.other_table]
    members = f"SELECT {end.other_column} FROM {end.intersect} WHERE {end.own_column} = ?"  # noqa: S608
    return target, Condition(f"{target.name}.{target.primary_id} IN ({members})", (row_id,))


def _read_references(reading: Reading, target: TableDefinition, within: Condition) -> Response:
    refuse_others(reading.options, ())
    reading.caller.demand(target, Right.READ)
    base = reading.request.base
    sql = (
        f"""SELECT '{{"@odata.id":"' || ? || {target.primary_id} || ')"}}' FROM {target.name}"""  # noqa: S608
        f" WHERE {within.sql} ORDER BY {target.primary_id}"
    )
    found = reading.organisation.connection.execute(sql, (f"{base}/{target.entity_set}(", *within.values))
    rows = [str(row) for (row,) in found]
    head: dict[str, object] = {"@odata.context": f"{base}/$metadata#Collection($ref)"}
    return Response(status=200, headers=dict(JSON_HEADERS), body=collection_body(head, rows, {}))
