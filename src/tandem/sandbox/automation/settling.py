"""What stand-ins for flows do some time after a write: the echo that a sync meets when its own reply is long gone.

Nothing here happens by itself, because a test must say when. It happens in rounds: what a round sets in motion waits
for the next, so two stand-ins that undo each other go on for ever and a call still ends.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tandem.sandbox.automation.plug_ins import AnyPlugIn, Row
from tandem.sandbox.messages import Refused
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.writing.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How many acts were carried out, how many failed (the row gone, closed or locked), and how many wait now."""

    done: int
    failed: int
    waiting: int


def settle(organisation: Organisation, user: Callable[[], str], *, rounds: int = 1) -> Settled:
    """Carry out what waits, in its order, as the `user` that is asked for then; each act is its own transaction."""
    outcomes: list[bool] = []
    for _ in range(rounds):
        outcomes += [_carry_out(organisation, user(), *act) for act in _taken(organisation)]
    waiting = organisation.connection.execute("SELECT count(*) FROM left_for_later").get
    return Settled(done=sum(outcomes), failed=len(outcomes) - sum(outcomes), waiting=int(str(waiting)))


def _taken(organisation: Organisation) -> list[tuple[AnyPlugIn, str, Row | None]]:
    """What waits, in its order; it waits no longer, for a failed act is not tried again."""
    with organisation.transaction():
        found = organisation.connection.execute(
            "DELETE FROM left_for_later RETURNING position, plug_in, row_id, row_before"
        ).fetchall()
    return [
        (
            msgspec.json.decode(str(plug_in), type=AnyPlugIn),
            str(row_id),
            msgspec.json.decode(str(before), type=Row | None),
        )
        for _, plug_in, row_id, before in sorted(found)
    ]


def _carry_out(organisation: Organisation, user: str, plug_in: AnyPlugIn, row_id: str, before: Row | None) -> bool:
    """Do one act; False where the organisation refuses it."""
    table = organisation.tables[plug_in.table]
    records = Records(organisation, organisation.caller(user), cause=plug_in)
    try:
        with organisation.transaction():
            changes = plug_in.changes(table, records.existing(table, row_id), before)
            if changes is not None:
                records.update(table, row_id, dict(changes))
    except Refused:
        return False
    return True
