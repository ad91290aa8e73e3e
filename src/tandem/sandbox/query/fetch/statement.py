"""A query as the parts of one SQL statement: the tables joined, the condition, the order.

Names are looked up here and nowhere else, so a column that is gone fails whichever part of a query names it, with the
code a client's schema refresh hangs on (reference 3.8: 0x80041103).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.comparisons import collated
from tandem.sandbox.query.condition import MAXIMUM_CONDITIONS, Condition, Property, all_of, any_of
from tandem.sandbox.query.fetch.conditions import test_condition
from tandem.sandbox.query.fetch.document import invalid_query
from tandem.sandbox.query.fetch.elements import (
    JOINED,
    SEMIJOINED,
    Entity,
    Fetch,
    Filter,
    Link,
    LinkType,
    Sort,
    Test,
)
from tandem.sandbox.query.pages import Term
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.render import formatted_value
from tandem.sandbox.query.rows import Listing
from tandem.sandbox.query.sources import MAXIMUM_LINKS, Source, reach, readable, too_many_links
from tandem.sandbox.store.privileges import Right
from tandem.sandbox.tables import OPTIONED, ColumnDefinition, ColumnType

_ALIAS = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the query: what is said of it, and where it stands in the statement.

    `prefix` is what a row puts before the names of its columns, None for the first table.
    """

    entity: Entity
    source: Source
    prefix: str | None = None

    def column(self, name: str) -> ColumnDefinition:
        """The column of that logical name. Raises Refused (400, 0x80041103) for an unknown one."""
        column = self.source.table.columns.get(name)
        if column is None:
            raise Refused(
                400,
                "0x80041103",
                f"'{self.source.table.name}' entity doesn't contain attribute with Name = '{name}' and NameMapping ="
                " 'Logical'.",
            )
        return column


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is read from (`FROM`), what holds (`WHERE`), and in which order.

    `tables` are those whose columns can be shown, the first of them first. The order ends with the keys that make it
    one of its kind, but in a distinct or aggregate query, whose rows have no key. A cookie can say where the next page
    begins unless the order depends on a joined table.
    """

    tables: tuple[Table, ...]
    origin: Condition
    wanted: Condition
    order: tuple[Term, ...]
    resumable: bool


def build_statement(reading: Reading, listing: Listing, fetch: Fetch) -> Statement:
    """The statement for a query over the rows of a listing.

    Raises Refused: 400 for what does not fit the tables, 403 for a table or a column the caller may not read.
    """
    return _Builder(reading, listing.source, fetch).build(listing.within)


class _Builder:
    """One walk over a query. Joined tables are named before anything is looked up, since conditions may name them."""

    def __init__(self, reading: Reading, source: Source, fetch: Fetch) -> None:
        self._reading = reading
        self._fetch = fetch
        self._links = 0
        self._tests = 0
        self._linked: dict[int, Table] = {}
        self._named: dict[str, Table] = {}
        self._begun: set[str] = {source.alias}
        self._first = Table(entity=fetch.entity, source=source)
        self._joined = [self._first, *self._name_links(fetch.entity)]

    def build(self, within: Condition) -> Statement:
        """The parts of the statement."""
        joins, conditions = self._joins(self._first)
        own = [within, *self._filters(self._first)]
        sorts = list(self._sorts(self._first))
        order: dict[str, Term] = {}
        for table, sort in sorts:
            term = self._term(table, sort)
            order.setdefault(term.name, term)
        for table in () if self._fetch.distinct or self._fetch.aggregate else self._joined:
            if not self._is_single(table):
                order.setdefault(_shown(table, table.source.table.primary_id), self._key_term(table))
        return Statement(
            tables=tuple(self._joined),
            origin=_from(self._first, joins),
            wanted=all_of(*own, *conditions),
            order=tuple(order.values()),
            resumable=all(table is self._first for table, _ in sorts),
        )

    # Tables

    def _name_links(self, entity: Entity) -> Iterator[Table]:
        """Give every joined table its name; one without an alias is called by its table and its number. [k]"""
        for link in entity.links:
            if link.type not in JOINED:
                continue
            if link.alias in self._named:
                raise duplicate_alias(link.alias)
            table = self._linked[id(link)] = self._table(link)
            self._named[table.prefix or ""] = table
            if link.alias is None:
                self._named.setdefault(link.table, table)
            yield table
            yield from self._name_links(link)

    def _table(self, link: Link) -> Table:
        self._links += 1
        if self._links > MAXIMUM_LINKS:
            raise too_many_links()
        definition = self._reading.organisation.tables.get(link.table)
        if definition is None:
            # The code is general knowledge. [k]
            message = f"The entity with a name = '{link.table}' was not found in the MetadataCache."
            raise Refused(400, "0x80041102", message)
        self._reading.caller.demand(definition, Right.READ)
        check_alias(link.alias)
        source = Source(definition, f"link{self._links}")
        return Table(entity=link, source=source, prefix=link.alias or f"{link.table}{self._links}")

    def _joins(self, parent: Table) -> tuple[list[Condition], list[Condition]]:
        """The joins of the tables linked to this one, and the conditions that its semijoins make."""
        joins: list[Condition] = []
        conditions: list[Condition] = []
        for link in parent.entity.links:
            if link.type in SEMIJOINED:
                conditions.append(self._exists(parent, self._table(link), link))
                continue
            table = self._linked[id(link)]
            self._begun.add(table.source.alias)
            join = self._first_match if link.type is LinkType.FIRST else self._join
            joins.append(join(parent, table, link))
            inner, more = self._joins(table)
            joins += inner
            conditions += more
        return joins, conditions

    def _join(self, parent: Table, table: Table, link: Link) -> Condition:
        kind = "LEFT JOIN" if link.type is LinkType.OUTER else "JOIN"
        on = all_of(self._match(parent, table, link), self._reach(table), *self._filters(table))
        return Condition(f"{kind} {table.source.named} ON {on.sql}", on.values)

    def _first_match(self, parent: Table, table: Table, link: Link) -> Condition:
        """A join with one of the rows that match, whichever that is."""
        if link.links:
            message = f"Links inside a link of the type '{link.type}' are not implemented by this sandbox."
            raise Refused(501, "0x8006088a", message)
        inner = replace(table, source=Source(table.source.table, f"{table.source.alias}_first"))
        on = all_of(self._match(parent, inner, link), self._reach(inner), *self._filters(inner))
        found = f"SELECT {inner.source.key} FROM {inner.source.named} WHERE {on.sql} ORDER BY 1 LIMIT 1"  # noqa: S608
        return Condition(f"JOIN {table.source.named} ON {table.source.key} = ({found})", on.values)

    def _exists(self, parent: Table, table: Table, link: Link, *, filtered: bool = True) -> Condition:
        """There is a row that matches, or with `filtered` one that also fulfils what the link says.

        What is named inside the link is known there only.
        """
        joins: list[Condition] = []
        conditions = [self._match(parent, table, link), self._reach(table)]
        if filtered:
            outside, self._named = self._named, dict(self._named)
            list(self._name_links(link))
            joins, more = self._joins(table)
            conditions += [*self._filters(table), *more]
            self._named = outside
        origin, wanted = _from(table, joins), all_of(*conditions)
        sql = f"EXISTS (SELECT 1 FROM {origin.sql} WHERE {wanted.sql})"  # noqa: S608
        return Condition(sql, (*origin.values, *wanted.values))

    def _match(self, parent: Table, table: Table, link: Link) -> Condition:
        """The columns that the link ties together. Without `from` it is the key of the linked table. [k]"""
        own = self._readable(table, link.own or table.source.table.primary_id)
        return Condition(f"{own.sql} = {self._readable(parent, link.parent).sql}")

    def _reach(self, table: Table) -> Condition:
        return Condition(reach(self._reading.caller, table.source))

    def _is_single(self, table: Table) -> bool:
        """Whether a joined table adds one row at most, so that the order needs no key of it."""
        link = table.entity
        if not isinstance(link, Link):
            return False
        return link.type is LinkType.FIRST or link.own in (None, table.source.table.primary_id)

    # Conditions

    def _filters(self, table: Table) -> list[Condition]:
        return [self._filter(table, filter) for filter in table.entity.filters]

    def _filter(self, table: Table, filter: Filter) -> Condition:
        # An empty filter says nothing, which among alternatives is not the same as true. [k]
        said = [part for part in filter.parts if not isinstance(part, Filter) or part.parts]
        parts = [self._part(table, part) for part in said]
        return any_of(*parts) if filter.either and parts else all_of(*parts)

    def _part(self, table: Table, part: Test | Filter | Link) -> Condition:
        if isinstance(part, Filter):
            return self._filter(table, part)
        self._tests += 1
        if self._tests + self._links > MAXIMUM_CONDITIONS:
            raise Refused(400, "0x8004430C", "Number of conditions in query exceeded maximum limit.")
        return self._related(table, part) if isinstance(part, Link) else self._test(table, part)

    def _test(self, table: Table, test: Test) -> Condition:
        table = table if test.entity is None else self._find(test.entity)
        other = None
        if test.other is not None:
            alias, _, name = test.other.rpartition(".")
            other = self._readable(self._find(alias) if alias else table, name)
        left = self._readable(table, test.column)
        return test_condition(test, left, other, self._reading.caller, self._reading.organisation.clock())

    def _related(self, parent: Table, link: Link) -> Condition:
        """A link inside a filter. `all` and `not all` do not mean what they say. [k]"""
        table = self._table(link)
        found = self._exists(parent, table, link)
        if link.type in (LinkType.ANY, LinkType.NOT_ALL):
            return found
        none = Condition(f"NOT {found.sql}", found.values)
        if link.type is LinkType.NOT_ANY:
            return none
        return all_of(self._exists(parent, table, link, filtered=False), none)

    def _find(self, name: str) -> Table:
        if name == self._first.source.table.name and name not in self._named:
            return self._first
        table = self._named.get(name)
        if table is None or table.source.alias not in self._begun:
            raise invalid_query(f"There is no link with the name or alias '{name}' here.")
        return table

    def _readable(self, table: Table, name: str) -> Property:
        """The column of that name; the name that a lookup shows goes by the lookup's own and `name`. [k]"""
        lookup = table.source.table.columns.get(name.removesuffix("name"))
        if name in table.source.table.columns or lookup is None or not lookup.is_lookup:
            return readable(self._reading, table.source, table.column(name))
        found = readable(self._reading, table.source, lookup)
        shown = ColumnDefinition(name=name, type=ColumnType.STRING, label=lookup.label, schema_name=name)
        label = formatted_value(table.source.alias, lookup, tables=self._reading.organisation.tables)
        return replace(found, sql=collated(f"({label})", shown.type), column=shown)

    # Order

    def _sorts(self, table: Table) -> Iterator[tuple[Table, Sort]]:
        """What is sorted by: first what the table says, then what its links say. [k]"""
        if not self._fetch.aggregate:
            for sort in table.entity.sorts:
                yield (table if sort.entity is None else self._find(sort.entity)), sort
            for link in table.entity.links:
                if link.type in JOINED:
                    yield from self._sorts(self._linked[id(link)])

    def _term(self, table: Table, sort: Sort) -> Term:
        name = sort.column
        if name is None:
            given = [item.name for item in table.entity.attributes or () if item.alias == sort.alias]
            if not given:
                raise invalid_query(f"There is no column with the alias '{sort.alias}'.")
            name = given[0]
        left, shown = self._readable(table, name), _shown(table, name)
        if left.column.type is ColumnType.CHOICES:
            raise invalid_query(f"The column '{name}' cannot be sorted by.")
        sql, type = sort_sql(self._reading, left.sql, table.source.alias, left.column, self._fetch)
        return Term(sql=sql, type=type, name=shown, descending=sort.descending)

    def _key_term(self, table: Table) -> Term:
        name = _shown(table, table.source.table.primary_id)
        return Term(sql=table.source.key, type=ColumnType.GUID, name=name)


def sort_sql(reading: Reading, sql: str, source: str, column: ColumnDefinition, fetch: Fetch) -> tuple[str, ColumnType]:
    """What a column is sorted by: a lookup by the name it shows, a choice by its label unless told otherwise. [k]"""
    if not column.is_lookup and (column.type not in OPTIONED or fetch.plain_order):
        return collated(sql, column.type), column.type
    label = formatted_value(source, column, tables=reading.organisation.tables)
    return collated(f"({label})", ColumnType.STRING), ColumnType.STRING


def check_alias(alias: str | None) -> None:
    """Refuse an alias that is no name. [k]"""
    if alias is not None and not _ALIAS.fullmatch(alias):
        raise invalid_query(f"The alias '{alias}' is not a name.")


def duplicate_alias(alias: str | None) -> Refused:
    """The refusal of a name given twice. The code is general knowledge. [k]"""
    message = f"{alias} is not a unique alias. It clashes with an autogenerated alias or user provided alias"
    return Refused(400, "0x80041130", message)


def _shown(table: Table, column: str) -> str:
    return f"{table.prefix}.{column}" if table.prefix else column


def _from(table: Table, joins: Sequence[Condition]) -> Condition:
    sql = " ".join([table.source.named, *(join.sql for join in joins)])
    return Condition(sql, tuple(value for join in joins for value in join.values))
