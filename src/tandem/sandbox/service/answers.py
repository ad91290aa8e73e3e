"""The id of its request on every answer, and one shape for every refusal of the Web API.

A client reads the code and quotes the id, be it a request on the wire or a part of a `$batch` (reference 0.2, 7.1).
"""

from uuid import uuid4

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.query.options import read_preferences
from tandem.sandbox.query.reading import json_response


def identified(response: Response) -> Response:
    """The answer with the id of its request, which is new (reference 0.2)."""
    request_id = str(uuid4())
    response.headers |= {"REQ_ID": request_id, "x-ms-service-request-id": request_id}
    return response


def refused_response(refusal: Refused, request: Request) -> Response:
    """The error body, with the annotations of errors where they are asked for (reference 7.1)."""
    error = {"code": refusal.code, "message": refusal.message}
    details = {
        "ErrorDetails.OperationStatus": "0",
        "ErrorDetails.SubErrorCode": "2",
        "HelpLink": f"http://go.microsoft.com/fwlink/?LinkID=398563&error={refusal.code}",
        "InnerError.Message": refusal.message,
    }
    named = {f"Microsoft.PowerApps.CDS.{name}": text for name, text in details.items()}
    preferences = read_preferences(request.headers)
    error |= {f"@{name}": text for name, text in named.items() if preferences.wants(name)}
    return json_response({"error": error}, status=refusal.status, headers=refusal.headers)
