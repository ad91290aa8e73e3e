"""The switch of campaign sync, and the lists of campaigns as Dynamics holds them now (rules S6, F4).

People in Dynamics delete, rename and detach lists and take members off by hand. What is remembered of the lists is
only trusted until it proves wrong; when the switch is set again, all of it is compared with what is there:

    found in Dynamics               | what is remembered from then on
    --------------------------------+------------------------------------------------------------------------------
    no such list                    | nothing; whoever is added next makes a new one
    a list that was not made yet    | as before; whoever is added next makes it
    a list outside its campaign     | that it is outside: whoever is added next puts it in again
    a list under another name       | the same: the list is known by its id
    a member put there is not there | that it is not on the list
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from tandem.dynamics.lists import CAMPAIGN_ITEM, LIST, LIST_MEMBER, MEMBER_TYPES
from tandem.dynamics.port import DynamicsOrganisation
from tandem.dynamics.queries import PageQuery
from tandem.dynamics.rows import RowDecoder
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.schema import Table
from tandem.state import SyncState
from tandem.state.campaigns import CampaignList, ListStage
from tandem.state.notices import NoticeKind
from tandem.state.streams import Stream
from tandem.sync.context import Context, Counts

_SWITCH = "campaign_sync"
_REFRESH = "campaign_refresh"
"""What is still to be read again after the switch was set; absent: nothing."""
_ALL, _LISTS = "campaigns and lists", "lists"


class CampaignSyncOff(NeedsPerson):
    """Something about campaigns was asked for, and campaigns are not synced."""

    code = "campaign-sync-off"
    advice = "`tandem campaigns --enable` switches campaign sync on; the next `tandem sync` reads the campaigns."


def campaign_sync(state: SyncState) -> bool:
    """Is campaign sync on? It is off until somebody wants it (S6)."""
    return bool(state.setting(_SWITCH))


def switch_campaign_sync(state: SyncState, on: bool) -> None:
    """Set the switch; switching on makes the next cycle read campaigns and lists again. Belongs into a transaction."""
    state.put_setting(_SWITCH, on)
    state.put_setting(_REFRESH, _ALL if on else None)


def doubt_lists(state: SyncState) -> None:
    """What is remembered of lists may not be what Dynamics holds: the next cycle looks. Belongs into a transaction."""
    if campaign_sync(state) and state.setting(_REFRESH) is None:
        state.put_setting(_REFRESH, _LISTS)


def list_name(campaign_id: str, members: Entity) -> str:
    """What the list of a campaign is called (F4)."""
    return f"Mkto-{members.value}s-{campaign_id}"


class DynamicsLists:
    """Lists, their members and their place in campaigns, as they are in Dynamics at this moment."""

    def __init__(self, dynamics: DynamicsOrganisation) -> None:
        self._dynamics = dynamics

    def there(self, list_id: str) -> Any | None:
        """The list under this id, or None."""
        rows, _ = self._dynamics.fetch(LIST, [list_id], self._lists)
        return rows[0] if rows else None

    def named(self, name: str) -> list[Any]:
        """The lists of this name."""
        return list(self._read(LIST, self._lists, f"listname eq '{name}'"))

    def campaigns_of(self, list_id: str) -> set[str]:
        """The campaigns a list is in."""
        return {row.campaignid for row in self._read(CAMPAIGN_ITEM, self._items, f"entityid eq {list_id}")}

    def has(self, list_id: str, record_id: str) -> bool:
        """Is the record on the list?"""
        only = f"_listid_value eq {list_id} and _entityid_value eq {record_id}"
        return any(True for _ in self._read(LIST_MEMBER, self._members, only))

    def members(self, list_id: str) -> Iterator[str]:
        """The records on a list, a page at a time."""
        return (row.entityid for row in self._read(LIST_MEMBER, self._members, f"_listid_value eq {list_id}"))

    @cached_property
    def _lists(self) -> RowDecoder:
        return RowDecoder(LIST, list(LIST.columns))

    @cached_property
    def _members(self) -> RowDecoder:
        return RowDecoder(LIST_MEMBER, ["entityid"])

    @cached_property
    def _items(self) -> RowDecoder:
        return RowDecoder(CAMPAIGN_ITEM, ["campaignid"])

    def _read(self, table: Table, decoder: RowDecoder, only: str) -> Iterator[Any]:
        columns = [name for name in decoder.fields if name in table.columns]
        where: PageQuery | str | None = PageQuery(table=table, columns=columns, filter=only)
        while where is not None:
            page = self._dynamics.read_page(where, decoder)
            yield from page.rows
            where = page.next_link


def begin_refresh(context: Context, stream: Stream) -> None:
    """Read the campaigns from their start once more, where the switch was set since."""
    if context.state.setting(_REFRESH) != _ALL:
        return
    with context.database.transaction():
        if stream.reads_begun:
            stream.begin_again("campaign sync was switched on again")
            context.state.streams.put(stream)
        context.state.put_setting(_REFRESH, _LISTS)


def refresh_lists(context: Context) -> Counts:
    """Compare what is remembered of the lists with Dynamics, where the switch was set since."""
    if context.state.setting(_REFRESH) == _LISTS:
        dynamics = DynamicsLists(context.dynamics)
        for one in context.state.campaigns.lists():
            # Alone: what an action puts on the list meanwhile would be taken for taken off.
            with context.writing():
                _compare(context, dynamics, one)
        with context.database.transaction():
            context.state.put_setting(_REFRESH, None)
    return Counts()


def _compare(context: Context, dynamics: DynamicsLists, one: CampaignList) -> None:
    campaigns, row = context.state.campaigns, dynamics.there(one.list_id)
    inside = row is not None and one.campaign_id in dynamics.campaigns_of(one.list_id)
    gone = set(campaigns.members(one.list_id))
    if row is not None:
        gone.difference_update(dynamics.members(one.list_id))
    with context.database.transaction():
        if row is not None:
            campaigns.put_list(one._replace(stage=ListStage.ATTACHED if inside else ListStage.MADE))
            campaigns.drop_members(one.list_id, gone)
        elif one.stage is not ListStage.WANTED:
            campaigns.drop_list(one)
        is_known = one.campaign_id in context.marketing.mirrors.versions(
            Entity.CAMPAIGN.marketing_name, [one.campaign_id]
        )
        if one.stage is ListStage.ATTACHED and not inside and is_known:
            _tell(context, one, deleted=row is None, members=len(gone))
        elif inside:
            settle_list(context, one)


def _tell(context: Context, one: CampaignList, *, deleted: bool, members: int) -> None:
    name = list_name(one.campaign_id, one.entity)
    what = f"was deleted, with {members:,} people on it" if deleted else "was taken out of its campaign"
    context.state.notices.tell(
        NoticeKind.CAMPAIGN,
        name,
        f"In Dynamics the marketing list {name} {what}.",
        advice="Whoever is added to the campaign next brings it back; people who went with it are to be added again.",
        at=context.now(),
    )


def forget_campaigns(context: Context, gone: Iterable[str]) -> None:
    """Nobody can bring the lists of these campaigns back: nothing is told of them any more. Belongs into a transaction.

    What is remembered of them stays, for a campaign that is restored.
    """
    for campaign_id in gone:
        for entity in MEMBER_TYPES:
            name = list_name(campaign_id, entity)
            context.state.notices.settle(NoticeKind.CAMPAIGN, name, at=context.now())


def settle_list(context: Context, one: CampaignList) -> None:
    """The list is in its campaign: what was told of it is over. Belongs into a transaction."""
    context.state.notices.settle(NoticeKind.CAMPAIGN, list_name(one.campaign_id, one.entity), at=context.now())
