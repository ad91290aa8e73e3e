"""A client that only ever met a healthy server loses data on the first unhealthy one.

Every way the service or the network can fail on a request is a switch here. `SWITCHES` is the only list of them: the
control door, the fault file and the documentation are made from it. What changes the organisation itself (rights,
tokens, identity) is an operation of the control door instead (control.py).
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

import msgspec

from tandem.sandbox.messages import Request, Response
from tandem.sandbox.query.reading import json_response

Handle = Callable[[Request], Response]

_UNAVAILABLE_PAGE = (
    b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head>"
    b"<body><h2>The service is unavailable.</h2></body></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the connection does: wait `delay` seconds, then send `response`, or cut when it is None.

    `sent` is how many bytes of the body leave before the connection is cut; None sends all of it.
    """

    response: Response | None
    delay: float = 0.0
    sent: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One fault. `strike` gets the request, the handler and the armed settings and gives the reply.

    `wire` faults are of the reply on its way; a part of a `$batch` has no reply of its own.
    """

    name: str
    does: str
    strike: Callable[[Request, Handle, "Armed"], Reply]
    only: Callable[[Request], bool] = lambda request: True
    wire: bool = False


class Armed(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A switch that is on, and for which requests.

    `times` strikes are left (None: until cleared); of the matching requests the first `after` pass, then each
    `every`-th is struck. `method` and `path` (a part of the decoded path) narrow what matches; `inner` strikes
    requests inside a `$batch` instead of those on the wire: a connection cut there leaves the parts after it undone.
    `seconds` is the latency, or the Retry-After.
    """

    switch: str
    times: int | None = 1
    every: int = 1
    after: int = 0
    method: str | None = None
    path: str = ""
    inner: bool = False
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.switch not in SWITCHES:
            raise ValueError(f"unknown switch '{self.switch}'; known: {', '.join(sorted(SWITCHES))}")
        if self.every < 1 or self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError("'every' and 'times' must be at least 1 and 'after' at least 0")
        if self.inner and SWITCHES[self.switch].wire:
            raise ValueError(f"'{self.switch}' strikes a reply on its way; a part of a $batch has none of its own")

    def matches(self, request: Request, *, inner: bool) -> bool:
        """Whether this switch could strike the request."""
        return (
            self.inner == inner
            and self.method in (None, request.method)
            and self.path in unquote(request.path)
            and SWITCHES[self.switch].only(request)
        )


class _ConnectionCut(Exception):
    """The connection ends inside a `$batch`: what is done is done, no later part is run, nobody is answered."""


@dataclass(slots=True)
class _Count:
    """How many matching requests an armed switch has seen, and how often it struck."""

    armed: Armed
    seen: int = 0
    struck: int = 0

    def is_due(self) -> bool:
        """Count one more matching request; whether it is to be struck."""
        self.seen += 1
        turn = self.seen - self.armed.after
        due = turn > 0 and turn % self.armed.every == 0
        self.struck += due
        return due

    @property
    def left(self) -> int | None:
        return None if self.armed.times is None else self.armed.times - self.struck


class Faults:
    """The switches that are on. Safe to use from several threads; the earliest armed switch that is due strikes."""

    def __init__(self) -> None:
        self._counts: list[_Count] = []
        self._lock = threading.Lock()

    def arm(self, armed: Armed) -> None:
        """Turn a switch on."""
        with self._lock:
            self._counts.append(_Count(armed))

    def clear(self, switch: str | None = None) -> None:
        """Turn one switch off, or all."""
        with self._lock:
            self._counts = [count for count in self._counts if switch not in (None, count.armed.switch)]

    def armed(self) -> list[Armed]:
        """The switches that are on, `times` being the strikes they have left."""
        with self._lock:
            return [msgspec.structs.replace(count.armed, times=count.left) for count in self._counts]

    def answer(self, request: Request, handle: Handle) -> Reply:
        """Answer a request that came over the wire, struck by the switch that is due, if any."""
        armed = self._due(request, inner=False)
        try:
            if armed is None:
                return Reply(response=handle(request))
            return SWITCHES[armed.switch].strike(request, handle, armed)
        except _ConnectionCut:
            return Reply(response=None)

    def answer_inner(self, request: Request, handle: Handle) -> Response:
        """Answer a request inside a `$batch`, struck by the `inner` switch that is due, if any."""
        armed = self._due(request, inner=True)
        if armed is None:
            return handle(request)
        response = SWITCHES[armed.switch].strike(request, handle, armed).response
        if response is None:
            raise _ConnectionCut
        return response

    def _due(self, request: Request, *, inner: bool) -> Armed | None:
        with self._lock:
            for count in self._counts:
                if count.armed.matches(request, inner=inner) and count.is_due():
                    if count.left == 0:
                        self._counts.remove(count)
                    return count.armed
        return None


def read_faults(path: Path) -> list[Armed]:
    """The switches of a fault file: a JSON list of objects with the settings of `Armed`. Raises ValueError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Armed])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from error


def switch_table() -> str:
    """The switches as a Markdown table, for the docs and for people at the control door."""
    rows = [f"| `{switch.name}` | {switch.does} |" for switch in SWITCHES.values()]
    return "\n".join(["| switch | does |", "|---|---|", *rows, ""])


def _refuse(
    status: int, code: str, message: str, *, executed: bool = False
) -> Callable[[Request, Handle, Armed], Reply]:
    """The service's error body comes back, and unless told otherwise the request is not executed."""

    def strike(request: Request, handle: Handle, armed: Armed) -> Reply:
        if executed:
            handle(request)
        return Reply(response=_error(status, code, message))

    return strike


def _throttle(code: str, message: str) -> Callable[[Request, Handle, Armed], Reply]:
    """429 with Retry-After (reference 6.1); 1 second unless told, so that tests are quick."""

    def strike(request: Request, handle: Handle, armed: Armed) -> Reply:
        response = _error(429, code, message)
        response.headers["Retry-After"] = str(int(armed.seconds if armed.seconds is not None else 1))
        return Reply(response=response)

    return strike


def _unavailable(request: Request, handle: Handle, armed: Armed) -> Reply:
    headers = {"Content-Type": "text/html"}
    if armed.seconds is not None:
        headers["Retry-After"] = str(int(armed.seconds))
    return Reply(response=Response(status=503, headers=headers, body=_UNAVAILABLE_PAGE))


def _slow(request: Request, handle: Handle, armed: Armed) -> Reply:
    return Reply(response=handle(request), delay=armed.seconds if armed.seconds is not None else 1.0)


def _reset_before(request: Request, handle: Handle, armed: Armed) -> Reply:
    return Reply(response=None)


def _reset_after(request: Request, handle: Handle, armed: Armed) -> Reply:
    handle(request)
    return Reply(response=None)


def _truncate(request: Request, handle: Handle, armed: Armed) -> Reply:
    response = handle(request)
    return Reply(response=response, sent=len(response.body) // 2)


def _legacy_error(request: Request, handle: Handle, armed: Armed) -> Reply:
    """The older body of the web server layer, with the signed decimal code (reference 7.1)."""
    body = {
        "Message": "An error has occurred.",
        "ExceptionMessage": "Unexpected error.",
        "ExceptionType": "System.ServiceModel.FaultException",
        "StackTrace": "",
        "ErrorCode": 0x80040216 - 2**32,
    }
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Reply(response=Response(status=500, headers=headers, body=msgspec.json.encode(body)))


def _expired_ticket(request: Request, handle: Handle, armed: Armed) -> Reply:
    response = _error(401, "0x8004a101", "The access token has expired.")
    response.headers["WWW-Authenticate"] = f'Bearer authorization_uri="{request.base}", error="invalid_token"'
    return Reply(response=response)


def _error(status: int, code: str, message: str) -> Response:
    error = {"code": code, "message": message}
    return json_response({"error": error}, status=status, headers={"REQ_ID": str(uuid4())})


def _writes(request: Request) -> bool:
    return request.method != "GET" and not request.path.endswith("$batch")


def _names_a_version(request: Request) -> bool:
    return request.headers.get("if-match", "*").strip() not in ("*", "null")


def _reads_delta(request: Request) -> bool:
    return "$deltatoken" in unquote(request.query)


def _table(switches: Iterable[Switch]) -> Mapping[str, Switch]:
    return {switch.name: switch for switch in switches}


SWITCHES: Mapping[str, Switch] = _table(
    (
        Switch(
            name="throttle-requests",
            does="429 0x80072322 with Retry-After: more than 6,000 requests in 300 seconds; not executed",
            strike=_throttle(
                "0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
            ),
        ),
        Switch(
            name="throttle-time",
            does="429 0x80072321 with Retry-After: combined execution time over 20 minutes; not executed",
            strike=_throttle(
                "0x80072321",
                "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time"
                " window of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests"
                " and try again later.",
            ),
        ),
        Switch(
            name="throttle-concurrency",
            does="429 0x80072326 with Retry-After: more than 52 requests at once; not executed",
            strike=_throttle("0x80072326", "Number of concurrent requests exceeded the limit of 52."),
        ),
        Switch(
            name="unavailable",
            does="503 with an HTML page; Retry-After only when `seconds` is given; not executed",
            strike=_unavailable,
        ),
        Switch(
            name="unexpected",
            does="500 0x80040216 with a JSON error; not executed",
            strike=_refuse(500, "0x80040216", "An unexpected error occurred."),
        ),
        Switch(
            name="unexpected-after",
            does="the request is executed and committed; 500 0x80040216 all the same",
            strike=_refuse(500, "0x80040216", "An unexpected error occurred.", executed=True),
        ),
        Switch(
            name="sql-error",
            does="500 0x80044150, as a deadlock gives it; not executed",
            strike=_refuse(500, "0x80044150", "Generic SQL error."),
        ),
        Switch(
            name="legacy-error",
            does="500 with the older error body and a decimal ErrorCode; not executed",
            strike=_legacy_error,
        ),
        Switch(
            name="empty-code",
            does="400 whose error code is the empty text; not executed",
            strike=_refuse(400, "", "The request could not be completed."),
        ),
        Switch(
            name="veto",
            does="400 0x80040265: a customer's plug-in refuses a write; not executed",
            strike=_refuse(400, "0x80040265", "Credit check failed for this account."),
            only=_writes,
        ),
        Switch(
            name="slow",
            does="the reply is executed at once and sent `seconds` later (1 unless given)",
            strike=_slow,
            wire=True,
        ),
        Switch(
            name="reset-before",
            does="the connection is cut; the request was not executed, nor, with `inner`, what follows in its `$batch`",
            strike=_reset_before,
        ),
        Switch(
            name="reset-after",
            does="executed and committed; the connection is cut instead of a reply, with `inner` after that part",
            strike=_reset_after,
        ),
        Switch(
            name="truncate",
            does="executed; half of the body is sent under the full Content-Length, then the connection is cut",
            strike=_truncate,
            wire=True,
        ),
        Switch(
            name="version-mismatch",
            does="412 0x80060882 to a request whose If-Match names a version, although it is the row's; not executed",
            strike=_refuse(
                412,
                "0x80060882",
                "The version of the existing record doesn't match the RowVersion property provided.",
            ),
            only=_names_a_version,
        ),
        Switch(
            name="expired-token",
            does="401 0x8004A101 although the token is young; not executed",
            strike=_expired_ticket,
        ),
        Switch(
            name="expired-delta-token",
            does="400 0x80044352 to a request that carries a $deltatoken",
            strike=_refuse(
                400,
                "0x80044352",
                "Version stamp associated with the client has expired. Please perform a full sync.",
            ),
            only=_reads_delta,
        ),
    )
)
