"""A property the service does not know must be refused: a client that believed it was stored would lose data.

Turns the JSON body of a write into values by logical column name, with `@odata.bind` resolved to the row it names
(reference 0.5, 5.1, 5.6). Whether the caller may write them is decided elsewhere (records.py).
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import unquote

import msgspec

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import as_guid, unknown_segment
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import ColumnDefinition, TableDefinition
from tandem.sandbox.writing.values import accept

_BIND = "@odata.bind"
_ROW = re.compile(r"(?:^|/)(?P<entity_set>[A-Za-z_][A-Za-z0-9_]*)\((?P<key>[^()]*)\)$")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)

Values = dict[str, object]
"""Values by logical column name; a polymorphic lookup has its target table in `<name>_type` beside the id."""


def decode_object(body: bytes) -> Mapping[str, object]:
    """The JSON object of a body, numbers exact. Raises Refused (400, 0x80048d19)."""
    try:
        content = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise payload_error(str(error)) from error
    if not isinstance(content, dict):
        raise payload_error("A JSON object was expected.")
    return content


def read_values(organisation: Organisation, table: TableDefinition, content: Mapping[str, object]) -> Values:
    """The values a body sets, checked against the definitions of their columns.

    Raises Refused: 0x80048d19 for a property that is none, 0x80040217 (404) for a bind to a missing row, and the
    codes of values.accept.
    """
    values: Values = {}
    for name, value in content.items():
        if name.endswith(_BIND):
            values |= _bound(organisation, table, name.removesuffix(_BIND), value)
        elif "@" not in name:
            values |= _plain(table, name, value)
    return values


def find_row(organisation: Organisation, address: str) -> tuple[TableDefinition, str]:
    """The table and id that an address such as `/accounts(<guid>)` names; the row must exist.

    Raises Refused: 0x80060888 for an address that is none, 0x8006088a (404) for an unknown set, 0x80040217 (404) for
    a missing row.
    """
    match = _ROW.search(unquote(address).rstrip("/"))
    if match is None:
        raise Refused(400, "0x80060888", f"The address '{address}' does not name a row.")
    table = table_of_set(organisation, match["entity_set"])
    row_id = as_guid(match["key"])
    if row_id is None:
        raise Refused(400, "0x80060888", f"The address '{address}' does not name a row by its id.")
    if not organisation.exists(table.name, row_id):
        raise missing_row(table.name, row_id)
    return table, row_id


def table_of_set(organisation: Organisation, entity_set: str) -> TableDefinition:
    """The table of an entity set, whose name is case-sensitive. Raises Refused (404, 0x8006088a)."""
    for table in organisation.tables.values():
        if table.entity_set == entity_set:
            return table
    raise unknown_segment(entity_set)


def reference(column: ColumnDefinition, table: str, row_id: str | None) -> Values:
    """The values of a lookup: the id, and the target table beside it where that may vary."""
    values: Values = {column.name: row_id}
    if column.polymorphic:
        values[f"{column.name}_type"] = table if row_id is not None else None
    return values


def payload_error(detail: str) -> Refused:
    """400 0x80048d19, what the service says about a body it cannot read."""
    return Refused(400, "0x80048d19", f"Error identified in Payload provided by the user: {detail}")


def missing_row(table: str, row_id: str) -> Refused:
    """404 0x80040217, the same for a row addressed and for a row named in a bind."""
    return Refused(404, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")


def _bound(organisation: Organisation, table: TableDefinition, navigation: str, value: object) -> Values:
    column, targets = table.by_navigation.get(navigation, (None, ()))
    if column is None:
        raise _undeclared(table, navigation, "which only has property annotations in the payload but no property value")
    if value is None:
        return reference(column, targets[0], None)
    if not isinstance(value, str):
        raise payload_error(f"The value of '{navigation}{_BIND}' must be the address of a row.")
    target, row_id = find_row(organisation, value)
    if target.name not in targets:
        raise payload_error(f"'{navigation}' cannot be bound to a row of '{target.name}'.")
    return reference(column, target.name, row_id)


def _plain(table: TableDefinition, name: str, value: object) -> Values:
    """A column; a lookup takes only null here, by its column or navigation name (reference 5.6)."""
    column = table.columns.get(name)
    if column is None or column.is_lookup:
        column, targets = table.by_navigation.get(name, (column, ()))
        if column is None:
            raise _undeclared(table, name, "which does not exist on the type")
        if value is not None:
            raise payload_error(
                f"'{name}' is a reference: bind it with '{name}{_BIND}'. Related rows cannot be made here."
            )
        return reference(column, targets[0] if targets else "", None)
    return {name: accept(table, column, value)}


def _undeclared(table: TableDefinition, name: str, why: str) -> Refused:
    return Refused(
        400,
        "0x80048d19",
        f"Error identified in Payload provided by the user for Entity :'{table.entity_set}', InnerException :"
        f" Microsoft.OData.ODataException: An undeclared property '{name}' {why} was found in the payload.",
    )
