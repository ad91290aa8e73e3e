"""Several requests in one, by `$batch` (reference 5.11).

The answer is multipart whatever its status, and each part is judged alone: an outer 400 or 429 is a fact about the
batch, an inner one about its request. Parts are matched by position.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from tandem.dynamics.errors import NotDataverse, Unreachable
from tandem.dynamics.messages import Request, Response

LARGEST_BATCH = 100
"""Requests per batch. The service takes 1,000, but a large batch runs into its limit on execution time."""

_BOUNDARY = "batch_tandem"
"""No JSON can hold it at the beginning of a line: line ends inside a text are escaped."""

_NEWLINE = "\r\n"


def batch_of(requests: Sequence[Request], *, api: str) -> Request:
    """One `$batch` of independent requests, all of which are answered even where some fail.

    `api` is the API's root.
    """
    chunks = [_chunk(request) for request in requests]
    return Request(
        method="POST",
        url=f"{api}/$batch",
        headers={
            "Content-Type": f"multipart/mixed; boundary={_BOUNDARY}",
            "Prefer": "odata.continue-on-error",
        },
        body=b"".join([*chunks, f"--{_BOUNDARY}--{_NEWLINE}".encode("ascii")]),
        writes=any(request.writes for request in requests),
    )


def read_batch(response: Response) -> list[Response]:
    """The answers inside a batch's answer, in the order asked.

    Raises NotDataverse where it is no multipart answer, Unreachable where it is cut or a part is damaged.
    """
    _preamble, *chunks = response.body.split(b"--" + _boundary(response))
    if not chunks or not chunks[-1].startswith(b"--"):
        raise Unreachable("The answer to a batch broke off.", request_id=response.request_id)
    return [_part(chunk, response) for chunk in chunks[:-1]]


def _chunk(request: Request) -> bytes:
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    # One community report needed the length with a body; it does no harm (reference 5.11).
    length = [f"Content-Length: {len(request.body)}"] if request.body else []
    lines = [
        f"--{_BOUNDARY}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        f"{request.method} {target} HTTP/1.1",
        "Accept: application/json",
        *(f"{name}: {value}" for name, value in request.headers.items()),
        *length,
        "",
        "",
    ]
    # Two line ends follow the last header of a request without body; the second belongs to the boundary.
    ending = _NEWLINE.encode("ascii") if request.body else b""
    return _NEWLINE.join(lines).encode("ascii") + request.body + ending


def _boundary(response: Response) -> bytes:
    kind, _, parameter = response.headers.get("content-type", "").partition("boundary=")
    if not kind.strip().lower().startswith("multipart/mixed") or not parameter:
        raise NotDataverse(
            "The address answered a batch, but not as Dataverse does.",
            status=response.status,
            request_id=response.request_id,
        )
    return parameter.split(";")[0].strip().strip('"').encode("ascii")


def _part(chunk: bytes, outer: Response) -> Response:
    _envelope, _, inner = chunk.partition(b"\r\n\r\n")
    head, _, body = inner.partition(b"\r\n\r\n")
    status_line, *header_lines = head.decode("latin-1").split(_NEWLINE)
    try:
        status = int(status_line.split(" ")[1])
    except (IndexError, ValueError):
        raise Unreachable("An answer inside a batch is damaged.", request_id=outer.request_id) from None
    pairs = (line.partition(":") for line in header_lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Response(status=status, headers=headers, body=body.strip())
