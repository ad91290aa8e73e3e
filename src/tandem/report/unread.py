"""What waits in Dynamics and was not read yet: asked for, because it costs requests, and shown apart (rule N3).

Added to the backlog it would be counted twice: a record that changed ten times is read once.
"""

from dataclasses import dataclass

from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import ChangeTrackingOff, MissingPrivilege, TableUnknown, TokenExpired
from tandem.runtime.subscription import Subscription
from tandem.runtime.syncing import dynamics_of
from tandem.state.streams import Stream
from tandem.sync.tables import synced_entities

_CAP = 5_000
"""Dynamics counts no further (reference 4.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Changes of one table behind its delta token. `capped`: there may be more; `changes` is None where `remark` says
    why nobody can tell."""

    changes: int | None = None
    capped: bool = False
    remark: str | None = None


def count_unread(subscription: Subscription) -> dict[str, Unread]:
    """Ask Dynamics, one request for each table that has a token. Works while `tandem run` is going.

    Raises NotConnected, and what concerns the whole organisation: no sign-in, no answer.
    """
    stored = subscription.state.streams.all()
    with dynamics_of(subscription) as dynamics:
        return {
            entity.value: _count(dynamics, stored[entity])
            for entity in synced_entities(subscription.state)
            if entity in stored
        }


def _count(dynamics: Dynamics, stream: Stream) -> Unread:
    if stream.weak:
        return Unread(remark="no change tracking: nobody can tell")
    if stream.delta_link is None:
        return Unread(remark="no token yet: the table is read from its start")
    try:
        changes = dynamics.count_changes(stream.delta_link)
    except TokenExpired:
        return Unread(remark="the token has expired: the next cycle begins to read the table from its start")
    except (MissingPrivilege, TableUnknown, ChangeTrackingOff) as problem:
        return Unread(remark=problem.message)
    return Unread(changes=changes, capped=changes >= _CAP)
