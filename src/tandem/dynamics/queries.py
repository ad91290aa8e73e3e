"""Reads of rows: what is asked, and what a refusal of a stored link means.

A next link and a delta link are opaque and go out byte for byte. Only the headers are ours: they are not part of the
link and must be sent again with every page (reference 3.5).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tandem.dynamics.address import encode, own_link
from tandem.dynamics.errors import (
    ChangeTrackingOff,
    ColumnUnknown,
    NotDataverse,
    TableUnknown,
    TokenExpired,
)
from tandem.dynamics.messages import Request, Response, document
from tandem.dynamics.rows import RowDecoder, selection
from tandem.dynamics.translation import error_from, expect
from tandem.model.errors import OurBug
from tandem.model.schema import Table

_REFUSALS_OF_A_LINK = (400, 404, 410)
_KNOWN_CAUSES = (ChangeTrackingOff, ColumnUnknown, TableUnknown, NotDataverse)
"""Refusals that speak of the table or its columns, or come from elsewhere; every other one is about the link."""

_TOO_MANY = "0x8004e023"
"""The code for an aggregate over more than 50,000 rows (reference 7)."""

_DELTA_LINK = re.compile(r"(?P<set>[^?]+)\?(?:.*&)?(?P<token>\$deltatoken=[^&]+)")


class _Match(msgspec.Struct):
    n: int


class _Matches(msgspec.Struct):
    value: list[_Match]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageQuery:
    """The first page of a read of `table`: `columns` by logical name, `filter` and `orderby` in OData, not encoded.

    With `track_changes` the last page brings a delta link; neither filter nor order is allowed then (reference 4.4).
    `page_size` is at most 5,000; the decoder's own where none is given.
    """

    table: Table
    columns: Sequence[str]
    track_changes: bool = False
    page_size: int | None = None
    filter: str | None = None
    orderby: str | None = None

    def __post_init__(self) -> None:
        if self.track_changes and (self.filter or self.orderby):
            raise OurBug("A tracked read can be neither filtered nor ordered.", table=self.table.name)


def first_page(query: PageQuery, decoder: RowDecoder, *, api: str, page_size: int | None = None) -> Request:
    """The request for the first page."""
    url = f"{api}/{query.table.entity_set}?$select={','.join(selection(query.table, query.columns))}"
    if query.filter:
        url += f"&$filter={encode(query.filter)}"
    if query.orderby:
        url += f"&$orderby={encode(query.orderby)}"
    size = query.page_size or page_size or decoder.page_size
    return Request(url=url, headers=_preferences(decoder, size, track_changes=query.track_changes))


def linked_page(link: str, decoder: RowDecoder, *, page_size: int | None) -> Request:
    """The request for the page behind a next link or delta link."""
    return Request(url=link, headers=_preferences(decoder, page_size or decoder.page_size))


def expect_linked(response: Response) -> Response:
    """The given answer to a stored link. Raises TokenExpired where the service no longer accepts the link.

    The code of an expired link is unconfirmed, so any refusal that has no other known cause is taken for one: reading
    a table again is slow but safe (reference 4.6).
    """
    if response.status in _REFUSALS_OF_A_LINK:
        error = error_from(response)
        if not isinstance(error, (TokenExpired, *_KNOWN_CAUSES)):
            raise TokenExpired(
                "Dynamics no longer accepts the stored place in the table's changes.",
                status=error.status,
                dataverse_code=error.dataverse_code,
                request_id=error.request_id,
            ) from error
    return expect(response)


def matches_request(table: Table, condition: str, *, api: str) -> Request:
    """The request for the number of rows that meet an OData condition (reference 3.3)."""
    return Request(url=f"{api}/{table.entity_set}?$apply={encode(f'filter({condition})/aggregate($count as n)')}")


def read_matches(response: Response) -> int | None:
    """The number in the answer; None where more than 50,000 rows would have to be looked at (reference 3.3, 6.1)."""
    if response.status >= 400 and error_from(response).dataverse_code == _TOO_MANY:
        return None
    return sum(each.n for each in document(expect(response), _Matches).value)


def count_request(delta_link: str, *, root: str) -> Request:
    """The request for the number of changes behind a delta link (reference 4.4)."""
    found = _DELTA_LINK.fullmatch(own_link(root, delta_link))
    if found is None:
        raise TokenExpired("The stored link is no delta link.")
    return Request(url=f"{found['set']}/$count?{found['token']}", headers={"Accept": "text/plain, application/json"})


def read_count(response: Response) -> int:
    """The number in a `$count` answer, which is text."""
    text = expect_linked(response).body.decode("utf-8-sig", errors="replace").strip()
    if not text.isdecimal():
        raise NotDataverse("The address answered a count, but not as Dataverse does.", status=response.status)
    return int(text)


def row_request(table: Table, row_id: str, decoder: RowDecoder, *, api: str) -> Request:
    """The request for one row by id."""
    return Request(
        url=row_url(table, row_id, decoder, api=api),
        headers=_consistency(decoder) | ({"Prefer": annotations(decoder.annotations)} if decoder.annotations else {}),
    )


def row_url(table: Table, row_id: str, decoder: RowDecoder, *, api: str) -> str:
    """The address of one row with what the decoder reads of it."""
    return f"{api}/{table.entity_set}({row_id})?$select={','.join(decoder.select)}"


def annotations(names: str) -> str:
    """The preference that asks for the named annotations."""
    return f'odata.include-annotations="{names}"'


def _preferences(decoder: RowDecoder, page_size: int, *, track_changes: bool = False) -> dict[str, str]:
    values = ["odata.track-changes"] if track_changes else []
    values.append(f"odata.maxpagesize={page_size}")
    if decoder.annotations:
        values.append(annotations(decoder.annotations))
    return {"Prefer": ",".join(values)} | _consistency(decoder)


def _consistency(decoder: RowDecoder) -> dict[str, str]:
    """A server may go on for half a minute without a right that was given back (reference 0.1, 1.8): what is read then
    looks emptied. It costs the server time, so it is asked for only where a column is secured."""
    return {"Consistency": "Strong"} if decoder.secured else {}
