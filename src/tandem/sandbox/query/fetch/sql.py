"""The read-only SQL of the Web API as a query (reference 3.8: `?sql=SELECT TOP 10 name FROM account`).

What the subset is, the reference does not say. This is what Microsoft's own client says it may be: one SELECT of named
columns with DISTINCT and TOP, inner and left joins, WHERE, GROUP BY with five aggregates, ORDER BY and OFFSET; all
else is refused. [k] Column and table names have no case here, and a comparison never holds for an empty column.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.fetch.document import invalid_query
from tandem.sandbox.query.fetch.elements import (
    Attribute,
    Entity,
    Fetch,
    Filter,
    Link,
    LinkType,
    Sort,
    Test,
)
from tandem.sandbox.query.fetch.sql_words import Words
from tandem.sandbox.query.grouping import Aggregate
from tandem.sandbox.tables import TableDefinition

_COMPARISONS = {"=": "eq", "<>": "ne", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}

_AGGREGATES = {
    "count": Aggregate.COUNT_COLUMN,
    "sum": Aggregate.SUM,
    "avg": Aggregate.AVERAGE,
    "min": Aggregate.MINIMUM,
    "max": Aggregate.MAXIMUM,
}


@dataclass(slots=True, kw_only=True)
class _Part:
    """A table of the FROM clause while the statement is read; `link` is how it is joined, None for the first."""

    name: str
    table: TableDefinition
    link: Link | None = None
    attributes: list[Attribute] = field(default_factory=list)
    parts: "list[_Part]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Column:
    part: _Part
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One item of the SELECT list, before the tables are known: an aggregate and a column, `*` for a row."""

    names: tuple[str, ...]
    alias: str | None
    function: str | None = None
    distinct: bool = False


def read_sql(text: str, tables: Mapping[str, TableDefinition], now: datetime) -> Fetch:
    """The query that a SELECT states. Raises Refused (400) for what is not part of the subset."""
    return _Parser(Words(text, now), tables).statement()


class _Parser:
    """Recursive descent over the words of one SELECT."""

    def __init__(self, words: Words, tables: Mapping[str, TableDefinition]) -> None:
        self._words = words
        self._tables = tables
        self._parts: dict[str, _Part] = {}

    def statement(self) -> Fetch:
        """The whole statement."""
        self._words.expect("select")
        distinct = self._words.take("distinct")
        top = self._top()
        items = [self._item()]
        while self._words.take_mark(","):
            items.append(self._item())
        self._words.expect("from")
        first = self._table()
        while self._words.word.text in ("inner", "left", "join") and self._words.word.kind == "keyword":
            self._join()
        filters = (self._condition(None),) if self._words.take("where") else ()
        groups = self._groups()
        aggregate = bool(groups) or any(item.function for item in items)
        for item in items:
            self._show(item, groups, aggregate=aggregate)
        for group in groups:
            if not any(shown.group and shown.name == group.name for shown in group.part.attributes):
                raise invalid_query(f"The column '{group.name}' is grouped by and not in the SELECT list.")
        sorts = self._sorts(aggregate=aggregate)
        skip, size = self._offset()
        if self._words.word.kind != "end":
            raise self._words.unexpected()
        return Fetch(
            entity=replace(_entity(first), filters=filters, sorts=sorts),
            top=top if size is None else size,
            skip=skip,
            # Groups are all different: every column that they are grouped by is shown.
            distinct=distinct and not aggregate,
            aggregate=aggregate,
        )

    # The clauses

    def _top(self) -> int | None:
        if not self._words.take("top"):
            return None
        inside = self._words.take_mark("(")
        number = self._words.whole_number()
        if inside:
            self._words.expect_mark(")")
        return number

    def _item(self) -> _Item:
        if self._words.take_mark("*"):
            raise invalid_query("SELECT * is not supported: name the columns.")
        function, distinct = None, False
        if self._words.calls(_AGGREGATES):
            function = self._words.next().text.lower()
            self._words.expect_mark("(")
            distinct = self._words.take("distinct")
            names = ("*",) if function == "count" and self._words.take_mark("*") else self._names()
            self._words.expect_mark(")")
        else:
            names = self._names()
        return _Item(names=names, alias=self._alias(), function=function, distinct=distinct)

    def _alias(self) -> str | None:
        if self._words.take("as") or self._words.word.kind == "name":
            return self._words.name()
        return None

    def _table(self) -> _Part:
        name = self._words.name().lower()
        table = self._tables.get(name)
        if table is None:
            # The code is general knowledge. [k]
            raise Refused(400, "0x80041102", f"The entity with a name = '{name}' was not found in the MetadataCache.")
        alias = self._alias() or name
        if alias.lower() in self._parts:
            raise invalid_query(f"The table name '{alias}' is used twice.")
        part = self._parts[alias.lower()] = _Part(name=alias, table=table)
        return part

    def _join(self) -> None:
        """`[INNER | LEFT [OUTER]] JOIN t ON t.x = other.y [AND conditions on t]`."""
        type = LinkType.OUTER if self._words.take("left") else LinkType.INNER
        if type is LinkType.OUTER:
            self._words.take("outer")
        else:
            self._words.take("inner")
        self._words.expect("join")
        part = self._table()
        self._words.expect("on")
        left = self._column()
        self._words.expect_mark("=")
        right = self._column()
        own, other = (left, right) if left.part is part else (right, left)
        if own.part is not part or other.part is part:
            raise invalid_query(f"The join of '{part.name}' must compare a column of it with one of a table before it.")
        filters = (self._condition(part),) if self._words.take("and") else ()
        part.link = Link(
            table=part.table.name, own=own.name, parent=other.name, alias=part.name, type=type, filters=filters
        )
        other.part.parts.append(part)

    def _groups(self) -> list[_Column]:
        if not self._words.take("group"):
            return []
        self._words.expect("by")
        groups = [self._column()]
        while self._words.take_mark(","):
            groups.append(self._column())
        return groups

    def _show(self, item: _Item, groups: list[_Column], *, aggregate: bool) -> None:
        if item.names == ("*",):
            first = next(iter(self._parts.values()))
            attribute = Attribute(name=first.table.primary_id, alias=item.alias or "count", aggregate=Aggregate.COUNT)
            first.attributes.append(attribute)
            return
        column = self._resolve(item.names)
        attribute = Attribute(name=column.name, alias=item.alias)
        if item.function is not None:
            # What a value without an alias is called is unconfirmed.
            alias = item.alias or f"{item.function}_{column.name}"
            made = _AGGREGATES[item.function]
            attribute = replace(attribute, alias=alias, aggregate=made, distinct=item.distinct)
        elif aggregate:
            if column not in groups:
                raise invalid_query(f"The column '{column.name}' is neither aggregated nor grouped by.")
            attribute = replace(attribute, alias=item.alias or column.name, group=True)
        column.part.attributes.append(attribute)

    def _sorts(self, *, aggregate: bool) -> tuple[Sort, ...]:
        if not self._words.take("order"):
            return ()
        self._words.expect("by")
        sorts = [self._sort(aggregate=aggregate)]
        while self._words.take_mark(","):
            sorts.append(self._sort(aggregate=aggregate))
        return tuple(sorts)

    def _sort(self, *, aggregate: bool) -> Sort:
        names = self._names()
        descending = self._words.take("desc")
        if not descending:
            self._words.take("asc")
        given = {item.alias: part for part in self._parts.values() for item in part.attributes if item.alias}
        if len(names) == 1 and names[0] in given:
            part = given[names[0]]
            return Sort(alias=names[0], entity=self._entity_name(part), descending=descending)
        column = self._resolve(names)
        if not aggregate:
            return Sort(column=column.name, entity=self._entity_name(column.part), descending=descending)
        for item in column.part.attributes:
            if item.name == column.name and item.group:
                return Sort(alias=item.alias, descending=descending)
        raise invalid_query(f"The column '{column.name}' is not in the SELECT list.")

    def _offset(self) -> tuple[int, int | None]:
        """`OFFSET n ROWS [FETCH NEXT m ROWS ONLY]`."""
        if not self._words.take("offset"):
            return 0, None
        skip = self._words.whole_number()
        self._rows()
        if not self._words.take("fetch"):
            return skip, None
        self._words.expect("next")
        size = self._words.whole_number()
        self._rows()
        self._words.expect("only")
        return skip, size

    def _rows(self) -> None:
        if not self._words.take("rows"):
            self._words.expect("row")

    # Conditions

    def _condition(self, only: _Part | None) -> Filter:
        """Tests joined by OR and AND; `only` is the one table that they may be about."""
        parts = [self._all_of(only)]
        while self._words.take("or"):
            parts.append(self._all_of(only))
        return parts[0] if len(parts) == 1 else Filter(parts=tuple(parts), either=True)

    def _all_of(self, only: _Part | None) -> Filter:
        parts = [self._test(only)]
        while self._words.take("and"):
            parts.append(self._test(only))
        return Filter(parts=tuple(parts))

    def _test(self, only: _Part | None) -> Filter:
        if self._words.take_mark("("):
            inside = self._condition(only)
            self._words.expect_mark(")")
            return inside
        column = self._column()
        if only is not None and column.part is not only:
            raise invalid_query(f"The join of '{only.name}' can have conditions on that table only.")
        entity = None if only is not None else self._entity_name(column.part)
        operator, values = self._comparison()
        test = Test(column=column.name, operator=operator, values=values, entity=entity)
        if operator in ("null", "not-null"):
            return Filter(parts=(test,))
        return Filter(parts=(test, Test(column=column.name, operator="not-null", entity=entity)))

    def _comparison(self) -> tuple[str, tuple[str, ...]]:
        if self._words.word.kind == "mark" and self._words.word.text in _COMPARISONS:
            return _COMPARISONS[self._words.next().text], (self._words.value(),)
        if self._words.take("is"):
            operator = "not-null" if self._words.take("not") else "null"
            self._words.expect("null")
            return operator, ()
        negation = "not-" if self._words.take("not") else ""
        if self._words.take("like"):
            return f"{negation}like", (self._words.value(),)
        if self._words.take("between"):
            low = self._words.value()
            self._words.expect("and")
            return f"{negation}between", (low, self._words.value())
        self._words.expect("in")
        self._words.expect_mark("(")
        values = [self._words.value()]
        while self._words.take_mark(","):
            values.append(self._words.value())
        self._words.expect_mark(")")
        return f"{negation}in", tuple(values)

    # Names and words

    def _column(self) -> _Column:
        return self._resolve(self._names())

    def _names(self) -> tuple[str, ...]:
        names = [self._words.name()]
        while self._words.take_mark("."):
            names.append(self._words.name())
        return tuple(names)

    def _resolve(self, names: tuple[str, ...]) -> _Column:
        """The column that a name with or without its table means."""
        *qualifier, name = (part.lower() for part in names)
        if qualifier:
            if len(qualifier) > 1 or qualifier[0] not in self._parts:
                raise invalid_query(f"'{'.'.join(names)}' names no table of the statement.")
            return _Column(self._parts[qualifier[0]], name)
        parts = list(self._parts.values())
        having = [part for part in parts if name in part.table.columns]
        if len(having) > 1:
            raise invalid_query(f"The column name '{name}' is ambiguous.")
        # A name that no table has is looked for in the first, which refuses it as unknown.
        return _Column((having or parts)[0], name)

    def _entity_name(self, part: _Part) -> str | None:
        return None if part.link is None else part.name


def _entity(part: _Part) -> Entity:
    """The table as an element of the query, with the tables joined to it."""
    links = tuple(link for link in (_entity(inner) for inner in part.parts) if isinstance(link, Link))
    attributes = tuple(part.attributes)
    if part.link is None:
        return Entity(table=part.table.name, attributes=attributes, links=links)
    return replace(part.link, attributes=attributes, links=links)
