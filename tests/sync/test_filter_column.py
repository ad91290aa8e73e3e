"""The filter column over time (rules D7, D8): it appears, vanishes, comes back, is retyped or hidden; and what somebody
edits in marketing while a record is parked.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tandem.mapping.fields import FILTER_COLUMN
from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType
from tandem.rules.presence import LinkState
from tandem.sync.applier import Kept
from tandem.sync.plan import FilterUnreadable
from tandem.testing.fake_world import FakeWorld

TABLES: dict[str, dict[str, Any]] = {
    "lead": {"lastname": "Ek", "subject": "x"},
    "contact": {"lastname": "Ek"},
    "account": {"name": "Ek"},
    "opportunity": {"name": "Ek"},
}
every_table = pytest.mark.parametrize("table", TABLES)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    """A connected world, without a filter column."""
    with ExitStack() as worlds:
        yield worlds.enter_context(FakeWorld(tmp_path)).connect()


@pytest.fixture
def filtered(world: FakeWorld) -> FakeWorld:
    """A world in which every table has the filter column."""
    return world.filter_column(*TABLES)


def says(world: FakeWorld, table: str, record: str, value: bool | None) -> None:
    """Somebody sets the filter in Dynamics."""
    world.organisation.edit(table, record, {FILTER_COLUMN: value})


def kept(world: FakeWorld, table: str, record: str) -> Kept | None:
    """What is kept of a record; None where nobody stands for it."""
    with world.engine() as (engine, _):
        return engine.tables().appliers[Entity(table)].kept([record]).get(record)


def is_synced(world: FakeWorld, table: str, record: str) -> bool | None:
    """Synced, parked, or (None) nobody."""
    found = kept(world, table, record)
    return None if found is None else found.wanted


@every_table
def test_D8_a_column_that_appears_parks_who_is_here_and_lets_nobody_new_in_who_says_no(
    world: FakeWorld, table: str
) -> None:
    """The first cycle under it creates nobody against a No, although the table is still to be read again."""
    known, stays = world.create(table, **TABLES[table]), world.create(table, **TABLES[table])
    world.sync()
    world.filter_column(table)
    says(world, table, known, False)
    new, wanted = (world.create(table, **TABLES[table], new_synctomkto=value) for value in (False, True))

    with world.engine() as (engine, _):
        engine.cycle(backfill=False)
    assert None is is_synced(world, table, new)
    world.sync()

    assert (False, True, None, True) == tuple(is_synced(world, table, each) for each in (known, stays, new, wanted))


def test_D9_a_contact_that_waited_from_before_the_column_is_asked_for_its_filter_first(world: FakeWorld) -> None:
    """Its row was kept without the filter: when its lead comes, nobody is let in by that. Yes and No stays a lead."""
    world.sync()
    lead = world.create("lead", **TABLES["lead"])
    contact = world.qualify(lead)
    with world.engine() as (engine, _):
        engine.cycle([Entity.CONTACT])
    world.filter_column("contact")
    says(world, "contact", contact, False)

    world.sync()
    world.cycle()

    assert (LinkState.LIVE, "lead") == (world.link("lead", lead).state, world.person("lead", lead).type)
    assert LinkState.EXCLUDED is world.link("contact", contact).state
    says(world, "contact", contact, True)
    world.cycle()
    assert "contact" == world.person("contact", contact).type


@every_table
def test_D7_a_column_that_vanishes_says_yes_and_one_that_comes_back_is_obeyed_again(
    filtered: FakeWorld, table: str
) -> None:
    """Missing is Yes: who was parked goes on, who was left out starts."""
    parked, excluded = filtered.create(table, **TABLES[table]), filtered.create(table, **TABLES[table])
    says(filtered, table, excluded, False)
    filtered.sync()
    says(filtered, table, parked, False)
    filtered.cycle()
    assert (False, None) == tuple(is_synced(filtered, table, each) for each in (parked, excluded))

    filtered.organisation.remove_column(table, FILTER_COLUMN)
    filtered.sync()
    assert (True, True) == tuple(is_synced(filtered, table, each) for each in (parked, excluded))

    filtered.filter_column(table)
    filtered.sync()
    assert (False, False) == tuple(is_synced(filtered, table, each) for each in (parked, excluded))


@every_table
@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        pytest.param(
            lambda world, table: world.organisation.add_column(
                table, Column(name=FILTER_COLUMN, type=ColumnType.TEXT, custom=True)
            ),
            lambda world, table: world.filter_column(table),
            id="it is no Two-Options column any more",
        ),
        pytest.param(
            lambda world, table: world.secure(table, FILTER_COLUMN),
            lambda world, table: world.secure(table, FILTER_COLUMN, secured=False),
            id="the sync user cannot read it any more",
        ),
    ],
)
def test_D7_a_filter_that_says_nothing_halts_its_table_until_it_does(
    filtered: FakeWorld, table: str, spoil: Callable[..., None], mend: Callable[..., None]
) -> None:
    """Nobody is let in or parked meanwhile, the other tables go on, and nothing is missed."""
    known = filtered.create(table, **TABLES[table])
    filtered.sync()
    spoil(filtered, table)
    new = filtered.create(table, **TABLES[table])
    others = [each for each in TABLES if each != table]
    beside = {each: filtered.create(each, **TABLES[each]) for each in others}

    report = filtered.cycle()

    assert {Entity(table): FilterUnreadable} == {entity: type(each) for entity, each in report.problems.items()}
    assert all(is_synced(filtered, *each) for each in beside.items())
    mend(filtered, table)
    says(filtered, table, known, False)
    filtered.sync()
    assert (False, True) == tuple(is_synced(filtered, table, each) for each in (known, new))


def test_D7_a_right_to_the_filter_that_is_lost_halts_the_table_at_once(filtered: FakeWorld) -> None:
    """Without it every record seems to say Yes: nobody is let in by that, in a sync that is at work all the while."""
    out = filtered.create("contact", lastname="Ek", new_synctomkto=False)
    filtered.secure("contact", FILTER_COLUMN)
    filtered.allow("contact", FILTER_COLUMN)
    filtered.sync()
    with filtered.engine() as (engine, _):
        engine.cycle()
        filtered.allow("contact", FILTER_COLUMN, allowed=False)
        filtered.edit("contact", out, jobtitle="CTO")
        assert [Entity.CONTACT] == list(engine.cycle().problems)
        filtered.allow("contact", FILTER_COLUMN)
        assert {} == engine.cycle().problems
    assert LinkState.EXCLUDED is filtered.link("contact", out).state


@pytest.mark.parametrize(
    ("table", "winner"), [pytest.param("lead", "here", id="lead"), pytest.param("contact", "there", id="contact")]
)
def test_D8_what_is_edited_while_parked_waits_and_is_merged_when_the_filter_says_yes(
    filtered: FakeWorld, table: str, winner: str
) -> None:
    """P3, P4: different fields both survive; of the same one the ordinary winner's, and the loser is journalled."""
    record = filtered.create(table, **TABLES[table], jobtitle="CTO", telephone1="1", address1_city="Rome")
    filtered.sync()
    filtered.edit_person(table, record, phone="2")
    says(filtered, table, record, False)
    filtered.cycle()
    filtered.edit_person(table, record, title="here")
    filtered.edit(table, record, jobtitle="there", address1_city="Bonn")
    filtered.cycle()
    filtered.cycle()
    row = filtered.organisation.rows(table)[record]
    assert ("1", "there") == (row["telephone1"], row["jobtitle"])
    assert ("2", "here", "Rome") == tuple(filtered.fields(table, record)[each] for each in ("phone", "title", "city"))
    base = filtered.base(table, record)

    says(filtered, table, record, True)
    filtered.cycle()
    filtered.cycle()

    assert {"phone": "1", "title": "CTO"} == base
    row, person = filtered.organisation.rows(table)[record], filtered.fields(table, record)
    assert ("2", winner, "Bonn") == (row["telephone1"], row["jobtitle"], row["address1_city"])
    assert ("2", winner, "Bonn") == (person["phone"], person["title"], person["city"])
    [collision] = filtered.subscription.state.journal.collisions()
    assert ("title", "P4") == (collision["field"], collision["rule"])


def test_D8_an_excluded_opportunity_and_its_values_stay_out_until_it_is_let_in(filtered: FakeWorld) -> None:
    """One way: parked it is stale and marked, let in again it is as Dynamics has it."""
    parked = filtered.create("opportunity", name="Old")
    excluded = filtered.create("opportunity", name="Hidden", new_synctomkto=False)
    filtered.sync()
    filtered.edit("opportunity", parked, name="New", new_synctomkto=False)
    filtered.cycle()
    assert [("Old", True)] == [(row["name"], row["isExcluded"]) for row in filtered.export("opportunity")]

    for each in (parked, excluded):
        says(filtered, "opportunity", each, True)
    filtered.cycle()

    named = {(row["name"], row["isExcluded"]) for row in filtered.export("opportunity")}
    assert {("New", False), ("Hidden", False)} == named


def test_D10_a_person_whose_merged_record_is_kept_out_stops_as_any_other(filtered: FakeWorld) -> None:
    """The winner said No from the start: the loser's person is parked with it, and its log says so."""
    winner = filtered.create("contact", lastname="Winner", new_synctomkto=False)
    loser = filtered.create("contact", lastname="Loser")
    filtered.sync()
    person = filtered.person("contact", loser).id

    filtered.merge("contact", winner, loser)
    filtered.cycle()

    link = filtered.link("contact", winner)
    assert link is not None
    assert (LinkState.PARKED, person) == (link.state, link.person_id)
    assert "Stop [StopSync]" in [entry[0] for entry in filtered.log(person)]
