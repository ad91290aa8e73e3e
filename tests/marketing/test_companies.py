"""The shared companies: the contract of `Companies`, on both databases."""

import json
from collections.abc import Callable

import pytest

from tandem.database.port import Database
from tandem.database.statements import parse_statements
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import FROM_DYNAMICS, Company, CompanyChange, PutCompany
from tandem.model.ids import PersonId

AT, LATER = "2025-01-02T03:04:05Z", "2025-02-03T04:05:06Z"

Create = Callable[..., PersonId]

_LOGGED = parse_statements("""
-- logged
select external_company_id, field, old, new from company_activity order by id;
""")["logged"]


@pytest.fixture
def acme(database: Database, marketing: MarketingDatabase) -> str:
    """The id of a company at version 5."""
    with database.transaction():
        marketing.companies.put([PutCompany("acme", 5, False, None, '{"company":"Acme"}')], new=True, at=AT)
    return "acme"


def held(marketing: MarketingDatabase, company: str) -> Company:
    """The company, with its JSON in one spelling."""
    found = marketing.companies.get([company])[company]
    spelt = {"fields": _spelt(found.fields), "edited": found.edited and _spelt(found.edited)}
    return found._replace(**spelt)


def _spelt(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_a_page_of_new_companies_is_stored(database: Database, marketing: MarketingDatabase) -> None:
    """With whom they were merged into; one never stored is not found."""
    with database.transaction():
        marketing.companies.put(
            [PutCompany("a", 1, False, None, '{"company":"A"}'), PutCompany("b", 2**40, True, "a", "{}")],
            new=True,
            at=AT,
        )

    assert ["a", "b"] == sorted(marketing.companies.get(["a", "b", "c"]))
    assert Company("a", 1, False, False, None, None, '{"company":"A"}') == held(marketing, "a")
    assert Company("b", 2**40, False, True, "a", None, "{}") == held(marketing, "b")


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        pytest.param(6, True, id="a newer one"),
        pytest.param(5, True, id="the same, read under another selection"),
        pytest.param(4, False, id="an older one"),
    ],
)
def test_A3_an_older_version_changes_nothing(
    database: Database, marketing: MarketingDatabase, acme: str, version: int, taken: bool
) -> None:
    """A page that comes twice, or late, does not turn a company back."""
    before = held(marketing, acme)
    with database.transaction():
        marketing.companies.put([PutCompany(acme, version, False, None, '{"company":"New"}')], new=False, at=LATER)

    after = Company(acme, version, False, False, None, None, '{"company":"New"}')
    assert (after if taken else before) == held(marketing, acme)


def test_a_company_that_is_not_there_is_stored_by_an_update(database: Database, marketing: MarketingDatabase) -> None:
    """The caller need not know."""
    with database.transaction():
        marketing.companies.put([PutCompany("late", 1, False, None, "{}")], new=False, at=AT)

    assert Company("late", 1, False, False, None, None, "{}") == held(marketing, "late")


def test_A3_a_newer_row_forgets_what_was_edited_here(
    database: Database, marketing: MarketingDatabase, acme: str
) -> None:
    """Until then the edit and Dynamics' own values are both kept."""
    with database.transaction():
        marketing.companies.edit(acme, '{"company":"Mine"}', '{"company":"Acme"}', at=LATER)
    edited = held(marketing, acme)
    with database.transaction():
        marketing.companies.put([PutCompany(acme, 6, False, None, '{"company":"Acme"}')], new=False, at=LATER)

    assert Company(acme, 5, False, False, None, '{"company":"Acme"}', '{"company":"Mine"}') == edited
    assert Company(acme, 6, False, False, None, None, '{"company":"Acme"}') == held(marketing, acme)


def test_A5_a_deleted_company_keeps_its_values_and_may_come_back(
    database: Database, marketing: MarketingDatabase, acme: str
) -> None:
    """Marked, counted, and unmarked by a newer row."""
    with database.transaction():
        marketing.companies.delete([acme, "unknown"], at=LATER)
    deleted, counts = held(marketing, acme), marketing.counts()["company"]
    with database.transaction():
        marketing.companies.put([PutCompany(acme, 6, False, None, "{}")], new=False, at=LATER)

    assert Company(acme, 5, True, False, None, None, '{"company":"Acme"}') == deleted
    assert (1, 1) == counts
    assert Company(acme, 6, False, False, None, None, "{}") == held(marketing, acme)


def test_D8_a_parked_company_stays_stale_and_marked(
    database: Database, marketing: MarketingDatabase, acme: str, create: Create
) -> None:
    """Only its version moves; people do not show its values meanwhile."""
    create(company=acme)
    before = [each.get("company") for each in marketing.export("person")]
    with database.transaction():
        marketing.companies.park({acme: 9})

    assert Company(acme, 9, False, True, None, None, '{"company":"Acme"}') == held(marketing, acme)
    assert (["Acme"], [None]) == (before, [each.get("company") for each in marketing.export("person")])


def test_A4_people_are_counted_per_company(marketing: MarketingDatabase, acme: str, create: Create) -> None:
    """A company of nobody is not named, and people without one are not counted."""
    for company in (acme, acme, "other", None):
        create(company=company)

    assert {acme: 2} == marketing.companies.count_people([acme, "empty"])
    assert {acme: 2, "other": 1} == marketing.companies.count_people([acme, "other"])


@pytest.mark.parametrize("per_person", [True, False], ids=["per person", "at the company only"])
def test_A4_a_changed_value_is_logged(
    database: Database, marketing: MarketingDatabase, acme: str, create: Create, per_person: bool
) -> None:
    """At the company, and on each of its people but no other, as JSON; an emptied value is null."""
    people = [create(company=acme), create(company=acme), create(company="other")]
    changes = [
        CompanyChange(acme, "company", '"Acme"', '"Łódź %s"'),
        CompanyChange(acme, "numberOfEmployees", "7", None),
        CompanyChange("nobody", "company", None, '"N"'),
    ]
    with database.transaction():
        marketing.companies.log(changes, per_person=per_person, at=LATER, source=FROM_DYNAMICS)

    assert [(each.external_company_id, each.field, each.old, each.new) for each in changes] == database.all(_LOGGED)
    expected = [("company", '"Acme"', '"Łódź %s"'), ("numberOfEmployees", "7", None)] if per_person else []
    logs = [marketing.people.activities(person) for person in people]
    assert [expected, expected, []] == [[(each["field"], each["old"], each["new"]) for each in log] for log in logs]
    assert {("Change Data Value", LATER, FROM_DYNAMICS)} >= {
        (each["type"], each["at"], each["source"]) for log in logs for each in log
    }
