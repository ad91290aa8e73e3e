"""Gives the losing value of a collision back to its person (rules P4, N7).

A value that a rule set aside was somebody's work. Giving it back is an edit like any other, so that it is logged, can
collide again, and reaches Dynamics by the same rules as if it had been typed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tandem.database.port import Database
from tandem.mapping.projection import decode_value
from tandem.model.errors import NeedsPerson
from tandem.rules.fields import Winner
from tandem.state import SyncState
from tandem.state.journal import CollisionFilter
from tandem.sync.edits import Change, Edits

_PIECE = 200
"""Collisions that are given back in one transaction: marketing's own edits wait no longer than for these."""


class NoSuchCollision(NeedsPerson):
    """A collision was named that is not in the journal."""

    code = "no-such-collision"
    advice = "`tandem conflicts` lists the collisions with their ids."


class NotRestorable(NeedsPerson):
    """The losing value of a collision cannot be given back."""

    code = "not-restorable"
    advice = "Correct the value on the side it belongs to."


def restore(state: SyncState, edits: Edits, collision_id: int, *, at: str) -> tuple[int, list[Change]]:
    """Give the losing value back; return the person, and what changed: nothing where the value is there already.

    Belongs into a transaction. Raises NoSuchCollision, NotRestorable, or what an edit of the field raises.
    """
    collision = state.journal.collision(collision_id)
    if collision is None:
        raise NoSuchCollision(f"There is no collision {collision_id} in the journal.", collision=collision_id)
    person, field, winner = collision["person_id"], collision["field"], Winner(collision["winner"])
    if person is None:
        raise NotRestorable(
            f"Collision {collision_id} is about a company, and Dynamics' values of accounts always win.",
            advice="Change the account in Dynamics.",
            field=field,
        )
    if collision["state"] == "held":
        hold = state.held_fields.holds_of_people([person]).get((person, field))
        raise NotRestorable(
            f"Collision {collision_id} is held: nobody has lost yet.",
            advice=f"Decide it: `tandem holds --approve {hold}` sends marketing's value, "
            f"`tandem holds --cancel {hold}` takes Dynamics'.",
            field=field,
        )
    if winner is Winner.NOBODY:
        raise NotRestorable(
            f"Nobody lost in collision {collision_id}: it ended before anybody decided.", person=person, field=field
        )
    if _forgotten(collision):
        raise NotRestorable(
            f"The values of collision {collision_id} are not kept any more.",
            advice="For how long they are is the setting keep_journal.",
            person=person,
            field=field,
        )
    lost = decode_value(collision["crm" if winner is Winner.MARKETING else "marketing"])
    changes = edits.put(person, {field: lost}, at=at)
    state.journal.set_collision_state(collision_id, "restored")
    return person, changes


@dataclass(slots=True, kw_only=True)
class Restored:
    """What became of many collisions. `skipped`: (collision, reason) of those whose value could not be given back."""

    given_back: int = 0
    there_already: int = 0
    skipped: list[tuple[int, str]] = field(default_factory=list)


def restorable(state: SyncState, wanted: CollisionFilter) -> Iterator[dict[str, Any]]:
    """The wanted collisions whose losing value can be given back, the newest first, a few at a time.

    Of several collisions of one field of a person only the last one: giving back an older one would undo it.
    """
    before: int | None = None
    while page := state.journal.restorable(wanted, before=before, limit=_PIECE):
        yield from (each for each in page if not _forgotten(each))
        before = page[-1]["id"]


def restore_all(
    database: Database,
    state: SyncState,
    edits: Edits,
    wanted: CollisionFilter,
    *,
    now: Callable[[], str],
) -> Restored:
    """Give back every value that the wanted collisions set aside, a piece in each transaction.

    What is done stays done when it is cut off; the same call goes on with the rest.
    """
    found, before = Restored(), None
    while page := state.journal.restorable(wanted, before=before, limit=_PIECE):
        with database.transaction():
            for collision in page:
                _give_back(state, edits, collision["id"], found, at=now())
        before = page[-1]["id"]
    return found


def _give_back(state: SyncState, edits: Edits, collision_id: int, found: Restored, *, at: str) -> None:
    try:
        _, changes = restore(state, edits, collision_id, at=at)
    except NeedsPerson as problem:
        found.skipped.append((collision_id, problem.message))
    else:
        found.given_back += bool(changes)
        found.there_already += not changes


def _forgotten(collision: dict[str, Any]) -> bool:
    """Two sides that differ cannot both be empty: the values were kept for as long as they are kept, and are gone."""
    return all(collision[name] is None for name in ("base", "marketing", "crm"))
