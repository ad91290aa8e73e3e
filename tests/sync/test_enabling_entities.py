"""A custom entity is enabled, copied behind everything else, and disabled again, at any moment (rules C1, C3)."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tandem.dynamics.client import Dynamics
from tandem.mapping.fields import Direction
from tandem.model.entities import Entity
from tandem.rules.paths import CustomEntity, SecondPath, Step
from tandem.rules.paths import Path as PathOf
from tandem.runtime import syncing
from tandem.runtime.customs import EntityNotEnabled, FormerPath, disable_entity, enable_entity
from tandem.runtime.discovery import EntityStandard
from tandem.state.notices import NoticeKind
from tandem.state.streams import StreamState
from tandem.sync import known_tables
from tandem.sync.context import Context
from tandem.sync.known_tables import KnownTables
from tandem.sync.plan import LookupGone
from tandem.testing.world import World

_CHILD = Path(__file__).with_name("crashing_copy.py")
TICKET = Entity("new_ticket")


def with_tickets(world: World, *, tickets: int, contacts: int = 1) -> list[str]:
    """Tickets on some contacts in turn; the contacts."""
    world.make_table("new_Ticket", new_ContactId="contact", new_AccountId="account")
    people = [world.create("contact", lastname=f"Ek {number}") for number in range(contacts)]
    for number in range(tickets):
        owner = people[number % contacts]
        world.create("new_ticket", new_name=str(number), new_ContactId__bind=f"contacts({owner})")
    return people


def names(world: World) -> set[str]:
    """The tickets that are here."""
    return {row["new_name"] for row in world.export("new_ticket")}


def slow(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page takes longer than fresh edits may wait, so a cycle's slice of a copy is one page."""
    clock, read = [0.0], context.dynamics.read_page

    def read_page(*args: Any, **options: Any) -> Any:
        clock[0] += context.settings.fresh_interval + 1
        return read(*args, **options)

    monkeypatch.setattr(context.dynamics, "read_page", read_page)
    monkeypatch.setattr(context, "monotonic", lambda: clock[0])


def a_day_passes(world: World) -> None:
    """On both sides: what was made so far is no fresh edit any more."""
    world.advance(days=1)
    world.subscription.now = lambda: (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_C3_the_first_copy_of_an_entity_goes_on_behind_fresh_edits_of_both_sides(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leads are read and sent in every cycle while the table is being copied; so are the table's own edits."""
    world = make_world(page_size="5").connect()
    (contact,) = with_tickets(world, tickets=20)
    lead, other = world.create("lead", lastname="Ng"), world.create("lead", lastname="Ob")
    world.sync()
    world.enable_custom("new_ticket", "new_contactid:contact")
    a_day_passes(world)

    with world.engine() as (engine, context):
        slow(context, monkeypatch)
        while not world.export("new_ticket"):
            engine.cycle()
        world.edit("lead", lead, telephone1="2")
        world.edit_person("lead", other, phone="3")
        late = world.create("new_ticket", new_name="late", new_ContactId__bind=f"contacts({contact})")
        report = engine.cycle()

        assert TICKET in report.unfinished
        assert "2" == world.fields("lead", lead)["phone"]
        assert "3" == world.row("lead", other)["telephone1"]
        assert "late" in names(world)
        assert len(names(world)) < 21

    reports = world.sync()
    assert [] == reports[-1].unfinished
    assert 21 == len(names(world))
    assert late in {row["externalCustomObjectId"] for row in world.export("new_ticket")}


def test_C3_after_its_copy_an_entity_is_read_by_its_changes_and_its_copy_is_told_of_once(world: World) -> None:
    """The global first copy was complete before, and is not begun again."""
    (contact,) = with_tickets(world, tickets=2)
    world.sync()
    before = world.subscription.state.setting("first_copy_completed_at")
    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()
    world.create("new_ticket", new_name="2", new_ContactId__bind=f"contacts({contact})")

    report = world.cycle()

    counts = report.counts(TICKET)
    assert (1, 1) == (counts.read, counts.created)
    assert StreamState.LIVE is world.subscription.state.streams.all()[TICKET].state
    assert before == world.subscription.state.setting("first_copy_completed_at")
    told = world.subscription.state.notices.newest(limit=100)
    assert ["new_ticket"] == [each.about for each in told if each.kind is NoticeKind.ENTITY_COPIED]


def test_R3_a_custom_entity_over_a_table_between_costs_a_quiet_cycle_two_requests(world: World) -> None:
    """One for each of the two tables."""
    world.make_table("new_Order", new_ContactId="contact")
    world.make_table("new_Line", new_OrderId="new_order")
    world.sync()
    before = quiet(world)
    world.enable_custom("new_line", "new_orderid.new_contactid:contact")
    world.sync()

    assert before + 2 == quiet(world)


def quiet(world: World) -> int:
    """The requests of a cycle in which nothing happens, in a process that knows the definitions."""
    with world.engine() as (engine, _):
        engine.cycle()
        report = engine.cycle()
    return report.requests - report.verifying


@pytest.mark.parametrize("moment", ["before", "after"])
def test_C3_a_copy_killed_at_many_commits_equals_an_uninterrupted_one(
    make_world: Callable[..., World], moment: str
) -> None:
    """Killed at the first commit, then at the second of the next run, and so on: no record is lost or doubled."""
    world = make_world(page_size="40").connect()
    world.make_table("new_Order", new_ContactId="contact")
    world.make_table("new_Line", new_OrderId="new_order")
    people = [world.create("contact", lastname=f"Ek {number}") for number in range(3)]
    orders = [
        world.create("new_order", new_name=str(n), new_ContactId__bind=f"contacts({people[n % 3]})") for n in range(90)
    ]
    for number in range(150):
        world.create("new_line", new_name=str(number), new_OrderId__bind=f"new_orders({orders[number % 90]})")
    world.sync()
    world.enable_custom("new_line", "new_orderid.new_contactid:contact")
    records = {world.person("contact", each).id: number for number, each in enumerate(people)}

    kills = 0
    with world.closed():
        while _run(world.settings.home, kills + 1, moment) == -signal.SIGKILL:
            kills += 1
            assert kills < 100, "the copy never comes to its end"

    assert kills >= 10
    found = {row["new_name"]: records[row["personId"]] for row in world.export("new_line")}
    assert {str(number): number % 90 % 3 for number in range(150)} == found
    assert 150 == len(world.export("new_line"))


def _run(home: Path, commits: int, moment: str) -> int:
    command = [sys.executable, str(_CHILD), str(home), str(commits), moment, "new_line"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


# Disabled, and enabled again ----------------------------------------------------------------------------------------


def test_C1_a_disabled_entity_is_gone_with_the_next_cycle_and_copied_when_enabled_again(world: World) -> None:
    """Records, stream and what was counted; the choice of fields stays."""
    with_tickets(world, tickets=2)
    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()
    world.choose("new_ticket", "createdon")

    disable_entity(world.subscription, "new_ticket")
    world.cycle()

    state = world.subscription.state
    assert [] == world.export("new_ticket")
    assert 0 == world.subscription.marketing.custom_objects.count(TICKET)
    assert TICKET not in state.streams.all()

    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()
    assert {"0", "1"} == names(world)
    assert all(row["createdon"] for row in world.export("new_ticket"))


def test_C1_what_was_wrong_with_an_entity_ends_when_it_is_disabled(make_world: Callable[..., World]) -> None:
    """Its errors, its holds, and what people were told of."""
    world = make_world(brake_delete_floor="1").connect()
    with_tickets(world, tickets=3)
    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()
    for row in world.export("new_ticket")[:2]:
        world.delete("new_ticket", row["externalCustomObjectId"])
    world.cycle()
    world.secure("new_ticket", "new_contactid")
    world.cycle()
    state = world.subscription.state
    assert ["new_ticket"] == [hold.entity.value for hold in world.open_holds()]
    assert ["new_ticket"] == [notice.about for notice in state.notices.open(NoticeKind.SYNC_DOWN)]

    disable_entity(world.subscription, "new_ticket")
    report = world.cycle()

    assert {} == report.problems
    assert ([], []) == (world.open_holds(), state.notices.open(NoticeKind.SYNC_DOWN))
    assert {"healed"} == {error["state"] for error in state.journal.errors()}


def test_C1_the_table_between_is_read_for_as_long_as_anything_goes_by_it(world: World) -> None:
    """Two entities share a path; when both are disabled nothing of it is left."""
    world.make_table("new_Order", new_ContactId="contact")
    contact = world.create("contact", lastname="Ek")
    order = world.create("new_order", new_name="A", new_ContactId__bind=f"contacts({contact})")
    for table in ("new_Line", "new_Shipment"):
        name = world.make_table(table, new_OrderId="new_order")
        world.create(name, new_name="1", new_OrderId__bind=f"new_orders({order})")
        world.enable_custom(name, "new_orderid.new_contactid:contact")
    world.sync()
    via, state = Entity.via("new_order", "new_contactid:contact"), world.subscription.state
    assert 1 == state.path_records.count(via)

    disable_entity(world.subscription, "new_line")
    world.cycle()
    assert [world.person("contact", contact).id] == [row["personId"] for row in world.export("new_shipment")]

    disable_entity(world.subscription, "new_shipment")
    world.cycle()
    assert 0 == state.path_records.count(via)
    assert via not in state.streams.all()


def test_C1_another_path_is_followed_when_the_records_of_the_former_one_are_removed(world: World) -> None:
    """Before that it is refused: a contact's ticket would be shown at a company that has the contact's id."""
    (contact,) = with_tickets(world, tickets=1)
    account = world.create("account", name="Contoso")
    both = {"new_ContactId__bind": f"contacts({contact})", "new_AccountId__bind": f"accounts({account})"}
    world.create("new_ticket", new_name="both", **both)
    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()

    disable_entity(world.subscription, "new_ticket")
    with pytest.raises(FormerPath, match="still here"):
        world.enable_custom("new_ticket", "new_accountid:account")
    assert {} == world.subscription.state.customs.all()
    world.cycle()
    world.enable_custom("new_ticket", "new_accountid:account")
    world.sync()

    found = {row["new_name"]: (row["personId"], row["externalCompanyId"]) for row in world.export("new_ticket")}
    assert {"0": (None, None), "both": (None, account)} == found


def test_C1_the_same_path_is_taken_up_again_before_anything_is_removed(world: World) -> None:
    """Disabled by mistake, it goes on where it was."""
    with_tickets(world, tickets=2)
    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()

    disable_entity(world.subscription, "new_ticket")
    world.enable_custom("new_ticket", "new_contactid:contact")

    assert 0 == world.cycle().counts(TICKET).created
    assert {"0", "1"} == names(world)


def test_C1_what_was_only_partly_removed_when_it_is_enabled_again_is_read_from_its_start(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cycle that removed it was cut off in the middle."""
    world = make_world(page_size="2").connect()
    with_tickets(world, tickets=5)
    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()
    disable_entity(world.subscription, "new_ticket")
    objects, pages = world.subscription.marketing.custom_objects, [2]

    def cut_off(entity: Entity, *, limit: int) -> int:
        if not pages[0]:
            raise KeyboardInterrupt
        pages[0] -= 1
        return forget(entity, limit=limit)

    forget = objects.forget
    monkeypatch.setattr(objects, "forget", cut_off)
    with pytest.raises(KeyboardInterrupt):
        world.cycle()
    assert 1 == objects.count(TICKET)
    monkeypatch.undo()

    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()

    assert 5 == len(names(world))


def test_S12_removing_a_disabled_entity_takes_no_more_of_a_cycle_than_fresh_edits_may_wait(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on in the next one; a stop that is asked for does not wait for it either."""
    world = make_world(page_size="2").connect()
    with_tickets(world, tickets=5)
    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()
    disable_entity(world.subscription, "new_ticket")
    with world.engine() as (engine, context):
        clock, forget = [0.0], context.marketing.custom_objects.forget

        def slowly(entity: Entity, *, limit: int) -> int:
            clock[0] += context.settings.fresh_interval + 1
            return forget(entity, limit=limit)

        monkeypatch.setattr(context.marketing.custom_objects, "forget", slowly)
        monkeypatch.setattr(context, "monotonic", lambda: clock[0])
        first = engine.cycle()
        left = world.subscription.marketing.custom_objects.count(TICKET)
        while engine.cycle().unfinished:
            pass

    assert ([TICKET], 3) == (first.unfinished, left)
    assert 0 == world.subscription.marketing.custom_objects.count(TICKET)
    assert TICKET not in world.subscription.state.streams.all()


def test_C1_an_entity_disabled_while_it_is_copied_ends_nothing_else(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody disables it from another process, in the middle of a cycle."""
    world = make_world(page_size="5").connect()
    (contact,) = with_tickets(world, tickets=20)
    world.sync()
    world.enable_custom("new_ticket", "new_contactid:contact")

    with world.engine() as (engine, context):
        slow(context, monkeypatch)
        engine.cycle()
        disable_entity(world.subscription, "new_ticket")
        world.edit("contact", contact, jobtitle="CTO")
        report = engine.cycle()

    assert {} == report.problems
    assert "CTO" == world.fields("contact", contact)["title"]
    assert 0 == world.subscription.marketing.custom_objects.count(TICKET)


# Chosen in another process, while a cycle runs ----------------------------------------------------------------------


def test_C3_an_entity_enabled_while_the_definitions_are_read_is_copied_by_the_next_cycle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not asked for is not missing."""
    with_tickets(world, tickets=1)
    acts, read = [lambda: world.enable_custom("new_ticket")], Dynamics.tables

    def late(dynamics: Dynamics, names: Iterable[str], language: int) -> Any:
        found = read(dynamics, names, language)
        if acts:
            acts.pop()()
        return found

    monkeypatch.setattr(Dynamics, "tables", late)
    with world.engine() as (engine, _):
        first, second = engine.cycle(), engine.cycle()

    assert ({}, {}) == (first.problems, second.problems)
    assert {"0"} == names(world)
    assert [] == world.subscription.state.notices.open(NoticeKind.SYNC_DOWN)


def test_C1_an_entity_disabled_as_a_cycle_begins_is_removed_by_the_next_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cycle goes on with the tables that it found."""
    (contact,) = with_tickets(world, tickets=1)
    world.enable_custom("new_ticket", "new_contactid:contact")
    world.sync()
    world.edit("contact", contact, jobtitle="CTO")
    build = KnownTables.now

    def disabled_after(known: KnownTables) -> Any:
        tables = build(known)
        if TICKET in world.subscription.state.customs.all():
            disable_entity(world.subscription, "new_ticket")
        return tables

    monkeypatch.setattr(KnownTables, "now", disabled_after)
    with world.engine() as (engine, _):
        engine.cycle()
        before = world.subscription.marketing.custom_objects.count(TICKET)
        engine.cycle()

    assert (1, 0) == (before, world.subscription.marketing.custom_objects.count(TICKET))
    assert "CTO" == world.fields("contact", contact)["title"]


def test_D5_a_field_chosen_when_a_cycle_has_put_its_tables_together_is_brought_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cycle, whose tables do not know it, does not take its quick sync for one that is not wanted any more."""
    world.create("contact", lastname="Ek", department="Lamps")
    acts, build = [lambda: world.choose("contact", "department")], known_tables.build_tables

    def late(*given: Any, **named: Any) -> Any:
        tables = build(*given, **named)
        if acts:
            acts.pop()()
        return tables

    with world.engine() as (engine, _):
        engine.cycle()
        engine.cycle()
        monkeypatch.setattr(known_tables, "build_tables", late)
        world.choose("contact", "jobtitle", direction=Direction.FROM)
        for _ in range(6):
            engine.cycle()

    (person,) = world.export("person")
    assert "Lamps" == person["department"]


# Refused ------------------------------------------------------------------------------------------------------------


def step(column: str, target: str, table: str = "new_ticket") -> Step:
    """One lookup."""
    return Step(table=table, column=column, target=target)


def ticket(*steps: Step) -> CustomEntity:
    """Tickets by some path."""
    return CustomEntity(entity=TICKET, label="Ticket", path=PathOf(steps=steps))


def enable(world: World, custom: CustomEntity) -> bool:
    """Enable it without having looked what there is."""
    with syncing.dynamics_of(world.subscription) as dynamics:
        return enable_entity(world.subscription, dynamics, custom)


def test_C1_enabling_it_again_changes_nothing_and_another_path_is_refused(world: World) -> None:
    """One path for each entity."""
    with_tickets(world, tickets=1)
    assert enable(world, ticket(step("new_contactid", "contact")))

    assert not enable(world, ticket(step("new_contactid", "contact")))
    with pytest.raises(SecondPath, match="new_contactid:contact"):
        enable(world, ticket(step("new_accountid", "account")))

    assert ["new_contactid:contact"] == [str(each.path) for each in world.subscription.state.customs.all().values()]


def test_C2_a_path_by_a_lookup_that_cannot_be_read_is_refused(world: World) -> None:
    """Nothing is stored then."""
    with_tickets(world, tickets=1)
    world.secure("new_ticket", "new_contactid")

    with pytest.raises(LookupGone):
        enable(world, ticket(step("new_contactid", "contact")))

    assert {} == world.subscription.state.customs.all()
    assert TICKET not in world.subscription.state.choices()


def test_C1_only_what_is_enabled_can_be_disabled(world: World) -> None:
    """A standard entity never is."""
    with pytest.raises(EntityNotEnabled, match="new_ticket"):
        disable_entity(world.subscription, "new_ticket")
    with pytest.raises(EntityStandard):
        disable_entity(world.subscription, "lead")
