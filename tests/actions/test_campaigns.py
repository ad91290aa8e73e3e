"""Add to and Remove from Microsoft Campaign: who is on which list, and what is refused (rule F4)."""

from typing import Any

import pytest

from tandem.actions.arguments import Action
from tandem.actions.campaigns import ALREADY_MEMBER, NOT_ADDED
from tandem.actions.requests import Acted, RequestState
from tandem.dynamics.client import Dynamics
from tandem.model.entities import Entity
from tandem.runtime.campaigns import enable_campaigns
from tandem.sandbox.door.operations import Privilege
from tandem.state.campaigns import ListStage
from tandem.sync.edits import UnknownPerson
from tandem.sync.removing import Removing
from tandem.testing.world import World

DONE, REFUSED = RequestState.DONE, RequestState.REFUSED
LEAD, CONTACT = Entity.LEAD, Entity.CONTACT
ADDED, REMOVED = "Added to Microsoft Campaign", "Removed from Microsoft Campaign"


class Campaigner:
    """Somebody who puts people into the campaign Spring."""

    def __init__(self, world: World, marketer: Any) -> None:
        self.world = world
        self.marketer = marketer
        enable_campaigns(world.subscription, True)
        self.campaign = world.create("campaign", name="Spring")
        world.sync()

    def add(self, person: int, campaign: str = "Spring", **options: Any) -> Acted:
        """Add to Microsoft Campaign."""
        return self.marketer.ask(Action.ADD_TO_CAMPAIGN, person, campaign=campaign, **options)

    def remove(self, person: int, campaign: str = "Spring", **options: Any) -> Acted:
        """Remove from Microsoft Campaign."""
        return self.marketer.ask(Action.REMOVE_FROM_CAMPAIGN, person, campaign=campaign, **options)

    def person(self, table: str, lastname: str) -> int:
        """The person of a new record in Dynamics."""
        values = {"subject": "Visit"} if table == "lead" else {}
        record = self.world.create(table, lastname=lastname, **values)
        self.world.cycle()
        return self.world.person(table, record).id

    def lists(self) -> dict[str, str]:
        """The lists of the campaign in Dynamics, as name and id."""
        organisation = self.world.organisation
        items = [
            organisation.get("campaignitem", each)
            for each in organisation.find("campaignitem", "campaignid", self.campaign)
        ]
        return {
            str(self.world.row("list", str(item["entityid"]))["listname"]): str(item["entityid"])
            for item in items
            if item
        }

    def members(self, kind: str = "leads") -> list[str]:
        """The names of who is on the campaign's list."""
        organisation, of = self.world.organisation, self.lists()[f"Mkto-{kind}-{self.campaign}"]
        rows = [organisation.get("listmember", each) for each in organisation.find("listmember", "listid", of)]
        return sorted(str(row["name"]) for row in rows if row)

    def put_by_hand(self, record: str, kind: str = "leads") -> None:
        """Somebody in Dynamics puts a record on the campaign's list."""
        table, of = kind.removesuffix("s"), self.lists()[f"Mkto-{kind}-{self.campaign}"]
        self.world.create(
            "listmember", **{f"entityid_{table}__bind": f"/{kind}({record})", "listid__bind": f"/lists({of})"}
        )


@pytest.fixture
def campaigner(world: World, marketer: Any) -> Campaigner:
    """Somebody at work on a campaign that was read."""
    return Campaigner(world, marketer)


# Added --------------------------------------------------------------------------------------------------------------


def test_F4_a_lead_and_a_contact_each_come_on_a_list_of_their_own(campaigner: Campaigner) -> None:
    """Static, of their kind, under the names the reference product gives them, and in the campaign."""
    lead, contact = campaigner.person("lead", "Ek"), campaigner.person("contact", "Lund")

    acted = [campaigner.add(lead), campaigner.add(contact)]

    lists = campaigner.lists()
    assert [(DONE, "added")] * 2 == [(each.state, each.outcome) for each in acted]
    assert {f"Mkto-leads-{campaigner.campaign}", f"Mkto-contacts-{campaigner.campaign}"} == set(lists)
    rows = [campaigner.world.row("list", each) for each in lists.values()]
    assert {(4, 0), (2, 0)} == {(row["createdfromcode"], row["type"]) for row in rows}
    assert (["Ek"], ["Lund"]) == (campaigner.members("leads"), campaigner.members("contacts"))


def test_F4_people_of_one_campaign_share_its_list(campaigner: Campaigner) -> None:
    """It is made once."""
    people = [campaigner.person("lead", name) for name in ("Ek", "Lund")]

    for person in people:
        campaigner.add(person)

    assert 1 == len(campaigner.lists())
    assert ["Ek", "Lund"] == campaigner.members()


def test_F4_who_is_only_in_marketing_gets_a_record_first(campaigner: Campaigner) -> None:
    """A lead, or what is asked for; each is told in the log."""
    lead, contact = (campaigner.marketer.create(lastname=name) for name in ("Ek", "Lund"))

    acted = [campaigner.add(lead), campaigner.add(contact, as_="contact")]

    assert [(DONE, LEAD), (DONE, CONTACT)] == [(each.state, each.record) for each in acted]
    assert (["Ek"], ["Lund"]) == (campaigner.members("leads"), campaigner.members("contacts"))
    assert ["created"] == [each["outcome"] for each in campaigner.marketer.told(lead)]


def test_F4_adding_is_told_on_the_person(campaigner: Campaigner) -> None:
    """With the campaign by name and id, the list and the outcome."""
    lead = campaigner.person("lead", "Ek")
    campaigner.add(lead)
    campaigner.remove(lead)

    campaign = {
        "campaign": "Spring",
        "campaign_id": campaigner.campaign,
        "lists": [f"Mkto-leads-{campaigner.campaign}"],
    }
    assert [{"outcome": "added", **campaign}] == campaigner.marketer.told(lead, ADDED)
    assert [{"outcome": "removed", **campaign}] == campaigner.marketer.told(lead, REMOVED)


def test_F4_adding_twice_is_harmless_and_says_so(campaigner: Campaigner) -> None:
    """Under another request; the same request tells its outcome again."""
    lead = campaigner.person("lead", "Ek")
    first = campaigner.add(lead, request="first")

    again, second = campaigner.add(lead, request="first"), campaigner.add(lead)

    assert first == again
    assert (DONE, ALREADY_MEMBER) == (second.state, second.outcome)
    assert ["Ek"] == campaigner.members()


def test_F4_a_campaign_is_named_by_its_id_too(campaigner: Campaigner) -> None:
    """Two of one name can only be told apart by it."""
    other = campaigner.world.create("campaign", name="spring")
    campaigner.world.cycle()
    lead = campaigner.person("lead", "Ek")

    by_name, by_id = campaigner.add(lead), campaigner.add(lead, campaign=campaigner.campaign.upper())

    assert REFUSED is by_name.state
    assert by_name.outcome.startswith("2 campaigns are called 'Spring'.")
    assert {campaigner.campaign, other} <= set(by_name.outcome.replace(",", " ").replace(".", " ").split())
    assert (DONE, "added") == (by_id.state, by_id.outcome)


def test_F4_which_campaign_was_meant_is_decided_once(campaigner: Campaigner) -> None:
    """A request that goes on later goes on with the campaign that had the name when it was made."""
    lead = campaigner.person("lead", "Ek")
    campaigner.world.fault("unavailable", path="AddMemberList", times=1)
    begun = campaigner.add(lead, request="first")
    campaigner.world.edit("campaign", campaigner.campaign, name="Summer")
    campaigner.world.cycle()

    again = campaigner.add(lead, request="first")

    assert (RequestState.BEGUN, DONE) == (begun.state, again.state)
    assert ["Ek"] == campaigner.members()


# Removed ------------------------------------------------------------------------------------------------------------


def test_F4_who_was_added_is_removed(campaigner: Campaigner) -> None:
    """And may be added again."""
    lead, other = campaigner.person("lead", "Ek"), campaigner.person("lead", "Lund")
    for person in (lead, other):
        campaigner.add(person)

    removed = campaigner.remove(lead)
    members = campaigner.members()
    again = campaigner.add(lead)

    assert (DONE, "removed", ["Lund"]) == (removed.state, removed.outcome, members)
    assert (DONE, "added", ["Ek", "Lund"]) == (again.state, again.outcome, campaigner.members())


def test_F4_who_was_put_into_the_campaign_by_hand_stays(campaigner: Campaigner) -> None:
    """Adding says that it is a member, removing that it was not added."""
    campaigner.add(campaigner.person("lead", "Lund"))
    lead = campaigner.person("lead", "Ek")
    campaigner.put_by_hand(campaigner.world.subscription.state.links.of_people([lead])[lead].crm_id)

    acted = [campaigner.add(lead), campaigner.remove(lead)]

    assert [(DONE, ALREADY_MEMBER), (DONE, NOT_ADDED)] == [(each.state, each.outcome) for each in acted]
    assert ["Ek", "Lund"] == campaigner.members()


def test_F4_a_qualified_lead_stays_on_the_list_of_leads_and_is_removed_from_there(campaigner: Campaigner) -> None:
    """It is in the campaign already, so it does not come on the list of contacts too."""
    lead = campaigner.person("lead", "Ek")
    campaigner.add(lead)
    campaigner.marketer.sync(lead, CONTACT)

    again = campaigner.add(lead)
    members = campaigner.members("leads")
    removed = campaigner.remove(lead)

    assert (CONTACT, ALREADY_MEMBER) == (again.record, again.outcome)
    assert [f"Mkto-leads-{campaigner.campaign}"] == list(campaigner.lists())
    assert (["Ek"], "removed", []) == (members, removed.outcome, campaigner.members("leads"))


def test_F4_removing_looks_on_both_lists(campaigner: Campaigner) -> None:
    """Somebody was added as a lead, taken off by hand, added as a contact, and put on the first list again."""
    lead = campaigner.person("lead", "Ek")
    record = campaigner.world.subscription.state.links.of_people([lead])[lead].crm_id
    campaigner.add(lead)
    of = campaigner.lists()[f"Mkto-leads-{campaigner.campaign}"]
    (membership,) = campaigner.world.organisation.find("listmember", "listid", of)
    campaigner.world.delete("listmember", membership)
    campaigner.marketer.sync(lead, CONTACT)
    campaigner.add(lead)
    campaigner.put_by_hand(record)

    campaigner.remove(lead)

    assert ([], []) == (campaigner.members("leads"), campaigner.members("contacts"))


def test_F4_who_is_in_no_campaign_is_not_removed_and_told_so(campaigner: Campaigner) -> None:
    """Somebody who is only in marketing gets no record for it."""
    person = campaigner.marketer.create(lastname="Ek")

    acted = campaigner.remove(person)

    assert (DONE, NOT_ADDED, None) == (acted.state, acted.outcome, acted.record)


def test_F4_who_was_taken_off_by_hand_counts_as_removed_and_may_be_added_again(campaigner: Campaigner) -> None:
    """Somebody in Dynamics did what was asked for."""
    one, other = campaigner.person("lead", "Ek"), campaigner.person("lead", "Lund")
    for person in (one, other):
        campaigner.add(person)
    for membership in campaigner.world.organisation.find(
        "listmember", "listid", next(iter(campaigner.lists().values()))
    ):
        campaigner.world.delete("listmember", membership)

    removed, added = campaigner.remove(one), campaigner.add(other)

    assert [(DONE, "removed"), (DONE, "added")] == [(each.state, each.outcome) for each in (removed, added)]
    assert ["Lund"] == campaigner.members()


# People that become others ------------------------------------------------------------------------------------------


def test_P16_of_two_people_that_become_one_both_records_are_removed(campaigner: Campaigner) -> None:
    """Each was added; the loser's record is set aside and stays a member until then."""
    winner, loser = campaigner.person("lead", "Ek"), campaigner.person("contact", "Eck")
    for person in (winner, loser):
        campaigner.add(person)
    campaigner.marketer.ask(Action.MERGE_PEOPLE, loser, winner=winner)
    members = campaigner.members("leads") + campaigner.members("contacts")

    removed = campaigner.remove(winner)

    assert (["Ek", "Eck"], "removed") == (members, removed.outcome)
    assert ([], []) == (campaigner.members("leads"), campaigner.members("contacts"))


@pytest.mark.parametrize("winner_was_added", [False, True], ids=["the loser was added", "both were added"])
def test_P12_who_was_merged_in_dynamics_is_removed_as_the_winner(
    campaigner: Campaigner, winner_was_added: bool
) -> None:
    """There the winner takes the loser's place on the list."""
    world, organisation = campaigner.world, campaigner.world.organisation
    people = {name: campaigner.person("contact", name) for name in ("Ek", "Eck")}
    campaigner.add(people["Eck"])
    if winner_was_added:
        campaigner.add(people["Ek"])
    winner, loser = (organisation.find("contact", "lastname", name)[0] for name in ("Ek", "Eck"))
    world.merge("contact", winner, loser)
    world.cycle()

    again, removed = campaigner.add(people["Ek"]), campaigner.remove(people["Ek"])

    assert (ALREADY_MEMBER, "removed") == (again.outcome, removed.outcome)
    assert [] == campaigner.members("contacts")


def test_P9_who_is_deleted_in_marketing_keeps_its_place_and_has_it_when_it_comes_back(campaigner: Campaigner) -> None:
    """Nothing is deleted in Dynamics; the new person of the record can be removed."""
    world, subscription = campaigner.world, campaigner.world.subscription
    lead = campaigner.person("lead", "Ek")
    campaigner.add(lead)
    (record,) = world.organisation.find("lead", "lastname", "Ek")
    Removing(subscription.database, subscription.marketing, subscription.state).delete(lead, at=subscription.now())
    members = campaigner.members()
    world.edit("lead", record, jobtitle="CTO")
    world.cycle()

    returned = world.person("lead", record).id
    removed = campaigner.remove(returned)

    assert lead != returned
    assert (["Ek"], "removed", []) == (members, removed.outcome, campaigner.members())


def test_P8_a_deleted_record_is_on_no_list_and_its_person_is_added_anew(campaigner: Campaigner) -> None:
    """With the record that is made for it then (P10)."""
    lead = campaigner.person("lead", "Ek")
    campaigner.add(lead)
    (record,) = campaigner.world.organisation.find("lead", "lastname", "Ek")
    campaigner.world.delete("lead", record)
    campaigner.world.cycle()
    members = campaigner.members()

    added, removed = campaigner.add(lead), campaigner.remove(lead)

    assert ([], "added", "removed") == (members, added.outcome, removed.outcome)
    assert [] == campaigner.members()


# Refused ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.ADD_TO_CAMPAIGN, Action.REMOVE_FROM_CAMPAIGN])
def test_F4_without_campaign_sync_it_is_refused_with_how_to_switch_it_on(
    world: World, marketer: Any, action: Action
) -> None:
    """Nobody gets a record for it."""
    world.create("campaign", name="Spring")
    person = marketer.create(lastname="Ek")

    acted = marketer.ask(action, person, campaign="Spring")

    assert (REFUSED, None) == (acted.state, acted.record)
    assert "tandem campaigns --enable" in acted.outcome


@pytest.mark.parametrize("action", [Action.ADD_TO_CAMPAIGN, Action.REMOVE_FROM_CAMPAIGN])
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("unknown", "There is no campaign 'Winter'."),
        ("inactive", "The campaign 'Winter' is inactive in Dynamics."),
        ("closed since", "The campaign 'Winter' is inactive in Dynamics."),
        ("deleted since", "The campaign 'Winter' was deleted in Dynamics."),
    ],
)
def test_F4_a_campaign_that_takes_nobody_is_refused_with_the_reason(
    campaigner: Campaigner, action: Action, how: str, reason: str
) -> None:
    """It is asked for as it is now, whatever the last sync saw; the reason is in the person's log."""
    world, person = campaigner.world, campaigner.marketer.create(lastname="Ek")
    if how != "unknown":
        closed = {"statecode": 1, "statuscode": 6}
        winter = world.create("campaign", name="Winter", **(closed if how == "inactive" else {}))
        world.cycle()
        if how == "closed since":
            world.edit("campaign", winter, **closed)
        elif how == "deleted since":
            world.delete("campaign", winter)

    acted = campaigner.marketer.ask(action, person, campaign="Winter")

    kind = ADDED if action is Action.ADD_TO_CAMPAIGN else REMOVED
    assert (REFUSED, None) == (acted.state, acted.record)
    assert acted.outcome.startswith(reason)
    assert [("failed", acted.outcome)] == [
        (each["outcome"], each["reason"]) for each in campaigner.marketer.told(person, kind)
    ]
    assert {} == campaigner.lists()


@pytest.mark.parametrize("action", [Action.ADD_TO_CAMPAIGN, Action.REMOVE_FROM_CAMPAIGN])
def test_F4_a_parked_person_is_refused(world: World, marketer: Any, action: Action) -> None:
    """Nothing moves while the filter says No (D8)."""
    world.filter_column("lead")
    campaigner = Campaigner(world, marketer)
    lead = campaigner.person("lead", "Ek")
    (record,) = world.organisation.find("lead", "lastname", "Ek")
    campaigner.add(lead)
    world.edit("lead", record, new_synctomkto=False)
    world.cycle()

    acted = marketer.ask(action, lead, campaign="Spring")

    assert REFUSED is acted.state
    assert "filter says No" in acted.outcome
    assert ["Ek"] == campaigner.members()


def test_F4_a_locked_list_takes_and_gives_nobody(campaigner: Campaigner) -> None:
    """Refused with the reason; unlocked it goes on."""
    one, other = campaigner.person("lead", "Ek"), campaigner.person("lead", "Lund")
    campaigner.add(one)
    of = next(iter(campaigner.lists().values()))
    campaigner.world.edit("list", of, lockstatus=True)

    refused = [campaigner.add(other), campaigner.remove(one)]
    members = campaigner.members()
    campaigner.world.edit("list", of, lockstatus=False)
    acted = [campaigner.add(other), campaigner.remove(one)]

    assert [REFUSED] * 2 == [each.state for each in refused]
    assert all(each.outcome.startswith("The marketing list is locked.") for each in refused)
    assert (["Ek"], ["added", "removed"], ["Lund"]) == (members, [each.outcome for each in acted], campaigner.members())


@pytest.mark.parametrize("privilege", ["prvCreateList", "prvReadList", "prvAppendList", "prvAppendToCampaign"])
def test_F4_a_missing_right_is_the_reason(campaigner: Campaigner, privilege: str) -> None:
    """With it given, the same person is added."""
    lead = campaigner.person("lead", "Ek")
    campaigner.world.do(Privilege(privilege=privilege))

    refused = campaigner.add(lead)
    campaigner.world.do(Privilege(privilege=privilege, depth="Global"))
    added = campaigner.add(lead)

    assert REFUSED is refused.state
    assert privilege in refused.outcome
    assert (DONE, "added", ["Ek"]) == (added.state, added.outcome, campaigner.members())


def test_F4_a_person_that_is_not_there_is_no_request(campaigner: Campaigner) -> None:
    """Nothing is stored."""
    with pytest.raises(UnknownPerson):
        campaigner.add(4711, request="first")

    assert None is campaigner.world.subscription.state.actions.of("first")


# What somebody did to the lists meanwhile ---------------------------------------------------------------------------


def test_F4_a_list_that_was_deleted_is_made_anew(campaigner: Campaigner) -> None:
    """Whoever was on the old one is not in the campaign any more, and may be added again."""
    one, other = campaigner.person("lead", "Ek"), campaigner.person("lead", "Lund")
    campaigner.add(one)
    old = next(iter(campaigner.lists().values()))
    campaigner.world.delete("list", old)

    added = campaigner.add(other)
    again, removed = campaigner.add(one), campaigner.remove(other)

    assert ["added", "added", "removed"] == [each.outcome for each in (added, again, removed)]
    assert old not in campaigner.lists().values()
    assert ["Ek"] == campaigner.members()


def test_F4_removing_from_a_list_that_was_deleted_is_done(campaigner: Campaigner) -> None:
    """The person is out of the campaign."""
    lead = campaigner.person("lead", "Ek")
    campaigner.add(lead)
    campaigner.world.delete("list", next(iter(campaigner.lists().values())))

    assert (DONE, "removed") == ((removed := campaigner.remove(lead)).state, removed.outcome)
    assert NOT_ADDED == campaigner.remove(lead).outcome


def test_F4_a_list_that_is_there_under_the_name_is_taken(campaigner: Campaigner) -> None:
    """Of a marketing database that is not there any more; whoever is on it counts as put there by hand."""
    name = f"Mkto-leads-{campaigner.campaign}"
    world, lead = campaigner.world, campaigner.person("lead", "Ek")
    (record,) = world.organisation.find("lead", "lastname", "Ek")
    world.create("list", listname=name, createdfromcode=2, type=False)
    world.create("list", listname=name, createdfromcode=4, type=True, query="<fetch><entity name='lead'/></fetch>")
    ours = world.create("list", listname=name, createdfromcode=4, type=False)
    world.create("listmember", entityid_lead__bind=f"/leads({record})", listid__bind=f"/lists({ours})")

    first = campaigner.add(lead)
    other = campaigner.add(campaigner.person("lead", "Lund"))

    assert {name: ours} == campaigner.lists()
    assert ([ALREADY_MEMBER, "added"], NOT_ADDED) == ([first.outcome, other.outcome], campaigner.remove(lead).outcome)


def test_F4_of_two_lists_of_the_name_the_one_in_the_campaign_is_taken(campaigner: Campaigner) -> None:
    """The other one is somebody's copy, even if it is older."""
    name, world = f"Mkto-leads-{campaigner.campaign}", campaigner.world
    _copy, ours = (world.create("list", listname=name, createdfromcode=4, type=False) for _ in range(2))
    with world.engine() as (_, context):
        context.dynamics.put_into_campaign(ours, campaigner.campaign)

    campaigner.add(campaigner.person("lead", "Ek"))

    assert {name: ours} == campaigner.lists()
    assert [(ours, ListStage.ATTACHED)] == [
        (one.list_id, one.stage) for one in world.subscription.state.campaigns.lists()
    ]


def test_F4_an_inactive_list_is_not_put_into_the_campaign(campaigner: Campaigner) -> None:
    """Somebody closed the list of that name; active again, it is put in."""
    name, world, lead = f"Mkto-leads-{campaigner.campaign}", campaigner.world, campaigner.person("lead", "Ek")
    ours = world.create("list", listname=name, createdfromcode=4, type=False)
    world.edit("list", ours, statecode=1, statuscode=1)

    refused = campaigner.add(lead)
    world.edit("list", ours, statecode=0, statuscode=0)
    added = campaigner.add(lead)

    assert (REFUSED, DONE) == (refused.state, added.state)
    assert refused.outcome.startswith("The marketing list is inactive.")
    assert {name: ours} == campaigner.lists()


# What it costs ------------------------------------------------------------------------------------------------------


def test_F4_another_person_costs_as_few_requests_as_it_can(
    campaigner: Campaigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who answers, the campaign as it is now, whether it is on the list, and the addition."""
    one, other = campaigner.person("lead", "Ek"), campaigner.person("lead", "Lund")
    campaigner.add(one)
    asked, names = list[str](), ("look", "fetch", "read_page", "make_list", "put_into_campaign", "add_to_list")

    def noted(name: str) -> Any:
        call = getattr(Dynamics, name)

        def counting(*arguments: Any, **options: Any) -> Any:
            asked.append(name)
            return call(*arguments, **options)

        return counting

    for name in names:
        monkeypatch.setattr(Dynamics, name, noted(name))
    campaigner.add(other)

    assert ["look", "fetch", "read_page", "add_to_list"] == asked
