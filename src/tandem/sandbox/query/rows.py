"""The rows of a table or of a navigation property: collections by the page, one row, one property, counts.

Each request is answered from one moment of the database, and whatever the service would refuse is refused here with
its code, so that a client cannot learn to rely on the sandbox being kind (reference 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tandem.sandbox.messages import Response
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.query.condition import EVERY_ROW, Condition, Fragment, all_of
from tandem.sandbox.query.expand import Row, expanded_row, linking
from tandem.sandbox.query.filter import filter_condition
from tandem.sandbox.query.options import COUNT_LIMIT, MAXIMUM_PAGE, refuse_others, whole_number
from tandem.sandbox.query.ordering import order_terms
from tandem.sandbox.query.pages import Cookie, Order, after, order_sql, read_cookie, write_cookie
from tandem.sandbox.query.reading import (
    JSON_HEADERS,
    TEXT_HEADERS,
    Reading,
    missing,
    page_response,
)
from tandem.sandbox.query.render import as_bytes, row_json
from tandem.sandbox.query.sources import Source, reach, root
from tandem.sandbox.store.privileges import Depth, Right
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import TableDefinition

_OPTIONS = ("$filter", "$orderby", "$top", "$count", "$skiptoken")
"""What may be asked of any collection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The rows that a path names, `within` those of its table: what the caller may read of them."""

    source: Source
    path: str
    within: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The statement behind a page of rows: what stands behind FROM, which rows of it, and their order."""

    rows: Fragment
    wanted: Condition
    order: Order


def whole_table(reading: Reading, table: TableDefinition) -> Listing:
    """All rows of a table. Raises Refused (403) where the caller may read none."""
    reading.caller.demand(table, Right.READ)
    source = root(table)
    return Listing(source=source, path=table.entity_set, within=Condition(reach(reading.caller, source)))


def read_collection(reading: Reading, listing: Listing) -> Response:
    """A page of rows, with `@odata.nextLink` while there are more."""
    refuse_others(reading.options, ("$select", "$expand", *_OPTIONS))
    row = expanded_row(reading, listing.source)
    context = f"{listing.source.table.entity_set}{row.context}"
    return read_page(reading, _query(reading, listing), row, path=listing.path, context=context)


def read_references(reading: Reading, listing: Listing) -> Response:
    """A page of the addresses of rows (reference 3.1)."""
    refuse_others(reading.options, _OPTIONS)
    address = f"{reading.request.base}/{listing.source.table.entity_set}("
    row = Row(sql=Fragment(f"""concat('{{"@odata.id":"', ?, {listing.source.key}, ')"}}')""", (address,)))
    return read_page(reading, _query(reading, listing), row, path=f"{listing.path}/$ref", context="Collection($ref)")


def read_page(reading: Reading, query: Query, row: Row, *, path: str, context: str) -> Response:
    """A page of whatever rows a query yields; `path` is where its next page is found."""
    options, preferences = reading.options, reading.preferences
    top = whole_number(options, "$top")
    # With a page size asked for, `$top` is passed over (reference 3.3).
    capped = top is not None and preferences.page_size is None
    size = min(top or 0, MAXIMUM_PAGE) if capped else preferences.page_size or MAXIMUM_PAGE
    token = options.get("$skiptoken")
    cookie = None if token is None else read_cookie(query.order, token)
    with reading.organisation.snapshot():
        rows, last, more = fetch_rows(reading, query, row, cookie=cookie, size=size)
        count = _count(reading, query) if options.flag("$count") else None
    next_link = None
    if more and not capped:
        page = (cookie.page if cookie else 1) + 1
        token = write_cookie(query.order, Cookie(page=page, last=last))
        next_link = reading.link(path, f"$skiptoken={token}", without=("$skiptoken",))
    head = collection_head(reading, context, count)
    applied = preferences.applied("odata.maxpagesize", "odata.include-annotations")
    return page_response(rows, head=head, next_link=next_link, applied=applied)


def fetch_rows(
    reading: Reading, query: Query, row: Row, *, cookie: Cookie | None, size: int
) -> tuple[list[bytes], tuple[Stored, ...], bool]:
    """A page of rows as JSON, the sort values of its last row, and whether more rows follow."""
    # The place comes first: of two lower bounds on one index SQLite starts reading at the first it meets.
    begin = after(query.order, cookie.last) if cookie else EVERY_ROW
    keys = ", ".join(term.sql for term in query.order)
    sql = (
        f"SELECT {as_bytes(row.sql.sql)}, {keys} FROM {query.rows.sql}"  # noqa: S608
        f" WHERE {begin.sql} AND ({query.wanted.sql}) ORDER BY {order_sql(query.order)} LIMIT ?"
    )
    values = (*row.sql.values, *query.rows.values, *begin.values, *query.wanted.values, size + 1)
    with linking(reading, row) as connection:
        found = connection.execute(sql, values).fetchall()
    shown: list[tuple[Any, ...]] = found[:size]
    return [item[0] for item in shown], tuple(shown[-1][1:]) if shown else (), len(found) > size


def read_count(reading: Reading, listing: Listing) -> Response:
    """`/$count`: a number as text, at most 5,000 (reference 3.3)."""
    refuse_others(reading.options, ("$filter",))
    count = _count(reading, _query(reading, listing))
    return Response(status=200, headers=dict(TEXT_HEADERS), body=str(min(count, COUNT_LIMIT)).encode())


def read_row(reading: Reading, table: TableDefinition, row_id: str) -> Response:
    """One row; 304 where the caller's ETag still holds and neither `$expand` nor annotations are asked for."""
    refuse_others(reading.options, ("$select", "$expand"))
    row = expanded_row(reading, root(table))
    body, version = find_row(reading, table, row_id, row)
    etag = f'W/"{version}"'
    conditional = not reading.preferences.annotations and reading.options.get("$expand") is None
    if conditional and reading.request.headers.get("if-none-match") == etag:
        return Response(status=304, headers={"ETag": etag, "OData-Version": "4.0"})
    head = msgspec.json.encode(reading.head(f"{table.entity_set}{row.context}/$entity"))[:-1]
    # A page size means the expanded collections of the row.
    applied = reading.preferences.applied(*["odata.maxpagesize"] * bool(row.links), "odata.include-annotations")
    return Response(
        status=200,
        headers={**JSON_HEADERS, "ETag": etag, **applied},
        body=b",".join((head, body[1:].encode())),
    )


def find_row(reading: Reading, table: TableDefinition, row_id: str, row: Row) -> tuple[str, int]:
    """A row as JSON and its version. Raises Refused: 404 where it is absent, 403 where it is out of reach."""
    reading.caller.demand(table, Right.READ)
    sql = (
        f"SELECT {row.sql.sql}, versionnumber, {reach(reading.caller, root(table))}"  # noqa: S608
        f" FROM {table.name} WHERE {table.primary_id} = ?"
    )
    with linking(reading, row) as connection:
        found = connection.execute(sql, (*row.sql.values, row_id)).fetchone()
    if found is None:
        raise missing(table, row_id)
    body, version, reachable = found
    if not reachable:
        reading.caller.demand(table, Right.READ, depth=Depth.GLOBAL)
    return str(body), int(str(version))


def read_property(reading: Reading, table: TableDefinition, row_id: str, name: str, *, raw: bool) -> Response:
    """One property of a row, or its bare text; 204 where it is null (reference 3.1)."""
    refuse_others(reading.options, ())
    sql = row_json(reading, root(table), [table.by_wire_name[name]])
    body, _ = find_row(reading, table, row_id, Row(sql=Fragment(sql)))
    value = bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw])[name])
    if value == b"null":
        return Response(status=204, headers={"OData-Version": "4.0"})
    if raw:
        content = msgspec.json.decode(value) if value[:1] == b'"' else value.decode()
        return Response(status=200, headers=dict(TEXT_HEADERS), body=str(content).encode())
    return reading.answer(f"{table.entity_set}({row_id})/{name}", {"value": msgspec.Raw(value)})


def _query(reading: Reading, listing: Listing) -> Query:
    """The rows that `$filter` leaves, in the order of `$orderby`."""
    text = reading.options.get("$filter")
    asked = EVERY_ROW if text is None else filter_condition(reading, listing.source, text)
    order = order_terms(reading, listing.source)
    return Query(rows=Fragment(listing.source.named), wanted=all_of(listing.within, asked), order=order)


def _count(reading: Reading, query: Query) -> int:
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {query.rows.sql} WHERE {query.wanted.sql} LIMIT ?)"  # noqa: S608
    values = (*query.rows.values, *query.wanted.values, COUNT_LIMIT + 1)
    return int(str(reading.organisation.connection.execute(sql, values).get))


def collection_head(reading: Reading, context: str, count: int | None) -> Mapping[str, object]:
    """What stands before rows: context, count and, where asked for, the annotations of the collection.

    `count` is None where nobody asked for it, and above COUNT_LIMIT where there are more (reference 3.3).
    """
    head = reading.head(context)
    if count is not None:
        head["@odata.count"] = min(count, COUNT_LIMIT)
    facts = {
        "totalrecordcount": -1 if count is None else min(count, COUNT_LIMIT),
        "totalrecordcountlimitexceeded": count is not None and count > COUNT_LIMIT,
    }
    named = {f"{NAMESPACE}{name}": fact for name, fact in facts.items()}
    head.update({f"@{name}": fact for name, fact in named.items() if reading.preferences.wants(name)})
    return head
