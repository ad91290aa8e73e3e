"""What somebody asks for in marketing, as the work of a process of its own.

Whoever gets no answer asks again, and may have been answered all the same: asking twice for what was done is no error.
"""

from contextlib import suppress

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
from tandem.model.entities import Entity
from tandem.runtime import instance
from tandem.runtime.acting import acting
from tandem.runtime.relinking import NothingToRelink, relinking
from tandem.runtime.subscription import Subscription
from tandem.sync.edits import UnknownPerson
from tandem.sync.removing import Removing


def make_record(subscription: Subscription, *, person: int, wanted: Entity, request: str | None = "first") -> None:
    """*Sync Person to Microsoft* (F1); `request` None asks under a new id each time."""
    with acting(subscription) as (engine, context):
        perform(engine, context, Action.SYNC_PERSON, person, {"as": wanted.value}, request)


def delete_person(subscription: Subscription, *, person: int, never_return: bool = False) -> None:
    """*Delete Person* (F5)."""
    with suppress(UnknownPerson):
        _removing(subscription).delete(person, at=subscription.now(), never_return=never_return)


def merge_people(subscription: Subscription, *, winner: int, loser: int) -> None:
    """*Merge People* (P16)."""
    with suppress(UnknownPerson):
        _removing(subscription).merge(winner, loser, at=subscription.now())


def relink(subscription: Subscription) -> None:
    """`tandem relink`."""
    with relinking(subscription) as work, suppress(NothingToRelink):
        work.carry_out(work.compare())


def adopt(subscription: Subscription) -> None:
    """`tandem adopt`, for a database that is refused."""
    if instance.look(subscription) is not instance.Verdict.SAME:
        instance.adopt(subscription)


def _removing(subscription: Subscription) -> Removing:
    return Removing(subscription.database, subscription.marketing, subscription.state)
