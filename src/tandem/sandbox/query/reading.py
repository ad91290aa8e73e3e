"""Reading rows: collections, one row, one property, counts.

Each request is answered from one moment of the database, and whatever the service would refuse is refused here with
its code, so that a client cannot learn to rely on the sandbox being kind (reference 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.query.condition import Condition
from tandem.sandbox.query.filter import filter_condition
from tandem.sandbox.query.options import (
    MAXIMUM_PAGE,
    Options,
    Preferences,
    refuse_others,
    selected,
    whole_number,
)
from tandem.sandbox.query.pages import Cookie, Order, after, order_sql, read_cookie, write_cookie
from tandem.sandbox.query.render import Selection, order_terms, row_json, select_columns
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Caller, Depth, Right
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import ColumnDefinition, TableDefinition

JSON_HEADERS = {"Content-Type": "application/json; odata.metadata=minimal", "OData-Version": "4.0"}
STREAM_HEADERS = {**JSON_HEADERS, "Content-Type": "application/json; odata.metadata=minimal; odata.streaming=true"}

COUNT_LIMIT = 5_000
"""Counts stop here on standard tables (reference 3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One request to read, with what every way of answering it needs."""

    organisation: Organisation
    caller: Caller
    request: Request
    options: Options
    preferences: Preferences

    def row_expression(self, table: TableDefinition, columns: Sequence[ColumnDefinition]) -> str:
        """The SQL of one row as JSON for this caller and these annotations."""
        return row_json(
            table,
            columns,
            tables=self.organisation.tables,
            caller=self.caller,
            preferences=self.preferences,
        )

    def link(self, entity_path: str, *parts: str, without: Sequence[str]) -> str:
        """A link that repeats this query without some options and with others at its end."""
        query = "&".join(part for part in (self.options.link_query(*without), *parts) if part)
        return f"{self.request.base}/{entity_path}?{query}"


def json_response(content: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(status=status, headers={**JSON_HEADERS, **(headers or {})}, body=msgspec.json.encode(content))


def collection_body(head: dict[str, object], rows: Sequence[str], tail: dict[str, object]) -> bytes:
    """A collection whose rows are JSON already: the members of `head`, `value`, then those of `tail`."""
    opening = msgspec.json.encode(head)[:-1]
    closing = msgspec.json.encode(tail)[1:]
    return b"".join((opening, b',"value":[', ",".join(rows).encode(), b"]", b"," if tail else b"", closing))


def read_collection(reading: Reading, table: TableDefinition, *, within: Condition, path: str) -> Response:
    """A page of rows, with `@odata.nextLink` while there are more. `within` limits them, as a navigation does."""
    options, preferences = reading.options, reading.preferences
    refuse_others(options, ("$select", "$filter", "$orderby", "$top", "$count", "$skiptoken"))
    reading.caller.demand(table, Right.READ)
    selection = select_columns(table, selected(options))
    order = order_terms(table, options.get("$orderby"))
    wanted = _wanted(reading, table, within)
    top = whole_number(options, "$top")
    # With a page size asked for, `$top` is passed over (reference 3.3).
    capped = top is not None and preferences.page_size is None
    size = min(top or 0, MAXIMUM_PAGE) if capped else preferences.page_size or MAXIMUM_PAGE
    cookie = _cookie(options, order)
    with reading.organisation.snapshot():
        rows, last, more = fetch_rows(reading, table, selection.columns, wanted, order, cookie=cookie, size=size)
        head = _head(reading, table, selection, wanted)
    tail: dict[str, object] = {}
    if more and not capped:
        page = (cookie.page if cookie else 1) + 1
        token = write_cookie(order, Cookie(page=page, last=last))
        tail["@odata.nextLink"] = reading.link(path, f"$skiptoken={token}", without=("$skiptoken",))
    applied = preferences.applied("odata.maxpagesize", "odata.include-annotations")
    return Response(status=200, headers={**STREAM_HEADERS, **applied}, body=collection_body(head, rows, tail))


def fetch_rows(
    reading: Reading,
    table: TableDefinition,
    columns: Sequence[ColumnDefinition],
    wanted: Condition,
    order: Order,
    *,
    cookie: Cookie | None,
    size: int,
) -> tuple[list[str], tuple[Stored, ...], bool]:
    """A page of rows as JSON, the sort values of its last row, and whether more rows follow."""
    # The place comes first: of two lower bounds on one index SQLite starts reading at the first it meets.
    begin = after(table, order, cookie.last) if cookie else Condition("1")
    keys = ", ".join(f"{table.name}.{column.name}" for column, _ in order)
    sql = (
        f"SELECT {reading.row_expression(table, columns)}, {keys} FROM {table.name}"  # noqa: S608
        f" WHERE {begin.sql} AND ({wanted.sql}) ORDER BY {order_sql(table, order)} LIMIT ?"
    )
    values = (*begin.values, *wanted.values, size + 1)
    found = reading.organisation.connection.execute(sql, values).fetchall()
    shown = found[:size]
    return [str(row[0]) for row in shown], tuple(shown[-1][1:]) if shown else (), len(found) > size


def read_count(reading: Reading, table: TableDefinition, *, within: Condition) -> Response:
    """`/$count`: a number as text, at most 5,000 (reference 3.3)."""
    refuse_others(reading.options, ("$filter",))
    reading.caller.demand(table, Right.READ)
    count = _count(reading, table, _wanted(reading, table, within))
    return Response(
        status=200,
        headers={"Content-Type": "text/plain", "OData-Version": "4.0"},
        body=str(min(count, COUNT_LIMIT)).encode(),
    )


def read_row(reading: Reading, table: TableDefinition, row_id: str) -> Response:
    """One row; 304 where the caller's ETag still holds."""
    refuse_others(reading.options, ("$select",))
    selection = select_columns(table, selected(reading.options))
    found = find_row(reading, table, row_id, selection.columns)
    if found is None:
        raise missing(table, row_id)
    row, version = found
    etag = f'W/"{version}"'
    if reading.request.headers.get("if-none-match") == etag and not reading.preferences.annotations:
        return Response(status=304, headers={"ETag": etag, "OData-Version": "4.0"})
    context = f"{reading.request.base}/$metadata#{table.entity_set}{selection.context}/$entity"
    head = msgspec.json.encode({"@odata.context": context})[:-1]
    applied = reading.preferences.applied("odata.include-annotations")
    return Response(
        status=200,
        headers={**JSON_HEADERS, "ETag": etag, **applied},
        body=b",".join((head, row[1:].encode())),
    )


def find_row(
    reading: Reading, table: TableDefinition, row_id: str, columns: Sequence[ColumnDefinition]
) -> tuple[str, int] | None:
    """A row as JSON and its version, or None if it is absent. Raises Refused (403) for a row out of reach."""
    reading.caller.demand(table, Right.READ)
    sql = (
        f"SELECT {reading.row_expression(table, columns)}, versionnumber, {reach(reading.caller, table).sql}"  # noqa: S608
        f" FROM {table.name} WHERE {table.primary_id} = ?"
    )
    values = (*reach(reading.caller, table).values, row_id)
    found = reading.organisation.connection.execute(sql, values).fetchone()
    if found is None:
        return None
    row, version, reachable = found
    if not reachable:
        reading.caller.demand(table, Right.READ, depth=Depth.GLOBAL)
    return str(row), int(str(version))


def read_property(reading: Reading, table: TableDefinition, row_id: str, name: str, *, raw: bool) -> Response:
    """One property of a row, or its bare text; 204 where it is null (reference 3.1)."""
    refuse_others(reading.options, ())
    column = table.by_wire_name[name]
    found = find_row(reading, table, row_id, [column])
    if found is None:
        raise missing(table, row_id)
    value = bytes(msgspec.json.decode(found[0], type=dict[str, msgspec.Raw])[name])
    if value == b"null":
        return Response(status=204, headers={"OData-Version": "4.0"})
    if raw:
        content = msgspec.json.decode(value) if value[:1] == b'"' else value.decode()
        headers = {"Content-Type": "text/plain", "OData-Version": "4.0"}
        return Response(status=200, headers=headers, body=str(content).encode())
    context = f"{reading.request.base}/$metadata#{table.entity_set}({row_id})/{name}"
    return json_response({"@odata.context": context, "value": msgspec.Raw(value)})


def reach(caller: Caller, table: TableDefinition) -> Condition:
    """The rows of the table that the depth of the caller's Read privilege covers (reference 1.7)."""
    depth = caller.depth(f"prv{Right.READ}{table.schema_name}")
    if depth is Depth.GLOBAL or "ownerid" not in table.columns:
        return Condition("1")
    if depth is Depth.BASIC:
        return Condition(f"{table.name}.ownerid = ?", (caller.user_id,))
    return Condition(f"{table.name}.owningbusinessunit = ?", (caller.business_unit_id,))


def missing(table: TableDefinition, row_id: str) -> Refused:
    """The refusal of a row that does not exist."""
    return Refused(404, "0x80040217", f"{table.name} With Id = {row_id} Does Not Exist")


def _wanted(reading: Reading, table: TableDefinition, within: Condition) -> Condition:
    """The rows that the navigation, the caller's reach and `$filter` leave."""
    parts = [within, reach(reading.caller, table)]
    text = reading.options.get("$filter")
    if text is not None:
        parts.append(
            filter_condition(
                text,
                table=table,
                tables=reading.organisation.tables,
                caller=reading.caller,
                options=reading.options,
                now=reading.organisation.clock(),
            )
        )
    sql = " AND ".join(f"({part.sql})" for part in parts if part.sql != "1") or "1"
    return Condition(sql, tuple(value for part in parts for value in part.values))


def _cookie(options: Options, order: Order) -> Cookie | None:
    token = options.get("$skiptoken")
    return None if token is None else read_cookie(order, token)


def _count(reading: Reading, table: TableDefinition, wanted: Condition) -> int:
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {table.name} WHERE {wanted.sql} LIMIT ?)"  # noqa: S608
    return int(str(reading.organisation.connection.execute(sql, (*wanted.values, COUNT_LIMIT + 1)).get))


def _head(reading: Reading, table: TableDefinition, selection: Selection, wanted: Condition) -> dict[str, object]:
    """What stands before the rows: context, counts and, where asked for, the annotations of the collection."""
    head: dict[str, object] = {
        "@odata.context": f"{reading.request.base}/$metadata#{table.entity_set}{selection.context}"
    }
    counted = reading.options.get("$count")
    if counted not in (None, "true", "false"):
        raise Refused(400, "0x80060888", f"Invalid value '{counted}' for $count query option found.")
    count = _count(reading, table, wanted) if counted == "true" else None
    if count is not None:
        head["@odata.count"] = min(count, COUNT_LIMIT)
    namespace = "@Microsoft.Dynamics.CRM."
    facts = {
        "totalrecordcount": -1 if count is None else min(count, COUNT_LIMIT),
        "totalrecordcountlimitexceeded": count is not None and count > COUNT_LIMIT,
        "globalmetadataversion": str(reading.organisation.metadata_version),
    }
    head.update(
        {f"{namespace}{name}": fact for name, fact in facts.items() if reading.preferences.wants(namespace[1:] + name)}
    )
    return head
