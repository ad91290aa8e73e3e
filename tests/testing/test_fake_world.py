"""One story told in the fake world and in the real one ends with the same people."""

from pathlib import Path
from typing import Any

import pytest

from tandem.sync.known_tables import OrganisationChanged
from tandem.testing.fake_world import FakeWorld
from tandem.testing.world import World


def test_both_worlds_tell_the_same_story(tmp_path: Path) -> None:
    """Copy, edits on both sides, a move, qualify, merge, the filter, deletions: values, logs and links are equal."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "real").mkdir()
    with FakeWorld(tmp_path / "fake") as fake, World(tmp_path / "real") as real:
        assert _story(real) == _story(fake)


def test_S9_a_fake_world_can_become_a_copy(tmp_path: Path) -> None:
    """And the engine stops before it reads."""
    with FakeWorld(tmp_path) as world:
        world.connect().sync()
        world.become_a_copy()

        with pytest.raises(OrganisationChanged):
            world.cycle()


def test_two_worlds_with_one_seed_are_the_same(tmp_path: Path) -> None:
    """Down to every id and time: a failure comes again with its seed."""
    dumps = []
    for number in range(2):
        with FakeWorld(tmp_path / str(number), seed=3) as world:
            world.connect()
            lead = world.create("lead", subject="x", lastname="Ek")
            world.sync()
            world.qualify(lead)
            world.cycle()
            dumps.append({table: rows for table, rows in world.dump().items() if table != "migration"})

    assert dumps[0] == dumps[1]
    assert dumps[0]["person"]


def _story(world: World | FakeWorld) -> dict[str, Any]:
    """Everything that happens, and what the records' people are like then."""
    world.filter_column("contact").connect()
    contoso, fabrikam = (world.create("account", name=name) for name in ("Contoso", "Fabrikam"))
    known = {contoso: "contoso", fabrikam: "fabrikam"}
    records = {
        name: ("contact", world.create("contact", lastname=name, telephone1="1", jobtitle="CTO"))
        for name in ("mover", "winner", "loser", "parked", "deleted", "edited")
    }
    records["qualified"] = ("lead", world.create("lead", subject="x", lastname="qualified", revenue=1234.5))
    of = {name: record for name, (_, record) in records.items()}
    world.edit("contact", of["mover"], parentcustomerid_account__bind=f"/accounts({contoso})")
    world.sync()

    world.edit("contact", of["mover"], parentcustomerid_account__bind=f"/accounts({fabrikam})")
    world.edit_person("contact", of["edited"], phone="2")
    world.edit_person("contact", of["loser"], mobilePhone="+1")
    world.edit("contact", of["edited"], jobtitle="CEO", telephone1="3")
    records["born"] = ("contact", world.qualify(of["qualified"]))
    world.merge("contact", of["winner"], of["loser"], jobtitle="merged")
    world.edit("contact", of["parked"], new_synctomkto=False, jobtitle="unseen")
    world.delete("contact", of["deleted"])
    world.cycle()
    world.edit("account", fabrikam, name="Fabrikam AG")
    world.cycle()

    return {name: _told(world, *record, known) for name, record in records.items()}


def _told(world: World | FakeWorld, table: str, record: str, known: dict[str, str]) -> tuple[Any, ...]:
    """What does not hang on the ids and the time of the one world; `known` names accounts."""
    link = world.link(table, record)
    assert link is not None
    fields = world.fields(table, record)
    fields.pop("microsoftCreatedDate")
    logged = [
        (kind, field, known.get(old, old), known.get(new, new))
        for kind, field, old, new in world.log(world.person(table, record))
        if field != "microsoftCreatedDate"
    ]
    return link.state, link.base, fields, logged
