"""Fields are selected, given up and brought again while everything else goes on (rules D1, D5, S12, P4, P19)."""

from collections.abc import Callable
from typing import Any

import pytest

from tandem.dynamics.messages import Request, Response
from tandem.dynamics.transport import Transport
from tandem.mapping.fields import Direction
from tandem.mapping.projection import decode_value
from tandem.mapping.ranges import DatedBy, Range, parse_range
from tandem.marketing.records import ActivityType
from tandem.model.entities import Entity
from tandem.report.choice import ChoiceTrial
from tandem.runtime.choosing import NoDates, cancel_quick_sync, look_up
from tandem.runtime.subscription import opened
from tandem.runtime.syncing import dynamics_of
from tandem.state.notices import NoticeKind
from tandem.state.quick_syncs import QuickSync, QuickSyncState
from tandem.state.streams import Stream, StreamState
from tandem.sync.choosing import FieldInQuickSync, Wishes
from tandem.sync.context import Context
from tandem.sync.quick_syncs import UnknownQuickSync
from tandem.sync.removing import Removing
from tandem.testing.world import World


def quick_syncs(world: World) -> list[QuickSync]:
    """All that were ever asked for, oldest first."""
    return world.subscription.state.quick_syncs.newest()[::-1]


def stream(world: World, table: str) -> Stream:
    """The stream that is in force."""
    return world.subscription.state.streams.all()[Entity(table)]


def collisions(world: World) -> list[tuple[str, Any, Any, str, str]]:
    """What gave way, as (field, marketing's value, Dynamics', winner, rule)."""
    return [
        (each["field"], decode_value(each["marketing"]), decode_value(each["crm"]), each["winner"], each["rule"])
        for each in world.subscription.state.journal.collisions()
    ]


def slow(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page takes longer than fresh edits may wait, so a cycle's slice of a backfill is one page."""
    clock, read = [0.0], context.dynamics.read_page

    def read_page(*args: Any, **options: Any) -> Any:
        clock[0] += context.settings.fresh_interval + 1
        return read(*args, **options)

    monkeypatch.setattr(context.dynamics, "read_page", read_page)
    monkeypatch.setattr(context, "monotonic", lambda: clock[0])


# A new field --------------------------------------------------------------------------------------------------------


def test_D5_a_selected_field_is_brought_for_all_records_empty_ones_too(world: World) -> None:
    """And that is told once, with what it did."""
    with_fax = [world.create("contact", lastname=f"Ek {number}", fax=f"+47 {number}") for number in range(3)]
    without = world.create("contact", lastname="Ng")
    world.sync()

    world.select_fields("contact", ["fax"])
    world.sync()
    world.sync()

    assert ["+47 0", "+47 1", "+47 2"] == [world.fields("contact", each)["fax"] for each in with_fax]
    assert "fax" not in world.fields("contact", without)
    (done,) = quick_syncs(world)
    assert (QuickSyncState.DONE, 4, 3, True) == (done.state, done.rows_done, done.rows_changed, done.rides)
    told = [each for each in world.subscription.state.notices.newest(limit=100) if each.kind is NoticeKind.QUICK_SYNC]
    assert ["Quick sync 1 is done: fax of contact, for all records. 4 records were read, 3 changed."] == [
        each.message for each in told
    ]


def test_S12_the_stream_in_force_goes_on_while_its_successor_reads(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edits of both sides and deletions are there in the next cycle; then the streams are swapped, and one is left."""
    world = make_world(page_size="5").connect()
    contacts = [world.create("contact", lastname=f"Ek {number}", fax="1") for number in range(20)]
    world.sync()
    before, state = stream(world, "contact").fingerprint, world.subscription.state

    with world.engine() as (engine, context):
        world.select_fields("contact", ["fax"])
        slow(context, monkeypatch)
        engine.cycle()
        world.edit("contact", contacts[0], lastname="Berg")
        world.edit_person("contact", contacts[1], phone="2")
        world.delete("contact", contacts[2])
        report = engine.cycle()

        assert (before, StreamState.LIVE) == (stream(world, "contact").fingerprint, stream(world, "contact").state)
        assert "Berg" == world.fields("contact", contacts[0])["lastName"]
        assert "2" == world.row("contact", contacts[1])["telephone1"]
        assert world.person("contact", contacts[2]).is_deleted
        assert [Entity.CONTACT] == report.unfinished
        successor = state.streams.successors()[Entity.CONTACT]
        assert (10, StreamState.COPYING) == (successor.rows_read, successor.state)
        assert (10, QuickSyncState.RUNNING) == (quick_syncs(world)[0].rows_done, quick_syncs(world)[0].state)

    world.sync()
    assert ({}, StreamState.LIVE) == (state.streams.successors(), stream(world, "contact").state)
    assert before != stream(world, "contact").fingerprint
    left = [each for number, each in enumerate(contacts) if number != 2]
    assert ["1"] * 19 == [world.fields("contact", each)["fax"] for each in left]
    assert world.cycle().sums()["read"] == 0


def test_D5_what_changes_beside_the_reading_is_looked_at_again(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream in force brings the change without the new field, after its successor passed the record."""
    world = make_world(page_size="5").connect()
    contacts = sorted(world.create("contact", lastname=f"Ek {number}", fax="1") for number in range(20))
    world.sync()

    with world.engine() as (engine, context):
        world.select_fields("contact", ["fax"])
        slow(context, monkeypatch)
        engine.cycle()
        assert "1" == world.fields("contact", contacts[0])["fax"]
        world.edit("contact", contacts[0], fax="2", lastname="Berg")
        engine.cycle()
        assert ("1", "Berg") == tuple(world.fields("contact", contacts[0])[name] for name in ("fax", "lastName"))

    world.sync()
    assert "2" == world.fields("contact", contacts[0])["fax"]


def test_P8_what_was_deleted_before_the_successor_began_is_deleted_here(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No read lists it, and the successor's changes begin after it."""
    world = make_world(page_size="5").connect()
    contacts = [world.create("contact", lastname=f"Ek {number}") for number in range(8)]
    world.sync()
    world.select_fields("contact", ["fax"])

    with world.engine() as (engine, context):
        fetch = context.dynamics.read_page

        def read_page(start: Any, *args: Any, **options: Any) -> Any:
            if getattr(start, "track_changes", False):
                world.delete("contact", contacts[0])
            return fetch(start, *args, **options)

        with monkeypatch.context() as patched:
            patched.setattr(context.dynamics, "read_page", read_page)
            engine.cycle()
        assert not world.person("contact", contacts[0]).is_deleted
    world.sync()

    assert world.person("contact", contacts[0]).is_deleted
    assert {} == world.subscription.state.streams.successors()


def test_P19_of_two_values_nobody_agreed_on_dynamics_stays_and_the_other_is_kept(world: World) -> None:
    """An empty side is filled from the other: the record as well as the person."""
    both = world.create("lead", lastname="Both", pager="1")
    here = world.create("lead", lastname="Here")
    there = world.create("lead", lastname="There", pager="3")
    world.sync()
    for each, value in ((both, "9"), (here, "2")):
        world.put_marketing_only("lead", each, pager=value)

    world.select_fields("lead", ["pager"])
    world.sync()

    assert ["1", "2", "3"] == [world.fields("lead", each)["pager"] for each in (both, here, there)]
    assert ["1", "2", "3"] == [world.row("lead", each)["pager"] for each in (both, here, there)]
    assert [("pager", "9", "1", "crm", "P19")] == collisions(world)


@pytest.mark.parametrize(
    ("table", "stays"), [pytest.param("lead", "mine", id="a lead"), pytest.param("contact", "theirs", id="a contact")]
)
def test_D5_an_unsent_edit_is_no_victim_of_a_quick_sync(
    make_world: Callable[..., World], table: str, stays: str
) -> None:
    """Edited after the field was selected and before it was read: P4's winner, and the other value is kept."""
    world = make_world().connect()
    record = world.create(table, lastname="Ek", pager="theirs")
    world.sync()

    world.select_fields(table, ["pager"])
    with world.engine() as (engine, _):
        engine.tables()
    world.edit_person(table, record, pager="mine")
    world.sync()

    assert (stays, stays) == (world.fields(table, record)["pager"], world.row(table, record)["pager"])
    assert 1 == len(collisions(world))


def test_P9_a_quick_sync_revives_nobody(world: World) -> None:
    """The person was deleted in marketing; the record is listed once more and did not change."""
    contact = world.create("contact", lastname="Ek", fax="1")
    world.sync()
    kept = world.subscription
    Removing(kept.database, kept.marketing, kept.state).delete(world.person("contact", contact).id, at=kept.now())
    world.select_fields("contact", ["fax"])
    world.sync()

    assert [] == world.export("person")


# Given up, and taken up again ---------------------------------------------------------------------------------------


def test_D1_a_field_is_given_up_without_reading_anything(world: World) -> None:
    """Its values stay, changes of it are not taken any more, and the stream is the same."""
    contact = world.create("contact", lastname="Ek", telephone1="1")
    world.sync()
    before = stream(world, "contact").fingerprint
    world.cycle()
    idle = world.cycle().requests

    world.select_fields("contact", deselect=["phone"])
    world.edit("contact", contact, telephone1="2", lastname="Berg")
    report = world.cycle()

    assert ("1", "Berg") == tuple(world.fields("contact", contact)[name] for name in ("phone", "lastName"))
    assert (before, 1) == (stream(world, "contact").fingerprint, report.counts(Entity.CONTACT).read)
    assert idle == world.cycle().requests
    assert [] == quick_syncs(world)


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_D5_a_field_that_is_taken_up_again_gets_a_three_way_merge(make_world: Callable[..., World], table: str) -> None:
    """Against the base that was kept: who alone changed it wins, and of two changes P4's winner."""
    world = make_world().connect()
    records = [world.create(table, lastname=f"Ek {number}", telephone1="old") for number in range(4)]
    world.sync()
    before = stream(world, table).fingerprint

    world.select_fields(table, deselect=["phone"])
    world.cycle()
    here, there, both, _ = records
    for each in (here, both):
        world.edit_person(table, each, phone="mine")
    for each in (there, both):
        world.edit(table, each, telephone1="theirs")
    world.cycle()
    assert "old" == world.fields(table, there)["phone"]
    world.select_fields(table, ["phone"])
    world.sync()

    winner = "mine" if table == "lead" else "theirs"
    assert ["mine", "theirs", winner, "old"] == [world.fields(table, each)["phone"] for each in records]
    assert ["mine", "theirs", winner, "old"] == [world.row(table, each)["telephone1"] for each in records]
    assert [("phone", "mine", "theirs", "marketing" if table == "lead" else "crm", "P4")] == collisions(world)
    assert before == stream(world, table).fingerprint
    assert [(False, QuickSyncState.DONE)] == [(each.rides, each.state) for each in quick_syncs(world)]


def test_D5_a_field_is_brought_once_more_on_demand(world: World) -> None:
    """It was selected all the time; the records are read again, and nothing differs."""
    for number in range(3):
        world.create("contact", lastname=f"Ek {number}", telephone1="1")
    world.sync()

    world.select_fields("contact", ["phone"])
    reports = world.sync()

    (done,) = quick_syncs(world)
    assert (QuickSyncState.DONE, 3, 0) == (done.state, done.rows_done, done.rows_changed)
    # One more cycle follows, for what a quick sync left to send.
    assert [[Entity.CONTACT], []] == [each.unfinished for each in reports]


# A part of the records ----------------------------------------------------------------------------------------------


def test_D5_a_range_brings_the_records_in_it_and_leaves_the_others(world: World) -> None:
    """Those of the others follow with their next change, on either side."""
    old = [
        world.create("contact", lastname=f"Old {n}", fax=f"{n}", overriddencreatedon="2020-03-04T05:06:07Z")
        for n in range(3)
    ]
    new = world.create("contact", lastname="New", fax="4")
    world.sync()

    world.select_fields(
        "contact", ["fax"], wanted=Range(dated_by=DatedBy.CREATED, since="2024-01-01T00:00:00Z", until=None)
    )
    world.sync()
    world.sync()
    assert [None, None, None, "4"] == [world.fields("contact", each).get("fax") for each in (*old, new)]

    world.edit("contact", old[0], lastname="Older")
    world.edit_person("contact", old[1], fax="mine")
    world.sync()

    assert ["0", "1", None] == [world.fields("contact", each).get("fax") for each in old]
    assert [("fax", "mine", "1", "crm", "P4")] == collisions(world)
    (done,) = quick_syncs(world)
    assert (QuickSyncState.DONE, 1, 1, False) == (done.state, done.rows_done, done.total, done.rides)


def test_D5_what_a_range_left_alone_is_left_alone_by_the_next_quick_sync(world: World) -> None:
    """Of another field; a quick sync of all records brings the rest."""
    old = world.create("contact", lastname="Old", pager="1", jobtitle="CTO")
    world.sync()
    world.put_marketing_only("contact", old, pager="mine")
    future = Range(dated_by=DatedBy.CREATED, since=None, until="2020-01-01T00:00:00Z")
    world.select_fields("contact", ["pager"], wanted=future)
    world.sync()
    for again in (["title"], ["fax"]):
        world.select_fields("contact", again)
        world.sync()
    assert "mine" == world.fields("contact", old)["pager"]

    world.select_fields("contact", ["pager"])
    world.sync()
    assert "1" == world.fields("contact", old)["pager"]
    assert [("pager", "mine", "1", "crm", "P19")] == collisions(world)


def test_D5_a_range_by_the_last_change(world: World) -> None:
    """An open beginning, an end that is included to its last second."""
    old = world.create("contact", lastname="Old", telephone1="1")
    world.sync()
    world.select_fields("contact", deselect=["phone"])
    world.edit("contact", old, telephone1="2")
    world.cycle()
    today = world.row("contact", old)["modifiedon"][:10]

    world.select_fields(
        "contact", ["phone"], wanted=parse_range("..2020-01-01", DatedBy.UPDATED, now=world.subscription.now())
    )
    world.sync()
    assert "1" == world.fields("contact", old)["phone"]
    world.select_fields(
        "contact", ["phone"], wanted=parse_range(f"..{today}", DatedBy.UPDATED, now=world.subscription.now())
    )
    world.sync()

    assert "2" == world.fields("contact", old)["phone"]
    assert [0, 1] == [each.rows_done for each in quick_syncs(world)]


def test_D5_a_range_that_makes_no_sense_changes_nothing(world: World) -> None:
    """No field is named, or the records have no such date."""
    world.sync()
    choices = world.subscription.state.choices()
    wanted = Range(dated_by=DatedBy.CREATED, since="2024-01-01T00:00:00Z", until=None)

    with pytest.raises(NoDates, match="no field is named"):
        world.select_fields("contact", deselect=["phone"], wanted=wanted)
    with pytest.raises(NoDates, match="do not say when they were created"):
        world.select_fields("teammembership", ["teamid"], wanted=wanted)

    assert (choices, []) == (world.subscription.state.choices(), quick_syncs(world))


# In the middle of it ------------------------------------------------------------------------------------------------


def test_D5_a_killed_quick_sync_goes_on_where_it_was(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every page another process takes over; no page is asked for twice but the one that was not stored."""
    world = make_world(page_size="3").connect()
    contacts = [world.create("contact", lastname=f"Ek {number}", telephone1="old") for number in range(10)]
    world.sync()
    world.select_fields("contact", deselect=["phone"])
    for each in contacts:
        world.edit("contact", each, telephone1="new")
    world.sync()
    world.select_fields("contact", ["phone"])
    done = []

    while quick_syncs(world)[0].state is not QuickSyncState.DONE:
        with world.engine() as (engine, context):
            store, pages = context.state.quick_syncs.count_changed, [0]

            def killed(*args: Any, store: Any = store, pages: list[int] = pages) -> None:
                store(*args)
                pages[0] += 1
                if pages[0] == 2:
                    raise KeyboardInterrupt

            with monkeypatch.context() as patched:
                patched.setattr(context.state.quick_syncs, "count_changed", killed)
                try:
                    engine.cycle()
                except KeyboardInterrupt:
                    done.append(quick_syncs(world)[0].rows_done)

    assert [3, 6, 9] == done
    assert (10, 10) == (quick_syncs(world)[0].rows_done, quick_syncs(world)[0].rows_changed)
    assert ["new"] * 10 == [world.fields("contact", each)["phone"] for each in contacts]


def test_D5_a_place_that_is_lost_begins_the_quick_sync_again(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dynamics does not know the next page any more."""
    world = make_world(page_size="3").connect()
    for number in range(10):
        world.create("contact", lastname=f"Ek {number}", telephone1="1")
    world.sync()
    world.select_fields("contact", ["phone"])
    with world.engine() as (engine, context):
        slow(context, monkeypatch)
        engine.cycle()
        place = quick_syncs(world)[0].next_link
    assert place is not None
    world.fault("expired-delta-token", path="contacts?")

    world.sync()

    (done,) = quick_syncs(world)
    assert (QuickSyncState.DONE, 10) == (done.state, done.rows_done)


def test_D5_a_field_that_waits_cannot_be_given_up_until_the_quick_sync_is(world: World) -> None:
    """Nor asked for once more; what was right in the same line is not done either."""
    world.create("contact", lastname="Ek", fax="1")
    world.sync()
    world.select_fields("contact", ["fax"])
    choices = world.subscription.state.choices()

    with pytest.raises(FieldInQuickSync, match="fax of contact waits in quick sync 1"):
        world.select_fields("contact", ["assistantname"], deselect=["fax"])
    with pytest.raises(FieldInQuickSync, match="fax of contact waits in quick sync 1"):
        world.select_fields("contact", ["fax"])
    with pytest.raises(FieldInQuickSync, match="fax of contact waits in quick sync 1"):
        world.choose("contact", "fax", direction=Direction.BLOCKED)
    assert choices == world.subscription.state.choices()

    cancel_quick_sync(world.subscription, 1)
    with pytest.raises(UnknownQuickSync, match="No quick sync 1 waits or runs"):
        cancel_quick_sync(world.subscription, 1)
    world.select_fields("contact", deselect=["fax"])
    world.sync()

    assert [QuickSyncState.CANCELLED] == [each.state for each in quick_syncs(world)]
    assert {} == world.subscription.state.streams.successors()


def test_D5_a_cancelled_quick_sync_brings_nothing_more(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is read on for the field's sake; records that were not reached keep what they hold."""
    world = make_world(page_size="5").connect()
    contacts = sorted(world.create("contact", lastname=f"Ek {number}", fax="1") for number in range(10))
    world.sync()
    world.select_fields("contact", ["fax"])
    with world.engine() as (engine, context):
        slow(context, monkeypatch)
        engine.cycle()

    cancel_quick_sync(world.subscription, 1)
    world.sync()
    world.sync()
    assert ["1"] * 5 + [None] * 5 == [world.fields("contact", each).get("fax") for each in contacts]
    world.edit("contact", contacts[9], lastname="Berg")
    world.sync()

    assert "1" == world.fields("contact", contacts[9])["fax"]


@pytest.mark.parametrize("given_up", [False, True], ids=["of a range", "that is given up"])
def test_P5_what_changed_while_a_field_was_not_followed_is_read_before_it_is_written_over(
    world: World, given_up: bool
) -> None:
    """Deselected, changed in Dynamics, selected again by a quick sync that does not reach the record."""
    contact = world.create("contact", lastname="Ek", telephone1="old", overriddencreatedon="2020-03-04T05:06:07Z")
    world.sync()
    world.select_fields("contact", deselect=["phone"])
    world.edit("contact", contact, telephone1="theirs")
    world.cycle()
    since = Range(dated_by=DatedBy.CREATED, since="2024-01-01T00:00:00Z", until=None)
    world.select_fields("contact", ["phone"], wanted=None if given_up else since)
    if given_up:
        cancel_quick_sync(world.subscription, 1)
    world.sync()

    world.edit_person("contact", contact, phone="mine")
    world.cycle()

    assert ("theirs", "theirs") == (
        world.fields("contact", contact)["phone"],
        world.row("contact", contact)["telephone1"],
    )
    assert [("phone", "mine", "theirs", "crm", "P4")] == collisions(world)


def test_R1_an_edit_of_a_field_that_was_given_up_is_sent_when_a_range_leaves_its_record_out(world: World) -> None:
    """Once the field is synced again, nothing may differ without a reason."""
    contact = world.create("contact", lastname="Ek", telephone1="old", overriddencreatedon="2020-03-04T05:06:07Z")
    world.sync()
    world.select_fields("contact", deselect=["phone"])
    world.cycle()
    world.edit_person("contact", contact, phone="mine")
    world.cycle()
    assert "old" == world.row("contact", contact)["telephone1"]

    since = Range(dated_by=DatedBy.CREATED, since="2024-01-01T00:00:00Z", until=None)
    world.select_fields("contact", ["phone"], wanted=since)
    world.sync()
    world.cycle()

    assert ("mine", "mine") == (world.fields("contact", contact)["phone"], world.row("contact", contact)["telephone1"])


def test_P19_what_was_not_read_of_leads_yet_was_not_agreed_with_when_one_is_qualified(world: World) -> None:
    """The contact comes before the lead's field was brought: its empty value does not take the person's."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.sync()
    world.put_marketing_only("lead", lead, pager="mine")
    world.select_fields("contact", ["pager"])
    world.sync()
    world.select_fields("lead", ["pager"])
    contact = world.qualify(lead)

    with world.engine() as (engine, _):
        engine.cycle([Entity.CONTACT], backfill=False)
    world.sync()

    assert ("mine", "mine") == (world.fields("contact", contact)["pager"], world.row("contact", contact)["pager"])


@pytest.mark.parametrize("theirs", [None, "1"], ids=["nothing", "another value"])
def test_P19_a_value_a_range_left_alone_is_kept_when_its_record_changes(world: World, theirs: str | None) -> None:
    """Nobody knows whether it was ever agreed on: Dynamics' state is taken, and the other can be restored."""
    old = world.create("contact", lastname="Old", fax=theirs, overriddencreatedon="2020-03-04T05:06:07Z")
    world.sync()
    world.put_marketing_only("contact", old, fax="mine")
    since = Range(dated_by=DatedBy.CREATED, since="2024-01-01T00:00:00Z", until=None)
    world.select_fields("contact", ["fax"], wanted=since)
    world.sync()
    world.sync()

    world.edit("contact", old, lastname="Older")
    world.cycle()

    assert theirs == world.fields("contact", old).get("fax")
    assert [("fax", "mine", theirs, "crm", "P19")] == collisions(world)


def test_S12_a_preview_asks_dynamics_nothing_while_it_keeps_the_database_to_itself(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow answer would keep the running sync waiting, until that gives up."""
    world, contact = make_world().connect(), Entity.CONTACT
    world.create("contact", lastname="Ek", fax="1")
    world.sync()
    send, asked = Transport.send, list[str]()

    with opened(world.settings) as other:

        def while_another_writes(transport: Transport, request: Request) -> Response:
            with other.database.transaction():
                other.state.put_setting("probe", len(asked))
            asked.append(request.url)
            return send(transport, request)

        monkeypatch.setattr(Transport, "send", while_another_writes)
        with dynamics_of(world.subscription) as dynamics:
            trial = ChoiceTrial(world.subscription, dynamics, look_up(world.subscription, dynamics, [contact]), contact)
            found = trial.preview(Wishes(select=["fax"]))

    assert (1, True) == (found.to_marketing, len(asked) > 0)


# Other tables -------------------------------------------------------------------------------------------------------


def test_A4_a_company_field_that_is_read_for_the_first_time_is_logged_on_nobody(world: World) -> None:
    """A change of it afterwards is."""
    account = world.create("account", name="Contoso", fax="1")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    world.sync()

    world.select_fields("account", ["fax"])
    world.sync()
    world.sync()
    assert "1" == world.company(account)["fax"]
    assert [ActivityType.NEW_PERSON] == [entry[0] for entry in world.log(world.person("contact", contact))]

    world.edit("account", account, fax="2")
    world.cycle()
    assert ("Change Data Value", "fax", "1", "2") == world.log(world.person("contact", contact))[-1]


@pytest.mark.parametrize(
    ("table", "exported", "column", "first"),
    [
        pytest.param("opportunity", "opportunity", "customerneed", {"name": "Sale"}, id="opportunities"),
        pytest.param("team", "team", "description", {"name": "North"}, id="teams"),
    ],
)
def test_D1_values_of_a_field_that_was_given_up_stay_in_every_table(
    world: World, table: str, exported: str, column: str, first: dict[str, str]
) -> None:
    """Also when the record changes afterwards."""
    record = world.create(table, **first, **{column: "one"})
    world.sync()
    world.select_fields(table, [column])
    world.sync()
    (before,) = [each for each in world.export(exported) if each.get(column)]
    world.select_fields(table, deselect=[column])
    world.edit(table, record, name="Renamed", **{column: "two"})
    world.sync()

    (after,) = [each for each in world.export(exported) if each.get(column)]
    assert ("one", "one", "Renamed") == (before[column], after[column], after["name"])
