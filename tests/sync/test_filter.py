"""The sync filter (rules D7, D8)."""

import pytest

from tandem.rules.presence import LinkState
from tandem.sandbox.door.operations import Secure
from tandem.sync.plan import FilterUnreadable
from tandem.testing.world import World


@pytest.fixture
def filtered(make_world) -> World:
    """A world in which every table has the filter column."""
    return make_world().filter_column("lead", "contact", "account", "opportunity").connect()


@pytest.mark.parametrize(
    ("value", "synced"),
    [
        pytest.param(None, True, id="empty"),
        pytest.param(True, True, id="Yes"),
        pytest.param(False, False, id="No"),
    ],
)
def test_D7_only_an_explicit_no_excludes(filtered: World, value: bool | None, synced: bool) -> None:
    """A missing or empty value says Yes."""
    contact = filtered.create("contact", lastname="Ek", new_synctomkto=value)

    filtered.sync()

    assert int(synced) == filtered.subscription.marketing.counts()["person"][0]
    assert (LinkState.LIVE if synced else LinkState.EXCLUDED) is filtered.link("contact", contact).state


def test_D7_an_unreadable_filter_halts_its_table_and_no_other(filtered: World) -> None:
    """Nothing would tell which records are excluded."""
    filtered.do(Secure(table="contact", column="new_synctomkto"))
    filtered.create("contact", lastname="Ek")
    filtered.create("lead", lastname="Ng", subject="x")

    (report,) = filtered.sync()

    assert [FilterUnreadable] == [type(problem) for problem in report.problems.values()]
    assert [("lead", "Ng")] == [(row["microsoftType"], row["lastName"]) for row in filtered.export("person")]


def test_D8_of_an_excluded_record_only_id_version_and_filter_value_are_kept(filtered: World) -> None:
    """No value of it lies anywhere in the database."""
    filtered.create("contact", lastname="Hidden-Person", new_synctomkto=False)
    filtered.create("account", name="Hidden-Company", new_synctomkto=False)

    filtered.sync()

    filtered.subscription.database.script("pragma wal_checkpoint(truncate)")
    stored = filtered.settings.database_file.read_bytes()
    assert b"Hidden-" not in stored


def test_D8_from_no_to_yes_a_person_is_created_and_logged_start_sync(filtered: World) -> None:
    """Decided in the cycle that reads it."""
    contact = filtered.create("contact", lastname="Ek", new_synctomkto=False)
    filtered.sync()

    filtered.edit("contact", contact, new_synctomkto=True)
    filtered.cycle()

    assert [("Create [StartSync]", None, None, None)] == filtered.log(filtered.person("contact", contact))


def test_D8_from_yes_to_no_the_person_is_parked_and_nothing_moves(filtered: World) -> None:
    """Stale, not deleted; the log says Stop [StopSync]."""
    contact = filtered.create("contact", lastname="Ek")
    filtered.sync()

    filtered.edit("contact", contact, new_synctomkto=False)
    filtered.cycle()
    filtered.edit("contact", contact, lastname="Changed")
    filtered.cycle()

    person = filtered.person("contact", contact)
    assert (LinkState.PARKED, "Ek") == (
        filtered.link("contact", contact).state,
        filtered.fields("contact", contact)["lastName"],
    )
    assert (False, "Stop [StopSync]") == (person.is_deleted, filtered.log(person)[-1][0])


def test_D8_back_to_yes_merges_what_happened_meanwhile(filtered: World) -> None:
    """An ordinary merge on the base that was frozen."""
    contact = filtered.create("contact", lastname="Ek", telephone1="1")
    filtered.sync()
    filtered.edit("contact", contact, new_synctomkto=False)
    filtered.cycle()
    filtered.edit("contact", contact, telephone1="2")
    filtered.cycle()

    filtered.edit("contact", contact, new_synctomkto=True)
    filtered.cycle()

    assert (LinkState.LIVE, "2") == (
        filtered.link("contact", contact).state,
        filtered.fields("contact", contact)["phone"],
    )


def test_D8_an_excluded_account_gives_no_company_until_it_is_let_in(filtered: World) -> None:
    """P14: none, with the reason; then the company."""
    account = filtered.create("account", name="Contoso", new_synctomkto=False)
    contact = filtered.create("contact", lastname="Ek", parentcustomerid_account__bind=f"/accounts({account})")
    filtered.sync()
    assert [None] == [row.get("company") for row in filtered.export("person")]

    filtered.edit("account", account, new_synctomkto=True)
    filtered.cycle()

    assert ["Contoso"] == [row.get("company") for row in filtered.export("person")]
    assert account == filtered.person("contact", contact).external_company_id


def test_D8_a_company_that_leaves_the_filter_stays_stale(filtered: World) -> None:
    """Not deleted, and nothing moves while the filter says No."""
    account = filtered.create("account", name="Contoso")
    filtered.sync()

    filtered.edit("account", account, new_synctomkto=False, name="Secret")
    filtered.cycle()

    (company,) = filtered.export("company")
    assert (True, False, "Contoso") == (company["isExcluded"], company["isDeleted"], company["company"])


def test_D8_a_filter_column_that_appears_later_is_obeyed_before_anything_new_is_created(world: World) -> None:
    """The table is read again for the column; known people are parked where it says No."""
    contact = world.create("contact", lastname="Ek")
    world.sync()

    world.filter_column("contact")
    world.edit("contact", contact, new_synctomkto=False)
    hidden = world.create("contact", lastname="Ng", new_synctomkto=False)
    world.sync()

    assert LinkState.PARKED is world.link("contact", contact).state
    assert LinkState.EXCLUDED is world.link("contact", hidden).state


def test_D8_a_deleted_record_that_comes_back_with_no_is_parked_and_nothing_moves(filtered: World) -> None:
    """P8 links the same person again; its values stay what they were."""
    contact = filtered.create("contact", lastname="Ek")
    filtered.sync()
    person = filtered.person("contact", contact)
    filtered.delete("contact", contact)
    filtered.cycle()

    filtered.create("contact", contactid=contact, lastname="Secret", new_synctomkto=False)
    filtered.cycle()

    after = filtered.person("contact", contact)
    assert (person.id, "contact", False) == (after.id, after.type, after.is_deleted)
    assert (LinkState.PARKED, "Ek") == (
        filtered.link("contact", contact).state,
        filtered.fields("contact", contact)["lastName"],
    )
