"""Keeps single fields of people still until somebody decides about them (rules P4, P15, R6).

One contested field must neither be written over nor keep the rest of the person from moving; so the field alone is
held, both values stay where they are, and the hold says what approving and cancelling would do.
"""

from collections.abc import Iterable, Sequence

from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.fields import Held, Winner
from tandem.sync.context import Context


def hold_fields(context: Context, entity: Entity, page: Iterable[tuple[PersonId, Held]]) -> None:
    """Hold fields, each under a hold of its own. Belongs into the transaction that stores what led to it."""
    journal, at = context.state.journal, context.now()
    for person, held in page:
        hold = journal.add_hold(
            held.why.value, entity, count=1, known=1, brake=0, at=at, person_id=person, field=held.field
        )
        context.state.held_fields.hold([(person, held.field)], hold)


def free_fields(context: Context, page: Sequence[tuple[PersonId, str]]) -> None:
    """Both sides came to agree on these by themselves. Belongs into a transaction."""
    for person, field in page:
        context.state.journal.settle_field_hold(person, field, at=context.now())
    context.state.journal.settle_collisions(page, Winner.NOBODY.value)
    context.state.held_fields.release(page)
