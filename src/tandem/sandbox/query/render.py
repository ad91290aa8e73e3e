"""Rows as JSON, written by SQLite itself.

A page of 5,000 rows with 40 columns is 200,000 values; building them one by one in Python would make the sandbox the
slowest part of every measurement. So each column becomes an SQL expression that yields its JSON, and a row arrives as
one finished text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tandem.sandbox.query.condition import find_property, invalid
from tandem.sandbox.query.options import FORMATTED_VALUE, LOOKUP_NAME, NAVIGATION_NAME, Preferences
from tandem.sandbox.store.privileges import Caller, ColumnRight
from tandem.sandbox.tables import OPTIONED, ColumnDefinition, ColumnType, TableDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The columns of an answer. `names` is what `$select` said, None for all."""

    columns: tuple[ColumnDefinition, ...]
    names: tuple[str, ...] | None

    @property
    def context(self) -> str:
        """The part of `@odata.context` in parentheses, empty when all columns were asked for."""
        return "" if self.names is None else f"({','.join(self.names)})"


def select_columns(table: TableDefinition, names: Sequence[str] | None) -> Selection:
    """The columns to show: those named, the primary key, and the currency of a money column (reference 3.1).

    Raises Refused (400, 0x80060888) for a name that is no column, a lookup's plain name included.
    """
    if names is None:
        return Selection(columns=tuple(table.columns.values()), names=None)
    columns = {column.name: column for column in (find_property(table, name) for name in names)}
    if any(column.type is ColumnType.MONEY for column in columns.values()):
        columns.setdefault("transactioncurrencyid", table.columns["transactioncurrencyid"])
    columns.setdefault(table.primary_id, table.columns[table.primary_id])
    return Selection(columns=tuple(columns.values()), names=tuple(names))


def row_json(
    table: TableDefinition,
    columns: Iterable[ColumnDefinition],
    *,
    tables: Mapping[str, TableDefinition],
    caller: Caller,
    preferences: Preferences,
) -> str:
    """The SQL expression that yields one row of the table as a JSON object, ETag first.

    A column that the caller may not read is there and null, as the real service has it (reference 1.8).
    """
    parts = ["""'{"@odata.etag":"W/\\"'""", f"{table.name}.versionnumber", """'\\""'"""]
    for column in columns:
        if caller.may(table, column, ColumnRight.READ):
            parts.extend(annotations_json(table, column, tables=tables, preferences=preferences))
            parts.append(f"""',"{column.wire_name}":'""")
            parts.append(value_json(f"{table.name}.{column.name}", column))
        else:
            parts.append(f"""',"{column.wire_name}":null'""")
    return f"concat({', '.join([*parts, _quoted('}')])})"


def value_json(sql: str, column: ColumnDefinition) -> str:
    """The SQL expression of one value as JSON, `null` included."""
    match column.type:
        case ColumnType.BOOLEAN:
            return f"CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END"
        case ColumnType.MONEY:
            return f"ifnull({_decimal_text(sql)}, 'null')"
        case ColumnType.DECIMAL:
            return f"ifnull(iif({sql} IS NULL, NULL, format('%.{column.precision}f', {sql})), 'null')"
        case ColumnType.STRING | ColumnType.MEMO | ColumnType.CHOICES:
            return f"json_quote({sql})"
        case ColumnType.DATETIME | ColumnType.GUID | ColumnType.LOOKUP | ColumnType.CUSTOMER | ColumnType.OWNER:
            return f"""ifnull('"' || {sql} || '"', 'null')"""
        case _:
            return f"ifnull({sql}, 'null')"


def annotations_json(
    table: TableDefinition,
    column: ColumnDefinition,
    *,
    tables: Mapping[str, TableDefinition],
    preferences: Preferences,
) -> list[str]:
    """The SQL expressions of the annotations asked for. A value that is null has none."""
    sql = f"{table.name}.{column.name}"
    wanted: list[tuple[str, str]] = []
    if preferences.wants(FORMATTED_VALUE):
        formatted = formatted_value(table, column, tables=tables)
        if formatted is not None:
            wanted.append((FORMATTED_VALUE, formatted))
    if column.is_lookup and preferences.wants(NAVIGATION_NAME):
        wanted.append((NAVIGATION_NAME, _by_target(table, column, lambda target: _quoted(column.navigation[target]))))
    if column.is_lookup and preferences.wants(LOOKUP_NAME):
        wanted.append((LOOKUP_NAME, _by_target(table, column, _quoted)))
    return [
        f"""iif({sql} IS NULL, '', ifnull(',"{column.wire_name}@{name}":' || json_quote({text}), ''))"""
        for name, text in wanted
    ]


def formatted_value(
    table: TableDefinition, column: ColumnDefinition, *, tables: Mapping[str, TableDefinition]
) -> str | None:
    """The SQL expression of a column's formatted value in the caller's (American) format, None if it has none."""
    sql = f"{table.name}.{column.name}"
    if column.is_lookup:
        return _by_target(table, column, lambda target: _label_of(tables[target], sql))
    if column.type in OPTIONED or column.type is ColumnType.BOOLEAN:
        return _option_label(sql, column)
    match column.type:
        case ColumnType.MONEY:
            return _money_text(table, sql)
        case ColumnType.INTEGER | ColumnType.BIGINT:
            return f"format('%,d', {sql})"
        case ColumnType.DECIMAL | ColumnType.DOUBLE:
            return f"format('%.{column.precision}f', {sql})"
        case ColumnType.DATETIME:
            day = f"ltrim(strftime('%m', {sql}), '0') || '/' || ltrim(strftime('%d', {sql}), '0')"
            day += f" || strftime('/%Y', {sql})"
            return day if column.date_only else f"{day} || ' ' || ltrim(strftime('%I:%M %p', {sql}), '0')"
    return None


def order_terms(table: TableDefinition, text: str | None) -> list[tuple[ColumnDefinition, bool]]:
    """`$orderby` as (column, descending), always ending with the primary key so that pages cannot overlap.

    Raises Refused (400, 0x80060888) for what is no column or no direction.
    """
    terms: dict[str, tuple[ColumnDefinition, bool]] = {}
    for part in filter(None, (piece.strip() for piece in (text or "").split(","))):
        name, _, direction = part.partition(" ")
        if direction.strip() not in ("", "asc", "desc"):
            raise invalid(f"Syntax error at '{direction.strip()}' in '{text}'.")
        column = find_property(table, name)
        if column.type is ColumnType.CHOICES:
            raise invalid(f"The column '{name}' cannot be sorted by.")
        terms.setdefault(column.name, (column, direction.strip() == "desc"))
    terms.setdefault(table.primary_id, (table.columns[table.primary_id], False))
    return list(terms.values())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _by_target(table: TableDefinition, column: ColumnDefinition, say: Callable[[str], str]) -> str:
    """An expression that depends on which table the lookup points to."""
    if not column.polymorphic:
        return say(column.targets[0])
    kind = f"{table.name}.{column.name}_type"
    return f"CASE {kind} {' '.join(f'WHEN {_quoted(target)} THEN {say(target)}' for target in column.targets)} END"


def _label_of(target: TableDefinition, sql: str) -> str:
    name = target.primary_name or target.primary_id
    # The alias keeps a table that points to itself apart from the row being shown.
    return f"(SELECT named.{name} FROM {target.name} AS named WHERE named.{target.primary_id} = {sql})"  # noqa: S608


def _option_label(sql: str, column: ColumnDefinition) -> str:
    cases = " ".join(f"WHEN {option.value} THEN {_quoted(option.label)}" for option in column.options)
    return f"CASE {sql} {cases} END"


def _decimal_text(sql: str) -> str:
    """Ten-thousandths as a decimal number with four digits; NULL stays NULL."""
    sign = f"iif({sql} < 0, '-', '')"
    return f"iif({sql} IS NULL, NULL, format('%s%d.%04d', {sign}, abs({sql}) / 10000, abs({sql}) % 10000))"


def _money_text(table: TableDefinition, sql: str) -> str:
    symbol = (
        "(SELECT currencysymbol FROM transactioncurrency AS priced"  # noqa: S608
        f" WHERE priced.transactioncurrencyid = {table.name}.transactioncurrencyid)"
    )
    cents = f"(abs({sql}) + 50) / 100"
    sign = f"iif({sql} < 0, '-', '')"
    return f"format('%s%s%,d.%02d', {sign}, ifnull({symbol}, ''), {cents} / 100, {cents} % 100)"
