"""How far each table has been read, what it deleted, and what a re-baseline has seen."""

import dataclasses
from typing import Any

import pytest

from tandem.database.port import Database, StatementRefused
from tandem.model.entities import Entity
from tandem.model.errors import OurBug
from tandem.state import SyncState
from tandem.state.streams import Reading, Stream, StreamState

AT = "2025-01-02T03:04:05Z"
PAGES = ["https://example/page-2", "https://example/page-3"]


def put(database: Database, sync_state: SyncState, **values: Any) -> Stream:
    """Store a stream of accounts and return it."""
    stream = dataclasses.replace(Stream(entity=Entity.ACCOUNT, fingerprint="one"), **values)
    with database.transaction():
        sync_state.streams.put(stream)
    return stream


# Streams ----------------------------------------------------------------------------------------------------------


def test_a_new_subscription_has_read_nothing(state: SyncState) -> None:
    """No stream at all, rather than empty ones."""
    assert {} == state.streams.all()


def test_a_stream_comes_back_as_it_was_stored(database: Database, state: SyncState) -> None:
    """With everything it can hold, and emptied again."""
    full = put(
        database, state, state=StreamState.HALTED, next_link=PAGES[0], delta_link="https://example/?x=1&y=%20:z",
        weak=True, reading=Reading.BASELINE, reads_begun=3, reads_finished=2, rows_read=2**40, total=5, begun_at=AT,
        live_at=AT, token_at=AT, fresh_mark=AT, reason="answered empty",
    )  # fmt: skip
    stored = state.streams.all()
    bare = put(database, state)

    assert {Entity.ACCOUNT: full} == stored
    assert {Entity.ACCOUNT: bare} == state.streams.all()


def test_S2_a_checkpoint_moves_page_by_page(database: Database, state: SyncState) -> None:
    """The rows are added up; the first page has no place before it."""
    stream = put(database, state)
    for page in PAGES:
        with database.transaction():
            _advance(state, stream, page)

    assert (PAGES[1], 20) == (stream.next_link, stream.rows_read)
    assert {Entity.ACCOUNT: stream} == state.streams.all()


def test_S2_a_process_thought_dead_cannot_move_a_checkpoint_back(database: Database, state: SyncState) -> None:
    """It is refused, its page is undone, and the stored place does not move."""
    alive = put(database, state)
    zombie = dataclasses.replace(alive)
    with database.transaction():
        for page in PAGES:
            _advance(state, alive, page)
    with pytest.raises(OurBug, match="checkpoint of account"), database.transaction():
        _see_and_advance(state, zombie)

    assert {Entity.ACCOUNT: alive} == state.streams.all()
    assert 0 == state.seen.count(Entity.ACCOUNT)


def _see_and_advance(state: SyncState, stream: Stream) -> None:
    """The work of one page."""
    state.seen.add(Entity.ACCOUNT, ["a"])
    _advance(state, stream, PAGES[0])


def _advance(state: SyncState, stream: Stream, page: str | None, delta: str | None = None) -> None:
    """Ten rows more, and on to the next page or to the end."""
    was = stream.place
    stream.next_link, stream.delta_link, stream.rows_read = page, delta or stream.delta_link, stream.rows_read + 10
    state.streams.checkpoint(stream, was=was)


def test_S2_the_end_of_a_read_is_a_checkpoint_too(database: Database, state: SyncState) -> None:
    """A read that another process ended meanwhile is not ended again with an older link."""
    first = put(database, state, delta_link="delta-1")
    second = dataclasses.replace(first)
    with database.transaction():
        _advance(state, first, None, "delta-2")
    with pytest.raises(OurBug, match="checkpoint of account"), database.transaction():
        _advance(state, second, None, "delta-1b")

    assert "delta-2" == state.streams.all()[Entity.ACCOUNT].delta_link


def test_S12_a_stream_and_its_successor_are_known_apart(database: Database, state: SyncState) -> None:
    """Two per table exist while a selection changes; they are forgotten together, and other tables are not touched."""
    present = put(database, state)
    lead = put(database, state, entity=Entity.LEAD)
    newer = put(database, state, fingerprint="two", columns=("name", "fax"), successor=True)
    assert {Entity.ACCOUNT: present, Entity.LEAD: lead} == state.streams.all()
    assert {Entity.ACCOUNT: newer} == state.streams.successors()

    with database.transaction():
        state.streams.drop(Entity.ACCOUNT)

    assert ({Entity.LEAD: lead}, {}) == (state.streams.all(), state.streams.successors())


def test_a_state_that_is_none_is_refused(database: Database, state: SyncState) -> None:
    """The closed set is the database's too."""
    stream = put(database, state)
    with pytest.raises(StatementRefused), database.transaction():
        database.script("update stream set state = 'paused'")

    assert {Entity.ACCOUNT: stream} == state.streams.all()


# Deletions --------------------------------------------------------------------------------------------------------


def test_deletions_of_a_read_are_kept_until_it_ends(database: Database, state: SyncState) -> None:
    """Each once, though a page comes twice; those of another table apart."""
    with database.transaction():
        state.deletions.add(Entity.LEAD, ["a", "b"])
        state.deletions.add(Entity.LEAD, ["b", "c"])
        state.deletions.add(Entity.CONTACT, ["a"])
    pending = sorted(state.deletions.pending(Entity.LEAD))
    with database.transaction():
        state.deletions.clear(Entity.LEAD)

    assert ["a", "b", "c"] == pending
    assert ([], ["a"]) == (state.deletions.pending(Entity.LEAD), state.deletions.pending(Entity.CONTACT))


def test_a_record_that_is_there_after_all_is_not_deleted(database: Database, state: SyncState) -> None:
    """Not even where a brake held its deletion; with none pending the look-up is skipped."""
    with database.transaction():
        state.deletions.add(Entity.LEAD, ["a", "b"])
        state.deletions.hold(Entity.LEAD, 7)
        state.deletions.add(Entity.LEAD, ["c", "d"])
        state.deletions.withdraw(Entity.LEAD, ["a", "c", "unknown"])
        state.deletions.withdraw(Entity.CONTACT, ["a"])

    assert (["d"], ["b"]) == (state.deletions.pending(Entity.LEAD), state.deletions.held(7))


def test_R6_held_deletions_wait_for_a_person(database: Database, state: SyncState) -> None:
    """The next read has its own; releasing one hold leaves the others."""
    with database.transaction():
        state.deletions.add(Entity.LEAD, ["a", "b"])
        state.deletions.hold(Entity.LEAD, 7)
        state.deletions.add(Entity.LEAD, ["c"])
        state.deletions.hold(Entity.LEAD, 8)
        state.deletions.add(Entity.LEAD, ["d"])
        state.deletions.clear(Entity.LEAD)
    held = sorted(state.deletions.held(7))
    with database.transaction():
        state.deletions.release(7)

    assert (["a", "b"], []) == (held, state.deletions.held(7))
    assert (["c"], []) == (state.deletions.held(8), state.deletions.pending(Entity.LEAD))


def test_R6_approved_deletions_are_found_by_their_table(database: Database, state: SyncState) -> None:
    """Only approved ones whose records are still held."""
    with database.transaction():
        holds = [state.journal.add_hold("mass-delete", Entity.LEAD, count=1, known=9, brake=1, at=AT) for _ in range(2)]
        for hold, record in zip(holds, "ab", strict=True):
            state.deletions.add(Entity.LEAD, [record])
            state.deletions.hold(Entity.LEAD, hold)
        state.journal.settle_hold(holds[1], "approved", at=AT)

    assert [holds[1]] == state.deletions.approved_holds(Entity.LEAD)
    assert [] == state.deletions.approved_holds(Entity.CONTACT)


def test_O3_applied_deletions_are_counted_up(database: Database, state: SyncState) -> None:
    """By table, since the first copy; none is no entry."""
    with database.transaction():
        for entity, records in ((Entity.OPPORTUNITY, 2), (Entity.OPPORTUNITY, 3), (Entity.LEAD, 0)):
            state.deletions.count_applied(entity, records)

    assert {"opportunity": 5} == state.deletions.applied()


# Seen -------------------------------------------------------------------------------------------------------------


def test_S11_a_rebaseline_remembers_what_it_has_listed(database: Database, state: SyncState) -> None:
    """Each record once, by table, until it is over."""
    with database.transaction():
        state.seen.add(Entity.LEAD, ["a", "b"])
        state.seen.add(Entity.LEAD, ["b", "c"])
        state.seen.add(Entity.CONTACT, ["d"])
    listed = state.seen.count(Entity.LEAD), state.seen.among(Entity.LEAD, ["a", "c", "d"])
    with database.transaction():
        state.seen.forget(Entity.LEAD)

    assert (3, {"a", "c"}) == listed
    assert (0, 1) == (state.seen.count(Entity.LEAD), state.seen.count(Entity.CONTACT))
    assert set() == state.seen.among(Entity.LEAD, ["a"])
