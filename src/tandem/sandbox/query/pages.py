"""Where the next page begins: the cookie inside `$skiptoken`.

A page that began at an offset would lose or repeat rows when others write between two pages. The cookie holds the
last row's sort values, so the next page begins after that row, whatever happened meanwhile (reference 3.5).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.condition import TOO_LARGE, Condition
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import LOOKUPS, TEXTUAL, ColumnType, TableDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of an order: the SQL that is sorted by, the type of what it yields, and its name in a cookie."""

    sql: str
    type: ColumnType
    name: str
    descending: bool = False


Order = Sequence[Term]

MAXIMUM_TERMS = 200
"""Terms of one order; the service's own number is not known. [k]"""


def term(table: TableDefinition, name: str, *, descending: bool = False) -> Term:
    """Sorting by a column of the table that is read."""
    return Term(sql=f"{table.name}.{name}", type=table.columns[name].type, name=name, descending=descending)


_TEXT_STORED = TEXTUAL | LOOKUPS | {ColumnType.GUID, ColumnType.DATETIME, ColumnType.CHOICES, ColumnType.DECIMAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """The place in a listing: the number of the page that follows, and the sort values of the last row shown.

    `first` are those of the first row of that page; they are told and never needed. `position` is the version that a
    tracked reading will end at, None for an ordinary query; `phase` tells the changed rows of a delta from its
    deletions.
    """

    page: int
    last: tuple[Stored, ...]
    first: tuple[Stored, ...] = ()
    position: int | None = None
    phase: str = "rows"


def write_cookie(order: Order, cookie: Cookie) -> str:
    """The value of `$skiptoken`: XML in XML, percent-encoded; the inner one is encoded once more (reference 3.5)."""
    return quote(wrapped_cookie(order, cookie), safe="=/%")


def wrapped_cookie(order: Order, cookie: Cookie) -> str:
    """The XML that says which page follows and holds the cookie, encoded twice (reference 3.5, 3.8)."""
    inner = ElementTree.Element("cookie", page=str(cookie.page - 1))
    if cookie.position is not None:
        inner.set("maxTimestamp", str(cookie.position))
        inner.set("phase", cookie.phase)
    for number, term in enumerate(order):
        attributes = _edge(term, "last", cookie.last[number])
        if cookie.first:
            attributes |= _edge(term, "first", cookie.first[number])
        ElementTree.SubElement(inner, term.name, attributes)
    outer = ElementTree.Element(
        "cookie",
        pagenumber=str(cookie.page),
        pagingcookie=percent_encoded(percent_encoded(ElementTree.tostring(inner, encoding="unicode"))),
        istracking=str(cookie.position is not None),
    )
    return ElementTree.tostring(outer, encoding="unicode")


def percent_encoded(text: str) -> str:
    """The text percent-encoded in lower case, as the service writes its tokens (reference 3.5, 4.2)."""
    return re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quote(text, safe=""))


def read_cookie(order: Order, text: str) -> Cookie:
    """The cookie in a decoded `$skiptoken`. Raises Refused (400) for one damaged or made by another query."""
    try:
        inner = unquote(ElementTree.fromstring(text).attrib["pagingcookie"])
    except (ElementTree.ParseError, KeyError):
        raise damaged_cookie() from None
    return read_inner_cookie(order, inner)


def read_inner_cookie(order: Order, text: str) -> Cookie:
    """The cookie in the XML that the `paging-cookie` of FetchXML holds.

    Raises Refused (400) with the codes that the catalogue has; which one the service really answers is unconfirmed
    (reference 3.5).
    """
    try:
        inner = ElementTree.fromstring(text)
        page = _whole(inner.attrib["page"], least=1) + 1
        position = None if "maxTimestamp" not in inner.attrib else _whole(inner.attrib["maxTimestamp"], least=0)
        if [element.tag for element in inner] != [term.name for term in order]:
            raise Refused(400, "0x80041129", "Order by columns do not match those in paging cookie.")
        last = tuple(
            None if element.get("lastnull") else _unbraced(term.type, element.attrib["last"])
            for term, element in zip(order, inner, strict=True)
        )
    except (ElementTree.ParseError, KeyError, ValueError):
        raise damaged_cookie() from None
    return Cookie(page=page, last=last, position=position, phase=inner.get("phase", "rows"))


def after(order: Order, last: Sequence[Stored]) -> Condition:
    """The rows that come after the one with those sort values; NULL sorts first, as in SQL Server."""
    *earlier, (term, value) = zip(order, last, strict=True)
    sql, values = _beyond(term.sql, value, descending=term.descending)
    for term, value in reversed(earlier):
        beyond, parameters = _beyond(term.sql, value, descending=term.descending)
        sql, values = f"{beyond} OR ({term.sql} IS ? AND ({sql}))", (*parameters, value, *values)
    if last[0] is not None and not order[0].descending:
        # Says again what follows from the rest, so that SQLite starts reading its index at this place.
        return Condition(f"{order[0].sql} >= ? AND ({sql})", (last[0], *values))
    return Condition(f"({sql})", values)


def order_sql(order: Order) -> str:
    """The ORDER BY list. Raises Refused (400) for more than MAXIMUM_TERMS."""
    if len(order) > MAXIMUM_TERMS:
        raise Refused(400, "0x80044183", "The query specified for this operation is invalid: too many orders.")
    return ", ".join(f"{term.sql}{' DESC' if term.descending else ''}" for term in order)


def _beyond(sql: str, value: Stored, *, descending: bool) -> tuple[str, tuple[Stored, ...]]:
    if value is None:
        return ("0", ()) if descending else (f"{sql} IS NOT NULL", ())
    return (f"({sql} < ? OR {sql} IS NULL)" if descending else f"{sql} > ?", (value,))


def _edge(term: Term, edge: str, value: Stored) -> dict[str, str]:
    """What a cookie says of one sort value of its `first` or `last` row."""
    if value is None:
        return {f"{edge}null": "1"}
    return {edge: f"{{{str(value).upper()}}}" if term.type is ColumnType.GUID else str(value)}


def _unbraced(type: ColumnType, text: str) -> Stored:
    if type is ColumnType.GUID:
        return text.strip("{}").lower()
    if type in _TEXT_STORED:
        return text
    return float(text) if type is ColumnType.DOUBLE else _whole(text)


def _whole(text: str, *, least: int = -TOO_LARGE) -> int:
    """The number, if SQLite can hold it. Raises ValueError."""
    number = int(text)
    if not least <= number < TOO_LARGE:
        raise ValueError(text)
    return number


def damaged_cookie() -> Refused:
    """The refusal of a cookie that cannot be read, or that a reading of another kind made."""
    return Refused(400, "0x8004112A", "Invalid page number in paging cookie.")
