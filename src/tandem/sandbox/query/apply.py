"""`$apply`: rows filtered, grouped and aggregated (reference 3.3).

What is grouped by an empty column is a group of its own. The shape of a group by a path, an object inside the object,
is OData's. [infer]
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tandem.sandbox.messages import Refused, Response
from tandem.sandbox.paths import split_outside
from tandem.sandbox.query.comparisons import collated
from tandem.sandbox.query.condition import EVERY_ROW, Condition, Fragment, all_of, invalid
from tandem.sandbox.query.expand import Row
from tandem.sandbox.query.filter import filter_condition
from tandem.sandbox.query.grouping import GROUPED, Aggregate, Value, aggregated, check_size, groups_of
from tandem.sandbox.query.options import refuse_others
from tandem.sandbox.query.pages import Term
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.render import annotations_json, joined, quoted, value_json
from tandem.sandbox.query.rows import Listing, Query, read_page
from tandem.sandbox.query.sources import Source, find_path
from tandem.sandbox.tables import ColumnDefinition, ColumnType

_TRANSFORMATION = re.compile(r"(?P<name>\w+)\s*\((?P<inside>.*)\)", re.DOTALL)
_COUNTED = re.compile(r"\$count\s+as\s+(?P<alias>\w+)")
_AGGREGATED = re.compile(r"(?P<path>[\w/]+)\s+with\s+(?P<method>\w+)\s+as\s+(?P<alias>\w+)")

_METHODS: Mapping[str, Aggregate] = {
    "sum": Aggregate.SUM,
    "average": Aggregate.AVERAGE,
    "min": Aggregate.MINIMUM,
    "max": Aggregate.MAXIMUM,
    "countdistinct": Aggregate.COUNT_COLUMN,
}


def read_groups(reading: Reading, listing: Listing) -> Response:
    """A page of groups. Raises Refused (400): 0x80060888 for what cannot be read, 0x8004E023 for too many rows."""
    refuse_others(reading.options, ("$apply", "$orderby", "$top", "$count", "$skiptoken"))
    wanted, values = _pipeline(reading, listing, str(reading.options.get("$apply")))
    rows = Fragment(listing.source.named)
    check_size(reading, rows, wanted)
    query = Query(rows=groups_of(reading, rows, wanted, values), wanted=EVERY_ROW, order=_order(reading, values))
    names = dict.fromkeys(value.alias.partition("/")[0] for value in values)
    context = f"{listing.source.table.entity_set}({','.join(names)})"
    shown = _object(reading, [(value.alias.split("/"), value.column) for value in values])
    return read_page(reading, query, Row(sql=Fragment(shown)), path=listing.path, context=context)


def _pipeline(reading: Reading, listing: Listing, text: str) -> tuple[Condition, Sequence[Value]]:
    """Which rows are looked at, and what is made of them."""
    wanted = listing.within
    values: Sequence[Value] = ()
    for piece in split_outside(text, "/"):
        name, inside = _called(piece)
        if values:
            raise invalid(f"'{name}' cannot follow a grouping in '$apply'.")
        if name == "filter":
            wanted = all_of(wanted, filter_condition(reading, listing.source, inside))
        elif name == "groupby":
            values = _groups(reading, listing.source, inside)
        elif name == "aggregate":
            values = _aggregates(reading, listing.source, inside)
        else:
            raise invalid(f"The transformation '{name}' in '$apply' is not supported.")
    if not values:
        raise invalid("'$apply' needs a 'groupby' or an 'aggregate'.")
    names = [value.alias for value in values]
    if len(set(names)) < len(names) or any(inner.startswith(f"{name}/") for name in names for inner in names):
        raise invalid("'$apply' gives two values one name.")
    numbered = [
        replace(value, column=replace(value.column, name=f"value{number}")) for number, value in enumerate(values)
    ]
    return wanted, numbered


def _groups(reading: Reading, source: Source, text: str) -> list[Value]:
    """`(statuscode,primarycontactid/fullname),aggregate(...)`."""
    first, *rest = (part.strip() for part in split_outside(text, ","))
    if not (first.startswith("(") and first.endswith(")")) or len(rest) > 1:
        raise invalid(f"Syntax error in 'groupby({text})'.")
    values = [_group(reading, source, path.strip()) for path in first[1:-1].split(",")]
    if rest:
        name, inside = _called(rest[0])
        if name != "aggregate":
            raise invalid(f"Syntax error at '{rest[0]}' in 'groupby'.")
        values += _aggregates(reading, source, inside)
    return values


def _group(reading: Reading, source: Source, path: str) -> Value:
    found = find_path(reading, source, path)
    if found.column.type is ColumnType.CHOICES:
        raise invalid(f"The column '{path}' cannot be grouped by.")
    if found.column.polymorphic and "/" in path:
        raise Refused(501, "0x8006088a", f"Grouping by '{path}' is not implemented by this sandbox.")
    return Value(alias=path, sql=found.sql, column=found.column, origin=found.column.name, group=True)


def _aggregates(reading: Reading, source: Source, text: str) -> list[Value]:
    """`$count as n,revenue with sum as total`."""
    values = []
    for part in (part.strip() for part in text.split(",")):
        path, aggregate = source.table.primary_id, Aggregate.COUNT
        match = _COUNTED.fullmatch(part)
        if match is None:
            match = _AGGREGATED.fullmatch(part)
            if match is None or match["method"] not in _METHODS:
                raise invalid(f"Syntax error at '{part}' in 'aggregate'.")
            path, aggregate = match["path"], _METHODS[match["method"]]
        found = find_path(reading, source, path)
        made = aggregated(aggregate, found.sql, found.column, distinct=True)
        if made is None:
            raise invalid(f"'{path}' of the type '{found.column.type}' cannot be aggregated so: '{part}'.")
        sql, column = made
        values.append(Value(alias=match["alias"], sql=sql, column=column, origin=found.column.name, group=False))
    return values


def _order(reading: Reading, values: Sequence[Value]) -> list[Term]:
    """`$orderby` by the names of the answer, then the groups, so that pages do not overlap."""
    by_alias = {value.alias: value for value in values}
    terms: dict[str, Term] = {}
    parts = [part.strip() for part in (reading.options.get("$orderby") or "").split(",")]
    # Without groups there is one row.
    groups = [value.alias for value in values if value.group] or [values[0].alias]
    for part in [*filter(None, parts), *groups]:
        alias, _, direction = part.partition(" ")
        if alias not in by_alias or direction.strip() not in ("", "asc", "desc"):
            raise invalid(f"Syntax error at '{part}' in '$orderby'.")
        column = by_alias[alias].column
        sql, descending = collated(f"{GROUPED}.{column.name}", column.type), direction.strip() == "desc"
        terms.setdefault(alias, Term(sql=sql, type=column.type, name=column.name, descending=descending))
    return list(terms.values())


def _object(reading: Reading, members: Sequence[tuple[Sequence[str], ColumnDefinition]]) -> str:
    """The SQL of a group as JSON; what has the beginning of its path in common shares an object."""
    parts: list[str] = []
    for name in dict.fromkeys(path[0] for path, _ in members):
        inner = [(path[1:], column) for path, column in members if path[0] == name]
        if inner[0][0]:
            parts += [quoted(f',"{name}":'), _object(reading, inner)]
            continue
        column = inner[0][1]
        tables, preferences = reading.organisation.tables, reading.preferences
        parts += annotations_json(GROUPED, column, tables=tables, preferences=preferences, name=name)
        parts += [quoted(f',"{name}":'), value_json(f"{GROUPED}.{column.name}", column)]
    return f"concat('{{', substr({joined(parts)}, 2), '}}')"


def _called(text: str) -> tuple[str, str]:
    """The name of a transformation and what stands in its parentheses. Raises Refused (400)."""
    match = _TRANSFORMATION.fullmatch(text.strip())
    if match is None:
        raise invalid(f"Syntax error at '{text.strip()}' in '$apply'.")
    return match["name"], match["inside"]
