"""What a query says, whichever language it was written in: FetchXML's elements, still by the names the caller used.

FetchXML and SQL are read into these, so the two cannot come to mean different things (reference 3.8).
"""

from dataclasses import dataclass
from enum import StrEnum

from tandem.sandbox.query.grouping import Aggregate


class LinkType(StrEnum):
    """How a linked table takes part; the value is FetchXML's own. [k]"""

    INNER = "inner"
    NATURAL = "natural"
    OUTER = "outer"
    IN = "in"
    EXISTS = "exists"
    FIRST = "matchfirstrowusingcrossapply"
    ANY = "any"
    NOT_ANY = "not any"
    ALL = "all"
    NOT_ALL = "not all"


JOINED = frozenset({LinkType.INNER, LinkType.NATURAL, LinkType.OUTER, LinkType.FIRST})
"""Links whose columns can be shown and named in conditions."""

SEMIJOINED = frozenset({LinkType.IN, LinkType.EXISTS})
"""Links that leave rows out and show none of their columns."""

FILTERING = frozenset({LinkType.ANY, LinkType.NOT_ANY, LinkType.ALL, LinkType.NOT_ALL})
"""Links that stand inside a filter, as a condition does."""


class DatePart(StrEnum):
    """The part of a date that rows are grouped by."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A column to show. With `group`, `part` says which part of a date; `distinct` belongs to COUNT_COLUMN."""

    name: str
    alias: str | None = None
    aggregate: Aggregate | None = None
    group: bool = False
    part: DatePart | None = None
    distinct: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A condition on one column: of this table, or of the joined one that `entity` names.

    `other` is the column that it is compared with, instead of `values`; `alias.column` for one of another table.
    """

    column: str
    operator: str
    values: tuple[str, ...] = ()
    entity: str | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """All of its parts are true, or with `either` at least one."""

    parts: "tuple[Test | Filter | Link, ...]"
    either: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """One term of the order, by the name of a column or by the alias that an aggregate query gave one."""

    column: str | None = None
    alias: str | None = None
    entity: str | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A table of the query. `attributes` is None where all columns are wanted."""

    table: str
    attributes: tuple[Attribute, ...] | None = None
    filters: tuple[Filter, ...] = ()
    sorts: tuple[Sort, ...] = ()
    links: "tuple[Link, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Entity):
    """A table whose column `own` has the value of the column `parent` of the table around it."""

    own: str | None
    parent: str
    alias: str | None = None
    type: LinkType = LinkType.INNER


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A whole query. `page` counts from 1; `skip` rows are passed over before the first page.

    `plain_order` sorts choices by their numbers, not by their labels; `limit` lowers the cap of an aggregate query.
    """

    entity: Entity
    top: int | None = None
    count: int | None = None
    page: int = 1
    skip: int = 0
    cookie: str | None = None
    total: bool = False
    distinct: bool = False
    aggregate: bool = False
    limit: int | None = None
    plain_order: bool = False
