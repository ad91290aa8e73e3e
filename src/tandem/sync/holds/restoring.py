"""Gives the losing value of a collision back to its person (rules P4, N7).

A value that a rule set aside was somebody's work. Giving it back is an edit like any other, so that it is logged, can
collide again, and reaches Dynamics by the same rules as if it had been typed.
"""

from tandem.mapping.projection import decode_value
from tandem.model.errors import NeedsPerson
from tandem.rules.fields import Winner
from tandem.state import SyncState
from tandem.sync.edits import Change, Edits


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
    lost = decode_value(collision["crm" if winner is Winner.MARKETING else "marketing"])
    changes = edits.put(person, {field: lost}, at=at)
    state.journal.set_collision_state(collision_id, "restored")
    return person, changes
