"""Fresh edits of both sides never wait for a backfill (rules S2, S12, R6)."""

from collections.abc import Callable
from typing import Any

import pytest

from tandem.mapping.fields import Direction
from tandem.model.entities import Entity
from tandem.state.streams import StreamState
from tandem.sync.context import Context
from tandem.testing.world import World


def slow(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page takes longer than fresh edits may wait, so a cycle's slice of a backfill is one page."""
    clock, read = [0.0], context.dynamics.read_page

    def read_page(*args: Any, **options: Any) -> Any:
        clock[0] += context.settings.fresh_interval + 1
        return read(*args, **options)

    monkeypatch.setattr(context.dynamics, "read_page", read_page)
    monkeypatch.setattr(context, "monotonic", lambda: clock[0])


def test_S12_single_edits_arrive_within_one_cycle_while_a_first_copy_runs(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of people that are here already, in both directions; the copy goes on behind them."""
    world = make_world(page_size="5").connect()
    for number in range(20):
        world.create("contact", lastname=f"Ek {number}", telephone1="1")
    state = world.subscription.state

    with world.engine() as (engine, context):
        slow(context, monkeypatch)
        while not state.links.count_known(Entity.CONTACT):
            engine.cycle()
        here, there = [link for link in map(state.links.of_person, range(1, 6)) if link][:2]
        (mine,), (theirs,) = here, there
        world.edit_person("contact", mine.crm_id, phone="2")
        world.edit("contact", theirs.crm_id, telephone1="3")
        report = engine.cycle()

        assert "2" == world.row("contact", mine.crm_id)["telephone1"]
        assert "3" == world.fields("contact", theirs.crm_id)["phone"]
        assert Entity.CONTACT in report.unfinished

    world.sync()
    assert 20 == state.links.count_known(Entity.CONTACT)


def test_S12_a_bulk_change_goes_on_behind_fresh_edits(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another table, and in marketing: sent and read in the cycle that meets the bulk change."""
    world = make_world(page_size="5", bulk_floor="10").connect()
    lead, other = world.create("lead", lastname="Ek"), world.create("lead", lastname="Ng")
    contacts = [world.create("contact", lastname=f"Ek {number}") for number in range(40)]
    world.sync()

    for each in contacts:
        world.edit("contact", each, jobtitle="Moved")
    world.edit("lead", lead, telephone1="3")
    world.edit_person("lead", other, phone="2")
    with world.engine() as (engine, context):
        slow(context, monkeypatch)
        report = engine.cycle()
        moved = [world.fields("contact", each).get("title") for each in contacts]

        assert [Entity.CONTACT] == report.unfinished
        assert 0 < moved.count("Moved") < 40
        assert ("3", "2") == (world.fields("lead", lead)["phone"], world.row("lead", other)["telephone1"])

    world.sync()
    assert ["Moved"] * 40 == [world.fields("contact", each)["title"] for each in contacts]
    assert StreamState.LIVE is world.subscription.state.streams.all()[Entity.CONTACT].state
    assert [] == world.open_holds()


def test_S12_edits_go_ahead_of_what_a_backfill_leaves_to_send(
    make_world: Callable[..., World], writes: list[list[Any]]
) -> None:
    """A field that is opened nominates many; the edit made after it is sent before them."""
    world = make_world().connect()
    leads = [world.create("lead", lastname="Ek", telephone1="1") for _ in range(5)]
    world.sync()
    world.choose("lead", "telephone1", direction=Direction.BLOCKED)
    world.sync()
    for each in leads:
        world.edit_person("lead", each, phone="2")
    world.cycle()
    world.choose("lead", "telephone1", direction=Direction.TO)
    fresh = max(leads, key=lambda each: world.person("lead", each).id)
    world.edit_person("lead", fresh, title="CTO")

    world.cycle()

    assert fresh == writes[0][0].id
    assert ["2"] * 5 == [world.row("lead", each)["telephone1"] for each in leads]
