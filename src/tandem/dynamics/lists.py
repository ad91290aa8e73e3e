"""Marketing lists of campaigns and their members: what is sent, and which tables tell of them (rules F4, S5).

Whoever repeats one of these writes blindly makes a second list, or takes somebody for a member who was put on the
list by hand. A list is made under an id of our choice; everything else has none, so what became of it is looked for:
a membership and the place of a list in a campaign are rows that can be read (reference 8.7).
"""

from types import MappingProxyType

import msgspec

from tandem.dynamics.messages import Request
from tandem.model.entities import Entity
from tandem.model.schema import Column, ColumnType, Table

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_ACTIONS = "Microsoft.Dynamics.CRM"

MEMBER_TYPES = MappingProxyType({Entity.CONTACT: 2, Entity.LEAD: 4})
"""The kinds of member that campaigns get here, as `createdfromcode` of their lists (reference 8.7)."""


def _table(name: str, primary_name: str | None, *columns: Column) -> Table:
    """A table that no organisation changes, as far as it is read; asked for nowhere, because its names are fixed."""
    return Table(
        name=name,
        entity_set=f"{name}s",
        primary_id=f"{name}id",
        primary_name=primary_name,
        change_tracking=False,
        columns=MappingProxyType({column.name: column for column in columns}),
    )


LIST = _table(
    "list",
    "listname",
    Column(name="listname", type=ColumnType.TEXT),
    Column(name="createdfromcode", type=ColumnType.CHOICE),
    Column(name="type", type=ColumnType.BOOLEAN),
    Column(name="createdon", type=ColumnType.DATETIME),
)
"""A marketing list; `type` is true for a dynamic one, which has no stored members."""

LIST_MEMBER = _table(
    "listmember",
    None,
    Column(name="listid", type=ColumnType.LOOKUP, targets=("list",)),
    Column(name="entityid", type=ColumnType.LOOKUP, targets=("account", "contact", "lead")),
)
"""Who is on which list. Read by filter only: a single row of it cannot be asked for."""

CAMPAIGN_ITEM = _table(
    "campaignitem",
    None,
    Column(name="campaignid", type=ColumnType.GUID),
    Column(name="entityid", type=ColumnType.GUID),
)
"""Which list is in which campaign: an intersect table, so its columns are plain GUIDs as in the one of teams
(reference 13; unconfirmed for this one)."""


def list_request(list_id: str, name: str, members: Entity, *, api: str) -> Request:
    """The request that makes a static list of leads or contacts under a chosen id, and changes none that is there."""
    values = {"listname": name, "createdfromcode": MEMBER_TYPES[members], "type": False}
    return Request(
        method="PATCH",
        url=f"{api}/lists({list_id})",
        headers={**_JSON, "If-None-Match": "*"},
        body=msgspec.json.encode(values),
        writes=True,
    )


def item_request(list_id: str, campaign_id: str, *, api: str) -> Request:
    """The request that puts a list into a campaign; it is bound to the list (reference 8.7)."""
    campaign = {"@odata.type": f"{_ACTIONS}.campaign", "campaignid": campaign_id}
    return _action(f"{api}/lists({list_id})/{_ACTIONS}.AddItemCampaign", {"Campaign": campaign})


def member_request(list_id: str, member_id: str, *, api: str) -> Request:
    """The request that puts a record on a list, which knows the kind of its members."""
    return _action(f"{api}/lists({list_id})/{_ACTIONS}.AddMemberList", {"EntityId": member_id})


def removal_request(list_id: str, members: Entity, member_id: str, *, api: str) -> Request:
    """The request that takes a record off a list; the body of RemoveMemberList is unconfirmed, this way is not."""
    way = f"list{members.value}_association({member_id})/$ref"
    return Request(method="DELETE", url=f"{api}/lists({list_id})/{way}", writes=True)


def _action(url: str, parameters: object) -> Request:
    return Request(method="POST", url=url, headers=_JSON, body=msgspec.json.encode(parameters), writes=True)
