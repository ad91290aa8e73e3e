"""What people are told: an event once, a state once for as long as it lasts, and where telling them has got to.

A message with every cycle is read by nobody, and one that is sent from the middle of the work is lost with the process
or sent for work that was then taken back. So a notice is a row, written in the transaction of what happened. It is
delivered afterwards, from here; whoever receives it knows a repetition by its uid.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

from tandem.database.port import Database
from tandem.database.statements import load_statements

_SQL = load_statements("tandem.state")


class NoticeKind(StrEnum):
    """What a notice tells."""

    INITIAL_SYNC = "initial-sync"
    ENTITY_COPIED = "entity-copied"
    QUICK_SYNC = "quick-sync"
    SYNC_DOWN = "sync-down"
    RECOVERED = "recovered"
    FIELD_BROKEN = "field-broken"
    FIELD_HEALED = "field-healed"
    HOLD = "hold"
    DIGEST = "digest"
    CREDENTIALS_EXPIRE = "credentials-expire"
    VERIFICATION = "verification"
    CAMPAIGN = "campaign"
    REVIEW = "review"


EVENTS = frozenset(
    {
        NoticeKind.INITIAL_SYNC,
        NoticeKind.ENTITY_COPIED,
        NoticeKind.QUICK_SYNC,
        NoticeKind.RECOVERED,
        NoticeKind.FIELD_HEALED,
        NoticeKind.DIGEST,
    }
)
"""Kinds that are over as soon as they are told: each is news. The others are states and last until they are settled."""


class DeliveryState(StrEnum):
    """Where a notice is on its way through one channel."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing told. `about` is the table, column, hold or error it is about; times are ISO 8601 UTC.

    No other notice has its `uid`, not even one of a copy of this database.
    """

    id: int
    uid: str
    kind: NoticeKind
    about: str
    message: str
    advice: str
    at: str
    settled_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notice on one channel; not tried again before `due_at`, `problem` is why the last attempt failed."""

    notice_id: int
    channel: str
    state: DeliveryState
    attempts: int
    due_at: str
    problem: str | None


class Notices:
    """The notices of one subscription and their deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, kind: NoticeKind, about: str, message: str, *, advice: str = "", at: str) -> bool:
        """Tell of an event, or of a state that is not told of already; False where it is. Belongs into the
        transaction of what happened."""
        settled_at = at if kind in EVENTS else None
        row = {"uid": uuid4().hex, "kind": kind.value, "about": about, "message": message, "advice": advice}
        return self._database.run(_SQL["tell"], **row, at=at, settled_at=settled_at) == 1

    def settle(self, kind: NoticeKind, about: str, *, at: str) -> bool:
        """The state has ended: the next one of its kind is news again. False where none was told of."""
        return self._database.run(_SQL["settle_notice"], kind=kind.value, about=about, at=at) == 1

    def open(self, kind: NoticeKind) -> list[Notice]:
        """The states of this kind that go on, oldest first."""
        return [_notice(row) for row in self._database.all(_SQL["open_notices"], kind=kind.value)]

    def newest(self, *, limit: int) -> list[Notice]:
        """The last notices, newest first."""
        return [_notice(row) for row in self._database.all(_SQL["notices"], limit=limit)]

    # Delivery -----------------------------------------------------------------------------------------------------

    def queue(self, channel: str, *, since: str, at: str) -> None:
        """Every notice told since then is to go through this channel, those that went already excepted."""
        self._database.run(_SQL["queue_deliveries"], channel=channel, since=since, at=at)

    def due(self, channel: str, *, at: str, latest: str) -> list[tuple[Notice, int]]:
        """The notices to try on this channel now, oldest first, with the attempts made so far.

        What is to wait beyond `latest` was told to by a clock that was wrong, and waits no longer.
        """
        rows = self._database.all(_SQL["due_deliveries"], channel=channel, at=at, latest=latest)
        return [(_notice(row[:-1]), row[-1]) for row in rows]

    def take(self, notice_id: int, channel: str, *, attempts: int, until: str) -> bool:
        """An attempt begins, and until then there is no other; False where somebody else has begun one since `due`
        told of so many attempts."""
        row = {"notice_id": notice_id, "channel": channel, "attempts": attempts, "due_at": until}
        return self._database.run(_SQL["take_delivery"], **row) == 1

    def attempted(self, notice_id: int, channel: str, state: DeliveryState, *, problem: str | None = None) -> None:
        """How the attempt that was begun ended."""
        row = {"notice_id": notice_id, "channel": channel, "state": state.value, "problem": problem}
        self._database.run(_SQL["attempted_delivery"], **row)

    def give_up(self, channel: str, *, before: str) -> None:
        """What was told before then and is not delivered is not tried any more."""
        self._database.run(_SQL["give_up_deliveries"], channel=channel, before=before)

    def deliveries(self, notices: Collection[int]) -> list[Delivery]:
        """The deliveries of these notices."""
        rows = self._database.all(_SQL["deliveries"], notices=self._database.array(list(notices)))
        return [
            Delivery(
                notice_id=row[0],
                channel=row[1],
                state=DeliveryState(row[2]),
                attempts=row[3],
                due_at=row[4],
                problem=row[5],
            )
            for row in rows
        ]


def _notice(row: tuple[object, ...]) -> Notice:
    number, uid, kind, about, message, advice, at, settled_at = row
    return Notice(
        id=int(str(number)),
        uid=str(uid),
        kind=NoticeKind(str(kind)),
        about=str(about),
        message=str(message),
        advice=str(advice),
        at=str(at),
        settled_at=None if settled_at is None else str(settled_at),
    )
