"""Tells people of what became of a cycle (rule N5): what is down once and not every cycle, that it works again, what a
brake holds, and once a day which records failed.

Notices are written from what is known at the end of a cycle, in the transaction that records it. A state that is told
of already is told of no second time, so a cycle killed before its end is made up for by the next one.
"""

from collections.abc import Collection, Sequence

from tandem.dynamics.errors import CertificateOver, Refused
from tandem.model.entities import Entity
from tandem.model.errors import RetryLater, TandemError
from tandem.rules.notices import DIGEST_EVERY, expiry_warning, is_digest_due, later, tells_failure
from tandem.state import SyncState
from tandem.state.journal import Failures, Hold
from tandem.state.notices import Notice, NoticeKind

_WHOLE = "sync:"
"""Begins what a notice is about where everything is down; a single table is named as it is."""
_DIGEST_AT = "digest_at"
EXPIRE_AT = "credentials_expire_at"
"""The setting that says when the credentials end; absent where nobody can know."""
_CAUSES = 20
"""The most causes that one digest lists."""


def tell_complete(state: SyncState, *, at: str) -> None:
    """The first copy came to its end. Belongs into the transaction that notes it."""
    state.notices.tell(
        NoticeKind.INITIAL_SYNC,
        "sync",
        "The first copy is complete: everything that is synced was copied from Dynamics.",
        advice="Nothing to do: `tandem run` keeps both sides in step; `tandem status` shows what was copied.",
        at=at,
    )


def tell_copied(state: SyncState, entity: Entity, *, at: str) -> None:
    """What was enabled later was copied (C3); what is copied before the first copy is complete is told of with that.

    Belongs into the transaction that ends the copy.
    """
    if entity.is_path or state.setting("first_copy_completed_at") is None:
        return
    state.notices.tell(
        NoticeKind.ENTITY_COPIED,
        entity.value,
        f"{entity.value} was copied from Dynamics.",
        advice="Nothing to do: its changes follow with every sync; `tandem status` shows how many records there are.",
        at=at,
    )


def tell_stopped(state: SyncState, problem: TandemError, *, at: str) -> None:
    """Everything stopped for this reason; what passes by itself is told only when it does not. Belongs into a
    transaction."""
    passes, since = isinstance(problem, RetryLater), state.journal.failing_since() or at
    if not tells_failure(passes=passes, since=since, at=at):
        return
    what = f"The sync has not worked since {since}" if passes else "The sync is down"
    message = f"{what}: {problem.message}"
    state.notices.tell(NoticeKind.SYNC_DOWN, _WHOLE + problem.code, message, advice=problem.remedy, at=at)


def told_down(state: SyncState) -> list[Notice]:
    """What stops everything, as people were told of it, oldest first; none once a cycle has come to its end."""
    return [each for each in state.notices.open(NoticeKind.SYNC_DOWN) if each.about.startswith(_WHOLE)]


def tell_works(state: SyncState, *, at: str) -> None:
    """A cycle came to its end. Belongs into the transaction that records it."""
    ended = told_down(state)
    for each in ended:
        state.notices.settle(NoticeKind.SYNC_DOWN, each.about, at=at)
    if ended:
        _recovered(state, "sync", "The sync works", since=ended[0].at, at=at)


def tell_unreadable(state: SyncState, entity: Entity, problem: TandemError, *, at: str) -> None:
    """One table could not be read. Belongs into the transaction that notes it."""
    message = f"The table {entity.value} is not read, everything else goes on: {problem.message}"
    state.notices.tell(NoticeKind.SYNC_DOWN, entity.value, message, advice=problem.remedy, at=at)


def tell_readable(state: SyncState, entities: Collection[Entity], *, at: str) -> None:
    """These tables were read. Belongs into the transaction that notes it."""
    names = {each.value for each in entities}
    for each in state.notices.open(NoticeKind.SYNC_DOWN):
        if each.about in names:
            state.notices.settle(NoticeKind.SYNC_DOWN, each.about, at=at)
            _recovered(state, each.about, f"The table {each.about} is read", since=each.at, at=at)


def tell_disabled(state: SyncState, entity: Entity, *, at: str) -> None:
    """What was wrong with a table concerns nobody any more: it is not synced. Belongs into the transaction that forgets
    it."""
    for kind in (NoticeKind.SYNC_DOWN, NoticeKind.FIELD_BROKEN):
        for each in state.notices.open(kind):
            if each.about == entity.value or each.about.startswith(f"{entity.value}."):
                state.notices.settle(kind, each.about, at=at)


def _recovered(state: SyncState, about: str, what: str, *, since: str, at: str) -> None:
    message = f"{what} again; it was not since {since}. What changed meanwhile is caught up with."
    state.notices.tell(NoticeKind.RECOVERED, about, message, advice="Nothing to do.", at=at)


def tell_braked(state: SyncState, *, at: str) -> None:
    """What the brakes hold (R6), and no more what was decided. Fields of single people are for `tandem holds` alone.
    Belongs into a transaction."""
    # A hold that still counts nothing is looked at when the read that fills it has ended.
    held = {str(each.id): each for each in state.journal.braked() if each.count}
    for notice in state.notices.open(NoticeKind.HOLD):
        if notice.about not in held:
            state.notices.settle(NoticeKind.HOLD, notice.about, at=at)
    for about, hold in held.items():
        state.notices.tell(NoticeKind.HOLD, about, _held(hold), advice=_ON_HOLDS, at=at)


_ON_HOLDS = "`tandem holds` shows what is held and what approving and cancelling do; everything else goes on."


def _held(hold: Hold) -> str:
    field = f", field {hold.field}" if hold.field else ""
    return f"Work on {hold.entity.value} waits for a decision ({hold.kind}{field}: {hold.count:,} of {hold.known:,})."


def tell_expiry(state: SyncState, *, at: str) -> None:
    """The end of the credentials is near; not any more, once they were replaced. Belongs into a transaction."""
    ends_at = state.setting(EXPIRE_AT)
    days = expiry_warning(ends_at, at) if ends_at else None
    about = f"{ends_at}, {days} days before" if days else None
    for notice in state.notices.open(NoticeKind.CREDENTIALS_EXPIRE):
        if notice.about != about:
            state.notices.settle(NoticeKind.CREDENTIALS_EXPIRE, notice.about, at=at)
    if about:
        message = f"The certificate that Tandem signs in with ends on {ends_at}. From then on nothing is synced."
        state.notices.tell(NoticeKind.CREDENTIALS_EXPIRE, about, message, advice=CertificateOver.advice, at=at)


def tell_digest(state: SyncState, *, at: str) -> None:
    """Once a day the records that failed since the last time, none where nothing failed. Belongs into a transaction."""
    last = state.setting(_DIGEST_AT)
    if last is None:
        first = state.journal.last_cycle()
        state.put_setting(_DIGEST_AT, first["begun_at"] if first else at)
        return
    if not is_digest_due(last, at):
        return
    state.put_setting(_DIGEST_AT, at)
    since = min(last, later(at, -DIGEST_EVERY))
    failed = state.journal.failed_since(since)
    if failed:
        state.notices.tell(NoticeKind.DIGEST, at[:10], _digest(failed, since), advice=_ON_DIGEST, at=at)


_ON_DIGEST = (
    "`tandem errors` lists the records; when the cause has gone, `tandem errors --retry all` tries them again at once."
)


def _digest(failed: Sequence[Failures], since: str) -> str:
    total = sum(each.records for each in failed)
    lines = [f"{total:,} records failed to sync since {since}."]
    for each in failed[:_CAUSES]:
        # What a plug-in says may name a person; it stays where that person's data can be erased.
        said = "Dynamics refused, and said why." if each.code == Refused.code else each.message
        lines.append(f"- {each.records:,} x {each.entity.value}, {each.operation}: {said} [{each.code}]")
        lines.append(f"  {each.advice}")
    if len(failed) > _CAUSES:
        lines.append(f"- and {len(failed) - _CAUSES} more causes")
    return "\n".join(lines)
