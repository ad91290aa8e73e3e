"""What is copied one way and nothing more: sales people, teams, campaigns, opportunities and roles."""

from collections.abc import Iterator, Sequence

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.marketing.records import Campaign, Owner, PutOpportunity, Role
from tandem.model.ids import PersonId

_SQL = load_statements("tandem.marketing.embedded")
_TABLES = {
    "company": "companies",
    "salesperson": "sales_people",
    "team": "teams",
    "teammember": "team_members",
    "campaign": "campaigns",
    "opportunity": "opportunities",
}
_OPPORTUNITY = (*PutOpportunity._fields, "updated_at")


class EmbeddedMirrors:
    """See `tandem.marketing.port.Mirrors`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_sales_people(self, page: Sequence[tuple[str, int, int, str | None, str]], *, at: str) -> None:
        names = ("id", "version", "is_disabled", "email", "fields")
        self._put("put_sales_person", names, page, at)

    def disable_sales_people(self, ids: Sequence[str], *, at: str) -> None:
        self._database.run(_SQL["disable_sales_people"], ids=self._database.array(ids), at=at)

    def put_teams(self, page: Sequence[tuple[str, int, str]], *, at: str) -> None:
        self._put("put_team", ("id", "version", "fields"), page, at)

    def delete_teams(self, ids: Sequence[str], *, at: str) -> None:
        self._database.run(_SQL["delete_teams"], ids=self._database.array(ids), at=at)

    def put_team_members(self, page: Sequence[tuple[str, int, str, str]]) -> None:
        self._put("put_team_member", ("id", "version", "team_id", "external_sales_person_id"), page, "")

    def delete_team_members(self, ids: Sequence[str]) -> None:
        self._database.run(_SQL["delete_team_members"], ids=self._database.array(ids))

    def put_campaigns(self, page: Sequence[Campaign], *, at: str) -> None:
        self._put("put_campaign", Campaign._fields, page, at)

    def delete_campaigns(self, ids: Sequence[str]) -> None:
        self._database.run(_SQL["delete_campaigns"], ids=self._database.array(ids))

    def campaigns(self) -> list[Campaign]:
        return [Campaign._make(row) for row in self._database.all(_SQL["campaigns"])]

    def find_campaigns(self, text: str) -> list[Campaign]:
        return [Campaign._make(row) for row in self._database.all(_SQL["find_campaigns"], text=text)]

    def put_opportunities(self, page: Sequence[PutOpportunity], *, new: bool, at: str) -> None:
        if new:
            self._database.insert("opportunity", _OPPORTUNITY, [(*row, at) for row in page])
        else:
            self._database.run_many(_SQL["put_opportunity"], [{**row._asdict(), "at": at} for row in page])

    def park_opportunities(self, ids: Sequence[str]) -> None:
        self._database.run(_SQL["park_opportunities"], ids=self._database.array(ids))

    def delete_opportunities(self, ids: Sequence[str]) -> None:
        array = self._database.array(ids)
        self._database.run(_SQL["delete_roles_of_opportunities"], ids=array)
        self._database.run(_SQL["delete_opportunities"], ids=array)

    def put_customers(self, page: Sequence[tuple[str, PersonId]]) -> None:
        rows = [{"external_opportunity_id": opportunity, "person_id": person} for opportunity, person in page]
        self._database.run_many(_SQL["put_customer"], rows)

    def move_customer(self, person_id: PersonId, external_company_id: str | None) -> None:
        self._database.run(
            _SQL["move_opportunities_of_customer"], person_id=person_id, external_company_id=external_company_id
        )

    def put_roles(self, page: Sequence[Role]) -> None:
        self._database.run_many(_SQL["put_role"], [role._asdict() for role in page])

    def roles_of(self, person_id: PersonId) -> list[Role]:
        return [Role._make(row) for row in self._database.all(_SQL["roles_of_person"], person_id=person_id)]

    def drop_row_roles(self, opportunities: Sequence[str]) -> None:
        self._database.run(_SQL["delete_row_roles"], ids=self._database.array(opportunities))

    def drop_roles(self, sources: Sequence[str]) -> None:
        self._database.run(_SQL["delete_roles_of_sources"], sources=self._database.array(sources))

    def role_sources(self, sources: Sequence[str]) -> set[str]:
        return {row[0] for row in self._database.all(_SQL["role_sources"], sources=self._database.array(sources))}

    def role_sources_of(self, kind: str) -> Iterator[str]:
        for row in self._database.stream(_SQL["ids_of_role_sources"], kind=kind):
            yield row[0]

    def versions(self, entity: str, ids: Sequence[str]) -> dict[str, int]:
        return dict(self._database.all(_SQL[f"versions_of_{_TABLES[entity]}"], ids=self._database.array(ids)))

    def fields(self, entity: str, ids: Sequence[str]) -> dict[str, str]:
        return dict(self._database.all(_SQL[f"fields_of_{_TABLES[entity]}"], ids=self._database.array(ids)))

    def find_owners(self, text: str) -> list[Owner]:
        rows = self._database.all(_SQL["find_owners"], text=text)
        return [Owner(owner, bool(is_team), bool(is_gone), fields) for owner, is_team, is_gone, fields in rows]

    def ids(self, entity: str) -> Iterator[str]:
        for row in self._database.stream(_SQL[f"ids_of_{_TABLES[entity]}"]):
            yield row[0]

    def ids_after(self, entity: str, place: str, *, limit: int) -> list[str]:
        rows = self._database.all(_SQL[f"ids_after_of_{_TABLES[entity]}"], place=place, limit=limit)
        return [row[0] for row in rows]

    def _put(self, statement: str, names: Sequence[str], page: Sequence[Sequence[object]], at: str) -> None:
        rows = [{**dict(zip(names, row, strict=True)), "at": at} for row in page]
        self._database.run_many(_SQL[statement], rows)
