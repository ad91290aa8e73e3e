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


@pytest.fixture
def people(organisation: Organisation) -> Organisation:
    """Two accounts and twelve contacts of the first, three of them inactive, one without a name."""
    organisation.load(
        "account",
        [
            {"accountid": ACCOUNT, "name": "O'Brien & Söhne", "revenue": "5000000", "numberofemployees": 1234},
            {"accountid": LONELY, "name": "Lonely"},
        ],
    )
    organisation.load(
        "contact",
        [
            {
                "contactid": contact_id(number),
                "firstname": None if number == 11 else f"First{number:02}",
                "lastname": "ÅKE" if number == 3 else f'Last_"{number % 4}',
                "emailaddress1": f"p{number}@example.com" if number % 2 else None,
                "donotemail": number == 5,
                "annualincome": "-0.5" if number == 1 else None,
                "birthdate": "1980-02-29" if number == 2 else None,
                "parentcustomerid": ACCOUNT,
                "parentcustomerid_type": "account",
                "statecode": int(number > 8),
                "createdon": f"2025-01-{number + 1:02}T00:00:00Z",
            }
            for number in range(12)
        ],
    )
    return organisation


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
        ("contacts?$expand=ownerid", (501, "0x8006088a")),
        ("contacts?$apply=aggregate($count as n)", (501, "0x8006088a")),
        ("contacts?fetchXml=%3Cfetch/%3E", (501, "0x8006088a")),
        ("ontacts", (404, "0x8006088a")),
        ("Contacts", (404, "0x8006088a")),
        ("contacts/nothing", (404, "0x8006088a")),
        (f"contacts({ACCOUNT})", (404, "0x80040217")),
        (f"contacts({contact_id(1)})/nothing", (404, "0x8006088a")),
        ("contacts(12)", (400, "0x80060888")),
        ("contacts(emailaddress1='x')", (400, "0x80060890")),
        ("RetrieveMetadataChanges(Query=@p1)?@p1={}", (501, "0x8006088a")),
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


@pytest.mark.parametrize(
    "header",
    ["MSCRMCallerID", "CallerObjectId", "MSCRM.BypassBusinessLogicExecution", "MSCRM.BypassCustomPluginExecution"],
)
def test_a_header_that_would_change_the_rules_is_refused_rather_than_ignored(people, reader, header: str) -> None:
    """Whose rights count, and whether the customer's logic runs (reference 5.8, 9.1)."""
    assert (501, "0x8006088a") == reader.refusal("contacts", **{header.lower(): "CustomSync"})


def test_what_was_honoured_is_said(people, reader) -> None:
    """Preference-Applied repeats page size and annotations."""
    headers = reader.get(
        "contacts?$select=contactid", prefer='odata.maxpagesize=9000,odata.include-annotations="*"'
    ).headers

    assert 'odata.maxpagesize=5000,odata.include-annotations="*"' == headers["Preference-Applied"]


FILTERS = {
    "statecode eq 1": [9, 10, 11],
    "statecode ne 0 and firstname ne null": [9, 10],
    "firstname eq null": [11],
    "firstname eq 'first03'": [3],
    "lastname eq 'åke'": [3],
    "contains(lastname,'åk')": [3],
    "contains(lastname,'t_')": [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11],
    "contains(firstname,'t_0')": [0, 10],
    "contains(firstname,'t[_]')": [],
    "startswith(firstname,'FIRST0') and not (donotemail eq true)": [0, 1, 2, 3, 4, 6, 7, 8, 9],
    "endswith(emailaddress1,'1@example.com')": [1, 11],
    "donotemail eq true or firstname eq 'First00'": [0, 5],
    "not (annualincome lt 0)": [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    "annualincome eq -0.5": [1],
    "birthdate eq 1980-02-29": [2],
    "createdon ge 2025-01-11T00:00:00Z": [10, 11],
    "createdon ge 2025-01-11T01:00:00+01:00 and createdon lt 2025-01-12": [10],
    f"_parentcustomerid_value eq {ACCOUNT} and firstname eq 'First04'": [4],
    "parentcustomerid_account/name eq 'o''brien & söhne' and statecode eq 1": [9, 10, 11],
    "firstname eq @who&@who='First07'": [7],
    "ownerid/ownerid ne null and firstname eq 'First01'": [1],
    'Microsoft.Dynamics.CRM.In(PropertyName=\'firstname\',PropertyValues=["First01","First02"])': [1, 2],
    "Microsoft.Dynamics.CRM.In(PropertyName=@p,PropertyValues=@v)&@p='statecode'&@v=['1']": [9, 10, 11],
    "Microsoft.Dynamics.CRM.NotIn(PropertyName='statecode',PropertyValues=['0'])": [9, 10, 11],
    "Microsoft.Dynamics.CRM.Between(PropertyName='createdon',PropertyValues="
    '["2025-01-02T00:00:00Z","2025-01-03T00:00:00Z"])': [1, 2],
    "Microsoft.Dynamics.CRM.OnOrAfter(PropertyName='createdon',PropertyValue='2025-01-12')": [11],
    "Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid') and statecode eq 1": [9, 10, 11],
}


@pytest.mark.parametrize(("text", "expected"), FILTERS.items(), ids=FILTERS)
def test_filters_find_their_rows(people, reader, text: str, expected: list[int]) -> None:
    """Each filter leaves exactly these contacts."""
    encoded = text.replace("+", "%2B").replace(" & ", "%20%26%20")

    assert expected == sorted(numbers(reader.page(f"contacts?$select=contactid&$filter={encoded}")))


@pytest.mark.parametrize(
    "text",
    [
        "firstnme eq 'x'",
        "firstname eq 5",
        "statecode eq 'x'",
        "statecode eq",
        "statecode is 1",
        "(statecode eq 1",
        "statecode eq 1)",
        "length(firstname) eq 3",
        "Microsoft.Dynamics.CRM.NoSuch(PropertyName='firstname')",
        "Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['x'])",
        "firstname eq @missing",
        "contains(statecode,'x')",
        "nothing/name eq 'x'",
        "firstname eq 'open",
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(people, reader, text: str) -> None:
    """Half understood is not understood: 400 0x80060888."""
    assert (400, "0x80060888") == reader.refusal(f"contacts?$filter={text}")


def test_a_filter_has_a_limit(people, reader) -> None:
    """Five hundred conditions are answered, one more is refused."""
    limit = " or ".join(["statecode eq 9"] * 500)

    assert [] == reader.page(f"contacts?$select=contactid&$filter={limit}")["value"]
    assert (400, "0x80044183") == reader.refusal(f"contacts?$filter={limit} or statecode eq 9")


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
    ],
)
def test_nonsense_is_refused_not_stumbled_over(people, reader, url: str) -> None:
    """Whatever comes, the answer is a documented error body with a 4xx status."""
    status, code = reader.refusal(url)

    assert (True, "0x8") == (400 <= status < 500, code[:3])


@pytest.mark.parametrize(
    ("url", "index"),
    [
        ("contacts?$select=fullname", "PRIMARY KEY"),
        ("contacts?$filter=modifiedon ge 2025-01-01T00:00:00Z&$orderby=modifiedon,contactid", "contact_by_modifiedon"),
        (f"accounts({ACCOUNT})/contact_customer_accounts", "contact_by_parentcustomerid"),
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
    pages = [(sql, bindings) for sql, bindings in statements if sql.startswith("SELECT concat")]
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
