"""Without a second hand in the organisation no test can tell an echo from somebody else's edit.

The control door lies beside the Web API and speaks JSON: it edits records as another user, through the same code as
any client, and brings about what a tenant does only on a bad day. The server opens it on loopback only.
"""

import msgspec

from tandem.sandbox.automation.plug_ins import plug_in_table
from tandem.sandbox.door.levers import Levers
from tandem.sandbox.door.operations import OPERATIONS
from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.service.faults import script_table
from tandem.sandbox.service.switches import switch_table

_NO_BODY = b"{}"


def control(levers: Levers, request: Request) -> Response:
    """Answer a request to the door; `request.path` is what follows `/control`.

    `GET` prints the table of operations and switches; `POST <operation>` takes a JSON object and answers with one.
    """
    try:
        return _answer(levers, request)
    except Refused as refusal:
        return _json(refusal.status, {"error": {"code": refusal.code, "message": refusal.message}})
    except KeyError as error:
        return _bad_request(f"there is no {error}")
    except (msgspec.MsgspecError, ValueError) as error:
        return _bad_request(str(error))


def control_table() -> str:
    """What the door can do, as Markdown."""
    lines = ["| POST /control/... | takes | does |", "|---|---|---|"]
    for name, operation in OPERATIONS.items():
        fields = ", ".join(
            f"`{field.name}`" if field.required else f"[`{field.name}`]" for field in msgspec.structs.fields(operation)
        )
        does = " ".join((operation.__doc__ or "").split())
        lines.append(f"| `{name}` | {fields} | {does} |")
    return "\n".join([*lines, "", switch_table(), script_table(), plug_in_table()])


def _answer(levers: Levers, request: Request) -> Response:
    name = request.path.strip("/")
    if request.method == "GET" and not name:
        headers = {"Content-Type": "text/markdown; charset=utf-8"}
        return Response(status=200, headers=headers, body=control_table().encode())
    operation = OPERATIONS.get(name)
    if operation is None:
        raise Refused(404, "", f"The control door has no '{name}'; GET /control tells what there is.")
    if request.method != "POST":
        raise Refused(405, "", f"POST to /control/{name}.")
    return _json(200, msgspec.json.decode(request.body or _NO_BODY, type=operation).run(levers))


def _bad_request(why: str) -> Response:
    return _json(400, {"error": {"code": "", "message": f"Bad request to the control door: {why}."}})


def _json(status: int, content: object) -> Response:
    return Response(status=status, headers={"Content-Type": "application/json"}, body=msgspec.json.encode(content))
