"""Two clients that mean one row must reach one row, whether they name it by its id or by an alternate key.

What stands between the parentheses of `accounts(...)` is read here, for URLs, `@odata.bind` and `@odata.id` alike
(reference 5.4). So is the other side of a key: which one a write has violated (reference 5.8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from urllib.parse import quote
from xml.sax.saxutils import escape

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import NAMESPACE, as_guid, parse_arguments
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.storage import to_stored
from tandem.sandbox.tables import TEXTUAL, ColumnDefinition, ColumnType, TableDefinition
from tandem.sandbox.tables.definition import KeyDefinition
from tandem.sandbox.writing.values import accept

_PRINCIPALS = frozenset({"systemuser", "team"})
"""Tables that share the base table `principal`: their technical key is `ownerid` (reference 5.4)."""
_UNUSABLE = frozenset("/<>*%&:\\?+")
"""What a key's text may not hold in a URL (reference 2.6)."""
_KEPT = "'=,"
"""What stays as it is where a key is written into a header."""
_WHOLE = frozenset({ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.CHOICE, ColumnType.STATE, ColumnType.STATUS})

KeyValues = Mapping[str, object]
"""Values by logical column name that an alternate key names a row by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The row that a key means.

    An id is taken at its word: `row_id` may be that of no row. By an alternate key, `row_id` is None where no row has
    the values of `key`. `text` is what stood between the parentheses, decoded.
    """

    table: TableDefinition
    row_id: str | None
    text: str
    key: KeyValues = field(default_factory=dict)

    @property
    def path(self) -> str:
        """`accounts(...)` in the form it came in, fit for a header."""
        return f"{self.table.entity_set}({quote(self.text, safe=_KEPT)})"

    @property
    def values(self) -> KeyValues:
        """What a row made at this address has of it."""
        return self.key or {self.table.primary_id: self.row_id}

    def exists(self, organisation: Organisation) -> bool:
        """Whether there is such a row."""
        return self.row_id is not None and organisation.exists(self.table.name, self.row_id)

    def without_key(self, values: Mapping[str, object]) -> dict[str, object]:
        """What an update sets: the key in a body is passed over where the row has been found by it (reference 5.5)."""
        return {name: value for name, value in values.items() if name not in self.key}

    def missing(self) -> Refused:
        """404, for an id 0x80040217, for a key 0x80060891."""
        if not self.key:
            return missing_row(self.table.name, str(self.row_id))
        return Refused(
            404, "0x80060891", f"A record with the specified key values does not exist in {self.table.name} entity"
        )


def row_id_of(organisation: Organisation, table: TableDefinition, key: str) -> str:
    """The id that the decoded text between the parentheses of a URL stands for; an id need not be that of a row.

    Raises Refused: 0x80060891 (404) where no row has the values of an alternate key, and as `read_address`.
    """
    address = read_address(organisation, table, key)
    if address.row_id is None:
        raise address.missing()
    return address.row_id


def read_address(organisation: Organisation, table: TableDefinition, key: str, *, in_url: bool = True) -> Address:
    """The row that the decoded text between parentheses means, an alternate key looked up.

    Raises Refused (400): 0x80060890 for columns that form no key, 0x80060888 for what cannot be read, such as a
    lookup by its plain name or, in a URL, a character that a key may not hold there.
    """
    row_id = as_guid(key)
    if row_id is not None:
        return Address(table=table, row_id=row_id, text=row_id)
    arguments = parse_arguments(key)
    if not arguments or "" in arguments:
        raise _unreadable(f"'{key}' is not the id of a row.")
    if table.name in _PRINCIPALS and arguments.keys() == {"ownerid"}:
        return Address(table=table, row_id=_bare_guid(arguments["ownerid"], "ownerid"), text=key)
    columns = [(_key_column(table, name), text) for name, text in arguments.items()]
    if not any(each.active and set(each.columns) == {column.name for column, _ in columns} for each in table.keys):
        raise _undefined(table)
    values = {column.name: _value(table, column, text, in_url=in_url) for column, text in columns}
    return Address(table=table, row_id=_find(organisation, table, values), text=key, key=values)


def key_violated(organisation: Organisation, table: TableDefinition, row_id: str, row: KeyValues) -> Refused:
    """The refusal of a write that would have left `row` beside another row with the same values of a key.

    412: 0x80060892 for an alternate key; 0x80073002 for any other unique index (reference 5.8).
    """
    for key in table.keys:
        values = {name: row.get(name) for name in key.columns}
        other = _find(organisation, table, values, but=row_id)
        if other is not None:
            return Refused(412, "0x80060892", _violation(table, key, values, other))
    return index_violated()


def index_violated() -> Refused:
    """412 0x80073002, for a unique index that is no key's, or for a key of a row that nobody wrote himself."""
    return Refused(412, "0x80073002", "Cannot insert duplicate key: another record has the same unique values.")


def missing_row(table: str, row_id: str) -> Refused:
    """404 0x80040217, the same for a row addressed and for a row named in a bind."""
    return Refused(404, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")


def _violation(table: TableDefinition, key: KeyDefinition, values: KeyValues, other: str) -> str:
    """The documented sentence; the shape of the XML behind it is unconfirmed."""
    labels = ", ".join(table.columns[name].label for name in key.columns)
    attributes = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())
    return (
        f"Entity Key {key.label} violated. A record with the same value for {labels} already exists. A duplicate"
        " record cannot be created. Select one or more unique values and try again."
        f" <DuplicateAttributes>{attributes}</DuplicateAttributes><Id>{other}</Id>"
    )


def _find(organisation: Organisation, table: TableDefinition, values: KeyValues, *, but: str = "") -> str | None:
    """The row that has those values; a key column that is null equals nothing (reference 2.6)."""
    terms = " AND ".join(f"{name} = ?" for name in values)
    stored = [to_stored(table.columns[name], value) for name, value in values.items()]
    sql = f"SELECT {table.primary_id} FROM {table.name} WHERE {terms} AND {table.primary_id} <> ?"  # noqa: S608
    found = organisation.connection.execute(sql, (*stored, but)).fetchone()
    return str(found[0]) if found else None


def _key_column(table: TableDefinition, name: str) -> ColumnDefinition:
    """The column of a key by the name that rows show; the primary key is not spelled out (reference 5.4)."""
    column = table.by_wire_name.get(name)
    if column is None and name in table.columns:
        raise _unreadable(f"The lookup '{name}' is named '_{name}_value' in a key.")
    if column is None or name == table.primary_id:
        raise _undefined(table)
    return column


def _value(table: TableDefinition, column: ColumnDefinition, text: str, *, in_url: bool) -> object:
    """One value of a key: text in quotes, anything else bare."""
    if column.is_lookup or column.type is ColumnType.GUID:
        return _bare_guid(text, column.wire_name)
    if column.type in TEXTUAL:
        if len(text) < 2 or text[0] != "'" or text[-1] != "'":
            raise _unreadable(f"The value of '{column.name}' must stand in quotes.")
        content = text[1:-1].replace("''", "'")
        if in_url and not _UNUSABLE.isdisjoint(content):
            raise _unreadable(f"The value of '{column.name}' holds a character that a key in a URL may not.")
        return accept(table, column, content)
    try:
        bare: object = text
        if column.type is not ColumnType.DATETIME:
            bare = int(text) if column.type in _WHOLE else Decimal(text)
        return accept(table, column, bare)
    except (ValueError, InvalidOperation, Refused) as error:
        raise _unreadable(f"'{text}' is no value of '{column.name}'.") from error


def _bare_guid(text: str, name: str) -> str:
    row_id = as_guid(text)
    if row_id is None:
        raise _unreadable(f"'{text}' is no id for '{name}'.")
    return row_id


def _unreadable(detail: str) -> Refused:
    return Refused(400, "0x80060888", f"Bad Request - Error in query syntax: {detail}")


def _undefined(table: TableDefinition) -> Refused:
    return Refused(
        400,
        "0x80060890",
        f"The key in the request URI is not valid for resource '{NAMESPACE}{table.name}'. Ensure that the names and"
        f" number of key properties match the declared or alternate key properties for the resource.",
    )
