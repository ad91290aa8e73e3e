"""What there is to tell about people, in one place for every way of showing it.

A page that shows codes where the person expects labels, or a company's values as the person's own, is believed and
acted on; so names, labels and whose value it is are settled here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from tandem.mapping.fields import Field
from tandem.mapping.projection import decode_fields, decode_value
from tandem.mapping.values import shown
from tandem.marketing.records import Company, Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.report.values import KnownFields, shown_value
from tandem.runtime.subscription import Subscription
from tandem.sync.defined import field_named
from tandem.sync.edits import UnknownPerson


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A person in a list."""

    id: int
    name: str
    email: str | None
    microsoft_type: str | None
    company: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownField:
    """One value: as it is stored, and as a person reads it."""

    label: str
    value: Any
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLink:
    """A Dynamics record the person is or was. `unsent` holds the agreed values of fields edited here since."""

    entity: Entity
    crm_id: str
    state: str
    version: int
    unsent: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCompany:
    """The person's company and its fields by API name; a private one's values are the person's own fields.

    `here`: a shared one that was not copied, or that the sync filter keeps out, has no values.
    """

    external_company_id: str | None
    shared: bool
    here: bool
    name: str | None
    fields: dict[str, ShownField]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The sales person or team; the name is None while its record is not here."""

    kind: str
    id: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownActivity:
    """One entry of the activity log, with the values as a person reads them; `detail` differs by type."""

    at: str
    type: str
    field: str | None
    old: str | None
    new: str | None
    source: str | None
    detail: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReport:
    """Everything about one person; `fields` by API name, `custom_objects` how many it has of each custom entity."""

    id: int
    name: str
    microsoft_type: str | None
    microsoft_is_deleted: bool
    fields: dict[str, ShownField]
    company: ShownCompany
    owner: Owner | None
    links: list[ShownLink]
    custom_objects: dict[str, int]
    activities: list[ShownActivity]


def find_people(subscription: Subscription, text: str, *, limit: int) -> list[Summary]:
    """People by id, e-mail or part of a name or e-mail; at most `limit`."""
    marketing = subscription.marketing
    people = marketing.people.get(marketing.people.find(text, limit=limit))
    shared = {each.external_company_id for each in people.values() if each.external_company_id}
    companies = marketing.companies.get(shared)
    return [
        Summary(
            id=person.id,
            name=full_name(decode_fields(person.fields)),
            email=person.email,
            microsoft_type=person.type,
            company=_company_name(person, companies.get(person.external_company_id or "")),
        )
        for person in sorted(people.values(), key=lambda each: each.id)
    ]


def person_report(subscription: Subscription, person_id: int) -> PersonReport:
    """One person, found under an id merged away as well. Raises UnknownPerson."""
    marketing, state = subscription.marketing, subscription.state
    found = marketing.people.resolve(person_id)
    if found is None:
        raise UnknownPerson(f"There is no person {person_id}.", person=person_id)
    person = marketing.people.get([found])[found]
    links, known = state.links.of_person(found), KnownFields(subscription)
    of_people, of_company = known.of_people(person.type), known.of_companies()
    values = decode_fields(person.fields)
    return PersonReport(
        id=person.id,
        name=full_name(values),
        microsoft_type=person.type,
        microsoft_is_deleted=person.is_deleted,
        fields=_shown_fields(of_people + of_company, values),
        company=_company(subscription, person, of_company),
        owner=_owner(subscription, person),
        links=[
            ShownLink(
                entity=link.entity,
                crm_id=link.crm_id,
                state=link.state.value,
                version=link.version,
                unsent=decode_fields(link.base),
            )
            for link in links
        ],
        custom_objects={entity.value: len(ids) for entity, ids in state.customs.of_person(found).items()},
        activities=_activities(subscription, person.id, of_people + of_company),
    )


def full_name(values: dict[str, Any]) -> str:
    """First and last name of a person or sales person, as far as there are any."""
    return " ".join(str(values[part]) for part in ("firstName", "lastName") if values.get(part))


def _company_name(person: Person, company: Company | None) -> str | None:
    if person.external_company_id is None:
        return decode_fields(person.fields).get("company")
    return decode_fields(company.fields).get("company") if company else None


def _shown_fields(fields: Iterable[Field], values: dict[str, Any]) -> dict[str, ShownField]:
    """The values in the order of the fields, then those of no field that is known."""
    by_name: dict[str, Field] = {}
    for field in fields:
        by_name.setdefault(field.api_name, field)
    ordered = [name for name in by_name if name in values] + [name for name in values if name not in by_name]
    return {
        name: ShownField(label=by_name[name].label, value=values[name], shown=shown(by_name[name], values[name]))
        if name in by_name
        else ShownField(label=name, value=values[name], shown=str(values[name]))
        for name in ordered
    }


def _company(subscription: Subscription, person: Person, fields: list[Field]) -> ShownCompany:
    key = person.external_company_id
    held = subscription.marketing.companies.get([key]).get(key) if key else None
    here = held is not None and not held.is_excluded
    return ShownCompany(
        external_company_id=key,
        shared=key is not None,
        here=here,
        name=_company_name(person, held if here else None),
        fields=_shown_fields(fields, decode_fields(held.fields)) if held is not None and here else {},
    )


def _owner(subscription: Subscription, person: Person) -> Owner | None:
    mirrors = subscription.marketing.mirrors
    if person.team_id is not None:
        team = decode_fields(mirrors.fields("team", [person.team_id]).get(person.team_id))
        return Owner(kind="team", id=person.team_id, name=team.get("name"))
    if person.external_sales_person_id is not None:
        key = person.external_sales_person_id
        sales_person = decode_fields(mirrors.fields("salesperson", [key]).get(key))
        return Owner(kind="sales person", id=key, name=full_name(sales_person) or None)
    return None


def _activities(subscription: Subscription, person_id: PersonId, fields: list[Field]) -> list[ShownActivity]:
    def read(name: str | None, text: str | None) -> str | None:
        return None if text is None else shown_value(field_named(fields, name or ""), decode_value(text)).shown

    return [
        ShownActivity(
            at=entry["at"],
            type=entry["type"],
            field=entry["field"],
            old=read(entry["field"], entry["old"]),
            new=read(entry["field"], entry["new"]),
            source=entry["source"],
            detail=msgspec.json.decode(entry["detail"]) if entry["detail"] else None,
        )
        for entry in subscription.marketing.people.activities(person_id)
    ]
