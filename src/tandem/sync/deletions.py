"""Applies deletions at the end of a read, behind the brakes (rules P8, A5, O3, R6).

Carried out while they are read, ten thousand deletions would be done before anybody could see that there are so many.
"""

from tandem.model.entities import Entity
from tandem.rules.brakes import HoldKind, holds_empty
from tandem.sync.applier import Applier
from tandem.sync.context import Context

MASS_DELETE = HoldKind.MASS_DELETE.value
EMPTY_TABLE = HoldKind.EMPTY_TABLE.value
_CHUNK = 5_000


def settle(context: Context, entity: Entity, applier: Applier) -> int:
    """Apply the deletions of a finished read, or hold them. Returns how many records were deleted.

    Belongs into the transaction that ends the read.
    """
    deletions = context.state.deletions
    carried_out = carry_out_approved(context, entity, applier)
    pending = deletions.pending(entity)
    if not pending:
        return carried_out
    known, affected = applier.count_known(), sum(len(applier.known(chunk)) for chunk in _chunks(pending))
    if context.settings.brakes.holds_deletes(affected, known=known):
        limit = context.settings.brakes.delete_limit(known)
        hold = context.state.journal.add_hold(
            MASS_DELETE, entity, count=affected, known=known, brake=limit, at=context.now()
        )
        deletions.hold(entity, hold)
        return carried_out
    deleted = _delete(context, entity, applier, pending)
    deletions.clear(entity)
    return carried_out + deleted


def carry_out_approved(context: Context, entity: Entity, applier: Applier) -> int:
    """Apply the deletions a person approved since. Returns how many records were deleted."""
    deletions, deleted = context.state.deletions, 0
    for hold in deletions.approved_holds(entity):
        deleted += _delete(context, entity, applier, deletions.held(hold))
        deletions.release(hold)
    return deleted


def holds_if_empty(context: Context, entity: Entity, applier: Applier, *, rows: int) -> bool:
    """Hold the table when it answered empty although its records are known (R6)."""
    known = 0 if rows else applier.count_known()
    if not holds_empty(rows, known=known):
        return False
    if context.state.journal.open_hold(EMPTY_TABLE, entity) is None:
        hold = context.state.journal.add_hold(EMPTY_TABLE, entity, count=known, known=known, brake=0, at=context.now())
        context.state.deletions.add(entity, list(applier.all_known()))
        context.state.deletions.hold(entity, hold)
    return True


def _delete(context: Context, entity: Entity, applier: Applier, ids: list[str]) -> int:
    deleted = sum(applier.delete(chunk) for chunk in _chunks(ids))
    context.state.deletions.count_applied(entity, deleted)
    return deleted


def _chunks(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
