"""Rows that stand for groups of rows, for every language of a query (reference 3.3, 3.8, 6.4).

The service counts what it would have to look at before it begins, and refuses above 50,000 rows; a stand-in that
answered all the same would let a report pass here that fails on every real table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.condition import Condition, Fragment
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.tables import ColumnDefinition, ColumnType

AGGREGATE_LIMIT = 50_000
"""The most rows that one query may aggregate."""

GROUPED = "grouped"
"""The name of the inner query, which yields one row a group."""

_NUMBERS = {ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DECIMAL, ColumnType.DOUBLE, ColumnType.MONEY}
_WHOLE = {ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.MONEY}


class Aggregate(StrEnum):
    """What is made of the values of a column; the value is FetchXML's name."""

    COUNT = "count"
    COUNT_COLUMN = "countcolumn"
    SUM = "sum"
    AVERAGE = "avg"
    MINIMUM = "min"
    MAXIMUM = "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a group: what it is called, how it is made, and the column it is shown like.

    `column` bears the name that the value has in the inner query, `origin` is the name of the one it was made of;
    `group` is true where the rows are told apart by it.
    """

    alias: str
    sql: str
    column: ColumnDefinition
    origin: str
    group: bool


def aggregated(
    aggregate: Aggregate, sql: str, column: ColumnDefinition, *, distinct: bool = False
) -> tuple[str, ColumnDefinition] | None:
    """The SQL of an aggregate and a column that it is shown like, or None where columns of that type have none."""
    match aggregate:
        case Aggregate.COUNT:
            return "count(*)", number_like(column)
        case Aggregate.COUNT_COLUMN:
            return f"count({'DISTINCT ' if distinct else ''}{sql})", number_like(column)
        case Aggregate.MINIMUM | Aggregate.MAXIMUM if column.type in _NUMBERS | {ColumnType.DATETIME}:
            return f"{aggregate}({sql})", column
        case Aggregate.SUM if column.type in _NUMBERS:
            # Nothing to add up is zero, nothing to compare is nothing. [k]
            return _in_full(f"ifnull(sum({sql}), 0)", column), column
        case Aggregate.AVERAGE if column.type in _NUMBERS:
            mean = f"round(avg({sql}))" if column.type is ColumnType.MONEY else f"avg({sql})"
            # The average of whole numbers is one too, cut off. [k]
            return (f"CAST({mean} AS INTEGER)" if column.type in _WHOLE else _in_full(mean, column)), column
    return None


def _in_full(sql: str, column: ColumnDefinition) -> str:
    """What was made of decimals, which SQLite computes as a double, in the form decimals have; NULL stays NULL."""
    if column.type is not ColumnType.DECIMAL:
        return sql
    return f"iif(({sql}) IS NULL, NULL, format('%.{column.precision}f', {sql}))"


def number_like(origin: ColumnDefinition) -> ColumnDefinition:
    """A column that shows a whole number made of another column."""
    return ColumnDefinition(
        name=origin.name, type=ColumnType.INTEGER, label=origin.label, schema_name=origin.schema_name
    )


def check_size(reading: Reading, origin: Fragment, wanted: Condition, most: int | None = None) -> None:
    """Refuse (400, 0x8004E023) to look at more than 50,000 rows, or at more than a query itself allows."""
    most = min(most or AGGREGATE_LIMIT, AGGREGATE_LIMIT)
    rows = f"SELECT 1 FROM {origin.sql} WHERE {wanted.sql} LIMIT ?"  # noqa: S608
    values = (*origin.values, *wanted.values, most + 1)
    count = reading.organisation.connection.execute(f"SELECT count(*) FROM ({rows})", values).get  # noqa: S608
    if int(str(count)) > most:
        raise Refused(400, "0x8004E023", "AggregateQueryRecordLimit exceeded. Cannot perform this operation.")


def groups_of(reading: Reading, origin: Fragment, wanted: Condition, values: Sequence[Value]) -> Fragment:
    """The groups as a table called GROUPED, for a FROM; the columns bear the names that the values' columns have."""
    selected = {value.column.name: value.sql for value in values}
    groups = [value.sql for value in values if value.group]
    for value in values:
        if value.group and value.column.polymorphic:
            selected[f"{value.column.name}_type"] = f"{value.sql}_type"
            groups.append(f"{value.sql}_type")
    columns = ", ".join(f"{sql} AS {name}" for name, sql in selected.items())
    # Money of many rows is shown in the organisation's own currency. [k]
    inner = f"SELECT {columns}, ? AS transactioncurrencyid FROM {origin.sql} WHERE {wanted.sql}"  # noqa: S608
    inner += f" GROUP BY {', '.join(groups)}" if groups else ""
    parameters = (reading.organisation.currency_id, *origin.values, *wanted.values)
    return Fragment(f"({inner}) AS {GROUPED}", parameters)
