"""Columns that a customer adds, by short names: for CSV headers and the control door."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tandem.sandbox.tables.blocks import currency
from tandem.sandbox.tables.columns import base_of, boolean, choice, date, fraction, integer, memo, moment, money, text
from tandem.sandbox.tables.definition import ColumnDefinition, ColumnType, TableDefinition


def companions(table: TableDefinition, column: ColumnDefinition) -> tuple[ColumnDefinition, ...]:
    """What a new column brings to a table, itself included: money its `_base`, and a currency where there is none."""
    if column.type is not ColumnType.MONEY:
        return (column,)
    return (*(each for each in currency() if each.name not in table.columns), column, base_of(column))


_COLOURS = {1: "Red", 2: "Green", 3: "Blue"}
"""The options of a customer's choices."""


def custom_column(name: str, type: str, *, label: str | None = None) -> ColumnDefinition:
    """A column that a customer adds, by the short name of its type. Raises ValueError for an unknown type."""
    title = label or name
    makers: Mapping[str, Callable[[], ColumnDefinition]] = {
        "text": lambda: text(name, 4_000, title),
        "memo": lambda: memo(name, title, 100_000),
        "integer": lambda: integer(name, title),
        "bigint": lambda: replace(integer(name, title, -(2**63), 2**63 - 1), type=ColumnType.BIGINT),
        "decimal": lambda: fraction(name, title, -1e11, 1e11, 10),
        "double": lambda: fraction(name, title, -1e11, 1e11, 5, type=ColumnType.DOUBLE),
        "boolean": lambda: replace(boolean(name, title), default=None),
        "choice": lambda: choice(name, title, _COLOURS),
        "choices": lambda: replace(choice(name, title, _COLOURS), type=ColumnType.CHOICES),
        "datetime": lambda: moment(name, title),
        "date": lambda: date(name, title),
        "money": lambda: money(name, title, 1e12, -1e12)[0],
    }
    if type not in makers:
        raise ValueError(f"unknown column type '{type}'; known: {', '.join(makers)}")
    return replace(makers[type](), custom=True, schema_name=name)
