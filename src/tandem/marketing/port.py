"""What the sync asks of a marketing database, by the page.

Methods take a page of records and say what became of each, so that a remote subscription with batch calls fits behind
the same port as the embedded database. References between records are external ids (see the schema), so nothing here
waits for another record. Where the database is local the calls join the caller's transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from tandem.model.entities import Entity
from tandem.model.ids import PersonId


class ActivityType(StrEnum):
    """What can stand in a person's activity log (behaviour section 0)."""

    NEW_PERSON = "New Person"
    CHANGE_DATA_VALUE = "Change Data Value"
    CREATE_START_SYNC = "Create [StartSync]"
    STOP_SYNC = "Stop [StopSync]"
    IS_DELETED = "Microsoft Is Deleted"
    CONVERTED = "Converted to Contact"
    MERGE_PEOPLE = "Merge People"
    DELETE_PERSON = "Delete Person"
    CONFLICT = "Conflict"
    SYNC_PERSON = "Sync Person to Microsoft"


FROM_DYNAMICS = "Microsoft Dynamics"
"""The source of a change the sync brought."""
BY_HAND = "Tandem"
"""The source of a change a person made in the marketing database."""


class NewPerson(NamedTuple):
    """A person to create. `fields` is a JSON object by API name; `type` is lead, contact or None."""

    type: str | None
    email: str | None
    external_company_id: str | None
    external_sales_person_id: str | None
    team_id: str | None
    fields: str


class Person(NamedTuple):
    """A person as the marketing database holds it."""

    id: PersonId
    type: str | None
    email: str | None
    external_company_id: str | None
    external_sales_person_id: str | None
    team_id: str | None
    is_deleted: bool
    fields: str


class Activity(NamedTuple):
    """One entry of a person's activity log. `old`, `new` and `detail` are JSON or None."""

    person_id: PersonId
    type: ActivityType
    field: str | None = None
    old: str | None = None
    new: str | None = None
    source: str | None = None
    detail: str | None = None


class Company(NamedTuple):
    """The shared company row of an account. `edited` holds Dynamics' values of fields edited in marketing (A2)."""

    external_company_id: str
    version: int
    is_deleted: bool
    is_excluded: bool
    merged_into: str | None
    edited: str | None
    fields: str


class PutCompany(NamedTuple):
    """A company as a newer account row makes it."""

    external_company_id: str
    version: int
    is_excluded: bool
    merged_into: str | None
    fields: str


class CompanyChange(NamedTuple):
    """A changed value of a company; JSON or None."""

    external_company_id: str
    field: str
    old: str | None
    new: str | None


class PutOpportunity(NamedTuple):
    """An opportunity as a newer row makes it; `amount` is an exact decimal as text."""

    external_opportunity_id: str
    version: int
    external_company_id: str | None
    customer_person_id: int | None
    external_sales_person_id: str | None
    team_id: str | None
    amount: str | None
    currency_id: str | None
    is_closed: int
    is_won: int
    fields: str


class Owner(NamedTuple):
    """A sales person or team, as who is to own a record; `is_gone`: disabled, or deleted. `fields` is JSON."""

    id: str
    is_team: bool
    is_gone: bool
    fields: str


class Role(NamedTuple):
    """A person's part in an opportunity; `source` tells which record says so."""

    external_opportunity_id: str
    person_id: PersonId
    role: str
    source: str
    is_primary: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDefinition:
    """A field of the marketing database; `options` is a JSON list of [code, label] or None.

    `entity` is a marketing name; for people their Microsoft Type (lead, contact), because one field may have other
    options on a contact than on a lead.
    """

    entity: str
    api_name: str
    label: str
    type: str
    max_length: int | None
    precision: int | None
    options: str | None


class People(Protocol):
    """The people, their history and what was edited here."""

    def create(self, page: Sequence[NewPerson], *, at: str) -> range:
        """Create people and return their ids, in order."""
        ...

    def get(self, ids: Iterable[int]) -> dict[PersonId, Person]:
        """The people with these ids; an id merged away is not found."""
        ...

    def resolve(self, person_id: int) -> PersonId | None:
        """The id that `person_id` lives under now, following merges; None where there is nobody."""
        ...

    def find(self, text: str, *, limit: int = 50) -> list[PersonId]:
        """People by id, e-mail or part of a name or e-mail, ignoring case."""
        ...

    def update(self, page: Sequence[Person], *, at: str) -> None:
        """Write the people of a page as given."""
        ...

    def merge(self, pairs: Sequence[tuple[PersonId, PersonId]]) -> None:
        """Join each (loser, winner): log, roles and aliases move; the loser is gone. Fields are the caller's work."""
        ...

    def delete(self, ids: Sequence[int]) -> None:
        """Delete people with their logs, aliases, roles and what the change feed tells of them."""
        ...

    def log(self, page: Sequence[Activity], *, at: str) -> None:
        """Append to activity logs."""
        ...

    def log_each(self, people: Sequence[int], kind: ActivityType, *, at: str) -> None:
        """Append the same entry, which has nothing but its type, to the log of each of these people."""
        ...

    def activities(self, person_id: PersonId) -> list[dict[str, Any]]:
        """One person's activity log, oldest first."""
        ...

    def logged_after(self, last: int, *, limit: int = 1_000) -> list[dict[str, Any]]:
        """The entries of all activity logs behind the entry `last`, oldest first, each with its person."""
        ...

    def last_logged(self) -> int:
        """The number of the newest entry of all activity logs; 0 where there is none."""
        ...

    def note_edit(self, person_id: PersonId, fields: Mapping[str, Any], *, at: str) -> None:
        """Append to the change feed: these fields were edited here. Called in the edit's own transaction."""
        ...

    def feed(self, *, limit: int = 1_000) -> list[tuple[int, PersonId, dict[str, Any]]]:
        """The edits nobody has taken up yet, oldest first, as (position, person, fields)."""
        ...

    def edited(self, people: Sequence[int]) -> set[PersonId]:
        """Those of these people whose edits nobody has taken up yet."""
        ...

    def forget_feed(self, until: int) -> None:
        """The edits up to this position were taken up. Called in the transaction that stores what follows from them."""
        ...

    def moves(self, people: Sequence[int], *, since: str) -> dict[tuple[int, str], list[tuple[str | None, str | None]]]:
        """How fields of these people changed since a time: (source, new value as JSON) by (person, field), in order."""
        ...

    def unlinked_by_email(self, emails: Sequence[str]) -> dict[str, list[PersonId]]:
        """People only in marketing, by e-mail in lower case (the setting of P1)."""
        ...


class Companies(Protocol):
    """The shared companies."""

    def get(self, ids: Iterable[str]) -> dict[str, Company]:
        """The companies with these external ids."""
        ...

    def put(self, page: Sequence[PutCompany], *, new: bool, at: str) -> None:
        """Write companies; `new`: none of them is there yet. An older version changes nothing."""
        ...

    def park(self, versions: Mapping[str, int]) -> None:
        """The filter says No now: the companies stay, stale and marked."""
        ...

    def edit(self, external_company_id: str, fields: str, edited: str, *, at: str) -> None:
        """An edit made here; `edited` keeps Dynamics' values of the edited fields."""
        ...

    def delete(self, ids: Sequence[str], *, at: str) -> None:
        """Mark as deleted; the values stay (A5)."""
        ...

    def count_people(self, ids: Sequence[str]) -> dict[str, int]:
        """How many people are linked to each company."""
        ...

    def log(self, changes: Sequence[CompanyChange], *, per_person: bool, at: str, source: str) -> None:
        """Log changed values at the company, and with `per_person` at each of its people (A4)."""
        ...


class Mirrors(Protocol):
    """What is copied one way and nothing more: sales people, teams, opportunities and roles."""

    def put_sales_people(self, page: Sequence[tuple[str, int, int, str | None, str]], *, at: str) -> None:
        """Write (id, version, is_disabled, email, fields)."""
        ...

    def disable_sales_people(self, ids: Sequence[str], *, at: str) -> None:
        """Mark as disabled; they stay (U1)."""
        ...

    def put_teams(self, page: Sequence[tuple[str, int, str]], *, at: str) -> None:
        """Write (id, version, fields)."""
        ...

    def delete_teams(self, ids: Sequence[str], *, at: str) -> None:
        """Mark as deleted; they stay (U1)."""
        ...

    def put_team_members(self, page: Sequence[tuple[str, int, str, str]]) -> None:
        """Write (membership id, version, team id, sales person id)."""
        ...

    def delete_team_members(self, ids: Sequence[str]) -> None:
        """Remove memberships."""
        ...

    def put_opportunities(self, page: Sequence[PutOpportunity], *, new: bool, at: str) -> None:
        """Write opportunities; `new`: none of them is there yet."""
        ...

    def park_opportunities(self, ids: Sequence[str]) -> None:
        """The filter says No now: they stay, stale and marked."""
        ...

    def delete_opportunities(self, ids: Sequence[str]) -> None:
        """Remove opportunities and their roles (O3)."""
        ...

    def put_customers(self, page: Sequence[tuple[str, PersonId]]) -> None:
        """Who is the customer of an opportunity is known now, as (opportunity, person): the company follows (O1)."""
        ...

    def move_customer(self, person_id: PersonId, external_company_id: str | None) -> None:
        """A contact that is a customer moved to another company (O1)."""
        ...

    def put_roles(self, page: Sequence[Role]) -> None:
        """Add roles; one that is there stays one."""
        ...

    def roles_of(self, person_id: PersonId) -> list[Role]:
        """The roles of one person."""
        ...

    def drop_row_roles(self, opportunities: Sequence[str]) -> None:
        """Remove the roles that came from the opportunities' own rows."""
        ...

    def drop_connections(self, ids: Sequence[str]) -> None:
        """Remove the roles that came from these connections."""
        ...

    def versions(self, entity: str, ids: Sequence[str]) -> dict[str, int]:
        """The versions held, by id. `entity` is a marketing name such as `opportunity`."""
        ...

    def fields(self, entity: str, ids: Sequence[str]) -> dict[str, str]:
        """The field values (JSON) of sales people or teams, by id."""
        ...

    def find_owners(self, text: str) -> list[Owner]:
        """The sales people and teams with this id, e-mail or full name, ignoring case, those that are gone as well."""
        ...

    def ids(self, entity: str) -> Iterator[str]:
        """Every id held that Dynamics should still know, a few at a time."""
        ...


class MarketingDatabase(Protocol):
    """A marketing database, embedded or remote."""

    @property
    def people(self) -> People: ...

    @property
    def companies(self) -> Companies: ...

    @property
    def mirrors(self) -> Mirrors: ...

    def define_fields(self, definitions: Sequence[FieldDefinition]) -> None:
        """Make sure these fields exist, with their labels and options."""
        ...

    def field_definitions(self) -> list[FieldDefinition]:
        """Every field definition."""
        ...

    def counts(self) -> dict[str, tuple[int, int]]:
        """(records, of them deleted) by marketing name."""
        ...

    def build_indexes(self, entity: Entity) -> None:
        """The copy of `entity` is complete: build what only later look-ups need, and refresh the planner's figures."""
        ...

    def columns(self, entity: str) -> list[str]:
        """Every name an exported record of `entity` may hold, in order. Raises KeyError for an unknown entity."""
        ...

    def export(self, entity: str) -> Iterator[dict[str, Any]]:
        """Every record of `entity` by marketing field name, a few at a time. Raises KeyError for an unknown entity."""
        ...
