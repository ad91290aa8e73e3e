"""The HTTP side of writing: which row a request means, under which condition, and what the answer carries.

An upsert that creates where an update was meant, or a condition that is not checked, is how a sync brings deleted
rows back and loses updates; table 5.3 of the reference is `_patch` here, row by row.
"""

from dataclasses import dataclass, replace

import apsw

from tandem.sandbox.actions.calling import call_action, call_bound_action, is_action
from tandem.sandbox.messages import Refused, Request, Response
from tandem.sandbox.metadata.actions import DEFINITION_ACTIONS, call_definition_action
from tandem.sandbox.metadata.definitions import ROOTS
from tandem.sandbox.metadata.writes import DefinitionWrite, write_definition
from tandem.sandbox.paths import NAMESPACE, Segment, as_guid, expect_method, split_path, unknown_segment
from tandem.sandbox.query.options import (
    Options,
    Preferences,
    read_options,
    read_preferences,
    refuse_others,
)
from tandem.sandbox.query.reading import Reading, json_response
from tandem.sandbox.query.rows import read_row
from tandem.sandbox.store.catalogue import BULK_MESSAGES
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.addressing import Address, index_violated, read_address
from tandem.sandbox.writing.bulk import BULK, read_targets
from tandem.sandbox.writing.payload import (
    decode_object,
    payload_error,
    read_values,
    table_of_set,
)
from tandem.sandbox.writing.records import Records, duplicate_row, refuse_message
from tandem.sandbox.writing.references import change_reference, find_collection
from tandem.sandbox.writing.related import create_with_related, replace_parts
from tandem.sandbox.writing.terms import detects_duplicates, read_bypass


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

    def of_definitions(self) -> DefinitionWrite:
        """The same write, to definitions instead of rows."""
        return DefinitionWrite(organisation=self.organisation, request=self.request, caller=self.records.caller)

    def condition(self, name: str) -> str | None:
        """A condition header; the literal word `null`, which some clients always send, is no condition."""
        value = self.request.headers.get(name)
        return None if value is None or value.strip() == "null" else value.strip()


def answer_write(organisation: Organisation, request: Request) -> Response:
    """Answer a POST, PATCH, PUT or DELETE of anything but `$batch`, in one transaction. Raises Refused."""
    options = read_options(request)
    refuse_others(options, ("$select", "$expand", *(("$id",) if request.method == "DELETE" else ())))
    caller = organisation.caller(request.caller, request.delegate)
    write = _Write(
        request=request,
        options=options,
        preferences=read_preferences(request.headers),
        records=Records(
            organisation,
            caller,
            detect_duplicates=detects_duplicates(request.headers),
            bypass=read_bypass(request.headers, caller),
        ),
    )
    try:
        with organisation.transaction(), organisation.acted_by(request.delegate):
            return _dispatch(write, split_path(request.path))
    except apsw.ConstraintError as error:
        # A row that came along, in a cascade or a merge, has met a key.
        raise index_violated() from error
    except RecursionError as error:
        raise payload_error("The content is nested too deeply.") from error


def _dispatch(write: _Write, segments: tuple[Segment, ...]) -> Response:
    first, *rest = segments
    if first.name in ROOTS:
        return write_definition(write.of_definitions(), segments)
    if len(segments) == 1 and first.arguments is None and first.name in DEFINITION_ACTIONS:
        expect_method(write.request.method, first.name, "POST")
        return call_definition_action(write.of_definitions(), first.name)
    if len(segments) == 1 and first.arguments is None and is_action(first.name):
        expect_method(write.request.method, first.name, "POST")
        return call_action(write.records, write.request, first.name)
    table = table_of_set(write.organisation, first.name)
    if first.arguments is None:
        return _to_set(write, table, rest)
    address = read_address(write.organisation, table, first.arguments)
    if not rest:
        return _to_row(write, address)
    row_id = _row_at(write, address)
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
    row_id = create_with_related(write.records, table, decode_object(write.request.body))
    return _written(write, Address(table=table, row_id=row_id, text=row_id), created=True)


def _to_many(write: _Write, table: TableDefinition, name: str) -> Response:
    expect_method(write.request.method, name, "POST")
    for message in BULK_MESSAGES.get(name, ()):
        refuse_message(table, message)
    targets = read_targets(table, decode_object(write.request.body))
    answer = BULK[name](write.records, table, targets)
    if answer is None:
        return _done()
    context = f"{write.request.base}/$metadata#{NAMESPACE}{name}Response"
    return json_response({"@odata.context": context, **answer})


def _row_at(write: _Write, address: Address) -> str:
    """The id of the row, which must exist. Raises Refused (404)."""
    if not address.exists(write.organisation):
        raise address.missing()
    return str(address.row_id)


def _to_row(write: _Write, address: Address) -> Response:
    expect_method(write.request.method, address.path, "PATCH", "DELETE")
    if write.request.method == "PATCH":
        return _patch(write, address)
    row_id = _row_at(write, address)
    _check_version(write, address.table, row_id)
    write.records.delete(address.table, row_id)
    return _done()


def _patch(write: _Write, address: Address) -> Response:
    """Update or create, as the row exists or not and the condition allows (reference 5.3, 5.5)."""
    table, row_id = address.table, address.row_id
    content = decode_object(write.request.body)
    if row_id is not None and as_guid(str(content.get(table.primary_id, row_id))) != row_id:
        raise payload_error(f"'{table.primary_id}' in the body is not the id in the URL.")
    if not address.exists(write.organisation):
        if write.condition("if-match") is not None:
            raise address.missing()
        created = create_with_related(write.records, table, content, address.values)
        return _written(write, replace(address, row_id=created), created=True)
    if write.condition("if-none-match") == "*":
        raise duplicate_row()
    row_id = str(row_id)
    values = read_values(write.organisation, table, content)
    _check_version(write, table, row_id)
    write.records.update(table, row_id, address.without_key(values))
    return _written(write, address, created=False)


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
    if tail or part.arguments is not None:
        raise unknown_segment(part.name)
    column = table.columns.get(part.name)
    if column is not None and not column.is_lookup:
        expect_method(write.request.method, part.name, "PUT", "DELETE")
        value = _value(write) if write.request.method == "PUT" else None
        _check_version(write, table, row_id)
        write.records.update(table, row_id, read_values(write.organisation, table, {part.name: value}))
        return _done()
    collection = find_collection(write.organisation, table, part.name)
    if collection is None or not collection.parts:
        raise unknown_segment(part.name)
    expect_method(write.request.method, part.name, "PUT")
    replace_parts(write.records, collection, row_id, _value(write))
    return _done()


def _value(write: _Write) -> object:
    """The one member of the body of a property."""
    content = decode_object(write.request.body)
    if {name for name in content if not name.startswith("@")} != {"value"}:
        raise payload_error("The body of a property must be an object with the one member 'value'.")
    return content["value"]


def _to_reference(write: _Write, table: TableDefinition, row_id: str, part: Segment) -> Response:
    method = write.request.method
    address: object = write.options.get("$id")
    if method in ("POST", "PUT"):
        address = decode_object(write.request.body).get("@odata.id")
    named = address if isinstance(address, str) else None
    change_reference(write.records, table, row_id, part, method=method, address=named)
    return _done()


def _written(write: _Write, address: Address, *, created: bool) -> Response:
    """204 with the row's address in the form it came in, or the row itself: then without the address (reference 5.1).

    A change set refers to the row by its id, whatever the form.
    """
    table, row_id = address.table, str(address.row_id)
    row = f"{write.request.base}/{table.entity_set}({row_id})"
    if not write.preferences.representation:
        url = f"{write.request.base}/{address.path}"
        # A create tells its address twice [k].
        headers = {"OData-Version": "4.0", "OData-EntityId": url} | ({"Location": url} if created else {})
        return Response(status=204, headers=headers, row=row)
    reading = Reading(
        organisation=write.organisation,
        caller=write.records.caller,
        request=replace(write.request, headers={}),
        options=write.options if created else _without_expand(write.options),
        preferences=write.preferences,
    )
    answer = read_row(reading, table, row_id)
    answer.status, answer.row = 201 if created else 200, row
    answer.headers |= write.preferences.applied("return", "odata.include-annotations")
    return answer


def _without_expand(options: Options) -> Options:
    """An update's representation passes $expand over (reference 5.2)."""
    return replace(options, values={name: value for name, value in options.values.items() if name != "$expand"})


def _done() -> Response:
    return Response(status=204, headers={"OData-Version": "4.0"})
