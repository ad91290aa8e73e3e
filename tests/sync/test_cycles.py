"""How the sync works, and what stops it (behaviour sections 1 and 9)."""

import shutil
import threading
from typing import Any

import pytest

from tandem.dynamics.errors import MissingPrivilege
from tandem.marketing.embedded import EmbeddedMarketing
from tandem.model.entities import Entity
from tandem.model.errors import RetryLater
from tandem.runtime import instance, syncing
from tandem.runtime.instance import CopiedDatabase
from tandem.runtime.subscription import opened
from tandem.sandbox.door.operations import ExpireTokens, Privilege, Restore, Secure, Snapshot, Tracking
from tandem.state.streams import Stream, StreamState
from tandem.sync.applier import OrganisationRestored
from tandem.sync.context import Progress
from tandem.sync.cycle_report import CycleReport
from tandem.sync.holds.settling import NoSuchHold, Settling
from tandem.sync.known_tables import OrganisationChanged
from tandem.sync.tables import synced_entities
from tandem.testing.world import World


def test_S1_cycles_follow_one_another_after_a_wait_counted_from_the_end(world: World) -> None:
    """Sync, wait the interval, sync again, until somebody stops it."""
    waits: list[float] = []
    reports: list[CycleReport] = []

    class CountedStop(syncing.Stop):
        def wait(self, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                self.event.set()

    with world.engine() as (engine, _):
        stop = CountedStop(threading.Event())
        syncing.run_for_ever(
            engine, stop, interval=300, enabled=lambda: True, told=reports.append, failed=lambda problem: None
        )

    assert [300] * 3 == waits
    assert 4 == len(reports)  # the first copy, the changes made meanwhile, and two cycles


def test_S1_a_passing_failure_is_told_and_tried_again(world: World) -> None:
    """No answer is not the end of the sync."""
    told: list[RetryLater] = []
    waits: list[float] = []

    class CountedStop(syncing.Stop):
        def wait(self, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 4:
                self.event.set()

    class Failing:
        def cycle(self, *_: Any, **__: Any) -> CycleReport:
            raise RetryLater("no answer", retry_after=400.0)

    stop = CountedStop(threading.Event())
    syncing.run_for_ever(
        Failing(),  # type: ignore[arg-type]
        stop,
        interval=300,
        enabled=lambda: True,
        told=lambda report: None,
        failed=told.append,
    )

    assert ["no answer"] * 2 == [problem.message for problem in told]
    assert [100.0, 300, 100.0, 300] == waits


def test_S1_a_stop_is_heard_while_dynamics_asks_for_patience(world: World) -> None:
    """Ten minutes of Retry-After do not keep the process from ending; the page in hand is not half-done."""
    world.create("contact", lastname="Ek")
    world.fault("throttle-requests", seconds=600, path="contacts")
    stop = syncing.Stop(threading.Event())
    stop.event.set()

    with syncing.engine_of(world.subscription, sleep=stop.sleep) as (engine, _), pytest.raises(syncing.Stopped):
        engine.cycle()

    world.sync()
    assert ["Ek"] == [row["lastName"] for row in world.export("person")]


def test_S2_the_first_copy_shows_rows_done_and_an_estimate_of_all(make_world) -> None:
    """Each page reports; the last report of a table has every row."""
    world = make_world(people=300, page_size="50").connect()
    seen: list[Progress] = []

    with world.engine(report=seen.append) as (engine, _):
        list(syncing.cycles(engine, lambda: False))

    leads = [progress for progress in seen if progress.entity is Entity.LEAD]
    assert [50, 100, 150, 180] == [progress.rows for progress in leads]
    assert {180} == {progress.total for progress in leads}


def test_S2_the_end_of_the_first_copy_is_noted_once(world: World) -> None:
    """The notification of it goes by this."""
    flags = [report.completed_copy for report in world.sync()] + [world.cycle().completed_copy]

    assert [True, False, False] == flags
    assert world.subscription.state.setting("first_copy_completed_at") is not None


def test_S3_a_cycle_reads_only_what_changed(make_world) -> None:
    """A thousand records, one edit: one row read, and no more requests than tables and two."""
    world = make_world(people=500).connect()
    world.sync()
    contact = world.organisation.find("contact", "statecode", 0)[0]

    world.edit("contact", contact, jobtitle="CTO")
    report = world.cycle()

    assert 1 == report.entities[Entity.CONTACT].read
    assert 0 == sum(report.entities[each].read for each in (Entity.LEAD, Entity.ACCOUNT, Entity.OPPORTUNITY))


def test_S3_a_quiet_cycle_changes_nothing(make_world) -> None:
    """Nothing read is news, nothing is counted."""
    world = make_world(people=200).connect()
    world.sync()

    report = world.cycle()

    assert (0, 0, 0) == tuple(
        sum(getattr(counts, name) for counts in report.entities.values()) for name in ("created", "updated", "deleted")
    )


def test_S7_an_expired_access_token_is_renewed_without_notice(world: World) -> None:
    """Credentials are used again; nobody is asked."""
    world.create("contact", lastname="Ek")
    world.sync()

    world.do(ExpireTokens())
    world.fault("expired-token", times=1)
    world.create("contact", lastname="Ng")
    report = world.cycle()

    assert 1 == report.entities[Entity.CONTACT].created


def test_S9_another_organisation_stops_everything_before_anything_is_read(world: World) -> None:
    """The id is bound at connect."""
    world.create("contact", lastname="Ek")
    world.sync()
    before = world.subscription.marketing.counts()

    world.become_a_copy()
    world.create("contact", lastname="Ng")
    with pytest.raises(OrganisationChanged, match="belongs to organisation"):
        world.cycle()

    assert before == world.subscription.marketing.counts()


def test_S9_a_restore_in_place_is_noticed_by_its_versions(world: World) -> None:
    """Tokens that count back, or rows below the version known, stop everything."""
    contact = world.create("contact", lastname="Ek")
    world.do(Snapshot())
    world.sync()
    for name in ("A", "B", "C"):
        world.edit("contact", contact, lastname=name)
    world.cycle()

    world.do(Restore())
    with pytest.raises(OrganisationRestored):
        world.cycle()

    assert "C" == world.fields("contact", contact)["lastName"]


def test_S10_a_database_in_another_place_refuses_to_sync(make_world, tmp_path) -> None:
    """A copy of the home is not the home."""
    world = make_world().connect()
    world.sync()
    copy = tmp_path / "copy"
    copy.mkdir()
    for each in world.settings.home.iterdir():
        if each.is_file():
            shutil.copy2(each, copy / each.name)
    settings = syncing_settings(copy)

    with opened(settings) as subscription:
        engine = syncing.engine_of(subscription)
        with pytest.raises(CopiedDatabase, match="copied or moved"):
            engine.__enter__()


def test_S10_a_database_older_than_its_home_remembers_refuses_to_sync(make_world) -> None:
    """A backup was put back."""
    world = make_world().connect()
    world.sync()
    backup = world.subscription.state.setting("instance")
    world.cycle()
    world.cycle()

    with world.subscription.database.transaction():
        world.subscription.state.put_setting("instance", backup)
    with pytest.raises(CopiedDatabase, match="restored from a backup"):
        world.cycle()


def test_S10_a_backup_made_during_a_long_run_is_known_for_one_when_it_is_put_back(world: World) -> None:
    """Every cycle is counted, not every start: a nightly backup is mostly made while `tandem run` is at work."""
    with world.engine() as (engine, _):
        engine.cycle()
        backup = world.subscription.state.setting("instance")
        engine.cycle()

    with world.subscription.database.transaction():
        world.subscription.state.put_setting("instance", backup)
    with pytest.raises(CopiedDatabase, match="restored from a backup"):
        world.cycle()


def test_S10_a_connect_killed_at_its_last_step_is_simply_done_again(make_world, monkeypatch) -> None:
    """The home's file is written before the database is bound, so no half of the two memories looks like a copy."""
    world = make_world()

    def kill(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(instance.os, "replace", kill)
        with pytest.raises(KeyboardInterrupt):
            world.connect()

    world.connect().sync()
    assert 2 == world.subscription.state.setting("instance")["counter"]


def test_S11_what_changed_while_the_sync_was_off_is_not_lost(world: World) -> None:
    """The token waits."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    syncing.enable(world.subscription, False)
    with pytest.raises(syncing.NotEnabled):
        syncing.require_enabled(world.subscription)

    world.edit("contact", contact, lastname="Berg")
    syncing.enable(world.subscription, True)
    syncing.require_enabled(world.subscription)
    world.cycle()

    assert "Berg" == world.fields("contact", contact)["lastName"]


def test_S11_an_expired_token_leads_to_a_re_baseline_that_finds_deletions_too(world: World) -> None:
    """Seven days are over: changed, new and deleted records are all found."""
    changed, deleted, same = (world.create("contact", lastname=name) for name in ("Changed", "Deleted", "Same"))
    world.sync()
    world.edit("contact", changed, lastname="New name")
    world.delete("contact", deleted)
    new = world.create("contact", lastname="New")

    world.advance(days=8)
    world.sync()

    assert "New name" == world.fields("contact", changed)["lastName"]
    assert (True, None) == (world.person("contact", deleted).is_deleted, world.person("contact", deleted).type)
    assert ["contact", "contact"] == [world.person("contact", each).type for each in (new, same)]
    assert StreamState.LIVE is _stream(world, Entity.CONTACT).state


def test_S12_fresh_edits_arrive_while_their_table_is_still_being_copied(make_world) -> None:
    """A record edited after the copy began does not wait for its page."""
    world = make_world(people=400, page_size="20", fresh_interval="1").connect()
    pages = 0
    edited: list[str] = []

    def stopping() -> bool:
        return pages >= 40

    def count(progress: Progress) -> None:
        nonlocal pages
        pages += progress.entity is Entity.LEAD
        if pages == 2 and not edited:
            made = world.create("lead", leadid="ffffffff-ffff-4fff-bfff-ffffffffffff", lastname="Fresh", subject="x")
            edited.append(made)
            pages = 40

    with world.engine(report=count, stopping=stopping) as (engine, _):
        engine.cycle()
    assert StreamState.COPYING is _stream(world, Entity.LEAD).state
    pages = 0
    with world.engine(stopping=lambda: True) as (engine, _):
        engine._context.stopping = _after_fresh_leads(engine)
        engine.cycle()

    assert StreamState.COPYING is _stream(world, Entity.LEAD).state
    assert "Fresh" == world.fields("lead", edited[0])["lastName"]
    world.sync()
    assert 1 == [row["lastName"] for row in world.export("person")].count("Fresh")


def _after_fresh_leads(engine):
    """Stop as soon as the fresh edits of the leads were read and before anything is copied on."""
    from tandem.sync.reading import TableReader

    read: list[Entity] = []
    original = TableReader.fresh

    def fresh(reader: TableReader):
        counts = original(reader)
        read.append(reader.stream.entity)
        return counts

    TableReader.fresh = fresh  # type: ignore[method-assign]

    def stopping() -> bool:
        if Entity.LEAD in read:
            TableReader.fresh = original  # type: ignore[method-assign]
            return True
        return False

    return stopping


def test_S13_a_change_by_anybody_is_seen_without_a_plug_in(world: World) -> None:
    """The sync user's own hand counts like any other."""
    contact = world.create("contact", lastname="Ek")
    world.sync()

    world.levers.write("PATCH", f"contacts({contact})", {"lastname": "Mine"}, user=world.organisation.user_id)
    world.cycle()

    assert "Mine" == world.fields("contact", contact)["lastName"]


def test_R6_more_deletions_than_the_brake_allows_are_held(world: World) -> None:
    """Twenty pass, twenty-one are held; the rest of the cycle goes on."""
    contacts = [world.create("contact", lastname=f"N{number}") for number in range(50)]
    world.sync()

    for contact in contacts[:21]:
        world.delete("contact", contact)
    world.edit("contact", contacts[30], lastname="Edited")
    report = world.cycle()

    (hold,) = world.subscription.state.journal.holds()
    assert ("mass-delete", 21, 50, 20, "open") == (hold.kind, hold.count, hold.known, hold.brake, hold.state)
    assert 0 == report.entities[Entity.CONTACT].deleted
    assert not world.person("contact", contacts[0]).is_deleted
    assert "Edited" == world.fields("contact", contacts[30])["lastName"]


def test_R6_twenty_deletions_pass(world: World) -> None:
    """The limit itself is allowed."""
    contacts = [world.create("contact", lastname=f"N{number}") for number in range(30)]
    world.sync()

    for contact in contacts[:20]:
        world.delete("contact", contact)
    report = world.cycle()

    assert 20 == report.entities[Entity.CONTACT].deleted
    assert [] == world.subscription.state.journal.holds()


def test_R6_held_deletions_are_applied_when_approved_and_dropped_when_cancelled(world: World) -> None:
    """Somebody decides; either way the hold is closed."""
    contacts = [world.create("contact", lastname=f"N{number}") for number in range(60)]
    world.sync()
    for contact in contacts[:25]:
        world.delete("contact", contact)
    world.cycle()
    for contact in contacts[25:50]:
        world.delete("contact", contact)
    world.cycle()
    first, second = (hold.id for hold in world.subscription.state.journal.holds())

    settling = Settling(world.subscription.marketing, world.subscription.state)
    with world.subscription.database.transaction():
        settling.approve(first, at=world.subscription.now())
        settling.cancel(second, at=world.subscription.now())
        with pytest.raises(NoSuchHold):
            settling.cancel(second, at=world.subscription.now())
    report = world.cycle()

    assert 25 == report.entities[Entity.CONTACT].deleted
    assert [True, False] == [world.person("contact", contacts[each]).is_deleted for each in (0, 25)]
    assert ["approved", "cancelled"] == [hold.state for hold in world.subscription.state.journal.holds()]


def test_R6_a_table_that_answers_empty_is_halted(world: World) -> None:
    """Where records were known an empty answer is a fault until somebody says otherwise."""
    contacts = [world.create("contact", lastname=f"N{number}") for number in range(3)]
    world.sync()
    for contact in contacts:
        world.delete("contact", contact)

    world.advance(days=8)
    world.sync()

    (hold,) = world.subscription.state.journal.holds()
    assert ("empty-table", Entity.CONTACT, "open") == (hold.kind, hold.entity, hold.state)
    assert StreamState.HALTED is _stream(world, Entity.CONTACT).state
    assert not world.person("contact", contacts[0]).is_deleted

    with world.subscription.database.transaction():
        Settling(world.subscription.marketing, world.subscription.state).approve(hold.id, at=world.subscription.now())
    world.sync()
    assert [True] * 3 == [world.person("contact", each).is_deleted for each in contacts]


def test_D4_a_secured_column_is_unknown_and_never_emptied(world: World) -> None:
    """The value stays as it was last seen."""
    contact = world.create("contact", lastname="Ek", jobtitle="CTO")
    world.sync()

    world.do(Secure(table="contact", column="jobtitle"))
    world.edit("contact", contact, lastname="Berg")
    world.sync()

    assert {"title": "CTO", "lastName": "Berg"}.items() <= world.fields("contact", contact).items()


def test_a_table_without_privilege_is_reported_and_the_others_go_on(world: World) -> None:
    """It heals by itself when the privilege is back."""
    world.do(Privilege(privilege="prvReadLead"))
    world.create("lead", lastname="Ng", subject="x")
    world.create("contact", lastname="Ek")

    reports = world.sync()

    assert isinstance(reports[0].problems[Entity.LEAD], MissingPrivilege)
    assert ["Ek"] == [row["lastName"] for row in world.export("person")]
    assert [("lead", "open")] == [(each["entity"], each["state"]) for each in world.subscription.state.journal.errors()]

    world.do(Privilege(privilege="prvReadLead", depth="Global"))
    world.sync()

    assert ["Ek", "Ng"] == sorted(row["lastName"] for row in world.export("person"))
    assert ["healed"] == [each["state"] for each in world.subscription.state.journal.errors()]


def test_a_table_without_change_tracking_is_a_weak_stream_that_still_follows(make_world) -> None:
    """By modifiedon, and deletions by a full read once a day."""
    world = make_world()
    world.do(Tracking(table="contact", enabled=False))
    contact, gone = world.create("contact", lastname="Ek"), world.create("contact", lastname="Gone")
    world.connect()
    world.sync()
    assert _stream(world, Entity.CONTACT).weak

    world.edit("contact", contact, lastname="Berg")
    world.delete("contact", gone)
    world.cycle()
    assert ("Berg", False) == (world.fields("contact", contact)["lastName"], world.person("contact", gone).is_deleted)
    world.subscription.now = lambda: "2099-01-01T00:00:00Z"
    world.sync()

    assert world.person("contact", gone).is_deleted


def syncing_settings(home):
    from tandem.runtime.settings import load

    return load(environ={"TANDEM_HOME": str(home)})


def _stream(world: World, entity: Entity) -> Stream:
    return world.subscription.state.streams.all()[entity]


def test_R3_a_quiet_cycle_asks_once_for_each_table_and_once_for_all_else(world: World) -> None:
    """Identity and schema are one request; nothing is written to Dynamics, and no person changes."""
    world.create("lead", lastname="Ek", subject="x")
    world.sync()
    with world.engine() as (engine, _):
        engine.cycle()
        quiet = [engine.cycle() for _ in range(2)]

    assert [len(synced_entities(world.subscription.state)) + 1] * 2 == [report.requests for report in quiet]
    assert [0, 0] == [sum(counts.pushed + counts.updated for counts in each.entities.values()) for each in quiet]


def test_R3_a_table_read_whole_in_every_cycle_does_not_rebuild_its_indexes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memberships are not tracked; measuring a large database anew for them would be most of a quiet cycle."""
    built: list[Entity] = []
    monkeypatch.setattr(EmbeddedMarketing, "build_indexes", lambda _marketing, entity: built.append(entity))
    world.sync()
    copied = list(built)

    world.cycle()

    assert sorted(synced_entities(world.subscription.state)) == sorted(copied)
    assert copied == built
