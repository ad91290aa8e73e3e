"""A property the service does not know must be refused: a client that believed it was stored would lose data.

Turns the JSON body of a write into values by logical column name, with `@odata.bind` resolved to the row it names
(reference 0.5, 5.1, 5.6). Related rows in the body are only told apart here; related.py makes them. Whether the caller
may write all this is decided elsewhere (records.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar
from urllib.parse import unquote

import msgspec

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import NAMESPACE, unknown_segment
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import ColumnDefinition, TableDefinition
from tandem.sandbox.writing.addressing import Address, read_address
from tandem.sandbox.writing.values import accept

_BIND = "@odata.bind"
_ROW = re.compile(r"(?:^|/)(?P<entity_set>[A-Za-z_][A-Za-z0-9_]*)\((?P<key>.*)\)$", re.DOTALL)
_DECODER = msgspec.json.Decoder(float_hook=Decimal)

_Member = TypeVar("_Member")

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

    Raises Refused: 0x80048d19 for a property that is none and for related rows, which come with a create only;
    0x80040217 or 0x80060891 (404) for a bind to a missing row; the codes of values.accept.
    """
    body = read_body(organisation, table, content)
    for name in (*body.parents, *body.members):
        raise payload_error(f"'{name}' is a reference: related rows can be made and collected by a create only.")
    return body.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a body sets, and by navigation property what it wants made or collected beside the row.

    `parents` are rows to make first, for the row to point at; `members` are rows of collections, each as the content
    of a row to make or as the address of one to take.
    """

    values: Values = field(default_factory=dict)
    parents: dict[str, Mapping[str, object]] = field(default_factory=dict)
    members: dict[str, list[Mapping[str, object] | str]] = field(default_factory=dict)


def read_body(organisation: Organisation, table: TableDefinition, content: Mapping[str, object]) -> Body:
    """A body taken apart. Raises as `read_values`, but takes related rows."""
    body = Body()
    for name, value in content.items():
        if name.endswith(_BIND):
            navigation = name.removesuffix(_BIND)
            if isinstance(value, list):
                body.members.setdefault(navigation, []).extend(_each(name, value, str))
            else:
                body.values.update(_bound(organisation, table, navigation, value))
        elif "@" in name:
            if name == "@odata.type" and str(value).removeprefix("#") != f"{NAMESPACE}{table.name}":
                raise payload_error(f"A row of type '{value}' was found where one of '{table.name}' was expected.")
        elif isinstance(value, list):
            body.members.setdefault(name, []).extend(_each(name, value, dict))
        elif isinstance(value, dict) and name in table.by_navigation:
            body.parents[name] = value
        else:
            body.values.update(_plain(table, name, value))
    return body


def find_row(organisation: Organisation, address: str) -> tuple[TableDefinition, str]:
    """The table and id that an address such as `/accounts(<guid>)` names, by alternate key too; the row must exist.

    Raises Refused: 0x80060888 for an address that is none, 0x8006088a (404) for an unknown set, 0x80040217 or
    0x80060891 (404) for a missing row.
    """
    found = find_address(organisation, address)
    if found.row_id is None or not organisation.exists(found.table.name, found.row_id):
        raise found.missing()
    return found.table, found.row_id


def find_address(organisation: Organisation, address: str) -> Address:
    """As `find_row`, of a row that need not exist."""
    match = _ROW.search(unquote(address).rstrip("/"))
    if match is None:
        raise Refused(400, "0x80060888", f"The address '{address}' does not name a row.")
    table = table_of_set(organisation, match["entity_set"])
    return read_address(organisation, table, match["key"], in_url=False)


def table_of_set(organisation: Organisation, entity_set: str) -> TableDefinition:
    """The table of an entity set, whose name is case-sensitive. Raises Refused (404, 0x8006088a)."""
    table = organisation.definitions.by_set.get(entity_set)
    if table is None:
        raise unknown_segment(entity_set)
    return table


def reference(column: ColumnDefinition, table: str, row_id: str | None) -> Values:
    """The values of a lookup: the id, and the target table beside it where that may vary."""
    values: Values = {column.name: row_id}
    if column.polymorphic:
        values[f"{column.name}_type"] = table if row_id is not None else None
    return values


def payload_error(detail: str) -> Refused:
    """400 0x80048d19, what the service says about a body it cannot read."""
    return Refused(400, "0x80048d19", f"Error identified in Payload provided by the user: {detail}")


def _each(name: str, items: list[object], kind: type[_Member]) -> list[_Member]:
    """The members of a collection, all of the one kind."""
    members = [item for item in items if isinstance(item, kind)]
    if len(members) < len(items):
        raise payload_error(f"Every member of '{name}' must be {'the address of a row' if kind is str else 'a row'}.")
    return members


def _bound(organisation: Organisation, table: TableDefinition, navigation: str, value: object) -> Values:
    column, targets = table.by_navigation.get(navigation, (None, ()))
    if column is None:
        raise undeclared(table, navigation, "which only has property annotations in the payload but no property value")
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
            raise undeclared(table, name, "which does not exist on the type")
        if value is not None:
            raise payload_error(f"'{name}' is a reference: bind it with '{name}{_BIND}'.")
        return reference(column, targets[0] if targets else "", None)
    return {name: accept(table, column, value)}


def undeclared(table: TableDefinition, name: str, why: str) -> Refused:
    """400 0x80048d19 for a property that the table does not have (reference 5.6)."""
    return Refused(
        400,
        "0x80048d19",
        f"Error identified in Payload provided by the user for Entity :'{table.entity_set}', InnerException :"
        f" Microsoft.OData.ODataException: An undeclared property '{name}' {why} was found in the payload.",
    )
