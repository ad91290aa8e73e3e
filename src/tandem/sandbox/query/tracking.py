"""Change tracking: `odata.track-changes`, delta tokens and deletions.

A delta is a promise that nothing is lost between two readings. It holds because the position is fixed when a reading
begins: what changes while the pages are fetched has a higher version and so belongs to the next delta (reference 4).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.query.condition import EVERY_ROW, Condition, Fragment
from tandem.sandbox.query.expand import expanded_row
from tandem.sandbox.query.options import MAXIMUM_PAGE, Options, read_whole_number, refuse_others, selected
from tandem.sandbox.query.pages import Cookie, Order, damaged_cookie, percent_encoded, read_cookie, term, write_cookie
from tandem.sandbox.query.reading import TEXT_HEADERS, Reading, page_response
from tandem.sandbox.query.rows import Query, fetch_rows
from tandem.sandbox.query.sources import root
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Depth, Right
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import TableDefinition

_STAMP_FORMAT = "%m/%d/%Y %H:%M:%S"
EXPIRED = "Version stamp associated with the client has expired. Please perform a full sync."
"""What a token or stamp that has expired is refused with, under 0x80044352 (reference 2.7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in the sequence of versions, and when it was given out."""

    version: int
    at: datetime

    def stamp(self) -> str:
        """`<version>!<MM/dd/yyyy HH:mm:ss>` (reference 2.7)."""
        return f"{self.version}!{self.at.astimezone(UTC).strftime(_STAMP_FORMAT)}"

    def token(self) -> str:
        """The stamp, percent-encoded in lower case (reference 4.2)."""
        return percent_encoded(self.stamp())


def is_tracked(options: Options, *, asked: bool) -> bool:
    """Whether a request reads changes: by preference, by a delta token, or as a later page of such a reading."""
    return asked or options.get("$deltatoken") is not None or 'istracking="True"' in (options.get("$skiptoken") or "")


def read_changes(reading: Reading, table: TableDefinition) -> Response:
    """A page of a tracked reading: the whole table, or with a delta token what changed since (reference 4.2, 4.3)."""
    check_tracking(reading, table)
    with reading.organisation.snapshot():
        token = reading.options.get("$deltatoken")
        return _read_delta(reading, table, token) if token is not None else _read_initial(reading, table)


def count_changes(reading: Reading, table: TableDefinition) -> Response:
    """`/$count?$deltatoken=`: how many changes wait (reference 4.4)."""
    refuse_others(reading.options, ("$deltatoken",))
    check_tracking(reading, table)
    since = read_position(reading.organisation, str(reading.options.get("$deltatoken"))).version
    connection = reading.organisation.connection
    count = 0
    with reading.organisation.snapshot():
        for condition, source in ((_changed(table, since), table.name), (_deleted(table, since), "deletion")):
            sql = f"SELECT count(*) FROM {source} WHERE {condition.sql}"  # noqa: S608
            count += int(str(connection.execute(sql, condition.values).get))
    return Response(status=200, headers=dict(TEXT_HEADERS), body=str(count).encode())


def check_tracking(reading: Reading, table: TableDefinition) -> None:
    """Refuse what change tracking cannot do: some options, an untracked table, a caller without Global Read."""
    for name in ("$filter", "$orderby", "$expand", "$top", "$count"):
        if reading.options.get(name) is not None:
            raise Refused(
                400,
                "0x80060888",
                f'The "{name[1:]}" query parameter isn\'t supported when Change Tracking is enabled.',
            )
    refuse_others(reading.options, ("$select", "$deltatoken", "$skiptoken"))
    if not table.change_tracking:
        code = "0x80072492" if table.is_intersect else "0x80072491"
        raise Refused(400, code, f"Entity {table.name} isn't enabled for change tracking.")
    reading.caller.demand(table, Right.READ, depth=Depth.GLOBAL)


def read_position(organisation: Organisation, token: str, retention: str = "expirechangetrackingindays") -> Position:
    """The position in a decoded delta token or version stamp.

    `retention` is the organisation's column that says how long one is good for. Raises Refused (400) for one that is
    damaged or has expired; the code and status of expiry of a delta token are the best candidates, unconfirmed
    (reference 2.7, 4.6).
    """
    text, _, stamp = token.partition("!")
    version = read_whole_number(text)
    try:
        at = datetime.strptime(stamp, _STAMP_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        at = None
    if version is None or at is None:
        raise Refused(400, "0x80060888", f"The token '{token}' is not valid.")
    kept = organisation.connection.execute(f"SELECT {retention} FROM organization").get  # noqa: S608
    if organisation.clock() - at > timedelta(days=int(str(kept))):
        raise expired()
    return Position(version=version, at=at)


def expired() -> Refused:
    """The refusal of a token or stamp that the organisation can no longer say anything about (reference 2.7)."""
    return Refused(400, "0x80044352", EXPIRED)


def _read_initial(reading: Reading, table: TableDefinition) -> Response:
    order = _by(table, table.primary_id)
    cookie = _tracked_cookie(reading, order)
    position = _position(reading, cookie)
    rows, last, more = _rows(reading, table, EVERY_ROW, order, cookie=cookie, size=_size(reading))
    following = Cookie(page=_next_page(cookie), last=last, position=position) if more else None
    return _page(reading, table, rows, position, order=order, following=following, suffix="")


def _read_delta(reading: Reading, table: TableDefinition, token: str) -> Response:
    """Changed rows in the order of their versions, then deletions; both may take several pages (reference 4.3)."""
    since = read_position(reading.organisation, token).version
    order = _by(table, "versionnumber")
    cookie = _tracked_cookie(reading, order)
    position = _position(reading, cookie)
    size = _size(reading)
    rows: list[bytes] = []
    page = _next_page(cookie)
    following = None
    if cookie is None or cookie.phase == "rows":
        wanted = _changed(table, since, position)
        rows, last, more = _rows(reading, table, wanted, order, cookie=cookie, size=size)
        if more:
            following = Cookie(page=page, last=last, position=position)
    if following is None:
        begin = int(str(cookie.last[0])) if cookie is not None and cookie.phase == "deletions" else since
        gone, reached = _deletions(reading, table, begin, position, size - len(rows))
        rows += gone
        if reached is not None:
            following = Cookie(page=page, last=(reached,), position=position, phase="deletions")
    return _page(reading, table, rows, position, order=order, following=following, suffix="/$delta")


def _rows(
    reading: Reading, table: TableDefinition, wanted: Condition, order: Order, *, cookie: Cookie | None, size: int
) -> tuple[list[bytes], tuple[Stored, ...], bool]:
    source = root(table)
    query = Query(rows=Fragment(source.named), wanted=wanted, order=order)
    return fetch_rows(reading, query, expanded_row(reading, source), cookie=cookie, size=size)


def _deletions(
    reading: Reading, table: TableDefinition, since: int, position: int, room: int
) -> tuple[list[bytes], int | None]:
    """Deleted items as JSON, at most `room`; then the version reached, or None when there are no more.

    A row that exists again is no deletion: it is, or will be, reported as changed.
    """
    context = f"{reading.request.base}/$metadata#{table.entity_set}/$deletedEntity"
    condition = _deleted(table, since, position)
    found = reading.organisation.connection.execute(
        f"SELECT version, row_id FROM deletion WHERE {condition.sql} ORDER BY version LIMIT ?",  # noqa: S608
        (*condition.values, room + 1),
    ).fetchall()
    items = [
        msgspec.json.encode({"@odata.context": context, "id": row_id, "reason": "deleted"})
        for _, row_id in found[:room]
    ]
    if len(found) <= room:
        return items, None
    return items, int(str(found[room - 1][0])) if room else since


def _changed(table: TableDefinition, since: int, until: int | None = None) -> Condition:
    name = f"{table.name}.versionnumber"
    if until is None:
        return Condition(f"{name} > ?", (since,))
    return Condition(f"{name} > ? AND {name} <= ?", (since, until))


def _deleted(table: TableDefinition, since: int, until: int | None = None) -> Condition:
    gone = f"NOT EXISTS (SELECT 1 FROM {table.name} WHERE {table.primary_id} = deletion.row_id)"  # noqa: S608
    # Deleted twice, reported once: only the last line of an id counts.
    last = (
        "NOT EXISTS (SELECT 1 FROM deletion AS later WHERE later.table_name = deletion.table_name"
        " AND later.row_id = deletion.row_id AND later.version > deletion.version)"
    )
    # What goes from a view is logged under the table that the row was of.
    names = table.united or (table.name,)
    sql = f"table_name IN ({', '.join('?' * len(names))}) AND version > ? AND {gone} AND {last}"
    values: tuple[Stored, ...] = (*names, since)
    return Condition(sql, values) if until is None else Condition(f"{sql} AND version <= ?", (*values, until))


def _page(
    reading: Reading,
    table: TableDefinition,
    rows: list[bytes],
    position: int,
    *,
    order: Order,
    following: Cookie | None,
    suffix: str,
) -> Response:
    """The answer: a nextLink while pages follow, else the deltaLink of the position the reading began at."""
    names = selected(reading.options)
    context = "" if names is None else f"({','.join(names)})"
    head = reading.head(f"{table.entity_set}{context}{suffix}")
    next_link = None
    if following is not None:
        token = f"$skiptoken={write_cookie(order, following)}"
        next_link = reading.link(table.entity_set, token, without=("$skiptoken",))
    else:
        token = f"$deltatoken={Position(version=position, at=reading.organisation.clock()).token()}"
        head["@odata.deltaLink"] = reading.link(table.entity_set, token, without=("$skiptoken", "$deltatoken"))
    applied = reading.preferences.applied("odata.track-changes", "odata.maxpagesize", "odata.include-annotations")
    return page_response(rows, head=head, next_link=next_link, applied=applied)


def _by(table: TableDefinition, column: str) -> Order:
    return [term(table, column)]


def _tracked_cookie(reading: Reading, order: Order) -> Cookie | None:
    """The place a tracked reading has come to. Raises Refused (400) for that of an ordinary one."""
    token = reading.options.get("$skiptoken")
    cookie = None if token is None else read_cookie(order, token)
    if cookie is not None and cookie.position is None:
        raise damaged_cookie()
    return cookie


def _position(reading: Reading, cookie: Cookie | None) -> int:
    """The version this reading ends at: fixed by its first page and carried by the cookie."""
    position = None if cookie is None else cookie.position
    return reading.organisation.version if position is None else position


def _next_page(cookie: Cookie | None) -> int:
    return 2 if cookie is None else cookie.page + 1


def _size(reading: Reading) -> int:
    return reading.preferences.page_size or MAXIMUM_PAGE
