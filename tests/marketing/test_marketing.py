"""The embedded marketing database as a whole: fields, counts, indexes and exports, on both databases."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tandem.database.port import Database
from tandem.database.statements import parse_statements
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import FieldDefinition, PutCompany
from tandem.model.entities import STANDARD
from tandem.model.ids import PersonId

AT = "2025-01-02T03:04:05Z"

Create = Callable[..., PersonId]

_CITY = FieldDefinition(
    entity="lead", api_name="city", label="City", type="text", max_length=80, precision=None, options=None
)
_REVENUE = FieldDefinition(
    entity="company", api_name="annualRevenue", label="Revenue", type="money", max_length=None, precision=2,
    options=None,
)  # fmt: skip
_KINDS = ("company", "salesperson", "team", "teammember", "campaign", "opportunity", "opportunityrole", "person")

_INDEX_NAMES = parse_statements("""
-- index_names (sqlite)
select name from sqlite_schema where type = 'index' and name not like 'sqlite_%';

-- index_names (postgresql)
select indexname from pg_indexes where schemaname = current_schema();
""")["index_names"]


def test_fields_are_defined_once_and_follow_their_latest_definition(
    database: Database, marketing: MarketingDatabase
) -> None:
    """A new label or other options change the definition, never add one."""
    german = FieldDefinition(
        entity="lead", api_name="city", label="Stadt", type="choice", max_length=None, precision=None,
        options='[[1,"Łódź"]]',
    )  # fmt: skip
    with database.transaction():
        marketing.define_fields([_CITY, _REVENUE])
    first = marketing.field_definitions()
    with database.transaction():
        marketing.define_fields([german])
        marketing.define_fields([])

    assert [_REVENUE, _CITY] == first
    found = marketing.field_definitions()
    assert [("company", "Revenue"), ("lead", "Stadt")] == [(each.entity, each.label) for each in found]
    assert ('[[1,"Łódź"]]', None) == ((found[1].options or "").replace(" ", ""), found[1].max_length)


def test_an_empty_database_counts_nothing(marketing: MarketingDatabase) -> None:
    """Every kind of record is named, roles also by the table they come from."""
    assert dict.fromkeys([*_KINDS, "connection", "customeropportunityrole"], (0, 0)) == marketing.counts()


def test_counts_are_plain_numbers(database: Database, marketing: MarketingDatabase, create: Create) -> None:
    """They go into JSON as they are; deleted people are counted apart."""
    person, _ = create(), create()
    with database.transaction():
        marketing.people.update([marketing.people.get([person])[person]._replace(is_deleted=True)], at=AT)

    counts = marketing.counts()
    assert (2, 1) == counts["person"]
    assert {int} == {type(number) for pair in counts.values() for number in pair}


def test_late_indexes_are_built_by_kind_and_only_once(database: Database, marketing: MarketingDatabase) -> None:
    """Building them again, after a re-baseline, is harmless."""
    before = set(database.all(_INDEX_NAMES))
    for _ in range(2):
        for entity in STANDARD:
            with database.transaction():
                marketing.build_indexes(entity)

    late = {"person_email", "person_company", "opportunity_customer"}
    late |= {"opportunity_role_person", "opportunity_role_source"}
    assert late == {name for (name,) in set(database.all(_INDEX_NAMES)) - before}


def test_a_person_is_exported_with_the_shared_companys_values(
    database: Database, marketing: MarketingDatabase, create: Create
) -> None:
    """They hide those of an earlier private company; numbers keep their digits."""
    with database.transaction():
        text = '{"company":"Acme","annualRevenue":10.50}'
        marketing.companies.put([PutCompany("acme", 1, False, None, text)], new=True, at=AT)
    create("a@example.com", company="acme", fields='{"company":"Mine","city":"Łódź"}')
    create(None, type=None, company="unknown")

    plain = {"externalSalesPersonId": None, "microsoftTeamId": None, "createdAt": AT, "updatedAt": AT}
    assert [
        {
            "id": 1, "microsoftType": "lead", "email": "a@example.com", "externalCompanyId": "acme",
            "microsoftIsDeleted": False, "company": "Acme", "annualRevenue": Decimal("10.50"), "city": "Łódź", **plain,
        },
        {
            "id": 2, "microsoftType": None, "email": None, "externalCompanyId": "unknown",
            "microsoftIsDeleted": False, **plain,
        },
    ] == list(marketing.export("person"))  # fmt: skip


def test_companies_are_exported_in_the_order_of_their_ids(database: Database, marketing: MarketingDatabase) -> None:
    """With what became of them."""
    page = [PutCompany("b", 1, True, "a", "{}"), PutCompany("a", 1, False, None, '{"company":"A"}')]
    with database.transaction():
        marketing.companies.put(page, new=True, at=AT)

    assert [
        {"externalCompanyId": "a", "isDeleted": False, "isExcluded": False, "mergedInto": None, "updatedAt": AT,
         "company": "A"},
        {"externalCompanyId": "b", "isDeleted": False, "isExcluded": True, "mergedInto": "a", "updatedAt": AT},
    ] == list(marketing.export("company"))  # fmt: skip


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_can_be_exported_when_empty(marketing: MarketingDatabase, kind: str) -> None:
    """Nothing is nothing, not an error."""
    assert [] == list(marketing.export(kind))


@pytest.mark.parametrize("kind", _KINDS)
def test_every_exported_value_has_a_column(
    database: Database, marketing: MarketingDatabase, create: Create, kind: str
) -> None:
    """The columns of a table hold every defined field, the company's for a person, each once."""
    with database.transaction():
        marketing.define_fields([_CITY, _REVENUE])
        marketing.companies.put([PutCompany("acme", 1, False, None, '{"annualRevenue":1}')], new=True, at=AT)
    create(company="acme", fields='{"city":"Ulm"}')

    columns = marketing.columns(kind)
    assert len(set(columns)) == len(columns)
    assert set() == {name for record in marketing.export(kind) for name in record} - set(columns)
    assert (kind == "person") == ("city" in columns)


def test_an_unknown_kind_cannot_be_exported(marketing: MarketingDatabase) -> None:
    """A typing error is told apart from an empty table."""
    with pytest.raises(KeyError):
        list(marketing.export("persons"))


def test_an_export_left_early_leaves_the_database_usable(marketing: MarketingDatabase, create: Create) -> None:
    """As when the reader of a pipe goes away."""
    create()
    create()

    assert 1 == next(iter(marketing.export("person")))["id"]
    assert 3 == create()
