"""Reading rows: shapes, paging, annotations, and what is refused."""

import json
from typing import Any
from uuid import UUID

import pytest

from tandem.sandbox.store.organisation import Organisation

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
BASE = "http://127.0.0.1:1234/api/data/v9.2"
LONELY = "aaaaaaaa-0000-4000-8000-000000000002"


def contact_id(number: int) -> str:
    return str(UUID(int=(0xC << 124) + number * 7_919_777))


def numbers(body: Any) -> list[int]:
    """The numbers of the contacts in a body, in its order."""
    return [(UUID(row["contactid"]).int - (0xC << 124)) // 7_919_777 for row in body["value"]]


def test_a_row_has_what_was_selected_its_key_and_its_etag(people, reader) -> None:
    """Empty columns are null, lookups are `_x_value`, the key comes unasked, money brings its currency."""
    body = reader.page(f"contacts({contact_id(1)})?$select=firstname,birthdate,annualincome,_parentcustomerid_value")
    version = (people.get("contact", contact_id(1)) or {})["versionnumber"]

    assert {
        "@odata.context": f"{BASE}/$metadata#contacts(firstname,birthdate,annualincome,"
        "_parentcustomerid_value)/$entity",
        "@odata.etag": f'W/"{version}"',
        "firstname": "First01",
        "birthdate": None,
        "annualincome": -0.5,
        "_parentcustomerid_value": ACCOUNT,
        "_transactioncurrencyid_value": people.currency_id,
        "contactid": contact_id(1),
    } == body


def test_money_shows_four_decimals(people, reader) -> None:
    """The wire text is decimal with four digits, sign and all (reference 0.5)."""
    body = reader.get(f"contacts({contact_id(1)})?$select=annualincome").body

    assert b'"annualincome":-0.5000' in body


def test_without_select_every_column_comes(people, reader) -> None:
    """No `$select` means all readable columns."""
    body = reader.page(f"accounts({ACCOUNT})")
    expected = set(people.tables["account"].by_wire_name) | {"@odata.etag", "@odata.context"}

    assert expected == set(body)


def test_annotations_come_only_when_asked_for(people, reader) -> None:
    """`*` brings formatted values, target tables and navigation names; none for a null."""
    url = f"contacts({contact_id(1)})?$select=_parentcustomerid_value,donotemail,statecode,birthdate,createdon"
    plain = reader.page(url)
    full = reader.page(url, prefer='odata.include-annotations="*"')
    formatted = "OData.Community.Display.V1.FormattedValue"

    assert not [name for name in plain if "@" in name.strip("@")]
    assert {
        f"_parentcustomerid_value@{formatted}": "O'Brien & Söhne",
        "_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty": "parentcustomerid_account",
        "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        f"donotemail@{formatted}": "Allow",
        f"statecode@{formatted}": "Active",
        f"createdon@{formatted}": "1/2/2025 12:00 AM",
    } == {name: value for name, value in full.items() if "@" in name.strip("@")}


def test_one_annotation_can_be_asked_for_alone(people, reader) -> None:
    """A named annotation leaves the others out."""
    body = reader.page(
        "contacts?$select=_parentcustomerid_value&$top=1",
        prefer='odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"',
    )

    assert {
        "@odata.etag",
        "_parentcustomerid_value",
        "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname",
        "contactid",
    } == set(body["value"][0])


@pytest.mark.parametrize("size", [1, 3, 5, 12, 13])
@pytest.mark.parametrize(
    "order",
    ["", "&$orderby=firstname", "&$orderby=firstname desc", "&$orderby=lastname,createdon desc", "&$orderby=birthdate"],
    ids=["no order", "ascending", "descending", "ties and two directions", "mostly null"],
)
def test_pages_hold_every_row_once_in_order(people, reader, size: int, order: str) -> None:
    """Whatever the page size, the pages together are the listing without pages."""
    whole = numbers(reader.page(f"contacts?$select=contactid{order}"))
    pages = reader.every_page(f"contacts?$select=contactid{order}", prefer=f"odata.maxpagesize={size}")
    paged = [number for page in pages for number in numbers(page)]

    assert (12, whole) == (len(set(whole)), paged)


def test_a_row_written_between_two_pages_moves_nobody(people, reader) -> None:
    """Deleting a row already seen neither loses nor repeats another: pages begin at a place, not at an offset."""
    url, size = "contacts?$select=contactid", "odata.maxpagesize=5"
    first = reader.page(url, prefer=size)
    people.delete("contact", first["value"][0]["contactid"], actor=people.user_id)
    rest = reader.every_page(first["@odata.nextLink"], prefer=size)

    assert set(range(12)) == {number for page in [first, *rest] for number in numbers(page)}


def test_top_caps_unless_a_page_size_is_asked_for(people, reader) -> None:
    """`$top` ends the listing; with `odata.maxpagesize` it is passed over (reference 3.3)."""
    capped = reader.page("contacts?$select=contactid&$top=4")
    sized = reader.page("contacts?$select=contactid&$top=4", prefer="odata.maxpagesize=5")

    assert (4, False) == (len(capped["value"]), "@odata.nextLink" in capped)
    assert (5, True) == (len(sized["value"]), "@odata.nextLink" in sized)


def test_counts(people, reader) -> None:
    """`$count=true` counts what the filter leaves, `/$count` answers as text."""
    body = reader.page("contacts?$select=contactid&$count=true&$top=2&$filter=statecode eq 1")
    text = reader.get("contacts/$count?$filter=statecode eq 1")

    assert 3 == body["@odata.count"]
    assert (b"3", "text/plain") == (text.body, text.headers["Content-Type"])


def test_counts_stop_at_5000(organisation, reader) -> None:
    """The cap shows only in the annotations (reference 3.3)."""
    organisation.load("account", ({"accountid": str(UUID(int=number)), "name": "x"} for number in range(5_001)))
    body = reader.page("accounts?$select=name&$count=true", prefer='odata.include-annotations="*"')

    assert (5_000, 5_000, True) == (
        body["@odata.count"],
        body["@Microsoft.Dynamics.CRM.totalrecordcount"],
        body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"],
    )
    assert (b"5000", 5_000, True) == (
        reader.get("accounts/$count").body,
        len(body["value"]),
        "@odata.nextLink" in body,
    )


def test_a_property_alone(people, reader) -> None:
    """`/<column>` wraps the value, `/$value` is the bare text, null is 204 (reference 3.1)."""
    wrapped = reader.page(f"contacts({contact_id(1)})/emailaddress1")

    assert "p1@example.com" == wrapped["value"]
    assert b"p1@example.com" == reader.get(f"contacts({contact_id(1)})/emailaddress1/$value").body
    assert 204 == reader.get(f"contacts({contact_id(2)})/emailaddress1").status


def test_a_conditional_get_answers_304_while_the_etag_holds(people, reader) -> None:
    """The row's own ETag gives 304 without a body, an older one the row, the word null no condition."""
    url = f"contacts({contact_id(1)})?$select=firstname"
    etag = reader.get(url).headers["ETag"]
    same = reader.get(url, if_none_match=etag)
    people.update("contact", contact_id(1), {"firstname": "Ann"}, actor=people.user_id)

    assert (304, b"") == (same.status, same.body)
    assert 200 == reader.get(url, if_none_match=etag).status
    assert 200 == reader.get(url, if_none_match="null").status


def test_navigation(people, reader) -> None:
    """From a row to what it refers to, and to what refers to it."""
    parent = reader.page(f"contacts({contact_id(1)})/parentcustomerid_account?$select=name")
    children = reader.page(f"accounts({ACCOUNT})/contact_customer_accounts?$select=contactid&$filter=statecode eq 1")
    references = reader.page(f"accounts({ACCOUNT})/contact_customer_accounts/$ref")

    assert "O'Brien & Söhne" == parent["name"]
    assert [9, 10, 11] == sorted(numbers(children))
    assert 12 == len(references["value"])
    assert 204 == reader.get(f"contacts({contact_id(1)})/parentcustomerid_contact").status
    assert b"0" == reader.get(f"accounts({LONELY})/contact_customer_accounts/$count").body


def test_a_path_goes_on_behind_a_navigation_property(people, reader) -> None:
    """To a property, to a further row, to one member of a collection; 204 where a lookup is empty."""
    row, children = f"contacts({contact_id(1)})", f"accounts({ACCOUNT})/contact_customer_accounts"

    assert b"O'Brien & S\xc3\xb6hne" == reader.get(f"{row}/parentcustomerid_account/name/$value").body
    assert "First02" == reader.page(f"{children}({contact_id(2)})?$select=firstname")["firstname"]
    assert "Sync User" == reader.page(f"{children}({contact_id(2)})/owninguser?$select=fullname")["fullname"]
    assert 204 == reader.get(f"{row}/parentcustomerid_contact/firstname").status
    assert (404, "0x80040217") == reader.refusal(f"accounts({LONELY})/contact_customer_accounts({contact_id(2)})")
    assert (404, "0x80040217") == reader.refusal(f"accounts({contact_id(1)})/contact_customer_accounts")
    assert (404, "0x8006088a") == reader.refusal(f"{children}/nothing")


def test_references_have_options_and_pages(people, reader) -> None:
    """`/$ref` of a collection or of a set is filtered, sorted and paged as rows are."""
    url = f"accounts({ACCOUNT})/contact_customer_accounts/$ref?$filter=statecode eq 1&$orderby=createdon desc"
    pages = reader.every_page(url, prefer="odata.maxpagesize=2")
    found = [row["@odata.id"] for page in pages for row in page["value"]]

    assert [f"{BASE}/contacts({contact_id(number)})" for number in (11, 10, 9)] == found
    assert 12 == len(reader.page("contacts/$ref")["value"])
    assert (400, "0x80060888") == reader.refusal("contacts/$ref?$select=firstname")


def test_rows_are_sorted_by_what_they_refer_to(people, reader) -> None:
    """A path of lookups sorts, and pages by it hold every row once."""
    other = {"parentcustomerid": LONELY, "parentcustomerid_type": "account"}
    for number in (3, 7):
        people.update("contact", contact_id(number), other, actor=people.user_id)
    people.update("contact", contact_id(5), {"parentcustomerid": None}, actor=people.user_id)
    url = "contacts?$select=contactid&$orderby=parentcustomerid_account/name,createdon desc"
    pages = reader.every_page(url, prefer="odata.maxpagesize=3")

    assert [5, 7, 3, 11, 10, 9, 8, 6, 4, 2, 1, 0] == [number for page in pages for number in numbers(page)]


def test_values_are_formatted_by_their_type(people, reader) -> None:
    """Numbers with commas, money with its symbol, labels of choices, one or several, names of rows; text not at all."""
    for name, kind in (("choices", "choices"), ("decimal", "decimal"), ("double", "double"), ("yes", "boolean")):
        people.add_column("account", f"new_{name}", kind)
    values = {"new_choices": "1,3", "new_decimal": "1234.5", "new_double": "1234567.125", "new_yes": True}
    people.update("account", ACCOUNT, {**values, "industrycode": 1, "revenue": "-1234567.891"}, actor=people.user_id)
    columns = f"{','.join(values)},industrycode,revenue,numberofemployees,name,_ownerid_value,versionnumber"
    row = reader.page(f"accounts({ACCOUNT})?$select={columns}", prefer='odata.include-annotations="OData.*"')
    formatted = {name.partition("@")[0]: text for name, text in row.items() if name.endswith(".FormattedValue")}

    assert {
        "new_choices": "Red; Blue",
        "new_decimal": "1,234.5000000000",
        "new_double": "1,234,567.12500",
        "new_yes": "Yes",
        "industrycode": "Accounting",
        "revenue": "-$1,234,567.89",
        "numberofemployees": "1,234",
        "_ownerid_value": "Sync User",
        "versionnumber": f"{row['versionnumber']:,}",
    } == {name: text for name, text in formatted.items() if name != "_transactioncurrencyid_value"}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("*", {"associatednavigationproperty", "lookuplogicalname", "FormattedValue"}),
        ("Microsoft.Dynamics.CRM.*", {"associatednavigationproperty", "lookuplogicalname"}),
        ("OData.Community.Display.V1.*", {"FormattedValue"}),
        (
            "OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.lookuplogicalname",
            {"FormattedValue", "lookuplogicalname"},
        ),
        ("*,-Microsoft.Dynamics.CRM.*", {"FormattedValue"}),
        ("Display.*", set()),
    ],
)
def test_annotations_are_asked_for_by_name_or_by_pattern(people, reader, wanted: str, names: set[str]) -> None:
    """Each alone, all of a namespace, all but a namespace."""
    url = f"contacts({contact_id(1)})?$select=_parentcustomerid_value"
    response = reader.get(url, prefer=f'odata.include-annotations="{wanted}"')
    row = json.loads(response.body)

    assert names == {name.rpartition(".")[2] for name in row if name.startswith("_parentcustomerid_value@")}
    assert f'odata.include-annotations="{wanted}"' == response.headers["Preference-Applied"]


def test_a_link_is_encoded_whatever_it_was_made_from(people, reader) -> None:
    """A part of a `$batch` may hold blanks; a link may be asked for as it is (reference 3.5)."""
    first = reader.page("contacts?$select=contactid&$filter=firstname ne 'a b'", prefer="odata.maxpagesize=11")

    assert " " not in first["@odata.nextLink"]
    assert 1 == len(reader.page(first["@odata.nextLink"], prefer="odata.maxpagesize=11")["value"])


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("contacts?$select=firstnme", (400, "0x80060888")),
        ("contacts?$select=parentcustomeridname", (400, "0x80060888")),
        ("contacts?$select=ownerid", (400, "0x80060888")),
        ("contacts?$orderby=firstnme", (400, "0x80060888")),
        ("contacts?$orderby=firstname up", (400, "0x80060888")),
        ("contacts?$skip=3", (400, "0x80060888")),
        ("contacts?$search=x", (400, "0x80060888")),
        ("contacts?$format=json", (400, "0x80060888")),
        ("contacts?$Select=firstname", (400, "0x80060888")),
        ("contacts?select=firstname", (400, "0x80060888")),
        ("contacts?$top=-1", (400, "0x80060888")),
        ("contacts?$count=maybe", (400, "0x80060888")),
        ("contacts?$top=1&$top=2", (400, "0x80060888")),
        ("contacts?$skiptoken=nonsense", (400, "0x8004112A")),
        ("ontacts", (404, "0x8006088a")),
        ("Contacts", (404, "0x8006088a")),
        ("contacts/nothing", (404, "0x8006088a")),
        (f"contacts({ACCOUNT})", (404, "0x80040217")),
        (f"contacts({contact_id(1)})/nothing", (404, "0x8006088a")),
        ("contacts(12)", (400, "0x80060888")),
        ("contacts(emailaddress1='x')", (400, "0x80060890")),
        ("NoSuchFunction()", (404, "0x8006088a")),
    ],
)
def test_what_the_service_does_not_know_is_refused(people, reader, url: str, refusal: tuple[int, str]) -> None:
    """An unknown column, option, set, key or function has its documented status and code."""
    assert refusal == reader.refusal(url)


def test_a_cookie_belongs_to_its_order(people, reader) -> None:
    """A token used with another `$orderby` is refused."""
    link = reader.page("contacts?$select=contactid", prefer="odata.maxpagesize=2")["@odata.nextLink"]

    assert (400, "0x80041129") == reader.refusal(link + "&$orderby=firstname", prefer="odata.maxpagesize=2")


def test_errors_carry_annotations_when_asked_for(people, reader) -> None:
    """The error body grows with `*` (reference 7.1)."""
    body = json.loads(reader.get("ontacts", prefer='odata.include-annotations="*"').body)["error"]

    assert "@Microsoft.PowerApps.CDS.HelpLink" in body
    assert "@Microsoft.PowerApps.CDS.InnerError.Message" in body


def test_what_was_honoured_is_said(people, reader) -> None:
    """Preference-Applied repeats page size and annotations."""
    headers = reader.get(
        "contacts?$select=contactid", prefer='odata.maxpagesize=9000,odata.include-annotations="*"'
    ).headers

    assert 'odata.maxpagesize=5000,odata.include-annotations="*"' == headers["Preference-Applied"]


@pytest.mark.parametrize(
    "url",
    [
        "contacts?$filter=createdon ge 2025-13-45",
        "contacts?$filter=createdon ge 2025-02-30T00:00:00Z",
        "contacts?$filter=versionnumber gt 99999999999999999999",
        "contacts?$filter=statecode eq 1.5",
        "contacts?$filter=annualincome gt 1e30",
        "contacts?$filter=Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=[",
        "contacts?$filter=Microsoft.Dynamics.CRM.In()",
        "contacts?$filter=Microsoft.Dynamics.CRM.Between(PropertyName='statecode',PropertyValues=[\"1\"])",
        "contacts?$filter=(((",
        "contacts?$filter=",
        "contacts?$filter=%00",
        "contacts?$select=,",
        "contacts?$deltatoken=1!99/99/9999 00:00:00",
        "contacts?$deltatoken=!",
        "contacts?$skiptoken=%3Ccookie pagenumber='2' pagingcookie='%3Ccookie/%3E' istracking='True'/%3E",
        "EntityDefinitions?$filter=((",
        "EntityDefinitions()",
        "contacts()",
        "contacts(",
        "%ff",
        "contacts?$deltatoken=99999999999999999999!01/01/2099 00:00:00",
        "contacts?$filter=exchangerate eq 1e-99999999",
        "contacts?$filter=exchangerate eq 1e99999999",
        "contacts?$filter=annualincome eq 1e999990",
        "contacts?$filter=Microsoft.Dynamics.CRM.In(PropertyName='exchangerate',PropertyValues=['nan'])",
        "contacts?$apply=groupby((createdby/fullname),aggregate($count as createdby))",
    ],
)
def test_nonsense_is_refused_not_stumbled_over(people, reader, url: str) -> None:
    """Whatever comes, the answer is a documented error body with a 4xx status."""
    status, code = reader.refusal(url)

    assert (True, "0x8") == (400 <= status < 500, code[:3])


@pytest.mark.parametrize(
    "url",
    [
        "contacts?$top={digits}",
        "contacts?fetchXml=<fetch count='{digits}'><entity name='contact'/></fetch>",
        "contacts?$filter=contains(lastname,'{brackets}')",
        "contacts?$filter={brackets}",
        "contacts?$orderby={columns}",
        "EntityDefinitions?$filter={parentheses}",
        "RetrieveTotalRecordCount(EntityNames=@p)?@p={brackets}",
    ],
)
def test_what_is_too_long_is_refused_at_once(people, reader, url: str) -> None:
    """However it is too long: it is neither stumbled over nor worked through."""
    columns = people.tables["contact"].columns.values()
    paths = [f"{'masterid/' * depth}{column.wire_name}" for depth in range(3) for column in columns]
    status, code = reader.refusal(
        url.format(digits="9" * 5_000, brackets="[" * 20_000, parentheses="(" * 20_000, columns=",".join(paths))
    )

    assert (400, "0x8") == (status, code[:3])


@pytest.mark.parametrize(
    ("old", "new"),
    [("%253d%25221%2522%253e", "%253d%25220%2522%253e"), ("last%253d%2522", "last%253d%2522" + "9" * 30)],
    ids=["no page", "no number"],
)
def test_a_forged_place_is_refused(people, reader, old: str, new: str) -> None:
    """What the cookie says must be what a page could have said."""
    link = reader.page("contacts?$select=contactid&$orderby=versionnumber", prefer="odata.maxpagesize=5")[
        "@odata.nextLink"
    ]

    assert old in link
    assert (400, "0x8004112A") == reader.refusal(link.replace(old, new, 1))


@pytest.mark.parametrize("size", ["0", "²", "9" * 5_000, "many"])
def test_a_page_size_that_is_none_is_passed_over(people, reader, size: str) -> None:
    """As any preference that the service does not know."""
    answer = reader.get("contacts?$select=contactid", prefer=f"odata.maxpagesize={size}")

    assert (200, None) == (answer.status, answer.headers.get("Preference-Applied"))


def test_pages_sorted_by_many_columns_join_up(people, reader) -> None:
    """The place is told in all of them, and asking for it costs no more for that."""
    names = [column.wire_name for column in people.tables["contact"].columns.values() if column.name != "contactid"]
    names = ["statecode desc", *names[:60]]
    pages = reader.every_page(f"contacts?$select=contactid&$orderby={','.join(names)}", prefer="odata.maxpagesize=5")
    alone = reader.page(f"contacts?$select=contactid&$orderby={','.join(names)}")["value"]

    assert 12 == len(alone)
    assert alone == [row for page in pages for row in page["value"]]


@pytest.fixture
def rates(organisation: Organisation) -> Organisation:
    """Three currencies whose rates sort otherwise as text, each with one account of its name."""
    for number, rate in enumerate(("9", "10.5", "100")):
        currency = str(UUID(int=(0xD << 124) + number))
        organisation.load(
            "transactioncurrency",
            [{"transactioncurrencyid": currency, "currencyname": rate, "isocurrencycode": rate, "exchangerate": rate}],
        )
        account = {"accountid": str(UUID(int=(0xA << 124) + number)), "name": rate}
        organisation.load("account", [{**account, "transactioncurrencyid": currency}])
    return organisation


GROUPED = "groupby((name),aggregate(transactioncurrencyid/exchangerate with {} as rate))"
JOINED = (
    "<fetch {}><entity name='account'><attribute name='name'{}/><link-entity name='transactioncurrency' alias='c'"
    " from='transactioncurrencyid' to='transactioncurrencyid'>{}</link-entity></entity></fetch>"
)


@pytest.mark.parametrize(
    "query",
    [
        "$filter=transactioncurrencyid/exchangerate gt 9.5&$orderby=transactioncurrencyid/exchangerate",
        f"$apply=filter(name ne '9')/{GROUPED.format('max')}&$orderby=rate",
        f"$apply=filter(name ne '9')/{GROUPED.format('sum')}&$orderby=rate",
        f"$apply=filter(name ne '9')/{GROUPED.format('average')}&$orderby=rate",
    ],
    ids=["path", "greatest", "sum", "average"],
)
def test_decimals_compare_as_numbers_wherever_they_come_from(rates, reader, query: str) -> None:
    """Through a lookup, out of a group, and from one page to the next."""
    pages = reader.every_page(f"accounts?{query}", prefer="odata.maxpagesize=1")

    assert ["10.5", "100"] == [row["name"] for page in pages for row in page["value"]]


@pytest.mark.parametrize(
    ("aggregate", "name", "rate", "sort"),
    [
        ("", "", "", "attribute='exchangerate'"),
        ("distinct='true'", "", "", "attribute='exchangerate'"),
        (
            "aggregate='true'",
            " groupby='true' alias='name'",
            "<attribute name='exchangerate' alias='rate' aggregate='min'/>",
            "alias='rate'",
        ),
    ],
    ids=["link", "distinct", "aggregate"],
)
def test_decimals_compare_as_numbers_in_fetch_xml(
    rates, reader, aggregate: str, name: str, rate: str, sort: str
) -> None:
    """In conditions and orders of a link."""
    wanted = "<filter><condition attribute='exchangerate' operator='gt' value='9.5'/></filter>"
    rows = reader.page(f"accounts?fetchXml={JOINED.format(aggregate, name, f'{rate}<order {sort}/>{wanted}')}")["value"]

    assert ["10.5", "100"] == [row["name"] for row in rows]


@pytest.mark.parametrize(
    ("url", "index"),
    [
        ("contacts?$select=fullname", "PRIMARY KEY"),
        ("contacts?$filter=modifiedon ge 2025-01-01T00:00:00Z&$orderby=modifiedon,contactid", "contact$by_modifiedon"),
        (f"accounts({ACCOUNT})/contact_customer_accounts", "contact$by_parentcustomerid"),
    ],
    ids=["by id", "by time", "children"],
)
def test_pages_are_read_by_an_index(people, reader, url: str, index: str) -> None:
    """Neither the first page nor a later one sorts the table or reads it from its start."""
    statements: list[tuple[str, Any]] = []

    def note(cursor: object, sql: str, bindings: Any) -> bool:
        statements.append((sql, bindings))
        return True

    people.connection.exec_trace = note
    reader.every_page(url, prefer="odata.maxpagesize=5")
    people.connection.exec_trace = None
    pages = [(sql, bindings) for sql, bindings in statements if sql.startswith("SELECT CAST(concat")]
    plans = [
        [str(step[3]) for step in people.connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
        for sql, bindings in pages
    ]

    assert 3 == len(plans)
    assert [] == [plan for plan in plans if any("TEMP B-TREE" in step for step in plan)]
    assert all(index in plan[0] for plan in plans[1:])


@pytest.mark.parametrize("kind", ["by time", "delta"])
def test_the_last_page_costs_no_more_than_the_first(organisation, reader, kind: str) -> None:
    """A page begins where the one before ended, so its cost does not grow with the pages behind it."""
    rows = [
        {"contactid": contact_id(n), "lastname": "x", "createdon": f"2025-01-01T00:{n // 60:02}:{n % 60:02}Z"}
        for n in range(2_000)
    ]
    link = reader.page("contacts?$select=lastname", prefer="odata.track-changes")["@odata.deltaLink"]
    organisation.load("contact", rows)
    url = "contacts?$select=lastname&$filter=modifiedon ge 2025-01-01T00:00:00Z&$orderby=modifiedon,contactid"
    steps: list[int] = []
    counted = 0

    def count() -> bool:
        nonlocal counted
        counted += 1
        return False

    organisation.connection.set_progress_handler(count, 50)
    next_url: str | None = link if kind == "delta" else url
    while next_url:
        counted = 0
        next_url = reader.page(next_url, prefer="odata.maxpagesize=200").get("@odata.nextLink")
        steps.append(counted)
    organisation.connection.set_progress_handler(None)

    assert 10 == len(steps)
    assert max(steps[1:]) < 1.2 * steps[1]
