"""Adding to a campaign and removing from it, killed or without an answer, make one list and one member (F4, R2)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.registry import go_on
from tandem.actions.requests import Acted, RequestState
from tandem.database.port import BeingWritten, Dialect
from tandem.dynamics.client import Dynamics
from tandem.dynamics.errors import Unavailable
from tandem.model.entities import Entity
from tandem.runtime.acting import acting
from tandem.runtime.campaigns import enable_campaigns
from tandem.sync.campaigns import list_name
from tandem.testing.world import World

on_sqlite = pytest.mark.parametrize("world", [Dialect.SQLITE.value], indirect=True)
"""For what takes long: what a kill leaves in either database is for tests/crash to show."""

ADD, REMOVE = Action.ADD_TO_CAMPAIGN, Action.REMOVE_FROM_CAMPAIGN
DONE, BEGUN = RequestState.DONE, RequestState.BEGUN
LOGGED_AS = {ADD: "Added to Microsoft Campaign", REMOVE: "Removed from Microsoft Campaign"}
SURE = ["reset-before", "reset-after", "truncate", "unexpected", "unexpected-after"]
"""Faults after which it can be seen what became of the request."""
STEPS = {
    "making the list": ("PATCH", "lists("),
    "putting it into the campaign": ("POST", "AddItemCampaign"),
    "adding the member": ("POST", "AddMemberList"),
    "removing the member": ("DELETE", "listlead_association"),
}


@pytest.fixture
def campaign(world: World) -> str:
    """A campaign that was read; its id."""
    enable_campaigns(world.subscription, True)
    made = world.create("campaign", name="Spring")
    world.sync()
    return made


def ask(marketer: Any, action: Action, person: int, request: str | None = None) -> Acted:
    """One of the two actions."""
    acted: Acted = marketer.ask(action, person, request, campaign="Spring")
    return acted


def lead(world: World, lastname: str) -> int:
    """The person of a new lead."""
    record = world.create("lead", lastname=lastname, subject="Visit")
    world.cycle()
    return world.person("lead", record).id


def lists(world: World, campaign: str) -> list[str]:
    """The campaign's lists for leads, in Dynamics."""
    return world.organisation.find("list", "listname", list_name(campaign, Entity.LEAD))


def members(world: World, campaign: str) -> list[str]:
    """Who is on them."""
    organisation = world.organisation
    rows = [
        organisation.get("listmember", each)
        for of in lists(world, campaign)
        for each in organisation.find("listmember", "listid", of)
    ]
    return sorted(str(row["name"]) for row in rows if row)


# No answer ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", SURE)
@pytest.mark.parametrize("step", STEPS)
def test_R2_a_step_without_an_answer_is_done_once(
    world: World, marketer: Any, campaign: str, step: str, fault: str
) -> None:
    """It is looked for; what did not arrive is asked for again by the same request."""
    person, (method, path) = lead(world, "Ek"), STEPS[step]
    action = REMOVE if step == "removing the member" else ADD
    if action is REMOVE:
        ask(marketer, ADD, person)
    world.fault(fault, method=method, path=path)

    first = ask(marketer, action, person, "first")
    second = ask(marketer, action, person, "first")

    arrived = fault in ("reset-after", "truncate", "unexpected-after")
    assert (DONE if arrived else BEGUN, DONE) == (first.state, second.state)
    assert ("added" if action is ADD else "removed") == second.outcome
    assert (1, ["Ek"] if action is ADD else []) == (len(lists(world, campaign)), members(world, campaign))
    assert [second.outcome] == [each["outcome"] for each in marketer.told(person, LOGGED_AS[action])]


@pytest.mark.parametrize("step", STEPS)
def test_R2_what_cannot_be_looked_for_now_is_gone_on_with_by_the_sync(
    world: World, marketer: Any, campaign: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is lost, and then Dynamics cannot be asked what became of it."""
    person, (method, path) = lead(world, "Ek"), STEPS[step]
    action = REMOVE if step == "removing the member" else ADD
    if action is REMOVE:
        ask(marketer, ADD, person)
    world.fault("reset-after", method=method, path=path)
    call = {"making the list": "make_list", "putting it into the campaign": "put_into_campaign"}
    name = call.get(step, "add_to_list" if action is ADD else "remove_from_list")
    write = getattr(Dynamics, name)

    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("Dynamics is away.")

    def then_away(*arguments: Any) -> Any:
        try:
            return write(*arguments)
        finally:
            for read in ("fetch", "read_page"):
                patch.setattr(Dynamics, read, away)

    with monkeypatch.context() as patch:
        patch.setattr(Dynamics, name, then_away)
        begun = ask(marketer, action, person, "first")
    with acting(world.subscription) as (engine, context):
        go_on(engine, context)
    acted = ask(marketer, action, person, "first")

    assert (BEGUN, "Dynamics is away.") == (begun.state, begun.outcome)
    assert (DONE, "added" if action is ADD else "removed") == (acted.state, acted.outcome)
    assert (1, ["Ek"] if action is ADD else []) == (len(lists(world, campaign)), members(world, campaign))


@pytest.mark.parametrize("step", STEPS)
def test_R4_a_pause_that_dynamics_asks_for_is_kept(world: World, marketer: Any, campaign: str, step: str) -> None:
    """Nothing was carried out; it is sent again after the pause."""
    person, (method, path) = lead(world, "Ek"), STEPS[step]
    action = REMOVE if step == "removing the member" else ADD
    if action is REMOVE:
        ask(marketer, ADD, person)
    world.fault("throttle-requests", method=method, path=path, seconds=0)

    acted = ask(marketer, action, person)

    assert (DONE, "added" if action is ADD else "removed") == (acted.state, acted.outcome)
    assert (1, ["Ek"] if action is ADD else []) == (len(lists(world, campaign)), members(world, campaign))


# Killed -------------------------------------------------------------------------------------------------------------


def fresh_campaigns(world: World, marketer: Any, *, only_in_marketing: bool) -> Iterator[tuple[str, int]]:
    """A campaign without lists and a person, again and again, twenty of them made at a time."""
    while True:
        campaigns = [world.create("campaign", name=f"Campaign {world.organisation.version}") for _ in range(20)]
        leads = [] if only_in_marketing else [world.create("lead", lastname="Ek", subject="Visit") for _ in range(20)]
        world.cycle()
        people = [world.person("lead", each).id for each in leads] or [
            marketer.create(lastname="Ek") for _ in range(20)
        ]
        yield from zip(campaigns, people, strict=True)


@on_sqlite
@pytest.mark.parametrize(
    ("only_in_marketing", "next_is"),
    [(False, "the same request"), (True, "the sync")],
    ids=["a lead, then the same request", "somebody without a record, then the sync"],
)
def test_R2_killed_at_any_point_one_list_is_made_and_one_member_added(
    world: World, marketer: Any, campaign: str, killed_at: Any, only_in_marketing: bool, next_is: str
) -> None:
    """Whoever goes on: the list is in its campaign, the person on it by the action, and told so once."""
    asked = list[tuple[str, int]]()
    for spring, person in fresh_campaigns(world, marketer, only_in_marketing=only_in_marketing):
        asked.append((spring, person))
        with killed_at(len(asked)) as finished:
            marketer.ask(ADD, person, f"request {person}", campaign=spring)
        if finished:
            break
        if next_is == "the sync":
            with acting(world.subscription) as (engine, context):
                go_on(engine, context)
        acted = marketer.ask(ADD, person, f"request {person}", campaign=spring)
        assert (DONE, "added") == (acted.state, acted.outcome), len(asked)

    assert len(asked) > 15
    made = Counter(str(each["campaignid"]) for each in items(world))
    assert made == {spring: 1 for spring, _ in asked}
    assert [(1, ["Ek"])] * len(asked) == [(len(lists(world, each)), members(world, each)) for each, _ in asked]
    told = [[each["outcome"] for each in marketer.told(person, LOGGED_AS[ADD])] for _, person in asked]
    assert [["added"]] * len(asked) == told
    assert ["removed"] * len(asked) == [
        marketer.ask(REMOVE, person, campaign=spring).outcome for spring, person in asked
    ]
    assert [[]] * len(asked) == [members(world, each) for each, _ in asked]


@on_sqlite
def test_R2_killed_at_any_point_a_member_is_removed_and_told_once(
    world: World, marketer: Any, campaign: str, killed_at: Any
) -> None:
    """By the same request."""
    asked = list[int]()
    while True:
        asked.append(lead(world, "Ek"))
        ask(marketer, ADD, asked[-1])
        with killed_at(len(asked)) as finished:
            ask(marketer, REMOVE, asked[-1], f"request {asked[-1]}")
        acted = ask(marketer, REMOVE, asked[-1], f"request {asked[-1]}")
        assert (DONE, "removed") == (acted.state, acted.outcome), len(asked)
        if finished:
            break

    assert len(asked) > 6
    assert [] == members(world, campaign)
    assert [["removed"]] * len(asked) == [
        [each["outcome"] for each in marketer.told(person, LOGGED_AS[REMOVE])] for person in asked
    ]


def items(world: World) -> list[dict[str, Any]]:
    """Every place of a list in a campaign that the actions made."""
    campaigns = {one.campaign_id for one in world.subscription.state.campaigns.lists()}
    found = [each for campaign in campaigns for each in world.organisation.find("campaignitem", "campaignid", campaign)]
    return [dict(row) for row in (world.organisation.get("campaignitem", each) for each in found) if row]


# Two at once --------------------------------------------------------------------------------------------------------


def test_F4_two_people_at_once_share_one_list(
    world: World, marketer: Any, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the list is being made for one of them nobody else may write; then the other comes on the same list."""
    one, other = lead(world, "Ek"), lead(world, "Lund")
    make_list, refusals = Dynamics.make_list, list[BeingWritten]()

    def watched(dynamics: Dynamics, *arguments: Any) -> None:
        with pytest.raises(BeingWritten) as caught, world.subscription.writing(patience=0):
            pass
        refusals.append(caught.value)
        make_list(dynamics, *arguments)

    monkeypatch.setattr(Dynamics, "make_list", watched)
    for person in (one, other):
        ask(marketer, ADD, person)

    assert (1, 1) == (len(refusals), len(lists(world, campaign)))
    assert ["Ek", "Lund"] == members(world, campaign)


def test_F4_a_campaign_that_is_deleted_while_its_list_is_made_is_the_reason(
    world: World, marketer: Any, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is asked for again and again."""
    person, put = lead(world, "Ek"), Dynamics.put_into_campaign

    def too_late(dynamics: Dynamics, *arguments: Any) -> None:
        world.delete("campaign", campaign)
        put(dynamics, *arguments)

    monkeypatch.setattr(Dynamics, "put_into_campaign", too_late)
    acted = ask(marketer, ADD, person)

    assert RequestState.REFUSED is acted.state
    assert "does not exist" in acted.outcome


def test_F4_a_record_that_is_deleted_while_it_is_added_is_the_reason(
    world: World, marketer: Any, campaign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as added nowhere."""
    person, add = lead(world, "Ek"), Dynamics.add_to_list

    def too_late(dynamics: Dynamics, list_id: str, record: str) -> None:
        world.delete("lead", record)
        add(dynamics, list_id, record)

    monkeypatch.setattr(Dynamics, "add_to_list", too_late)
    acted = ask(marketer, ADD, person)

    (one,) = world.subscription.state.campaigns.lists()
    assert RequestState.REFUSED is acted.state
    assert [] == world.subscription.state.campaigns.members(one.list_id)
