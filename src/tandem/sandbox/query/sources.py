"""The tables of a statement, and the ways from one to the next along navigation properties.

A related row shows only to those who may read it: every step of a filter, an order or an expansion goes through here,
so no way around the caller's rights is left open (reference 1.7, 1.8, 3.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.query.comparisons import collated
from tandem.sandbox.query.condition import Property, find_property, invalid
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.store.privileges import Caller, ColumnRight, Depth, Right, privilege_name
from tandem.sandbox.tables import ColumnDefinition, TableDefinition
from tandem.sandbox.writing.references import find_collection

MAXIMUM_LINKS = 15
"""Links in one query, as `$expand` has parts (reference 6.4). [k]"""

PRINCIPAL = "principal"
"""The type an owner has: users and teams share this base table, whose one own column is `ownerid` (reference 5.4)."""


_UNITS_BELOW = (
    "WITH RECURSIVE below(id) AS (VALUES ({}) UNION SELECT businessunitid FROM businessunit"
    " JOIN below ON parentbusinessunitid = below.id) SELECT id FROM below"
)
"""The business unit and all those below it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table in a statement, and the name it has there."""

    table: TableDefinition
    alias: str

    def sql(self, column: ColumnDefinition) -> str:
        """The SQL that reaches a column."""
        return f"{self.alias}.{column.name}"

    @property
    def named(self) -> str:
        """The table with its name, for a FROM."""
        return f"{self.table.name} AS {self.alias}"

    @property
    def key(self) -> str:
        """The SQL that reaches the primary key."""
        return f"{self.alias}.{self.table.primary_id}"


@dataclass(frozen=True, slots=True)
class Step:
    """Where a navigation property leads, and which of the rows there it means."""

    source: Source
    sql: str

    def select(self, expression: str) -> str:
        """The SQL of an expression over those rows."""
        return f"(SELECT {expression} FROM {self.rows})"  # noqa: S608

    @property
    def rows(self) -> str:
        """What stands behind FROM."""
        return f"{self.source.named} WHERE {self.sql}"


def root(table: TableDefinition) -> Source:
    """The table that is read, under its own name."""
    return Source(table, table.name)


def reach(caller: Caller, source: Source) -> str:
    """Which rows the depth of the caller's Read privilege covers, as SQL (reference 1.7)."""
    depth = caller.depth(privilege_name(source.table, Right.READ))
    if depth is Depth.GLOBAL or "ownerid" not in source.table.columns:
        return "1"
    own = f"{source.alias}.ownerid = '{caller.user_id}'"
    if depth is Depth.BASIC:
        return own
    units = f"'{caller.business_unit_id}'"
    if depth is Depth.DEEP:
        units = _UNITS_BELOW.format(units)
    return f"({own} OR {source.alias}.owningbusinessunit IN ({units}))"


def references(reading: Reading, source: Source, name: str) -> list[Step]:
    """Where a single-valued navigation property leads: one step, for an owner one to each table that has owners.

    Empty where there is no such property; a lookup that is hidden from the caller leads nowhere. Raises Refused (403)
    where the caller may not read the target.
    """
    column, targets = source.table.by_navigation.get(name, (None, ()))
    if column is not None and not reading.caller.may(source.table, column, ColumnRight.READ):
        column = None
    steps = []
    for target in targets:
        alias = f"{source.alias}__{name}" + (f"_{target}" if len(targets) > 1 else "")
        there = _visited(reading, reading.organisation.tables[target], alias)
        sql = f"{there.key} = {source.alias}.{column.name}" if column else "0"
        if column and column.polymorphic:
            sql += f" AND {source.alias}.{column.name}_type = '{target}'"
        steps.append(_within_reach(reading, there, sql))
    return steps


def members(reading: Reading, table: TableDefinition, name: str, *, key: str, alias: str) -> Step | None:
    """Where a collection-valued navigation property leads from the row of that key, or None if there is none.

    `key` is SQL; `alias` names the other table. Through a lookup that is hidden from the caller nothing is found.
    Raises Refused (403) where the caller may not read the other table.
    """
    found = find_collection(reading.organisation, table, name)
    if found is None:
        return None
    there = _visited(reading, found.table, alias)
    if found.lookup is not None:
        sql = f"{there.sql(found.lookup)} = {key}"
        if not reading.caller.may(there.table, found.lookup, ColumnRight.READ):
            sql += " AND 0"
        if found.lookup.polymorphic:
            sql += f" AND {there.sql(found.lookup)}_type = '{table.name}'"
    elif found.end is not None:
        pairs = f"SELECT {found.end.other_column} FROM {found.end.association.pairs} WHERE {found.end.own_column}"  # noqa: S608
        sql = f"{there.key} IN ({pairs} = {key})"
    else:
        return None
    return _within_reach(reading, there, sql)


def follow(reading: Reading, source: Source, path: Sequence[str]) -> list[Step]:
    """The steps of a path of single-valued navigation properties.

    Raises Refused (400) for one that is none, and for a path longer than the links that one query may have. [k]
    """
    if len(path) > MAXIMUM_LINKS:
        raise too_many_links()
    steps: list[Step] = []
    for name in path:
        found = references(reading, source, name)
        if len(found) != 1:
            raise unknown_property(source.table.name, name)
        steps.extend(found)
        source = found[0].source
    return steps


def destination(source: Source, steps: Sequence[Step]) -> Source:
    """Where the steps lead."""
    return steps[-1].source if steps else source


def at_end(steps: Sequence[Step], expression: str) -> str:
    """The SQL of an expression over the row that a path ends at; NULL where there is none."""
    for step in reversed(steps):
        expression = step.select(expression)
    return expression


def find_path(reading: Reading, source: Source, path: str) -> Property:
    """The column at the end of a path such as `primarycontactid/fullname` (reference 3.2).

    Raises Refused: 400 for a name that is none, 403 for a column or a table that the caller may not read.
    """
    *names, last = path.split("/")
    steps = follow(reading, source, names[:-1])
    there = destination(source, steps)
    column, targets = there.table.by_navigation.get(names[-1], (None, ())) if names else (None, ())
    if column is not None and len(targets) > 1:
        if last != "ownerid":
            raise unknown_property(PRINCIPAL, last)
        return reached(steps, readable(reading, there, column))
    steps = follow(reading, source, names)
    there = destination(source, steps)
    return reached(steps, readable(reading, there, find_property(there.table, last)))


def reached(steps: Sequence[Step], found: Property) -> Property:
    """A column of the row that a path ends at."""
    if not steps:
        return found
    return Property(collated(at_end(steps, found.sql), found.column.type), found.column, found.table)


def readable(reading: Reading, source: Source, column: ColumnDefinition) -> Property:
    """The column, unless column security hides it from the caller (reference 1.8; code unconfirmed)."""
    if not reading.caller.may(source.table, column, ColumnRight.READ):
        raise Refused(
            403,
            "0x8004f504",
            f"Caller user with Id {reading.caller.user_id} does not have read permissions to a {column.label}"
            f" secured field on entity {source.table.label}. The requested operation could not be completed.",
        )
    return Property(source.sql(column), column, source.table)


def unknown_property(type_name: str, name: str) -> Refused:
    """The refusal of a property that a type does not have (reference 3.1)."""
    return invalid(f"Could not find a property named '{name}' on type '{NAMESPACE}{type_name}'.")


def too_many_links() -> Refused:
    """The refusal of more links than MAXIMUM_LINKS. [k]"""
    return Refused(400, "0x8004430D", "Number of link entities in query exceeded maximum limit.")


def _visited(reading: Reading, table: TableDefinition, alias: str) -> Source:
    reading.caller.demand(table, Right.READ)
    return Source(table, alias)


def _within_reach(reading: Reading, source: Source, sql: str) -> Step:
    limit = reach(reading.caller, source)
    return Step(source, sql if limit == "1" else f"{sql} AND {limit}")
