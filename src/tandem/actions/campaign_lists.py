"""The static list through which a campaign gets its leads, and the one for its contacts (rule F4).

Dynamics answers late or not at all, and lists are deleted by hand. So each step is stored when it is certain, what is
not certain is looked for before it is asked for again, and a list that is gone is made anew:

    killed, or without an answer      | what goes on
    ----------------------------------+---------------------------------------------------------------------------------
    before or while the list is made  | its id is stored already: it is made under that id, once
    while it is put into the campaign | looked for there; put in where it is not
    while a record is put on the list | looked for there; where it is, it was the action: that it began was stored
    while a record is taken off       | taken off again; who is not on the list any more is off
"""

from collections.abc import Iterable
from typing import NamedTuple

from tandem.dynamics.errors import DuplicateKey, NotAnswered, NotOnList, RowNotFound
from tandem.dynamics.lists import MEMBER_TYPES
from tandem.model.entities import Entity
from tandem.model.errors import TandemError
from tandem.state.campaigns import CampaignList, ListStage
from tandem.sync.campaigns import DynamicsLists, list_name, settle_list
from tandem.sync.context import Context
from tandem.sync.pushing.creating import new_record_id

_LISTS = 2
"""How many lists are tried: the one that is known, and a new one where that is gone."""


class Member(NamedTuple):
    """A record that the action put on a list; where it is not `seen` there, nobody knows yet whether it got there."""

    of: CampaignList
    record_id: str
    seen: bool


class CampaignLists:
    """The lists of one campaign. Whatever is done with them belongs under `context.writing()`, outside transactions.

    Every call raises RetryLater where its outcome is open or it was not carried out for what passes by itself, and
    NeedsPerson or NeedsRecord where Dynamics refused.
    """

    def __init__(self, context: Context, campaign_id: str) -> None:
        self._context = context
        self._campaign = campaign_id
        self._state = context.state.campaigns
        self._there = DynamicsLists(context.dynamics)

    def add(self, entity: Entity, record_id: str) -> tuple[str, bool]:
        """Put a record that is no member by the action on its list; which one that is, and whether it was not on it.

        That it is there by the action is stored by `state.campaigns.put_member`, with whatever follows from it.
        """
        for _ in range(_LISTS):
            try:
                list_id = self._ready(entity)
                return list_id, self._put_on(list_id, record_id)
            except RowNotFound:
                known = self._state.lists_of(self._campaign).get(entity)
                if known is None or self._there.there(known.list_id) is not None:
                    raise
                with self._context.database.transaction():
                    self._state.drop_list(known)
        raise RowNotFound(
            f"The marketing list {list_name(self._campaign, entity)} is deleted while it is being filled."
        )

    def added(self, records: Iterable[tuple[Entity, str]]) -> list[Member]:
        """Those of these records that the action put on a list of this campaign, or was about to."""
        records, lists = list(records), self._state.lists_of(self._campaign)
        put = self._state.lists_with([record for _, record in records])
        return [
            Member(lists[entity], record, put[record, lists[entity].list_id])
            for entity, record in records
            if entity in lists and (record, lists[entity].list_id) in put
        ]

    def has(self, member: Member) -> bool:
        """Is it on its list now?"""
        return self._there.has(member.of.list_id, member.record_id)

    def take_off(self, member: Member) -> None:
        """Take a record off its list; of one that was merged in Dynamics, the one that it is part of now."""
        of, winner = member.of, self._context.state.links.follow(member.of.entity, member.record_id, {})
        for each in dict.fromkeys((member.record_id, winner)):
            try:
                self._context.dynamics.remove_from_list(of.list_id, of.entity, each)
            except (NotOnList, RowNotFound):
                continue
            except NotAnswered:
                if self._there.has(of.list_id, each):
                    raise
            return

    # The list -------------------------------------------------------------------------------------------------------

    def _ready(self, entity: Entity) -> str:
        """The id of the list, which is made and in the campaign."""
        one = self._state.lists_of(self._campaign).get(entity) or self._chosen(entity)
        if one.stage is ListStage.WANTED:
            one = self._made(one)
        if one.stage is ListStage.MADE:
            one = self._attached(one)
        return one.list_id

    def _chosen(self, entity: Entity) -> CampaignList:
        """A new list, or one of that name in Dynamics: of a marketing database that is not there any more."""
        named = [
            row
            for row in self._there.named(list_name(self._campaign, entity))
            if row.createdfromcode == MEMBER_TYPES[entity] and not row.type
        ]
        inside = {row.listid for row in named if self._campaign in self._there.campaigns_of(row.listid)}
        found = min(named, key=lambda row: (row.listid not in inside, row.createdon, row.listid), default=None)
        one = CampaignList(self._campaign, entity, new_record_id(), ListStage.WANTED)
        return self._store(one if found is None else one._replace(list_id=found.listid, stage=ListStage.MADE))

    def _made(self, one: CampaignList) -> CampaignList:
        try:
            self._context.dynamics.make_list(one.list_id, list_name(self._campaign, one.entity), one.entity)
        except DuplicateKey:
            pass  # An earlier try arrived.
        except NotAnswered:
            if self._there.there(one.list_id) is None:
                raise
        return self._store(one._replace(stage=ListStage.MADE))

    def _attached(self, one: CampaignList) -> CampaignList:
        if not self._inside(one):
            try:
                self._context.dynamics.put_into_campaign(one.list_id, self._campaign)
            except DuplicateKey:
                pass
            except NotAnswered:
                if not self._inside(one):
                    raise
        return self._store(one._replace(stage=ListStage.ATTACHED))

    def _inside(self, one: CampaignList) -> bool:
        return self._campaign in self._there.campaigns_of(one.list_id)

    def _store(self, one: CampaignList) -> CampaignList:
        with self._context.database.transaction():
            self._state.put_list(one)
            if one.stage is ListStage.ATTACHED:
                settle_list(self._context, one)
        return one

    # Its members ----------------------------------------------------------------------------------------------------

    def _put_on(self, list_id: str, record_id: str) -> bool:
        """Put the record on the list; False where it is on it already, by hand."""
        if self._there.has(list_id, record_id):
            return False
        with self._context.database.transaction():
            self._state.put_member(record_id, list_id, seen=False)
        try:
            self._context.dynamics.add_to_list(list_id, record_id)
        except NotAnswered:
            if not self._there.has(list_id, record_id):
                raise
        except TandemError:
            with self._context.database.transaction():
                self._state.drop_members(list_id, [record_id])
            raise
        return True
