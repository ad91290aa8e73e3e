"""One request and one answer, the same for HTTP and for a part of a `$batch`.

Everything behind the ASGI edge speaks these, so an operation cannot behave differently inside a batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One Web API request.

    `path` is what follows `/api/data/v9.2/`, still percent-encoded, without the query; `query` is the raw query
    string; header names are lower case; `caller` is the systemuserid the token belongs to, or of the user that is
    impersonated, then `delegate` is the one the token belongs to; `base` is the API root
    (`http://127.0.0.1:1234/api/data/v9.2`) that links in answers start with.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    caller: str = ""
    delegate: str | None = None
    base: str = ""


@dataclass(slots=True, kw_only=True)
class Response:
    """One answer; `headers` keep the case they are sent with.

    `row` is the address of the row that was written, for Content-ID references in a change set; `following` is the
    query of the page after this one, the one in its `@odata.nextLink`. Neither is sent.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    row: str = ""
    following: str = ""


class Refused(Exception):
    """The service's own refusal: an HTTP status, a documented code (`0x80060888`) and a message for the error body."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
