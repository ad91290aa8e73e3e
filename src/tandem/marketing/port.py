"""What the sync asks of a marketing database, by the page.

Methods take a page of records and say what became of each, so that a remote subscription with batch calls fits behind
the same port as the embedded database. References between records are external ids (see the schema), so nothing here
waits for another record. Where the database is local the calls join the caller's transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from tandem.marketing.records import (
    Activity,
    ActivityType,
    Campaign,
    Company,
    CompanyChange,
    FieldDefinition,
    NewPerson,
    Owner,
    Person,
    PutCompany,
    PutCustomObject,
    PutOpportunity,
    Role,
)
from tandem.model.entities import Entity
from tandem.model.ids import PersonId


class People(Protocol):
    """The people, their history and what was edited here."""

    def create(self, page: Sequence[NewPerson], *, at: str) -> range:
        """Create people and return their ids, in order."""
        ...

    def get(self, ids: Iterable[int]) -> dict[PersonId, Person]:
        """The people with these ids; an id merged away is not found."""
        ...

    def made_at(self, ids: Iterable[int]) -> dict[PersonId, str]:
        """When the people with these ids were made, which never changes; ISO 8601 UTC."""
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

    def history(self, *, since: str = "", person_id: int | None = None) -> Iterator[dict[str, Any]]:
        """The entries of all activity logs, or of one person's, from a time on, oldest first, a few at a time."""
        ...

    def last_logged(self) -> int:
        """The number of the newest entry of all activity logs; 0 where there is none."""
        ...

    def count_log(self, person_id: PersonId) -> int:
        """How many entries one person's log has."""
        ...

    def empty_log(self, *, before: str, limit: int) -> int:
        """Forget the values, at most `limit` entries' of all logs, that were logged before then; how many had any."""
        ...

    def merged_into(self, person_id: PersonId) -> list[int]:
        """The ids that were merged into this person, however long ago."""
        ...

    def note_edit(self, person_id: PersonId, fields: Mapping[str, Any], *, at: str) -> None:
        """Append to the change feed: these fields were edited here. Called in the edit's own transaction."""
        ...

    def note_edits(self, page: Sequence[tuple[PersonId, Mapping[str, Any]]], *, at: str) -> None:
        """The same for many people."""
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

    def count_longer(self, entity: Entity, name: str, length: int) -> int:
        """How many leads or contacts hold a text of more than `length` characters in this field."""
        ...

    def moves(self, people: Sequence[int], *, since: str) -> dict[tuple[int, str], list[tuple[str | None, str | None]]]:
        """How fields of these people changed since a time: (source, new value as JSON) by (person, field), in order."""
        ...

    def by_email(self, emails: Sequence[str]) -> dict[str, list[PersonId]]:
        """Everybody with these e-mails, by e-mail in lower case."""
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

    def empty_log(self, *, before: str, limit: int) -> int:
        """The same for the companies' own logs."""
        ...


class Mirrors(Protocol):
    """What is copied one way and nothing more: sales people, teams, campaigns, opportunities and roles."""

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

    def put_campaigns(self, page: Sequence[Campaign], *, at: str) -> None:
        """Write campaigns."""
        ...

    def delete_campaigns(self, ids: Sequence[str]) -> None:
        """Remove campaigns (O3)."""
        ...

    def campaigns(self) -> list[Campaign]:
        """Every campaign, by name."""
        ...

    def find_campaigns(self, text: str) -> list[Campaign]:
        """The campaigns with this id or name, ignoring case."""
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

    def drop_roles(self, sources: Sequence[str]) -> None:
        """Remove the roles that came from these sources, such as `connection:ID`."""
        ...

    def role_sources(self, sources: Sequence[str]) -> set[str]:
        """Those of these sources that roles come from."""
        ...

    def role_sources_of(self, kind: str) -> Iterator[str]:
        """Every source that begins with `kind`, such as `connection:`, a few at a time."""
        ...

    def versions(self, entity: str, ids: Sequence[str]) -> dict[str, int]:
        """The versions held, by id. `entity` is a marketing name such as `opportunity`."""
        ...

    def fields(self, entity: str, ids: Sequence[str]) -> dict[str, str]:
        """The field values (JSON) of sales people, teams or opportunities, by id."""
        ...

    def find_owners(self, text: str) -> list[Owner]:
        """The sales people and teams with this id, e-mail or full name, ignoring case, those that are gone as well."""
        ...

    def ids(self, entity: str) -> Iterator[str]:
        """Every id held that Dynamics should still know, a few at a time."""
        ...

    def ids_after(self, entity: str, place: str, *, limit: int) -> list[str]:
        """Those of companies or opportunities that come after `place`, in their order."""
        ...


class CustomObjects(Protocol):
    """The records of custom entities. Whose they are is not asked for here: they name a record of Dynamics (C1)."""

    def versions(self, entity: Entity, ids: Sequence[str]) -> dict[str, int]:
        """The versions held, by id."""
        ...

    def put(self, entity: Entity, page: Sequence[PutCustomObject], *, new: bool, at: str) -> None:
        """Write custom objects; `new`: none of them is there yet. An older version changes nothing."""
        ...

    def park(self, entity: Entity, ids: Sequence[str]) -> None:
        """The filter says No now: they stay, stale and marked."""
        ...

    def empty(self, entity: Entity, ids: Sequence[str]) -> None:
        """Their person never returns: they stay without a value, and below every version (P9)."""
        ...

    def delete(self, entity: Entity, ids: Sequence[str]) -> None:
        """Remove custom objects (O3)."""
        ...

    def count(self, entity: Entity) -> int:
        """How many there are."""
        ...

    def ids(self, entity: Entity) -> Iterator[str]:
        """Every id held, a few at a time."""
        ...

    def ids_after(self, entity: Entity, place: str, *, limit: int) -> list[str]:
        """The ids after `place`, in their order."""
        ...

    def fields(self, entity: Entity, ids: Sequence[str]) -> dict[str, str]:
        """The field values (JSON), by id."""
        ...

    def forget(self, entity: Entity, *, limit: int) -> int:
        """Remove at most `limit` records of an entity that is not synced any more; returns how many there were."""
        ...


class MarketingDatabase(Protocol):
    """A marketing database, embedded or remote."""

    @property
    def people(self) -> People: ...

    @property
    def companies(self) -> Companies: ...

    @property
    def mirrors(self) -> Mirrors: ...

    @property
    def custom_objects(self) -> CustomObjects: ...

    def define_fields(self, definitions: Sequence[FieldDefinition]) -> None:
        """Make sure these fields exist, with their labels and options."""
        ...

    def field_definitions(self) -> list[FieldDefinition]:
        """Every field definition."""
        ...

    def parked(self) -> dict[str, int]:
        """How many companies, opportunities and custom objects are kept as they were: the filter says No now."""
        ...

    def counts(self) -> dict[str, tuple[int, int]]:
        """(records, of them deleted) by marketing name; a custom entity without a record is absent."""
        ...

    def forget_versions(self) -> None:
        """Whatever row of Dynamics comes next is newer than the record that is here, for all kinds of records (S9)."""
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
