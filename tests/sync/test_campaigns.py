"""Campaigns are copied one way where that is switched on, and looked at anew when it is switched on again (S6)."""

import pytest

from tandem.dynamics.client import Dynamics
from tandem.model.entities import Entity
from tandem.report.campaigns import CampaignStatus, read_campaigns
from tandem.runtime.campaigns import enable_campaigns
from tandem.sandbox.door.operations import Privilege
from tandem.state.campaigns import CampaignList, ListStage
from tandem.state.notices import NoticeKind
from tandem.state.reviews import ReviewKind
from tandem.sync.campaigns import list_name
from tandem.sync.review import begin_review
from tandem.testing.world import World

CAMPAIGN = Entity.CAMPAIGN


def campaigns(world: World) -> dict[str, CampaignStatus]:
    """The campaigns by name."""
    return {each.name: each for each in read_campaigns(world.subscription).campaigns}


def test_S6_campaigns_are_left_alone_until_they_are_wanted(world: World) -> None:
    """They are not read, and nothing is stored of them."""
    world.create("campaign", name="Spring")

    (first, *_) = world.sync()

    assert CAMPAIGN not in first.entities
    assert ({}, []) == (campaigns(world), world.export("campaign"))
    assert not read_campaigns(world.subscription).enabled


def test_S6_enabled_campaigns_come_with_their_labels_and_owner(world: World) -> None:
    """Status 0 is a status: Proposed."""
    owner = world.create("systemuser", firstname="Olivia", lastname="Ek", internalemailaddress="o@example.com")
    team = world.create("team", name="Fairs")
    spring = world.create("campaign", name="Spring", typecode=3, ownerid__bind=f"/systemusers({owner})")
    world.create("campaign", name="Autumn", statecode=1, statuscode=6, ownerid__bind=f"/teams({team})")
    enable_campaigns(world.subscription, True)

    world.sync()

    found = campaigns(world)
    assert found["Spring"] == CampaignStatus(
        id=spring,
        name="Spring",
        type="Event",
        state="Active",
        status="Proposed",
        owner="Olivia Ek",
        active=True,
        lists=[],
    )
    assert (found["Autumn"].state, found["Autumn"].owner, found["Autumn"].active) == ("Inactive", "Fairs", False)


def test_S6_changes_and_deletions_of_campaigns_arrive(world: World) -> None:
    """By the changes alone; what is gone is counted (O3)."""
    enable_campaigns(world.subscription, True)
    spring, autumn = (world.create("campaign", name=name) for name in ("Spring", "Autumn"))
    world.sync()
    world.edit("campaign", spring, name="Spring fair", statecode=1, statuscode=6)
    world.delete("campaign", autumn)

    report = world.cycle()

    assert [("Spring fair", False)] == [(each.name, each.active) for each in campaigns(world).values()]
    assert (1, 1, 1) == (report.counts(CAMPAIGN).read, report.counts(CAMPAIGN).updated, report.counts(CAMPAIGN).deleted)
    assert {"campaign": 1} == world.subscription.state.deletions.applied()


def test_S6_disabled_campaigns_stay_as_they_were_read(world: World) -> None:
    """Nothing more of them is asked for."""
    enable_campaigns(world.subscription, True)
    spring = world.create("campaign", name="Spring")
    world.sync()
    enable_campaigns(world.subscription, False)
    world.edit("campaign", spring, name="Spring fair")

    report = world.cycle()

    assert ["Spring"] == list(campaigns(world))
    assert CAMPAIGN not in report.entities


def test_S6_switched_on_again_all_campaigns_are_read_again(world: World) -> None:
    """What was changed and deleted meanwhile is found, even where the changes are forgotten in Dynamics by then."""
    enable_campaigns(world.subscription, True)
    spring, autumn = (world.create("campaign", name=name) for name in ("Spring", "Autumn"))
    world.sync()
    enable_campaigns(world.subscription, False)
    world.cycle()
    world.edit("campaign", spring, name="Spring fair")
    world.delete("campaign", autumn)
    world.advance(days=8)
    enable_campaigns(world.subscription, True)

    world.sync()

    assert ["Spring fair"] == list(campaigns(world))


def test_S6_reset_reads_all_campaigns_and_idle_cycles_then_read_none(world: World) -> None:
    """Once, not with every cycle from then on (R3)."""
    enable_campaigns(world.subscription, True)
    made = [world.create("campaign", name=name) for name in ("Spring", "Autumn")]
    world.sync()
    with world.subscription.database.transaction():
        world.subscription.marketing.mirrors.delete_campaigns(made)
    untouched = world.cycle()
    enable_campaigns(world.subscription, True)

    again, *_ = world.sync()
    idle = world.cycle()

    assert (0, 2, 0) == tuple(each.counts(CAMPAIGN).created for each in (untouched, again, idle))
    assert 0 == idle.counts(CAMPAIGN).read


def test_S6_campaigns_are_exported(world: World) -> None:
    """Codes and ids under the names that `tandem fields` lists."""
    enable_campaigns(world.subscription, True)
    spring = world.create("campaign", name="Spring", typecode=3)
    world.sync()

    (row,) = world.export("campaign")

    assert (spring, "Spring", 3, True) == (row["microsoftCampaignId"], row["name"], row["type"], row["isActive"])


def test_S6_an_organisation_without_campaigns_says_so_and_the_rest_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table belongs to an app that not every environment has."""
    tables = Dynamics.tables
    monkeypatch.setattr(
        Dynamics, "tables", lambda self, names, *rest: tables(self, [each for each in names if each != CAMPAIGN], *rest)
    )
    enable_campaigns(world.subscription, True)
    world.create("contact", lastname="Ek")

    (first, *_) = world.sync()

    assert {CAMPAIGN: "table-unknown"} == {entity: problem.code for entity, problem in first.problems.items()}
    assert 1 == len(world.export("person"))


def test_S6_another_users_campaign_table_is_weak_without_change_tracking(world: World) -> None:
    """It is read by time of change, as any table whose changes Dynamics does not track."""
    world.track("campaign", enabled=False)
    enable_campaigns(world.subscription, True)
    spring = world.create("campaign", name="Spring")
    world.sync()
    world.edit("campaign", spring, name="Spring fair")

    world.cycle()

    assert ["Spring fair"] == list(campaigns(world))


# What was done to the lists meanwhile -------------------------------------------------------------------------------


def listed(world: World, campaign: str, *leads: str) -> str:
    """A list of a campaign with these leads, made by the action as far as anybody can tell; its id."""
    made = world.create("list", listname=list_name(campaign, Entity.LEAD), createdfromcode=4, type=False)
    state = world.subscription.state.campaigns
    with world.engine() as (_, context):
        context.dynamics.put_into_campaign(made, campaign)
        for lead in leads:
            context.dynamics.add_to_list(made, lead)
    with world.subscription.database.transaction():
        state.put_list(CampaignList(campaign, Entity.LEAD, made, ListStage.ATTACHED))
        for lead in leads:
            state.put_member(lead, made, seen=True)
    return made


def open_notices(world: World) -> list[str]:
    """What people were told of campaigns and is not over."""
    return [each.message for each in world.subscription.state.notices.open(NoticeKind.CAMPAIGN)]


@pytest.fixture
def campaign(world: World) -> str:
    """A campaign that was read."""
    enable_campaigns(world.subscription, True)
    made = world.create("campaign", name="Spring")
    world.sync()
    return made


@pytest.fixture
def leads(world: World) -> list[str]:
    """Two leads."""
    return [world.create("lead", subject="x", lastname=name) for name in ("Ek", "Lund")]


def test_S6_a_list_that_was_deleted_is_forgotten_with_its_members(
    world: World, campaign: str, leads: list[str]
) -> None:
    """And somebody is told, once."""
    made = listed(world, campaign, *leads)
    world.delete("list", made)
    enable_campaigns(world.subscription, True)

    world.sync()
    enable_campaigns(world.subscription, True)
    world.sync()

    state = world.subscription.state.campaigns
    assert ([], []) == (state.lists(), state.members(made))
    assert [f"In Dynamics the marketing list {list_name(campaign, Entity.LEAD)} was deleted, with 2 people on it."] == (
        open_notices(world)
    )


def test_S6_a_list_that_was_taken_out_of_its_campaign_is_known_to_be(
    world: World, campaign: str, leads: list[str]
) -> None:
    """Its members stay; put in again by hand, it is in again and nothing is told any more."""
    made = listed(world, campaign, *leads)
    (item,) = world.organisation.find("campaignitem", "entityid", made)
    world.organisation.delete("campaignitem", item, actor=world.organisation.user_id)
    enable_campaigns(world.subscription, True)
    world.sync()
    (outside,) = world.subscription.state.campaigns.lists()
    told = open_notices(world)
    with world.engine() as (_, context):
        context.dynamics.put_into_campaign(made, campaign)
    enable_campaigns(world.subscription, True)

    world.sync()

    (inside,) = world.subscription.state.campaigns.lists()
    assert (ListStage.MADE, ListStage.ATTACHED) == (outside.stage, inside.stage)
    assert (1, []) == (len(told), open_notices(world))
    assert sorted(leads) == sorted(world.subscription.state.campaigns.members(made))


def test_S6_of_the_lists_of_a_campaign_that_was_deleted_nothing_is_told(
    world: World, campaign: str, leads: list[str]
) -> None:
    """Neither where it is seen together with the list, nor where somebody was told before: nobody can bring it back."""
    other, _ = (world.create("campaign", name=name) for name in ("Autumn", "Winter"))
    listed(world, campaign, *leads)
    listed(world, other, *leads)
    world.sync()
    (item,) = world.organisation.find("campaignitem", "campaignid", other)
    world.organisation.delete("campaignitem", item, actor=world.organisation.user_id)
    enable_campaigns(world.subscription, True)
    world.sync()
    told = len(open_notices(world))
    for each in (campaign, other):
        world.delete("campaign", each)
    enable_campaigns(world.subscription, True)
    world.sync()
    enable_campaigns(world.subscription, True)
    world.sync()

    assert (1, []) == (told, open_notices(world))


def test_S6_a_list_under_another_name_is_the_same_list(world: World, campaign: str, leads: list[str]) -> None:
    """It is known by its id; a name is for people."""
    made = listed(world, campaign, *leads)
    world.edit("list", made, listname="My list")
    enable_campaigns(world.subscription, True)

    world.sync()

    assert [(made, ListStage.ATTACHED)] == [
        (one.list_id, one.stage) for one in world.subscription.state.campaigns.lists()
    ]
    assert [] == open_notices(world)


def test_S6_a_member_that_was_taken_off_by_hand_is_no_member_any_more(
    world: World, campaign: str, leads: list[str]
) -> None:
    """The others are; whoever was put there by hand stays a stranger."""
    made = listed(world, campaign, *leads)
    by_hand = world.create("lead", subject="x", lastname="Berg")
    with world.engine() as (_, context):
        context.dynamics.remove_from_list(made, Entity.LEAD, leads[0])
        context.dynamics.add_to_list(made, by_hand)
    enable_campaigns(world.subscription, True)

    world.sync()

    assert [leads[1]] == world.subscription.state.campaigns.members(made)


def test_S6_without_the_right_to_lists_the_refresh_waits_and_campaigns_are_read(
    world: World, campaign: str, leads: list[str]
) -> None:
    """The table says why, and the next cycle looks again."""
    made = listed(world, campaign, *leads)
    world.delete("list", made)
    world.create("campaign", name="Autumn")
    world.do(Privilege(privilege="prvReadList"))
    enable_campaigns(world.subscription, True)

    refused = world.sync()[-1]
    world.cycle()
    known = world.subscription.state.campaigns.lists()
    world.do(Privilege(privilege="prvReadList", depth="Global"))
    world.cycle()
    told = [(each.kind, each.about) for each in world.subscription.state.notices.newest(limit=100)[::-1]]

    assert {CAMPAIGN: "missing-privilege"} == {entity: problem.code for entity, problem in refused.problems.items()}
    assert ["Autumn", "Spring"] == list(campaigns(world))
    assert ([made], []) == ([one.list_id for one in known], world.subscription.state.campaigns.lists())
    assert [("sync-down", "campaign"), ("recovered", "campaign")] == [each for each in told if each[1] == "campaign"]


def test_S9_after_a_restore_the_lists_are_compared(world: World, campaign: str, leads: list[str]) -> None:
    """What is remembered of them may be of a time that Dynamics has forgotten."""
    made = listed(world, campaign, *leads)
    world.delete("list", made)
    subscription = world.subscription
    with subscription.database.transaction():
        begin_review(
            subscription.state, subscription.marketing, ReviewKind.ADOPT, "A test.", by="me", at=subscription.now()
        )

    world.sync()

    assert [] == subscription.state.campaigns.lists()
    assert ["Spring"] == list(campaigns(world))
