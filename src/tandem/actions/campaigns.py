"""*Add to* and *Remove from Microsoft Campaign*: people in the campaigns of Dynamics, by static lists (rule F4).

A marketer's flow runs again and again, for people who became contacts meanwhile and for campaigns that somebody closed
since they were listed. A person is in a campaign once, as whichever record it had then; who was put there by hand is
nobody the action may take out.

    the person                                     | is added                    | is removed
    -----------------------------------------------+-----------------------------+------------------------------------
    was not added, and is not on the list          | put on the list             | nothing to remove
    was put on the list by hand                    | already a member            | nothing to remove: it stays there
    was added, and is on that list                 | already a member            | taken off
    was added as a lead and is a contact now       | already a member            | taken off the list of leads
    was added, and somebody took it off            | put on the list             | counts as removed
    became one with another, in either database    | already a member if one was | every record of it is taken off
    was deleted in marketing and came back         | already a member            | taken off: a record keeps its place
"""

from functools import partial
from typing import Any

from tandem.actions import arguments
from tandem.actions.campaign_lists import CampaignLists
from tandem.actions.carrying import NotForParked, carry_out, record_of
from tandem.actions.requests import Acted, Request
from tandem.actions.sync_person import PARKED
from tandem.marketing.port import Mirrors
from tandem.marketing.records import Campaign
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.sync.campaigns import CampaignSyncOff, campaign_sync, list_name
from tandem.sync.oneway.plain import ACTIVE

ALREADY_MEMBER = "already a member"
"""The outcome where somebody is in the campaign: there is nothing to do."""
NOT_ADDED = "nothing to remove: the action did not add this person"
"""The outcome where somebody was put into the campaign by hand, or not at all."""


class UnknownCampaign(NeedsPerson):
    """No campaign is known under this id or name, or more than one."""

    code = "unknown-campaign"
    advice = "`tandem campaigns` lists the campaigns; one that is new in Dynamics comes with the next `tandem sync`."


class CampaignClosed(NeedsPerson):
    """The campaign is inactive, or was deleted in Dynamics."""

    code = "campaign-closed"
    advice = "Reactivate the campaign in Dynamics, or name another one: `tandem campaigns` lists them."


def add_to_campaign(request: Request) -> Acted:
    """Put the person's record, which is made first where there is none, on its list of the campaign."""
    return carry_out(request, partial(_add, request))


def remove_from_campaign(request: Request) -> Acted:
    """Take every record that the person has or had off the lists of the campaign, if the action put it there."""
    return carry_out(request, partial(_remove, request))


def find_campaign(mirrors: Mirrors, text: str) -> Campaign:
    """The campaign with this id or name. Raises UnknownCampaign."""
    found = mirrors.find_campaigns(text.strip())
    if not found:
        raise UnknownCampaign(f"There is no campaign {text!r}.")
    if len(found) > 1:
        raise UnknownCampaign(
            f"{len(found)} campaigns are called {text!r}.",
            advice=f"Give the id of one of them: {', '.join(each.campaign_id for each in found)}.",
        )
    return found[0]


def _add(request: Request) -> None:
    asked, context = request.asked(arguments.AddToCampaign), request.context
    campaign = _open_campaign(request, asked.campaign)
    link = record_of(request, asked.made_as)
    lists, entity, record = CampaignLists(context, campaign.campaignid), link.entity, link.crm_id
    member = next(filter(lists.has, lists.added(_records(request))), None)
    if member is None:
        list_id, is_new = lists.add(entity, record)
    else:
        # One that was about to be added and is on the list was added by a try that was cut off.
        entity, record, list_id, is_new = member.of.entity, member.record_id, member.of.list_id, not member.seen
    with context.database.transaction():
        if is_new:
            context.state.campaigns.put_member(record, list_id, seen=True)
        _finish(request, campaign, "added" if is_new else ALREADY_MEMBER, [list_name(campaign.campaignid, entity)])


def _remove(request: Request) -> None:
    asked, context = request.asked(arguments.RemoveFromCampaign), request.context
    if request.is_parked():
        raise NotForParked(PARKED)
    campaign = _open_campaign(request, asked.campaign)
    lists = CampaignLists(context, campaign.campaignid)
    added = lists.added(_records(request))
    for each in added:
        lists.take_off(each)
    with context.database.transaction():
        for each in added:
            context.state.campaigns.drop_members(each.of.list_id, [each.record_id])
        names = [list_name(each.of.campaign_id, each.of.entity) for each in added]
        _finish(request, campaign, "removed" if added else NOT_ADDED, names)


def _open_campaign(request: Request, text: str) -> Any:
    """The campaign's row as it is in Dynamics now; which one was meant is decided once."""
    context = request.context
    if not campaign_sync(context.state):
        raise CampaignSyncOff("Campaign sync is off.")
    tables = request.tables
    if Entity.CAMPAIGN not in tables.plans:
        raise tables.problems[Entity.CAMPAIGN]
    plan, campaign_id = tables.plans[Entity.CAMPAIGN], request.details().get("campaign")
    if campaign_id is None:
        campaign_id = find_campaign(context.marketing.mirrors, text).campaign_id
        with context.database.transaction():
            request.note(campaign=campaign_id)
    rows, _ = context.dynamics.fetch(plan.table, [campaign_id], plan.decoder)
    if not rows:
        raise CampaignClosed(f"The campaign {text!r} was deleted in Dynamics.", advice="Name another campaign.")
    if rows[0].statecode != ACTIVE:
        raise CampaignClosed(f"The campaign {rows[0].name!r} is inactive in Dynamics.")
    return rows[0]


def _records(request: Request) -> list[tuple[Entity, str]]:
    """Every record that the person has or had."""
    return [(each.entity, each.crm_id) for each in request.context.state.links.of_person(request.person_id)]


def _finish(request: Request, campaign: Any, outcome: str, lists: list[str]) -> None:
    request.finish(outcome, campaign=campaign.name, campaign_id=campaign.campaignid, lists=lists)
