"""Who is on which list, which list is in which campaign, who is in which team: changed by action.

Some of these are bound to the thing that is added, some to what it is added to, some to nothing; a client that calls
one at the wrong place must hear so (reference 8.7, 13).
"""

from collections.abc import Callable, Mapping
from typing import Final

from tandem.sandbox.actions.parameters import Parameters
from tandem.sandbox.paths import as_guid
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import AssociationEnd
from tandem.sandbox.tables.lists import MEMBER_TYPES
from tandem.sandbox.writing.addressing import missing_row
from tandem.sandbox.writing.associations import associate, dissociate
from tandem.sandbox.writing.payload import payload_error
from tandem.sandbox.writing.records import Records

Answer = Mapping[str, object] | None
"""The body of the answer without its context, or None for 204."""

BoundAction = Callable[[Records, str, Parameters], Answer]
"""Acts on the row of that id."""

_CAMPAIGN: Final = "campaign"
_ITEM_ENDS = {
    "list": "campaignlist_association",
    "campaign": "Referencedcampaigncampaign_association",
}
"""The tables whose rows can be items of a campaign, with their way to it."""


def add_member(records: Records, list_id: str, parameters: Parameters) -> Answer:
    """AddMemberList: one member, told by its id alone; the list knows the kind. The field `Id` is unconfirmed."""
    member_id = parameters.guid("EntityId")
    parameters.done()
    return {"Id": associate(records, _end_of_list(records.organisation, list_id), list_id, member_id)}


def add_members(records: Records, parameters: Parameters) -> Answer:
    """AddListMembersList: many, each with its kind. Raises Refused 0x80040301 for one of another kind."""
    _, list_id = parameters.reference("List", "list")
    members = parameters.references("Members", *MEMBER_TYPES)
    parameters.done()
    for table, member_id in members:
        associate(records, _members(records.organisation, table), list_id, member_id)
    return None


def remove_member(records: Records, list_id: str, parameters: Parameters) -> Answer:
    """RemoveMemberList: by the member's id, or by that of its membership; which it takes is unconfirmed."""
    if "ListMember" in parameters:
        membership_id = as_guid(str(parameters.content("ListMember").get("listmemberid")))
        if membership_id is None:
            raise payload_error("'ListMember' must hold a 'listmemberid'.")
        row = records.organisation.get("listmember", membership_id)
        if row is None or row["listid"] != list_id:
            raise missing_row("listmember", membership_id)
        member_id = str(row["entityid"])
    else:
        member_id = parameters.guid("EntityId")
    parameters.done()
    dissociate(records, _end_of_list(records.organisation, list_id), list_id, member_id)
    return None


def add_item(table: str) -> BoundAction:
    """AddItemCampaign, bound to the item of that table. The shape of its answer is unconfirmed."""

    def action(records: Records, item_id: str, parameters: Parameters) -> Answer:
        _, campaign_id = parameters.reference("Campaign", _CAMPAIGN)
        parameters.done()
        end = records.organisation.definitions.ends[table, _ITEM_ENDS[table]]
        return {"CampaignItemId": associate(records, end, item_id, campaign_id)}

    return action


def remove_item(records: Records, campaign_id: str, parameters: Parameters) -> Answer:
    """RemoveItemCampaign, bound to the campaign; the item is told by its id alone. [k]"""
    item_id = parameters.guid("EntityId")
    parameters.done()
    for table, navigation in _ITEM_ENDS.items():
        if records.organisation.exists(table, item_id):
            dissociate(records, records.organisation.definitions.ends[table, navigation], item_id, campaign_id)
            return None
    raise missing_row("campaignitem", item_id)


def change_team(change: Callable[[Records, AssociationEnd, str, str], object]) -> BoundAction:
    """AddMembersTeam and RemoveMembersTeam, bound to the team."""

    def action(records: Records, team_id: str, parameters: Parameters) -> Answer:
        members = parameters.references("Members", "systemuser")
        parameters.done()
        end = records.organisation.definitions.ends["team", "teammembership_association"]
        for _, member_id in members:
            change(records, end, team_id, member_id)
        return None

    return action


def _members(organisation: Organisation, table: str) -> AssociationEnd:
    return organisation.definitions.ends["list", f"list{table}_association"]


def _end_of_list(organisation: Organisation, list_id: str) -> AssociationEnd:
    """The way from the list to members of its kind."""
    row = organisation.get("list", list_id) or {}
    kinds = {code: table for table, code in MEMBER_TYPES.items()}
    return _members(organisation, kinds[int(str(row["createdfromcode"]))])
