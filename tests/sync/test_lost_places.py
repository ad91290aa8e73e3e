"""A table's reading loses its place and begins again; no row, column or deletion may be lost with it (S2, S11, S12)."""

from collections.abc import Callable
from typing import Any

import pytest

from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import TokenExpired
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import Page
from tandem.model.entities import STANDARD, Entity
from tandem.sandbox.door.operations import Tracking
from tandem.state.streams import Reading, Stream, StreamState
from tandem.sync.context import Progress
from tandem.sync.edits import Edits
from tandem.sync.waiting import AMBIGUOUS
from tandem.testing.world import World


@pytest.fixture
def small_pages(make_world: Callable[..., World]) -> World:
    """A world read three rows at a time."""
    return make_world(page_size="3").connect()


def test_S2_a_first_copy_that_begins_again_finds_what_was_deleted_meanwhile(
    small_pages: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No delta tells of a deletion before the second beginning; its absence does."""
    world = small_pages
    contacts = sorted(world.create("contact", lastname=f"N{number}") for number in range(8))
    _stop_inside_the_copy(world, Entity.CONTACT)
    assert world.link("contact", contacts[0]) is not None

    world.delete("contact", contacts[0])
    _lose_place(world, Entity.CONTACT, monkeypatch)
    world.sync()

    assert [True] + [False] * 7 == [world.person("contact", each).is_deleted for each in contacts]


def test_S11_what_a_lost_read_listed_does_not_count_for_the_next(
    small_pages: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted after a re-baseline had listed it, and that re-baseline had to begin again."""
    world = small_pages
    contacts = sorted(world.create("contact", lastname=f"N{number}") for number in range(8))
    world.sync()
    world.advance(days=8)
    _stop_inside_the_copy(world, Entity.CONTACT)

    world.delete("contact", contacts[0])
    _lose_place(world, Entity.CONTACT, monkeypatch)
    world.sync()

    assert world.person("contact", contacts[0]).is_deleted


def test_S11_a_refused_page_of_a_delta_is_asked_for_from_the_deltas_beginning(small_pages: World) -> None:
    """The token itself is still good."""
    world = small_pages
    contacts = [world.create("contact", lastname=f"N{number}") for number in range(8)]
    world.sync()
    for contact in contacts:
        world.edit("contact", contact, jobtitle="CTO")
    _stop_inside_a_delta(world, Entity.CONTACT)

    world.fault("expired-delta-token", path="contacts")
    world.cycle()

    assert ["CTO"] * 8 == [world.fields("contact", each).get("title") for each in contacts]
    assert StreamState.LIVE is _stream(world, Entity.CONTACT).state


def test_D1_a_field_selected_inside_the_first_copy_is_filled_for_rows_already_here(small_pages: World) -> None:
    """The rows that came before the choice are looked at again."""
    world = small_pages
    _select(world, "jobtitle", False)
    contacts = [world.create("contact", lastname=f"N{number}", jobtitle="CTO") for number in range(8)]
    _stop_inside_the_copy(world, Entity.CONTACT)

    _select(world, "jobtitle", True)
    world.sync()

    assert ["CTO"] * 8 == [world.fields("contact", each).get("title") for each in contacts]


def test_D1_a_field_selected_before_a_lost_place_is_filled_all_the_same(
    small_pages: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beginning again is no re-baseline while the rows have not been looked at for the new column."""
    world = small_pages
    _select(world, "jobtitle", False)
    contacts = [world.create("contact", lastname=f"N{number}", jobtitle="CTO") for number in range(8)]
    world.sync()
    _select(world, "jobtitle", True)
    _stop_inside_the_copy(world, Entity.CONTACT)

    _lose_place(world, Entity.CONTACT, monkeypatch)
    world.sync()

    assert ["CTO"] * 8 == [world.fields("contact", each).get("title") for each in contacts]


def test_S12_after_a_lost_token_fresh_edits_are_looked_for_since_the_last_read(
    make_world: Callable[..., World],
) -> None:
    """Not since the first copy, which would be the whole table once more."""
    world = make_world().connect()
    world.create("contact", lastname="Ek")
    world.sync()
    stream = _stream(world, Entity.CONTACT)
    stream.fresh_mark, stream.token_at = "2001-01-01T00:00:00Z", "2002-02-02T00:00:00Z"

    stream.begin_again("the token was lost")

    assert (Reading.BASELINE, "2002-02-02T00:00:00Z") == (stream.reading, stream.fresh_mark)


def test_S12_edits_are_seen_before_a_read_for_other_columns_begins(small_pages: World) -> None:
    """A table that waits for its turn is not deaf."""
    world = small_pages
    _select(world, "jobtitle", False)
    contact = world.create("contact", lastname="Ek")
    world.sync()
    _select(world, "jobtitle", True)
    world.edit("contact", contact, lastname="Berg")

    with world.engine(stopping=_stop_after_fresh(world)) as (engine, _):
        engine.cycle()

    successor = _reading(world, Entity.CONTACT)
    assert (StreamState.LIVE, StreamState.COPYING) == (_stream(world, Entity.CONTACT).state, successor.state)
    assert (True, 0) == (successor.successor, successor.rows_read)
    assert "Berg" == world.fields("contact", contact)["lastName"]


def test_N2_a_table_whose_tracking_is_switched_on_is_weak_no_more_and_back(make_world: Callable[..., World]) -> None:
    """The stream follows the table; what was deleted while it was weak is found."""
    world = make_world()
    world.do(Tracking(table="contact", enabled=False))
    world.connect()
    kept, gone = world.create("contact", lastname="Ek"), world.create("contact", lastname="Gone")
    world.sync()
    world.delete("contact", gone)

    world.do(Tracking(table="contact", enabled=True))
    world.sync()
    assert not _stream(world, Entity.CONTACT).weak
    assert world.person("contact", gone).is_deleted

    world.do(Tracking(table="contact", enabled=False))
    world.sync()
    world.sync()
    assert (True, StreamState.LIVE) == (_stream(world, Entity.CONTACT).weak, _stream(world, Entity.CONTACT).state)
    world.edit("contact", kept, lastname="Berg")
    world.cycle()
    assert "Berg" == world.fields("contact", kept)["lastName"]


def test_P8_a_deletion_read_before_the_record_stopped_waiting_is_carried_out(small_pages: World) -> None:
    """The contact waits for its lead, its deletion for the end of the delta; the lead comes in between."""
    world = small_pages
    world.create("contact", lastname="First")
    world.sync()
    state, lead = world.subscription.state, world.create("lead", lastname="Ek", subject="x")
    contact = world.qualify(lead)
    with world.engine() as (engine, _):
        engine.cycle([Entity.CONTACT])
    assert 1 == sum(entry[4] for entry in state.waiting.counts() if entry[0] == "contact")
    with world.subscription.database.transaction():
        state.deletions.add(Entity.CONTACT, [contact])

    world.delete("contact", contact)
    with world.engine() as (engine, _):
        engine.cycle([Entity.LEAD])
    assert [contact] == state.deletions.pending(Entity.CONTACT)
    world.cycle()

    assert world.person("contact", contact).is_deleted


@pytest.mark.parametrize("excluded", [pytest.param(True, id="excluded"), pytest.param(False, id="deleted unnoticed")])
def test_P1_a_record_that_went_away_waits_for_nobodys_choice(make_world: Callable[..., World], excluded: bool) -> None:
    """Two candidates in marketing, and the contact leaves before somebody chose."""
    world = make_world(match_email="true").filter_column("contact").connect()
    world.sync()
    edits = Edits(world.subscription.database, world.subscription.marketing, world.subscription.state)
    for _ in range(2):
        edits.create([("email", "a@example.com")], at=world.subscription.now())
    world.create("contact", lastname="Other")
    contact = world.create("contact", lastname="Ek", emailaddress1="a@example.com")
    world.cycle()
    assert 1 == len(world.subscription.state.waiting.of_kind(AMBIGUOUS))

    if excluded:
        world.edit("contact", contact, new_synctomkto=False)
    else:
        world.delete("contact", contact)
        world.advance(days=8)
    world.sync()

    assert [] == world.subscription.state.waiting.counts()


# Helpers ------------------------------------------------------------------------------------------------------------


def _stop_inside_the_copy(world: World, entity: Entity) -> None:
    """Cycle until a page of `entity` was copied, and stop there."""
    seen: list[Entity] = []

    def report(progress: Progress) -> None:
        seen.append(progress.entity)

    with world.engine(report=report, stopping=lambda: entity in seen) as (engine, _):
        engine.cycle()
    assert StreamState.COPYING is _reading(world, entity).state


def _stop_inside_a_delta(world: World, entity: Entity) -> None:
    """Cycle until a page of `entity`'s changes was stored, and stop there."""
    with world.engine(stopping=lambda: _stream(world, entity).next_link is not None) as (engine, _):
        engine.cycle()
    assert _stream(world, entity).next_link is not None


def _stop_after_fresh(world: World) -> Callable[[], bool]:
    """Stop when the last of the tables was asked for fresh edits, before anything is copied."""
    asked = 0

    def stopping() -> bool:
        nonlocal asked
        asked += 1
        return asked > len(STANDARD)

    return stopping


def _lose_place(world: World, entity: Entity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Dynamics refuse the page that `entity`'s reading asks for next."""
    places, read_page = [_reading(world, entity).next_link], Dynamics.read_page

    def refusing(dynamics: Dynamics, start: PageQuery | str, *args: Any, **options: Any) -> Page:
        if start in places:
            places.clear()
            raise TokenExpired("the place is not known any more")
        return read_page(dynamics, start, *args, **options)

    assert None not in places
    monkeypatch.setattr(Dynamics, "read_page", refusing)


def _select(world: World, column: str, selected: bool) -> None:
    world.choose("contact", column, selected=selected)


def _reading(world: World, entity: Entity) -> Stream:
    """The stream that is being read from the start: the successor's, where there is one."""
    return world.subscription.state.streams.successors().get(entity) or _stream(world, entity)


def _stream(world: World, entity: Entity) -> Stream:
    return world.subscription.state.streams.all()[entity]
