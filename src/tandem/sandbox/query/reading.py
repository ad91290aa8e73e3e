"""One request to read, and the shapes of its answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.query.options import METADATA_VERSION, Options, Preferences
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Caller
from tandem.sandbox.tables import TableDefinition

JSON_HEADERS = {"Content-Type": "application/json; odata.metadata=minimal", "OData-Version": "4.0"}
_STREAM_HEADERS = {**JSON_HEADERS, "Content-Type": "application/json; odata.metadata=minimal; odata.streaming=true"}

TEXT_HEADERS = {"Content-Type": "text/plain", "OData-Version": "4.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One request to read, with what every way of answering it needs."""

    organisation: Organisation
    caller: Caller
    request: Request
    options: Options
    preferences: Preferences

    def link(self, entity_path: str, *parts: str, without: Sequence[str]) -> str:
        """A link that repeats this query without some options and with others at its end."""
        query = "&".join(part for part in (self.options.link_query(*without), *parts) if part)
        return f"{self.request.base}/{entity_path}?{query}"

    def head(self, context: str) -> dict[str, object]:
        """What an answer begins with: its context and, where it is asked for, the metadata version (reference 2.7)."""
        head: dict[str, object] = {"@odata.context": f"{self.request.base}/$metadata#{context}"}
        if self.preferences.wants(METADATA_VERSION):
            head[f"@{METADATA_VERSION}"] = str(self.organisation.metadata_version)
        return head

    def answer(self, context: str, content: Mapping[str, object]) -> Response:
        """A JSON answer in its context."""
        applied = self.preferences.applied("odata.include-annotations")
        return json_response({**self.head(context), **content}, headers=applied)


def json_response(content: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(status=status, headers={**JSON_HEADERS, **(headers or {})}, body=msgspec.json.encode(content))


def page_response(
    rows: Sequence[bytes], *, head: Mapping[str, object], next_link: str | None, applied: Mapping[str, str]
) -> Response:
    """A page of a collection whose rows are JSON already; `applied` are the headers of preferences."""
    opening = msgspec.json.encode(head)[:-1]
    closing = b"]}" if next_link is None else b'],"@odata.nextLink":' + msgspec.json.encode(next_link) + b"}"
    pieces = [*rows] or [b""]
    pieces[0] = opening + b',"value":[' + pieces[0]
    pieces[-1] += closing
    return Response(
        status=200,
        headers={**_STREAM_HEADERS, **applied},
        body=b",".join(pieces),
        following=(next_link or "").partition("?")[2],
    )


def missing(table: TableDefinition, row_id: str) -> Refused:
    """The refusal of a row that does not exist."""
    return Refused(404, "0x80040217", f"{table.name} With Id = {row_id} Does Not Exist")
