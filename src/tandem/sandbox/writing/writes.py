"""The HTTP side of writing: which row a request means, under which condition, and what the answer carries.

An upsert that creates where an update was meant, or a condition that is not checked, is how a sync brings deleted
rows back and loses updates; table 5.3 of the reference is `_patch` here, row by row.
"""

from dataclasses import dataclass, replace

from tandem.sandbox.actions.calling import call_action, call_bound_action, is_action
from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.paths import NAMESPACE, Segment, expect_method, row_key, split_path, unknown_segment
from tandem.sandbox.query.options import (
    Options,
    Preferences,
    read_options,
    read_preferences,
    refuse_others,
)
from tandem.sandbox.query.reading import Reading, json_response, read_row
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.bulk import BULK, read_targets
from tandem.sandbox.writing.payload import (
    decode_object,
    missing_row,
    payload_error,
    read_values,
    table_of_set,
)
from tandem.sandbox.writing.records import Records, duplicate_row
from tandem.sandbox.writing.references import change_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """A write on its way, and who writes."""

    request: Request
    options: Options
    preferences: Preferences
    records: Records

    @property
    def organisation(self) -> Organisation:
        return self.records.organisation

    def condition(self, name: str) -> str | None:
        """A condition header; the literal word `null`, which some clients always send, is no condition."""
        value = self.request.headers.get(name)
        return None if value is None or value.strip() == "null" else value.strip()


def answer_write(organisation: Organisation, request: Request) -> Response:
    """Answer a POST, PATCH, PUT or DELETE of anything but `$batch`, in one transaction. Raises Refused."""
    options = read_options(request)
    refuse_others(options, ("$select", "$id"))
    write = _Write(
        request=request,
        options=options,
        preferences=read_preferences(request.headers),
        records=Records(
            organisation,
            request.caller,
            detect_duplicates=request.headers.get("mscrm.suppressduplicatedetection", "").strip().lower() == "false",
        ),
    )
    with organisation.transaction():
        return _dispatch(write, split_path(request.path))


def _dispatch(write: _Write, segments: tuple[Segment, ...]) -> Response:
    first, *rest = segments
    if len(segments) == 1 and first.arguments is None and is_action(first.name):
        expect_method(write.request.method, first.name, "POST")
        return call_action(write.records, write.request, first.name)
    table = table_of_set(write.organisation, first.name)
    if first.arguments is None:
        return _to_set(write, table, rest)
    row_id = row_key(table.name, first.arguments)
    if not rest:
        return _to_row(write, table, row_id)
    write.records.existing(table, row_id)
    if rest[0].operation:
        expect_method(write.request.method, rest[0].name, "POST")
        return call_bound_action(write.records, write.request, table, row_id, rest[0].operation)
    return _to_part(write, table, row_id, rest)


def _to_set(write: _Write, table: TableDefinition, rest: list[Segment]) -> Response:
    if len(rest) == 1 and rest[0].operation in BULK:
        return _to_many(write, table, rest[0].operation)
    if rest:
        raise unknown_segment(rest[0].name)
    expect_method(write.request.method, table.entity_set, "POST")
    values = read_values(write.organisation, table, decode_object(write.request.body))
    return _written(write, table, write.records.create(table, values), created=True)


def _to_many(write: _Write, table: TableDefinition, name: str) -> Response:
    expect_method(write.request.method, name, "POST")
    targets = read_targets(write.records, table, decode_object(write.request.body))
    answer = BULK[name](write.records, table, targets)
    if answer is None:
        return _done()
    context = f"{write.request.base}/$metadata#{NAMESPACE}{name}Response"
    return json_response({"@odata.context": context, **answer})


def _to_row(write: _Write, table: TableDefinition, row_id: str) -> Response:
    expect_method(write.request.method, f"{table.entity_set}({row_id})", "PATCH", "DELETE")
    if write.request.method == "PATCH":
        return _patch(write, table, row_id)
    _check_version(write, table, row_id)
    write.records.delete(table, row_id)
    return _done()


def _patch(write: _Write, table: TableDefinition, row_id: str) -> Response:
    """Update or create, as the row exists or not and the condition allows (reference 5.3)."""
    exists = write.organisation.exists(table.name, row_id)
    if not exists and write.condition("if-match") is not None:
        raise missing_row(table.name, row_id)
    if exists and write.condition("if-none-match") == "*":
        raise duplicate_row()
    values = read_values(write.organisation, table, decode_object(write.request.body))
    if values.get(table.primary_id, row_id) != row_id:
        raise payload_error(f"'{table.primary_id}' in the body is not the id in the URL.")
    if exists:
        _check_version(write, table, row_id)
        write.records.update(table, row_id, values)
    else:
        write.records.create(table, {**values, table.primary_id: row_id})
    return _written(write, table, row_id, created=not exists)


def _check_version(write: _Write, table: TableDefinition, row_id: str) -> None:
    """The ETag of If-Match must be the row's; `*` only asks that the row exists."""
    wanted = write.condition("if-match")
    if wanted in (None, "*"):
        return
    row = write.records.existing(table, row_id)
    if not table.optimistic_concurrency:
        raise Refused(400, "0x8006088D", f"Optimistic concurrency isn't enabled for entity type {table.name}.")
    if wanted != f'W/"{row["versionnumber"]}"':
        raise Refused(
            412,
            "0x80060882",
            "The version of the existing record doesn't match the RowVersion property provided.",
        )


def _to_part(write: _Write, table: TableDefinition, row_id: str, rest: list[Segment]) -> Response:
    """One property of a row, or one of its references."""
    part, *tail = rest
    if [segment.name for segment in tail] == ["$ref"]:
        return _to_reference(write, table, row_id, part)
    column = table.columns.get(part.name)
    if tail or part.arguments is not None or column is None or column.is_lookup:
        raise unknown_segment(part.name)
    expect_method(write.request.method, part.name, "PUT", "DELETE")
    content = decode_object(write.request.body) if write.request.method == "PUT" else {"value": None}
    if content.keys() != {"value"}:
        raise payload_error("The body of a property must be an object with the one member 'value'.")
    _check_version(write, table, row_id)
    values = read_values(write.organisation, table, {part.name: content["value"]})
    write.records.update(table, row_id, values)
    return _done()


def _to_reference(write: _Write, table: TableDefinition, row_id: str, part: Segment) -> Response:
    method = write.request.method
    address: object = write.options.get("$id")
    if method in ("POST", "PUT"):
        address = decode_object(write.request.body).get("@odata.id")
    named = address if isinstance(address, str) else None
    change_reference(write.records, table, row_id, part, method=method, address=named)
    return _done()


def _written(write: _Write, table: TableDefinition, row_id: str, *, created: bool) -> Response:
    """204 with the row's address, or the row itself: then without the address (reference 5.1)."""
    url = f"{write.request.base}/{table.entity_set}({row_id})"
    if not write.preferences.representation:
        return Response(status=204, headers={"OData-Version": "4.0", "OData-EntityId": url}, row=url)
    reading = Reading(
        organisation=write.organisation,
        caller=write.records.caller,
        request=replace(write.request, headers={}),
        options=write.options,
        preferences=write.preferences,
    )
    answer = read_row(reading, table, row_id)
    answer.status, answer.row = 201 if created else 200, url
    answer.headers |= write.preferences.applied("return", "odata.include-annotations")
    return answer


def _done() -> Response:
    return Response(status=204, headers={"OData-Version": "4.0"})
