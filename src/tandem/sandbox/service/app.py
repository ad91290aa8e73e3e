"""Which part of the service answers a request.

HTTP and the parts of a `$batch` come through the same `handle`, so nothing can be allowed in one and refused in the
other, and every refusal leaves in the one documented error shape.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import apsw

from tandem.sandbox.functions.calling import BOUND_FUNCTIONS, FUNCTIONS, call_bound_function, call_function
from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.metadata.csdl import read_csdl, read_service_document
from tandem.sandbox.metadata.definitions import ROOTS, read_metadata
from tandem.sandbox.paths import Segment, split_path
from tandem.sandbox.query.navigation import read_at_row, read_set
from tandem.sandbox.query.options import read_options, read_preferences
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.tracking import count_changes, is_tracked, read_changes
from tandem.sandbox.service import batch
from tandem.sandbox.service.answers import identified, refused_response
from tandem.sandbox.service.faults import Faults
from tandem.sandbox.service.impersonation import acting_as
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Caller
from tandem.sandbox.tables import Message, TableDefinition
from tandem.sandbox.writing.addressing import row_id_of
from tandem.sandbox.writing.payload import table_of_set
from tandem.sandbox.writing.records import refuse_message
from tandem.sandbox.writing.writes import answer_write

LONGEST_URL, LONGEST_URL_IN_BATCH = 32_768, 65_536
"""Characters of a URL (reference 0.4). The status of a longer one is [k]."""
_KEPT_ANSWERS, _KEPT_BYTES = 500, 32 * 1024**2
"""Answers about definitions that are kept; a client asks some twenty a table."""

_MODEL = Segment("$metadata")


class Application:
    """The Web API over one organisation. `handle` may be called from several threads."""

    def __init__(self, organisation: Organisation, faults: Faults) -> None:
        self._organisation = organisation
        self._faults = faults
        self._described: tuple[object, dict[tuple[str, ...], Response]] = (None, {})

    def handle(self, request: Request, *, longest_url: int = LONGEST_URL) -> Response:
        """Answer a request whose caller is known. Never raises: a refusal is an answer."""
        try:
            if len(request.base) + len(request.path) + len(request.query) + 2 > longest_url:
                raise Refused(414, "0x80060888", f"A URL may have {longest_url} characters at most.")
            response = self._answer(request)
        except Refused as refusal:
            response = refused_response(refusal, request)
        return identified(response)

    def _answer(self, request: Request) -> Response:
        request = acting_as(self._organisation, request)
        if request.path.strip("/") == "$batch" and request.method == "POST":
            self._organisation.caller(request.caller, request.delegate)
            return batch.execute(request, self._handle_inner, self._organisation.transaction)
        if request.method == "GET":
            caller = self._organisation.caller(request.caller, request.delegate)
            try:
                return self._read(request, caller)
            except apsw.SQLError:
                # A column or a table went meanwhile. With nobody writing, definitions and rows are of one moment.
                with self._organisation.transaction():
                    return self._read(request, caller)
            except RecursionError:
                message = "The query specified for this operation is invalid. It is nested too deeply."
                raise Refused(400, "0x80044183", message) from None
        return answer_write(self._organisation, request)

    def _handle_inner(self, request: Request) -> Response:
        return self._faults.answer_inner(request, partial(self.handle, longest_url=LONGEST_URL_IN_BATCH))

    def _read(self, request: Request, caller: Caller) -> Response:
        reading = Reading(
            organisation=self._organisation,
            caller=caller,
            request=request,
            options=read_options(request),
            preferences=read_preferences(request.headers),
        )
        if not request.path.strip("/"):
            return read_service_document(reading)
        segments = split_path(request.path)
        first = segments[0]
        if first.name in ROOTS or segments == (_MODEL,):
            return self._describe(reading, segments)
        if first.name in FUNCTIONS and len(segments) == 1:
            return call_function(reading, first)
        table = table_of_set(self._organisation, first.name)
        if first.arguments is None:
            return _read_set(reading, table, segments[1:])
        refuse_message(table, Message.RETRIEVE)
        row_id = row_id_of(self._organisation, table, first.arguments)
        return _read_row(reading, table, row_id, segments[1:])

    def _describe(self, reading: Reading, segments: Sequence[Segment]) -> Response:
        """Definitions are long, asked for often and seldom change: an answer is kept until one of them does."""
        definitions, answers = self._described
        if definitions is not self._organisation.definitions:
            definitions, answers = self._described = (self._organisation.definitions, {})
        request = reading.request
        key = (request.base, request.path, request.query, request.headers.get("prefer", ""))
        if key not in answers:
            if len(answers) >= _KEPT_ANSWERS or sum(len(each.body) for each in answers.values()) > _KEPT_BYTES:
                answers.clear()
            answers[key] = read_csdl(reading) if segments == (_MODEL,) else read_metadata(reading, segments)
        return replace(answers[key], headers=dict(answers[key].headers))


def _read_set(reading: Reading, table: TableDefinition, rest: Sequence[Segment]) -> Response:
    """What is read of a set, with or without change tracking."""
    if not rest and is_tracked(reading.options, asked=reading.preferences.track_changes):
        return read_changes(reading, table)
    if list(rest) == [Segment("$count")] and reading.options.get("$deltatoken") is not None:
        return count_changes(reading, table)
    return read_set(reading, table, rest)


def _read_row(reading: Reading, table: TableDefinition, row_id: str, rest: Sequence[Segment]) -> Response:
    """What is read of a row, or a function bound to it."""
    if len(rest) == 1 and (table.name, rest[0].operation) in BOUND_FUNCTIONS:
        return call_bound_function(reading, table.name, row_id, rest[0])
    return read_at_row(reading, table, row_id, rest)
