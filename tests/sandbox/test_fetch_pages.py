"""Paging FetchXML: by cookie, by number, and how far."""

from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import pytest

from tandem.sandbox.store.organisation import Organisation

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
PAGING = 'odata.include-annotations="Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords"'
COOKIE = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
MORE = "@Microsoft.Dynamics.CRM.morerecords"
PEOPLE = 12


def contact_id(number: int) -> str:
    return f"cccccccc-0000-4000-8000-{number:012}"


@pytest.fixture
def people(organisation: Organisation) -> Organisation:
    """An account and twelve of its contacts; names repeat, one is missing, one is hard to encode."""
    names = ("Ann", None, 'O\'Brien & "Söhne" <50%25>')
    organisation.load("account", [{"accountid": ACCOUNT, "name": "Contoso"}])
    organisation.load(
        "contact",
        [
            {
                "contactid": contact_id(number),
                "lastname": names[number % 3],
                "importsequencenumber": number % 4,
                "parentcustomerid": ACCOUNT,
                "parentcustomerid_type": "account",
            }
            for number in range(PEOPLE)
        ],
    )
    return organisation


def url(inside: str = "", table: str = "contact", **attributes: Any) -> str:
    said = "".join(f" {name.replace('_', '-')}={quoteattr(str(value))}" for name, value in attributes.items())
    xml = f"<fetch{said}><entity name='{table}'>{inside}</entity></fetch>"
    return f"{table}s?fetchXml={quote(xml)}"


def numbers(body: Any) -> list[int]:
    return [int(row["contactid"][-12:]) for row in body["value"]]


def inner_cookie(body: Any) -> tuple[int, str]:
    """The number of the next page and the cookie for it, as every client reads them (reference 3.8)."""
    outer = ElementTree.fromstring(body[COOKIE])
    return int(outer.attrib["pagenumber"]), unquote(unquote(outer.attrib["pagingcookie"]))


def every_page(reader, inside: str, *, table: str = "contact", count: int = 5) -> list[Any]:
    """The pages as a client gets them that puts each cookie into its next query."""
    pages = [reader.page(url(inside, table, count=count), prefer=PAGING)]
    while pages[-1][MORE]:
        assert len(pages) < PEOPLE
        number, cookie = inner_cookie(pages[-1])
        pages.append(reader.page(url(inside, table, count=count, page=number, paging_cookie=cookie), prefer=PAGING))
    return pages


def test_the_cookie_is_encoded_twice_and_tells_both_ends(people, reader) -> None:
    """The very text of the annotation, lower-case escapes and all (reference 3.8)."""
    body = reader.page(url("<attribute name='lastname'/>", count=2), prefer=PAGING)
    ids = [contact_id(number).upper() for number in (0, 1)]

    assert body[COOKIE] == (
        '<cookie pagenumber="2" pagingcookie="%253ccookie%2520page%253d%25221%2522%253e%253ccontactid%2520last%253d'
        f"%2522%257b{ids[1]}%257d%2522%2520first%253d%2522%257b{ids[0]}%257d%2522%2520%252f%253e%253c%252fcookie%253e"
        '" istracking="False" />'
    )
    assert body[MORE] is True
    assert "@odata.nextLink" not in body


@pytest.mark.parametrize(
    "order",
    [
        "",
        "<order attribute='lastname'/>",
        "<order attribute='lastname' descending='true'/>",
        "<order attribute='importsequencenumber' descending='true'/><order attribute='lastname'/>",
        "<order attribute='parentcustomerid'/>",
        "<order attribute='statecode'/><order attribute='createdon'/>",
    ],
    ids=[
        "the key",
        "a name",
        "a name backwards",
        "a number and a name",
        "the name of a lookup",
        "a label and a moment",
    ],
)
def test_cookies_lead_through_all_rows_sorted_by(people, reader, order: str) -> None:
    """Each row once and in the order of the whole, empty values and odd characters included."""
    whole = numbers(reader.page(url(order)))
    pages = every_page(reader, order)

    assert [number for page in pages for number in numbers(page)] == whole
    assert sorted(whole) == list(range(PEOPLE))
    assert [len(page["value"]) for page in pages] == [5, 5, 2]
    assert [(page[MORE], COOKIE in page) for page in pages] == [(True, True), (True, True), (False, False)]


def test_a_row_added_before_the_place_moves_nothing(people, reader) -> None:
    """A cookie is a place between rows, not a number of rows."""
    first = reader.page(url(count=5), prefer=PAGING)
    people.load("contact", [{"contactid": contact_id(0).replace("c", "b")}])
    number, cookie = inner_cookie(first)

    assert numbers(reader.page(url(count=5, page=number, paging_cookie=cookie))) == [5, 6, 7, 8, 9]


def test_rows_that_a_join_repeats_are_not_lost_between_pages(people, reader) -> None:
    """One account with twelve contacts is twelve rows."""
    link = (
        "<attribute name='name'/><link-entity name='contact' from='parentcustomerid' to='accountid' alias='c'>"
        "<attribute name='contactid'/></link-entity>"
    )
    pages = every_page(reader, link, table="account")

    found = [row["c.contactid"] for page in pages for row in page["value"]]
    assert found == [contact_id(number) for number in range(PEOPLE)]


def test_a_query_sorted_by_a_joined_table_has_no_cookie(people, reader) -> None:
    """It is paged by number alone, as the SDKs expect."""
    link = (
        "<link-entity name='account' from='accountid' to='parentcustomerid' alias='a'>"
        "<order attribute='name'/></link-entity>"
    )
    bodies = [reader.page(url(link, count=5, page=page), prefer=PAGING) for page in (1, 2, 3)]

    assert [(body[MORE], COOKIE in body) for body in bodies] == [(True, False), (True, False), (False, False)]
    assert [numbers(body) for body in bodies] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]


def test_pages_can_be_had_by_number_up_to_fifty_thousand_rows(people, reader) -> None:
    """Deeper needs a cookie (reference 3.8, 6.4; the code is the catalogue's)."""
    assert numbers(reader.page(url(count=5, page=2))) == [5, 6, 7, 8, 9]
    assert numbers(reader.page(url(count=5000, page=10))) == []
    assert reader.refusal(url(count=5000, page=11)) == (400, "0x8004430A")


def test_annotations_come_only_when_asked_for(people, reader) -> None:
    """Neither the cookie nor whether there is more."""
    assert reader.page(url(count=5)).keys() == {"@odata.context", "value"}


def test_the_page_size_may_come_from_the_prefer_header(people, reader) -> None:
    """Where the query does not say one itself."""
    asked = reader.get(url(), prefer="odata.maxpagesize=3")
    said = reader.get(url(count=4), prefer="odata.maxpagesize=3")

    assert asked.headers["Preference-Applied"] == "odata.maxpagesize=3"
    assert asked.body.count(b'"contactid"') == 3
    assert "Preference-Applied" not in said.headers
    assert said.body.count(b'"contactid"') == 4


def test_top_is_all_there_is(people, reader) -> None:
    """No page follows it."""
    body = reader.page(url(top=5), prefer=PAGING)

    assert (len(body["value"]), body[MORE], COOKIE in body) == (5, False, False)


@pytest.mark.parametrize("asked", ["in the query", "by $count"])
def test_the_total_can_be_asked_for(people, reader, asked: str) -> None:
    """`returntotalrecordcount`, and `$count` beside a FetchXML query. [k]"""
    query = url(count=5, returntotalrecordcount="true") if asked == "in the query" else url(count=5) + "&$count=true"
    body = reader.page(query, prefer='odata.include-annotations="*"')

    assert body["@odata.count"] == PEOPLE
    assert body["@Microsoft.Dynamics.CRM.totalrecordcount"] == PEOPLE
    assert body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        ("nonsense", (400, "0x8004112A")),
        ('<cookie page="x"><contactid last="{}"/></cookie>', (400, "0x8004112A")),
        ('<cookie page="1"><contactid/></cookie>', (400, "0x8004112A")),
        ('<cookie page="1"><lastname last="Ann"/></cookie>', (400, "0x80041129")),
    ],
    ids=["no XML", "no number", "no value", "another order"],
)
def test_a_cookie_is_refused_that_has(people, reader, cookie: str, expected: tuple[int, str]) -> None:
    """The codes are the catalogue's, which one comes is unconfirmed (reference 3.5)."""
    assert reader.refusal(url(count=5, page=2, paging_cookie=cookie)) == expected


def test_distinct_rows_are_paged_by_number(people, reader) -> None:
    """They have no key that a cookie could hold."""
    inside = "<attribute name='importsequencenumber'/><order attribute='importsequencenumber'/>"
    bodies = [reader.page(url(inside, distinct="true", count=3, page=page), prefer=PAGING) for page in (1, 2)]

    assert [[row["importsequencenumber"] for row in body["value"]] for body in bodies] == [[0, 1, 2], [3]]
    assert [(body[MORE], COOKIE in body) for body in bodies] == [(True, False), (False, False)]
