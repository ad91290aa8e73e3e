"""Edits that somebody makes in the marketing database (rules A2, A4, P2, P3).

An edit is unsent until Dynamics has it. Were the value that both sides last agreed on not kept beside it, the next
pull could not tell the edit from an old value and would overwrite it; so value, before-image, history and change feed
are written in one transaction.

    field                                  | whose it is        | its before-image goes to
    ---------------------------------------+--------------------+---------------------------------------------
    a field the person's record has        | the person's       | the base of the person's link
    any other field of people              | the person's       | nowhere: only marketing knows it
    company.FIELD, the company is shared   | the company's      | the company, until Dynamics resets it (A3)
    company.FIELD, the company is private  | the person's       | as a field of the person
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tandem.database.port import Database
from tandem.mapping.fields import Direction, Field
from tandem.mapping.projection import decode_fields, encode_all, encode_fields, encode_value
from tandem.mapping.selection import UnknownField
from tandem.mapping.values import parse, same
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import BY_HAND, Activity, ActivityType, Company, CompanyChange, NewPerson, Person
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.ids import PersonId
from tandem.model.schema import ColumnType
from tandem.rules.companies import FANOUT_LIMIT, logs_per_person
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.links import Link
from tandem.sync.defined import defined_fields, field_named

OF_COMPANY = "company."
_PEOPLE = (Entity.LEAD, Entity.CONTACT)
_CURRENT = (LinkState.LIVE, LinkState.PARKED)
_KEPT_BY_TANDEM = {
    name.lower()
    for name in (
        "id",
        "microsoftType",
        "microsoftIsDeleted",
        "microsoftCreatedDate",
        "externalCompanyId",
        "externalSalesPersonId",
        "microsoftTeamId",
        "ownerid",
        "createdAt",
        "updatedAt",
    )
}


class UnknownPerson(NeedsPerson):
    """Nobody lives under this id."""

    code = "unknown-person"
    advice = "`tandem people find` looks people up by name, e-mail or id."


class NotEditable(NeedsPerson):
    """The field exists and may not be edited here."""

    code = "not-editable"
    advice = "Change it in Dynamics; the next sync brings it here."


class Change(NamedTuple):
    """One field's old and new value. `name` begins with `company.` where the shared company holds it."""

    name: str
    old: Any
    new: Any


class Edit(NamedTuple):
    """A field and the value it is to have, as it is stored."""

    field: Field
    value: Any


class Target(NamedTuple):
    """A field that may be edited; `shared`: it is the shared company's, not the person's."""

    field: Field
    shared: bool


class EditedPerson(NamedTuple):
    """A person with the links whose base an edit of it concerns."""

    person: Person
    links: Sequence[Link]

    @property
    def table(self) -> Entity | None:
        """The table whose mapping the person's fields follow."""
        return self.links[0].entity if self.links else None

    @property
    def has_shared_company(self) -> bool:
        """Does it share its company with others?"""
        return self.person.external_company_id is not None


def _as_stored(_field: Field, value: Any) -> Any:
    return value


class Edits:
    """Edits people by hand. `typed` is always (either side's name of a field, what was typed), in any order.

    Raises UnknownPerson, UnknownField, NotEditable or BadValue; nothing is changed then.
    """

    def __init__(
        self, database: Database, marketing: MarketingDatabase, state: SyncState, *, fanout_limit: int = FANOUT_LIMIT
    ) -> None:
        self._database = database
        self._marketing = marketing
        self._state = state
        self._fanout_limit = fanout_limit

    def edit(self, person_id: int, typed: Sequence[tuple[str, str]], *, at: str) -> list[Change]:
        """Change fields of a person and of its company. Returns what changed; a value typed again is no change."""
        return self._edit(person_id, typed, parse, at=at)

    def put(self, person_id: int, values: Mapping[str, Any], *, at: str) -> list[Change]:
        """The same with values as they are stored, by the names of the fields."""
        return self._edit(person_id, values.items(), _as_stored, at=at)

    def _edit(
        self, person_id: int, given: Iterable[tuple[str, Any]], read: Callable[[Field, Any], Any], *, at: str
    ) -> list[Change]:
        given = list(given)
        with self._database.transaction():
            person = person_here(self._marketing, person_id)
            (edited,) = self.people([person])
            company = self._shared_company(person)
            targets = self.targets(
                [name for name, _ in given], table=edited.table, has_shared_company=edited.has_shared_company
            )
            own, shared = list[Edit](), list[Edit]()
            for (field, of_company), (_, value) in zip(targets, given, strict=True):
                (shared if of_company else own).append(Edit(field, read(field, value)))
            (changes,) = self.edit_page([(edited, own)], at=at)
            if company is not None:
                changes += self._edit_company(company, shared, at=at)
            elif shared:
                raise NotEditable(
                    f"The company of person {person.id} is not in the marketing database: it was not copied yet, or "
                    "the sync filter keeps it out.",
                    advice="`tandem status` shows what is still being copied.",
                    person=person.id,
                )
        return changes

    def create(self, typed: Sequence[tuple[str, str]], *, at: str) -> PersonId:
        """Make a person that is only in marketing: it is not sent to Dynamics by itself (P2)."""
        with self._database.transaction():
            targets = self.targets([name for name, _ in typed], table=None, has_shared_company=False)
            edits = [Edit(field, parse(field, text)) for (field, _), (_, text) in zip(targets, typed, strict=True)]
            (person_id,) = self.create_page([edits], at=at)
        return person_id

    # By the page, with the caller's transaction ---------------------------------------------------------------------

    def people(self, page: Sequence[Person]) -> list[EditedPerson]:
        """The people of a page with their links: the current one, else those that a restore would bring back (P8)."""
        links = self._state.links.every_of_people([person.id for person in page])
        return [EditedPerson(person, _concerned(links.get(person.id, []))) for person in page]

    def targets(self, names: Iterable[str], *, table: Entity | None, has_shared_company: bool) -> list[Target]:
        """The fields of these names, for people of one table, or of none. Raises UnknownField, NotEditable."""
        known = defined_fields(self._marketing, self._state)
        order = sorted(_PEOPLE, key=lambda each: each is not table)
        of_people = [field for each in order for field in known.get(each, [])]
        of_company = known.get(Entity.ACCOUNT, [])
        found = dict[tuple[str, bool], Target]()
        for name in names:
            shared = name.lower().startswith(OF_COMPANY) and has_shared_company
            if name.lower().startswith(OF_COMPANY):
                field = _company_field(of_company, name.strip()[len(OF_COMPANY) :])
                if not shared and field_named(of_people, field.api_name):
                    field = _person_field(of_people, field.api_name)
            else:
                field = _person_field(of_people, name)
                if has_shared_company and field.entity is not table and field_named(of_company, field.api_name):
                    raise NotEditable(
                        f"{field.api_name} of this person belongs to its company.",
                        advice=f"Edit {OF_COMPANY}{field.api_name}: it changes for everybody of that company.",
                        field=field.api_name,
                    )
            if (field.api_name, shared) in found:
                raise NotEditable(f"{field.api_name} is given twice.", advice="Give it once.", field=field.api_name)
            found[field.api_name, shared] = Target(field, shared)
        return list(found.values())

    def create_page(self, page: Sequence[Sequence[Edit]], *, at: str) -> list[PersonId]:
        """Make people that are only in marketing, and return their ids in order (P2)."""
        everybody = [{edit.field.api_name: edit.value for edit in edits} for edits in page]
        new = [NewPerson(None, values.get("email"), None, None, None, encode_fields(values)) for values in everybody]
        people = [PersonId(number) for number in self._marketing.people.create(new, at=at)]
        kind = ActivityType.NEW_PERSON
        self._marketing.people.log([Activity(person, kind, source=BY_HAND) for person in people], at=at)
        self._marketing.people.note_edits(list(zip(people, everybody, strict=True)), at=at)
        return people

    def edit_page(self, page: Sequence[tuple[EditedPerson, Sequence[Edit]]], *, at: str) -> list[list[Change]]:
        """Change the own fields of people, each of whom is in the page once. Returns what changed, in order."""
        mapped = {
            entity: {choice.api_name for choice in choices.values()}
            for entity, choices in self._state.choices().items()
        }
        everything, people = list[list[Change]](), list[Person]()
        bases, activities = list[tuple[Entity, str, str | None]](), list[Activity]()
        for (person, links), given in page:
            held = decode_fields(person.fields)
            edits = _changing(held, given)
            changes = [Change(field.api_name, held.get(field.api_name), value) for field, value in edits]
            everything.append(changes)
            if not changes:
                continue
            values = held | {change.name: change.new for change in changes}
            people.append(person._replace(email=values.get("email"), fields=encode_fields(values)))
            for link in links:
                base = before_images(
                    link.base, held, [edit for edit in edits if edit.field.api_name in mapped[link.entity]]
                )
                bases.append((link.entity, link.crm_id, encode_all(base) if base else None))
            kind = ActivityType.CHANGE_DATA_VALUE
            activities += [
                Activity(person.id, kind, name, encode_value(old), encode_value(new), BY_HAND)
                for name, old, new in changes
            ]
        self._marketing.people.update(people, at=at)
        self._state.links.set_bases(bases)
        self._marketing.people.log(activities, at=at)
        edited = [
            (each.person.id, {change.name: change.new for change in changes})
            for (each, _), changes in zip(page, everything, strict=True)
            if changes
        ]
        self._marketing.people.note_edits(edited, at=at)
        return everything

    # The company ----------------------------------------------------------------------------------------------------

    def _shared_company(self, person: Person) -> Company | None:
        if person.external_company_id is None:
            return None
        company = self._marketing.companies.get([person.external_company_id]).get(person.external_company_id)
        return None if company is None or company.is_excluded else company

    def _edit_company(self, company: Company, edits: Sequence[Edit], *, at: str) -> list[Change]:
        """A2: for all its people, in marketing only; logged on each of them up to the limit of A4."""
        held, companies, key = decode_fields(company.fields), self._marketing.companies, company.external_company_id
        edits = _changing(held, edits)
        if not edits:
            return []
        changes = [Change(field.api_name, held.get(field.api_name), value) for field, value in edits]
        values = held | {change.name: change.new for change in changes}
        edited = before_images(company.edited, held, edits)
        companies.edit(key, encode_fields(values), encode_all(edited), at=at)
        people = companies.count_people([key]).get(key, 0)
        companies.log(
            [CompanyChange(key, name, encode_value(old), encode_value(new)) for name, old, new in changes],
            per_person=logs_per_person(people, limit=self._fanout_limit),
            at=at,
            source=BY_HAND,
        )
        return [change._replace(name=OF_COMPANY + change.name) for change in changes]


def person_here(marketing: MarketingDatabase, person_id: int) -> Person:
    """The person that is to be changed. Raises UnknownPerson, which names who an id merged away belongs to now."""
    now = marketing.people.resolve(person_id)
    if now is None:
        raise UnknownPerson(f"There is no person {person_id}.", person=person_id)
    if now != person_id:
        raise UnknownPerson(
            f"Person {person_id} was merged into person {now}.", advice=f"Name person {now}.", person=person_id
        )
    return marketing.people.get([now])[now]


def before_images(base: str | None, held: Mapping[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """The agreed values after these edits: the first edit of a field keeps what it held, going back to it ends that."""
    agreed = decode_fields(base)
    for field, value in edits:
        name = field.api_name
        if name not in agreed:
            agreed[name] = held.get(name)
        elif same(field, agreed[name], value):
            del agreed[name]
    return agreed


def _changing(held: Mapping[str, Any], edits: Sequence[Edit]) -> list[Edit]:
    return [edit for edit in edits if not same(edit.field, held.get(edit.field.api_name), edit.value)]


def _concerned(links: Sequence[Link]) -> list[Link]:
    current = [link for link in links if link.state in _CURRENT]
    return current or [link for link in links if link.state is LinkState.SEVERED]


def _person_field(fields: Sequence[Field], name: str) -> Field:
    field = field_named(fields, name)
    if name.strip().lower() in _KEPT_BY_TANDEM or (field is not None and field.column in _KEPT_BY_TANDEM):
        raise NotEditable(f"{name} is kept by the sync and cannot be edited.", field=name)
    if field is None:
        raise _unknown(fields, name, "people")
    if field.direction is Direction.FROM:
        raise NotEditable(f"{field.api_name} goes from Dynamics to marketing only.", field=field.api_name)
    return field


def _company_field(fields: Sequence[Field], name: str) -> Field:
    field = field_named(fields, name)
    if field is None:
        raise _unknown(fields, name, "companies")
    if field.type is ColumnType.GUID:
        raise NotEditable(f"{OF_COMPANY}{field.api_name} says which account it is.", field=field.api_name)
    return field


def _unknown(fields: Sequence[Field], name: str, whose: str) -> UnknownField:
    if not fields:
        return UnknownField(
            f"The fields of {whose} are not known yet.",
            advice="They come with the first sync: run `tandem sync --enable`.",
            field=name,
        )
    return UnknownField(f"There is no field {name!r} of {whose}.", field=name)
