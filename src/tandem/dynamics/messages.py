"""Requests and answers as plain values.

Everything above the transport builds or reads these two, so every protocol of this package is tested with a list of
canned answers, and no vendor fact hides behind a network library.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from tandem.dynamics.errors import NotDataverse

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. `url` is absolute and goes out byte for byte.

    `writes` tells that it changes something, whatever its method: such a request may not simply be sent again.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    writes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    @property
    def is_json(self) -> bool:
        """True where the answer says that it is JSON."""
        return "json" in self.headers.get("content-type", "")

    @property
    def request_id(self) -> str | None:
        """The server's name for this request, which Microsoft's support asks for (reference 0.2)."""
        return self.headers.get("x-ms-service-request-id") or self.headers.get("req_id")


Conversation = Generator[Sequence[Request], Sequence[Response], T]
"""A conversation of several steps: yields independent requests, receives their answers in order, returns its result."""


def document(response: Response, shape: type[T]) -> T:
    """The JSON body of a good answer in the given shape. Raises NotDataverse where it is anything else."""
    try:
        return msgspec.json.decode(response.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotDataverse(
            "The address answered, but not as a Dataverse organisation does.",
            status=response.status,
            request_id=response.request_id,
        ) from error
