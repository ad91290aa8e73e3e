"""Answering a query that is written in a language of its own: `fetchXml`, `sql`, a saved view (reference 3.8).

FetchXML pages by a cookie that the client puts into its next query; the others by `@odata.nextLink`, as OData does.
"""

from dataclasses import dataclass
from typing import Any

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.query.comparisons import collated
from tandem.sandbox.query.condition import EVERY_ROW, Fragment
from tandem.sandbox.query.fetch.aggregates import group_rows
from tandem.sandbox.query.fetch.document import invalid_query, read_fetch_xml
from tandem.sandbox.query.fetch.elements import Fetch
from tandem.sandbox.query.fetch.rows import context_names, row_sql
from tandem.sandbox.query.fetch.sql import read_sql
from tandem.sandbox.query.fetch.statement import Statement, build_statement
from tandem.sandbox.query.fetch.views import view_xml
from tandem.sandbox.query.options import COUNT_LIMIT, MAXIMUM_PAGE, refuse_others
from tandem.sandbox.query.pages import (
    Cookie,
    Order,
    after,
    order_sql,
    read_cookie,
    read_inner_cookie,
    wrapped_cookie,
    write_cookie,
)
from tandem.sandbox.query.reading import Reading, page_response
from tandem.sandbox.query.render import as_bytes
from tandem.sandbox.query.rows import Listing, collection_head, read_collection
from tandem.sandbox.store.storage import Stored

LANGUAGES = ("fetchXml", "sql", "savedQuery", "userQuery")
"""The options that hold a whole query, or name one."""

SIMPLE_PAGING_LIMIT = 50_000
"""How deep a query may be paged without a cookie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """The rows of a page as JSON, the sort values of its first and last row, and whether more rows follow."""

    rows: list[bytes]
    edges: tuple[tuple[Stored, ...], tuple[Stored, ...]] | None
    more: bool


def read_query(reading: Reading, listing: Listing) -> Response:
    """The rows of a listing, asked for by OData's options or by a query in another language.

    Raises Refused (400) where both are given; only `$count` goes with either. [k]
    """
    language = next((name for name in LANGUAGES if reading.options.get(name) is not None), None)
    if language is None:
        return read_collection(reading, listing)
    linked = language != "fetchXml"
    refuse_others(reading.options, (language, "$count", "$skiptoken") if linked else (language, "$count"))
    return _answer(reading, listing, _stated(reading, language), linked=linked)


def _stated(reading: Reading, language: str) -> Fetch:
    """The query that an option holds or names."""
    text = str(reading.options.get(language))
    match language:
        case "fetchXml":
            return read_fetch_xml(text)
        case "sql":
            return read_sql(text, reading.organisation.tables, reading.organisation.clock())
    return read_fetch_xml(view_xml(reading, language, text))


def _answer(reading: Reading, listing: Listing, fetch: Fetch, *, linked: bool) -> Response:
    table = listing.source.table
    if fetch.entity.table != table.name:
        # Code and text are unconfirmed.
        message = f"The query is over '{fetch.entity.table}', which is not the table of '{table.entity_set}'."
        raise Refused(400, "0x80060888", message)
    statement = build_statement(reading, listing, fetch)
    size, asked = _size(reading, fetch)
    order = _places(statement, fetch, linked=linked)
    cookie = _cookie(reading, fetch, order)
    names = "" if fetch.aggregate else context_names(statement, distinct=fetch.distinct)
    with reading.organisation.snapshot():
        page = _page(reading, statement, fetch, cookie, size)
        counted = fetch.total or reading.options.flag("$count")
        count = _count(reading, statement, fetch) if counted else None
    head = dict(collection_head(reading, f"{table.entity_set}{names}", count))
    next_link = None
    following = _following(page, order, fetch.page if cookie is None else cookie.page)
    if linked and following is not None:
        token = f"$skiptoken={write_cookie(order, following)}"
        next_link = reading.link(listing.path, token, without=("$skiptoken",))
    elif not linked:
        if following is not None and order and reading.preferences.wants(f"{NAMESPACE}fetchxmlpagingcookie"):
            head[f"@{NAMESPACE}fetchxmlpagingcookie"] = wrapped_cookie(order, following)
        if reading.preferences.wants(f"{NAMESPACE}morerecords"):
            head[f"@{NAMESPACE}morerecords"] = page.more
    honoured = ("odata.maxpagesize",) if asked else ()
    applied = reading.preferences.applied(*honoured, "odata.include-annotations")
    return page_response(page.rows, head=head, next_link=next_link, applied=applied)


def _size(reading: Reading, fetch: Fetch) -> tuple[int, bool]:
    """How many rows the page may have, and whether that is what the Prefer header asked for."""
    if fetch.top is not None:
        if fetch.top > MAXIMUM_PAGE:
            raise invalid_query(f"The top attribute cannot exceed {MAXIMUM_PAGE}.")
        return fetch.top, False
    if fetch.count is not None:
        return min(fetch.count, MAXIMUM_PAGE), False
    return reading.preferences.page_size or MAXIMUM_PAGE, reading.preferences.page_size is not None


def _places(statement: Statement, fetch: Fetch, *, linked: bool) -> Order:
    """The order that the next page's place is told in; empty where only the number of the page can be told.

    A link says any place; a FetchXML cookie none that depends on a joined table.
    """
    told = not (fetch.distinct or fetch.aggregate) and (linked or statement.resumable)
    return statement.order if told else ()


def _cookie(reading: Reading, fetch: Fetch, order: Order) -> Cookie | None:
    token = reading.options.get("$skiptoken")
    if token is not None:
        return read_cookie(order, token)
    return None if fetch.cookie is None else read_inner_cookie(order, fetch.cookie)


def _page(reading: Reading, statement: Statement, fetch: Fetch, cookie: Cookie | None, size: int) -> _Page:
    place = cookie if cookie is not None and cookie.last else None
    number = fetch.page if cookie is None else cookie.page
    skip = 0 if place else fetch.skip + (number - 1) * size
    if number > 1 and place is None and number * size > SIMPLE_PAGING_LIMIT:
        # The code is that of the catalogue, unconfirmed (reference 3.5).
        raise Refused(400, "0x8004430A", "Paging this deep needs the paging cookie of the page before.")
    rows = _rows(reading, statement, fetch, place)
    sql = f"{rows.sql} LIMIT ? OFFSET ?"
    found = reading.organisation.connection.execute(sql, (*rows.values, size + 1, skip)).fetchall()
    shown: list[tuple[Any, ...]] = found[:size]
    return _Page(
        rows=[row[0] for row in shown],
        edges=(tuple(shown[0][1:]), tuple(shown[-1][1:])) if shown else None,
        more=len(found) > size and fetch.top is None,
    )


def _rows(reading: Reading, statement: Statement, fetch: Fetch, place: Cookie | None) -> Fragment:
    """The statement that yields the rows as JSON, each with its sort values where a cookie needs them."""
    if fetch.aggregate:
        return group_rows(reading, statement, fetch)
    row = as_bytes(row_sql(reading, statement, distinct=fetch.distinct))
    begin = after(statement.order, place.last) if place else EVERY_ROW
    keys = "".join(f", {term.sql} AS key{number}" for number, term in enumerate(statement.order))
    sql = f"SELECT {row} AS shown{keys} FROM {statement.origin.sql} WHERE {begin.sql} AND ({statement.wanted.sql})"  # noqa: S608
    values = (*statement.origin.values, *begin.values, *statement.wanted.values)
    if not fetch.distinct:
        return Fragment(f"{sql} ORDER BY {order_sql(statement.order)}", values)
    # Rows that look the same are one row; it stands where the first of them would.
    order = [
        collated(f"{'max' if term.descending else 'min'}(key{number})", term.type)
        + (" DESC" if term.descending else "")
        for number, term in enumerate(statement.order)
    ]
    return Fragment(f"SELECT shown FROM ({sql}) GROUP BY shown ORDER BY {', '.join([*order, 'shown'])}", values)  # noqa: S608


def _count(reading: Reading, statement: Statement, fetch: Fetch) -> int:
    rows = _rows(reading, statement, fetch, None)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM ({rows.sql}) LIMIT ?)"  # noqa: S608
    return int(str(reading.organisation.connection.execute(sql, (*rows.values, COUNT_LIMIT + 1)).get))


def _following(page: _Page, order: Order, number: int) -> Cookie | None:
    """Where the page after that number begins; None where there is none."""
    if not page.more or page.edges is None:
        return None
    if not order:
        return Cookie(page=number + 1, last=())
    return Cookie(page=number + 1, first=page.edges[0], last=page.edges[1])
