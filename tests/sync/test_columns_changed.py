"""Columns change in Dynamics under the fields that are synced: one field waits, everything else goes on (D2, D6)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tandem.marketing.records import ActivityType
from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType, Option
from tandem.report.differences import read_differences
from tandem.rules.reasons import Reason
from tandem.runtime.syncing import dynamics_of
from tandem.sandbox.door.definitions import MakeColumn, RemoveColumn, RemoveOption
from tandem.state.notices import NoticeKind
from tandem.state.quick_syncs import AskedBy
from tandem.state.state import FieldChoice
from tandem.state.streams import StreamState
from tandem.sync.tables import synced_entities
from tandem.testing.fake_world import FakeWorld
from tandem.testing.subscribed import Subscribed
from tandem.testing.world import World

COLOUR = "new_colour"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeWorld]:
    """An organisation in memory whose leads and contacts have a custom text."""
    with FakeWorld(tmp_path, page_size="2") as world:
        for table in ("lead", "contact"):
            column = Column(name=COLOUR, type=ColumnType.TEXT, custom=True, label="Colour", max_length=20)
            world.organisation.add_column(table, column)
        yield world.connect()


@pytest.fixture
def coloured(world: World) -> World:
    """A world whose contacts have a custom text, which is selected."""
    world.do(MakeColumn(table="contact", column=COLOUR, type="text"))
    world.select_fields("contact", [COLOUR])
    return world


def chosen(world: Subscribed, column: str = COLOUR) -> FieldChoice:
    """The choice of a contact's column."""
    return world.subscription.state.choices()[Entity.CONTACT][column]


def told(world: Subscribed, *kinds: NoticeKind) -> list[tuple[str, str]]:
    """What was told of fields, oldest first, as (kind, message)."""
    notices = world.subscription.state.notices.newest(limit=1_000)[::-1]
    wanted = kinds or (NoticeKind.FIELD_BROKEN, NoticeKind.FIELD_HEALED)
    return [(each.kind.value, each.message) for each in notices if each.kind in wanted]


def settle(world: World) -> None:
    """Cycles until nothing is left to read, and one more for what that left to send."""
    world.sync()
    world.cycle()


def test_R1_an_edit_of_a_broken_field_says_what_it_waits_for(coloured: World) -> None:
    """It is neither waiting for the next cycle nor refused: nothing moves until the column is back."""
    world = coloured
    contact = world.create("contact", lastname="Ek", **{COLOUR: "red"})
    world.sync()
    world.do(RemoveColumn(table="contact", column=COLOUR))
    world.cycle()
    world.edit_person("contact", contact, **{COLOUR: "blue"})
    world.cycle()

    (found,) = read_differences(world.subscription, limit=10).differences

    assert (Reason.BROKEN, "blue") == (found.reason, found.marketing.value)
    assert "Dynamics has no such column any more" in found.text


# Gone, and back -----------------------------------------------------------------------------------------------------


def test_D6_a_deleted_column_breaks_its_field_and_nothing_else(coloured: World) -> None:
    """Told once; its values stay in marketing, and edits of other fields go both ways."""
    world = coloured
    contact = world.create("contact", lastname="Ek", telephone1="1", **{COLOUR: "red"})
    world.sync()

    world.do(RemoveColumn(table="contact", column=COLOUR))
    world.edit("contact", contact, lastname="Berg")
    world.edit_person("contact", contact, phone="2")
    for _ in range(3):
        assert {} == {entity: str(each) for entity, each in world.cycle().problems.items()}

    assert "Dynamics has no such column any more" == chosen(world).broken
    assert [("field-broken", f"{COLOUR} of contact is not synced any more: {chosen(world).broken}.")] == told(world)
    assert ("red", "Berg") == tuple(world.fields("contact", contact)[name] for name in (COLOUR, "lastName"))
    assert "2" == world.row("contact", contact)["telephone1"]
    assert StreamState.LIVE is world.subscription.state.streams.all()[Entity.CONTACT].state


def test_D6_a_column_that_comes_back_heals_its_field_by_itself(coloured: World) -> None:
    """What happened meanwhile was not read, so all records are; an edit made in marketing meanwhile is not lost."""
    world = coloured
    theirs = world.create("contact", lastname="Ek", **{COLOUR: "red"})
    mine = world.create("contact", lastname="Ng", **{COLOUR: "red"})
    world.sync()
    world.do(RemoveColumn(table="contact", column=COLOUR))
    settle(world)
    world.edit_person("contact", mine, **{COLOUR: "green"})
    world.cycle()

    world.do(MakeColumn(table="contact", column=COLOUR, type="text"))
    world.edit("contact", theirs, **{COLOUR: "blue"})
    settle(world)

    assert (None, True) == (chosen(world).broken, chosen(world).selected)
    assert ["field-broken", "field-healed"] == [kind for kind, _ in told(world)]
    assert [] == world.subscription.state.notices.open(NoticeKind.FIELD_BROKEN)
    assert [AskedBy.SYNC] == [each.asked_by for each in world.subscription.state.quick_syncs.newest()][:1]
    assert "blue" == world.fields("contact", theirs)[COLOUR] == world.row("contact", theirs)[COLOUR]
    # The record's own value went with the column: both sides changed, and Dynamics wins for contacts.
    assert (None, None) == (world.fields("contact", mine).get(COLOUR), world.row("contact", mine)[COLOUR])
    assert ["P4"] == [each["rule"] for each in world.subscription.state.journal.collisions()]


def test_D6_a_retyped_column_waits_until_it_is_selected_again(coloured: World) -> None:
    """Of another type it is another column, although it has the name."""
    world = coloured
    contact = world.create("contact", lastname="Ek", **{COLOUR: "red"})
    world.sync()
    world.do(RemoveColumn(table="contact", column=COLOUR))
    world.do(MakeColumn(table="contact", column=COLOUR, type="integer"))
    world.edit("contact", contact, **{COLOUR: 7})
    settle(world)
    settle(world)

    assert "red" == world.fields("contact", contact)[COLOUR]
    because = "it was text and is integer in Dynamics now: select it again to take the new type"
    assert because == chosen(world).broken
    assert [("field-broken", f"{COLOUR} of contact is not synced any more: {because}.")] == told(world)

    world.select_fields("contact", [COLOUR])
    settle(world)

    assert (None, ColumnType.INTEGER) == (chosen(world).broken, chosen(world).type)
    assert 7 == world.fields("contact", contact)[COLOUR]
    assert [("red", 7, "P19")] == [
        (each["marketing"].strip('"'), int(each["crm"]), each["rule"])
        for each in world.subscription.state.journal.collisions()
    ]
    assert [] == world.subscription.state.notices.open(NoticeKind.FIELD_BROKEN)


def test_D4_a_column_that_was_secured_is_unknown_and_never_emptied(coloured: World) -> None:
    """The table is not read again for it, neither then nor when it can be read once more: only the field is."""
    world = coloured
    contact = world.create("contact", lastname="Ek", **{COLOUR: "red"})
    world.sync()
    before = world.subscription.state.streams.all()[Entity.CONTACT].fingerprint

    world.secure("contact", COLOUR)
    world.edit("contact", contact, lastname="Berg", **{COLOUR: "blue"})
    settle(world)
    assert ("red", "Berg") == tuple(world.fields("contact", contact)[name] for name in (COLOUR, "lastName"))
    assert "the sync user may not read it" == chosen(world).broken

    world.secure("contact", COLOUR, secured=False)
    settle(world)
    assert "blue" == world.fields("contact", contact)[COLOUR]
    assert ["field-broken", "field-healed"] == [kind for kind, _ in told(world)]
    assert before == world.subscription.state.streams.all()[Entity.CONTACT].fingerprint


def test_D4_a_right_that_is_taken_and_given_back_is_noticed_by_a_sync_at_work(coloured: World) -> None:
    """A column security profile changes and no definition does: within one cycle, at no request of its own."""
    world = coloured
    contact = world.create("contact", lastname="Ek", **{COLOUR: "red"})
    world.secure("contact", COLOUR)
    world.allow("contact", COLOUR)
    settle(world)
    assert "red" == world.fields("contact", contact)[COLOUR]

    with world.engine() as (engine, _):
        idle = [engine.cycle().requests for _ in range(3)][1:]
        world.allow("contact", COLOUR, allowed=False)
        world.edit("contact", contact, lastname="Berg", **{COLOUR: "blue"})
        engine.cycle()
        assert ("red", "Berg") == tuple(world.fields("contact", contact)[name] for name in (COLOUR, "lastName"))
        assert "the sync user may not read it" == chosen(world).broken

        world.allow("contact", COLOUR)
        engine.cycle()
        assert chosen(world).broken is None
        assert "blue" == world.fields("contact", contact)[COLOUR]

    assert ["field-broken", "field-healed"] == [kind for kind, _ in told(world)]
    assert [len(synced_entities(world.subscription.state)) + 1] * 2 == idle


def test_D1_a_secured_column_that_may_be_read_and_not_written_is_pulled_only(coloured: World) -> None:
    """One such column in a write, and Dynamics refuses all of it: the other fields of the person go on being sent."""
    world = coloured
    world.secure("contact", COLOUR)
    world.allow("contact", COLOUR)
    contact = world.create("contact", lastname="Ek", **{COLOUR: "red"})
    settle(world)

    with world.engine() as (engine, _):
        engine.cycle()
        world.allow("contact", COLOUR, writing=False)
        world.edit_person("contact", contact, **{COLOUR: "blue"}, phone="2")
        engine.cycle()
        row = world.row("contact", contact)
        assert ("red", "2") == (row[COLOUR], row["telephone1"])
        assert [] == world.subscription.state.journal.errors()
        assert [f"{COLOUR} of contact cannot be written any more: it was made read-only."] == [
            message for _, message in told(world, NoticeKind.FIELD_BROKEN)
        ]

        world.allow("contact", COLOUR)
        engine.cycle()
    assert "blue" == world.row("contact", contact)[COLOUR]


def test_D6_a_field_healed_in_the_middle_of_a_quick_sync_is_brought_for_all_records(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick sync went on for its other field and passed records that could not be read of this one."""
    world = make_world(page_size="3").connect()
    world.secure("contact", "jobtitle")
    world.allow("contact", "jobtitle")
    contacts = [world.create("contact", lastname=f"Ek {number}", jobtitle="old") for number in range(9)]
    world.sync()
    world.select_fields("contact", deselect=["title"])
    for each in contacts:
        world.edit("contact", each, jobtitle="new")
    world.cycle()
    world.select_fields("contact", ["title", "phone"])

    clock = [0.0]
    with world.engine() as (engine, context):
        read = context.dynamics.read_page

        def slow(*args: Any, **options: Any) -> Any:
            clock[0] += context.settings.fresh_interval + 1
            return read(*args, **options)

        monkeypatch.setattr(context.dynamics, "read_page", slow)
        monkeypatch.setattr(context, "monotonic", lambda: clock[0])
        for allowed in (True, False, True):
            world.allow("contact", "jobtitle", allowed=allowed)
            engine.cycle()
    world.sync()

    assert {"new"} == {world.fields("contact", each)["title"] for each in contacts}


def test_D6_a_broken_field_can_be_given_up(coloured: World) -> None:
    """Then it is broken no more, and when the column comes back nobody asked for it."""
    world = coloured
    contact = world.create("contact", lastname="Ek", **{COLOUR: "red"})
    world.sync()
    world.do(RemoveColumn(table="contact", column=COLOUR))
    settle(world)
    world.choose("contact", COLOUR, selected=False, broken=None)
    world.cycle()

    world.do(MakeColumn(table="contact", column=COLOUR, type="text"))
    world.edit("contact", contact, **{COLOUR: "blue"})
    settle(world)

    assert "red" == world.fields("contact", contact)[COLOUR]
    assert [] == world.subscription.state.notices.open(NoticeKind.FIELD_BROKEN)
    assert ["field-broken"] == [kind for kind, _ in told(world)]


# Narrowed -----------------------------------------------------------------------------------------------------------


def narrowed(world: FakeWorld, table: str, **changes: Any) -> None:
    """Change the column's definition."""
    column = world.organisation.tables[table].columns[COLOUR]
    world.organisation.add_column(table, replace(column, **changes))


def test_P7_a_shortened_column_holds_longer_values_and_tells_how_many(fake: FakeWorld) -> None:
    """The values stay; an edit that fits is sent, one that does not is an error of that field."""
    long = [fake.create("contact", lastname="Ek", **{COLOUR: "vermilion red"}) for _ in range(2)]
    short = fake.create("contact", lastname="Ng", **{COLOUR: "red"})
    fake.sync()

    narrowed(fake, "contact", max_length=5)
    fake.cycle()
    fake.cycle()
    fake.edit_person("contact", long[0], **{COLOUR: "light vermilion red"}, phone="2")
    fake.edit_person("contact", short, **{COLOUR: "blue"})
    fake.cycle()

    message = f"{COLOUR} of contact takes 5 characters in Dynamics now, not 20: 2 people hold longer values."
    assert [("field-broken", message)] == told(fake)
    rows = [fake.organisation.rows("contact")[each] for each in (long[0], short)]
    assert ["vermilion red", "blue"] == [row[COLOUR] for row in rows]
    assert "2" == rows[0]["telephone1"]
    assert ["too-long"] == [each["code"] for each in fake.subscription.state.journal.errors()]

    narrowed(fake, "contact", max_length=100)
    fake.cycle()
    assert [] == fake.subscription.state.notices.open(NoticeKind.FIELD_BROKEN)
    assert "light vermilion red" == fake.organisation.rows("contact")[long[0]][COLOUR]


def test_P7_removed_options_are_told_by_name(world: World) -> None:
    """People keep the code, and so does Dynamics."""
    world.do(MakeColumn(table="contact", column="new_taste", type="choice"))
    world.select_fields("contact", ["new_taste"])
    options = {option.value: option.label for option in _options(world, "new_taste")}
    first = next(iter(options))
    contact = world.create("contact", lastname="Ek", new_taste=first)
    world.sync()

    world.do(RemoveOption(table="contact", column="new_taste", option=first))
    world.cycle()
    world.cycle()

    assert [("field-broken", f"new_taste of contact lost options in Dynamics: {options[first]} ({first}).")] == told(
        world
    )
    assert first == world.fields("contact", contact)["new_taste"]


def _options(world: World, column: str) -> tuple[Option, ...]:
    with dynamics_of(world.subscription) as dynamics:
        return dynamics.tables(["contact"])["contact"].columns[column].options


def test_D1_a_column_made_read_only_is_pulled_only_and_told(fake: FakeWorld) -> None:
    """Marketing's edits of it are a difference that is listed; Dynamics' still arrive."""
    contact = fake.create("contact", lastname="Ek", **{COLOUR: "red"})
    other = fake.create("contact", lastname="Ng", **{COLOUR: "red"})
    fake.sync()

    fake.edit("contact", other, **{COLOUR: "green"})
    narrowed(fake, "contact", updatable=False, creatable=False)
    fake.cycle()
    fake.edit_person("contact", contact, **{COLOUR: "blue"})
    fake.cycle()
    fake.cycle()

    message = f"{COLOUR} of contact cannot be written any more: it was made read-only."
    assert [("field-broken", message)] == told(fake)
    assert "red" == fake.organisation.rows("contact")[contact][COLOUR]
    assert "green" == fake.fields("contact", other)[COLOUR]

    narrowed(fake, "contact", updatable=True, creatable=True)
    fake.cycle()
    assert [] == fake.subscription.state.notices.open(NoticeKind.FIELD_BROKEN)


# What it costs, and whole tables ------------------------------------------------------------------------------------


def test_R3_changed_definitions_are_noticed_within_a_cycle_at_no_request_of_their_own(coloured: World) -> None:
    """The one request that every cycle begins with tells the mark; metadata is read only where that changed."""
    world = coloured
    world.create("contact", lastname="Ek", **{COLOUR: "red"})
    settle(world)

    with world.engine() as (engine, _):
        engine.cycle()
        idle = engine.cycle().requests
        assert idle == engine.cycle().requests
        world.secure("contact", COLOUR)
        noticed = engine.cycle().requests
        assert "the sync user may not read it" == chosen(world).broken
        assert noticed > idle == engine.cycle().requests


def test_D6_a_table_that_vanishes_stops_alone_and_goes_on_when_it_is_back(fake: FakeWorld) -> None:
    """People are copied all the while, and nothing of the table is deleted here."""
    record = fake.create("opportunity", name="Sale")
    contact = fake.create("contact", lastname="Ek")
    fake.sync()
    table = fake.organisation.tables.pop("opportunity")
    fake.organisation.schema += 1

    fake.edit("contact", contact, lastname="Berg")
    report = fake.cycle()
    fake.cycle()
    assert [Entity.OPPORTUNITY] == list(report.problems)
    assert "Berg" == fake.fields("contact", contact)["lastName"]
    assert ["Sale"] == [each["name"] for each in fake.export("opportunity")]
    assert 1 == len(told(fake, NoticeKind.SYNC_DOWN))

    fake.organisation.add_table(table)
    fake.edit("opportunity", record, name="Larger sale")
    fake.sync()
    assert ["Larger sale"] == [each["name"] for each in fake.export("opportunity")]
    assert 1 == len(told(fake, NoticeKind.RECOVERED))
    assert [] == fake.subscription.state.notices.open(NoticeKind.SYNC_DOWN)


# Columns of customers -----------------------------------------------------------------------------------------------

VALUES: dict[str, tuple[ColumnType, Any]] = {
    "text": (ColumnType.TEXT, "red"),
    "memo": (ColumnType.MEMO, "red\nand green"),
    "integer": (ColumnType.INTEGER, 7),
    "bigint": (ColumnType.BIGINT, 2**40),
    "decimal": (ColumnType.DECIMAL, 1.25),
    "double": (ColumnType.DOUBLE, 2.5),
    "money": (ColumnType.MONEY, 9.5),
    "boolean": (ColumnType.BOOLEAN, True),
    "datetime": (ColumnType.DATETIME, "2025-03-04T05:06:07Z"),
    "date": (ColumnType.DATE, "2025-03-04"),
    "choice": (ColumnType.CHOICE, 1),
    "choices": (ColumnType.CHOICES, "1,2"),
}


def test_D2_columns_made_at_run_time_become_fields_of_the_matching_type(world: World) -> None:
    """Of every type that a customer's column can have, empty ones too; nothing is logged but that they changed."""
    contact = world.create("contact", lastname="Ek")
    empty = world.create("contact", lastname="Ng")
    world.sync()
    for name in VALUES:
        world.do(MakeColumn(table="contact", column=f"new_{name}", type=name))
    options = [option.value for option in _options(world, "new_choice")]
    values = {f"new_{name}": value for name, (_, value) in VALUES.items()}
    values |= {"new_choice": options[0], "new_choices": f"{options[0]},{options[1]}"}
    world.edit("contact", contact, **values)

    world.select_fields("contact", [*values])
    settle(world)

    defined = {
        each.api_name: each.type
        for each in world.subscription.marketing.field_definitions()
        if each.entity == "contact" and each.api_name in values
    }
    assert {f"new_{name}": kind.value for name, (kind, _) in VALUES.items()} == defined
    held = world.fields("contact", contact)
    assert values == {name: held.get(name) for name in values}
    assert set() == world.fields("contact", empty).keys() & values.keys()
    kinds = {entry[0] for entry in world.log(world.person("contact", empty))}
    assert {ActivityType.NEW_PERSON} == kinds
