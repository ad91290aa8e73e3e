"""FetchXML: the shape of its rows, how tables are joined, and what is refused."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from tandem.sandbox.messages import Request
from tandem.sandbox.store.privileges import Depth, grant

BASE = "http://127.0.0.1:1234/api/data/v9.2"
PARENT = "aaaaaaaa-0000-4000-8000-000000000001"
EVERYTHING = 'odata.include-annotations="*"'


def contact_id(number: int) -> str:
    return f"cccccccc-0000-4000-8000-{number:012}"


def url(xml: str, entity_set: str = "contacts") -> str:
    return f"{entity_set}?fetchXml={quote(xml)}"


def contacts(inside: str, **attributes: str) -> str:
    """A query for the numbers of contacts."""
    said = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return url(f"<fetch{said}><entity name='contact'><attribute name='contactid'/>{inside}</entity></fetch>")


def numbers(body: Any) -> list[int]:
    return [int(row["contactid"][-12:]) for row in body["value"]]


# Rows


def test_a_row_has_its_etag_its_key_and_no_empty_columns(people, reader) -> None:
    """Null columns are absent, the key comes unasked, money brings its currency (reference 3.8)."""
    xml = (
        "<fetch><entity name='contact'><attribute name='firstname'/><attribute name='annualincome'/>"
        "<attribute name='parentcustomerid'/><filter><condition attribute='contactid' operator='in'>"
        f"<value>{contact_id(0)}</value><value>{{{contact_id(4).upper()}}}</value></condition></filter></entity></fetch>"
    )
    body = reader.page(url(xml))
    versions = [(people.get("contact", contact_id(number)) or {})["versionnumber"] for number in (0, 4)]

    assert {
        "@odata.context": f"{BASE}/$metadata#contacts(firstname,annualincome,_parentcustomerid_value,contactid)",
        "value": [
            {
                "@odata.etag": f'W/"{versions[0]}"',
                "firstname": "Ann",
                "annualincome": 10,
                "_parentcustomerid_value": PARENT,
                "_transactioncurrencyid_value": people.currency_id,
                "contactid": contact_id(0),
            },
            {"@odata.etag": f'W/"{versions[1]}"', "contactid": contact_id(4)},
        ],
    } == body


def test_aliases_and_joined_columns_have_names_of_their_own(people, reader) -> None:
    """`alias.column` or the alias alone; the column's name comes as an annotation, no navigation property."""
    xml = (
        "<fetch><entity name='contact'><attribute name='donotemail' alias='shy'/>"
        f"<filter><condition attribute='contactid' operator='eq' value='{contact_id(1)}'/></filter>"
        "<link-entity name='account' from='accountid' to='parentcustomerid' alias='acct'><attribute name='name'/>"
        "<attribute name='ownerid'/><attribute name='telephone1'/><attribute name='industrycode' alias='branch'/>"
        "</link-entity></entity></fetch>"
    )
    (row,) = reader.page(url(xml), prefer=EVERYTHING)["value"]
    row.pop("@odata.etag")
    label, name = "OData.Community.Display.V1.FormattedValue", "OData.Community.Display.V1.AttributeName"

    assert {
        f"shy@{name}": "donotemail",
        f"shy@{label}": "Do Not Allow",
        "shy": True,
        "contactid": contact_id(1),
        f"acct.name@{name}": "name",
        "acct.name": "Contoso",
        f"acct.ownerid@{name}": "ownerid",
        f"acct.ownerid@{label}": "Sync User",
        "acct.ownerid@Microsoft.Dynamics.CRM.lookuplogicalname": "systemuser",
        "acct.ownerid": people.user_id,
        f"branch@{name}": "industrycode",
        f"branch@{label}": "Agriculture and Non-petrol Natural Resource Extraction",
        "branch": 2,
    } == row


@pytest.mark.parametrize("said", ["", "<all-attributes/>"], ids=["none are named", "all are asked for"])
def test_all_columns_come_where(people, reader, said: str) -> None:
    """No attribute at all means every column."""
    condition = f"<filter><condition attribute='contactid' operator='eq' value='{contact_id(0)}'/></filter>"
    (row,) = reader.page(url(f"<fetch><entity name='contact'>{said}{condition}</entity></fetch>"))["value"]

    assert {"firstname", "fullname", "createdon", "_ownerid_value", "statecode", "donotemail"} <= row.keys()
    assert None not in row.values()


def test_a_link_without_an_alias_is_called_by_its_table_and_number(people, reader) -> None:
    """And a linked table shows nothing that is not named."""
    link = "<link-entity name='account' from='accountid' to='parentcustomerid'{}"
    named = link.format("><attribute name='name'/></link-entity>")
    (row, *_) = reader.page(contacts(link.format("/>") + named))["value"]

    assert {"@odata.etag", "contactid", "account2.name"} == row.keys()


def test_distinct_rows_have_no_key(people, reader) -> None:
    """A row that stands for several has neither key nor ETag."""
    xml = "<fetch distinct='true'><entity name='contact'><attribute name='firstname'/>{}</entity></fetch>"
    ordered = xml.format("<order attribute='firstname' descending='true'/>")

    assert [{"firstname": "Åke"}, {"firstname": "Dee"}, {"firstname": "Bo"}, {"firstname": "Ann"}, {}] == reader.page(
        url(ordered)
    )["value"]


# Links


def account_names(reader, inside: str) -> list[str]:
    xml = f"<fetch><entity name='account'><attribute name='name'/><order attribute='name'/>{inside}</entity></fetch>"
    return [row["name"] for row in reader.page(url(xml, "accounts"))["value"]]


def linked(type: str, name: str | None = "Ann") -> str:
    """Contacts of an account, with that first name."""
    condition = f"<filter><condition attribute='firstname' operator='eq' value='{name}'/></filter>" if name else ""
    return (
        f"<link-entity name='contact' from='parentcustomerid' to='accountid' link-type='{type}'>"
        f"{condition}</link-entity>"
    )


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        ("inner", ["Contoso", "Contoso", "Fabrikam"]),
        ("natural", ["Contoso", "Contoso", "Fabrikam"]),
        ("outer", ["Adventure", "Contoso", "Contoso", "Fabrikam"]),
        ("in", ["Contoso", "Fabrikam"]),
        ("exists", ["Contoso", "Fabrikam"]),
        ("matchfirstrowusingcrossapply", ["Contoso", "Fabrikam"]),
    ],
)
def test_a_join_gives_rows(people, reader, type: str, expected: Sequence[str]) -> None:
    """As many as match, or each once."""
    assert account_names(reader, linked(type, None)) == expected


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        ("any", ["Contoso"]),
        ("not any", ["Adventure", "Fabrikam"]),
        ("all", ["Fabrikam"]),
        ("not all", ["Contoso"]),
    ],
)
def test_a_link_inside_a_filter_finds(people, reader, type: str, expected: Sequence[str]) -> None:
    """`all` means that there are rows and none of them fits; `not all` means `any`. [k]"""
    assert account_names(reader, f"<filter>{linked(type)}</filter>") == expected


def test_a_filter_of_an_outer_link_is_part_of_the_join_unless_it_names_the_link(people, reader) -> None:
    """Inside the link it empties the joined columns, outside it takes the rows away."""
    condition = "<condition {}attribute='name' operator='eq' value='Fabrikam'/>"
    link = LINK.replace("/>", " link-type='outer'>{}</link-entity>")
    inside = contacts(link.format(f"<filter>{condition.format('')}</filter>"))
    named = condition.format("entityname='a' ")
    outside = contacts(f"<filter>{named}</filter>{link.format('')}")

    assert numbers(reader.page(inside)) == [0, 1, 2, 3, 4, 5]
    assert numbers(reader.page(outside)) == [2]


def test_links_nest_inside_one_that_shows_nothing(people, reader) -> None:
    """What is joined there is not part of the row, and its alias is not known outside."""
    inner = (
        "<link-entity name='account' from='accountid' to='parentcustomerid' alias='own'><attribute name='name'/>"
        "<filter><condition attribute='name' operator='eq' value='Fabrikam'/></filter></link-entity>"
    )
    outer = "<link-entity name='contact' from='parentcustomerid' to='accountid' link-type='{}'>{}</link-entity>"
    semijoin, condition = outer.format("exists", inner), f"<filter>{outer.format('any', inner)}</filter>"
    outside = "<filter><condition entityname='own' attribute='name' operator='not-null'/></filter>"
    xml = "<fetch><entity name='account'><attribute name='name'/>{}</entity></fetch>"

    for inside in (semijoin, condition):
        (row,) = reader.page(url(xml.format(inside), "accounts"))["value"]
        assert (row["name"], set(row)) == ("Fabrikam", {"@odata.etag", "name", "accountid"})
        assert reader.refusal(url(xml.format(inside + outside), "accounts")) == (400, "0x80044183")


def test_a_link_can_name_one_before_it_but_none_after_it(people, reader) -> None:
    """A join knows what is joined already."""
    link = LINK.replace("alias='a'/>", "link-type='outer' alias='{}'>{}</link-entity>")
    named = "<filter><condition entityname='{}' attribute='name' operator='eq' value='Contoso'/></filter>"
    before = contacts(link.format("a", "") + link.format("b", named.format("a")))
    after = contacts(link.format("a", named.format("b")) + link.format("b", ""))

    assert numbers(reader.page(before)) == [0, 1, 2, 3, 4, 5]
    assert reader.refusal(after) == (400, "0x80044183")


def test_links_nest_through_an_intersect_table(people, reader, writer) -> None:
    """Users and their teams, with `intersect` set or not."""
    team = writer.create("team", name="Movers")
    path = f"teams({team})/teammembership_association/$ref"
    writer.send("POST", path, {"@odata.id": f"{BASE}/systemusers({people.user_id})"})
    xml = (
        "<fetch><entity name='systemuser'><attribute name='fullname'/>"
        "<link-entity name='teammembership' from='systemuserid' to='systemuserid' intersect='true'>"
        "<link-entity name='team' from='teamid' to='teamid' alias='t'><attribute name='name'/></link-entity>"
        "</link-entity></entity></fetch>"
    )

    assert [(row["fullname"], row["t.name"]) for row in reader.page(url(xml, "systemusers"))["value"]] == [
        ("Sync User", "Movers")
    ]


def test_rows_are_sorted_by_labels_and_links_come_last(people, reader) -> None:
    """Lookups and choices sort by what they show, or choices by their numbers; a link's order comes after."""
    xml = "<fetch {}><entity name='account'><attribute name='name'/><order attribute='{}'/></entity></fetch>"

    def names(said: str, column: str) -> list[str]:
        return [row["name"] for row in reader.page(url(xml.format(said, column), "accounts"))["value"]]

    assert names("", "parentaccountid") == ["Contoso", "Fabrikam", "Adventure"]
    assert names("", "customertypecode") == ["Adventure", "Fabrikam", "Contoso"]
    assert names("useraworderby='true'", "customertypecode") == ["Adventure", "Contoso", "Fabrikam"]
    link = "<link-entity name='account' from='accountid' to='parentcustomerid' alias='a'>{}</link-entity>"
    own = "<order attribute='firstname' descending='true'/>"
    last = contacts(own + link.format("<order attribute='name'/>"))
    first = contacts(f"<order entityname='a' attribute='name'/>{own}{link.format('')}")
    assert numbers(reader.page(last)) == [2, 1, 0]
    assert numbers(reader.page(first)) == [1, 0, 2]


# Rights


def test_a_secured_column_is_absent_and_cannot_be_asked_about(people, reader) -> None:
    """Not even through a link (reference 1.8; the code is unconfirmed)."""
    people.secure_column("contact", "firstname")
    shown = "<attribute name='firstname'/>"
    condition = "<filter><condition attribute='firstname' operator='eq' value='Ann'/></filter>"

    assert all("firstname" not in row for row in reader.page(contacts(shown))["value"])
    assert reader.refusal(contacts(condition)) == (403, "0x8004f504")
    assert reader.refusal(contacts("<order attribute='firstname'/>")) == (403, "0x8004f504")


def test_a_joined_table_shows_only_what_the_caller_may_read(people, reader) -> None:
    """A missing privilege refuses the query, a shallow one leaves rows out (reference 1.7)."""
    link = "<link-entity name='account' from='accountid' to='parentcustomerid'/>"
    other = str(people.find("account", "name", "Fabrikam")[0])
    stranger = "dddddddd-0000-4000-8000-000000000001"
    people.load("systemuser", [{"systemuserid": stranger, "fullname": "Stranger"}])
    values = {"ownerid": stranger, "ownerid_type": "systemuser"}
    people.update("account", other, values, actor=people.user_id)
    with people.transaction():
        grant(people.connection, people.user_id, "prvReadAccount", Depth.BASIC)
    shallow = numbers(reader.page(contacts(link)))
    with people.transaction():
        grant(people.connection, people.user_id, "prvReadAccount", None)

    assert shallow == [0, 1]
    assert reader.refusal(contacts(link)) == (403, "0x80040220")


# What is refused

LINK = "<link-entity name='account' from='accountid' to='parentcustomerid' alias='a'/>"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("<fetch><entity name='contact'><attribute name='nosuch'/></entity></fetch>", (400, "0x80041103")),
        (contacts("<filter><condition attribute='nosuch' operator='null'/></filter>"), (400, "0x80041103")),
        (contacts("<order attribute='nosuch'/>"), (400, "0x80041103")),
        (contacts("<link-entity name='account' from='nosuch' to='parentcustomerid'/>"), (400, "0x80041103")),
        (contacts("<link-entity name='nosuch' from='a' to='parentcustomerid'/>"), (400, "0x80041102")),
        ("<fetch><entity name='account'/></fetch>", (400, "0x80060888")),
        ("<fetch><entity name='contact'>", (400, "0x80040201")),
        ("<!DOCTYPE fetch [<!ENTITY x 'y'>]><fetch><entity name='contact'/></fetch>", (400, "0x80040201")),
        ("<query/>", (400, "0x80040201")),
        ("<fetch/>", (400, "0x80044183")),
        (contacts("<columns/>"), (400, "0x80040201")),
        (contacts("", colour="red"), (400, "0x80040201")),
        (contacts("", distinct="maybe"), (400, "0x80040201")),
        (contacts("", count="0"), (400, "0x80044183")),
        (contacts("", top="5001"), (400, "0x80044183")),
        (contacts("", top="5", page="1"), (400, "0x80040203")),
        (contacts("", datasource="retained"), (501, "0x8006088a")),
        (contacts("<filter><condition attribute='firstname' operator='resembles'/></filter>"), (400, "0x80044183")),
        (contacts("<filter><condition attribute='statecode' operator='eq' value='x'/></filter>"), (400, "0x80060888")),
        (
            contacts("<filter><condition attribute='statecode' operator='like' value='1'/></filter>"),
            (400, "0x80044183"),
        ),
        (
            contacts("<filter><condition attribute='firstname' operator='eq' valueof='annualincome'/></filter>"),
            (400, "0x80044183"),
        ),
        (
            contacts("<filter><condition entityname='b' attribute='name' operator='null'/></filter>"),
            (400, "0x80044183"),
        ),
        (contacts(linked("any")), (400, "0x80044183")),
        (contacts("<filter type='xor'/>"), (400, "0x80044183")),
        (contacts(LINK + LINK), (400, "0x80041130")),
        (
            contacts("<attribute name='firstname' alias='x'/><attribute name='lastname' alias='x'/>"),
            (400, "0x80041130"),
        ),
        (contacts("<attribute name='firstname' alias='not a name'/>"), (400, "0x80044183")),
        (contacts(LINK.replace(" alias='a'", "") * 16), (400, "0x8004430D")),
        (
            contacts("<filter>" + "<condition attribute='fax' operator='null'/>" * 501 + "</filter>"),
            (400, "0x8004430C"),
        ),
        (contacts("") + "&$top=1", (400, "0x80060888")),
        (contacts("") + "&sql=SELECT", (400, "0x80060888")),
    ],
)
def test_what_the_service_does_not_take_is_refused(people, reader, query: str, expected: tuple[int, str]) -> None:
    """With the codes of the catalogue; those that the reference does not have are unconfirmed."""
    assert reader.refusal(url(query) if query.startswith("<") else query) == expected


# Places


def test_a_navigation_property_can_be_asked_in_fetch_xml(people, reader) -> None:
    """The query is then about the rows behind it."""
    xml = "<fetch><entity name='contact'><attribute name='firstname'/></entity></fetch>"

    body = reader.page(f"accounts({PARENT})/contact_customer_accounts?fetchXml={quote(xml)}")
    assert numbers(body) == [0, 1]


def test_a_long_query_goes_through_a_batch(people, reader) -> None:
    """A URL that is too long for a request of its own (reference 0.4)."""
    names = "".join(f"<value>{'n' * 100}{number}</value>" for number in range(400)) + "<value>Bo</value>"
    query = contacts(f"<filter><condition attribute='firstname' operator='in'>{names}</condition></filter>")
    assert 32_768 < len(query) < 65_536
    part = f"--b\r\nContent-Type: application/http\r\n\r\nGET /api/data/v9.2/{query} HTTP/1.1\r\n\r\n\r\n--b--\r\n"
    request = Request(
        method="POST",
        path="$batch",
        headers={"content-type": "multipart/mixed; boundary=b"},
        body=part.encode(),
        caller=people.user_id,
        base=BASE,
    )
    response = reader.application.handle(request)

    assert reader.get(query).status == 414
    assert response.status == 200
    assert contact_id(1).encode() in response.body
    assert contact_id(0).encode() not in response.body
