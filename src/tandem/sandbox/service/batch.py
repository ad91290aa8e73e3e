"""`$batch` would lie about atomicity if its parts were run by other code than single requests.

So this module only takes a multipart body apart, hands each part to the same function that answers HTTP, and puts the
answers together again. A change set is one transaction; everything else stands alone (reference 5.11).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.query.options import read_preferences
from tandem.sandbox.service.answers import identified, refused_response

MOST_REQUESTS = 1000

Handle = Callable[[Request], Response]
"""Answers one request; refusals come back as responses, never as exceptions."""
Transaction = Callable[[], AbstractContextManager[object]]

_API_ROOT = re.compile(r"^/?api/data/v9\.\d+/", re.IGNORECASE)
_REQUEST_LINE = re.compile(r"(?P<method>[A-Za-z]+)\s+(?P<url>\S.*?)\s+HTTP/\d(?:\.\d)?")
_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^";,\s]+))', re.IGNORECASE)
_REFERENCE = re.compile(
    r"(?:(?:https?://[^/]+)?/?api/data/v9\.\d+/|/)?\$(?P<content_id>[^/()?&]+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_NO_REFERENCES = frozenset({"$metadata", "$batch"})
"""What begins with a dollar without standing for a row."""
_NAMES_A_ROW = ("@odata.bind", "@odata.id")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
"""The two take numbers through unchanged, however long they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One inner request as it stood in the body.

    `url` is absolute, rooted at `/api/data/`, relative to the root of the API, or refers to a row as `$1` does.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """Operations that happen all or not at all."""

    operations: tuple[Operation, ...]


class _ChangeSetFailed(Exception):
    """Carries the culprit's answer out of the transaction, which rolls back on the way."""

    def __init__(self, answer: Response, content_id: str | None) -> None:
        super().__init__(content_id)
        self.answer = answer
        self.content_id = content_id


def parse(content_type: str, body: bytes) -> list[Operation | ChangeSet]:
    """The parts of a `$batch` body in order; CRLF and bare LF are both taken.

    Raises Refused (400) for a body that is no multipart, a part that is no HTTP request, a nested batch, a GET or a
    missing or repeated Content-ID in a change set, and more than 1,000 requests.
    """
    parts = [_part(headers, content) for headers, content in _split(content_type, body)]
    count = sum(len(part.operations) if isinstance(part, ChangeSet) else 1 for part in parts)
    if count > MOST_REQUESTS:
        raise _malformed(f"The batch holds {count} requests; at most {MOST_REQUESTS} are allowed.")
    return parts


def execute(request: Request, handle: Handle, transaction: Transaction) -> Response:
    """Run a `$batch` request and answer it in multipart, on failure too.

    Without `Prefer: odata.continue-on-error` the first failed part ends the run and its status becomes the outer one.
    """
    parts = parse(request.headers.get("content-type", ""), request.body)
    go_on = read_preferences(request.headers).continue_on_error
    boundary = f"batchresponse_{uuid4()}"
    status, answers = 200, list[bytes]()
    for part in parts:
        failed, answer = _run(part, request, handle, transaction)
        answers.append(answer)
        if failed and not go_on:
            status = failed
            break
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}", "OData-Version": "4.0"}
    if go_on:
        headers["Preference-Applied"] = "odata.continue-on-error"
    return Response(status=status, headers=headers, body=_join(boundary, answers))


def _run(part: Operation | ChangeSet, outer: Request, handle: Handle, transaction: Transaction) -> tuple[int, bytes]:
    """The status of the failure (0 when all went well) and the finished part."""
    if isinstance(part, Operation):
        answer = _answer(part, outer, handle, {})
        return answer.status if answer.status >= 400 else 0, _http_part(answer, part.content_id)
    try:
        with transaction():
            boundary = f"changesetresponse_{uuid4()}"
            members = _join(boundary, list(_run_members(part, outer, handle)))
    except _ChangeSetFailed as failure:
        return failure.answer.status, _http_part(failure.answer, failure.content_id)
    return 0, f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode() + members


def _run_members(changes: ChangeSet, outer: Request, handle: Handle) -> Iterator[bytes]:
    rows: dict[str, str] = {}
    for operation in changes.operations:
        answer = _answer(operation, outer, handle, rows)
        if answer.status >= 400:
            raise _ChangeSetFailed(answer, operation.content_id)
        if answer.row and operation.content_id:
            rows[operation.content_id] = answer.row
        yield _http_part(answer, operation.content_id)


def _answer(operation: Operation, outer: Request, handle: Handle, rows: Mapping[str, str]) -> Response:
    """The answer to one part; `rows` are the addresses that its Content-ID references may stand for."""
    try:
        return handle(_inner_request(operation, outer, rows))
    except Refused as refusal:
        return identified(
            refused_response(refusal, Request(method=operation.method, path="", headers=operation.headers))
        )


def _inner_request(operation: Operation, outer: Request, rows: Mapping[str, str]) -> Request:
    url = _resolve(operation.url, rows)
    pieces = urlsplit(url)
    return Request(
        method=operation.method,
        path=_API_ROOT.sub("", pieces.path).lstrip("/"),
        query=pieces.query,
        headers={"accept": "application/json"} | dict(operation.headers),
        body=_resolve_body(operation.body, rows),
        caller=outer.caller,
        delegate=outer.delegate,
        base=outer.base,
    )


def _resolve(url: str, rows: Mapping[str, str]) -> str:
    """The URL with a Content-ID reference, however it is rooted, replaced by the address of its row."""
    match = _REFERENCE.fullmatch(url)
    if match is None or f"${match['content_id']}" in _NO_REFERENCES:
        return url
    if match["content_id"] not in rows:
        raise _malformed(f"Content-ID Reference: '${match['content_id']}' does not exist in the batch context.")
    return rows[match["content_id"]] + match["rest"]


def _resolve_body(body: bytes, rows: Mapping[str, str]) -> bytes:
    """Content-ID references stand in `@odata.bind` and `@odata.id` values only, at any depth of the body.

    A body that cannot be read is refused by whoever it is for.
    """
    if b"@odata." not in body or b"$" not in body:
        return body
    try:
        return _ENCODER.encode(_resolved(_DECODER.decode(body), rows))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body


def _resolved(value: object, rows: Mapping[str, str], *, names_a_row: bool = False) -> object:
    if isinstance(value, dict):
        return {name: _resolved(item, rows, names_a_row=name.endswith(_NAMES_A_ROW)) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, rows, names_a_row=names_a_row) for item in value]
    return _resolve(value, rows) if names_a_row and isinstance(value, str) else value


def _split(content_type: str, body: bytes) -> Iterator[tuple[Mapping[str, str], bytes]]:
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().startswith("multipart/mixed"):
        raise _malformed("The Content-Type of a batch must be multipart/mixed with a boundary.")
    boundary = match[1] or match[2]
    marker = re.compile(rb"(?<![^\n])--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    borders = list(marker.finditer(body))
    if not borders:
        raise _malformed(f"The boundary '{boundary}' does not occur in the body.")
    for border, following in zip(borders, [*borders[1:], None], strict=True):
        if border[1]:
            return
        content = body[border.end() : following.start() if following else len(body)]
        yield _headers_and_rest(content)


def _headers_and_rest(content: bytes) -> tuple[dict[str, str], bytes]:
    """Header lines up to the first empty line, names in lower case, and what follows that line."""
    headers: dict[str, str] = {}
    rest = content
    while rest:
        line, _, rest = rest.partition(b"\n")
        name, _, value = line.decode("utf-8", "replace").strip().partition(":")
        if not name:
            break
        headers[name.strip().lower()] = value.strip()
    return headers, rest


def _part(headers: Mapping[str, str], content: bytes) -> Operation | ChangeSet:
    content_type = headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/mixed"):
        return _operation(headers, content)
    operations: dict[str, Operation] = {}
    for member_headers, member in _split(content_type, content):
        operation = _operation(member_headers, member)
        if operation.method == "GET":
            raise _malformed("A change set may not hold a GET request.")
        if operation.content_id is None:
            raise _malformed("Content-ID is missing in a change set: every request in it must have one.")
        if operation.content_id in operations:
            raise _malformed(f"The Content-ID '{operation.content_id}' occurs twice in a change set.")
        operations[operation.content_id] = operation
    return ChangeSet(operations=tuple(operations.values()))


def _operation(headers: Mapping[str, str], content: bytes) -> Operation:
    if not headers.get("content-type", "").lower().startswith("application/http"):
        raise _malformed("A part of a batch must be application/http or a change set.")
    request_line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    # A URL in a batch may hold blanks: clients write their filters as they are.
    match = _REQUEST_LINE.fullmatch(request_line.decode("utf-8", "replace").strip())
    if match is None:
        raise _malformed("A part of a batch does not start with a request line.")
    if match["url"].partition("?")[0].endswith("$batch"):
        raise _malformed("A batch may not hold another batch.")
    inner_headers, body = _headers_and_rest(rest)
    return Operation(
        method=match["method"].upper(),
        url=match["url"],
        headers=inner_headers,
        body=body.strip(b"\r\n"),
        content_id=headers.get("content-id") or inner_headers.get("content-id"),
    )


def _malformed(message: str) -> Refused:
    return Refused(400, "0x80060888", message)


def _http_part(answer: Response, content_id: str | None) -> bytes:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body + b"\r\n"


def _join(boundary: str, parts: list[bytes]) -> bytes:
    opening = f"--{boundary}\r\n".encode()
    return b"".join(opening + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
