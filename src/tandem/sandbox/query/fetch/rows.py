"""The rows of a FetchXML answer as JSON, written by SQLite itself.

They differ from OData's: what is empty is absent, and what comes from a joined table or has an alias is told under a
name of its own, with the column's name as an annotation (reference 3.8; annotations of aliased values are general
knowledge [k]).
"""

from collections.abc import Iterator

from tandem.sandbox.query.fetch.statement import Statement, Table, check_alias, duplicate_alias
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.render import annotations_json, joined, value_json
from tandem.sandbox.store.privileges import ColumnRight
from tandem.sandbox.tables import ColumnDefinition, ColumnType

ATTRIBUTE_NAME = "OData.Community.Display.V1.AttributeName"


def row_sql(reading: Reading, statement: Statement, *, distinct: bool) -> str:
    """The SQL expression of one row. A row of a distinct query stands for several: it has no ETag and no key. [k]"""
    first, *others = statement.tables
    members = list(_columns(reading, first, keyed=not distinct))
    members += [member for table in others for member in _columns(reading, table)]
    names = [name for name, _ in members]
    for name in names:
        if names.count(name) > 1:
            raise duplicate_alias(name)
    body = joined([sql for _, sql in members] or ["''"])
    if distinct:
        return f"concat('{{', substr({body}, 2), '}}')"
    return f"""concat('{{"@odata.etag":"W/\\"', {first.source.alias}.versionnumber, '\\""', {body}, '}}')"""


def context_names(statement: Statement, *, distinct: bool) -> str:
    """The part of `@odata.context` in parentheses; empty when all columns were asked for."""
    first = statement.tables[0]
    if first.entity.attributes is None:
        return ""
    columns = [first.column(attribute.name) for attribute in first.entity.attributes]
    names = [column.wire_name for column in columns]
    if not distinct:
        names.append(first.source.table.primary_id)
    return f"({','.join(dict.fromkeys(names))})"


def _columns(reading: Reading, table: Table, *, keyed: bool = False) -> Iterator[tuple[str, str]]:
    """The columns of one table: what each is called, and the SQL of it with all that is said about it."""
    wanted = [(item.name, item.alias) for item in table.entity.attributes or ()]
    if table.entity.attributes is None:
        wanted = [(name, None) for name in table.source.table.columns]
    if keyed:
        wanted.append((table.source.table.primary_id, None))
        if any(alias is None and table.column(name).type is ColumnType.MONEY for name, alias in wanted):
            wanted.append(("transactioncurrencyid", None))
    for name, alias in dict.fromkeys(wanted):
        check_alias(alias)
        column = table.column(name)
        if reading.caller.may(table.source.table, column, ColumnRight.READ):
            yield _column(reading, table, column, alias)


def _column(reading: Reading, table: Table, column: ColumnDefinition, alias: str | None) -> tuple[str, str]:
    name = alias or (f"{table.prefix}.{column.name}" if table.prefix else None)
    sql = member_json(reading, table.source.alias, column, name=name, attribute=column.name)
    return name or column.wire_name, sql


def member_json(reading: Reading, source: str, column: ColumnDefinition, *, name: str | None, attribute: str) -> str:
    """The SQL of one member of a row with its annotations, a comma in front; nothing where it is null.

    `name` is what it is called where that is not the column's own property, `attribute` the column it comes from.
    """
    sql = f"{source}.{column.name}"
    parts = annotations_json(
        source,
        column,
        tables=reading.organisation.tables,
        preferences=reading.preferences,
        name=name,
    )
    if name is not None and reading.preferences.wants(ATTRIBUTE_NAME):
        parts.insert(0, f"""',"{name}@{ATTRIBUTE_NAME}":"{attribute}"'""")
    parts += [f"""',"{name or column.wire_name}":'""", value_json(sql, column)]
    return f"iif({sql} IS NULL, '', concat({', '.join(parts)}))"
