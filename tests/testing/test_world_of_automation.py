"""What a test can let happen in Dynamics between two writes: automation, locks, duplicate rules."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tandem.sandbox.automation.plug_ins import Form, RewriteLater
from tandem.sandbox.door.operations import Create
from tandem.sandbox.messages import Refused
from tandem.sandbox.writing.records import Records
from tandem.testing.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world that nobody is connected to."""
    with World(tmp_path) as world:
        yield world


def test_a_plug_in_acts_when_the_world_settles(world: World) -> None:
    """On a write of anybody."""
    world.plug_in(RewriteLater(table="lead", column="lastname", to=Form.UPPER))
    lead = world.create("lead", lastname="Ek")
    before = world.organisation.get("lead", lead) or {}
    world.settle()
    after = world.organisation.get("lead", lead) or {}

    assert ("Ek", "EK") == (before["lastname"], after["lastname"])


def test_a_locked_record_refuses_edits_until_it_is_unlocked(world: World) -> None:
    """0x8004022E."""
    lead = world.create("lead", lastname="Ek")
    world.lock("lead", lead)
    with pytest.raises(Refused) as caught:
        world.edit("lead", lead, lastname="Ny")
    world.lock("lead", lead, locked=False)
    world.edit("lead", lead, lastname="Ny")

    assert "0x8004022E" == caught.value.code
    assert "Ny" == (world.organisation.get("lead", lead) or {})["lastname"]


@pytest.mark.parametrize(
    ("columns", "values", "refused"),
    [((), {"emailaddress1": "ann@contoso.example"}, True), (("fax",), {"emailaddress1": "ann@contoso.example"}, False)],
    ids=["by e-mail", "by another column"],
)
def test_duplicates_are_detected_by_the_columns_named(
    world: World, columns: tuple[str, ...], values: dict[str, Any], refused: bool
) -> None:
    """Only for a write that asks; a person at the control door does not."""
    world.detect_duplicates("lead", *columns, status=500)
    world.do(Create(table="lead", values=values))
    world.do(Create(table="lead", values=values))
    asking = Records(world.organisation, world.organisation.caller(world.organisation.user_id), detect_duplicates=True)
    outcome = None
    try:
        asking.create(world.organisation.tables["lead"], values)
    except Refused as refusal:
        outcome = (refusal.status, refusal.code)

    assert ((500, "0x80040333") if refused else None) == outcome
