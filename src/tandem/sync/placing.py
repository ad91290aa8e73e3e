"""Where a person belongs: its company, its sales person or team (rules P13, P14, O1).

References are kept as the ids Dynamics gave them, so a company that has not arrived yet delays nothing: the person
finds it when it comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tandem.mapping.projection import decode_fields, encode_value
from tandem.marketing.records import FROM_DYNAMICS, Activity, ActivityType, Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.sync.context import Context
from tandem.sync.plan import TablePlan

_COMPANY_ID = "externalCompanyId"
"""The one company value that a private company cannot keep: it says which shared company it is."""


class Place(NamedTuple):
    """A person's company and owner; a person has a sales person or a team, never both."""

    external_company_id: str | None
    external_sales_person_id: str | None
    team_id: str | None


@dataclass(slots=True)
class Moves:
    """What moving between companies means: values a private company keeps, and log entries, by person."""

    kept: dict[PersonId, dict[str, Any]] = field(default_factory=dict)
    activities: dict[PersonId, list[Activity]] = field(default_factory=dict)


class Placing:
    """Reads company and owner from the rows of one table."""

    def __init__(self, context: Context, plan: TablePlan) -> None:
        self._context = context
        self._owner, self._owner_type = plan.get("ownerid"), plan.get("ownerid_type")
        # A lead's account never makes it part of a company (P14).
        is_contact = plan.entity is Entity.CONTACT
        self._parent = plan.get("parentcustomerid" if is_contact else "")
        self._parent_type = plan.get("parentcustomerid_type" if is_contact else "")

    def places(self, rows: Sequence[Any]) -> list[Place]:
        """The place of each row."""
        owner, owner_type = self._owner, self._owner_type
        companies = self._companies(rows)
        return [
            Place(company, None, owner(row)) if owner_type(row) == "team" else Place(company, owner(row), None)
            for company, row in zip(companies, rows, strict=True)
        ]

    def _companies(self, rows: Sequence[Any]) -> list[str | None]:
        parent, kind = self._parent, self._parent_type
        companies = [parent(row) if kind(row) == "account" else None for row in rows]
        if not self._context.settings.contact_parent_account:
            return companies
        return self._through_contacts(rows, companies)

    def _through_contacts(self, rows: Sequence[Any], companies: list[str | None]) -> list[str | None]:
        """The setting of P14: a contact whose parent is a contact belongs to that contact's account."""
        parents = {self._parent(row) for row in rows if self._parent_type(row) == "contact"}
        links = self._context.state.links.of(Entity.CONTACT, parents)
        people = self._context.marketing.people.get({link.person_id for link in links.values() if link.person_id})
        found = {
            crm_id: people[PersonId(link.person_id)].external_company_id
            for crm_id, link in links.items()
            if link.person_id in people
        }
        return [
            found.get(self._parent(row)) if self._parent_type(row) == "contact" else company
            for row, company in zip(rows, companies, strict=True)
        ]

    def moves(self, people: Sequence[tuple[Person, Place]]) -> Moves:
        """What changes for those of `people` that move to another company."""
        moved = [(person, place) for person, place in people if person.external_company_id != place.external_company_id]
        result = Moves()
        if not moved:
            return result
        ids = {each for person, place in moved for each in (person.external_company_id, place.external_company_id)}
        companies = self._context.marketing.companies.get(sorted(each for each in ids if each))
        values = {each.external_company_id: decode_fields(each.fields) for each in companies.values()}
        for person, place in moved:
            own = decode_fields(person.fields)
            old = values.get(person.external_company_id or "")
            new = values.get(place.external_company_id or "")
            if place.external_company_id is None and old is not None:
                result.kept[person.id] = {name: value for name, value in old.items() if name != _COMPANY_ID}
            elif new is not None:
                before = old if old is not None else own
                result.activities[person.id] = [
                    _company_changed(person.id, name, before.get(name), new.get(name))
                    for name in sorted(set(new) | set(old or {}))
                    if before.get(name) != new.get(name)
                ]
        return result

    def follow_customers(self, people: Sequence[tuple[Person, Person]]) -> None:
        """An opportunity whose customer is a contact has that contact's company (O1); `people` before and after."""
        for before, after in people:
            if before.external_company_id != after.external_company_id:
                self._context.marketing.mirrors.move_customer(after.id, after.external_company_id)


def _company_changed(person: PersonId, name: str, old: Any, new: Any) -> Activity:
    kind = ActivityType.CHANGE_DATA_VALUE
    return Activity(person, kind, name, encode_value(old), encode_value(new), FROM_DYNAMICS)
