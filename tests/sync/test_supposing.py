"""What another value of the sync filter would do, told before it is done (rules D7-D10): the preview is the effect."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tandem.mapping.fields import FILTER_COLUMN, Policy
from tandem.model.entities import Entity
from tandem.sync.applier import Kept
from tandem.sync.supposing import SAMPLES, ConditionRefused, Fate, Supposed, Supposing
from tandem.testing.fake_world import FakeWorld

MakeWorld = Callable[..., FakeWorld]
TABLES = {
    "lead": {"lastname": "Ek", "subject": "x"},
    "contact": {"lastname": "Ek"},
    "account": {"name": "Ek"},
    "opportunity": {"name": "Ek"},
}


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Makes a connected world; the filter column is the test's."""
    with ExitStack() as worlds:
        yield lambda **settings: worlds.enter_context(FakeWorld(tmp_path, **settings))


@pytest.fixture
def world(make_world: MakeWorld) -> FakeWorld:
    """A world with the filter column on every table that can have it, in pages of two rows."""
    return make_world(page_size="2").filter_column(*TABLES).connect()


def suppose(world: FakeWorld, table: str, condition: str, *, wanted: bool) -> Supposed:
    """The preview."""
    with world.engine() as (engine, context):
        return Supposing(context, engine.tables(), Entity(table), wanted=wanted).where(condition)


def kept(world: FakeWorld, table: str) -> dict[str, Kept]:
    """What is kept of every record of a table."""
    with world.engine() as (engine, _):
        return dict(engine.tables().appliers[Entity(table)].kept(list(world.organisation.rows(table))))


def set_filter(world: FakeWorld, table: str, *, wanted: bool) -> Counter[Fate]:
    """Set the filter of every record and sync; what became of them."""
    before = kept(world, table)
    for record in list(world.organisation.rows(table)):
        world.organisation.edit(table, record, {FILTER_COLUMN: wanted})
    world.cycle()
    after = kept(world, table)
    fates = Counter[Fate]()
    for record in world.organisation.rows(table):
        was, now = before.get(record), after.get(record)
        if now is None or (was is not None and was.wanted is now.wanted):
            fates[Fate.UNCHANGED] += 1
        elif was is not None:
            fates[Fate.RESUMED if now.wanted else Fate.PARKED] += 1
        else:
            fates[Fate.CREATED] += 1
    return fates


@pytest.mark.parametrize("wanted", [pytest.param(True, id="Yes"), pytest.param(False, id="No")])
@pytest.mark.parametrize("table", TABLES)
def test_D8_the_preview_is_the_effect(world: FakeWorld, table: str, wanted: bool) -> None:
    """Of live, parked and excluded records of every table, those that were not read yet included."""
    for says in (None, True, True, False, False):
        world.create(table, **TABLES[table], new_synctomkto=says)
    parked = world.create(table, **TABLES[table])
    world.sync()
    world.edit(table, parked, new_synctomkto=False)
    world.cycle()
    world.create(table, **TABLES[table], new_synctomkto=False)
    before, version = world.dump(), world.organisation.version

    supposed = suppose(world, table, "statecode eq 0", wanted=wanted)

    assert (before, version) == (world.dump(), world.organisation.version)
    assert 7 == supposed.records
    assert +supposed.fates == set_filter(world, table, wanted=wanted)
    changes = {Fate.CREATED: 3, Fate.RESUMED: 1} if wanted else {Fate.PARKED: 3}
    assert changes == {fate: count for fate, count in (+supposed.fates).items() if fate is not Fate.UNCHANGED}


def test_D8_whose_edits_would_stay_behind_is_told(world: FakeWorld) -> None:
    """Unsent edits, and fields that wait for a decision; by name."""
    plain, edited, contested = (world.create("contact", firstname="Ann", lastname=name) for name in ("A", "B", "C"))
    world.sync()
    world.choose("contact", "jobtitle", policy=Policy.HOLD)
    world.put_values("contact", contested, title="CTO")
    world.edit("contact", contested, jobtitle="CEO")
    world.cycle()
    world.edit_person("contact", edited, title="CTO")

    supposed = suppose(world, "contact", "lastname ne 'Z'", wanted=False)

    assert (3, 2, 1) == (supposed.fates[Fate.PARKED], supposed.unsent, supposed.contested)
    assert {f"Ann {name} ({record})" for name, record in (("A", plain), ("B", edited), ("C", contested))} == {
        *supposed.samples[Fate.PARKED]
    }


def test_D9_a_contact_that_would_be_its_leads_person_is_told_as_one(world: FakeWorld) -> None:
    """Yes and No, turned to Yes: nobody new."""
    lead = world.create("lead", **TABLES["lead"])
    world.sync()
    contact = world.qualify(lead)
    world.edit("contact", contact, new_synctomkto=False)
    world.sync()

    supposed = suppose(world, "contact", f"contactid eq {contact}", wanted=True)

    assert {Fate.JOINED: 1} == +supposed.fates


def test_P11_a_contact_whose_lead_was_not_read_would_wait(world: FakeWorld) -> None:
    """Nobody yet, and not counted twice."""
    world.sync()
    lead = world.create("lead", **TABLES["lead"])
    contact = world.qualify(lead)

    supposed = suppose(world, "contact", f"contactid eq {contact}", wanted=True)

    assert {Fate.WAITING: 1} == +supposed.fates


def test_D7_a_filter_that_is_not_there_yet_can_be_supposed(make_world: MakeWorld) -> None:
    """Before the column is made, which is when it is asked."""
    world = make_world().connect()
    world.create("contact", lastname="Ek")
    world.sync()

    assert {Fate.PARKED: 1} == +suppose(world, "contact", "lastname eq 'Ek'", wanted=False).fates


def test_D8_records_can_be_named_by_their_ids(world: FakeWorld) -> None:
    """Each once; of those that are not there only the number is told."""
    contacts = [world.create("contact", lastname="Ek") for _ in range(3)]
    world.sync()
    nobody = "00000000-0000-4000-8000-000000000000"

    with world.engine() as (engine, context):
        supposing = Supposing(context, engine.tables(), Entity.CONTACT, wanted=False)
        supposed = supposing.of([*contacts[:2], contacts[0], nobody])

    assert (2, 1, {Fate.PARKED: 2}) == (supposed.records, supposed.missing, +supposed.fates)


def test_D8_a_few_names_stand_for_thousands(world: FakeWorld) -> None:
    """Every record is counted."""
    for number in range(SAMPLES + 5):
        world.create("contact", lastname=f"n{number}")
    world.sync()

    supposed = suppose(world, "contact", "lastname ne 'Z'", wanted=False)

    assert (SAMPLES + 5, SAMPLES) == (supposed.fates[Fate.PARKED], len(supposed.samples[Fate.PARKED]))


def test_D8_a_condition_dynamics_does_not_take_is_told_with_its_words(world: FakeWorld) -> None:
    """It is sent as it is; nothing was done."""
    world.sync()

    with pytest.raises(ConditionRefused, match="colour is blue"):
        suppose(world, "contact", "colour is blue", wanted=False)
