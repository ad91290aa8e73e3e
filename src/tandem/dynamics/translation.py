"""The one place where a refusal of Dynamics, or of the sign-in service, becomes an error of ours.

The meaning is in the code, not in the HTTP status (412 alone has four meanings) and not in the text, which is
localised and changes between releases; the text only serves to find names (reference 7). An answer without a code
falls back to its status. Bodies may be JSON of two shapes, HTML, or nothing.
"""

import re
from typing import Any

import msgspec

from tandem.dynamics import errors
from tandem.dynamics.errors import DynamicsError
from tandem.dynamics.messages import Response
from tandem.mapping.checks import CONTROL_CHARACTERS
from tandem.model.errors import RetryLater

_LONGEST_QUOTE = 500
"""Characters of a server's own words that a message repeats."""

_LONGEST_SEARCHED = 2_000
"""Characters of them that names are looked for in: in a long word the time grows with the square of its length."""
_PAYLOAD = 0x80048D19
"""A value of the wrong type, or a property that the table does not have; only the text tells (reference 5.6, 7.2)."""

Meaning = tuple[type[DynamicsError], str]

BY_CODE: dict[int, Meaning] = {
    0x80040203: (errors.InvalidValue, "Dynamics calls a value invalid"),
    0x80040204: (errors.Unauthorised, "Dynamics does not accept the sync user's sign-in"),
    0x8004020D: (errors.MissingPrivilege, "The sync user has no right to the record"),
    0x80040210: (errors.OwnerRefused, "Dynamics does not accept the owner"),
    0x80040216: (errors.Unavailable, "Dynamics had an unexpected fault"),
    0x80040217: (errors.RowNotFound, "The record does not exist in Dynamics"),
    0x80040220: (errors.MissingPrivilege, "The sync user lacks a privilege"),
    0x80040224: (errors.Unavailable, "A plug-in in Dynamics crashed"),
    0x80040225: (errors.UserDisabled, "The sync user is disabled or has no business unit"),
    0x80040229: (errors.OwnerRefused, "Dynamics does not accept the owner"),
    0x8004022B: (errors.OwnerRefused, "The owner is disabled"),
    0x8004022E: (errors.RecordInactive, "The record is read-only"),
    0x80040230: (errors.RecordInactive, "The record is inactive"),
    0x80040233: (errors.StateConflict, "The record's state does not allow this"),
    0x80040237: (errors.DuplicateKey, "A record with this id exists already"),
    0x80040239: (errors.InvalidValue, "Dynamics does not accept a date"),
    0x80040256: (errors.MissingPrivilege, "The sync user has no right to do this"),
    0x80040278: (errors.InvalidValue, "A text holds control characters"),
    0x80040301: (errors.ListClosed, "The marketing list does not take this kind of member"),
    0x80040302: (errors.ListClosed, "The marketing list is locked"),
    0x80040304: (errors.ListClosed, "The marketing list is inactive"),
    0x80040333: (errors.DuplicateRule, "A duplicate detection rule found a similar record"),
    0x80040353: (errors.RowNotFound, "A record that this one names does not exist in Dynamics"),
    0x80040517: (errors.RecordInactive, "The customer is inactive"),
    0x80040518: (errors.StateConflict, "The lead is already open"),
    0x80040519: (errors.StateConflict, "The lead is already closed"),
    0x80041103: (errors.ColumnUnknown, "Dynamics has no such column"),
    0x80042F09: (errors.NoRoles, "The sync user has no security role"),
    0x80044150: (errors.Unavailable, "The database of Dynamics had a fault"),
    0x80044151: (errors.Unavailable, "The database of Dynamics took too long"),
    0x80044183: (errors.BadQuery, "Dynamics calls the query invalid"),
    0x80044300: (errors.Unauthorised, "Dynamics asks for a token"),
    0x8004431A: (errors.InvalidValue, "Dynamics has no such option"),
    0x8004432F: (errors.InvalidValue, "A whole number is out of range"),
    0x80044330: (errors.InvalidValue, "A number is out of range"),
    0x80044331: (errors.InvalidValue, "A text is too long"),
    0x80044352: (errors.TokenExpired, "The place in the changes has expired"),
    0x80048405: (errors.MissingPrivilege, "The sync user has no right to do this"),
    0x80048408: (errors.StateConflict, "State and status do not belong together"),
    0x80048458: (errors.NotOnList, "The record is not on the marketing list"),
    _PAYLOAD: (errors.InvalidValue, "A value is of the wrong type"),
    0x8004A101: (errors.Unauthorised, "The token has expired"),
    0x8004A110: (errors.MissingPrivilege, "The sync user may not act for another user"),
    0x8004D24B: (errors.NoLicence, "The sync user has no licence"),
    0x8004E023: (errors.BadQuery, "The query counts more rows than Dynamics allows"),
    0x8004F502: (errors.ColumnSecured, "The sync user may not fill a secured column"),
    0x8004F504: (errors.ColumnSecured, "The sync user may not read a secured column"),
    0x8004F507: (errors.ColumnSecured, "The sync user may not change a secured column"),
    0x8004F701: (errors.ListClosed, "The marketing list is a dynamic one"),
    0x80060882: (errors.VersionMismatch, "The record changed since it was read"),
    0x80060883: (errors.BadQuery, "Dynamics misses the record's version in the request"),
    0x80060888: (errors.BadQuery, "Dynamics calls the request malformed"),
    0x8006088A: (errors.TableUnknown, "Dynamics has no such table"),
    0x80060890: (errors.BadQuery, "The table has no such key"),
    0x80060891: (errors.RowNotFound, "The record does not exist in Dynamics"),
    0x80060892: (errors.DuplicateKey, "A record with the same key exists already"),
    0x80072321: (errors.Throttled, "Dynamics asks for a pause: too much execution time"),
    0x80072322: (errors.Throttled, "Dynamics asks for a pause: too many requests"),
    0x80072326: (errors.Throttled, "Dynamics asks for a pause: too many requests at once"),
    0x80072491: (errors.ChangeTrackingOff, "Change tracking is off"),
    0x80072492: (errors.ChangeTrackingOff, "Change tracking is off for a table that this one joins"),
    0x80072560: (errors.NotAMember, "The sync user is not a member of this organisation"),
    0x80073002: (errors.DuplicateKey, "A record with the same key exists already"),
    0x80081018: (errors.MissingPrivilege, "The sync user may not create what qualifying makes"),
    0x80081111: (errors.Unavailable, "A plug-in in Dynamics took too long"),
}
"""What each code means (reference 7.2). A code that is not here is a Refused that quotes the service."""

_BY_STATUS: dict[int, Meaning] = {
    401: (errors.Unauthorised, "Dynamics does not accept the token"),
    404: (errors.NotDataverse, "There is no Dataverse organisation at this address"),
    413: (errors.Refused, "The request is too large"),
    429: (errors.Throttled, "Dynamics asks for a pause"),
}
"""What a status means where the answer has no code."""

_BY_SIGN_IN_ERROR: dict[str, Meaning] = {
    "invalid_client": (errors.Unauthorised, "The sign-in service does not accept the client secret or certificate"),
    "invalid_grant": (errors.SignInRefused, "The sign-in service refused the user name or the password"),
    "invalid_scope": (errors.SignInMisconfigured, "The sign-in service does not know this organisation's address"),
    "invalid_request": (errors.SignInMisconfigured, "The sign-in service calls the request invalid"),
    "invalid_resource": (errors.SignInMisconfigured, "The sign-in service does not know this organisation"),
    "unauthorized_client": (errors.SignInMisconfigured, "The app may not sign in this way, or is not in this tenant"),
    "temporarily_unavailable": (errors.Unavailable, "The sign-in service is not available"),
}
"""What the token endpoint's `error` means (reference 1.1). One that is not here is a SignInMisconfigured."""

_MFA_ADVICE = (
    "A password alone cannot pass multi-factor authentication. Use an application user with a client secret "
    "(recommended), or exempt this user by a conditional access policy."
)
_BY_AADSTS: dict[int, tuple[type[DynamicsError], str, str]] = {
    50076: (errors.SignInRefused, "The user's sign-in needs multi-factor authentication", _MFA_ADVICE),
    50079: (errors.SignInRefused, "The user must set up multi-factor authentication", _MFA_ADVICE),
    50158: (errors.SignInRefused, "The user's sign-in needs a further check", _MFA_ADVICE),
    65001: (
        errors.SignInMisconfigured,
        "The app may not act for the user",
        "Grant the app the delegated permission user_impersonation of Dynamics CRM, with admin consent.",
    ),
    90002: (errors.SignInMisconfigured, "There is no such tenant", "Check the tenant's id or domain."),
    500011: (
        errors.SignInMisconfigured,
        "The tenant does not know this organisation's address",
        "Check the address of the organisation, and that the tenant is the one it belongs to.",
    ),
    7000218: (
        errors.SignInMisconfigured,
        "The app is a confidential one and needs its client secret",
        "Give the client secret too.",
    ),
    53003: (errors.SignInRefused, "A conditional access policy blocks the user's sign-in", _MFA_ADVICE),
    50053: (errors.SignInRefused, "The user's account is locked", "Wait or unlock it, then check the password."),
    50055: (errors.SignInRefused, "The user's password has expired", "Set a new password and give it to Tandem."),
    50057: (errors.SignInRefused, "The user's account is disabled", "Enable the account in Microsoft Entra."),
    700027: (
        errors.Unauthorised,
        "The app does not know this certificate",
        "Upload the certificate, without its key, at the app registration in Microsoft Entra (Certificates & secrets).",
    ),
    700024: (
        errors.SignInMisconfigured,
        "The sign-in service takes this machine's time for wrong",
        "Set this machine's clock; what a certificate signs is good for minutes only.",
    ),
    7000222: (errors.Unauthorised, "The client secret has expired", "Make a new secret and give it to Tandem."),
    700016: (errors.Unauthorised, "The tenant has no app with this client id", "Check client id and tenant."),
}
"""Finer causes by Entra's own number, where they need other advice. All but 50076 and 50079 are general knowledge,
not met in a source; an unknown number falls back to the table above."""

_NAMES = tuple(
    re.compile(pattern)
    for pattern in (
        r"missing (?P<privilege>prv\w+) privilege.*?(?:for entity '(?P<table>\w+)'|$)",
        r"property named '(?P<column>\w+)' on type 'Microsoft\.Dynamics\.CRM\.(?P<table>\w+)'",
        r"undeclared property '(?P<column>\w+)'",
        r"'(?P<table>\w+)' entity doesn't contain attribute with Name = '(?P<column>\w+)'",
        r"'(?P<column>\w+)' attribute of the '(?P<table>\w+)' entity",
        r"of '(?P<column>\w+)' on record of type '(?P<table>\w+)'",
        r"(?P<table>\w+) With Id = (?P<record>[0-9a-fA-F-]{36}) Does Not Exist",
        r"Entity (?P<table>\w+) isn't enabled for change tracking",
        r"segment '(?P<segment>\w+)'",
    )
)
"""Where the service's texts hold names (reference 3.1, 4.1, 7.2). A text that fits none costs the names only."""


def expect(response: Response) -> Response:
    """The given answer, where it is a success. Raises what `error_from` makes of it otherwise."""
    if not 200 <= response.status < 300:
        raise error_from(response)
    return response


def error_from(response: Response) -> DynamicsError:
    """The error that an answer other than a success stands for. Both the service's and the token endpoint's."""
    body = _body(response)
    failure = body.get("error")
    if isinstance(failure, str):
        return _sign_in_error(response, failure, body)
    if isinstance(failure, dict):
        number, text = _number(failure.get("code")), str(failure.get("message") or "")
    else:
        number, text = _number(body.get("ErrorCode")), str(body.get("ExceptionMessage") or body.get("Message") or "")
    names = _names_in(text)
    # JSON alone proves nothing: many other services answer with it.
    recognised = isinstance(failure, dict) or "ErrorCode" in body or "ExceptionMessage" in body
    kind, sentence = _meaning(response.status, number, text, names, recognised=recognised)
    return _made(kind, sentence, response, number, names)


def _meaning(status: int, number: int | None, text: str, names: dict[str, str], *, recognised: bool) -> Meaning:
    known = BY_CODE.get(number) if number is not None else None
    if known is None and status in _BY_STATUS and not (status == 404 and recognised):
        known = _BY_STATUS[status]
    if known is None and status >= 500 and status != 501:
        known = (errors.Unavailable, f"Dynamics answered with status {status}")
    if known is None and not recognised:
        known = (errors.NotDataverse, f"The address answered with status {status}, but not as Dataverse does")
    if known is None:
        quoted = f"Dynamics refused: {_quoted(text)}" if text else "Dynamics refused"
        known = (errors.Refused, quoted)
    kind, sentence = known
    if (kind is errors.BadQuery or number == _PAYLOAD) and "column" in names:
        return errors.ColumnUnknown, "Dynamics has no such column"
    if kind is errors.TableUnknown and status != 404:
        return errors.BadQuery, "Dynamics does not support the request"
    return kind, sentence


def _made(
    kind: type[DynamicsError], sentence: str, response: Response, number: int | None, names: dict[str, str]
) -> DynamicsError:
    about = ", ".join(f"{what} {name}" for what, name in names.items())
    message = f"{sentence} ({about})." if about and kind is not errors.Refused else f"{sentence}."
    context: dict[str, Any] = {
        "status": response.status,
        "dataverse_code": f"0x{number:08x}" if number is not None else None,
        "request_id": response.request_id,
        **names,
    }
    if issubclass(kind, RetryLater):
        return kind(message, retry_after=_retry_after(response), **context)
    return kind(message, **context)


def _sign_in_error(response: Response, failure: str, body: dict[str, Any]) -> DynamicsError:
    kind, sentence = _BY_SIGN_IN_ERROR.get(failure, (errors.SignInMisconfigured, "The sign-in service refused"))
    advice = None
    for number in _aadsts(body):
        if number in _BY_AADSTS:
            kind, sentence, advice = _BY_AADSTS[number]
            break
    context: dict[str, Any] = {
        "status": response.status,
        "sign_in_error": failure,
        "aadsts": next(iter(_aadsts(body)), None),
        "request_id": str(body["trace_id"]) if "trace_id" in body else None,
    }
    return kind(f"{sentence} ({_quoted(failure)}).", advice=advice, **context)


def _quoted(text: str) -> str:
    """What a service says, of bounded length, without what a database cannot keep: a plug-in says anything."""
    return CONTROL_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST_QUOTE]).rstrip(".")


def _body(response: Response) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return body if isinstance(body, dict) else {}


def _number(code: object) -> int | None:
    """The code as unsigned 32 bits from hex text, decimal text or a signed integer; None for empty or zero."""
    try:
        number = code if isinstance(code, int) else int(str(code), 16 if str(code).lower().startswith("0x") else 10)
    except ValueError:
        return None
    return number % 2**32 or None


def _names_in(text: str) -> dict[str, str]:
    for pattern in _NAMES:
        if found := pattern.search(text, 0, _LONGEST_SEARCHED):
            return {what: name for what, name in found.groupdict().items() if name}
    return {}


def _aadsts(body: dict[str, Any]) -> list[int]:
    numbers = body.get("error_codes")
    if isinstance(numbers, list):
        return [number for number in numbers if isinstance(number, int)]
    return [int(number) for number in re.findall(r"AADSTS(\d+)", str(body.get("error_description") or ""))]


def _retry_after(response: Response) -> float | None:
    """Seconds the server asks for; None without them. A date, which only gateways send, is not a number of seconds."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None
