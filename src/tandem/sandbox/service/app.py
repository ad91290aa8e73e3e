"""Which part of the service answers a request.

HTTP and the parts of a `$batch` come through the same `handle`, so nothing can be allowed in one and refused in the
other, and every refusal leaves in the one documented error shape.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.metadata.definitions import ROOTS, read_metadata
from tandem.sandbox.paths import Segment, row_key, split_path, unknown_segment
from tandem.sandbox.query.condition import Condition
from tandem.sandbox.query.navigation import read_navigation
from tandem.sandbox.query.options import read_options, read_preferences
from tandem.sandbox.query.reading import Reading, json_response, read_collection, read_count, read_property, read_row
from tandem.sandbox.query.tracking import count_changes, is_tracked, read_changes
from tandem.sandbox.service import batch
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.identity import FUNCTIONS, call_function, retrieve_user_privileges
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Caller
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.payload import table_of_set
from tandem.sandbox.writing.writes import answer_write

PARALLELISM = 8
"""The degree of parallelism that `x-ms-dop-hint` advises (reference 6.2)."""

_EVERY_ROW = Condition("1")
_UNSPOKEN_HEADERS = {
    **dict.fromkeys(("callerobjectid", "mscrmcallerid"), "Impersonation"),
    **dict.fromkeys(
        (
            "mscrm.bypassbusinesslogicexecution",
            "mscrm.bypassbusinesslogicexecutionstepids",
            "mscrm.bypasscustompluginexecution",
            "mscrm.suppresscallbackregistrationexpanderjob",
        ),
        "Bypassing business logic",
    ),
}
"""Headers that would change what a request does (reference 5.8, 9.1): to pass them over would be a lie."""
_KEPT_ANSWERS = 500
"""Answers about definitions that are kept; a client asks some twenty a table."""

_UNSPOKEN = frozenset({"$metadata", "RetrieveMetadataChanges", "GlobalOptionSetDefinitions"})


class Application:
    """The Web API over one organisation. `handle` may be called from several threads."""

    def __init__(self, organisation: Organisation, faults: Faults) -> None:
        self._organisation = organisation
        self._faults = faults
        self._described: tuple[object, dict[tuple[str, ...], Response]] = (None, {})

    def handle(self, request: Request) -> Response:
        """Answer a request whose caller is known. Never raises: a refusal is an answer."""
        request_id = str(uuid4())
        try:
            response = self._answer(request)
        except Refused as refusal:
            response = refused_response(refusal, request)
        response.headers |= {
            "REQ_ID": request_id,
            "x-ms-service-request-id": request_id,
            "x-ms-dop-hint": str(PARALLELISM),
        }
        return response

    def _answer(self, request: Request) -> Response:
        caller = self._organisation.caller(request.caller)
        for name in request.headers.keys() & _UNSPOKEN_HEADERS.keys():
            raise Refused(501, "0x8006088a", f"{_UNSPOKEN_HEADERS[name]} is not implemented by this sandbox.")
        if request.path.strip("/") == "$batch" and request.method == "POST":
            return batch.execute(request, self._handle_inner, self._organisation.transaction)
        if request.method == "GET":
            return self._read(request, caller)
        return answer_write(self._organisation, request)

    def _handle_inner(self, request: Request) -> Response:
        return self._faults.answer_inner(request, self.handle)

    def _read(self, request: Request, caller: Caller) -> Response:
        reading = Reading(
            organisation=self._organisation,
            caller=caller,
            request=request,
            options=read_options(request),
            preferences=read_preferences(request.headers),
        )
        if not request.path.strip("/"):
            return _service_document(reading)
        segments = split_path(request.path)
        first = segments[0]
        if first.name in ROOTS:
            return self._describe(reading, segments)
        if first.name in FUNCTIONS and len(segments) == 1:
            return call_function(reading, first)
        if first.name in _UNSPOKEN:
            raise Refused(501, "0x8006088a", f"'{first.name}' is not implemented by this sandbox.")
        table = table_of_set(self._organisation, first.name)
        if first.arguments is None:
            return _read_set(reading, table, segments[1:])
        return _read_at_row(reading, table, row_key(table.name, first.arguments), segments[1:])

    def _describe(self, reading: Reading, segments: Sequence[Segment]) -> Response:
        """Definitions are long, asked for often and seldom change: an answer is kept until one of them does."""
        tables, answers = self._described
        if tables is not self._organisation.tables:
            tables, answers = self._described = (self._organisation.tables, {})
        request = reading.request
        key = (request.base, request.path, request.query, request.headers.get("prefer", ""))
        if key not in answers:
            if len(answers) >= _KEPT_ANSWERS:
                answers.clear()
            answers[key] = read_metadata(reading, segments)
        return replace(answers[key], headers=dict(answers[key].headers))


def refused_response(refusal: Refused, request: Request) -> Response:
    """The error body, with the annotations of errors where they are asked for (reference 7.1)."""
    error = {"code": refusal.code, "message": refusal.message}
    if "*" in read_preferences(request.headers).annotations:
        details = "@Microsoft.PowerApps.CDS.ErrorDetails"
        error |= {
            f"{details}.OperationStatus": "0",
            f"{details}.SubErrorCode": "2",
            "@Microsoft.PowerApps.CDS.HelpLink": f"http://go.microsoft.com/fwlink/?LinkID=398563&error={refusal.code}",
            "@Microsoft.PowerApps.CDS.InnerError.Message": refusal.message,
        }
    return json_response({"error": error}, status=refusal.status, headers=refusal.headers)


def _read_set(reading: Reading, table: TableDefinition, rest: Sequence[Segment]) -> Response:
    """`contacts` and `contacts/$count`, with or without change tracking."""
    if not rest:
        if is_tracked(reading.options, asked=reading.preferences.track_changes):
            return read_changes(reading, table)
        return read_collection(reading, table, within=_EVERY_ROW, path=table.entity_set)
    if rest[0] == Segment("$count") and len(rest) == 1:
        if reading.options.get("$deltatoken") is not None:
            return count_changes(reading, table)
        return read_count(reading, table, within=_EVERY_ROW)
    raise unknown_segment(rest[0].name)


def _read_at_row(reading: Reading, table: TableDefinition, row_id: str, rest: Sequence[Segment]) -> Response:
    """A row, one of its properties, what it refers to, or a function bound to it."""
    if not rest:
        return read_row(reading, table, row_id)
    part, *tail = rest
    if part.arguments in (None, "") and part.operation == "RetrieveUserPrivileges" and table.name == "systemuser":
        return retrieve_user_privileges(reading, row_id)
    raw = tail == [Segment("$value")]
    if part.arguments is None and part.name in table.by_wire_name and (not tail or raw):
        return read_property(reading, table, row_id, part.name, raw=raw)
    return read_navigation(reading, table, row_id, part, tail)


def _service_document(reading: Reading) -> Response:
    """The entity sets (reference 2.1)."""
    sets = [table.entity_set for table in reading.organisation.tables.values()]
    items = [{"name": name, "kind": "EntitySet", "url": name} for name in sets]
    return json_response({"@odata.context": f"{reading.request.base}/$metadata", "value": items})
