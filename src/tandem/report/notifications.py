"""Notifications as people see them in the app: what was told, and through which channels it has gone (rule N5)."""

from dataclasses import dataclass

from tandem.runtime.notifying.delivering import channels_of, heartbeat_of
from tandem.runtime.subscription import Subscription
from tandem.state.notices import Delivery, DeliveryState, NoticeKind

_NEWEST = 20
_ALL = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A channel that is set up, and where it leads, without secrets."""

    name: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How far a notice has come on one channel. `due_at`: while it waits, when it is tried next."""

    channel: str
    state: DeliveryState
    attempts: int
    due_at: str | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One thing told; `open` while the state it tells of goes on."""

    id: int
    kind: NoticeKind
    about: str
    message: str
    advice: str
    at: str
    open: bool
    sent: list[Sent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """The channels that are set up, and what was told, newest first."""

    channels: list[Way]
    heartbeat: str | None
    notifications: list[Notification]


def read_notifications(subscription: Subscription, *, everything: bool = False) -> Notifications:
    """The newest notices, or all of them, with the state of their delivery."""
    kept = subscription.state.notices
    notices = kept.newest(limit=_ALL if everything else _NEWEST)
    sent: dict[int, list[Sent]] = {}
    for each in kept.deliveries([notice.id for notice in notices]):
        sent.setdefault(each.notice_id, []).append(_sent(each))
    heartbeat = heartbeat_of(subscription)
    return Notifications(
        channels=[Way(name=channel.name, to=channel.to) for channel in channels_of(subscription)],
        heartbeat=str(heartbeat.address) if heartbeat else None,
        notifications=[
            Notification(
                id=notice.id,
                kind=notice.kind,
                about=notice.about,
                message=notice.message,
                advice=notice.advice,
                at=notice.at,
                open=notice.settled_at is None,
                sent=sent.get(notice.id, []),
            )
            for notice in notices
        ],
    )


def _sent(delivery: Delivery) -> Sent:
    return Sent(
        channel=delivery.channel,
        state=delivery.state,
        attempts=delivery.attempts,
        due_at=delivery.due_at if delivery.state is DeliveryState.WAITING else None,
        problem=delivery.problem,
    )
