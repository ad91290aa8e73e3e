"""Applies pages of opportunities (rules O1-O3) and gives their people their roles.

A role whose person is not here must neither keep its opportunity waiting nor be forgotten.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tandem.marketing.records import PutOpportunity
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.opportunities import CUSTOMER, outcome
from tandem.state.links import Link
from tandem.sync.applier import Applier, How, Kept, check_versions, kept_copies, latest
from tandem.sync.context import Context, Counts
from tandem.sync.plan import TablePlan
from tandem.sync.waiting import CUSTOMER_SOURCE, WantedRole, give_roles

PRIMARY = "Primary Contact"
"""The role of an opportunity's `parentcontactid`; the reference product's own word for it is unconfirmed."""


class OpportunityApplier(Applier):
    """Opportunities, one way."""

    is_compared = True

    def __init__(self, context: Context, plan: TablePlan) -> None:
        self._context = context
        self._plan = plan
        self._customer, self._customer_type = plan.get("customerid"), plan.get("customerid_type")
        self._contact = plan.get("parentcontactid")
        self._owner, self._owner_type = plan.get("ownerid"), plan.get("ownerid_type")
        self._state, self._currency = plan.get("statecode"), plan.get("transactioncurrencyid")
        self._estimated, self._actual = plan.get("estimatedvalue"), plan.get("actualvalue")

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        plan, state, mirrors = self._plan, self._context.state, self._context.marketing.mirrors
        ids, versions = list(map(plan.id, rows)), list(map(plan.version, rows))
        rows = latest(rows, ids, versions)
        held = mirrors.versions("opportunity", ids)
        excluded = state.excluded_versions(Entity.OPPORTUNITY, ids)
        known = {**held, **excluded}
        if how.goes_forward:
            check_versions("opportunity", zip(ids, versions, strict=True), known)
        news = [row for row in rows if how.is_news(plan.version(row), known.get(plan.id(row), -1))]
        wanted = [row for row in news if plan.wanted(row)]
        unwanted = [row for row in news if not plan.wanted(row)]
        mirrors.park_opportunities([plan.id(row) for row in unwanted if plan.id(row) in held])
        state.exclude(Entity.OPPORTUNITY, {plan.id(row): plan.version(row) for row in unwanted})
        if excluded:
            state.include(Entity.OPPORTUNITY, [plan.id(row) for row in wanted])
        people = self._people(wanted)
        created = self._put(wanted, held, people)
        self._put_roles(wanted, held, people)
        return Counts(
            read=len(rows),
            created=created,
            updated=len(wanted) - created,
            unchanged=len(rows) - len(news),
            excluded=len(unwanted),
        )

    def delete(self, ids: Sequence[str]) -> int:
        """O3: removed, with the roles."""
        known = self.known(ids)
        self._context.marketing.mirrors.delete_opportunities(known)
        self._context.state.waiting.stop_all(Entity.OPPORTUNITY, list(ids))
        self._context.state.include(Entity.OPPORTUNITY, list(ids))
        return len(known)

    def known(self, ids: Sequence[str]) -> list[str]:
        return list(self._context.marketing.mirrors.versions("opportunity", ids))

    def count_known(self) -> int:
        return self._context.marketing.counts()["opportunity"][0]

    def all_known(self) -> Iterable[str]:
        return self._context.marketing.mirrors.ids("opportunity")

    def known_after(self, place: str, *, limit: int) -> list[str]:
        return self._context.marketing.mirrors.ids_after("opportunity", place, limit=limit)

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        mirrors = self._context.marketing.mirrors
        return kept_copies(
            mirrors.versions("opportunity", ids),
            mirrors.fields("opportunity", ids),
            parked=self._context.state.excluded_versions(Entity.OPPORTUNITY, list(ids)),
        )

    def _people(self, rows: Sequence[Any]) -> dict[str, Link]:
        """The links of the contacts these rows name."""
        named = {self._contact(row) for row in rows}
        named |= {self._customer(row) for row in rows if self._customer_type(row) == "contact"}
        return self._context.state.links.of(Entity.CONTACT, {each for each in named if each})

    def _put(self, rows: Sequence[Any], held: dict[str, int], people: dict[str, Link]) -> int:
        plan = self._plan
        customers = {link.person_id for link in people.values() if link.person_id}
        found = self._context.marketing.people.get(customers) if customers else {}
        new, changed = list[PutOpportunity](), list[PutOpportunity]()
        known = [each for each in map(plan.id, rows) if each in held]
        fields = self._context.marketing.mirrors.fields("opportunity", known) if known else {}
        texts = plan.projection.encode_over(rows, [fields.get(plan.id(row)) for row in rows])
        for row, text in zip(rows, texts, strict=True):
            person = people.get(self._customer(row)) if self._customer_type(row) == "contact" else None
            company = self._customer(row) if self._customer_type(row) == "account" else None
            if person and person.person_id:
                company = found[PersonId(person.person_id)].external_company_id
            result = outcome(self._state(row), estimated=self._estimated(row), actual=self._actual(row))
            team = self._owner_type(row) == "team"
            put = PutOpportunity(
                plan.id(row), plan.version(row), company, person.person_id if person else None,
                None if team else self._owner(row), self._owner(row) if team else None,
                None if result.amount is None else str(result.amount), self._currency(row),
                int(result.is_closed), int(result.is_won), text,
            )  # fmt: skip
            (changed if plan.id(row) in held else new).append(put)
        at = self._context.now()
        self._context.marketing.mirrors.put_opportunities(new, new=True, at=at)
        self._context.marketing.mirrors.put_opportunities(changed, new=False, at=at)
        return len(new)

    def _put_roles(self, rows: Sequence[Any], held: dict[str, int], people: dict[str, Link]) -> None:
        ids = [self._plan.id(row) for row in rows]
        known = [each for each in ids if each in held]
        if known:
            self._context.marketing.mirrors.drop_row_roles(known)
            self._context.state.waiting.stop_all(Entity.OPPORTUNITY, known)
        wanted = []
        for each, row in zip(ids, rows, strict=True):
            if contact := self._contact(row):
                wanted.append(WantedRole(each, Entity.CONTACT, contact, each, PRIMARY, "primary", 1))
            if self._customer_type(row) == "contact":
                wanted.append(WantedRole(each, Entity.CONTACT, self._customer(row), each, CUSTOMER, CUSTOMER_SOURCE, 0))
        give_roles(self._context, Entity.OPPORTUNITY, wanted, people)
