"""The embedded marketing database as one object: the parts, the field definitions, counts and export."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from tandem.database.migrations import Migration, migrations_of
from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.projection import decode_fields
from tandem.marketing.embedded.companies import EmbeddedCompanies
from tandem.marketing.embedded.custom_objects import EmbeddedCustomObjects
from tandem.marketing.embedded.mirrors import EmbeddedMirrors
from tandem.marketing.embedded.people import EmbeddedPeople
from tandem.marketing.records import FieldDefinition
from tandem.model.entities import Entity

_SQL = load_statements("tandem.marketing.embedded")
_DEFINITION = ("entity", "api_name", "label", "type", "max_length", "precision", "options")
_INDEXES = {
    # Contacts are copied after leads: indexed any earlier, a random key would be paid for with each of them.
    Entity.CONTACT: ("index_people", "index_company_of_people"),
    Entity.OPPORTUNITY: ("index_customers",),
    Entity.CONNECTION: ("index_roles", "index_role_sources"),
}
_EXPORTED: dict[str, tuple[str, ...]] = {
    # The columns beside the JSON, by the name they are exported under.
    "company": ("externalCompanyId", "isDeleted", "isExcluded", "mergedInto", "updatedAt"),
    "opportunity": (
        "externalOpportunityId",
        "externalCompanyId",
        "externalSalesPersonId",
        "microsoftTeamId",
        "amount",
        "microsoftCurrencyId",
        "isClosed",
        "isWon",
        "isExcluded",
        "updatedAt",
    ),
    "salesperson": ("externalSalesPersonId", "isDisabled", "updatedAt"),
    "team": ("microsoftTeamId", "isDeleted", "updatedAt"),
    "campaign": ("microsoftCampaignId", "isActive", "externalSalesPersonId", "microsoftTeamId", "updatedAt"),
    "opportunityrole": ("externalOpportunityId", "personId", "role", "isPrimary"),
    "teammember": ("microsoftTeamMembershipId", "microsoftTeamId", "externalSalesPersonId"),
}
_VERSIONS = (
    "forget_company_versions",
    "forget_sales_person_versions",
    "forget_team_versions",
    "forget_team_member_versions",
    "forget_opportunity_versions",
    "forget_campaign_versions",
    "forget_custom_object_versions",
)
_CUSTOM_OBJECT = ("externalCustomObjectId", "personId", "externalCompanyId", "isExcluded", "updatedAt")
_PERSON = (
    "id",
    "microsoftType",
    "email",
    "externalCompanyId",
    "externalSalesPersonId",
    "microsoftTeamId",
    "microsoftIsDeleted",
    "createdAt",
    "updatedAt",
)
_DEFINED_AS: dict[str, tuple[str, ...]] = {"person": ("lead", "contact", "company")}
"""Whose definitions an exported record's fields have: a person is exported with its company's values."""
_FLAGS = {"isActive", "isDeleted", "isExcluded", "isClosed", "isWon", "isDisabled", "isPrimary", "microsoftIsDeleted"}


def marketing_migrations() -> list[Migration]:
    """The schema steps of the embedded marketing database."""
    return migrations_of("marketing", "tandem.marketing.embedded")


class EmbeddedMarketing:
    """See `tandem.marketing.port.MarketingDatabase`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.people = EmbeddedPeople(database)
        self.companies = EmbeddedCompanies(database)
        self.mirrors = EmbeddedMirrors(database)
        self.custom_objects = EmbeddedCustomObjects(database)

    def define_fields(self, definitions: Sequence[FieldDefinition]) -> None:
        rows = [{name: getattr(each, name) for name in _DEFINITION} for each in definitions]
        self._database.run_many(_SQL["put_field_definition"], rows)

    def field_definitions(self) -> list[FieldDefinition]:
        rows = self._database.all(_SQL["field_definitions"])
        return [FieldDefinition(**dict(zip(_DEFINITION, row, strict=True))) for row in rows]

    def parked(self) -> dict[str, int]:
        return dict(self._database.all(_SQL["count_parked"]))

    def counts(self) -> dict[str, tuple[int, int]]:
        return {name: (records, deleted) for name, records, deleted in self._database.all(_SQL["count_records"])}

    def forget_versions(self) -> None:
        for name in _VERSIONS:
            self._database.run(_SQL[name])

    def build_indexes(self, entity: Entity) -> None:
        own = () if entity.is_standard or entity.is_path else ("index_custom_objects",)
        for name in _INDEXES.get(entity, own):
            self._database.run(_SQL[name])
        self._database.run(_SQL["analyze"])

    def columns(self, entity: str) -> list[str]:
        names = _PERSON if entity == "person" else self._own_columns(entity)
        defined_as = _DEFINED_AS.get(entity, (entity,))
        fields = [each.api_name for each in self.field_definitions() if each.entity in defined_as]
        return list(dict.fromkeys([*names, *sorted(fields)]))

    def _own_columns(self, entity: str) -> tuple[str, ...]:
        """What an exported record of `entity` has beside its fields; whatever else has fields is a custom entity."""
        if entity not in _EXPORTED and any(each.entity == entity for each in self.field_definitions()):
            return _CUSTOM_OBJECT
        return _EXPORTED[entity]

    def export(self, entity: str) -> Iterator[dict[str, Any]]:
        if entity == "person":
            yield from self._export_people()
            return
        names = self._own_columns(entity)
        if names is _CUSTOM_OBJECT:
            rows = self._database.stream(_SQL["custom_objects"], entity=entity)
        else:
            rows = self._database.stream(_SQL[f"export_{entity}"])
        for row in rows:
            fields = decode_fields(row[len(names)]) if len(row) > len(names) else {}
            yield {**_named(names, row), **fields}

    def _export_people(self) -> Iterator[dict[str, Any]]:
        shared = {each.api_name for each in self.field_definitions() if each.entity == "company"}
        for row in self._database.stream(_SQL["export_person"]):
            own, company = decode_fields(row[9]), decode_fields(row[10])
            if row[10] is not None:
                # A shared company hides the private one the person had before, with its empty values too.
                own = {name: value for name, value in own.items() if name not in shared}
            yield {**_named(_PERSON, row), **own, **company}


def _named(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return {name: _exported(name, value) for name, value in zip(names, row[: len(names)], strict=True)}


def _exported(name: str, value: Any) -> Any:
    if name in _FLAGS:
        return bool(value)
    return Decimal(value) if name == "amount" and value is not None else value
