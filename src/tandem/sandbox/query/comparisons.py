"""Comparisons of a column with a value or with another column, for every language of a query.

What an empty column does to a comparison, and how letters of either case compare, must not depend on the language it
is written in (reference 3.2).
"""

from collections.abc import Mapping

from tandem.sandbox.query.condition import Condition, Property
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import TEXTUAL, ColumnType

SIGNS: Mapping[str, str] = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
"""The signs of SQL by the operators of OData and FetchXML."""


def collated(sql: str, type: ColumnType) -> str:
    """The SQL of a value that compares and sorts as its column does, though it comes from a subquery. [k]"""
    if type in TEXTUAL:
        return f"{sql} COLLATE NOCASE"
    return f"{sql} COLLATE decimal" if type is ColumnType.DECIMAL else sql


def compare(left: Property, operator: str, value: Stored) -> Condition:
    """The column compared with a value that is not null. An empty column is not equal to it, and nothing else."""
    sql, parameter = folded(left.sql, value)
    comparison = f"{sql} {SIGNS[operator]} {parameter}"
    return Condition(f"({comparison} OR {left.sql} IS NULL)" if operator == "ne" else comparison, (value,))


def compare_columns(left: Property, operator: str, right: Property) -> Condition:
    """The column compared with another of a type that goes with it. [k]"""
    names = [f"casefold({side.sql})" if side.column.type in TEXTUAL else side.sql for side in (left, right)]
    return Condition(f" {'IS NOT' if operator == 'ne' else SIGNS[operator]} ".join(names))


def folded(sql: str, *values: Stored) -> tuple[str, str]:
    """The SQL of a text and of its parameters, so that letters of either case compare as equal."""
    if all(not isinstance(value, str) or value.isascii() for value in values):
        return sql, "?"
    # SQLite's own comparison folds only ASCII.
    return f"casefold({sql})", "casefold(?)"
