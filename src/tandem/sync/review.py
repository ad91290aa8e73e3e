"""Has everything read once more before anything is written (rules S9, S10).

Another organisation answers, the same one was set back, or this database was: what is remembered may not be what
Dynamics holds, and a write decided on it would take away what others entered since. So every table is read from its
start, and until each lead and contact was looked at nothing is written. The links stay: they go by the records' ids.

    a write, wanted or under way | what becomes of it
    -----------------------------+------------------------------------------------------------------------------
    a creation                   | wanted, under the same id: found there it is the person's, else it is made
    an update                    | decided anew, from what both sides hold
    a qualification              | given up; if it happened, its contact is found like any other (P11)
    any, in a fork               | given up: the original carries it out
"""

import logging

from tandem.marketing.port import MarketingDatabase
from tandem.model.entities import Entity
from tandem.model.errors import RetryLater
from tandem.rules.brakes import HoldKind
from tandem.state import SyncState
from tandem.state.notices import NoticeKind
from tandem.state.queues import Intent, IntentKind
from tandem.state.reviews import ReviewKind
from tandem.state.streams import Reading, StreamState
from tandem.sync.applier import How
from tandem.sync.campaigns import doubt_lists
from tandem.sync.context import Context
from tandem.sync.pushing.telling import failed_person
from tandem.sync.tables import Tables

log = logging.getLogger("tandem.sync")

GIVEN_UP = {
    ReviewKind.RELINK: "The organisation was linked again before it was known to be done: ask again.",
    ReviewKind.ADOPT: "The database was adopted before it was known to be done: ask again.",
    ReviewKind.FORK: "The database is a fork now; the original carries it out.",
}
"""Why a write that was asked for is not made."""
_ABOUT = "review"
_PAGE = 1_000
_OVER = "Every lead and contact was looked at: what marketing changed is written to Dynamics again."
_OF_READING = (HoldKind.MASS_DELETE, HoldKind.EMPTY_TABLE)


class ReviewGoesOn(RetryLater):
    """Nothing may be written yet."""

    code = "review-goes-on"
    advice = (
        "Nothing was written. `tandem run` or `tandem sync` reads the tables; when every lead and contact was looked "
        "at, writing goes on. `tandem status` shows how far it is."
    )


def begin_review(
    state: SyncState, marketing: MarketingDatabase, kind: ReviewKind, reason: str, *, by: str, at: str
) -> None:
    """Have every table read from its start, and nothing written before that. Belongs into a transaction, under the
    locks of the engine and of writing."""
    state.reviews.begin(kind, reason, by=by, at=at)
    state.notices.settle(NoticeKind.REVIEW, _ABOUT, at=at)
    state.notices.tell(NoticeKind.REVIEW, _ABOUT, _going_on(reason), advice=ReviewGoesOn.advice, at=at)
    if kind is ReviewKind.RELINK:
        state.reviews.forget_versions()
        marketing.forget_versions()
    doubt_lists(state)
    for entity, stream in state.streams.all().items():
        state.deletions.forget(entity)
        while doubts := state.verifications.doubts(entity, finished=stream.reads_begun + 1, limit=_PAGE):
            state.verifications.settle_doubts(entity, [each.crm_id for each in doubts])
        if kind is ReviewKind.RELINK:
            # What waits are rows of the former organisation.
            state.waiting.forget(entity)
    read_from_the_start(state, reason, Reading.RELINK if kind is ReviewKind.RELINK else Reading.ADOPT)
    for hold in state.journal.holds():
        if hold.state == "open" and hold.kind in _OF_READING:
            state.journal.settle_hold(hold.id, "cancelled", at=at)
    _settle_intents(state, marketing, kind, at=at)
    log.info("review begun", extra={"kind": kind.value, "by": by})


def read_from_the_start(state: SyncState, reason: str, reading: Reading | None = None) -> None:
    """Have what was read be read once more: the places that are known lead nowhere any more. `reading` says why, where
    it is not that alone. Belongs into a transaction, under the lock of the engine."""
    for entity, stream in state.streams.all().items():
        if stream.reads_begun:
            stream.begin_again(reason, reading)
        # Its successor goes with it: that one's place is as lost, and another one begins where it is needed.
        state.streams.drop(entity)
        state.streams.put(stream)
    state.quick_syncs.begin_anew()


def require_no_review(state: SyncState) -> None:
    """Raise ReviewGoesOn while nothing may be written."""
    review = state.reviews.open()
    if review is not None:
        raise ReviewGoesOn(_going_on(review.reason))


def end_review(context: Context, tables: Tables) -> bool:
    """True where this ends the review that goes on: every lead and contact was looked at.

    Where only one of their two tables is there, that one is enough.
    """
    state, at = context.state, context.now()
    streams = [stream for entity, stream in state.streams.all().items() if entity.is_person]
    if not streams or any(stream.state is not StreamState.LIVE for stream in streams):
        return False
    for entity, applier in tables.people().items():
        # Their persons may have had a later record, and whether that is there was not known when they were read.
        plan = tables.plans[entity]
        rows, _ = context.dynamics.fetch(plan.table, state.links.undone(entity), plan.decoder)
        with context.database.transaction():
            applier.apply(rows, How.BASELINE)
    with context.database.transaction():
        state.notices.settle(NoticeKind.REVIEW, _ABOUT, at=at)
        state.notices.tell(NoticeKind.RECOVERED, _ABOUT, _OVER, advice="Nothing to do.", at=at)
        ended = state.reviews.end(at=at)
    log.info("review over")
    return ended


def _going_on(reason: str) -> str:
    return f"{reason} Until every lead and contact was looked at once, nothing is written to Dynamics."


def _settle_intents(state: SyncState, marketing: MarketingDatabase, kind: ReviewKind, *, at: str) -> None:
    begun, wanted = state.intents.begun(), state.intents.wanted()
    kept = [each for each in begun if each.kind is IntentKind.CREATE and kind is not ReviewKind.FORK]
    state.intents.not_begun(kept, at=at)
    state.intents.end([each for each in begun if each not in kept])
    lost = [each for each in begun if each.kind is IntentKind.QUALIFY]
    if kind is ReviewKind.FORK:
        state.intents.end(wanted)
        lost = [each for each in [*begun, *wanted] if each.kind is not IntentKind.UPDATE]
    for each in lost:
        _give_up(state, marketing, each, GIVEN_UP[kind], at=at)


def _give_up(state: SyncState, marketing: MarketingDatabase, intent: Intent, reason: str, *, at: str) -> None:
    person = marketing.people.resolve(intent.person_id)
    entity = Entity.CONTACT if intent.kind is IntentKind.QUALIFY else intent.entity
    if person is not None:
        marketing.people.log([failed_person(person, entity, reason)], at=at)
    if intent.action_id is not None:
        state.actions.settle(intent.action_id, "refused", reason, at=at)
