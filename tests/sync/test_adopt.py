"""A database that was moved, or set back, goes on without doubling anybody and without losing anything (rule S10)."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
from tandem.dynamics.writes import RowWrite
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.runtime import backups, connecting, instance, syncing
from tandem.runtime.acting import acting
from tandem.runtime.instance import CopiedDatabase, OriginalDatabase, Verdict
from tandem.runtime.subscription import SCHEMA_PREFIX, NotConnected, opened
from tandem.state.queues import Intent, IntentKind
from tandem.state.reviews import ReviewKind
from tandem.sync.applier import OrganisationRestored
from tandem.sync.edits import Edits
from tandem.sync.review import ReviewGoesOn
from tandem.testing.fake_world import FakeWorld
from tandem.testing.world import World

REQUIRED = {"lastName": "Ek", "company": "Contoso", "microsoftTopic": "Interested"}
"""What a new lead must have."""


class Saved:
    """A subscription as it was, to be put back: by `tandem backup` and `restore`, or as a server's own copy of it."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self._file = world, folder / "saved.db"
        self._url = world.settings.database
        self._names = (SCHEMA_PREFIX + world.settings.subscription, "kept_" + world.settings.subscription)
        if self._url is None:
            backups.back_up(world.subscription, self._file)
        else:
            self._copy(*self._names, make=True)

    def put_back(self) -> None:
        """Make the subscription what it was."""
        with self._world.closed():
            if self._url is None:
                backups.restore(self._world.settings, self._file)
            else:
                self._copy(*reversed(self._names), make=False)

    def _copy(self, source: str, target: str, *, make: bool) -> None:
        assert self._url is not None
        with psycopg.connect(self._url.url) as server:
            found = server.execute("select tablename from pg_tables where schemaname = %s", (source,)).fetchall()
            if make:
                server.execute(sql.SQL("create schema {}").format(sql.Identifier(target)))
            for (table,) in found:
                names = sql.Identifier(source, table), sql.Identifier(target, table)
                if make:
                    server.execute(sql.SQL("create table {1} as table {0}").format(*names))
                else:
                    server.execute(sql.SQL("delete from {1}").format(*names))
                    server.execute(sql.SQL("insert into {1} overriding system value table {0}").format(*names))


@pytest.fixture
def save(world: World, tmp_path: Path) -> Callable[[], Saved]:
    """Saves the subscription of the world."""
    return lambda: Saved(world, tmp_path)


def adopt(world: World) -> Verdict:
    """Let the database go on here."""
    return instance.adopt(world.subscription)


def new_person(world: World, **values: str) -> PersonId:
    """Somebody who is only in marketing, by API name."""
    kept, typed = world.subscription, {**REQUIRED, **values}
    return PersonId(Edits(kept.database, kept.marketing, kept.state).create(list(typed.items()), at=kept.now()))


def sync_person(world: World, person: int, wanted: str = "lead") -> str:
    """Give a person its record, and return the record's id."""
    with acting(world.subscription) as (engine, context):
        done = perform(engine, context, Action.SYNC_PERSON, person, {"as": wanted})
    assert done.record_id is not None, done
    return done.record_id


def count(world: World, table: str) -> int:
    """How many records Dynamics has."""
    return int(world.organisation.connection.execute(f"select count(*) from {table}").get)


def people(world: World) -> int:
    """How many people there are."""
    return world.subscription.marketing.counts()["person"][0]


# Set back -------------------------------------------------------------------------------------------------------------


def test_S10_people_created_in_dynamics_after_the_backup_are_not_doubled(
    world: World, save: Callable[[], Saved]
) -> None:
    """The records' ids say for whom they were made; at most one record and one person each."""
    world.sync()
    known = new_person(world, email="ek@example.com")
    saved = save()
    late = new_person(world, lastName="Ng", email="ng@example.com")
    records = [sync_person(world, known), sync_person(world, late, "contact")]
    world.sync()

    saved.put_back()
    with pytest.raises(CopiedDatabase, match="restored from a backup"):
        world.cycle()
    assert Verdict.BEHIND is adopt(world)
    world.sync()

    assert known == world.person("lead", records[0]).id
    assert records[0] == sync_person(world, known)
    assert (1, 1, 2) == (count(world, "lead"), count(world, "contact"), people(world))
    assert "Ng" == world.fields("contact", records[1])["lastName"]


def test_S10_a_later_person_with_a_number_that_was_given_before_gets_nobody_elses_record(
    world: World, save: Callable[[], Saved]
) -> None:
    """Numbers are given again after a restore; the record of the lost person comes back as a person of its own."""
    world.sync()
    saved = save()
    lost = new_person(world, lastName="Lost")
    record = sync_person(world, lost)

    saved.put_back()
    world.subscription.now = lambda: "2031-01-01T00:00:00Z"
    later = new_person(world, lastName="Later")
    adopt(world)
    world.sync()

    assert lost == later
    assert later != world.person("lead", record).id
    assert ("Lost", 2) == (world.fields("lead", record)["lastName"], people(world))


def test_S10_somebody_made_and_qualified_after_the_backup_is_one_person(
    world: World, save: Callable[[], Saved]
) -> None:
    """The lead is known by its id, the contact by its lead (P11)."""
    world.sync()
    person = new_person(world)
    saved = save()
    sync_person(world, person)
    contact = sync_person(world, person, "contact")
    world.sync()

    saved.put_back()
    adopt(world)
    world.sync()

    assert (person, 1) == (world.person("contact", contact).id, people(world))


def test_S10_a_creation_under_way_in_the_backup_is_found_under_its_id(world: World, save: Callable[[], Saved]) -> None:
    """It was sent after the backup; nothing is made twice."""
    record = "6b1d3c1e-0000-4000-8000-000000000001"
    world.sync()
    person = world.want("lead", record, **REQUIRED)
    intent = Intent(record, Entity.LEAD, person, IntentKind.CREATE, REQUIRED)
    with world.subscription.database.transaction():
        world.subscription.state.intents.begin([intent], at=world.subscription.now())
    saved = save()
    world.sync()

    saved.put_back()
    adopt(world)
    world.sync()

    assert (person, 1, 1) == (world.person("lead", record).id, count(world, "lead"), people(world))
    assert [] == world.subscription.state.intents.begun()


def test_S10_a_record_made_for_somebody_whose_former_one_is_gone_is_theirs(tmp_path: Path) -> None:
    """The database does not know yet that the former one was deleted, and another made (P10), when it comes upon it."""
    with FakeWorld(tmp_path) as world:
        world.connect()
        first, saved = world.create("contact", lastname="Ek"), tmp_path / "saved.db"
        world.sync()
        person = world.person("contact", first).id
        world.save(saved)
        world.delete("contact", first)
        world.sync()
        with world.engine() as (engine, context):
            second = perform(engine, context, Action.SYNC_PERSON, person, {"as": "contact"}).record_id or ""

        world.put_back(saved)
        world.sync()

        assert (person, False) == (world.person("contact", second).id, world.person("contact", second).is_deleted)
        assert 1 == world.subscription.marketing.counts()["person"][0]


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_S10_an_old_edit_does_not_take_a_later_value_away(
    world: World, save: Callable[[], Saved], writes: list[list[RowWrite]], table: str
) -> None:
    """The backup holds an unsent edit; it was sent, and Dynamics changed the value since. The journal has the edit."""
    record = world.create(table, lastname="Ek", firstname="Eva")
    world.sync()
    world.edit_person(table, record, firstName="Ida")
    saved = save()
    world.sync()
    world.edit(table, record, firstname="Later")
    world.sync()

    saved.put_back()
    adopt(world)
    writes.clear()
    world.sync()

    assert ("Later", "Later") == (world.fields(table, record)["firstName"], world.row(table, record)["firstname"])
    assert [("S10", '"Ida"', "crm")] == [
        (each["rule"], each["marketing"], each["winner"]) for each in world.subscription.state.journal.collisions()
    ]
    assert [] == writes


def test_S10_an_edit_nobody_sent_yet_is_sent_after_the_review(world: World, save: Callable[[], Saved]) -> None:
    """Dynamics did not touch the field meanwhile."""
    lead = world.create("lead", lastname="Ek")
    world.sync()
    world.edit_person("lead", lead, firstName="Ida")
    saved = save()
    world.create("contact", lastname="Ng")
    world.cycle()
    world.edit("lead", lead, jobtitle="Buyer")

    saved.put_back()
    adopt(world)
    world.sync()

    assert "Ida" == world.row("lead", lead)["firstname"]
    assert ("Ida", "Buyer") == tuple(world.fields("lead", lead)[name] for name in ("firstName", "title"))


def test_S10_what_was_deleted_and_made_meanwhile_is_found(world: World, save: Callable[[], Saved]) -> None:
    """The place in each table is older than what was read; everything is read from its start."""
    gone, kept = world.create("contact", lastname="Ek"), world.create("contact", lastname="Berg")
    world.sync()
    saved = save()
    made = world.create("lead", lastname="Ng")
    world.delete("contact", gone)
    world.edit("contact", kept, lastname="Borg")
    world.sync()

    saved.put_back()
    adopt(world)
    world.sync()

    assert world.person("contact", gone).is_deleted
    assert ("Borg", "Ng") == (world.fields("contact", kept)["lastName"], world.fields("lead", made)["lastName"])
    assert 3 == people(world)


def test_S10_nobody_acts_while_the_review_goes_on(world: World, save: Callable[[], Saved]) -> None:
    """A record could be made that is there already; the request may be made again afterwards."""
    world.sync()
    person = new_person(world)
    saved = save()
    record = sync_person(world, person)

    saved.put_back()
    adopt(world)
    with pytest.raises(ReviewGoesOn, match="nothing is written"):
        sync_person(world, person)
    world.sync()

    assert (record, 1) == (sync_person(world, person), count(world, "lead"))


def test_S10_a_company_value_edited_here_stays_where_the_account_is_as_it_was(
    world: World, save: Callable[[], Saved]
) -> None:
    """Adopting is no newer version of the account (A2, A3)."""
    account = world.create("account", name="Contoso", telephone1="1")
    contact = world.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    world.sync()
    kept = world.subscription
    edits = Edits(kept.database, kept.marketing, kept.state)
    edits.edit(world.person("contact", contact).id, [("company.mainPhone", "2")], at=kept.now())
    saved = save()
    world.create("lead", lastname="Ng")
    world.cycle()

    saved.put_back()
    adopt(world)
    world.sync()

    company = world.subscription.marketing.companies.get([account])[account]
    assert '"mainPhone":"2"' in company.fields


def test_S10_a_field_that_was_about_to_be_read_is_read_by_the_review(world: World, save: Callable[[], Saved]) -> None:
    """The backup was made between its selection and its quick sync (D5): known versions are looked at again."""
    contact = world.create("contact", lastname="Ek", department="Sales")
    world.sync()
    world.choose("contact", "department")
    saved = save()
    world.sync()

    saved.put_back()
    instance.expect_newer(world.subscription)
    adopt(world)
    world.sync()

    assert "Sales" == world.fields("contact", contact)["department"]


# Moved ----------------------------------------------------------------------------------------------------------------


def moved_home(world: World, tmp_path: Path) -> Path:
    """The home as it is, in another folder."""
    home = tmp_path / "moved"
    with world.closed():
        shutil.copytree(world.settings.home, home)
    return home


def test_S10_a_home_that_was_moved_goes_on_where_it_is_adopted(make_world: Any, tmp_path: Path) -> None:
    """It is refused first; adopted, it reads everything once more and finds nothing new."""
    world = make_world().connect()
    contact = world.create("contact", lastname="Ek")
    world.sync()
    settings = replace(world.settings, home=moved_home(world, tmp_path))

    with opened(settings) as subscription:
        with pytest.raises(CopiedDatabase, match="copied or moved") as refused:
            instance.check(subscription)
        assert Verdict.MOVED is instance.adopt(subscription)
        with syncing.engine_of(subscription) as (engine, _):
            cycles = list(syncing.cycles(engine, lambda: False))
        assert 1 == subscription.marketing.counts()["person"][0]
        assert subscription.state.reviews.open() is None
        (review,) = subscription.state.reviews.all()

    assert "tandem adopt" in refused.value.remedy
    assert [0, 0] == [each.entities[Entity.CONTACT].created + each.entities[Entity.CONTACT].updated for each in cycles]
    assert (ReviewKind.ADOPT, instance.account()) == (review.kind, review.begun_by)
    assert contact


def test_S10_a_database_without_the_home_it_knew_is_adopted_in_the_new_one(make_world: Any) -> None:
    """The file of the home is gone, such as after a disk was replaced."""
    world = make_world().connect()
    world.create("contact", lastname="Ek")
    world.sync()
    (world.settings.home / "default.instance").unlink()

    with pytest.raises(CopiedDatabase, match="not the one this home"):
        world.cycle()
    assert Verdict.STRANGER is adopt(world)
    world.sync()

    assert 1 == people(world)


# Forks ----------------------------------------------------------------------------------------------------------------


def test_S10_a_fork_is_another_instance_without_credentials_and_writes_nothing(
    make_world: Any, tmp_path: Path, writes: list[list[RowWrite]]
) -> None:
    """The original goes on with what was wanted; the fork goes on only when somebody connects it."""
    world = make_world().connect()
    lead = world.create("lead", lastname="Ek")
    world.sync()
    world.edit_person("lead", lead, firstName="Ida")
    record = "6b1d3c1e-0000-4000-8000-000000000002"
    person = world.want("lead", record, **REQUIRED)
    settings = replace(world.settings, home=moved_home(world, tmp_path))

    with opened(settings) as subscription:
        mark = subscription.state.mark
        instance.fork(subscription)
        with pytest.raises(NotConnected):
            subscription.credentials()
        assert not subscription.enabled
        assert mark != subscription.state.mark
        assert [] == subscription.state.intents.wanted()
        told = [each["detail"] for each in subscription.marketing.people.activities(PersonId(person))]
    assert any("the original carries it out" in str(each) for each in told)
    assert [] == writes
    world.sync()
    assert ("Ida", 2) == (world.row("lead", lead)["firstname"], count(world, "lead"))

    connecting.connect(settings, world.sandbox.url, world.credentials)
    with opened(settings) as subscription, syncing.engine_of(subscription) as (engine, _):
        list(syncing.cycles(engine, lambda: False))
        link = subscription.state.links.of(Entity.LEAD, [lead])[lead]
        assert (None, None) == (link.base, subscription.state.reviews.open())
    assert 2 == count(world, "lead")


def test_S10_the_original_is_not_made_a_fork(make_world: Any) -> None:
    """Nothing would be left to go on with."""
    world = make_world().connect()
    world.sync()

    with pytest.raises(OriginalDatabase):
        instance.fork(world.subscription)
    world.sync()


def test_S10_an_old_edit_takes_nothing_away_where_dynamics_was_set_back_as_well(tmp_path: Path) -> None:
    """The adoption stops at an older record; the relink that follows knows that the database may be older, too."""
    saved = tmp_path / "saved.db"
    with FakeWorld(tmp_path) as world:
        world.connect()
        lead, other = (world.create("lead", lastname=name, subject="Visit", jobtitle="old") for name in ("Ek", "Ng"))
        world.sync()
        world.back_up()
        world.edit("lead", other, jobtitle="undone")
        world.sync()
        world.edit_person("lead", lead, title="may have been sent long ago")
        world.save(saved)
        world.restore()
        world.edit("lead", lead, jobtitle="later")
        world.put_back(saved)
        with pytest.raises(OrganisationRestored):
            world.sync()

        world.relink()
        world.sync()

        assert ["later"] * 2 == [world.fields("lead", lead)["title"], world.organisation.get("lead", lead)["jobtitle"]]
        assert not world.subscription.state.reviews.may_be_outdated()
