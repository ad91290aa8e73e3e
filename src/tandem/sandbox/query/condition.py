"""What a filter is made of: conditions in SQL, the columns they name, and the refusal of what cannot be read.

A value never becomes part of the SQL; it travels as a parameter, in the form its column stores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.store.storage import Stored, to_stored
from tandem.sandbox.tables import ColumnDefinition, ColumnType, TableDefinition

_TOO_LARGE = 2**63


@dataclass(frozen=True, slots=True)
class Condition:
    """A piece of SQL that is true for the wanted rows, with its parameters in order."""

    sql: str
    values: tuple[Stored, ...] = ()


@dataclass(frozen=True, slots=True)
class Property:
    """A column that a filter names, and the SQL that reaches it."""

    sql: str
    column: ColumnDefinition


def find_property(table: TableDefinition, name: str) -> ColumnDefinition:
    """The column that a property name stands for. Raises Refused (400, 0x80060888) for an unknown one."""
    column = table.by_wire_name.get(name)
    if column is None:
        raise invalid(f"Could not find a property named '{name}' on type '{NAMESPACE}{table.name}'.")
    return column


def invalid(message: str) -> Refused:
    """A query that the service cannot read (reference 7.2)."""
    return Refused(400, "0x80060888", message)


def stored_values(left: Property, values: Sequence[str], count: int | None = None) -> tuple[Stored, ...]:
    """The values as that column stores them. Raises Refused (400) for another count or a value of the wrong kind."""
    if (count is not None and len(values) != count) or not values:
        raise invalid(f"{len(values)} values were given for '{left.column.name}'.")
    try:
        # Read as moments first: the store trusts its writers that a day exists.
        moments = left.column.type is ColumnType.DATETIME
        stored = tuple(to_stored(left.column, datetime.fromisoformat(value) if moments else value) for value in values)
    except (ValueError, KeyError, ArithmeticError):
        stored = (_TOO_LARGE,)
    if any(isinstance(value, int) and abs(value) >= _TOO_LARGE for value in stored):
        raise invalid(f"A value given for '{left.column.name}' is not of its type.")
    return stored


def unquote_text(text: str) -> str:
    """The text inside single quotes, inner ones undoubled; anything else as it is."""
    return text[1:-1].replace("''", "'") if text[:1] == "'" else text
