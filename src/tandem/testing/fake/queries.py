"""Pages of a fake organisation: the JSON that the service would answer, and links that lead on from it.

The rows go through the same decoder as the service's, so their types cannot differ from the real ones; a link is the
only memory of a read, as on the wire, so a read can be left and taken up again by another process.
"""

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page, RowDecoder, wire_name
from tandem.model.schema import Table
from tandem.sandbox.messages import Refused
from tandem.testing.fake.organisation import FakeOrganisation
from tandem.testing.fake.store import Reference, Row

ROOT = "https://fake.crm.dynamics.com"
API = f"{ROOT}/api/data/v9.2"

_STAMP = "%m/%d/%Y %H:%M:%S"
_TARGET = "@Microsoft.Dynamics.CRM.lookuplogicalname"
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_CHANGED, _DELETED = "changed", "deleted"
_DELTA_TOKEN = re.compile(r"\$deltatoken=([^&]+)")
_PLACE = re.compile(r"\$skiptoken=([^&]+)")
_AND = re.compile(r" and (?=\w+ (?:eq|ne|gt|ge|lt|le) )")
_CLAUSE = re.compile(r"(\w+) (eq|ne|gt|ge|lt|le) ('(?:[^']|'')*'|\S+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "gt", "ge", "lt", "le")
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a read stands. `until` is the version it ends at; `since` the one a delta begins after, None for a read of
    the whole table; `after` what was answered last: the order's values of a row; in a delta whether it was changed or
    deleted, and the version."""

    select: tuple[str, ...]
    tracked: bool = False
    until: int = 0
    since: int | None = None
    filter: str | None = None
    orderby: tuple[str, ...] = ()
    after: tuple[Any, ...] = ()


def read_page(
    organisation: FakeOrganisation, where: PageQuery | str, decoder: RowDecoder, *, page_size: int | None
) -> Page:
    """The page, decoded. Raises Refused."""
    table = organisation.tables[decoder.table.name]
    place = (
        _begun(organisation, table, where, decoder) if isinstance(where, PageQuery) else _linked(organisation, where)
    )
    _expect_columns(table, place.select)
    if place.tracked and not table.change_tracking:
        raise Refused(400, "0x80072491", f"Entity {table.name} isn't enabled for change tracking.")
    size = (where.page_size if isinstance(where, PageQuery) else None) or page_size or decoder.page_size
    listed = _whole_table if place.since is None else _delta
    items, following = listed(organisation, table, place, size)
    body: dict[str, Any] = {"value": items}
    if following is not None:
        body["@odata.nextLink"] = _link(table, place, f"$skiptoken={_quoted(_ENCODER.encode(following).decode())}")
    elif place.tracked:
        body["@odata.deltaLink"] = _link(table, place, f"$deltatoken={_token(organisation, place.until)}")
    return decoder.decode(_ENCODER.encode(body))


def count_rows(organisation: FakeOrganisation, table: Table, condition: str) -> int:
    """How many rows meet the condition. Raises Refused for one that is not understood."""
    return sum(map(_condition(table, condition), organisation.rows(table.name).values()))


def shown(organisation: FakeOrganisation, table: Table, row: Row, select: Iterable[str]) -> dict[str, Any]:
    """A row as JSON shows it: what the sync user may not read is null (reference 1.8)."""
    visible: dict[str, Any] = {}
    for name in select:
        column = _logical(table, name)
        value = None if (table.name, column) in organisation.unreadable else row.get(column)
        if isinstance(value, Reference):
            visible[name + _TARGET] = value.table
            value = value.id
        visible[name] = value
    return visible


def place_of_delta(link: str) -> int:
    """The version that a delta link stands behind."""
    token = _DELTA_TOKEN.search(link)
    return int(unquote(token[1] if token else "").partition("!")[0])


def _expect_columns(table: Table, select: Iterable[str]) -> None:
    """Raises Refused for a column the table does not have, or has no longer (reference 3.1)."""
    for name in select:
        if _logical(table, name) not in table.columns:
            raise Refused(
                400,
                "0x80060888",
                f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table.name}'.",
            )


def _begun(organisation: FakeOrganisation, table: Table, query: PageQuery, decoder: RowDecoder) -> Place:
    orderby = tuple(query.orderby.split(",")) if query.orderby else (table.primary_id,)
    return Place(
        select=decoder.select,
        tracked=query.track_changes,
        until=organisation.version,
        filter=query.filter,
        orderby=orderby,
    )


def _linked(organisation: FakeOrganisation, link: str) -> Place:
    """The place a next link or a delta link stands for. Raises Refused for a damaged or expired one."""
    if place := _PLACE.search(link):
        return msgspec.json.decode(unquote(place[1]), type=Place)
    token = _DELTA_TOKEN.search(link)
    version, _, stamp = unquote(token[1] if token else "").partition("!")
    try:
        given = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
        since = int(version)
    except ValueError:
        raise Refused(400, "0x80060888", "The delta token is not valid.") from None
    if organisation.clock() - given > organisation.retention:
        raise Refused(400, "0x80044352", "Version stamp associated with the client has expired.")
    select = tuple(link.partition("$select=")[2].partition("&")[0].split(","))
    return Place(select=select, tracked=True, until=organisation.version, since=since)


def _whole_table(
    organisation: FakeOrganisation, table: Table, place: Place, size: int
) -> tuple[list[dict[str, Any]], Place | None]:
    meets = _condition(table, place.filter)
    rows = organisation.rows(table.name)
    keyed = sorted((_key(row, place.orderby), row_id) for row_id, row in rows.items())
    rest = [(key, rows[row_id]) for key, row_id in keyed if key > place.after and meets(rows[row_id])]
    items = [shown(organisation, table, row, place.select) for _, row in rest[:size]]
    return items, msgspec.structs.replace(place, after=rest[size - 1][0]) if len(rest) > size else None


def _delta(
    organisation: FakeOrganisation, table: Table, place: Place, size: int
) -> tuple[list[dict[str, Any]], Place | None]:
    """Changed rows, then deletions, both in the order of their versions (reference 4.3)."""
    phase, reached = place.after or (_CHANGED, place.since)
    listed: list[tuple[str, str, int]] = []
    if phase == _CHANGED:
        listed += [(_CHANGED, *each) for each in organisation.changed(table.name, reached, place.until)]
        reached = place.since
    listed += [(_DELETED, *each) for each in organisation.deleted(table.name, reached, place.until)]
    rows = organisation.rows(table.name)
    items: list[dict[str, Any]] = [
        shown(organisation, table, rows[row_id], place.select)
        if phase == _CHANGED
        else {"id": row_id, "reason": "deleted"}
        for phase, row_id, _ in listed[:size]
    ]
    if len(listed) <= size:
        return items, None
    phase, _, version = listed[size - 1]
    return items, msgspec.structs.replace(place, after=(phase, version))


def _key(row: Row, orderby: Sequence[str]) -> tuple[str, ...]:
    """Times and ids: both sort as text, an empty one first."""
    return tuple(str(row.get(name) or "") for name in orderby)


def _condition(table: Table, text: str | None) -> Callable[[Row], bool]:
    """A filter of comparisons joined by `and`: all that the engine asks for. Raises Refused for anything else."""
    clauses = []
    for part in _AND.split(text) if text else []:
        found = _CLAUSE.fullmatch(part)
        if found is None:
            raise Refused(400, "0x80060888", "The filter is not understood.")
        name, compare, literal = found.groups()
        clauses.append((_logical(table, name), _COMPARE[compare], _literal(literal)))
    return lambda row: all(_holds(row.get(name), compare, value) for name, compare, value in clauses)


def _holds(value: Any, compare: Callable[[Any, Any], bool], literal: Any) -> bool:
    value = value.id if isinstance(value, Reference) else value
    if value is None or literal is None:
        return compare in (_COMPARE["eq"], _COMPARE["ne"]) and compare(value, literal)
    return compare(value, literal)


def _literal(text: str) -> Any:
    """Text, yes or no, a number, nothing; a GUID and a time stand bare in a filter and are text in a row."""
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _logical(table: Table, name: str) -> str:
    stripped = name.removeprefix("_").removesuffix("_value")
    return stripped if name != stripped and wire_name(table, stripped) == name else name


def _link(table: Table, place: Place, token: str) -> str:
    return f"{API}/{table.entity_set}?$select={','.join(place.select)}&{token}"


def _token(organisation: FakeOrganisation, version: int) -> str:
    return _quoted(f"{version}!{organisation.clock().astimezone(UTC).strftime(_STAMP)}")


def _quoted(text: str) -> str:
    return quote(text, safe="")
