"""What goes in and out of a marketing database: its records as a page holds them, and what stands in a log.

A record names another one by the id both sides know, so a page can be stored whatever has arrived before it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

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
    CHANGE_OWNER = "Change Owner in Microsoft"
    CREATE_TASK = "Create Task in Microsoft"
    ADDED_TO_CAMPAIGN = "Added to Microsoft Campaign"
    REMOVED_FROM_CAMPAIGN = "Removed from Microsoft Campaign"


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


class Campaign(NamedTuple):
    """A campaign; `is_active` is 1 or 0, `fields` a JSON object by API name."""

    campaign_id: str
    version: int
    name: str | None
    is_active: int
    external_sales_person_id: str | None
    team_id: str | None
    fields: str


class PutCustomObject(NamedTuple):
    """A custom object as a newer row makes it; `reference` is the record it names, by the path of its entity."""

    id: str
    version: int
    reference: str | None
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
