"""Applies pages of accounts to companies (rules A1-A5, D7, D8).

An account's row that brings nothing new is no echo: Dynamics' values are to stand here again, whatever marketing has
edited. Companies are shared, so one row may have to be told to thousands of people, or to none.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tandem.mapping.projection import decode_fields, encode_fields, encode_value
from tandem.mapping.values import same
from tandem.marketing.records import FROM_DYNAMICS, Company, CompanyChange, PutCompany
from tandem.model.entities import Entity
from tandem.rules.companies import company_changes, logs_per_person, reset_company
from tandem.rules.fields import Collision, Winner
from tandem.sync.applier import Applier, How, Kept, check_versions, latest
from tandem.sync.context import Context, Counts
from tandem.sync.plan import TablePlan


class CompanyApplier(Applier):
    """Accounts, one way."""

    is_compared = True

    def __init__(self, context: Context, plan: TablePlan) -> None:
        self._context = context
        self._plan = plan
        self._merged, self._master = plan.get("merged"), plan.get("masterid")

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        plan, state = self._plan, self._context.state
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        held = self._context.marketing.companies.get(ids)
        known = {key: company.version for key, company in held.items()}
        known.update(state.excluded_versions(Entity.ACCOUNT, ids))
        if how.goes_forward:
            check_versions("account", zip(ids, versions, strict=True), known)
        news = [row for row in rows if how.is_news(plan.version(row), known.get(plan.id(row), -1)) or
                (plan.id(row) in held and held[plan.id(row)].is_deleted)]  # fmt: skip
        counts = Counts(read=len(rows), unchanged=len(rows) - len(news))
        wanted = [row for row in news if plan.wanted(row)]
        self._exclude([row for row in news if not plan.wanted(row)], held, counts)
        if len(known) > len(held):
            state.include(Entity.ACCOUNT, [plan.id(row) for row in wanted])
        self._create([row for row in wanted if plan.id(row) not in held], counts)
        self._update([row for row in wanted if plan.id(row) in held], held, how, counts)
        return counts

    def delete(self, ids: Sequence[str]) -> int:
        """A5: marked, values kept; its people follow their own rows."""
        known = self.known(ids)
        self._context.marketing.companies.delete(known, at=self._context.now())
        self._context.state.include(Entity.ACCOUNT, list(ids))
        return len(known)

    def known(self, ids: Sequence[str]) -> list[str]:
        return [key for key, company in self._context.marketing.companies.get(ids).items() if not company.is_deleted]

    def count_known(self) -> int:
        records, deleted = self._context.marketing.counts()["company"]
        return records - deleted

    def all_known(self) -> Iterable[str]:
        return self._context.marketing.mirrors.ids("company")

    def known_after(self, place: str, *, limit: int) -> list[str]:
        return self._context.marketing.mirrors.ids_after("company", place, limit=limit)

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        return {
            key: Kept(
                version=company.version,
                wanted=not company.is_excluded,
                values={**decode_fields(company.fields), **decode_fields(company.edited)},
            )
            for key, company in self._context.marketing.companies.get(ids).items()
            if not company.is_deleted
        }

    def _create(self, rows: Sequence[Any], counts: Counts) -> None:
        texts = self._plan.projection.encode(rows)
        page = [self._put(row, text) for row, text in zip(rows, texts, strict=True)]
        self._context.marketing.companies.put(page, new=True, at=self._context.now())
        counts.created += len(rows)

    def _update(self, rows: Sequence[Any], held: dict[str, Company], how: How, counts: Counts) -> None:
        if not rows:
            return
        fields, at = self._plan.projection.fields, self._context.now()
        # A field that is read for the first time is no change of it (A4).
        state = self._context.state
        read, alone = state.fields_read(Entity.ACCOUNT), state.fields_left_alone(Entity.ACCOUNT)
        page, changes, collisions = [], [], list[tuple[int | None, str | None, Collision]]()
        updated = 0
        for row in rows:
            company = held[self._plan.id(row)]
            before, now = decode_fields(company.fields), self._plan.projection.pairs(row)
            known = how in (How.SELECTION, How.ADOPT) and self._plan.version(row) == company.version
            if known:
                # Not a newer version: A3 does not reset what was edited here, and A4 logs nothing.
                now.update({name: before.get(name) for name in (*decode_fields(company.edited), *alone)})
            changed = company_changes(fields, held=before, row=now)
            updated += bool(changed)
            changes += [
                CompanyChange(company.external_company_id, name, encode_value(old), encode_value(new))
                for name, old, new in changed
                if not known and (read is None or name in read)
            ]
            collisions += [
                (None, company.external_company_id, each) for each in self._overwritten(company, before, now)
            ]
            page.append(self._put(row, encode_fields(reset_company(before, now))))
        self._context.marketing.companies.put(page, new=False, at=at)
        self._log(changes, at)
        self._context.state.journal.add_collisions(collisions, at=at)
        counts.updated += updated
        counts.unchanged += len(rows) - updated

    def _overwritten(self, company: Company, before: dict[str, Any], now: dict[str, Any]) -> Iterable[Collision]:
        """Values edited in marketing that the newer row resets (A3); kept in the journal (R2)."""
        edited = decode_fields(company.edited)
        for field in self._plan.projection.fields:
            name = field.api_name
            if name in edited and not same(field, before.get(name), now.get(name)):
                yield Collision(
                    field=name,
                    base=edited[name],
                    marketing=before.get(name),
                    crm=now.get(name),
                    winner=Winner.CRM,
                    rule="A3",
                )

    def _log(self, changes: Sequence[CompanyChange], at: str) -> None:
        """A4: into each person's history up to the limit, else only the company's own entry."""
        if not changes:
            return
        companies = self._context.marketing.companies
        limit, logged = self._context.settings.fanout_limit, set[str]()
        if self._people_are_copied():
            people = companies.count_people(sorted({change.external_company_id for change in changes}))
            logged = {each for each in people if logs_per_person(people[each], limit=limit)}
        for per_person in (True, False):
            chosen = [change for change in changes if (change.external_company_id in logged) is per_person]
            companies.log(chosen, per_person=per_person, at=at, source=FROM_DYNAMICS)

    def _people_are_copied(self) -> bool:
        """While people are still arriving for the first time nothing is logged on them (A4)."""
        contacts = self._context.state.streams.all().get(Entity.CONTACT)
        return contacts is not None and contacts.live_at is not None

    def _exclude(self, rows: Sequence[Any], held: dict[str, Company], counts: Counts) -> None:
        """D8: a company that is here stays, stale and marked; of another only id and version are kept."""
        plan = self._plan
        self._context.marketing.companies.park(
            {plan.id(row): plan.version(row) for row in rows if plan.id(row) in held}
        )
        others = {plan.id(row): plan.version(row) for row in rows if plan.id(row) not in held}
        self._context.state.exclude(Entity.ACCOUNT, others)
        counts.excluded += len(rows)

    def _put(self, row: Any, text: str) -> PutCompany:
        merged_into = self._master(row) if self._merged(row) else None
        return PutCompany(self._plan.id(row), self._plan.version(row), False, merged_into, text)
