"""The shared companies of the embedded marketing database.

They are found by the account's id and by nothing else: two accounts of one name are two companies.
"""

from collections.abc import Iterable, Mapping, Sequence

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.marketing.records import ActivityType, Company, CompanyChange, PutCompany

_SQL = load_statements("tandem.marketing.embedded")
_COMPANY = ("external_company_id", "version", "is_excluded", "merged_into", "fields", "updated_at")
_COMPANY_ACTIVITY = ("external_company_id", "field", "old", "new", "type", "at", "source")


class EmbeddedCompanies:
    """See `tandem.marketing.port.Companies`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, ids: Iterable[str]) -> dict[str, Company]:
        rows = self._database.all(_SQL["companies"], ids=self._database.array(list(ids)))
        return {row[0]: Company(row[0], row[1], bool(row[2]), bool(row[3]), *row[4:]) for row in rows}

    def put(self, page: Sequence[PutCompany], *, new: bool, at: str) -> None:
        if new:
            rows = [(row[0], row[1], int(row[2]), *row[3:], at) for row in page]
            self._database.insert("company", _COMPANY, rows)
            return
        self._database.run_many(
            _SQL["put_company"], [{**row._asdict(), "is_excluded": int(row.is_excluded), "at": at} for row in page]
        )

    def park(self, versions: Mapping[str, int]) -> None:
        rows = [{"external_company_id": each, "version": version} for each, version in versions.items()]
        self._database.run_many(_SQL["park_company"], rows)

    def edit(self, external_company_id: str, fields: str, edited: str, *, at: str) -> None:
        self._database.run(
            _SQL["edit_company"], external_company_id=external_company_id, fields=fields, edited=edited, at=at
        )

    def delete(self, ids: Sequence[str], *, at: str) -> None:
        self._database.run(_SQL["delete_companies"], ids=self._database.array(ids), at=at)

    def count_people(self, ids: Sequence[str]) -> dict[str, int]:
        return dict(self._database.all(_SQL["people_per_company"], ids=self._database.array(ids)))

    def log(self, changes: Sequence[CompanyChange], *, per_person: bool, at: str, source: str) -> None:
        kind = ActivityType.CHANGE_DATA_VALUE.value
        self._database.insert(
            "company_activity", _COMPANY_ACTIVITY, [(*change, kind, at, source) for change in changes]
        )
        if per_person:
            rows = [{**change._asdict(), "type": kind, "at": at, "source": source} for change in changes]
            self._database.run_many(_SQL["log_for_company"], rows)

    def empty_log(self, *, before: str, limit: int) -> int:
        return self._database.run(_SQL["empty_company_activities"], older_than=before, limit=limit)
