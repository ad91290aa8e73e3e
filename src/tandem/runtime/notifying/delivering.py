"""Delivers notices, in turns of bounded length that disturb nothing else (rule N5).

Telling people must not be able to stop the work it tells of. A mail server that hangs costs its own patience and no
more; what failed is tried again later, by a time that lies in the database. That time is set before anything is sent:
no second process takes what one has begun, and one that was killed before it noted the end sends again under the same
id. One failure ends a channel's turn, so a dead one costs one attempt each time, while a notice that alone is refused
does not stand in the way of the next. Whatever goes wrong in one channel is that channel's alone.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

from tandem.dynamics.errors import CaBundleUnusable
from tandem.model.errors import TandemError
from tandem.rules.notices import GIVE_UP_AFTER, LONGEST_WAIT, later, try_again_at
from tandem.runtime.logs import redactor
from tandem.runtime.notifying.mail import Mail
from tandem.runtime.notifying.message import TEST, Channel, ChannelFailed, Message, bundle_of, message_of
from tandem.runtime.notifying.web import Heartbeat, Webhook
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Subscription, opened
from tandem.runtime.values import WebAddress
from tandem.state.notices import DeliveryState, Notice

log = logging.getLogger("tandem.notifying")

PATIENCE = 10.0
"""Seconds that one message may take."""
_SINGLY = 5
"""The most notices that people are sent one by one in a turn; where there are more, they are one message."""
_TOGETHER = 3
"""Attempts at a bundle, after which its notices go singly: it may be one of them that is refused."""
_TURN = 30.0
"""Seconds after which a channel is given no further message in a turn."""
HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How sending through one channel ended; `problem` is None where it went well."""

    channel: str
    to: str
    problem: str | None


def channels_of(subscription: Subscription) -> list[Channel]:
    """The channels that are set up: e-mail where there are a mail server and an address, and the webhook."""
    settings, address = subscription.settings, subscription.state.setting("notify")
    found: list[Channel] = []
    if settings.smtp_host and address:
        found.append(Mail(settings, address))
    if settings.webhook_url and settings.webhook_secret:
        found.append(Webhook(settings.webhook_url, settings.webhook_secret, settings.ca_bundle))
    return found


def heartbeat_of(subscription: Subscription) -> Heartbeat | None:
    """The monitor that is to hear of good cycles, if one is."""
    settings = subscription.settings
    if settings.heartbeat_url is None:
        return None
    url = settings.heartbeat_url.url.replace("{subscription}", subscription.name)
    return Heartbeat(WebAddress(url), settings.ca_bundle)


def deliver(subscription: Subscription, *, patience: float = PATIENCE) -> list[Attempt]:
    """One turn of every channel: what is due now, oldest first, until one fails or the turn has lasted for long.

    No transaction is open while a channel is spoken to.
    """
    attempts = list[Attempt]()
    for channel in channels_of(subscription):
        ends = time.monotonic() + _TURN
        for bundle in _bundles(channel, _due(subscription, channel)):
            taken = _taken(subscription, channel, bundle)
            if not taken:
                continue
            attempts.append(_deliver(subscription, channel, taken, patience=patience))
            if attempts[-1].problem is not None or time.monotonic() >= ends:
                break
    return attempts


def beat(subscription: Subscription, *, patience: float = PATIENCE) -> Attempt | None:
    """Tell the monitor that a cycle went well; None where there is none. It is not tried again: the next cycle does."""
    monitor = heartbeat_of(subscription)
    if monitor is None:
        return None
    return Attempt(channel=HEARTBEAT, to=str(monitor.address), problem=_problem(monitor.beat(), patience))


def try_channels(subscription: Subscription, *, patience: float = PATIENCE) -> list[Attempt]:
    """Send a message that says it is a test through every channel, and a heartbeat; nothing of it is stored."""
    at = subscription.now()
    message = Message(
        id=uuid4().hex,
        kind=TEST,
        title="This is a test",
        about=TEST,
        message="This is a test of the notifications of Tandem. Nothing has happened.",
        advice="Nothing to do.",
        at=at,
        subscription=subscription.name,
        organisation=_organisation(subscription),
    )
    attempts = [
        Attempt(channel=each.name, to=each.to, problem=_problem(each.send(message, at=at), patience))
        for each in channels_of(subscription)
    ]
    heartbeat = beat(subscription, patience=patience)
    return [*attempts, heartbeat] if heartbeat else attempts


def _due(subscription: Subscription, channel: Channel) -> list[tuple[Notice, int]]:
    notices, at = subscription.state.notices, subscription.now()
    oldest = later(at, -GIVE_UP_AFTER)
    with subscription.database.transaction():
        notices.queue(channel.name, since=oldest, at=at)
        notices.give_up(channel.name, before=oldest)
        return notices.due(channel.name, at=at, latest=later(at, LONGEST_WAIT))


def _bundles(channel: Channel, due: list[tuple[Notice, int]]) -> list[list[tuple[Notice, int]]]:
    """What is sent together: forty columns that vanish at once are not forty mails."""
    if not channel.bundles or len(due) <= _SINGLY:
        return [[each] for each in due]
    together = [each for each in due if each[1] < _TOGETHER]
    return [together, *([each] for each in due if each[1] >= _TOGETHER)]


def _taken(subscription: Subscription, channel: Channel, bundle: list[tuple[Notice, int]]) -> list[Notice]:
    """Those that this process sends now: until they are tried again, nobody else does."""
    at, notices = subscription.now(), subscription.state.notices
    with subscription.database.transaction():
        return [
            notice
            for notice, tries in bundle
            if notices.take(notice.id, channel.name, attempts=tries, until=try_again_at(tries + 1, at))
        ]


def _deliver(subscription: Subscription, channel: Channel, taken: list[Notice], *, patience: float) -> Attempt:
    organisation = _organisation(subscription)
    messages = [message_of(each, subscription=subscription.name, organisation=organisation) for each in taken]
    message = messages[0] if len(messages) == 1 else bundle_of(messages)
    problem = _problem(channel.send(message, at=subscription.now()), patience)
    state = DeliveryState.DELIVERED if problem is None else DeliveryState.WAITING
    with subscription.database.transaction():
        for each in taken:
            subscription.state.notices.attempted(each.id, channel.name, state, problem=problem)
    if problem:
        extra = {"channel": channel.name, "notices": [each.id for each in taken], "reason": problem}
        log.warning("notices not delivered", extra=extra)
    return Attempt(channel=channel.name, to=channel.to, problem=problem)


def _organisation(subscription: Subscription) -> str:
    binding = subscription.binding
    return f"{binding.organization_name} ({binding.url})" if binding else ""


def _problem(sending: Awaitable[None], patience: float) -> str | None:
    """Why it failed, fit to be shown; None where it did not."""

    async def bounded() -> None:
        async with asyncio.timeout(patience):
            await sending

    try:
        asyncio.run(bounded())
    except TimeoutError:
        return f"There was no answer within {patience:g} seconds."
    except (ChannelFailed, CaBundleUnusable) as problem:
        return redactor.clean(str(problem))
    except Exception as problem:
        log.exception("a channel failed")
        return f"It failed in a way Tandem does not know: {type(problem).__name__}. The log file says where."
    return None


class Notifier:
    """Delivers beside the sync, in a thread and on a connection of its own, one turn at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._has_channels = any((settings.smtp_host, settings.webhook_url, settings.heartbeat_url))
        self._thread: threading.Thread | None = None
        self._well = False

    def cycle_ended(self, *, well: bool) -> None:
        """A cycle came to its end, `well` or not: let people know, without waiting for it."""
        self._well = self._well or well
        if self._has_channels and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._turn, name="tandem-notifying", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """A last turn, for as long as its channels' patience allows. What is not delivered is tried next time."""
        if self._thread is not None:
            self._thread.join()
        if self._has_channels:
            self._turn()

    def _turn(self) -> None:
        try:
            with opened(self._settings) as subscription:
                if self._well:
                    # First: a monitor must not alarm because a mail server hangs.
                    self._well = False
                    beat(subscription)
                deliver(subscription)
        except TandemError as problem:
            log.warning("no notices delivered", extra={"code": problem.code, "reason": problem.message})
        except Exception:
            log.exception("no notices delivered")


@contextmanager
def notifying(settings: Settings) -> Iterator[Notifier]:
    """A notifier, with a last turn however the block ends."""
    notifier = Notifier(settings)
    try:
        yield notifier
    finally:
        notifier.close()
