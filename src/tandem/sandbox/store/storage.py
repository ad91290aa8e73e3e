"""How a column's values rest in SQLite, and come back.

Money rests as whole ten-thousandths, because a double cannot hold 1e14 with four decimals; decimals, which have up to
21 digits, as text that a collation of their own compares; booleans as 0 and 1; ids in lower case; moments as UTC text
that sorts by time. Everything that reads or filters goes through here or through
the same rule in SQL, so a value cannot be stored one way and compared another.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import partial

from tandem.sandbox.tables import ColumnDefinition, ColumnType, KeyDefinition, TableDefinition

MONEY_SCALE = 10_000
"""Stored units per currency unit."""

Stored = str | int | float | None

_WHOLE = {
    ColumnType.INTEGER,
    ColumnType.BIGINT,
    ColumnType.CHOICE,
    ColumnType.STATE,
    ColumnType.STATUS,
}


def compare_decimals(left: str, right: str) -> int:
    """The collation `decimal`: texts as the numbers they are; what is none sorts as text."""
    try:
        first, second = Decimal(left), Decimal(right)
        return (first > second) - (first < second)
    except ArithmeticError:
        return (left > right) - (left < right)


def iso(moment: datetime) -> str:
    """A moment as the wire and the store write it: UTC, to the second."""
    # strftime would write the year 525 with three digits.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


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


def store_decimal(value: object, *, digits: int) -> str:
    """A number in full, with at least so many decimals."""
    number = Decimal(str(value))
    short = number.is_finite() and int(number.as_tuple().exponent) > -digits
    return format(number.quantize(Decimal(1).scaleb(-digits)) if short else number, "f")


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
    if column.type is ColumnType.DECIMAL:
        return partial(store_decimal, digits=column.precision or 0)
    return _float if column.type is ColumnType.DOUBLE else _int


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
        return Decimal(str(value))
    return value


def read_row(table: TableDefinition, stored: Sequence[Stored]) -> dict[str, object]:
    """The row whose `read_names` hold these values. Every lookup gets its `<name>_type`, though one target be all."""
    row: dict[str, object] = dict(zip(table.read_names, stored, strict=True))
    for place, column in table.encoded:
        row[column.name] = from_stored(column, stored[place])
    for column in table.lookups:
        kind = f"{column.name}_type"
        row[kind] = None if row[column.name] is None else row.get(kind, column.targets[0])
    return row


def column_sql(table: TableDefinition, column: ColumnDefinition) -> list[str]:
    """The SQL definitions of one column."""
    if column.name == table.primary_id:
        return [f"{column.name} TEXT PRIMARY KEY NOT NULL"]
    if column.type is ColumnType.DOUBLE:
        kind = "REAL"
    elif column.type is ColumnType.DECIMAL:
        kind = "TEXT COLLATE decimal"
    elif column.type in _WHOLE or column.type in (ColumnType.MONEY, ColumnType.BOOLEAN):
        kind = "INTEGER"
    else:
        kind = "TEXT COLLATE NOCASE" if column.max_length else "TEXT"
    if column.derived is not None:
        return [f"{column.name} {kind} GENERATED ALWAYS AS ({column.derived}) VIRTUAL"]
    return [f"{column.name} {kind}"] + ([f"{column.name}_type TEXT"] if column.polymorphic else [])


_UNINDEXED = {"systemuser", "team", "businessunit", "transactioncurrency"}


def schema_sql(tables: Mapping[str, TableDefinition]) -> Iterator[str]:
    """The statements that make all tables, what counts their rows, and the views over them."""
    for table in tables.values():
        if not table.united:
            yield from table_sql(table)
    for table in tables.values():
        for column in table.columns.values():
            if column.counts is not None:
                yield from _counting_sql(table, column, *column.counts)
        if table.united:
            yield f"DROP VIEW IF EXISTS {table.name}"
            yield _view_sql(table, [tables[name] for name in table.united])


def _counting_sql(table: TableDefinition, column: ColumnDefinition, counted: str, lookup: str) -> Iterator[str]:
    """Triggers, because counting gives the row that counts no version."""
    for event, row, step in (("INSERT", "NEW", "+ 1"), ("DELETE", "OLD", "- 1")):
        yield (
            f"CREATE TRIGGER IF NOT EXISTS {table.name}_{column.name}_on_{event.lower()} AFTER {event} ON {counted}"  # noqa: S608
            f" BEGIN UPDATE {table.name} SET {column.name} = {column.name} {step}"
            f" WHERE {table.primary_id} = {row}.{lookup}; END"
        )


def _view_sql(view: TableDefinition, tables: Iterable[TableDefinition]) -> str:
    selects = []
    for table in tables:
        values = [f"{_seen(view, table, name)} AS {name}" for name in (*view.columns, *view.kind_names)]
        selects.append(f"SELECT {', '.join(values)} FROM {table.name}")  # noqa: S608
    return f"CREATE VIEW {view.name} AS {' UNION ALL '.join(selects)}"


def _seen(view: TableDefinition, table: TableDefinition, name: str) -> str:
    """The expression by which a view shows a column of one of its tables.

    Status reasons differ between the tables: the view shows its own one of the state (reference 8.8). A lookup that
    leads to one table only has no kind stored.
    """
    if name == "statuscode":
        reasons = [f"WHEN {state.value} THEN {state.default_status}" for state in view.columns["statecode"].options]
        return f"CASE statecode {' '.join(reasons)} END"
    if name in table.columns or name in table.kind_names:
        return name
    target = table.columns[name.removesuffix("_type")].targets[0]
    return f"CASE WHEN {name.removesuffix('_type')} IS NOT NULL THEN '{target}' END"


def table_sql(table: TableDefinition) -> list[str]:
    """The statements that make one table and its indexes.

    The rows lie in the order of their ids, which is the order they are paged in.
    """
    columns = [line for column in table.columns.values() for line in column_sql(table, column)]
    name = table.name
    statements = [
        f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(columns)}) WITHOUT ROWID",
        f"CREATE UNIQUE INDEX IF NOT EXISTS {name}$by_version ON {name} (versionnumber)",
    ]
    if "modifiedon" in table.columns:
        statements.append(f"CREATE INDEX IF NOT EXISTS {name}$by_modifiedon ON {name} (modifiedon)")
    for column in table.columns.values():
        statements.extend(_index_sql(table, column))
    return statements


def _index_sql(table: TableDefinition, column: ColumnDefinition) -> list[str]:
    """The index by which the rows that point at a row are found; no table's name has the `$` of an index's."""
    followed = column.is_lookup and column.derived is None and not _UNINDEXED.issuperset(column.targets)
    member = table.is_intersect and column.type is ColumnType.GUID and column.name != table.primary_id
    if not followed and not member:
        return []
    return [
        f"CREATE INDEX IF NOT EXISTS {table.name}$by_{column.name} ON {table.name} ({column.name}) "
        f"WHERE {column.name} IS NOT NULL"
    ]


def changed_sql(before: Mapping[str, TableDefinition], after: Mapping[str, TableDefinition]) -> Iterator[str]:
    """The statements that bring the stored tables from one set of definitions to the next."""
    for name in before.keys() - after.keys():
        yield f"DROP TABLE {name}"
        yield f"DELETE FROM deletion WHERE table_name = '{name}'"  # noqa: S608
    for name, table in after.items():
        if name not in before:
            yield from table_sql(table)
        elif table is not before[name]:
            yield from _altered_sql(before[name], table)


def _altered_sql(before: TableDefinition, after: TableDefinition) -> Iterator[str]:
    name = after.name
    for key in before.keys:
        if after.key(key.name) is None:
            yield f"DROP INDEX IF EXISTS {_key_index(name, key)}"
    for column in before.columns.values():
        now = after.columns.get(column.name)
        if now is None:
            yield f"DROP INDEX IF EXISTS {name}$by_{column.name}"
            for line in column_sql(before, column):
                yield f"ALTER TABLE {name} DROP COLUMN {line.split()[0]}"
        elif now.date_only and not column.date_only:
            yield f"UPDATE {name} SET {column.name} = substr({column.name}, 1, 10)"  # noqa: S608
    for column in after.columns.values():
        if column.name not in before.columns:
            yield from (f"ALTER TABLE {name} ADD COLUMN {line}" for line in column_sql(after, column))
            yield from _index_sql(after, column)
    for key in after.keys:
        if key.active:
            yield f"CREATE UNIQUE INDEX IF NOT EXISTS {_key_index(name, key)} ON {name} ({', '.join(key.columns)})"


def _key_index(table: str, key: KeyDefinition) -> str:
    return f"{table}$key_{key.name}"
