"""Every record is looked at on both sides once in a while, and what broke behind Tandem's back is found (R1, AS-R).

Each test does what no cycle ever sees: a page of changes that never arrives, a value that is changed in the database,
a base that is wrong. Then it says what is found, and what becomes of it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tandem.dynamics.rows import Page, RowDecoder
from tandem.mapping.fields import Direction
from tandem.mapping.projection import decode_fields, encode_fields
from tandem.model.entities import Entity
from tandem.model.schema import Table
from tandem.rules.presence import LinkState
from tandem.rules.verification import BATCH, MOST_BATCHES, Verdict
from tandem.runtime import syncing
from tandem.state.notices import NoticeKind
from tandem.state.streams import StreamState
from tandem.state.verification import Circle
from tandem.sync.applier import OrganisationRestored
from tandem.testing.fake_world import FakeWorld
from tandem.testing.lying import Lie, LyingDynamics

VERIFIED = ("lead", "contact", "account", "opportunity")
MakeWorld = Callable[..., FakeWorld]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Makes a connected world with the filter column on every table that can have it, behind a line that can lie."""
    with ExitStack() as worlds:

        def make(**settings: str) -> FakeWorld:
            made = worlds.enter_context(FakeWorld(tmp_path, **settings))
            made.dynamics = LyingDynamics(made.dynamics)
            return made.filter_column(*VERIFIED).connect()

        yield make


@pytest.fixture
def world(make_world: MakeWorld) -> FakeWorld:
    """A world with the default settings."""
    return make_world()


def lose(world: FakeWorld) -> None:
    """A cycle whose changes never arrive, whatever table they are of."""
    lying = world.dynamics
    assert isinstance(lying, LyingDynamics)
    lying.rates = {Lie.OMIT: 1.0}
    world.cycle()
    lying.rates = {}


def verify(world: FakeWorld) -> dict[Verdict, int]:
    """Look at everything at once; what nothing explains."""
    with world.engine() as both:
        syncing.verify(*both)
    return found(world)


def found(world: FakeWorld) -> dict[Verdict, int]:
    """What nothing explained in the last circles."""
    total: dict[Verdict, int] = {}
    for circle in newest(world).values():
        for verdict, count in circle.found.items():
            total[verdict] = total.get(verdict, 0) + count
    return total


def newest(world: FakeWorld) -> dict[str, Circle]:
    """The last circle of each table."""
    circles = world.subscription.state.verifications.circles()
    return {entity.value: each[-1] for entity, each in circles.items()}


def notices(world: FakeWorld) -> list[str]:
    """What the sweep tells of now."""
    return sorted(each.about for each in world.subscription.state.notices.open(NoticeKind.VERIFICATION))


def spoil(world: FakeWorld, table: str, record: str, **values: object) -> None:
    """Change a person in the database, past everything that would remember it."""
    person = world.person(table, record)
    with world.subscription.database.transaction():
        after = person._replace(fields=encode_fields(decode_fields(person.fields) | values))
        world.subscription.marketing.people.update([after], at=world.subscription.now())


# Nothing is wrong -----------------------------------------------------------------------------------------------------


def test_R1_everything_agrees_and_every_record_was_looked_at(world: FakeWorld) -> None:
    """Leads, contacts, accounts and opportunities."""
    for table, values in (("lead", {"subject": "x", "lastname": "Ek"}), ("contact", {"lastname": "Ng"})):
        world.create(table, **values)
    world.create("account", name="Contoso")
    world.create("opportunity", name="Deal")
    world.sync()

    assert {} == verify(world)
    assert dict.fromkeys(VERIFIED, (1, 1)) == {
        table: (circle.records, circle.checked) for table, circle in newest(world).items() if circle.finished_at
    }


def test_R1_differences_with_a_reason_are_explained(world: FakeWorld) -> None:
    """Blocked, refused, held, waiting, parked: each is counted and none is found."""
    blocked, misfit, held = (world.create("contact", lastname=name, jobtitle="CTO", telephone1="1") for name in "abc")
    parked, waiting = (world.create("contact", lastname=name, jobtitle="CTO") for name in "de")
    world.sync()
    world.edit_person("contact", blocked, phone="2")
    world.choose("contact", "telephone1", direction=Direction.FROM)
    world.sync()
    world.put_values("contact", misfit, title="x" * 200)
    spoil(world, "contact", held, title="CEO")
    world.cycle()
    verify(world)
    world.edit("contact", parked, new_synctomkto=False, jobtitle="CFO")
    world.cycle()
    world.organisation.lock_row("contact", waiting, locked=True)
    world.edit_person("contact", waiting, title="CIO")

    assert {} == verify(world)
    assert 4 == newest(world)["contact"].explained
    assert [] == notices(world)


# What nobody told of --------------------------------------------------------------------------------------------------


def test_R1_a_change_that_was_never_told_is_found_and_applied(world: FakeWorld) -> None:
    """As news: with its log, and the notice that the stream is in doubt."""
    contact, other = (world.create("contact", lastname="Ek", jobtitle="CTO") for _ in range(2))
    world.sync()
    world.edit("contact", contact, jobtitle="CEO")
    lose(world)
    world.cycle()
    assert "CTO" == world.fields("contact", contact)["title"]

    assert {Verdict.MISSED: 1} == verify(world)

    assert ("CEO", "CTO") == tuple(world.fields("contact", each)["title"] for each in (contact, other))
    assert ("Change Data Value", "title", "CTO", "CEO") in world.log(world.person("contact", contact))
    assert ["changes of contact", "contact"] == notices(world)
    assert {} == verify(world)
    assert [] == notices(world)


def test_R1_a_change_on_its_way_is_no_missed_one(world: FakeWorld) -> None:
    """It is doubted, read with the next changes, and settled."""
    contact = world.create("contact", lastname="Ek", jobtitle="CTO")
    world.sync()
    world.clock.advance(days=7)
    reading = world.dynamics.read_page

    def late(where: str, decoder: RowDecoder, *, page_size: int | None = None) -> Page:
        page = reading(where, decoder, page_size=page_size)
        if decoder.table.name == "contact" and world.organisation.rows("contact")[contact]["jobtitle"] == "CTO":
            world.edit("contact", contact, jobtitle="CEO")
        return page

    world.dynamics.read_page = late  # type: ignore[method-assign]
    world.cycle()
    assert world.subscription.state.verifications.any_doubt()

    world.cycle()

    assert "CEO" == world.fields("contact", contact)["title"]
    assert not world.subscription.state.verifications.any_doubt()
    assert {} == found(world)


def test_R1_a_deletion_that_was_never_told_is_carried_out(world: FakeWorld) -> None:
    """P8: the person stays, flagged."""
    contact, other = (world.create("contact", lastname="Ek") for _ in range(2))
    world.sync()
    world.delete("contact", contact)
    lose(world)

    assert {Verdict.GONE: 1} == verify(world)

    assert LinkState.SEVERED is world.link("contact", contact).state
    assert LinkState.LIVE is world.link("contact", other).state
    assert ["contact"] == notices(world)
    assert {} == verify(world)


def test_R6_too_many_deletions_nobody_told_of_are_held_and_found_once(make_world: MakeWorld) -> None:
    """The brake asks; whoever cancels it is not asked again."""
    world = make_world(brake_delete_floor="1")
    contacts = [world.create("contact", lastname="Ek") for _ in range(5)]
    world.sync()
    for each in contacts[:3]:
        world.delete("contact", each)
    lose(world)

    assert {Verdict.GONE: 3} == verify(world)

    [hold] = world.open_holds()
    assert ("mass-delete", 3) == (hold.kind, hold.count)
    assert {} == verify(world)
    world.cancel(hold)
    assert {} == verify(world)
    assert 3 == newest(world)["contact"].explained
    assert {LinkState.LIVE} == {world.link("contact", each).state for each in contacts}
    assert [] == world.open_holds()


def test_S9_a_record_older_than_what_is_known_stops_everything(world: FakeWorld) -> None:
    """No row goes back: the organisation was restored, and nothing is applied."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.subscription.state.links.note_versions(Entity.CONTACT, [(contact, 1_000_000)])

    with pytest.raises(OrganisationRestored):
        verify(world)


def test_S9_a_row_that_was_on_its_way_while_its_record_was_written_is_looked_at_again(world: FakeWorld) -> None:
    """An action of another process came between the answer and the look: nothing is older in Dynamics itself."""
    contact = world.create("contact", lastname="Ek", jobtitle="CTO")
    world.sync()
    fetch, fetched = world.dynamics.fetch, list[int]()

    def outrun(table: Table, ids: list[str], decoder: RowDecoder) -> tuple[list[Any], list[str]]:
        answered = fetch(table, ids, decoder)
        if ids and not fetched:
            world.edit("contact", contact, jobtitle="CEO")
            written = world.organisation.rows("contact")[contact]["versionnumber"]
            world.subscription.state.links.note_versions(Entity.CONTACT, [(contact, written)])
            spoil(world, "contact", contact, title="CEO")
        fetched.extend([len(ids)] if ids else [])
        return answered

    world.dynamics.fetch = outrun  # type: ignore[method-assign]

    assert {} == verify(world)
    assert "CEO" == world.fields("contact", contact)["title"]


# What is kept wrongly -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["lead", "contact"])
@pytest.mark.parametrize(
    ("decide", "value"),
    [
        pytest.param(FakeWorld.approve, "Spoilt", id="approved, marketing's is sent"),
        pytest.param(FakeWorld.cancel, "CTO", id="cancelled, Dynamics' is taken"),
    ],
)
def test_R1_a_value_nobody_changed_is_held_and_never_written_over(
    world: FakeWorld, table: str, decide: Callable[..., None], value: str
) -> None:
    """Neither side moved and they differ: both values stay until somebody decides."""
    topic = {"subject": "x"} if table == "lead" else {}
    record = world.create(table, lastname="Ek", jobtitle="CTO", **topic)
    world.sync()
    spoil(world, table, record, title="Spoilt")

    assert {Verdict.DRIFTED: 1} == verify(world)
    world.cycle()

    row = world.organisation.rows(table)[record]
    assert ("Spoilt", "CTO") == (world.fields(table, record)["title"], row["jobtitle"])
    [hold] = world.open_holds()
    assert ("conflict", "title", world.person(table, record).id) == (hold.kind, hold.field, hold.person_id)
    [collision] = world.subscription.state.journal.collisions()
    assert ("R1", '"Spoilt"', '"CTO"', "held") == tuple(
        collision[each] for each in ("rule", "marketing", "crm", "state")
    )
    assert {} == verify(world)

    decide(world, hold)
    world.cycle()
    world.cycle()
    row = world.organisation.rows(table)[record]
    assert (value, value) == (world.fields(table, record)["title"], row["jobtitle"])


def test_R1_a_wrong_base_is_held_too(world: FakeWorld) -> None:
    """The base says that Dynamics holds what it does not: sending would be a guess."""
    contact = world.create("contact", lastname="Ek", jobtitle="CTO")
    world.sync()
    world.subscription.state.links.set_base(Entity.CONTACT, contact, '{"title":"never"}')

    assert {Verdict.DRIFTED: 1} == verify(world)

    assert None is world.base("contact", contact)
    assert [] == world.open_holds()


def test_R1_an_edit_that_nobody_was_going_to_send_is_sent(world: FakeWorld) -> None:
    """Its nomination is gone; the difference has no reason."""
    contact = world.create("contact", lastname="Ek", jobtitle="CTO")
    world.sync()
    world.edit_person("contact", contact, title="CEO")
    person = world.person("contact", contact).id
    world.subscription.database.script(f"delete from change_feed where person_id = {person}")
    world.cycle()
    assert "CTO" == world.organisation.rows("contact")[contact]["jobtitle"]

    assert {Verdict.FORGOTTEN: 1} == verify(world)
    world.cycle()

    assert "CEO" == world.organisation.rows("contact")[contact]["jobtitle"]
    assert {} == verify(world)


@pytest.mark.parametrize(
    ("says", "kept", "expected"),
    [
        pytest.param(True, LinkState.PARKED, LinkState.LIVE, id="parked, and the record says Yes"),
        pytest.param(False, LinkState.LIVE, LinkState.PARKED, id="live, and the record says No"),
    ],
)
def test_D8_a_record_kept_on_the_wrong_side_of_the_filter_changes_sides(
    world: FakeWorld, says: bool, kept: LinkState, expected: LinkState
) -> None:
    """At the version that is known, so no change will ever tell."""
    contact = world.create("contact", lastname="Ek")
    world.sync()
    world.edit("contact", contact, new_synctomkto=says)
    world.cycle()
    link = world.link("contact", contact)
    assert link is not None
    world.subscription.state.links.update([link._replace(state=kept)])

    assert {Verdict.MISFILED: 1} == verify(world)

    assert expected is world.link("contact", contact).state
    assert {} == verify(world)


@pytest.mark.parametrize(
    ("table", "entity", "values", "name"),
    [
        pytest.param("account", "company", {"name": "Contoso"}, "company", id="a company"),
        pytest.param("opportunity", "opportunity", {"name": "Deal"}, "name", id="an opportunity"),
    ],
)
def test_R1_a_copy_is_copied_again_where_it_went_wrong(
    world: FakeWorld, table: str, entity: str, values: dict[str, str], name: str
) -> None:
    """One-way tables: changed in the database, missed, and deleted unseen."""
    spoilt, missed, gone, _kept = (world.create(table, **values) for _ in range(4))
    world.sync()
    key = f"external_{entity}_id"
    spoilt_name = f"json_set(fields, '$.{name}', 'Spoilt')"
    world.subscription.database.script(f"update {entity} set fields = {spoilt_name} where {key} = '{spoilt}'")
    world.edit(table, missed, name="Renamed")
    world.delete(table, gone)
    lose(world)

    assert {Verdict.DRIFTED: 1, Verdict.MISSED: 1, Verdict.GONE: 1} == verify(world)

    names = [row[name] for row in world.export(entity) if not row.get("isDeleted")]
    assert sorted([values["name"], "Renamed", values["name"]]) == sorted(names)
    assert {} == verify(world)


# The slow lane --------------------------------------------------------------------------------------------------------


def test_R1_the_circle_closes_in_the_days_that_were_chosen(make_world: MakeWorld) -> None:
    """A bounded share of each cycle: behind the schedule by a batch, one request more; at its end the rest."""
    world = make_world(verification_days="4")
    for number in range(2 * BATCH + 50):
        world.create("contact", lastname=f"n{number}")
    world.sync()

    looked_at = []
    for _ in range(5):
        report = world.cycle()
        looked_at.append((report.counts(Entity.CONTACT).verified, report.verifying))
        world.clock.advance(days=1)

    circle = newest(world)["contact"]
    assert [(0, 0), (0, 0), (BATCH, 1), (0, 0), (BATCH + 50, 2)] == looked_at
    assert (1, 250, 250) == (circle.number, circle.checked, circle.records)
    assert circle.finished_at is not None
    world.cycle()
    assert (2, 0) == (newest(world)["contact"].number, newest(world)["contact"].checked)


def test_R3_an_idle_cycle_in_which_nothing_is_due_asks_nothing_more(world: FakeWorld) -> None:
    """Looking is counted apart, and only done when it is due."""
    world.create("contact", lastname="Ek")
    world.sync()
    idle = world.cycle().requests

    quiet, world_later = world.cycle(), world.clock.advance(days=7)
    due = world.cycle()

    assert (idle, 0) == (quiet.requests, quiet.verifying)
    assert (idle + 1, 1) == (due.requests, due.verifying)
    assert world_later is None


def test_R1_however_far_behind_a_cycle_looks_at_a_bounded_share(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long pause the circle is caught up over several cycles."""
    monkeypatch.setattr("tandem.rules.verification.MOST_BATCHES", 2)
    world = make_world()
    for number in range(3 * BATCH):
        world.create("contact", lastname=f"n{number}")
    world.sync()
    world.clock.advance(days=90)

    shares = [world.cycle().counts(Entity.CONTACT).verified for _ in range(3)]

    assert [2 * BATCH, BATCH, 0] == shares
    assert MOST_BATCHES > 2


def test_R1_the_place_in_the_circle_outlives_the_process(make_world: MakeWorld) -> None:
    """Asked to stop after a batch, another process goes on behind it."""
    world = make_world()
    for number in range(2 * BATCH + 1):
        world.create("contact", lastname=f"n{number}")
    world.sync()
    fetched = list[int]()
    fetch = world.dynamics.fetch

    def counted(table: object, ids: list[str], decoder: object) -> object:
        fetched.extend([len(ids)] if ids else [])
        return fetch(table, ids, decoder)  # type: ignore[arg-type]

    world.dynamics.fetch = counted  # type: ignore[method-assign]
    with world.engine(stopping=lambda: bool(fetched)) as both:
        syncing.verify(*both, [Entity.CONTACT])
    assert (BATCH, None) == (newest(world)["contact"].checked, newest(world)["contact"].finished_at)
    world.clock.advance(days=7)

    world.cycle()

    assert [BATCH, BATCH, 1] == fetched
    assert 2 * BATCH + 1 == newest(world)["contact"].checked


def test_S12_nothing_is_looked_at_while_its_table_is_copied(world: FakeWorld) -> None:
    """What is not read yet is no difference."""
    world.create("contact", lastname="Ek")
    world.sync()
    world.clock.advance(days=8)
    stream = world.subscription.state.streams.all()[Entity.CONTACT]
    stream.begin_again("for a reason")
    world.subscription.state.streams.put(stream)

    with world.engine() as (engine, context):
        report = engine.cycle(backfill=False)
        syncing.verify(engine, context, [Entity.CONTACT])

    assert StreamState.COPYING is world.subscription.state.streams.all()[Entity.CONTACT].state
    assert 0 == report.counts(Entity.CONTACT).verified
    assert 0 == newest(world)["contact"].checked


def test_R1_one_who_is_parked_is_compared_by_nothing_but_the_filter(world: FakeWorld) -> None:
    """D8: its base is frozen, so its values say nothing."""
    contact = world.create("contact", lastname="Ek", jobtitle="CTO")
    world.sync()
    world.edit("contact", contact, new_synctomkto=False, jobtitle="CEO")
    world.cycle()

    assert {} == verify(world)
    assert LinkState.PARKED is world.link("contact", contact).state


def test_D5_what_a_quick_sync_did_not_bring_is_no_difference(world: FakeWorld) -> None:
    """Of a field that was refreshed for some records nobody knows what the others hold."""
    contact = world.create("contact", lastname="Ek", fax="1")
    world.sync()
    world.choose("contact", "fax")
    world.sync()
    spoil(world, "contact", contact, fax="2")
    state = world.subscription.state
    state.forget_field_read(Entity.CONTACT, "fax")
    state.note_fields_refreshed(Entity.CONTACT, ["fax"], all_records=False)

    assert {} == verify(world)
    state.note_fields_refreshed(Entity.CONTACT, ["fax"], all_records=True)
    assert {Verdict.DRIFTED: 1} == verify(world)
