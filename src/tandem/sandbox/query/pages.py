"""Where the next page begins: the cookie inside `$skiptoken`.

A page that began at an offset would lose or repeat rows when others write between two pages. The cookie holds the
last row's sort values, so the next page begins after that row, whatever happened meanwhile (reference 3.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.condition import Condition
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import TEXTUAL, ColumnDefinition, ColumnType, TableDefinition

Order = Sequence[tuple[ColumnDefinition, bool]]

_TEXT_STORED = TEXTUAL | {ColumnType.GUID, ColumnType.DATETIME, ColumnType.CHOICES}
_FRACTIONS = {ColumnType.DECIMAL, ColumnType.DOUBLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """The place in a listing: the number of the page that follows, and the sort values of the last row shown.

    `position` is the version that a tracked reading will end at, None for an ordinary query; `phase` tells the
    changed rows of a delta from its deletions.
    """

    page: int
    last: tuple[Stored, ...]
    position: int | None = None
    phase: str = "rows"


def write_cookie(order: Order, cookie: Cookie) -> str:
    """The value of `$skiptoken`, percent-encoded: XML in XML, the inner one encoded twice."""
    inner = ElementTree.Element("cookie", page=str(cookie.page - 1))
    if cookie.position is not None:
        inner.set("maxTimestamp", str(cookie.position))
        inner.set("phase", cookie.phase)
    for (column, _), value in zip(order, cookie.last, strict=True):
        attributes = {"lastnull": "1"} if value is None else {"last": _braced(column, value)}
        ElementTree.SubElement(inner, column.name, attributes)
    text = ElementTree.tostring(inner, encoding="unicode")
    outer = ElementTree.Element(
        "cookie",
        pagenumber=str(cookie.page),
        pagingcookie=quote(quote(text, safe=""), safe=""),
        istracking=str(cookie.position is not None),
    )
    return quote(ElementTree.tostring(outer, encoding="unicode"), safe="=")


def read_cookie(order: Order, text: str) -> Cookie:
    """The cookie in a decoded `$skiptoken`. Raises Refused (400) for one damaged or made by another query.

    Codes as the catalogue has them; which one the service really answers is unconfirmed (reference 3.5).
    """
    try:
        outer = ElementTree.fromstring(text)
        inner = ElementTree.fromstring(unquote(unquote(outer.attrib["pagingcookie"])))
        page = int(outer.attrib["pagenumber"])
        position = None if "maxTimestamp" not in inner.attrib else int(inner.attrib["maxTimestamp"])
        if [element.tag for element in inner] != [column.name for column, _ in order]:
            raise Refused(400, "0x80041129", "Order by columns do not match those in paging cookie.")
        last = tuple(
            None if element.get("lastnull") else _unbraced(column, element.attrib["last"])
            for (column, _), element in zip(order, inner, strict=True)
        )
    except (ElementTree.ParseError, KeyError, ValueError):
        raise Refused(400, "0x8004112A", "Invalid page number in paging cookie.") from None
    return Cookie(
        page=page,
        last=last,
        position=position,
        phase=inner.get("phase", "rows"),
    )


def after(table: TableDefinition, order: Order, last: Sequence[Stored]) -> Condition:
    """The rows that come after the one with those sort values; NULL sorts first, as in SQL Server."""
    alternatives: list[str] = []
    values: list[Stored] = []
    equal: list[str] = []
    equal_values: list[Stored] = []
    for (column, descending), value in zip(order, last, strict=True):
        sql = f"{table.name}.{column.name}"
        beyond, parameters = _beyond(sql, value, descending=descending)
        alternatives.append(" AND ".join([*equal, beyond]))
        values.extend([*equal_values, *parameters])
        equal.append(f"{sql} IS ?")
        equal_values.append(value)
    sql = " OR ".join(f"({alternative})" for alternative in alternatives)
    leading, descending = order[0]
    if last[0] is not None and not descending:
        # Says again what follows from the rest, so that SQLite starts reading its index at this place.
        return Condition(f"{table.name}.{leading.name} >= ? AND ({sql})", (last[0], *values))
    return Condition(f"({sql})", tuple(values))


def order_sql(table: TableDefinition, order: Order) -> str:
    """The ORDER BY list."""
    return ", ".join(f"{table.name}.{column.name}{' DESC' if descending else ''}" for column, descending in order)


def _beyond(sql: str, value: Stored, *, descending: bool) -> tuple[str, tuple[Stored, ...]]:
    if value is None:
        return ("0", ()) if descending else (f"{sql} IS NOT NULL", ())
    return (f"({sql} < ? OR {sql} IS NULL)" if descending else f"{sql} > ?", (value,))


def _braced(column: ColumnDefinition, value: Stored) -> str:
    return f"{{{str(value).upper()}}}" if column.type is ColumnType.GUID else str(value)


def _unbraced(column: ColumnDefinition, text: str) -> Stored:
    if column.type is ColumnType.GUID:
        return text.strip("{}").lower()
    if column.type in _TEXT_STORED or column.is_lookup:
        return text
    return float(text) if column.type in _FRACTIONS else int(text)
