"""`$apply`: rows filtered, grouped and aggregated."""

from uuid import UUID

import pytest

from tandem.sandbox.query import grouping
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Depth, grant

BASE = "http://127.0.0.1:1234/api/data/v9.2"
FORMATTED = "OData.Community.Display.V1.FormattedValue"


@pytest.fixture
def sales(organisation: Organisation) -> Organisation:
    """Six opportunities of two customers, one without any; values 10 to 50 and one unknown."""
    one, two = (str(UUID(int=number)) for number in (1, 2))
    organisation.load("account", [{"accountid": one, "name": "One"}, {"accountid": two, "name": "Two"}])
    customers = [one, one, one, two, two, None]
    organisation.load(
        "opportunity",
        [
            {
                "opportunityid": str(UUID(int=100 + number)),
                "name": f"Sale {number % 2}",
                "customerid": customer,
                "customerid_type": customer and "account",
                "parentaccountid": customer,
                "estimatedvalue": None if number == 4 else str(10 * number + 10),
                "closeprobability": number,
                "estimatedclosedate": f"2025-01-{number + 1:02}",
                "createdon": f"2025-02-{number + 1:02}T00:00:00Z",
            }
            for number, customer in enumerate(customers)
        ],
    )
    return organisation


def groups(reader, apply: str, **headers: str):
    """The groups of an answer."""
    return reader.page(f"opportunities?$apply={apply}", **headers)["value"]


def test_rows_are_counted_beyond_the_cap_of_counts(organisation, reader) -> None:
    """`$count` inside an aggregate is exact (reference 3.3)."""
    organisation.load("account", ({"accountid": str(UUID(int=number)), "name": "x"} for number in range(5_001)))

    assert [{"n": 5_001}] == reader.page("accounts?$apply=aggregate($count as n)")["value"]


def test_values_are_aggregated_by_type(sales, reader) -> None:
    """An empty value takes no part; whole numbers stay whole, money has four digits, dates have ends."""
    body = reader.get(
        "opportunities?$apply=aggregate(estimatedvalue with sum as total,estimatedvalue with average as mean,"
        "closeprobability with average as chance,closeprobability with max as best,createdon with min as first,"
        "estimatedclosedate with max as last,name with countdistinct as names)"
    ).body

    assert (
        b'"value":[{"total":160.0000,"mean":32.0000,"chance":2,"best":5,"first":"2025-02-01T00:00:00Z",'
        b'"last":"2025-01-06","names":2}]'
    ) in body


def test_rows_are_grouped(sales, reader) -> None:
    """One group a value, and one of the rows that have none."""
    found = groups(reader, "groupby((_parentaccountid_value),aggregate($count as n,estimatedvalue with sum as total))")

    assert [
        {"_parentaccountid_value": None, "n": 1, "total": 60},
        {"_parentaccountid_value": str(UUID(int=1)), "n": 3, "total": 60},
        {"_parentaccountid_value": str(UUID(int=2)), "n": 2, "total": 40},
    ] == found


def test_groups_alone_are_the_distinct_values(sales, reader) -> None:
    """`groupby` needs no aggregate; several columns make one group together."""
    assert [{"name": "Sale 0"}, {"name": "Sale 1"}] == groups(reader, "groupby((name))")
    assert 5 == len(groups(reader, "groupby((name,_customerid_value))"))


def test_rows_are_filtered_first(sales, reader) -> None:
    """Filters come before the group, one after the other."""
    text = "filter(statecode eq 0 and closeprobability gt 0)/filter(name eq 'Sale 1')/aggregate($count as n)"

    assert [{"n": 3}] == groups(reader, text)


def test_groups_may_come_from_a_related_row(sales, reader) -> None:
    """A path of lookups is an object in the object."""
    found = groups(reader, "groupby((parentaccountid/name,parentaccountid/statecode),aggregate($count as n))")

    assert [
        {"parentaccountid": {"name": None, "statecode": None}, "n": 1},
        {"parentaccountid": {"name": "One", "statecode": 0}, "n": 3},
        {"parentaccountid": {"name": "Two", "statecode": 0}, "n": 2},
    ] == found


def test_groups_are_sorted_capped_and_paged(sales, reader) -> None:
    """By the names of the answer; whatever the page size, every group comes once."""
    text = "groupby((closeprobability),aggregate($count as n))"
    capped = groups(reader, f"{text}&$orderby=closeprobability desc&$top=2")
    pages = reader.every_page(f"opportunities?$apply={text}&$orderby=n desc", prefer="odata.maxpagesize=4")
    paged = [row["closeprobability"] for page in pages for row in page["value"]]

    assert [5, 4] == [row["closeprobability"] for row in capped]
    assert ([4, 2], list(range(6))) == ([len(page["value"]) for page in pages], paged)


def test_groups_have_annotations(sales, reader) -> None:
    """Labels of lookups and choices, formatted sums; the context names what there is."""
    url = "groupby((_customerid_value,statecode),aggregate(estimatedvalue with sum as total))&$orderby=total desc"
    body = reader.page(f"opportunities?$apply={url}", prefer='odata.include-annotations="*"')

    assert f"{BASE}/$metadata#opportunities(_customerid_value,statecode,total)" == body["@odata.context"]
    assert {
        f"_customerid_value@{FORMATTED}": "One",
        "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        "_customerid_value": str(UUID(int=1)),
        f"statecode@{FORMATTED}": "Open",
        "statecode": 0,
        f"total@{FORMATTED}": "$60.00",
        "total": 60,
    } == next(row for row in body["value"] if row["_customerid_value"] == str(UUID(int=1)))


def test_only_what_the_caller_may_read_is_aggregated(sales, reader) -> None:
    """The reach of the caller's Read privilege comes first (reference 1.7)."""
    with sales.transaction():
        sales.connection.execute("UPDATE opportunity SET ownerid = ? WHERE closeprobability > 1", (str(UUID(int=9)),))
        grant(sales.connection, sales.user_id, "prvReadOpportunity", Depth.BASIC)

    assert [{"n": 2}] == groups(reader, "aggregate($count as n)")


def test_too_many_rows_are_refused(sales, reader, monkeypatch) -> None:
    """The limit is of the rows looked at, not of the groups (reference 6.4)."""
    assert 50_000 == grouping.AGGREGATE_LIMIT
    monkeypatch.setattr(grouping, "AGGREGATE_LIMIT", 5)

    assert (400, "0x8004E023") == reader.refusal("opportunities?$apply=aggregate($count as n)")
    assert [{"n": 5}] == groups(reader, "filter(closeprobability gt 0)/aggregate($count as n)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "filter(statecode eq 0)",
        "aggregate()",
        "aggregate($count)",
        "aggregate(estimatedvalue with median as m)",
        "aggregate(nothing with sum as s)",
        "aggregate(name with sum as s)",
        "aggregate(_customerid_value with max as m)",
        "aggregate($count as n,closeprobability with sum as n)",
        "groupby(name)",
        "groupby((nothing))",
        "groupby((name),filter(statecode eq 0))",
        "groupby((name))/filter(statecode eq 0)",
        "groupby((name),aggregate($count as n)",
        "topcount(5,estimatedvalue)",
        "aggregate($count as n)&$filter=statecode eq 0",
        "aggregate($count as n)&$select=name",
        "aggregate($count as n)&$orderby=name",
        "aggregate($count as n)&$orderby=n up",
    ],
)
def test_what_cannot_be_applied_is_refused(sales, reader, text: str) -> None:
    """An unknown transformation, method, column or order, an aggregate that the type does not have: 400 0x80060888."""
    assert (400, "0x80060888") == reader.refusal(f"opportunities?$apply={text}")


def test_multi_select_choices_cannot_be_grouped_by(organisation, reader) -> None:
    """Nor sorted by (reference 2.8)."""
    organisation.add_column("account", "new_colours", "choices")

    assert (400, "0x80060888") == reader.refusal("accounts?$apply=groupby((new_colours))")
    assert (400, "0x80060888") == reader.refusal("accounts?$orderby=new_colours")
