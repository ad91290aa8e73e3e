"""The way from a custom entity's record to the lead, contact or account it belongs to (rule C1).

A record hung on whatever happened to be found first would show one customer's orders at another. So every way there
is shown, one is proposed by a rule that is written down, and an administrator picks exactly one.

A lookup leads from the table that has it to the table it points to; a path is one lookup or two. It starts at any table
but those that are synced anyway, and the parties of activities, which are parts of these.

    the lookup | leads to                           | outcome
    -----------+------------------------------------+--------------------------------------------------------------
    first      | contact, lead or account           | END      further on it would be another's: a contact's account
    first      | the same table                     | NOWHERE  neither a path nor a circle
    first      | a user, team, owner, business unit | NOWHERE  who works on a record is not whom it concerns
    first      | any other table                    | ON       that table stands between
    second     | contact, lead or account           | END
    second     | any other table                    | NOWHERE  a third level

A polymorphic lookup is one lookup per table it may point to. Two lookups to the same table are two paths. A
many-to-many relationship is none: it would give a record several places.

    proposed is, of all paths of a table, the one with
    1. the fewest lookups
    2. the nearest end: contact, then lead, then account (a person says more than its company)
    3. the names that come first in the alphabet: first lookup, table between, second lookup
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson

LONGEST = 2
"""The most lookups a path has."""

ENDS = (Entity.CONTACT, Entity.LEAD, Entity.ACCOUNT)
"""Where a path may end; of two paths of one length, the one to the earlier is proposed."""

_STAFF = frozenset({Entity.USER.value, Entity.TEAM.value, "owner", "businessunit"})
_PARTIES = "activityparty"


class Following(Enum):
    """What becomes of a path at a lookup."""

    END = auto()
    ON = auto()
    NOWHERE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One lookup: the `column` of `table` that points to `target`; all are logical names."""

    table: str
    column: str
    target: str

    def __str__(self) -> str:
        return f"{self.column}:{self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One or two lookups from a custom entity to a lead, contact or account; each starts where the one before ends."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        chained = all(one.target == next_.table for one, next_ in zip(self.steps, self.steps[1:], strict=False))
        if not 1 <= len(self.steps) <= LONGEST or not chained or self.steps[-1].target not in ENDS:
            raise ValueError(f"{self.steps} is no path")

    @property
    def end(self) -> Entity:
        """Lead, contact or account."""
        return Entity(self.steps[-1].target)

    @property
    def between(self) -> str | None:
        """The intermediate table; None for a path of one lookup."""
        return self.steps[0].target if len(self.steps) > 1 else None

    @property
    def via(self) -> Entity | None:
        """What the second lookup leads to is read by itself, under this name; None for a path of one lookup."""
        return Entity.via(self.steps[1].table, str(self.steps[1])) if len(self.steps) > 1 else None

    def __str__(self) -> str:
        """As it is printed and typed: `new_orderid:new_order.new_customerid:contact`."""
        return ".".join(map(str, self.steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomEntity:
    """An enabled custom entity: its table, that table's name in the organisation's words, and the one path chosen."""

    entity: Entity
    label: str
    path: Path


class NoPath(NeedsPerson):
    """A table has no lookup, and no lookup to a table with a lookup, to lead, contact or account."""

    code = "no-path"
    advice = (
        "Only a table with a lookup to lead, contact or account, or to a table that has one, can be enabled. "
        "`tandem entities --all` lists them; many-to-many relationships do not count."
    )


class PathUnknown(NeedsPerson):
    """A table has no such path."""

    code = "path-unknown"
    advice = "Choose a path that `tandem entities` lists."


class PathTooLong(NeedsPerson):
    """A path of more than two lookups was asked for."""

    code = "path-too-long"
    advice = "A path has one lookup or two. Choose one that `tandem entities` lists."


class PathAmbiguous(NeedsPerson):
    """What was asked for fits more than one path."""

    code = "path-ambiguous"
    advice = "Name the table that each lookup leads to, as `tandem entities` does."


class PathManyToMany(NeedsPerson):
    """A path over a many-to-many relationship was asked for."""

    code = "path-many-to-many"
    advice = (
        "A record has one place, and a many-to-many relationship gives it several: it is no path. Add a lookup to the "
        "table, or enable the table that stands between where it is one of its own with two lookups."
    )


class SecondPath(NeedsPerson):
    """A second path was asked for, where an entity has exactly one."""

    code = "second-path"
    advice = "Name one path. Another one for an enabled entity: `tandem entities --disable` it and `tandem sync` first."


def discover(lookups: Iterable[Step]) -> dict[str, tuple[Path, ...]]:
    """Every path of every table that has one, by logical name; a table's proposed path is its first."""
    leaving: defaultdict[str, set[Step]] = defaultdict(set)
    for lookup in lookups:
        leaving[lookup.table].add(lookup)
    return {
        table: tuple(sorted(paths, key=_rank))
        for table in sorted(leaving)
        if not Entity(table).is_standard and table != _PARTIES and (paths := _paths(leaving, table))
    }


def follow(lookup: Step, *, first: bool) -> Following:
    """What a lookup is on the way from a custom entity; see the table above."""
    if lookup.target in ENDS:
        return Following.END
    if not first or lookup.target == lookup.table or lookup.target in _STAFF:
        return Following.NOWHERE
    return Following.ON


def _paths(leaving: Mapping[str, Iterable[Step]], start: str) -> list[Path]:
    found = []
    for first in leaving[start]:
        match follow(first, first=True):
            case Following.END:
                found.append(Path(steps=(first,)))
            case Following.ON:
                onward = leaving.get(first.target, ())
                found += [
                    Path(steps=(first, second)) for second in onward if follow(second, first=False) is Following.END
                ]
    return found


def _rank(path: Path) -> tuple[int, int, str]:
    return len(path.steps), ENDS.index(path.end), str(path)


def pick(table: str, paths: Sequence[Path], wanted: str | None, *, many_to_many: Iterable[str] = ()) -> Path:
    """The path of `table` that `wanted` names, or the proposed one (the first) where it names none.

    Lookups are joined by dots, each with the table it points to after a colon; the table may be left out where that
    leaves one path. `many_to_many` are the names of such relationships and of the tables between.
    Raises NoPath, PathUnknown, PathTooLong, PathAmbiguous, PathManyToMany.
    """
    parts = [part.strip().lower() for part in wanted.split(".")] if wanted is not None else []
    fitting = [path for path in paths if wanted is None or _fits(path, parts)]
    crossed = {part.partition(":")[0] for part in parts} & {name.lower() for name in many_to_many}
    if not fitting and crossed:
        raise PathManyToMany(f"{min(crossed)} is a many-to-many relationship, not a lookup.", entity=table)
    if len(parts) > LONGEST:
        raise PathTooLong(f"{wanted} has {len(parts)} lookups.", entity=table)
    if not paths:
        raise NoPath(f"The table {table} has no path to lead, contact or account.", entity=table)
    if not fitting:
        raise PathUnknown(f"The table {table} has no path {wanted!r}.", advice=_listing(paths), entity=table)
    if wanted is not None and len(fitting) > 1:
        raise PathAmbiguous(f"{wanted!r} is more than one path of {table}.", advice=_listing(fitting), entity=table)
    return fitting[0]


def _fits(path: Path, parts: Sequence[str]) -> bool:
    return len(path.steps) == len(parts) and all(
        part in (step.column, str(step)) for step, part in zip(path.steps, parts, strict=True)
    )


def _listing(paths: Sequence[Path]) -> str:
    return "Choose one of: " + ", ".join(map(str, paths)) + "."
