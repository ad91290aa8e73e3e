"""Applies pages of what is copied as it is and depends on nothing: users, teams, memberships (rule U1), campaigns (S6).

Users and teams are never removed: a person's owner would have no name any more. A campaign that is gone is removed, for
nobody can be put into it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tandem.marketing.records import Campaign
from tandem.model.entities import Entity
from tandem.sync.applier import Applier, How, check_versions, latest
from tandem.sync.campaigns import forget_campaigns
from tandem.sync.context import Context, Counts
from tandem.sync.plan import TablePlan

ACTIVE = 0
"""The state of a campaign that takes people, whatever its status; of its status values 0 is one too (reference 8.6)."""


class PlainApplier(Applier):
    """One of the four tables; what differs is how a row is put and what a deletion does."""

    def __init__(self, context: Context, plan: TablePlan) -> None:
        self._context = context
        self._plan = plan
        self._name = plan.entity.marketing_name
        self._email = plan.get("internalemailaddress")
        self._disabled = plan.get("isdisabled")
        self._team, self._user = plan.get("teamid"), plan.get("systemuserid")
        self._title, self._state = plan.get("name"), plan.get("statecode")
        self._owner, self._owner_type = plan.get("ownerid"), plan.get("ownerid_type")

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        plan = self._plan
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        known = self._context.marketing.mirrors.versions(self._name, ids)
        if how.goes_forward:
            check_versions(plan.entity.value, zip(ids, versions, strict=True), known)
        news = [row for row in rows if how.is_news(plan.version(row), known.get(plan.id(row), -1))]
        self._put(news)
        created = sum(plan.id(row) not in known for row in news)
        return Counts(read=len(rows), created=created, updated=len(news) - created, unchanged=len(rows) - len(news))

    def delete(self, ids: Sequence[str]) -> int:
        known, mirrors, at = self.known(ids), self._context.marketing.mirrors, self._context.now()
        match self._plan.entity:
            case Entity.USER:
                mirrors.disable_sales_people(known, at=at)
            case Entity.TEAM:
                mirrors.delete_teams(known, at=at)
            case Entity.CAMPAIGN:
                mirrors.delete_campaigns(known)
                forget_campaigns(self._context, known)
            case _:
                mirrors.delete_team_members(known)
        return len(known)

    def known(self, ids: Sequence[str]) -> list[str]:
        return list(self._context.marketing.mirrors.versions(self._name, ids))

    def count_known(self) -> int:
        records, deleted = self._context.marketing.counts()[self._name]
        return records - deleted

    def all_known(self) -> Iterable[str]:
        return self._context.marketing.mirrors.ids(self._name)

    def _put(self, rows: Sequence[Any]) -> None:
        plan, mirrors, at = self._plan, self._context.marketing.mirrors, self._context.now()
        ids = list(map(plan.id, rows))
        held = mirrors.fields(self._name, ids) if plan.entity is not Entity.TEAM_MEMBERSHIP else {}
        texts = plan.projection.encode_over(rows, list(map(held.get, ids)))
        pairs = list(zip(rows, texts, strict=True))
        match plan.entity:
            case Entity.USER:
                people = [
                    (plan.id(row), plan.version(row), int(bool(self._disabled(row))), self._email(row), text)
                    for row, text in pairs
                ]
                mirrors.put_sales_people(people, at=at)
            case Entity.TEAM:
                mirrors.put_teams([(plan.id(row), plan.version(row), text) for row, text in pairs], at=at)
            case Entity.CAMPAIGN:
                mirrors.put_campaigns([self._campaign(row, text) for row, text in pairs], at=at)
            case _:
                mirrors.put_team_members(
                    [(plan.id(row), plan.version(row), self._team(row), self._user(row)) for row in rows]
                )

    def _campaign(self, row: Any, text: str) -> Campaign:
        team = self._owner_type(row) == "team"
        return Campaign(
            self._plan.id(row), self._plan.version(row), self._title(row), int(self._state(row) == ACTIVE),
            None if team else self._owner(row), self._owner(row) if team else None, text,
        )  # fmt: skip
