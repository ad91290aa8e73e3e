"""Applies pages of users, teams and memberships: copied one way, never removed but memberships (rule U1)."""

from collections.abc import Iterable, Sequence
from typing import Any

from tandem.model.entities import Entity
from tandem.sync.applier import Applier, How, check_versions, latest
from tandem.sync.context import Context, Counts
from tandem.sync.plan import TablePlan


class StaffApplier(Applier):
    """One of the three tables; what differs is how a row is put and what a deletion does."""

    def __init__(self, context: Context, plan: TablePlan) -> None:
        self._context = context
        self._plan = plan
        self._name = plan.entity.marketing_name
        self._email = plan.get("internalemailaddress")
        self._disabled = plan.get("isdisabled")
        self._team, self._user = plan.get("teamid"), plan.get("systemuserid")

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        plan = self._plan
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        known = self._context.marketing.mirrors.versions(self._name, ids)
        if how is How.LIVE:
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
        texts = plan.projection.encode(rows)
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
            case _:
                mirrors.put_team_members(
                    [(plan.id(row), plan.version(row), self._team(row), self._user(row)) for row in rows]
                )
