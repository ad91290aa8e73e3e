"""Rows as JSON, written by SQLite itself.

A page of 5,000 rows with 40 columns is 200,000 values; building them one by one in Python would make the sandbox the
slowest part of every measurement. So each column becomes an SQL expression that yields its JSON, and a row arrives as
one finished text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tandem.sandbox.query.condition import find_property
from tandem.sandbox.query.options import FORMATTED_VALUE, LOOKUP_NAME, NAVIGATION_NAME, Preferences
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.sources import Source
from tandem.sandbox.store.privileges import ColumnRight
from tandem.sandbox.tables import OPTIONED, ColumnDefinition, ColumnType, TableDefinition

_AT_ONCE = 500


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
    reading: Reading,
    source: Source,
    columns: Iterable[ColumnDefinition],
    *,
    opening: str = "",
    members: Sequence[str] = (),
) -> str:
    """The SQL expression that yields one row as a JSON object, `opening` and ETag first, `members` last.

    A column that the caller may not read is there and null, as the real service has it (reference 1.8). `opening` is
    JSON with a comma behind it, `members` are SQL of JSON with one in front.
    """
    parts = [quoted(f'{{{opening}"@odata.etag":"W/\\"'), f"{source.alias}.versionnumber", """'\\""'"""]
    for column in columns:
        if reading.caller.may(source.table, column, ColumnRight.READ):
            annotations = annotations_json(
                source.alias, column, tables=reading.organisation.tables, preferences=reading.preferences
            )
            value = value_json(source.sql(column), column)
            parts.extend([*annotations, quoted(f',"{column.wire_name}":'), value])
        else:
            parts.append(quoted(f',"{column.wire_name}":null'))
    return joined([*parts, *members, "'}'"])


def as_bytes(sql: str) -> str:
    """The SQL expression of a text as the bytes it is sent as, which spares Python to decode and encode them."""
    return f"CAST({sql} AS BLOB)"


def joined(parts: Sequence[str]) -> str:
    """The SQL expression of texts one after the other; SQLite takes a thousand at most in one call."""
    calls = [f"concat({', '.join(parts[start : start + _AT_ONCE])})" for start in range(0, len(parts), _AT_ONCE)]
    return " || ".join(calls)


def value_json(sql: str, column: ColumnDefinition) -> str:
    """The SQL expression of one value as JSON, `null` included."""
    match column.type:
        case ColumnType.BOOLEAN:
            return f"CASE {sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END"
        case ColumnType.MONEY:
            return f"ifnull({_decimal_text(sql)}, 'null')"
        case ColumnType.STRING | ColumnType.MEMO | ColumnType.CHOICES:
            return f"json_quote({sql})"
        case ColumnType.DATETIME | ColumnType.GUID | ColumnType.LOOKUP | ColumnType.CUSTOMER | ColumnType.OWNER:
            return f"""ifnull('"' || {sql} || '"', 'null')"""
        case _:
            return f"ifnull({sql}, 'null')"


def annotations_json(
    source: str,
    column: ColumnDefinition,
    *,
    tables: Mapping[str, TableDefinition],
    preferences: Preferences,
    name: str | None = None,
) -> list[str]:
    """The SQL expressions of the annotations asked for, each with its comma in front. A value that is null has none.

    `source` is the name the column's table has in the statement, `name` that of the value where it is not the column's
    own; the navigation property is told only of the column itself.
    """
    sql = f"{source}.{column.name}"
    shown = name or column.wire_name
    wanted: list[tuple[str, str]] = []
    if preferences.wants(FORMATTED_VALUE):
        formatted = formatted_value(source, column, tables=tables)
        if formatted is not None:
            wanted.append((FORMATTED_VALUE, formatted))
    if column.is_lookup and name is None and preferences.wants(NAVIGATION_NAME):
        wanted.append((NAVIGATION_NAME, _by_target(source, column, lambda target: quoted(column.navigation[target]))))
    if column.is_lookup and preferences.wants(LOOKUP_NAME):
        wanted.append((LOOKUP_NAME, _by_target(source, column, quoted)))
    return [
        f"""iif({sql} IS NULL, '', ifnull(',"{shown}@{annotation}":' || nullif(json_quote({text}), 'null'), ''))"""
        for annotation, text in wanted
    ]


def formatted_value(source: str, column: ColumnDefinition, *, tables: Mapping[str, TableDefinition]) -> str | None:
    """The SQL expression of a column's formatted value in the caller's (American) format, None if it has none."""
    sql = f"{source}.{column.name}"
    if column.is_lookup:
        return _by_target(source, column, lambda target: _label_of(tables[target], sql))
    if column.type is ColumnType.CHOICES:
        return _option_labels(sql, column)
    if column.type in OPTIONED or column.type is ColumnType.BOOLEAN:
        return _option_label(sql, column)
    match column.type:
        case ColumnType.MONEY:
            return _money_text(source, sql)
        case ColumnType.INTEGER | ColumnType.BIGINT:
            return f"format('%,d', {sql})"
        case ColumnType.DECIMAL | ColumnType.DOUBLE:
            return f"format('%,.{column.precision}f', {sql})"
        case ColumnType.DATETIME:
            day = f"ltrim(strftime('%m', {sql}), '0') || '/' || ltrim(strftime('%d', {sql}), '0')"
            day += f" || strftime('/%Y', {sql})"
            return day if column.date_only else f"{day} || ' ' || ltrim(strftime('%I:%M %p', {sql}), '0')"
    return None


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _by_target(source: str, column: ColumnDefinition, say: Callable[[str], str]) -> str:
    """An expression that depends on which table the lookup points to."""
    if not column.polymorphic:
        return say(column.targets[0])
    kind = f"{source}.{column.name}_type"
    return f"CASE {kind} {' '.join(f'WHEN {quoted(target)} THEN {say(target)}' for target in column.targets)} END"


def _label_of(target: TableDefinition, sql: str) -> str:
    name = target.primary_name or target.primary_id
    # The alias keeps a table that points to itself apart from the row being shown.
    return f"(SELECT named.{name} FROM {target.name} AS named WHERE named.{target.primary_id} = {sql})"  # noqa: S608


def _option_label(sql: str, column: ColumnDefinition) -> str:
    """The label of an option; an option that is gone has none."""
    cases = " ".join(f"WHEN {option.value} THEN {quoted(option.label)}" for option in column.options)
    return f"CASE {sql} {cases} END" if cases else "NULL"


def _option_labels(sql: str, column: ColumnDefinition) -> str:
    """The labels of a multi-select choice (reference 2.8)."""
    labels = f"group_concat({_option_label('chosen.value', column)}, '; ')"
    return f"(SELECT {labels} FROM json_each('[' || {sql} || ']') AS chosen)"  # noqa: S608


def _decimal_text(sql: str) -> str:
    """Ten-thousandths as a decimal number with four digits; NULL stays NULL."""
    sign = f"iif({sql} < 0, '-', '')"
    return f"iif({sql} IS NULL, NULL, format('%s%d.%04d', {sign}, abs({sql}) / 10000, abs({sql}) % 10000))"


def _money_text(source: str, sql: str) -> str:
    symbol = (
        "(SELECT currencysymbol FROM transactioncurrency AS priced"  # noqa: S608
        f" WHERE priced.transactioncurrencyid = {source}.transactioncurrencyid)"
    )
    cents = f"(abs({sql}) + 50) / 100"
    sign = f"iif({sql} < 0, '-', '')"
    return f"format('%s%s%,d.%02d', {sign}, ifnull({symbol}, ''), {cents} / 100, {cents} % 100)"
