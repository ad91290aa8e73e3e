"""Writes of leads and contacts: what is sent, and what the answer says of it.

Every write is a PATCH with a condition. Without one a PATCH brings a deleted row back to life, overwrites what
somebody changed since, and makes a second row when a create is repeated (reference 5.2, 5.3). Every write asks for
the row as it is afterwards, in the selection of its stream: the receipt is an ordinary row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tandem.dynamics.batch import LARGEST_BATCH
from tandem.dynamics.errors import (
    ColumnTypeChanged,
    DynamicsError,
    NoLicence,
    NoRoles,
    NotAMember,
    NotAnswered,
    NotDataverse,
    Refused,
    RowNotFound,
    Unauthorised,
    UserDisabled,
    VersionMismatch,
)
from tandem.dynamics.messages import Request, Response, document
from tandem.dynamics.queries import annotations, row_url
from tandem.dynamics.rows import RowDecoder
from tandem.dynamics.translation import error_from, expect
from tandem.model.entities import STANDARD, Entity
from tandem.model.errors import OurBug
from tandem.model.schema import Column, ColumnType, Table

LARGEST_WRITE_BATCH = LARGEST_BATCH
"""Writes that go in one request at most."""

_TWO_WAY = frozenset(entity for entity in STANDARD if entity.is_person)
_QUALIFIED = 3
"""The status reason that a qualified lead gets, as shipped (reference 8.11)."""

_OWNER = "owner"
"""What users and teams are to the relationship behind ownerid."""

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_ENCODER = msgspec.json.Encoder(decimal_format="number")

OF_THE_CONNECTION = (Unauthorised, NotAMember, NoRoles, NoLicence, UserDisabled, NotDataverse)
"""Refusals that speak of the sync user or the address, not of what was written."""

_UPDATE_WITHOUT_CODE: Mapping[int, tuple[type[DynamicsError], str]] = {
    404: (RowNotFound, "The record does not exist in Dynamics."),
    412: (VersionMismatch, "The record changed since it was read."),
}
"""What a refused condition means where the answer has an empty code, as the documentation shows it (reference 5.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWrite:
    """One record as it is to be: `values` by logical column name, None empties.

    A lookup takes the id of its only target, or (logical name of the target, id) where it may point to several
    tables. `version` is the row version the values were decided for; None creates the record with the given id.
    Only a create can ask the organisation's duplicate detection rules (P7).
    """

    table: Table
    id: str
    values: Mapping[str, Any] = field(repr=False)
    version: int | None
    check_duplicates: bool = False

    def __post_init__(self) -> None:
        if self.check_duplicates and self.version is not None:
            raise OurBug("Duplicates are looked for on create only.", table=self.table.name, record=self.id)


def expect_writable(writes: Sequence[RowWrite], decoder: RowDecoder) -> None:
    """Raises OurBug for writes that no request may carry: to a one-way table (S5), to several tables, or too many."""
    name = decoder.table.name
    if name not in _TWO_WAY:
        raise OurBug(f"The table {name} is never written.", table=name)
    if any(write.table.name != name for write in writes):
        raise OurBug(f"Only rows of {name} can be written with its selection.", table=name)
    if len(writes) > LARGEST_WRITE_BATCH:
        raise OurBug(f"{len(writes)} writes are too many for one request.", table=name)


def bound_tables(writes: Iterable[RowWrite]) -> frozenset[str]:
    """The logical names of the tables that the lookups of these writes point to."""
    return frozenset(
        _target(write.table, column, value)[0]
        for write in writes
        for name, value in write.values.items()
        if value is not None and (column := _column(write.table, name)).type is ColumnType.LOOKUP
    )


def write_request(write: RowWrite, decoder: RowDecoder, *, api: str, entity_sets: Mapping[str, str]) -> Request:
    """The request that carries out one write; `entity_sets` by the logical names of `bound_tables`.

    Raises OurBug for a column the table does not have, and for a lookup that cannot point to the given table.
    """
    preferences = ["return=representation"]
    if decoder.annotations:
        preferences.append(annotations(decoder.annotations))
    headers = {**_JSON, "Prefer": ",".join(preferences)}
    if write.version is None:
        headers["If-None-Match"] = "*"
    else:
        headers["If-Match"] = f'W/"{write.version}"'
    if write.check_duplicates:
        headers["MSCRM.SuppressDuplicateDetection"] = "false"
    members = (_member(write.table, name, value, entity_sets) for name, value in write.values.items())
    return Request(
        method="PATCH",
        url=row_url(write.table, write.id, decoder, api=api),
        headers=headers,
        body=_ENCODER.encode(dict(members)),
        writes=True,
    )


def read_receipts(
    writes: Iterable[RowWrite], answers: Iterable[Response], decoder: RowDecoder
) -> list[Any | DynamicsError]:
    """For each write the row it left, or why it was not carried out.

    Raises NotAnswered where a receipt cannot be read, and a refusal of the sync user where it met all of them.
    """
    receipts = [_receipt(write, answer, decoder) for write, answer in zip(writes, answers, strict=True)]
    refusals = [receipt for receipt in receipts if isinstance(receipt, OF_THE_CONNECTION)]
    if refusals and len(refusals) == len(receipts):
        raise refusals[0]
    return receipts


def qualify_request(lead_id: str, *, api: str) -> Request:
    """The request that makes a contact, and nothing else, of a lead (reference 8.11)."""
    wanted = {"CreateAccount": False, "CreateContact": True, "CreateOpportunity": False, "Status": _QUALIFIED}
    return Request(
        method="POST",
        url=f"{api}/leads({lead_id})/Microsoft.Dynamics.CRM.QualifyLead",
        headers=_JSON,
        body=_ENCODER.encode(wanted),
        writes=True,
    )


class _Created(msgspec.Struct):
    type: str = msgspec.field(default="", name="@odata.type")
    contactid: str | None = None


class _Qualification(msgspec.Struct):
    value: list[_Created]


def read_qualification(response: Response) -> str:
    """The id of the contact a lead became. Raises NotAnswered where the answer names none."""
    expect(response)
    try:
        created = document(response, _Qualification).value
    except NotDataverse as error:
        raise _unreadable(response) from error
    for row in created:
        if row.type.rpartition(".")[2] == Entity.CONTACT and row.contactid:
            return row.contactid.lower()
    raise _unreadable(response)


def _member(table: Table, name: str, value: Any, entity_sets: Mapping[str, str]) -> tuple[str, Any]:
    """One name and value of the body; a lookup goes by the navigation property of its target (reference 5.6)."""
    column = _column(table, name)
    if column.type is not ColumnType.LOOKUP:
        return name, value
    if value is None:
        # Any of a column's navigation properties empties it.
        known = next((navigation for (lookup, _), navigation in table.navigation.items() if lookup == name), None)
        return f"{_named(known, table, name)}@odata.bind", None
    target, row_id = _target(table, column, value)
    # One name serves both kinds of owner (reference 5.6); metadata may list it for what they share (unconfirmed).
    known = table.navigation.get((name, target)) or table.navigation.get((name, _OWNER))
    return f"{_named(known, table, name)}@odata.bind", f"/{entity_sets[target]}({row_id})"


def _column(table: Table, name: str) -> Column:
    column = table.columns.get(name)
    if column is None or column.type is ColumnType.UNSUPPORTED:
        raise OurBug(f"The column {name} of {table.name} cannot be written.", table=table.name, column=name)
    return column


def _target(table: Table, column: Column, value: Any) -> tuple[str, str]:
    """The table and the id that the value of a lookup names."""
    target, row_id = value if isinstance(value, tuple) else (None, value)
    if target is None and len(column.targets) == 1:
        target = column.targets[0]
    if target not in column.targets:
        raise OurBug(
            f"The column {column.name} of {table.name} cannot point there.", table=table.name, column=column.name
        )
    return target, row_id


def _named(navigation: str | None, table: Table, column: str) -> str:
    if navigation is None:
        raise OurBug(f"The lookup {column} of {table.name} cannot be written.", table=table.name, column=column)
    return navigation


def _receipt(write: RowWrite, answer: Response, decoder: RowDecoder) -> Any | DynamicsError:
    if answer.status >= 300:
        return _refusal(write, answer)
    try:
        return decoder.decode_row(answer.body)
    except (NotDataverse, ColumnTypeChanged) as error:
        raise _unreadable(answer) from error


def _refusal(write: RowWrite, answer: Response) -> DynamicsError:
    error = error_from(answer)
    # Refused without a code: the service spoke, but only the status says which condition of the update failed.
    without_code = isinstance(error, Refused) and error.dataverse_code is None
    if write.version is None or not without_code or answer.status not in _UPDATE_WITHOUT_CODE:
        return error
    kind, sentence = _UPDATE_WITHOUT_CODE[answer.status]
    return kind(sentence, status=answer.status, request_id=answer.request_id)


def _unreadable(answer: Response) -> NotAnswered:
    return NotAnswered(
        "Dynamics carried out a change, but its answer cannot be read.",
        status=answer.status,
        request_id=answer.request_id,
    )
