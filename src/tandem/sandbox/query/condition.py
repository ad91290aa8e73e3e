"""What a filter is made of: conditions in SQL, the columns they name, and the refusal of what cannot be read.

A value never becomes part of the SQL; it travels as a parameter, in the form its column stores.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.store.storage import Stored, to_stored
from tandem.sandbox.tables import ColumnDefinition, ColumnType, TableDefinition

MAXIMUM_CONDITIONS = 500
"""Conditions in one query, links included; about right, the exact number is unconfirmed (reference 3.2)."""

TOO_LARGE = 2**63
"""The smallest number that is too large for an integer of SQLite."""

_DIGITS = 28
"""Digits of an Edm.Decimal, before or behind the point. [k]"""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of SQL with its parameters in order."""

    sql: str
    values: tuple[Stored, ...] = ()


class Condition(Fragment):
    """A piece of SQL that is true for the wanted rows."""

    __slots__ = ()


EVERY_ROW = Condition("1")


def all_of(*conditions: Condition) -> Condition:
    """The rows that all of the conditions want."""
    parts = [condition for condition in conditions if condition != EVERY_ROW]
    sql = " AND ".join(f"({part.sql})" for part in parts) or "1"
    return Condition(sql, tuple(value for part in parts for value in part.values))


def any_of(*conditions: Condition) -> Condition:
    """The rows that at least one of the conditions wants."""
    sql = " OR ".join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(value for condition in conditions for value in condition.values))


@dataclass(frozen=True, slots=True)
class Property:
    """A column that a filter names, its table, and the SQL that reaches it."""

    sql: str
    column: ColumnDefinition
    table: TableDefinition


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
        stored = tuple(to_stored(left.column, _checked(left.column, value)) for value in values)
    except (ValueError, KeyError, ArithmeticError):
        stored = (TOO_LARGE,)
    if any(isinstance(value, int) and abs(value) >= TOO_LARGE for value in stored):
        raise invalid(f"A value given for '{left.column.name}' is not of its type.")
    return stored


def _checked(column: ColumnDefinition, value: str) -> object:
    """The value, where the store trusts its writers: that a day exists, an id is one, a number of a usual size.

    Raises ValueError.
    """
    if column.type is ColumnType.DATETIME:
        return datetime.fromisoformat(value)
    if column.type is ColumnType.GUID or column.is_lookup:
        return str(UUID(value))
    if column.type in (ColumnType.DECIMAL, ColumnType.MONEY):
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > _DIGITS:
            raise ValueError(value)
    return value


def unquote_text(text: str) -> str:
    """The text inside single quotes, inner ones undoubled; anything else as it is."""
    return text[1:-1].replace("''", "'") if text[:1] == "'" else text
