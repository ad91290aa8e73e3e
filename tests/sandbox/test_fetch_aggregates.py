"""Aggregate FetchXML: counts, sums, groups, parts of dates, and the cap of the service."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest

from tandem.sandbox.query import grouping
from tandem.sandbox.store.organisation import Organisation

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
OTHER = "aaaaaaaa-0000-4000-8000-000000000002"


@pytest.fixture
def people(organisation: Organisation) -> Organisation:
    """Six contacts of two accounts and of none; two earn the same, one nothing that is known."""
    organisation.load("account", [{"accountid": ACCOUNT, "name": "Contoso"}, {"accountid": OTHER, "name": "Fabrikam"}])
    parents = (ACCOUNT, ACCOUNT, ACCOUNT, OTHER, OTHER, None)
    organisation.load(
        "contact",
        [
            {
                "contactid": f"cccccccc-0000-4000-8000-{number:012}",
                "lastname": ("Ek", "ek", "Bo", "Bo", None, "Ek")[number],
                "annualincome": ("10.5", "20", "20", None, "-1", "0")[number],
                "importsequencenumber": (1, 2, 4, None, None, 9)[number],
                "parentcustomerid": parents[number],
                "parentcustomerid_type": parents[number] and "account",
                "createdon": ("2023-03-25", "2023-08-27", "2024-01-01", "2024-12-31", "2023-03-26", "2023-03-25")[
                    number
                ]
                + "T10:00:00Z",
            }
            for number in range(6)
        ],
    )
    return organisation


def url(inside: str, **attributes: str) -> str:
    said = "".join(f" {name}='{value}'" for name, value in attributes.items())
    xml = f"<fetch aggregate='true'{said}><entity name='contact'>{inside}</entity></fetch>"
    return f"contacts?fetchXml={quote(xml)}"


def made(column: str, aggregate: str, alias: str = "it", more: str = "") -> str:
    return f"<attribute name='{column}' alias='{alias}' aggregate='{aggregate}' {more}/>"


def grouped(column: str, alias: str = "by", part: str = "") -> str:
    return f"<attribute name='{column}' alias='{alias}' groupby='true' {part and f'dategrouping={part!r}'}/>"


@pytest.mark.parametrize(
    ("column", "aggregate", "more", "expected"),
    [
        ("contactid", "count", "", 6),
        ("importsequencenumber", "count", "", 6),
        ("importsequencenumber", "countcolumn", "", 4),
        ("annualincome", "countcolumn", "", 5),
        ("annualincome", "countcolumn", "distinct='true'", 4),
        ("lastname", "countcolumn", "distinct='true'", 2),
        ("annualincome", "sum", "", 49.5),
        ("annualincome", "avg", "", 9.9),
        ("annualincome", "min", "", -1),
        ("annualincome", "max", "", 20),
        ("importsequencenumber", "sum", "", 16),
        ("importsequencenumber", "avg", "", 4),
        ("createdon", "min", "", "2023-03-25T10:00:00Z"),
        ("createdon", "max", "", "2024-12-31T10:00:00Z"),
    ],
)
def test_a_table_has_one(people, reader, column: str, aggregate: str, more: str, expected: object) -> None:
    """Empty values count for nothing but in `count`; texts are the same whatever their case."""
    assert reader.page(url(made(column, aggregate, more=more)))["value"] == [{"it": expected}]


def test_nothing_adds_up_to_zero_and_has_no_average(people, reader) -> None:
    """Over no rows there is still one row."""
    none = "<filter><condition attribute='lastname' operator='eq' value='nobody'/></filter>"
    inside = (
        made("annualincome", "sum", "total") + made("annualincome", "avg", "mean") + made("contactid", "count", "n")
    )

    assert reader.page(url(inside + none))["value"] == [{"total": 0, "n": 0}]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (
            grouped("lastname"),
            [{"it": 1}, {"it": 2, "by": "Bo"}, {"it": 3, "by": "Ek"}],
        ),
        (
            grouped("lastname") + "<order alias='it' descending='true'/>",
            [{"it": 3, "by": "Ek"}, {"it": 2, "by": "Bo"}, {"it": 1}],
        ),
        (
            grouped("parentcustomerid"),
            [{"it": 1}, {"it": 3, "by": ACCOUNT}, {"it": 2, "by": OTHER}],
        ),
        (
            grouped("createdon", "y", "year") + grouped("createdon", "q", "quarter") + "<order alias='q'/>",
            [
                {"it": 3, "y": 2023, "q": 1},
                {"it": 1, "y": 2024, "q": 1},
                {"it": 1, "y": 2023, "q": 3},
                {"it": 1, "y": 2024, "q": 4},
            ],
        ),
        (
            grouped("createdon", "m", "month"),
            [{"it": 1, "m": 1}, {"it": 3, "m": 3}, {"it": 1, "m": 8}, {"it": 1, "m": 12}],
        ),
        (
            grouped("createdon", "d", "day"),
            [{"it": 1, "d": 1}, {"it": 2, "d": 25}, {"it": 1, "d": 26}, {"it": 1, "d": 27}, {"it": 1, "d": 31}],
        ),
        (
            grouped("createdon", "w", "week"),
            [{"it": 1, "w": 1}, {"it": 2, "w": 12}, {"it": 1, "w": 13}, {"it": 1, "w": 35}, {"it": 1, "w": 53}],
        ),
    ],
    ids=["a text", "a text, the most first", "a lookup", "quarters of years", "months", "days", "weeks from Sunday on"],
)
def test_rows_are_grouped_by(people, reader, inside: str, expected: Sequence[Mapping[str, Any]]) -> None:
    """An empty value is a group of its own, and absent from it."""
    rows = reader.page(url(made("contactid", "count") + inside))["value"]

    assert [
        {name: value.title() if name == "by" and len(value) == 2 else value for name, value in row.items()}
        for row in rows
    ] == [*expected]


def test_aggregates_have_their_annotations(people, reader) -> None:
    """What a value shows, which column it is of, and which table a grouped lookup leads to."""
    inside = made("annualincome", "sum", "total") + grouped("parentcustomerid", "parent")
    known = "<filter><condition attribute='parentcustomerid' operator='not-null'/></filter>"
    body = reader.page(url(inside + known), prefer='odata.include-annotations="*"')
    label, name = "OData.Community.Display.V1.FormattedValue", "OData.Community.Display.V1.AttributeName"

    assert body["value"][0] == {
        f"total@{name}": "annualincome",
        f"total@{label}": "$50.50",
        "total": 50.5,
        f"parent@{name}": "parentcustomerid",
        f"parent@{label}": "Contoso",
        "parent@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        "parent": ACCOUNT,
    }
    assert body["@Microsoft.Dynamics.CRM.morerecords"] is False


def test_joined_tables_take_part(people, reader) -> None:
    """A group by a column of the account, an aggregate of the contact."""
    link = (
        f"<link-entity name='account' from='accountid' to='parentcustomerid' alias='a'>{grouped('name')}</link-entity>"
    )

    assert reader.page(url(made("annualincome", "max") + link))["value"] == [
        {"it": 20, "by": "Contoso"},
        {"it": -1, "by": "Fabrikam"},
    ]


def test_groups_are_paged_by_number(people, reader) -> None:
    """There is no cookie for them."""
    prefer = 'odata.include-annotations="Microsoft.Dynamics.CRM.*"'
    bodies = [
        reader.page(url(grouped("createdon", "m", "month"), count="3", page=page), prefer=prefer) for page in "12"
    ]

    assert [[row["m"] for row in body["value"]] for body in bodies] == [[1, 3, 8], [12]]
    assert [body["@Microsoft.Dynamics.CRM.morerecords"] for body in bodies] == [True, False]
    assert not any("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie" in body for body in bodies)


def test_too_many_rows_are_refused(people, reader, monkeypatch) -> None:
    """Above 50,000, or above the lower limit that the query sets itself (reference 6.4)."""
    inside = made("contactid", "count")
    assert grouping.AGGREGATE_LIMIT == 50_000
    assert reader.refusal(url(inside, aggregatelimit="5")) == (400, "0x8004E023")
    assert reader.page(url(inside, aggregatelimit="6"))["value"] == [{"it": 6}]
    monkeypatch.setattr(grouping, "AGGREGATE_LIMIT", 5)
    assert reader.refusal(url(inside)) == (400, "0x8004E023")
    assert reader.refusal(url(inside, aggregatelimit="6")) == (400, "0x8004E023")


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("", (400, "0x80044183")),
        ("<attribute name='contactid' aggregate='count'/>", (400, "0x80044183")),
        ("<attribute name='contactid' alias='it'/>", (400, "0x80044183")),
        (made("contactid", "count", more="groupby='true'"), (400, "0x80044183")),
        (made("contactid", "median"), (400, "0x80044183")),
        (made("lastname", "sum"), (400, "0x80044183")),
        (made("lastname", "max"), (400, "0x80044183")),
        (made("nosuch", "count"), (400, "0x80041103")),
        (made("contactid", "count") * 2, (400, "0x80041130")),
        (grouped("lastname", part="month"), (400, "0x80044183")),
        (grouped("createdon", part="decade"), (400, "0x80044183")),
        (grouped("createdon", part="fiscal-year"), (501, "0x8006088a")),
        (made("contactid", "count") + "<order attribute='lastname'/>", (400, "0x80044183")),
    ],
    ids=[
        "nothing",
        "no alias",
        "neither an aggregate nor a group",
        "both",
        "an unknown aggregate",
        "the sum of texts",
        "the greatest of texts",
        "an unknown column",
        "the same alias twice",
        "the month of a text",
        "an unknown part",
        "a fiscal part",
        "an order by a column",
    ],
)
def test_what_cannot_be_aggregated_is_refused(people, reader, inside: str, expected: tuple[int, str]) -> None:
    """The codes are unconfirmed but for 0x80041103."""
    assert reader.refusal(url(inside)) == expected


def test_a_secured_column_cannot_be_aggregated(people, reader) -> None:
    """A sum would tell what a row may not (reference 1.8)."""
    people.secure_column("contact", "annualincome")

    assert reader.refusal(url(made("annualincome", "sum"))) == (403, "0x8004f504")
