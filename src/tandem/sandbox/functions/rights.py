"""What a user may do, told by the very checks that refuse it (reference 1.7, 1.8).

A client that asks before it writes must get the answer the write would get, so nothing here decides on its own.
"""

from collections.abc import Iterator

from tandem.sandbox.functions.answering import Arguments, answer, invalid_argument
from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.metadata.columns import column_id
from tandem.sandbox.paths import NAMESPACE, as_guid
from tandem.sandbox.query.reading import Reading, missing
from tandem.sandbox.store.privileges import (
    ACCESS_RIGHTS,
    ALLOWED,
    Caller,
    ColumnRight,
    every_privilege,
    privilege_id,
    read_caller,
)
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.payload import find_row
from tandem.sandbox.writing.records import Records


def retrieve_user_privileges(reading: Reading, user_id: str, arguments: Arguments) -> Response:
    """Every privilege of a user and how far it reaches."""
    user = _user(reading, user_id)
    return answer(reading, "RetrieveUserPrivileges", {"RolePrivileges": list(_held(reading, user))})


def retrieve_user_privilege_by_name(reading: Reading, user_id: str, arguments: Arguments) -> Response:
    """One privilege of a user, by its name; none where the user does not have it. [k]"""
    name = arguments.text("PrivilegeName")
    if name not in every_privilege(reading.organisation.tables):
        raise Refused(404, "0x80040217", f"Privilege With Name = {name} Does Not Exist")
    held = [each for each in _held(reading, _user(reading, user_id)) if each["PrivilegeName"] == name]
    return answer(reading, "RetrieveUserPrivilegeByPrivilegeName", {"RolePrivileges": held})


def retrieve_principal_access(reading: Reading, user_id: str, arguments: Arguments) -> Response:
    """What a user may do with one row."""
    table, row_id = _target(reading, arguments.json("Target"))
    _user(reading, user_id)
    records = Records(reading.organisation, reading.organisation.caller(user_id))
    row = records.existing(table, row_id)

    def granted() -> Iterator[str]:
        for right in ACCESS_RIGHTS:
            try:
                records.demand(table, right, row)
            except Refused:
                continue
            yield f"{right}Access"

    return answer(reading, "RetrievePrincipalAccess", {"AccessRights": ", ".join(granted()) or "None"})


def retrieve_principal_attribute_privileges(reading: Reading, user_id: str, arguments: Arguments) -> Response:
    """What a user may do with each secured column; the shape of the answer is unconfirmed (reference 1.7)."""
    user = _user(reading, user_id)
    told = {ColumnRight.READ: "CanRead", ColumnRight.CREATE: "CanCreate", ColumnRight.UPDATE: "CanUpdate"}
    privileges = [
        {
            "AttributeId": column_id(table, column),
            **{name: ALLOWED if user.may(table, column, right) else 0 for right, name in told.items()},
        }
        for table in reading.organisation.tables.values()
        for column in table.columns.values()
        if column.secured
    ]
    return answer(reading, "RetrievePrincipalAttributePrivileges", {"AttributePrivileges": privileges})


def _target(reading: Reading, target: object) -> tuple[TableDefinition, str]:
    """The row that is asked about: by its address, or by its type and id."""
    given = target if isinstance(target, dict) else {}
    if "@odata.id" in given:
        return find_row(reading.organisation, str(given["@odata.id"]))
    table = reading.organisation.tables.get(str(given.get("@odata.type")).removeprefix("#").removeprefix(NAMESPACE))
    row_id = None if table is None else as_guid(str(given.get(table.primary_id)))
    if table is None or row_id is None:
        raise invalid_argument("The parameter 'Target' takes a row: {'@odata.id':'accounts(<id>)'}.")
    return table, row_id


def _user(reading: Reading, user_id: str) -> Caller:
    if not reading.organisation.exists("systemuser", user_id):
        raise missing(reading.organisation.tables["systemuser"], user_id)
    return read_caller(reading.organisation.connection, user_id)


def _held(reading: Reading, user: Caller) -> Iterator[dict[str, str]]:
    for name in every_privilege(reading.organisation.tables):
        depth = user.depth(name)
        if depth is not None:
            yield {
                "Depth": depth.wire_name,
                "PrivilegeId": privilege_id(name),
                "BusinessUnitId": user.business_unit_id,
                "PrivilegeName": name,
            }
