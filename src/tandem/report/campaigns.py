"""Dynamics' campaigns as people read them, with the lists that the actions made for them (rules S6, F4).

Whoever is about to add people to a campaign must see here whether it takes any, under which id, and who was added.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tandem.mapping.fields import Field
from tandem.mapping.projection import decode_fields
from tandem.marketing.port import Mirrors
from tandem.marketing.records import Campaign
from tandem.model.entities import Entity
from tandem.report.values import KnownFields, shown_value
from tandem.runtime.subscription import Subscription
from tandem.state.campaigns import CampaignList, ListStage
from tandem.state.streams import StreamState
from tandem.sync.campaigns import campaign_sync, list_name
from tandem.sync.defined import field_named


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStatus:
    """A static list of a campaign in Dynamics. `members` counts whom the actions put there and did not take off."""

    id: str
    name: str
    entity: Entity
    attached: bool
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStatus:
    """A campaign. `type`, `state` and `status` are labels, `owner` is a name; each is empty where it is not known.

    Only an `active` campaign takes people.
    """

    id: str
    name: str
    type: str
    state: str
    status: str
    owner: str
    active: bool
    lists: list[ListStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReport:
    """The switch and the campaigns by name, as the last sync saw them; `copied` tells that all of them were read."""

    enabled: bool
    copied: bool
    campaigns: list[CampaignStatus]


def read_campaigns(subscription: Subscription) -> CampaignReport:
    """The campaigns, from what is stored: Dynamics is not asked."""
    state, mirrors = subscription.state, subscription.marketing.mirrors
    campaigns = mirrors.campaigns()
    members, lists = state.campaigns.count_members(), dict[str, list[ListStatus]]()
    for each in state.campaigns.lists():
        lists.setdefault(each.campaign_id, []).append(_list(each, members))
    fields, owners = KnownFields(subscription).selected(Entity.CAMPAIGN), _owners(mirrors, campaigns)
    stream = state.streams.all().get(Entity.CAMPAIGN)
    return CampaignReport(
        enabled=campaign_sync(state),
        copied=stream is not None and stream.state is StreamState.LIVE,
        campaigns=[_campaign(each, fields, owners, lists.get(each.campaign_id, [])) for each in campaigns],
    )


def _campaign(
    campaign: Campaign, fields: Iterable[Field], owners: Mapping[str | None, str], lists: list[ListStatus]
) -> CampaignStatus:
    values, fields = decode_fields(campaign.fields), list(fields)

    def label(column: str) -> str:
        field = field_named(fields, column)
        return shown_value(field, values.get(field.api_name)).shown if field else ""

    return CampaignStatus(
        id=campaign.campaign_id,
        name=campaign.name or "",
        type=label("typecode"),
        state=label("statecode"),
        status=label("statuscode"),
        owner=owners.get(campaign.external_sales_person_id or campaign.team_id, ""),
        active=bool(campaign.is_active),
        lists=lists,
    )


def _list(one: CampaignList, members: Mapping[str, int]) -> ListStatus:
    return ListStatus(
        id=one.list_id,
        name=list_name(one.campaign_id, one.entity),
        entity=one.entity,
        attached=one.stage is ListStage.ATTACHED,
        members=members.get(one.list_id, 0),
    )


def _owners(mirrors: Mirrors, campaigns: Iterable[Campaign]) -> dict[str | None, str]:
    """The names of the campaigns' owners, by id."""
    people = {each.external_sales_person_id for each in campaigns if each.external_sales_person_id}
    teams = {each.team_id for each in campaigns if each.team_id}
    names = dict[str | None, str]()
    for key, text in mirrors.fields("salesperson", sorted(people)).items():
        values = decode_fields(text)
        names[key] = " ".join(str(values[part]) for part in ("firstName", "lastName") if values.get(part))
    for key, text in mirrors.fields("team", sorted(teams)).items():
        names[key] = str(decode_fields(text).get("name") or "")
    return names
