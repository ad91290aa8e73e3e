"""Bodies of errors, and the codes that requests provoke (reference 7)."""

from collections.abc import Callable, Mapping
from uuid import uuid4

from tandem.testing.facts.case import Mark, Need, fact, same, true
from tandem.testing.facts.client import Answer
from tandem.testing.facts.s0_http import EVERYTHING
from tandem.testing.facts.s3_rows import MISSING
from tandem.testing.facts.stage import Stage

_DETAILS = "@Microsoft.PowerApps.CDS."


@fact("7.1", "an error is `{{error: {{code, message}}}}`")
def shape(stage: Stage) -> None:
    """JSON, also where no body was expected."""
    answer = stage.get("nosuchset").expect(404)
    same("members", sorted(answer.json), ["error"])
    same("members of error", sorted(answer.error), ["code", "message"])


@fact("7.1", "the code is hexadecimal text")
def hexadecimal(stage: Stage) -> None:
    """Compare without regard to case."""
    code = stage.get("nosuchset").expect(404).code
    true(int(code, 16) >= 0x80000000, f"the code is {code!r}")


@fact("7.1", "`innererror` is not sent")
def no_inner_error(stage: Stage) -> None:
    """Any more."""
    true("innererror" not in stage.get("nosuchset", prefer=EVERYTHING).expect(404).error, "it is")


@fact(
    "7.1",
    "with annotations an error carries `{0}`",
    each=[
        (f"{_DETAILS}ErrorDetails.OperationStatus",),
        (f"{_DETAILS}ErrorDetails.SubErrorCode",),
        (f"{_DETAILS}HelpLink",),
    ],
)
def details(stage: Stage, name: str) -> None:
    """Only then."""
    true(name in stage.get(f"contacts({MISSING})?$select=lastname", prefer=EVERYTHING).error, f"no {name}")


@fact("7.1", "an error carries `{0}`", each=[("req_id",), ("x-ms-service-request-id",)])
def request_id(stage: Stage, name: str) -> None:
    """Log it."""
    true(stage.get("nosuchset").expect(404).headers.get(name), f"no {name}")


@fact("7.1", "an error's content type is that of JSON")
def content_type(stage: Stage) -> None:
    """From the Web API itself; gateways send HTML."""
    found = stage.get("nosuchset").expect(404).headers.get("content-type", "")
    true(found.startswith("application/json"), f"it is {found!r}")


def _change(**values: object) -> Callable[[Stage], Answer]:
    """A change of a row of the subject that is refused."""
    return lambda stage: stage.patch(stage.address(stage.row()), stage.subject.values(**values), if_match="*")


_PROVOKED: Mapping[str, tuple[str, Callable[[Stage], Answer]]] = {
    "a row that does not exist": (
        "0x80040217",
        lambda stage: stage.get(f"{stage.address(str(uuid4()))}?$select=createdon"),
    ),
    "an id that exists": (
        "0x80040237",
        lambda stage: stage.post(
            stage.subject.entity_set, {stage.subject.id: stage.row(), stage.subject.name: stage.mark}
        ),
    ),
    "another version": (
        "0x80060882",
        lambda stage: stage.patch(stage.address(stage.row()), {stage.subject.text: "x"}, if_match='W/"1"'),
    ),
    "an undeclared property": ("0x80048d19", _change(nosuchcolumn=1)),
    "a text for a number": ("0x80048d19", _change(whole="seven")),
    "a number for a text": ("0x80048d19", _change(text=7)),
    "a number for yes or no": ("0x80048d19", _change(flag=1)),
    "a text for a choice": ("0x80048d19", _change(choice="One")),
    "an option that is not there": ("0x8004431a", _change(choice=4711)),
    "a text that is too long": (
        "0x80044331",
        lambda stage: stage.patch(
            stage.address(stage.row()), {stage.subject.text: "x" * (stage.subject.length + 1)}, if_match="*"
        ),
    ),
    "a whole number out of range": (
        "0x8004432f",
        lambda stage: stage.patch(
            stage.address(stage.row()), {stage.subject.whole: stage.subject.most + 1}, if_match="*"
        ),
    ),
    "money out of range": ("0x80044330", _change(money=-1)),
    "control characters": ("0x80040278", _change(text="a\u0007b")),
    "a status of another state": ("0x80048408", _change(statecode=1, statuscode=1)),
    "a column that is not there": (
        "0x80060888",
        lambda stage: stage.get(f"{stage.subject.entity_set}?$select=nosuchcolumn&$top=1"),
    ),
    "a segment that is not there": ("0x8006088a", lambda stage: stage.get("nosuchset")),
    "a date before 1753": (
        "0x80040239",
        lambda stage: stage.post(
            stage.subject.entity_set, {stage.subject.name: stage.mark, "overriddencreatedon": "1752-12-31T00:00:00Z"}
        ),
    ),
    "a key that is not defined": (
        "0x80060890",
        lambda stage: stage.get(f"{stage.subject.entity_set}({stage.subject.name}='x')?$select=createdon"),
    ),
}


@fact("7.2", "{0} is {1}", need=Need.ROWS, each=[(told, code) for told, (code, _) in _PROVOKED.items()])
def codes(stage: Stage, told: str, code: str) -> None:
    """Whatever the status."""
    _PROVOKED[told][1](stage).refused(code)


@fact(
    "7.2",
    "the status of {0} is {1}",
    need=Need.ROWS,
    each=[
        ("a row that does not exist", 404),
        ("an id that exists", 412),
        ("another version", 412),
        ("an undeclared property", 400),
        ("a text that is too long", 400),
        ("a column that is not there", 400),
        ("a segment that is not there", 404),
    ],
)
def statuses(stage: Stage, told: str, status: int) -> None:
    """Those that are documented."""
    _PROVOKED[told][1](stage).expect(status)


@fact(
    "7.2",
    "the status of {0}",
    mark=Mark.UNCONFIRMED,
    need=Need.ROWS,
    each=[
        ("an option that is not there",),
        ("a whole number out of range",),
        ("money out of range",),
        ("control characters",),
        ("a status of another state",),
        ("a date before 1753",),
        ("a key that is not defined",),
    ],
)
def unconfirmed_statuses(stage: Stage, told: str) -> str:
    """400 expected."""
    return _PROVOKED[told][1](stage).refused()


@fact("7.2", "the text of an option that is not there", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def option_text(stage: Stage) -> str:
    """The live text is unconfirmed."""
    return str(_PROVOKED["an option that is not there"][1](stage).error["message"])


@fact("7.2", "a text that is too long is told with its column, table and length", need=Need.ROWS)
def length_text(stage: Stage) -> None:
    """As far as it is English."""
    subject = stage.subject
    text = _PROVOKED["a text that is too long"][1](stage).error["message"]
    true(all(f"'{part}'" in text for part in (subject.text, subject.table, subject.length)), f"the text is {text!r}")


@fact("7.2", "the code for a row without a column that is SystemRequired", mark=Mark.UNCONFIRMED, need=Need.SALES)
def required(stage: Stage) -> str:
    """Several families were seen; a connection needs what it connects."""
    return stage.post("connections", {"description": stage.mark}).refused()


@fact("7.2", "a plug-in's refusal is 400 0x80040265 with its message", need=Need.DOOR)
def vetoed(stage: Stage) -> None:
    """A business message."""
    stage.afterwards("the plug-in", lambda: stage.door("unplug", table="account"))
    told = {"kind": "refuse", "table": "account", "message": "Not on Sundays."}
    stage.door("plug-in", plug_in=told)
    answer = stage.post("accounts", {"name": stage.mark})
    answer.expect(400, "0x80040265")
    same("the message", answer.error["message"], "Not on Sundays.")


@fact(
    "7.2",
    "{0} is {1} {2}",
    need=Need.DOOR,
    each=[
        ("an unexpected error", 500, "0x80040216", "unexpected"),
        ("a generic SQL error", 500, "0x80044150", "sql-error"),
        ("an expired ticket", 401, "0x8004A101", "expired-token"),
    ],
)
def faults(stage: Stage, _told: str, status: int, code: str, switch: str) -> None:
    """Of the service itself."""
    stage.afterwards("the switch", lambda: stage.door("clear", switch=switch))
    stage.door("fault", switch=switch, times=1)
    token = stage.client.token(stage.client.application()).expect(200).json["access_token"]
    stage.client.send("GET", "WhoAmI", token=token).expect(status, code)


@fact("7.2", "a row that is read-only refuses a change with 0x8004022e", need=Need.DOOR)
def locked(stage: Stage) -> None:
    """CannotUpdateBecauseItIsReadOnly."""
    row = stage.make("accounts", {"name": stage.mark})
    stage.afterwards("the lock", lambda: stage.door("lock", table="account", id=row, locked=False))
    stage.door("lock", table="account", id=row)
    stage.patch(f"accounts({row})", {"fax": "1"}, if_match="*").refused("0x8004022e")


@fact(
    "7.1",
    "an older layer's error is an object with Message, ExceptionMessage, ExceptionType and ErrorCode",
    need=Need.DOOR,
)
def legacy(stage: Stage) -> None:
    """With a decimal code."""
    stage.afterwards("the switch", lambda: stage.door("clear", switch="legacy-error"))
    stage.door("fault", switch="legacy-error", times=1)
    found = stage.get("WhoAmI").expect(500).json
    missing = [name for name in ("Message", "ExceptionMessage", "ExceptionType", "ErrorCode") if name not in found]
    same("members missing", missing, [])
    true(isinstance(found["ErrorCode"], int), f"ErrorCode is {found['ErrorCode']!r}")


@fact("7.1", "a code may be empty", need=Need.DOOR)
def empty_code(stage: Stage) -> None:
    """Fall back to the status."""
    stage.afterwards("the switch", lambda: stage.door("clear", switch="empty-code"))
    stage.door("fault", switch="empty-code", times=1)
    stage.get("WhoAmI").expect(400, "")


@fact("7.1", "a gateway's 503 is HTML", need=Need.DOOR)
def gateway(stage: Stage) -> None:
    """Never assume JSON."""
    stage.afterwards("the switch", lambda: stage.door("clear", switch="unavailable"))
    stage.door("fault", switch="unavailable", times=1)
    found = stage.get("WhoAmI").expect(503).headers.get("content-type", "")
    true(found.startswith("text/html"), f"the content type is {found!r}")


@fact("7.2", "an unknown option is told with the accepted ones", mark=Mark.UNCONFIRMED, need=Need.ROWS)
def accepted_options(stage: Stage) -> None:
    """`Accepted Values: 1,2,3`."""
    text = _PROVOKED["an option that is not there"][1](stage).error["message"]
    true("1,2,3" in text.replace(" ", ""), f"the text is {text!r}")
