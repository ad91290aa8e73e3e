"""The rights that validate asks for, and the documentation names, are those that writing takes (rule N2)."""

import re
from pathlib import Path
from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.registry import perform
from tandem.report.checks import Verdict
from tandem.report.validation import validate
from tandem.runtime.acting import acting
from tandem.sandbox.door.operations import Privilege
from tandem.sandbox.store.privileges import Right, privilege_name
from tandem.sync.campaigns import switch_campaign_sync
from tandem.testing.world import World

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "connect.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"(?m)`(prv\w+)`(?=.*\|$)", PAGE))

ACTIONS: list[tuple[Action, dict[str, Any]]] = [
    (Action.CHANGE_OWNER, {"owner": "Inside Sales"}),
    (Action.CREATE_TASK, {"subject": "Call", "owner": "Inside Sales", "status": "Completed"}),
    (Action.ADD_TO_CAMPAIGN, {"campaign": "Fair"}),
    (Action.REMOVE_FROM_CAMPAIGN, {"campaign": "Fair"}),
    (Action.SYNC_PERSON, {"as": "contact"}),
]


@pytest.fixture
def world(tmp_path: Path) -> Any:
    """An organisation with a campaign whose sync user has the rights of the documentation and no other."""
    with World(tmp_path) as world:
        kept = {"prvReadSystemUser" if name == "prvReadUser" else name for name in NAMED}
        for table in world.organisation.tables.values():
            for right in Right:
                if (name := privilege_name(table, right)) not in kept:
                    world.do(Privilege(privilege=name))
        world.create("team", name="Inside Sales", businessunitid__bind=business_unit(world))
        world.create("campaign", name="Fair")
        world.connect()
        with world.subscription.database.transaction():
            switch_campaign_sync(world.subscription.state, True)
        yield world


def business_unit(world: World) -> str:
    """The organisation's only one."""
    return f"/businessunits({world.organisation.business_unit_id})"


def test_N2_with_what_validate_asks_for_edits_and_every_action_are_carried_out(world: World) -> None:
    """And validate has nothing to say."""
    lead = world.create("lead", lastname="Ek", subject="Visit")
    world.sync()
    world.edit_person("lead", lead, mobilePhone="1")
    world.cycle()
    person = world.person("lead", lead).id
    with acting(world.subscription) as (engine, context):
        acted = {action: perform(engine, context, action, person, given) for action, given in ACTIONS}

    assert "1" == world.row("lead", lead)["mobilephone"]
    assert dict.fromkeys(acted, "done") == {action: each.state for action, each in acted.items()}
    assert [] == [check for check in validate(world.subscription) if check.verdict is not Verdict.PASS]
