"""A client that only ever met a healthy server loses data on the first unhealthy one.

Every way the service or the network can fail on a request is a switch here. `SWITCHES` is the only list of them: the
control door, the fault scripts and the documentation are made from it. What changes the organisation itself (rights,
tokens, identity) is an operation of the control door instead (control.py).
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, get_args, get_type_hints
from urllib.parse import unquote
from uuid import uuid4

import msgspec

from tandem.sandbox.messages import Request, Response
from tandem.sandbox.query.reading import json_response
from tandem.sandbox.query.tracking import EXPIRED
from tandem.sandbox.service.protection import Breach, Limits, refusal

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


def _told(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Armed(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A switch that is on, and for which requests: one step of a fault script. The members say what they mean."""

    switch: Annotated[str, _told("the switch, by its name in the second table")]
    method: Annotated[str | None, _told("only requests of this method match")] = None
    path: Annotated[str, _told("only requests match whose decoded path, below the API root, has this part")] = ""
    inner: Annotated[bool, _told("requests inside a `$batch` match, instead of those on the wire")] = False
    after: Annotated[int, _told("so many matching requests pass first")] = 0
    until: Annotated[int | None, _told("the last matching request that can be struck, by its number from 1 on")] = None
    every: Annotated[int, _told("of those, only each second (2), each third (3) and so on is struck")] = 1
    probability: Annotated[float, _told("how likely each of these is struck, from 0 to 1")] = 1.0
    seed: Annotated[int, _told("the same seed strikes the same of these again, by their number")] = 0
    times: Annotated[int | None, _told("so many strikes, then the switch is off; null: until it is cleared")] = 1
    seconds: Annotated[float | None, _told("the latency, or the Retry-After")] = None

    def __post_init__(self) -> None:
        if self.switch not in SWITCHES:
            raise ValueError(f"unknown switch '{self.switch}'; known: {', '.join(sorted(SWITCHES))}")
        if self.every < 1 or self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError("'every' and 'times' must be at least 1 and 'after' at least 0")
        if self.until is not None and self.until <= self.after:
            raise ValueError("'until' must be more than 'after'")
        if not 0 < self.probability <= 1:
            raise ValueError("'probability' must be more than 0 and at most 1")
        if self.seconds is not None and self.seconds < 0:
            raise ValueError("'seconds' must be at least 0")
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

    def strikes(self, number: int) -> bool:
        """Whether the matching request of that number, from 1 on, is to be struck; always the same answer."""
        turn = number - self.after
        if turn < 1 or turn % self.every or (self.until is not None and number > self.until):
            return False
        return self.probability == 1.0 or Random(f"{self.seed} {number}").random() < self.probability


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
        return self.armed.strikes(self.seen)

    @property
    def left(self) -> int | None:
        return None if self.armed.times is None else self.armed.times - self.struck

    @property
    def over(self) -> bool:
        """Whether it will never strike again."""
        return self.left == 0 or (self.armed.until is not None and self.seen >= self.armed.until)


class Faults:
    """The switches that are on, from the steps of a `script` at first. Safe to use from several threads.

    Each counts every request that matches it, whoever strikes; of those that are due the earliest armed one strikes.
    """

    def __init__(self, script: Iterable[Armed] = ()) -> None:
        self._counts = [_Count(armed) for armed in script]
        self._lock = threading.Lock()

    def arm(self, armed: Armed) -> None:
        """Turn a switch on."""
        with self._lock:
            self._counts.append(_Count(armed))

    def replace(self, script: Iterable[Armed]) -> None:
        """Turn off what is on, and on what the script says, in one step."""
        with self._lock:
            self._counts = [_Count(armed) for armed in script]

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
        if not self._counts:
            return None
        with self._lock:
            due = [count for count in self._counts if count.armed.matches(request, inner=inner) and count.is_due()]
            if due:
                due[0].struck += 1
            self._counts = [count for count in self._counts if not count.over]
        return due[0].armed if due else None


def read_faults(path: Path) -> list[Armed]:
    """The steps of a fault script: a JSON list of objects with the members of `Armed`.

    Raises ValueError with the file, the step (from 1 on) and what is wrong with it, and OSError.
    """
    try:
        steps = msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: {error}") from error
    script = []
    for number, step in enumerate(steps, 1):
        try:
            script.append(msgspec.json.decode(step, type=Armed))
        except msgspec.MsgspecError as error:
            raise ValueError(f"{path}, step {number}: {error}") from error
    return script


def switch_table() -> str:
    """The switches as a Markdown table, for the docs and for people at the control door."""
    rows = [f"| `{switch.name}` | {switch.does} |" for switch in SWITCHES.values()]
    return "\n".join(["| switch | does |", "|---|---|", *rows, ""])


def script_table() -> str:
    """The members of a step of a fault script as a Markdown table."""
    lines = ["| member | unless given | means |", "|---|---|---|"]
    hints = get_type_hints(Armed, include_extras=True)
    for member in msgspec.structs.fields(Armed):
        (meta,) = get_args(hints[member.name])[1:]
        default = "" if member.required else f"`{msgspec.json.encode(member.default).decode()}`"
        lines.append(f"| `{member.name}` | {default} | {meta.description} |")
    return "\n".join([*lines, ""])


def _refuse(
    status: int, code: str, message: str, *, executed: bool = False
) -> Callable[[Request, Handle, Armed], Reply]:
    """The service's error body comes back, and unless told otherwise the request is not executed."""

    def strike(request: Request, handle: Handle, armed: Armed) -> Reply:
        if executed:
            handle(request)
        return Reply(response=_error(status, code, message))

    return strike


def _throttle(breach: Breach) -> Callable[[Request, Handle, Armed], Reply]:
    """429 with Retry-After (reference 6.1); 1 second unless told, so that tests are quick."""

    def strike(request: Request, handle: Handle, armed: Armed) -> Reply:
        refused = refusal(breach, Limits(), retry_after=armed.seconds if armed.seconds is not None else 1)
        response = _error(refused.status, refused.code, refused.message)
        response.headers |= refused.headers
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
    root = request.base.partition("/api/")[0]
    challenge = f"Bearer authorization_uri={root}/common/oauth2/authorize, resource_id={root}/"
    response.headers["WWW-Authenticate"] = challenge
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


def _has_stamp(request: Request) -> bool:
    return "RetrieveMetadataChanges" in request.path and "ClientVersionStamp" in unquote(request.path)


def _table(switches: Iterable[Switch]) -> Mapping[str, Switch]:
    return {switch.name: switch for switch in switches}


SWITCHES: Mapping[str, Switch] = _table(
    (
        Switch(
            name="throttle-requests",
            does="429 0x80072322 with Retry-After: more than 6,000 requests in 300 seconds; not executed",
            strike=_throttle(Breach.REQUESTS),
        ),
        Switch(
            name="throttle-time",
            does="429 0x80072321 with Retry-After: combined execution time over 20 minutes; not executed",
            strike=_throttle(Breach.SECONDS),
        ),
        Switch(
            name="throttle-concurrency",
            does="429 0x80072326 with Retry-After: more than 52 requests at once; not executed",
            strike=_throttle(Breach.CONCURRENT),
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
            strike=_refuse(400, "0x80044352", EXPIRED),
            only=_reads_delta,
        ),
        Switch(
            name="expired-version-stamp",
            does="400 0x80044352 to a RetrieveMetadataChanges that carries a ClientVersionStamp",
            strike=_refuse(400, "0x80044352", EXPIRED),
            only=_has_stamp,
        ),
    )
)
