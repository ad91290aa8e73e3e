"""The marketing lists that the actions on campaigns made in Dynamics, and whom they put there (rule F4).

Without this memory a lost answer makes a second list, and removing takes people off whom somebody put on by hand.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.model.entities import Entity

_SQL = load_statements("tandem.state")


class ListStage(StrEnum):
    """How far a list is; it is at least that far."""

    WANTED = "wanted"  # its id is chosen; whether it was made is not known
    MADE = "made"
    ATTACHED = "attached"  # in its campaign


class CampaignList(NamedTuple):
    """The static list of one campaign for leads or for contacts."""

    campaign_id: str
    entity: Entity
    list_id: str
    stage: ListStage


class Campaigns:
    """The lists and members of one subscription."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lists(self) -> list[CampaignList]:
        """Every list."""
        return [_list(row) for row in self._database.all(_SQL["campaign_lists"])]

    def lists_of(self, campaign_id: str) -> dict[Entity, CampaignList]:
        """The lists of one campaign, by what their members are."""
        rows = self._database.all(_SQL["lists_of_campaign"], campaign_id=campaign_id)
        return {found.entity: found for found in map(_list, rows)}

    def put_list(self, one: CampaignList) -> None:
        """Store a list as it is now; it takes the place of the campaign's earlier one of its kind."""
        row = {**one._asdict(), "entity": one.entity.value, "stage": one.stage.value}
        self._database.run(_SQL["put_campaign_list"], **row)

    def drop_list(self, one: CampaignList) -> None:
        """The list is not there any more, and with it went its members."""
        self._database.run(_SQL["drop_campaign_list"], campaign_id=one.campaign_id, entity=one.entity.value)
        self._database.run(_SQL["drop_members_of_list"], list_id=one.list_id)

    def members(self, list_id: str) -> list[str]:
        """The records that were put on a list."""
        return [row[0] for row in self._database.all(_SQL["members_of_list"], list_id=list_id)]

    def lists_with(self, records: Collection[str]) -> dict[tuple[str, str], bool]:
        """Where these records were put, as (record, list), and whether they are known to have got there."""
        rows = self._database.all(_SQL["lists_with_records"], records=self._database.array(list(records)))
        return {(record, list_id): bool(seen) for record, list_id, seen in rows}

    def put_member(self, record_id: str, list_id: str, *, seen: bool) -> None:
        """A record is about to be put on a list, or `seen` there."""
        self._database.run(_SQL["put_campaign_member"], record_id=record_id, list_id=list_id, seen=int(seen))

    def drop_members(self, list_id: str, records: Collection[str]) -> None:
        """These are not on the list any more, or not by an action."""
        rows = [{"record_id": record, "list_id": list_id} for record in records]
        self._database.run_many(_SQL["drop_campaign_member"], rows)

    def count_members(self) -> dict[str, int]:
        """How many members each list was given, by its id."""
        return dict(self._database.all(_SQL["count_campaign_members"]))


def _list(row: tuple[str, str, str, str]) -> CampaignList:
    campaign_id, entity, list_id, stage = row
    return CampaignList(campaign_id, Entity(entity), list_id, ListStage(stage))
