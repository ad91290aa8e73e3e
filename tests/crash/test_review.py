"""A relink, or an adoption, that is killed at any point is either done or not, and nothing is doubled or lost."""

import pytest

from tandem.database.port import Dialect
from tandem.model.entities import Entity
from tandem.runtime import instance
from tandem.runtime.instance import Verdict
from tandem.state.queues import Intent, IntentKind
from tandem.testing import asking
from tandem.testing.world import World

both_databases = pytest.mark.parametrize("world", [Dialect.SQLITE, Dialect.POSTGRESQL], indirect=True, ids=str)


def synced(world: World) -> dict[str, str]:
    """A lead and a contact that both sides have, each with an edit nobody sent yet."""
    records = {table: world.create(table, lastname="Ek", firstname="Eva") for table in ("lead", "contact")}
    world.sync()
    for table, record in records.items():
        world.edit_person(table, record, phone="2")
    return records


@both_databases
def test_S9_a_relink_to_a_copy_is_killed_anywhere(world: World, killed_anywhere) -> None:
    """The copy has other names, and one record less; the edits of marketing are sent."""
    records, gone = synced(world), world.create("lead", lastname="Ng")
    world.sync()
    for table, record in records.items():
        world.edit_person(table, record, mobilePhone="3")
    world.become_a_copy()
    world.delete("lead", gone)
    for table, record in records.items():
        world.edit(table, record, firstname="Ida")

    killed_anywhere(asking.relink)

    for table, record in records.items():
        assert ("Ida", "3") == (world.fields(table, record)["firstName"], world.row(table, record)["mobilephone"])
    assert world.person("lead", gone).is_deleted
    assert world.subscription.state.reviews.open() is None


def test_S9_a_relink_with_a_creation_under_way_is_killed_anywhere(world: World, killed_anywhere) -> None:
    """Nobody knows whether the former organisation made it before it was copied: it is looked for, then made."""
    record = "6b1d3c1e-0000-4000-8000-000000000003"
    world.sync()
    person = world.want("lead", record, lastName="Ek", company="Contoso", microsoftTopic="Interested")
    with world.subscription.database.transaction():
        world.subscription.state.intents.begin(
            [Intent(record, Entity.LEAD, person, IntentKind.CREATE, {"lastName": "Ek"})], at=world.subscription.now()
        )
    world.become_a_copy()

    killed_anywhere(asking.relink)

    assert person == world.person("lead", record).id
    assert "Ek" == world.row("lead", record)["lastname"]


def test_S10_an_adoption_is_killed_anywhere(world: World, killed_anywhere) -> None:
    """The database is behind its home, and Dynamics went on meanwhile."""
    records = synced(world)
    world.edit("lead", records["lead"], firstname="Ida")
    added = world.create("contact", lastname="Ng")
    instance.expect_newer(world.subscription)
    assert Verdict.BEHIND is instance.look(world.subscription)

    killed_anywhere(asking.adopt)

    assert "Ida" == world.fields("lead", records["lead"])["firstName"]
    assert ["2", "2"] == [world.row(table, record)["telephone1"] for table, record in records.items()]
    assert "Ng" == world.fields("contact", added)["lastName"]
    assert Verdict.SAME is instance.look(world.subscription)


def test_S10_an_adoption_in_a_new_home_is_killed_anywhere(world: World, killed_anywhere) -> None:
    """Between the database and the home's file the two do not know each other yet: it is adopted once more."""
    records = synced(world)
    (world.settings.home / "default.instance").write_text('{"id": "another", "counter": 3}', encoding="utf-8")

    killed_anywhere(asking.adopt, but={"review", "notice"})

    assert ["2", "2"] == [world.row(table, record)["telephone1"] for table, record in records.items()]
    assert Verdict.SAME is instance.look(world.subscription)
