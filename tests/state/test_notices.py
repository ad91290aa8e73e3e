"""What people are told, and how far each channel has come, on both databases (rule N5)."""

import contextlib

import pytest

from tandem.database.port import Database
from tandem.state import SyncState
from tandem.state.notices import EVENTS, DeliveryState, NoticeKind

AT, LATER, MUCH_LATER = "2025-01-02T03:04:05Z", "2025-01-02T04:04:05Z", "2025-01-09T03:04:05Z"
STATES = sorted(set(NoticeKind) - EVENTS)


def tell(database: Database, state: SyncState, kind: NoticeKind, about: str = "contact", *, at: str = AT) -> bool:
    """Tell of something, in a transaction of its own."""
    with database.transaction():
        return state.notices.tell(kind, about, f"{kind} of {about}", advice="Look at it.", at=at)


@pytest.mark.parametrize("kind", STATES)
def test_N5_a_state_is_told_once_for_as_long_as_it_lasts(
    database: Database, state: SyncState, kind: NoticeKind
) -> None:
    """Another one of its kind, about something else, is told; and the same one when it comes back."""
    assert tell(database, state, kind)
    assert not tell(database, state, kind, at=LATER)
    assert tell(database, state, kind, "lead")
    with database.transaction():
        assert state.notices.settle(kind, "contact", at=LATER)
        assert not state.notices.settle(kind, "contact", at=LATER)
    assert ["lead"] == [each.about for each in state.notices.open(kind)]
    assert tell(database, state, kind, at=MUCH_LATER)

    told = [(each.about, each.at, each.settled_at) for each in state.notices.newest(limit=10)]
    assert [("contact", MUCH_LATER, None), ("lead", AT, None), ("contact", AT, LATER)] == told


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_N5_an_event_is_news_each_time(database: Database, state: SyncState, kind: NoticeKind) -> None:
    """It is over as soon as it is told."""
    assert tell(database, state, kind)
    assert tell(database, state, kind)
    assert [] == state.notices.open(kind)
    assert 2 == len(state.notices.newest(limit=10))


def test_N5_a_notice_that_was_taken_back_with_its_transaction_was_never_told(
    database: Database, state: SyncState
) -> None:
    """It stands or falls with what it tells of."""
    with contextlib.suppress(KeyboardInterrupt), database.transaction():
        assert state.notices.tell(NoticeKind.SYNC_DOWN, "contact", "Down.", at=AT)
        raise KeyboardInterrupt

    assert [] == state.notices.newest(limit=10)


def due(state: SyncState, channel: str, *, at: str) -> list[tuple[int, int]]:
    """The notices that are tried on a channel at a time, with the attempts so far."""
    return [(each.id, attempts) for each, attempts in state.notices.due(channel, at=at, latest=MUCH_LATER)]


def test_N5_an_attempt_is_one_process_s_and_what_was_delivered_stays_so(database: Database, state: SyncState) -> None:
    """Two that look at the same moment do not both send; the slower one does not take a delivery back."""
    tell(database, state, NoticeKind.SYNC_DOWN)
    (number,) = (each.id for each in state.notices.newest(limit=1))
    with database.transaction():
        state.notices.queue("email", since=AT, at=AT)
        taken = [state.notices.take(number, "email", attempts=0, until=LATER) for _ in range(2)]
        again = state.notices.take(number, "email", attempts=1, until=MUCH_LATER)
        state.notices.attempted(number, "email", DeliveryState.DELIVERED)
        state.notices.attempted(number, "email", DeliveryState.WAITING, problem="No answer.")

    assert ([True, False], True) == (taken, again)
    (delivery,) = state.notices.deliveries([number])
    assert ("delivered", 2, None) == (delivery.state, delivery.attempts, delivery.problem)


def test_N5_a_wait_that_a_wrong_clock_set_is_over(database: Database, state: SyncState) -> None:
    """Else an alarm would wait until the year the clock showed."""
    tell(database, state, NoticeKind.SYNC_DOWN)
    (number,) = (each.id for each in state.notices.newest(limit=1))
    with database.transaction():
        state.notices.queue("email", since=AT, at=AT)
        state.notices.take(number, "email", attempts=0, until="2099-01-01T00:00:00Z")

    assert [(number, 1)] == due(state, "email", at=LATER)


def test_N5_each_channel_gets_each_notice_until_it_was_delivered(database: Database, state: SyncState) -> None:
    """Oldest first; one that was tried in vain waits for its time, and those behind it do not."""
    tell(database, state, NoticeKind.SYNC_DOWN)
    tell(database, state, NoticeKind.RECOVERED)
    first, second = (each.id for each in reversed(state.notices.newest(limit=10)))
    with database.transaction():
        for channel in ("email", "webhook"):
            state.notices.queue(channel, since=AT, at=AT)
        assert state.notices.take(first, "email", attempts=0, until=LATER)
        state.notices.attempted(first, "email", DeliveryState.WAITING, problem="No answer.")
        assert state.notices.take(second, "webhook", attempts=0, until=LATER)
        state.notices.attempted(second, "webhook", DeliveryState.DELIVERED)
        state.notices.queue("webhook", since=AT, at=AT)

    assert [(second, 0)] == due(state, "email", at=AT)
    assert [(first, 1), (second, 0)] == due(state, "email", at=LATER)
    assert [(first, 0)] == due(state, "webhook", at=LATER)
    told = [(each.notice_id, each.channel, each.state, each.attempts, each.problem)
            for each in state.notices.deliveries([first, second])]  # fmt: skip
    assert [
        (first, "email", "waiting", 1, "No answer."),
        (first, "webhook", "waiting", 0, None),
        (second, "email", "waiting", 0, None),
        (second, "webhook", "delivered", 1, None),
    ] == told


def test_N5_what_is_too_old_is_given_up_and_stays_to_be_seen(database: Database, state: SyncState) -> None:
    """And nothing that is older than the channel's first day is queued at all."""
    tell(database, state, NoticeKind.SYNC_DOWN)
    tell(database, state, NoticeKind.RECOVERED, at=LATER)
    with database.transaction():
        state.notices.queue("email", since=AT, at=AT)
        state.notices.queue("webhook", since=LATER, at=AT)
        state.notices.give_up("email", before=LATER)
    (recovered, _) = state.notices.newest(limit=10)

    assert [(recovered.id, 0)] == due(state, "email", at=MUCH_LATER)
    assert [(recovered.id, 0)] == due(state, "webhook", at=MUCH_LATER)
    numbers = [each.id for each in state.notices.newest(limit=10)]
    assert ["given-up", "waiting", "waiting"] == [each.state for each in state.notices.deliveries(numbers)]
