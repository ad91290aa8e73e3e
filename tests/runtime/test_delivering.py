"""Notices reach people, in turns that disturb nothing, until they were delivered or three days are over (rule N5)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tandem.runtime import syncing
from tandem.runtime.notifying import delivering
from tandem.runtime.notifying.delivering import Notifier, beat, deliver, notifying, try_channels
from tandem.runtime.notifying.mail import text_of
from tandem.runtime.notifying.message import ChannelFailed, Message
from tandem.runtime.subscription import Subscription, opened
from tandem.state.notices import Delivery, NoticeKind

SIGNING = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
NOON = "2026-03-01T12:00:00Z"


@dataclass
class Fake:
    """A channel of a test: what it took, and why it fails."""

    name: str = "email"
    bundles: bool = False
    to: str = "ann@example.com"
    sent: list[Message] = field(default_factory=list)
    fails: Callable[[Message], str | None] = lambda message: None

    async def send(self, message: Message, *, at: str) -> None:
        """Take the message, and fail after that if the test says so: nobody knows what became of it then."""
        self.sent.append(message)
        reason = self.fails(message)
        if reason:
            raise ChannelFailed(reason)


class At:
    """What time it is for the subscription."""

    def __init__(self, subscription: Subscription) -> None:
        self.at = NOON
        subscription.now = lambda: self.at  # type: ignore[method-assign]


@pytest.fixture
def subscription(open_subscription: Callable[..., Subscription]) -> Subscription:
    """A subscription without channels of its own."""
    return open_subscription()


@pytest.fixture
def clock(subscription: Subscription) -> At:
    """Its clock, standing still."""
    return At(subscription)


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    """The channels that are set up: the test's."""
    made = [Fake()]
    monkeypatch.setattr(delivering, "channels_of", lambda _subscription: made)
    return made


def tell(subscription: Subscription, about: str, *, at: str = NOON) -> None:
    """Something happened."""
    with subscription.database.transaction():
        told = subscription.state.notices.tell(NoticeKind.SYNC_DOWN, about, f"{about} is down", advice="Look.", at=at)
    assert told


def deliveries(subscription: Subscription) -> list[Delivery]:
    """How far everything has come, the oldest first."""
    notices = subscription.state.notices
    return notices.deliveries([each.id for each in notices.newest(limit=100)])


def abouts(channel: Fake) -> list[str]:
    """What a channel was given, in order."""
    return [each.about for each in channel.sent]


# Turns ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clock")
def test_N5_each_notice_goes_once_through_each_channel(subscription: Subscription, channels: list[Fake]) -> None:
    """Oldest first."""
    channels.append(Fake(name="webhook"))
    tell(subscription, "lead")
    tell(subscription, "contact")

    for _ in range(2):
        deliver(subscription)

    assert [["lead", "contact"]] * 2 == [abouts(each) for each in channels]
    assert {"delivered"} == {each.state for each in deliveries(subscription)}
    assert 4 == len(deliveries(subscription))


def test_N5_a_dead_channel_is_tried_less_and_less_often_and_catches_up(
    subscription: Subscription, channels: list[Fake], clock: At
) -> None:
    """One attempt a turn, the same id each time, and nothing is lost when it comes back."""
    (channel,) = channels
    channel.fails = lambda _message: "It is on fire."
    tell(subscription, "lead")
    minutes = []
    for minute in range(60):
        clock.at = f"2026-03-01T12:{minute:02}:00Z"
        before = len(channel.sent)
        deliver(subscription)
        minutes += [minute] * (len(channel.sent) - before)

    assert [0, 1, 3, 7, 15, 31] == minutes
    assert 1 == len({each.id for each in channel.sent})
    (waiting,) = deliveries(subscription)
    assert ("waiting", 6, "It is on fire.") == (waiting.state, waiting.attempts, waiting.problem)

    channel.fails = lambda _message: None
    clock.at = "2026-03-01T14:00:00Z"
    deliver(subscription)
    assert ("delivered", None) == (deliveries(subscription)[0].state, deliveries(subscription)[0].problem)


def test_N5_one_failure_ends_a_turn(subscription: Subscription, channels: list[Fake], clock: At) -> None:
    """Ten notices for a dead mail server cost one attempt, not ten."""
    (channel,) = channels
    channel.fails = lambda _message: "It is on fire."
    for number in range(10):
        tell(subscription, f"table{number}")

    deliver(subscription)

    assert ["table0"] == abouts(channel)


def test_N5_a_notice_that_alone_is_refused_holds_up_no_other(
    subscription: Subscription, channels: list[Fake], clock: At
) -> None:
    """A digest that looks like spam must not keep the next alarm."""
    (channel,) = channels
    channel.fails = lambda message: "Looks like spam." if message.about == "lead" else None
    tell(subscription, "lead")
    tell(subscription, "contact")

    deliver(subscription)
    deliver(subscription)

    assert ["lead", "contact"] == abouts(channel)
    assert ["waiting", "delivered"] == [each.state for each in deliveries(subscription)]


def test_N5_many_notices_at_once_are_one_mail_and_a_bundle_that_fails_is_taken_apart(
    subscription: Subscription, channels: list[Fake], clock: At
) -> None:
    """Programs get each; people one, with all that happened. One notice that is refused ends up alone."""
    channels[:] = [Fake(bundles=True), Fake(name="webhook")]
    mail, hook = channels
    mail.fails = lambda message: "Looks like spam." if "lead is down" in message.message else None
    for about in ("lead", *(f"table{number}" for number in range(9))):
        tell(subscription, about)

    for minute in (0, 1, 3):
        clock.at = f"2026-03-01T12:0{minute}:00Z"
        deliver(subscription)

    assert (10, 3) == (len(hook.sent), len(mail.sent))
    assert 1 == len({each.id for each in mail.sent} - {each.id for each in hook.sent})
    assert mail.sent[0].title == f"10 notifications, the first: {hook.sent[0].title}"
    assert all(f"{each.message}\nLook." in mail.sent[0].message for each in hook.sent)
    clock.at = "2026-03-01T12:07:00Z"
    deliver(subscription)
    deliver(subscription)
    assert ["lead", *(f"table{number}" for number in range(9))] == abouts(mail)[3:]
    assert ["waiting"] + ["delivered"] * 9 == [
        each.state for each in deliveries(subscription) if each.channel == "email"
    ]


def test_N5_what_is_over_when_it_is_sent_says_so(subscription: Subscription, channels: list[Fake], clock: At) -> None:
    """A mail server that was away delivers the alarm after the all-clear; an event is never over."""
    tell(subscription, "lead")
    tell(subscription, "contact")
    notices = subscription.state.notices
    with subscription.database.transaction():
        notices.settle(NoticeKind.SYNC_DOWN, "lead", at=NOON)
        notices.tell(NoticeKind.RECOVERED, "lead", "The table lead is read again.", at=NOON)

    deliver(subscription)

    late, still, recovered = channels[0].sent
    assert (NOON, None, None) == (late.over_since, still.over_since, recovered.over_since)
    assert late.title == f"Over by now: {still.title}"
    assert text_of(late).startswith(f"This is over since {NOON}.\n\nlead is down\n")
    assert text_of(still).startswith("contact is down\n")


def test_N5_one_channel_does_not_keep_another(subscription: Subscription, channels: list[Fake], clock: At) -> None:
    """Each has its own turn and its own waits."""
    channels[0].fails = lambda _message: "It is on fire."
    channels.append(Fake(name="webhook"))
    tell(subscription, "lead")

    deliver(subscription)

    assert ["lead"] == abouts(channels[1])


def test_N5_after_three_days_it_is_given_up_and_can_be_seen(
    subscription: Subscription, channels: list[Fake], clock: At
) -> None:
    """Old news helps nobody; a channel that is new gets what is not older either."""
    (channel,) = channels
    channel.fails = lambda _message: "It is on fire."
    tell(subscription, "lead")
    deliver(subscription)
    clock.at = "2026-03-04T12:00:00Z"
    deliver(subscription)
    assert ["waiting"] == [each.state for each in deliveries(subscription)]

    channel.fails = lambda _message: None
    channels.append(Fake(name="webhook"))
    clock.at = "2026-03-04T12:00:01Z"
    deliver(subscription)

    assert ["lead"] * 2 == abouts(channel)
    assert [] == abouts(channels[1])
    assert [("given-up", "It is on fire.")] == [(each.state, each.problem) for each in deliveries(subscription)]


def test_N5_a_channel_that_fails_in_an_unknown_way_disturbs_no_other(
    subscription: Subscription, channels: list[Fake], clock: At, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says where; the other channels go on, and the notice is tried again like any."""

    def broken(_message: Message) -> str:
        raise ZeroDivisionError

    channels[0].fails = broken
    channels.append(Fake(name="webhook"))
    tell(subscription, "lead")

    deliver(subscription)

    assert ["lead"] == abouts(channels[1])
    assert ["waiting", "delivered"] == [each.state for each in deliveries(subscription)]
    assert "ZeroDivisionError" in (deliveries(subscription)[0].problem or "")
    assert "a channel failed" in caplog.messages


@pytest.mark.usefixtures("clock")
def test_N5_two_processes_send_a_notice_once(subscription: Subscription, channels: list[Fake]) -> None:
    """A `tandem sync` that finds `tandem run` at work has its turn too, while the other one is sending."""

    def other() -> None:
        with opened(subscription.settings) as same:
            At(same)
            deliver(same)

    def meanwhile(_message: Message) -> None:
        if len(channels[0].sent) < 5:
            process = threading.Thread(target=other)
            process.start()
            process.join(10)

    channels[0].fails = meanwhile
    tell(subscription, "lead")
    tell(subscription, "contact")

    deliver(subscription)

    assert ["lead", "contact"] == sorted(abouts(channels[0]), reverse=True)
    assert ["delivered"] * 2 == [each.state for each in deliveries(subscription)]


def test_N5_killed_between_sending_and_noting_it_is_sent_again_under_the_same_id(
    subscription: Subscription, channels: list[Fake], clock: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once: whoever receives it can drop the second."""
    (channel,) = channels
    tell(subscription, "lead")

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(subscription.state.notices), "attempted", killed)
        with pytest.raises(KeyboardInterrupt):
            deliver(subscription)
    clock.at = "2026-03-01T12:01:00Z"
    deliver(subscription)

    assert ["lead", "lead"] == abouts(channel)
    assert 1 == len({each.id for each in channel.sent})


@pytest.mark.usefixtures("clock")
def test_N5_nothing_is_locked_while_a_channel_is_spoken_to(
    subscription: Subscription, channels: list[Fake], open_subscription: Callable[..., Subscription]
) -> None:
    """The sync writes its pages meanwhile, on its own connection."""
    other = open_subscription()

    def write(_message: Message) -> None:
        with other.database.transaction():
            other.state.put_setting("page", "written")

    channels[0].fails = write
    tell(subscription, "lead")

    deliver(subscription)

    assert "written" == subscription.state.setting("page")
    assert ["delivered"] == [each.state for each in deliveries(subscription)]


# The real ways ----------------------------------------------------------------------------------------------------


def test_N5_a_mail_server_and_a_receiver_that_hang_cost_their_patience_and_no_more(
    open_subscription: Callable[..., Subscription], silence: int
) -> None:
    """They take the connection and say nothing, for ever."""
    subscription = open_subscription(
        smtp_host="127.0.0.1",
        smtp_port=str(silence),
        smtp_security="none",
        webhook_url=f"http://127.0.0.1:{silence}/",
        webhook_secret=SIGNING,
        heartbeat_url=f"http://127.0.0.1:{silence}/",
    )
    syncing.enable(subscription, True, notify="ann@example.com")
    tell(subscription, "lead", at=subscription.now())

    attempts = deliver(subscription, patience=0.05)
    heartbeat = beat(subscription, patience=0.05)

    assert heartbeat
    assert ["There was no answer within 0.05 seconds."] * 3 == [each.problem for each in [*attempts, heartbeat]]
    assert ["waiting", "waiting"] == [each.state for each in deliveries(subscription)]


def test_N5_a_test_goes_through_every_channel_and_is_not_kept(
    open_subscription: Callable[..., Subscription],
    mail_server: Callable[..., Any],
    receiver: Callable[..., Any],
) -> None:
    """It says so of itself; each end is told, the heartbeat's too."""
    mailbox, hook, monitor = mail_server(), receiver(), receiver()
    monitor.status = 500
    subscription = open_subscription(
        smtp_host="127.0.0.1",
        smtp_port=str(mailbox.port),
        smtp_security="none",
        webhook_url=f"{hook.url}/T0KEN",
        webhook_secret=SIGNING,
        heartbeat_url=f"{monitor.url}/T0KEN/{{subscription}}",
    )
    syncing.enable(subscription, True, notify="ann@example.com")

    attempts = try_channels(subscription)

    assert [
        ("email", f"ann@example.com by 127.0.0.1:{mailbox.port}", None),
        ("webhook", hook.url, None),
        ("heartbeat", monitor.url, f"{monitor.url} answers 500."),
    ] == [(each.channel, each.to, each.problem) for each in attempts]
    assert "This is a test" in mailbox.mails[0][2].decode()
    assert ["/T0KEN/default"] == [path for _, path, _, _ in monitor.seen]
    assert [] == subscription.state.notices.newest(limit=10)


def test_N5_an_address_without_a_mail_server_is_no_channel(subscription: Subscription) -> None:
    """And none at all is none."""
    syncing.enable(subscription, True, notify="ann@example.com")

    assert [] == try_channels(subscription)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("ann", id="a name"),
        pytest.param("ann..ek@example.com", id="two dots in a row"),
        pytest.param("ann@example.com\r\nBcc: eve@example.com", id="a line end in it"),
        pytest.param("Ann <ann@example.com>", id="a name beside it"),
        pytest.param("a@example.com,b@example.com", id="two of them"),
    ],
)
def test_N5_what_is_no_address_is_refused_when_it_is_given(subscription: Subscription, address: str) -> None:
    """The old one stays; an empty one ends e-mail."""
    syncing.enable(subscription, False, notify="ann@example.com")
    with pytest.raises(syncing.AddressWrong):
        syncing.enable(subscription, True, notify=address)
    assert ("ann@example.com", False) == (subscription.state.setting("notify"), subscription.enabled)

    syncing.enable(subscription, True, notify="")
    assert subscription.state.setting("notify") is None


# Beside the sync --------------------------------------------------------------------------------------------------


def test_N5_the_sync_does_not_wait_for_its_notices(
    open_subscription: Callable[..., Subscription], monkeypatch: pytest.MonkeyPatch, receiver: Callable[..., Any]
) -> None:
    """While a turn is under way cycles go on; the end of the process waits for a last turn."""
    made = receiver()
    subscription = open_subscription(heartbeat_url=made.url)
    entered, released, turns = threading.Event(), threading.Event(), list[int]()

    def slow(*_: Any, **__: Any) -> None:
        turns.append(1)
        entered.set()
        assert released.wait(10)

    monkeypatch.setattr(delivering, "deliver", slow)
    with notifying(subscription.settings) as notifier:
        notifier.cycle_ended(well=True)
        assert entered.wait(10)
        notifier.cycle_ended(well=False)
        assert [1] == turns
        assert ["GET"] == [method for method, _, _, _ in made.seen], "a monitor hears of the cycle before that"
        released.set()

    assert [1, 1] == turns
    assert ["GET"] == [method for method, _, _, _ in made.seen]


def test_N5_a_heartbeat_follows_good_cycles_only(
    open_subscription: Callable[..., Subscription], receiver: Callable[..., Any]
) -> None:
    """A monitor that hears of failed ones too would never alarm."""
    made = receiver()
    settings = open_subscription(heartbeat_url=made.url).settings
    for well in (False, True, False):
        with notifying(settings) as notifier:
            notifier.cycle_ended(well=well)

    assert 1 == len(made.seen)


def test_N5_what_goes_wrong_in_a_turn_does_not_reach_the_sync(
    open_subscription: Callable[..., Subscription], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the next turn tries again."""
    settings = open_subscription(heartbeat_url="http://127.0.0.1:9/").settings

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(delivering, "deliver", broken)
    Notifier(settings).close()

    assert ["no notices delivered"] == [record.message for record in caplog.records if record.name.startswith("tandem")]
