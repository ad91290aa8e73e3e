"""Which tables an administrator may enable as custom entities, and why not the others (rules C1, C2, S6).

A table that was enabled and cannot be read fails in the middle of a copy; one that silently is not in the list is
searched for in vain. So every table with a path is shown, and what cannot be enabled says why.

    the table          | it stands | the sync user reads | its changes | outcome
    -------------------+-----------+---------------------+-------------+---------------------------------------------
    virtual or elastic | -         | -                   | -           | UNVERSIONED  no versions order its changes
    an activity        | first     | -                   | -           | ACTIVITY     activities are not synced (S6)
    an activity        | between   | nothing of it       | -           | UNREADABLE
    an activity        | between   | a part of it        | -           | PARTLY       whose changes are not told
    an activity        | between   | all of it           | -           | OPEN
    any other          | -         | nothing of it       | -           | UNREADABLE
    any other          | -         | a part of it        | -           | PARTLY       changes are told to who reads all
    any other          | first     | all of it           | tracked     | OPEN
    any other          | first     | all of it           | not tracked | WEAK         it warns, and does not forbid
    any other          | between   | all of it           | -           | OPEN

What holds for the table between holds for the path; without a definition of it there is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from tandem.rules.paths import Path


class Readable(StrEnum):
    """How much of a table the sync user may read."""

    NOTHING = "nothing"
    PART = "part"
    ALL = "all"


class Standing(Enum):
    """Whether a table can be enabled, or stand between, and else the reason in words."""

    OPEN = ""
    WEAK = "change tracking is off: a weak stream, deletions are found once a day"
    ACTIVITY = "activities are not synced"
    UNVERSIONED = "elastic and virtual tables have no row versions that order their changes"
    UNREADABLE = "the sync user has no read privilege"
    PARTLY = "the sync user reads a part of it only, not the whole organisation"

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be; None where it can."""
        return None if self in (Standing.OPEN, Standing.WEAK) else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a table is, as far as its offer depends on it. `kind`: Standard, Elastic or Virtual (reference 2.2)."""

    name: str
    label: str
    custom: bool
    activity: bool
    kind: str
    change_tracking: bool
    readable: Readable


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedPath:
    """A path and, where it cannot be chosen, the reason."""

    path: Path
    obstacle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A table with its paths: those that can be chosen first, the proposed one first of all."""

    table: Outline
    paths: tuple[OfferedPath, ...]

    @property
    def obstacle(self) -> str | None:
        """Why the table cannot be enabled by any path."""
        return self.paths[0].obstacle

    @property
    def warning(self) -> str | None:
        """What to know before it is enabled."""
        standing = decide_standing(self.table, first=True)
        return standing.value if standing is Standing.WEAK else None


def decide_standing(table: Outline, *, first: bool) -> Standing:
    """Whether a table can be enabled (`first`), or can stand between."""
    if table.kind != "Standard":
        return Standing.UNVERSIONED
    if table.activity and first:
        return Standing.ACTIVITY
    match table.readable:
        case Readable.NOTHING:
            return Standing.UNREADABLE
        case Readable.PART:
            return Standing.PARTLY
        case Readable.ALL:
            return Standing.OPEN if table.change_tracking or not first else Standing.WEAK


def offer(table: Outline, paths: Sequence[Path], outline: Callable[[str], Outline | None]) -> Offer:
    """What is offered of a table with these paths, the nearest first; `outline` tells of the tables between."""
    own = decide_standing(table, first=True).obstacle
    offered = [OfferedPath(path=path, obstacle=own or _on_the_way(path, outline)) for path in paths]
    return Offer(table=table, paths=tuple(sorted(offered, key=lambda each: each.obstacle is not None)))


def _on_the_way(path: Path, outline: Callable[[str], Outline | None]) -> str | None:
    if path.between is None:
        return None
    table = outline(path.between)
    reason = decide_standing(table, first=False).obstacle if table else "the organisation does not describe it"
    return f"{path.between}, on the way: {reason}" if reason else None
