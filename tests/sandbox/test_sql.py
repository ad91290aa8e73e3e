"""The read-only SQL of the Web API: what it finds, what its rows are like, and what it refuses."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from tandem.sandbox.store.organisation import Organisation

BASE = "http://127.0.0.1:1234/api/data/v9.2"
ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
LONELY = "aaaaaaaa-0000-4000-8000-000000000002"


def contact_id(number: int) -> str:
    return f"cccccccc-0000-4000-8000-{number:012}"


@pytest.fixture
def people(organisation: Organisation) -> Organisation:
    """Two accounts and five contacts, three of them of the first account; it is noon of a day in June."""
    organisation.clock = lambda: datetime(2025, 6, 15, 12, tzinfo=UTC)
    organisation.load("account", [{"accountid": ACCOUNT, "name": "Contoso"}, {"accountid": LONELY, "name": "Lonely"}])
    organisation.load(
        "contact",
        [
            {
                "contactid": contact_id(number),
                "firstname": ("Ann", "Bo", "Åke", None, "Dee")[number],
                "lastname": ("Ek", "O'Brien", "100%", "Ek", "ek")[number],
                "annualincome": (10, 20, None, 40, 50)[number],
                "parentcustomerid": ACCOUNT if number < 3 else None,
                "parentcustomerid_type": "account" if number < 3 else None,
                "createdon": f"2025-06-{11 + number}T12:00:00Z",
            }
            for number in range(5)
        ],
    )
    return organisation


def url(sql: str, entity_set: str = "contacts") -> str:
    return f"{entity_set}?sql={quote(sql)}"


def numbers(body: Any) -> list[int]:
    return [int(row["contactid"][-12:]) for row in body["value"]]


def test_a_row_is_like_one_of_fetch_xml(people, reader) -> None:
    """An ETag, the key, no empty columns, aliases by their names (reference 3.8)."""
    sql = "SELECT TOP 1 c.firstname AS First, c.annualincome, c.parentcustomerid FROM Contact AS c ORDER BY c.contactid"
    body = reader.page(url(sql))
    version = (people.get("contact", contact_id(0)) or {})["versionnumber"]

    assert {
        "@odata.context": f"{BASE}/$metadata#contacts(firstname,annualincome,_parentcustomerid_value,contactid)",
        "value": [
            {
                "@odata.etag": f'W/"{version}"',
                "First": "Ann",
                "annualincome": 10,
                "_transactioncurrencyid_value": people.currency_id,
                "_parentcustomerid_value": ACCOUNT,
                "contactid": contact_id(0),
            }
        ],
    } == body


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("firstname = 'ann'", [0]),
        ("firstname = N'åke'", [2]),
        ("lastname = 'O''Brien'", [1]),
        ("firstname <> 'ann'", [1, 2, 4]),
        ("firstname != 'ann'", [1, 2, 4]),
        ("annualincome > 20", [3, 4]),
        ("annualincome >= 20 AND annualincome < 50", [1, 3]),
        ("annualincome <= -1", []),
        ("firstname = 'Ann' OR firstname = 'Bo' AND annualincome = 10", [0]),
        ("(firstname = 'Ann' OR firstname = 'Bo') AND annualincome = 20", [1]),
        ("lastname LIKE 'e%'", [0, 3, 4]),
        ("lastname LIKE '%[%]'", [2]),
        ("firstname NOT LIKE '%e'", [0, 1]),
        ("firstname IN ('Ann', 'Bo')", [0, 1]),
        ("firstname NOT IN ('Ann', 'Bo')", [2, 4]),
        ("annualincome BETWEEN 20 AND 40", [1, 3]),
        ("annualincome NOT BETWEEN 20 AND 40", [0, 4]),
        ("firstname IS NULL", [3]),
        ("firstname is not null and annualincome is null", [2]),
        (f"parentcustomerid = '{ACCOUNT}'", [0, 1, 2]),
        ("createdon >= DATEADD(day, -2, GETUTCDATE())", [2, 3, 4]),
        ("createdon < DATEADD(month, -1, '2025-07-13 12:00:00')", [0, 1]),
        ("[firstname] = 'Ann' -- and nobody else", [0]),
        ("\"contact\".firstname = /* her */ 'Ann'", [0]),
    ],
)
def test_rows_are_found_where(people, reader, where: str, expected: Sequence[int]) -> None:
    """Text has no case, and no comparison holds for an empty column."""
    assert numbers(reader.page(url(f"SELECT contactid FROM contact WHERE {where}"))) == list(expected)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT c.firstname, a.name FROM contact c JOIN account a ON a.accountid = c.parentcustomerid",
            [("Ann", "Contoso"), ("Bo", "Contoso"), ("Åke", "Contoso")],
        ),
        (
            "SELECT c.firstname, a.name FROM contact c LEFT OUTER JOIN account AS a ON c.parentcustomerid = a.accountid"
            " AND (a.name LIKE 'x%' OR a.name = 'Lonely') WHERE c.annualincome < 30",
            [("Ann", None), ("Bo", None)],
        ),
        (
            "SELECT c.firstname, a.name FROM contact c INNER JOIN account a ON c.parentcustomerid = a.accountid"
            " WHERE a.name = 'Contoso' AND c.firstname <> 'Bo' ORDER BY a.name, c.firstname DESC",
            [("Åke", "Contoso"), ("Ann", "Contoso")],
        ),
    ],
    ids=["an inner join", "a left join with a filter", "conditions and an order on both"],
)
def test_tables_are_joined_by(people, reader, sql: str, expected: Sequence[tuple[str, str | None]]) -> None:
    """Columns of a joined table are called by its alias."""
    rows = reader.page(url(sql))["value"]

    assert [(row["firstname"], row.get("a.name")) for row in rows] == list(expected)


def test_a_chain_of_joins_leads_back_to_the_same_table(people, reader) -> None:
    """From a contact to its account and to the other contacts of that."""
    sql = (
        "SELECT c.contactid, other.firstname AS colleague FROM contact c"
        " JOIN account a ON c.parentcustomerid = a.accountid"
        " JOIN contact other ON other.parentcustomerid = a.accountid"
        " WHERE c.firstname = 'Ann' ORDER BY other.firstname DESC"
    )

    assert [row["colleague"] for row in reader.page(url(sql))["value"]] == ["Åke", "Bo", "Ann"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNT(*) AS n FROM contact", [{"n": 5}]),
        ("SELECT COUNT(*) FROM contact WHERE annualincome > 100", [{"count": 0}]),
        ("SELECT COUNT(firstname) AS n, COUNT(DISTINCT lastname) AS d FROM contact", [{"n": 4, "d": 3}]),
        (
            "SELECT SUM(annualincome) s, AVG(annualincome) a, MIN(annualincome) lo, MAX(annualincome) hi FROM contact",
            [{"s": 120, "a": 30, "lo": 10, "hi": 50}],
        ),
        (
            "SELECT a.name, COUNT(c.contactid) AS cnt FROM account a JOIN contact c ON a.accountid = c.parentcustomerid"
            " GROUP BY a.name ORDER BY a.name",
            [{"name": "Contoso", "cnt": 3}],
        ),
        ("SELECT DISTINCT lastname FROM contact WHERE annualincome IN (10, 40)", [{"lastname": "Ek"}]),
    ],
)
def test_rows_are_counted_grouped_and_made_distinct(
    people, reader, sql: str, expected: Sequence[Mapping[str, Any]]
) -> None:
    """What a value without an alias is called is unconfirmed."""
    entity_set = "accounts" if "FROM account" in sql else "contacts"

    assert reader.page(url(sql, entity_set))["value"] == list(expected)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("ORDER BY contactid DESC", [4, 3, 2, 1, 0]),
        ("ORDER BY Income DESC, contactid ASC", [4, 3, 1, 0, 2]),
        ("ORDER BY contactid OFFSET 3 ROWS", [3, 4]),
        ("ORDER BY contactid OFFSET 1 ROW FETCH NEXT 2 ROWS ONLY", [1, 2]),
    ],
)
def test_rows_are_ordered_and_passed_over(people, reader, tail: str, expected: Sequence[int]) -> None:
    """By a column or by an alias."""
    sql = f"SELECT contactid, annualincome AS Income FROM contact {tail}"

    assert numbers(reader.page(url(sql))) == list(expected)


@pytest.mark.parametrize(
    ("sql", "sizes"),
    [
        ("SELECT contactid FROM contact ORDER BY lastname", [2, 2, 1]),
        (
            "SELECT c.contactid, a.name FROM contact c LEFT JOIN account a ON a.accountid = c.parentcustomerid"
            " ORDER BY a.name DESC",
            [2, 2, 1],
        ),
        ("SELECT firstname, COUNT(*) n FROM contact GROUP BY firstname", [2, 2, 1]),
        ("SELECT DISTINCT firstname FROM contact", [2, 2, 1]),
        ("SELECT TOP 3 contactid FROM contact", [3]),
    ],
    ids=["rows", "rows sorted by a joined table", "groups", "distinct rows", "the first ones"],
)
def test_pages_are_linked_for(people, reader, sql: str, sizes: Sequence[int]) -> None:
    """`@odata.nextLink` leads through all of them, each once; TOP is one page."""
    pages = reader.every_page(url(sql), prefer="odata.maxpagesize=2")
    rows = [tuple(sorted(row.items())) for page in pages for row in page["value"]]

    assert [len(page["value"]) for page in pages] == list(sizes)
    assert len(set(rows)) == sum(sizes)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM contact", (400, "0x80044183")),
        ("SELECT nosuch FROM contact", (400, "0x80041103")),
        ("SELECT firstname FROM nosuch", (400, "0x80041102")),
        ("SELECT name FROM account", (400, "0x80060888")),
        ("DELETE FROM contact", (400, "0x80044183")),
        ("SELECT firstname FROM contact; SELECT 1", (400, "0x80044183")),
        ("SELECT firstname", (400, "0x80044183")),
        ("SELECT 1 FROM contact", (400, "0x80044183")),
        ("SELECT LEN(firstname) FROM contact", (400, "0x80044183")),
        ("SELECT firstname FROM contact WHERE firstname = NULL", (400, "0x80044183")),
        ("SELECT firstname FROM contact WHERE firstname = lastname", (400, "0x80044183")),
        ("SELECT firstname FROM contact WHERE 1 = 1", (400, "0x80044183")),
        ("SELECT firstname FROM contact WHERE contactid IN (SELECT contactid FROM contact)", (400, "0x80044183")),
        ("SELECT firstname FROM contact WHERE createdon > DATEADD(eon, 1, GETUTCDATE())", (400, "0x80044183")),
        ("SELECT firstname FROM contact WHERE annualincome = 'much'", (400, "0x80060888")),
        ("SELECT firstname FROM contact UNION SELECT name FROM account", (400, "0x80044183")),
        (
            "SELECT c.firstname FROM contact c RIGHT JOIN account a ON a.accountid = c.parentcustomerid",
            (400, "0x80044183"),
        ),
        ("SELECT c.firstname FROM contact c JOIN account a ON a.name = 'x'", (400, "0x80044183")),
        ("SELECT c.firstname FROM contact c JOIN account a ON c.contactid = c.contactid", (400, "0x80044183")),
        (
            "SELECT c.firstname FROM contact c JOIN account a ON a.accountid = c.parentcustomerid AND c.fax = 'x'",
            (400, "0x80044183"),
        ),
        ("SELECT createdon FROM contact c JOIN account a ON a.accountid = c.parentcustomerid", (400, "0x80044183")),
        ("SELECT x.firstname FROM contact c", (400, "0x80044183")),
        ("SELECT firstname, COUNT(*) FROM contact", (400, "0x80044183")),
        ("SELECT COUNT(*) n FROM contact GROUP BY lastname", (400, "0x80044183")),
        ("SELECT lastname, COUNT(*) n FROM contact GROUP BY lastname HAVING COUNT(*) > 1", (400, "0x80044183")),
        ("SELECT firstname FROM contact WHERE firstname = 'unclosed", (400, "0x80044183")),
        ("SELECT TOP 5001 firstname FROM contact", (400, "0x80044183")),
        ("", (400, "0x80044183")),
    ],
)
def test_what_is_not_of_the_subset_is_refused(people, reader, sql: str, expected: tuple[int, str]) -> None:
    """Said, never passed over; which codes the service has is unconfirmed."""
    assert reader.refusal(url(sql)) == expected


def test_a_secured_column_cannot_be_asked_about(people, reader) -> None:
    """As in every other language (reference 1.8)."""
    people.secure_column("contact", "firstname")

    assert reader.refusal(url("SELECT contactid FROM contact WHERE firstname = 'Ann'")) == (403, "0x8004f504")
