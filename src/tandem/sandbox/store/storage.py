"""How a column's values rest in SQLite, and come back.

Money rests as whole ten-thousandths, because a double cannot hold 1e14 with four decimals; booleans as 0 and 1; ids
in lower case; moments as UTC text that sorts by time. Everything that reads or filters goes through here or through
the same rule in SQL, so a value cannot be stored one way and compared another.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from tandem.sandbox.tables import ColumnDefinition, ColumnType, TableDefinition

MONEY_SCALE = 10_000
"""Stored units per currency unit."""

Stored = str | int | float | None

_NUMERIC = {ColumnType.DECIMAL, ColumnType.DOUBLE}
_WHOLE = {
    ColumnType.INTEGER,
    ColumnType.BIGINT,
    ColumnType.CHOICE,
    ColumnType.STATE,
    ColumnType.STATUS,
}


def iso(moment: datetime) -> str:
    """A moment as the wire and the store write it: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def store_money(value: object) -> int:
    """Ten-thousandths of a currency unit."""
    scaled = Decimal(str(value)) * MONEY_SCALE
    return int(scaled.to_integral_value(ROUND_HALF_EVEN))


def store_boolean(value: object) -> int:
    """0 or 1, from a boolean, a number or the words true and false."""
    if isinstance(value, str):
        return {"true": 1, "1": 1, "false": 0, "0": 0}[value.lower()]
    return int(bool(value))


def store_moment(value: object) -> str:
    """`2025-03-04T05:06:07Z`, from the same, from another offset, or from a datetime. Naive means UTC."""
    if isinstance(value, str):
        if len(value) == 20 and value[-1] == "Z":
            return value
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError(f"not a moment: {value!r}")
    return iso(value if value.tzinfo else value.replace(tzinfo=UTC))


def store_date(value: object) -> str:
    """`2025-03-04`, from a date or from text that begins with one."""
    return value.isoformat()[:10] if isinstance(value, date) else str(value)[:10]


def store_text(value: object) -> str | None:
    """The text; empty text is stored as null (reference 5.2)."""
    return str(value) or None


def store_id(value: object) -> str | None:
    """A GUID in lower case."""
    return str(value).lower() or None


def keeper(column: ColumnDefinition) -> Callable[[object], Stored]:
    """What turns a value of that column, never None, into its stored form. Raises on a value of the wrong kind."""
    match column.type:
        case ColumnType.MONEY:
            return store_money
        case ColumnType.BOOLEAN:
            return store_boolean
        case ColumnType.DATETIME:
            return store_date if column.date_only else store_moment
        case ColumnType.STRING | ColumnType.MEMO | ColumnType.CHOICES:
            return store_text
        case ColumnType.GUID:
            return store_id
    if column.is_lookup:
        return store_id
    return _float if column.type in _NUMERIC else _int


def _float(value: object) -> float:
    return float(str(value))


def _int(value: object) -> int:
    return int(str(value))


def to_stored(column: ColumnDefinition, value: object) -> Stored:
    """The stored form of any value of that column."""
    return None if value is None else keeper(column)(value)


def from_stored(column: ColumnDefinition, value: Stored) -> object:
    """The Python value: bool, Decimal for money and decimals, else as stored."""
    if value is None:
        return None
    if column.type is ColumnType.BOOLEAN:
        return bool(value)
    if column.type is ColumnType.MONEY:
        return Decimal(int(value)).scaleb(-4)
    if column.type is ColumnType.DECIMAL:
        return Decimal(f"{value:.{column.precision}f}")
    return value


def column_sql(table: TableDefinition, column: ColumnDefinition) -> list[str]:
    """The SQL definitions of one column."""
    if column.name == table.primary_id:
        return [f"{column.name} TEXT PRIMARY KEY NOT NULL"]
    if column.type in _NUMERIC:
        kind = "REAL"
    elif column.type in _WHOLE or column.type in (ColumnType.MONEY, ColumnType.BOOLEAN):
        kind = "INTEGER"
    else:
        kind = "TEXT COLLATE NOCASE" if column.max_length else "TEXT"
    if column.derived is not None:
        return [f"{column.name} {kind} GENERATED ALWAYS AS ({column.derived}) VIRTUAL"]
    return [f"{column.name} {kind}"] + ([f"{column.name}_type TEXT"] if column.polymorphic else [])


_UNINDEXED = {"systemuser", "team", "businessunit", "transactioncurrency"}


def table_sql(table: TableDefinition) -> list[str]:
    """The statements that make one table and its indexes.

    The rows lie in the order of their ids, which is the order they are paged in.
    """
    columns = [line for column in table.columns.values() for line in column_sql(table, column)]
    name = table.name
    statements = [
        f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(columns)}) WITHOUT ROWID",
        f"CREATE UNIQUE INDEX IF NOT EXISTS {name}_by_version ON {name} (versionnumber)",
    ]
    if "modifiedon" in table.columns:
        statements.append(f"CREATE INDEX IF NOT EXISTS {name}_by_modifiedon ON {name} (modifiedon)")
    for column in table.columns.values():
        followed = column.is_lookup and column.derived is None and not _UNINDEXED.issuperset(column.targets)
        member = table.is_intersect and column.type is ColumnType.GUID and column.name != table.primary_id
        if followed or member:
            statements.append(
                f"CREATE INDEX IF NOT EXISTS {name}_by_{column.name} ON {name} ({column.name}) "
                f"WHERE {column.name} IS NOT NULL"
            )
    return statements
