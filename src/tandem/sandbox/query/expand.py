"""`$expand`: a row with the rows it is related to inside it, all written by one statement (reference 3.4).

A single-valued property becomes an object or null, a collection a list with a link to what did not fit on its page.
Each is a subquery of the row it belongs to, so a page of expanded rows is still one reading of the database.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import apsw

from tandem.sandbox.paths import NAMESPACE, split_outside
from tandem.sandbox.query.condition import EVERY_ROW, Fragment, invalid
from tandem.sandbox.query.filter import filter_condition
from tandem.sandbox.query.options import (
    COUNT_LIMIT,
    MAXIMUM_PAGE,
    Options,
    inner_options,
    refuse_others,
    selected,
    whole_number,
)
from tandem.sandbox.query.ordering import order_terms
from tandem.sandbox.query.pages import Cookie, Order, order_sql, write_cookie
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.render import quoted, row_json, select_columns
from tandem.sandbox.query.sources import PRINCIPAL, Source, Step, members, references, unknown_property
from tandem.sandbox.store.storage import Stored

MAXIMUM_PARTS = 15
"""Navigation properties that one query may expand, nested ones included (reference 3.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """Where the link of an expanded collection leads: below the row it belongs to, on with the same options."""

    entity_set: str
    name: str
    options: Options
    order: Order

    def link(self, base: str, row_id: str, last: Sequence[Stored]) -> str:
        """The link to what follows the row with those sort values."""
        token = write_cookie(self.order, Cookie(page=2, last=tuple(last)))
        query = "&".join(part for part in (self.options.link_query(), f"$skiptoken={token}") if part)
        return f"{base}/{self.entity_set}({row_id})/{self.name}?{query}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a row looks like: its SQL, what the context says of it, and the links it may hold, by the alias."""

    sql: Fragment
    context: str = ""
    links: Mapping[str, Continuation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One navigation property to expand, with the options in its parentheses."""

    name: str
    reference: bool
    options: Options


def expanded_row(reading: Reading, source: Source) -> Row:
    """A row with the columns of `$select` and the related rows of `$expand`. Raises Refused for what is not valid."""
    parts = _parts(reading.options)
    _checked(parts)
    return _row(reading, source, parts)


@contextmanager
def linking(reading: Reading, row: Row) -> Iterator[apsw.Connection]:
    """A connection whose statements may ask for the links in a row: `next_link(alias, id, sort values...)`.

    The function is taken back afterwards: it holds the organisation, and a connection lets go of nothing by itself.
    """
    connection = reading.organisation.connection
    if not row.links:
        yield connection
        return

    def next_link(*arguments: Stored) -> str:
        alias, row_id, *last = arguments
        return row.links[str(alias)].link(reading.request.base, str(row_id), last)

    connection.create_scalar_function("next_link", next_link)
    try:
        yield connection
    finally:
        connection.create_scalar_function("next_link", None)


def _row(reading: Reading, source: Source, parts: Sequence[_Part]) -> Row:
    selection = select_columns(source.table, selected(reading.options))
    inner = [_expanded(reading, source, part) for part in parts]
    names = [*(selection.names or ()), *(row.context for row in inner)]
    sql = row_json(reading, source, selection.columns, members=[row.sql.sql for row in inner])
    return Row(
        sql=Fragment(sql, tuple(value for row in inner for value in row.sql.values)),
        context=f"({','.join(names)})" if names else "",
        links={alias: link for row in inner for alias, link in row.links.items()},
    )


def _expanded(reading: Reading, source: Source, part: _Part) -> Row:
    """The members that one part adds to the row; the context names the part."""
    inner = replace(reading, options=part.options)
    steps = references(reading, source, part.name)
    if steps:
        shape = _reference if part.reference else _principal if len(steps) > 1 else _single
        row = shape(inner, steps)
        member = f"concat({_member(part.name)}, {row.sql.sql})"
    else:
        alias = f"{source.alias}__{part.name}"
        step = members(reading, source.table, part.name, key=source.key, alias=alias)
        if step is None:
            raise unknown_property(source.table.name, part.name)
        if part.reference:
            raise invalid("$ref can only be expanded for a single-valued navigation property.")
        row = _collection(inner, source, part, step)
        member = row.sql.sql
    return replace(row, sql=Fragment(member, row.sql.values), context=part.name + (row.context or "()"))


def _single(reading: Reading, steps: Sequence[Step]) -> Row:
    """An object, or null where the lookup is empty or leads to another table."""
    refuse_others(reading.options, ("$select", "$expand"))
    (step,) = steps
    row = _row(reading, step.source, _parts(reading.options))
    return replace(row, sql=Fragment(f"ifnull({step.select(row.sql.sql)}, 'null')", row.sql.values))


def _principal(reading: Reading, steps: Sequence[Step]) -> Row:
    """An owner: of its two types, which share only `ownerid`, the row says which it is. [k]"""
    refuse_others(reading.options, ("$select",))
    names = selected(reading.options)
    for name in names or ():
        if name != "ownerid":
            raise unknown_property(PRINCIPAL, name)
    found = []
    for step in steps:
        kind = f'"@odata.type":"#{NAMESPACE}{step.source.table.name}",'
        source = step.source
        columns = source.table.columns.values() if names is None else ()
        own = f"""concat(',"ownerid":"', {source.key}, '"')"""
        found.append(step.select(row_json(reading, source, columns, opening=kind, members=[own])))
    return Row(
        sql=Fragment(f"coalesce({', '.join(found)}, 'null')"),
        context=f"({','.join(names)})" if names else "",
    )


def _reference(reading: Reading, steps: Sequence[Step]) -> Row:
    """Only the address of the row."""
    refuse_others(reading.options, ())
    found = []
    for step in steps:
        address = quoted(f'{{"@odata.id":"{reading.request.base}/{step.source.table.entity_set}(')
        found.append(step.select(f"""concat({address}, {step.source.key}, ')"}}')"""))
    return Row(sql=Fragment(f"coalesce({', '.join(found)}, 'null')"))


def _collection(reading: Reading, source: Source, part: _Part, step: Step) -> Row:
    """A list, with its count and the link to its next page where they are due."""
    refuse_others(reading.options, ("$select", "$expand", "$filter", "$orderby", "$top", "$count"))
    row = _row(reading, step.source, _parts(reading.options))
    text = reading.options.get("$filter")
    wanted = EVERY_ROW if text is None else filter_condition(reading, step.source, text)
    order = order_terms(reading, step.source)
    top = whole_number(reading.options, "$top")
    # A cap of its own holds whatever the page size; without one the list is a page. [k]
    size = (reading.preferences.page_size or MAXIMUM_PAGE) if top is None else min(top, MAXIMUM_PAGE)
    rows = f"{step.rows} AND ({wanted.sql})"
    keys = [f"key{number}" for number in range(len(order))]
    sorted_by = ", ".join(f"{term.sql} AS {key}" for term, key in zip(order, keys, strict=True))
    found = f"SELECT {row.sql.sql} AS shown, {sorted_by} FROM {rows} ORDER BY {order_sql(order)} LIMIT {size + 1}"  # noqa: S608
    written = [_member(part.name), "'['", f"group_concat(shown, ',') FILTER (WHERE place <= {size})", "']'"]
    if top is None:
        last = ", ".join(f"max({key}) FILTER (WHERE place = {size})" for key in keys)
        link = f"next_link({quoted(step.source.alias)}, {source.key}, {last})"
        following = f"{_member(f'{part.name}@odata.nextLink')} || json_quote({link})"
        written.append(f"iif(count(*) > {size}, {following}, '')")
    sql = f"(SELECT concat({', '.join(written)}) FROM (SELECT *, row_number() OVER () AS place FROM ({found})))"  # noqa: S608
    values = [*row.sql.values, *wanted.values]
    if reading.options.flag("$count"):
        count = f"(SELECT min(count(*), {COUNT_LIMIT}) FROM {rows})"  # noqa: S608
        sql = f"concat({_member(f'{part.name}@odata.count')}, {count}, {sql})"
        values = [*wanted.values, *values]
    links = row.links
    if top is None:
        onward = Continuation(entity_set=source.table.entity_set, name=part.name, options=reading.options, order=order)
        links = {**links, step.source.alias: onward}
    return Row(sql=Fragment(sql, tuple(values)), context=row.context, links=links)


def _member(name: str) -> str:
    """The SQL of the beginning of one more member of an object."""
    return quoted(f',"{name}":')


def _parts(options: Options) -> list[_Part]:
    """The parts of `$expand`. Raises Refused (400) for one that cannot be read or that is there twice."""
    text = options.get("$expand")
    parts: dict[str, _Part] = {}
    for piece in split_outside(text, ",") if text is not None else ():
        path, bracket, inside = piece.strip().partition("(")
        name, _, suffix = path.strip().partition("/")
        if not name.isidentifier() or suffix not in ("", "$ref") or bool(bracket) != inside.endswith(")"):
            raise invalid(f"Syntax error at '{piece}' in '$expand'.")
        if name in parts:
            raise invalid(f"The navigation property '{name}' is expanded more than once.")
        inner = inner_options(inside[:-1], options)
        if "$levels" in inner.values:
            raise invalid("The query option '$levels' is not supported.")
        parts[name] = _Part(name=name, reference=bool(suffix), options=inner)
    return list(parts.values())


def _checked(parts: Sequence[_Part], before: int = 0) -> int:
    """How many parts there are with those `before` and those nested in them. Raises Refused (400) for too many."""
    total = before + len(parts)
    if total > MAXIMUM_PARTS:
        raise invalid(f"The number of $expand parts exceeds the limit of {MAXIMUM_PARTS}.")
    for part in parts:
        total = _checked(_parts(part.options), total)
    return total
