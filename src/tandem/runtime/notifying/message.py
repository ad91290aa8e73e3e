"""What a notification says, the same through every channel.

Whoever is woken by it at night knows nothing of Tandem's insides: it names the subscription, says what happened in a
sentence, and what to do about it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tandem.state.notices import EVENTS, Notice, NoticeKind

TITLES = {
    NoticeKind.INITIAL_SYNC: "The first copy is complete",
    NoticeKind.ENTITY_COPIED: "A table was copied",
    NoticeKind.QUICK_SYNC: "A quick sync is done",
    NoticeKind.SYNC_DOWN: "The sync, or a part of it, is down",
    NoticeKind.RECOVERED: "It works again",
    NoticeKind.FIELD_BROKEN: "A field is broken",
    NoticeKind.FIELD_HEALED: "A field works again",
    NoticeKind.HOLD: "Something waits for your decision",
    NoticeKind.DIGEST: "Records that failed to sync",
    NoticeKind.CREDENTIALS_EXPIRE: "The credentials are about to end",
    NoticeKind.VERIFICATION: "The two sides differ",
    NoticeKind.CAMPAIGN: "A campaign needs attention",
    NoticeKind.REVIEW: "Everything is read once more before anything is written",
}
TEST = "test"
"""The kind of a message that only tries a channel."""
_SEVERAL = "several"
"""The kind of a message that holds several notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One notification. `id` is the same however often it is sent, and no other message has it; `at` when it happened,
    ISO 8601 UTC. `over_since`: the state it tells of had ended by the time it was sent; else None."""

    id: str
    kind: str
    title: str
    about: str
    message: str
    advice: str
    at: str
    subscription: str
    organisation: str
    over_since: str | None = None


class ChannelFailed(Exception):
    """A channel did not take a message; the text says why, in a sentence without secrets."""


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """Its name in the database and on pages; there is one of a name."""

    @property
    def to(self) -> str:
        """Where it leads, without secrets."""

    @property
    def bundles(self) -> bool:
        """Do people read it, who want one message where there are many notices?"""

    async def send(self, message: Message, *, at: str) -> None:
        """Send, the time being `at`. Raises ChannelFailed, and TimeoutError where the caller's patience ends."""


def message_of(notice: Notice, *, subscription: str, organisation: str) -> Message:
    """A stored notice as a message. One that comes late, after its end was told, must not raise the alarm again."""
    over_since = None if notice.kind in EVENTS else notice.settled_at
    return Message(
        id=notice.uid,
        kind=notice.kind.value,
        title=("Over by now: " if over_since else "") + TITLES[notice.kind],
        about=notice.about,
        message=notice.message,
        advice=notice.advice,
        at=notice.at,
        subscription=subscription,
        organisation=organisation,
        over_since=over_since,
    )


def bundle_of(messages: Sequence[Message]) -> Message:
    """Several messages as one, the oldest first. The same ones make the same, with the same id."""
    newest = messages[-1]
    return replace(
        newest,
        id=hashlib.sha256("".join(each.id for each in messages).encode()).hexdigest()[: len(newest.id)],
        kind=_SEVERAL,
        title=f"{len(messages)} notifications, the first: {messages[0].title}",
        about="",
        message="\n\n".join(f"{each.at}  {each.title}\n{each.message}\n{each.advice}" for each in messages),
        advice="Each says it.",
        over_since=None,
    )
