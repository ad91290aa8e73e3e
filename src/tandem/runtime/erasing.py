"""Erases a person from a subscription, and says what is beyond its reach (rules P9, R2).

What is told of an erasure is filed as its proof. So it counts what was removed, and names what was not.
"""

from dataclasses import dataclass

from tandem.database.port import Dialect
from tandem.runtime.subscription import Subscription
from tandem.sync.erasing import Erased, Erasing

_BACKUPS = "Backups made before keep the values: delete them, or erase again after restoring one."
_LOGS = (
    "Log files hold ids and Dynamics' own words, no values that Tandem wrote; the oldest goes when a new one begins."
)
_READ = "Somebody is reading the database: run the command again later, so that its files hold nothing of it any more."
_VACUUM = "PostgreSQL's files keep what was deleted until it is vacuumed, which it does by itself."


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was erased, or would be, and in words what Tandem cannot reach."""

    erased: Erased
    left: list[str]


def preview(subscription: Subscription, person_id: int) -> Erasure:
    """What `erase` would remove. Raises UnknownPerson."""
    return Erasure(erased=_erasing(subscription).preview(person_id), left=[_BACKUPS, _LOGS])


def erase(subscription: Subscription, person_id: int) -> Erasure:
    """Erase a person from everything Tandem keeps; works while the sync runs. Raises UnknownPerson, WriteUnderWay."""
    erased = _erasing(subscription).erase(person_id, at=subscription.now())
    left = [_BACKUPS, _LOGS]
    if subscription.database.dialect is Dialect.POSTGRESQL:
        left.append(_VACUUM)
    elif not subscription.database.flush():
        left.append(_READ)
    return Erasure(erased=erased, left=left)


def _erasing(subscription: Subscription) -> Erasing:
    return Erasing(subscription.database, subscription.marketing, subscription.state)
