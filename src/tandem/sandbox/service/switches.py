"""Every way the service or the network can fail on a request is a switch here.

`SWITCHES` is the only list of them: the control door, the fault scripts and the documentation are made from it. When
one strikes is told elsewhere (faults.py). What changes the organisation itself (rights, tokens, identity) is an
operation of the control door instead.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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


Strike = Callable[[Request, Handle, float | None], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One fault. `strike` gets the request, the handler and the seconds that a step names, and gives the reply.

    `wire` faults are of the reply on its way; a part of a `$batch` has no reply of its own.
    """

    name: str
    does: str
    strike: Strike
    only: Callable[[Request], bool] = lambda request: True
    wire: bool = False


def switch_table() -> str:
    """The switches as a Markdown table, for the docs and for people at the control door."""
    rows = [f"| `{switch.name}` | {switch.does} |" for switch in SWITCHES.values()]
    return "\n".join(["| switch | does |", "|---|---|", *rows, ""])


def _refuse(status: int, code: str, message: str, *, executed: bool = False) -> Strike:
    """The service's error body comes back, and unless told otherwise the request is not executed."""

    def strike(request: Request, handle: Handle, seconds: float | None) -> Reply:
        if executed:
            handle(request)
        return Reply(response=_error(status, code, message))

    return strike


def _throttle(breach: Breach) -> Strike:
    """429 with Retry-After (reference 6.1); 1 second unless told, so that tests are quick."""

    def strike(request: Request, handle: Handle, seconds: float | None) -> Reply:
        refused = refusal(breach, Limits(), retry_after=seconds if seconds is not None else 1)
        response = _error(refused.status, refused.code, refused.message)
        response.headers |= refused.headers
        return Reply(response=response)

    return strike


def _unavailable(request: Request, handle: Handle, seconds: float | None) -> Reply:
    headers = {"Content-Type": "text/html"}
    if seconds is not None:
        headers["Retry-After"] = str(int(seconds))
    return Reply(response=Response(status=503, headers=headers, body=_UNAVAILABLE_PAGE))


def _slow(request: Request, handle: Handle, seconds: float | None) -> Reply:
    return Reply(response=handle(request), delay=seconds if seconds is not None else 1.0)


def _reset_before(request: Request, handle: Handle, seconds: float | None) -> Reply:
    return Reply(response=None)


def _reset_after(request: Request, handle: Handle, seconds: float | None) -> Reply:
    handle(request)
    return Reply(response=None)


def _truncate(request: Request, handle: Handle, seconds: float | None) -> Reply:
    response = handle(request)
    return Reply(response=response, sent=len(response.body) // 2)


def _legacy_error(request: Request, handle: Handle, seconds: float | None) -> Reply:
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


def _expired_ticket(request: Request, handle: Handle, seconds: float | None) -> Reply:
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
