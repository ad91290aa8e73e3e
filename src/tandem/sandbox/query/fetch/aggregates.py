"""Aggregates of FetchXML: rows grouped by columns or by parts of dates (reference 3.8)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tandem.sandbox.query.condition import Fragment
from tandem.sandbox.query.fetch.document import invalid_query
from tandem.sandbox.query.fetch.elements import Attribute, DatePart, Fetch, Sort
from tandem.sandbox.query.fetch.rows import member_json
from tandem.sandbox.query.fetch.statement import Statement, Table, check_alias, duplicate_alias, sort_sql
from tandem.sandbox.query.grouping import GROUPED, Value, aggregated, check_size, groups_of, number_like
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.render import as_bytes, joined
from tandem.sandbox.query.sources import readable
from tandem.sandbox.tables import ColumnType

_PARTS: Mapping[DatePart, str] = {
    DatePart.DAY: "CAST(strftime('%d', {0}) AS INTEGER)",
    # Weeks begin on Sunday, and the first is the one with the first of January. [k]
    DatePart.WEEK: "(strftime('%j', {0}) - 1 + strftime('%w', {0}, 'start of year')) / 7 + 1",
    DatePart.MONTH: "CAST(strftime('%m', {0}) AS INTEGER)",
    DatePart.QUARTER: "(strftime('%m', {0}) + 2) / 3",
    DatePart.YEAR: "CAST(strftime('%Y', {0}) AS INTEGER)",
}


def group_rows(reading: Reading, statement: Statement, fetch: Fetch) -> Fragment:
    """The statement that yields one JSON text a group, in order.

    Raises Refused (400): for an aggregate that its column does not have, 0x8004E023 for too many rows.
    """
    check_size(reading, statement.origin, statement.wanted, fetch.limit)
    values = list(_values(reading, statement))
    groups = groups_of(reading, statement.origin, statement.wanted, values)
    parts = [member_json(reading, GROUPED, value.column, name=value.alias, attribute=value.origin) for value in values]
    row = as_bytes(f"concat('{{', substr({joined(parts)}, 2), '}}')")
    order = ", ".join(_order(reading, statement, fetch, values)) or "1"
    return Fragment(f"SELECT {row} FROM {groups.sql} ORDER BY {order}", groups.values)  # noqa: S608


def _values(reading: Reading, statement: Statement) -> Iterator[Value]:
    aliases: set[str] = set()
    for table in statement.tables:
        for attribute in table.entity.attributes or ():
            if attribute.alias is None or attribute.group == (attribute.aggregate is not None):
                raise invalid_query(f"'{attribute.name}' needs an alias, and either an aggregate or a group.")
            check_alias(attribute.alias)
            if attribute.alias in aliases:
                raise duplicate_alias(attribute.alias)
            aliases.add(attribute.alias)
            yield _value(reading, table, attribute, attribute.alias, f"value{len(aliases)}")
    if not aliases:
        raise invalid_query("An aggregate query names at least one column.")


def _value(reading: Reading, table: Table, attribute: Attribute, alias: str, name: str) -> Value:
    found = readable(reading, table.source, table.column(attribute.name))
    if attribute.aggregate is not None:
        made = aggregated(attribute.aggregate, found.sql, found.column, distinct=attribute.distinct)
        if made is None:
            kind = found.column.type
            raise invalid_query(f"'{attribute.name}' of the type '{kind}' has no '{attribute.aggregate}'.")
        sql, column = made
    elif attribute.part is not None:
        if found.column.type is not ColumnType.DATETIME:
            raise invalid_query(f"'{attribute.name}' holds no date to group by.")
        sql, column = _PARTS[attribute.part].format(found.sql), number_like(found.column)
    else:
        sql, column = found.sql, found.column
    return Value(alias=alias, sql=sql, column=replace(column, name=name), origin=attribute.name, group=attribute.group)


def _order(reading: Reading, statement: Statement, fetch: Fetch, values: list[Value]) -> Iterator[str]:
    """What the query says, then the groups, so that pages do not overlap."""
    by_alias = {value.alias: value for value in values}
    sorts = [sort for table in statement.tables for sort in table.entity.sorts]
    for sort in [*sorts, *(Sort(alias=value.alias) for value in values if value.group)]:
        if sort.alias not in by_alias:
            raise invalid_query("An aggregate query is sorted by an alias that it gives.")
        value = by_alias[sort.alias]
        sql, _ = sort_sql(reading, f"{GROUPED}.{value.column.name}", GROUPED, value.column, fetch)
        yield sql + (" DESC" if sort.descending else "")
