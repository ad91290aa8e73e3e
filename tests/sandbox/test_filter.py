"""`$filter`: which rows each filter finds, and which filters are refused."""

from typing import Any
from uuid import UUID

import pytest

from tandem.sandbox.store.privileges import Depth, grant

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
LONELY = "aaaaaaaa-0000-4000-8000-000000000002"


def numbers(body: Any) -> list[int]:
    """The numbers of the contacts in a body, in ascending order."""
    return sorted((UUID(row["contactid"]).int - (0xC << 124)) // 7_919_777 for row in body["value"])


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

    assert expected == numbers(reader.page(f"contacts?$select=contactid&$filter={encoded}"))


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


RELATED = {
    "contact_customer_accounts/any(c:c/firstname eq 'First03')": ["O'Brien & Söhne"],
    "contact_customer_accounts/any(c:c/firstname eq 'nobody')": [],
    "contact_customer_accounts/any()": ["O'Brien & Söhne"],
    "not contact_customer_accounts/any()": ["Lonely"],
    "contact_customer_accounts/all(c:c/statecode eq 1)": ["Lonely"],
    "contact_customer_accounts/all(c:c/lastname ne null)": ["Lonely", "O'Brien & Söhne"],
    "contact_customer_accounts/any(c:c/parentcustomerid_account/name eq name)": ["O'Brien & Söhne"],
    "contact_customer_accounts/any(c:c/statecode eq 1 and contact_customer_accounts/any(d:d/lastname eq c/lastname"
    " and d/statecode eq 0))": ["O'Brien & Söhne"],
    "contact_customer_accounts/any(c:c/Microsoft.Dynamics.CRM.On("
    "PropertyName='createdon',PropertyValue='2025-01-02'))": ["O'Brien & Söhne"],
    "contact_customer_accounts/any(c:c/statecode eq 1) or name eq 'lonely'": ["Lonely", "O'Brien & Söhne"],
    "primarycontactid/contact_customer_contacts/any()": [],
    "contact_customer_accounts/any(c:c/ownerid/ownerid eq ownerid/ownerid)": ["O'Brien & Söhne"],
    "primarycontactid/ownerid/ownerid ne null": [],
    "owninguser/teammembership_association/any(t:t/isdefault eq true)": [],
}


@pytest.mark.parametrize(("text", "expected"), RELATED.items(), ids=RELATED)
def test_filters_reach_into_related_rows(people, reader, text: str, expected: list[str]) -> None:
    """Lambdas over collections and paths through lookups, in any nesting (reference 3.2)."""
    encoded = text.replace(" & ", "%20%26%20")
    body = reader.page(f"accounts?$select=name&$filter={encoded}")

    assert expected == sorted(row["name"] for row in body["value"])


def test_a_lambda_follows_a_many_to_many_relationship(people, reader) -> None:
    """From users to their teams and back."""
    team = "bbbbbbbb-0000-4000-8000-000000000001"
    people.load("team", [{"teamid": team, "name": "The readers", "businessunitid": people.business_unit_id}])
    member = {"teamid": team, "systemuserid": people.user_id}
    people.insert("teammembership", "bbbbbbbb-0000-4000-8000-000000000002", member, actor=people.user_id)
    users = reader.page(
        "systemusers?$select=systemuserid&$filter=teammembership_association/any(t:t/name eq 'the readers')"
    )
    teams = reader.page(
        f"teams?$select=name&$filter=teammembership_association/any(u:u/systemuserid eq {people.user_id})"
    )

    assert [people.user_id] == [row["systemuserid"] for row in users["value"]]
    assert ["The readers"] == [row["name"] for row in teams["value"]]


def test_text_reached_through_a_lookup_compares_whatever_its_case(people, reader) -> None:
    """As the column's own text does."""
    people.update(
        "contact", ids(0), {"parentcustomerid": LONELY, "parentcustomerid_type": "account"}, actor=people.user_id
    )

    assert [0] == numbers(reader.page("contacts?$filter=parentcustomerid_account/name eq 'LONELY'"))


def ids(number: int) -> str:
    """The id of a contact by its number."""
    return str(UUID(int=(0xC << 124) + number * 7_919_777))


PATTERNS = {
    "a_b": ["a*b", "a?b", "a\\b", "a_b", "axb"],
    "a[_]b": ["a_b"],
    "50%": ["50%", "500"],
    "50[%]": ["50%"],
    "[[]x": ["[x]"],
    "x]": ["[x]"],
    "[u-w]": ["övr"],
    "[^a-z0-9_%]": ["[x]", "a*b", "a?b", "a\\b", "övr"],
    "a[*]b": ["a*b"],
    "a*[bc]": ["a*b"],
    "a?[bc]": ["a?b"],
    "a\\b": ["a\\b"],
    "ÖV": ["övr"],
    "ÖV[r]": ["övr"],
    "a[b": [],
}


@pytest.mark.parametrize(("text", "expected"), PATTERNS.items(), ids=PATTERNS)
def test_a_search_text_is_a_pattern(organisation, reader, text: str, expected: list[str]) -> None:
    """`%`, `_` and sets in brackets are wildcards in `contains` (reference 3.2)."""
    names = ["a_b", "axb", "50%", "500", "[x]", "a*b", "a?b", "a\\b", "övr"]
    organisation.load("account", [{"accountid": str(UUID(int=n)), "name": name} for n, name in enumerate(names, 1)])
    encoded = text.replace("%", "%25")
    body = reader.page(f"accounts?$select=name&$filter=contains(name,'{encoded}')")

    assert expected == sorted(row["name"] for row in body["value"])


def test_equality_knows_no_patterns(people, reader) -> None:
    """`eq` is literal (reference 3.2)."""
    assert [] == numbers(reader.page("contacts?$filter=firstname eq 'First%25'"))
    assert [] == numbers(reader.page("contacts?$filter=firstname eq 'First_0'"))


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("firstname eq 5", "'Edm.String' and 'Edm.Int32' for operator kind 'Equal'"),
        ("statecode gt '1'", "'Edm.Int32' and 'Edm.String' for operator kind 'GreaterThan'"),
        (f"_ownerid_value ne '{ACCOUNT}'", "'Edm.Guid' and 'Edm.String' for operator kind 'NotEqual'"),
        (f"fullname eq {ACCOUNT}", "'Edm.String' and 'Edm.Guid' for operator kind 'Equal'"),
        (
            "birthdate le 1980-02-29T00:00:00Z",
            "'Edm.Date' and 'Edm.DateTimeOffset' for operator kind 'LessThanOrEqual'",
        ),
        ("createdon lt '2025-01-01'", "'Edm.DateTimeOffset' and 'Edm.String' for operator kind 'LessThan'"),
        ("donotemail eq 1", "'Edm.Boolean' and 'Edm.Int32' for operator kind 'Equal'"),
        ("annualincome ge true", "'Edm.Decimal' and 'Edm.Boolean' for operator kind 'GreaterThanOrEqual'"),
        ("firstname eq statecode", "'Edm.String' and 'Edm.Int32' for operator kind 'Equal'"),
    ],
)
def test_a_literal_of_another_type_is_refused(people, reader, text: str, types: str) -> None:
    """The message names both types and the operator."""
    response = reader.get(f"contacts?$filter={text}")

    assert (400, True, True) == (response.status, b"0x80060888" in response.body, types.encode() in response.body)


def test_columns_of_a_row_can_be_compared(people, reader) -> None:
    """Whatever the case of their letters; an empty column is not equal to one with a value."""
    people.update("contact", ids(4), {"firstname": "ÅKE", "lastname": "åke"}, actor=people.user_id)

    assert [4] == numbers(reader.page("contacts?$filter=firstname eq lastname"))
    assert 11 == len(numbers(reader.page("contacts?$filter=firstname ne lastname")))
    assert list(range(12)) == numbers(reader.page("contacts?$filter=createdon le modifiedon"))


@pytest.mark.parametrize(
    "text",
    [
        "contact_customer_accounts/name eq 'x'",
        "contact_customer_accounts/any(c:firstname eq 'x')",
        "contact_customer_accounts/any(c:c/nothing eq 'x')",
        "contact_customer_accounts/any(c:c eq 'x')",
        "contact_customer_accounts/any(c c/firstname eq 'x')",
        "contact_customer_accounts/any(c:c/firstname eq 'x'",
        "contact_customer_accounts/all()",
        "contact_customer_accounts/some(c:c/firstname eq 'x')",
        "nothing/any(c:c/firstname eq 'x')",
        "primarycontactid/any(c:c/firstname eq 'x')",
        "contact_customer_accounts/any(c:contact_customer_accounts/any(c:c/statecode eq 1))",
        "c/firstname eq 'x'",
        "ownerid/fullname eq 'x'",
        "primarycontactid/ownerid/fullname eq 'x'",
        "revenue add 1 eq 2",
        "name in ('a','b')",
        "tolower(name) eq 'x'",
        "name eq @n&@n='a' 'b'",
        "'a' eq name",
    ],
)
def test_what_the_service_does_not_filter_by_is_refused(people, reader, text: str) -> None:
    """Neither arithmetic nor `in` nor other functions; lambdas only over collections and over what they name."""
    assert (400, "0x80060888") == reader.refusal(f"accounts?$filter={text}")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("accounts?$filter=" + "(" * 100 + "statecode eq 0" + ")" * 100, "0x80060888"),
        ("accounts?$filter=" + "not " * 5_000 + "statecode eq 0", "0x80060888"),
        ("accounts?$filter=" + "parentaccountid/" * 16 + "name eq 'x'", "0x8004430D"),
        ("accounts?$orderby=" + "parentaccountid/" * 900 + "name", "0x8004430D"),
        ("accounts?$expand=" + "parentaccountid($expand=" * 900 + "parentaccountid" + ")" * 900, "0x80060888"),
        (f"accounts({ACCOUNT})" + "/parentaccountid" * 900, "0x80060888"),
    ],
    ids=["parentheses", "negations", "a path in a filter", "a path in an order", "expansions", "a path"],
)
def test_what_is_too_deep_is_refused(people, reader, url: str, code: str) -> None:
    """Neither the reader nor the database is exhausted by a query."""
    assert (400, code) == reader.refusal(url)


def test_a_filter_may_be_deep(people, reader) -> None:
    """Up to the limits."""
    deep = "(" * 99 + "statecode eq 1" + ")" * 99

    assert [9, 10, 11] == numbers(reader.page(f"contacts?$filter={deep}"))
    assert [] == reader.page(f"accounts?$filter={'parentaccountid/' * 15}name eq 'x'")["value"]


def test_a_filter_sees_only_what_the_caller_may_read(people, reader) -> None:
    """Rows behind a lookup or in a collection count only within the caller's reach (reference 1.7)."""
    url = "accounts?$select=name&$filter=contact_customer_accounts/any()"
    with people.transaction():
        people.connection.execute("UPDATE contact SET ownerid = ?", (LONELY,))
        grant(people.connection, people.user_id, "prvReadContact", Depth.BASIC)

    assert [] == reader.page(url)["value"]
    with people.transaction():
        grant(people.connection, people.user_id, "prvReadContact", None)
    assert (403, "0x80040220") == reader.refusal(url)


@pytest.mark.parametrize(
    "option",
    [
        "$filter=openrevenue gt 5",
        "$filter=parentaccountid/openrevenue gt 5",
        "$filter=Microsoft.Dynamics.CRM.In(PropertyName='opendeals',PropertyValues=['1'])",
        "$orderby=opendeals",
        "$apply=aggregate(opendeals with sum as total)",
    ],
)
def test_a_secured_column_neither_filters_nor_sorts(people, reader, option: str) -> None:
    """What may not be read may not be guessed either (reference 1.8)."""
    assert (403, "0x8004f504") == reader.refusal(f"accounts?{option}")


def test_options_may_be_escaped_and_blanks_written_as_plus(people, reader) -> None:
    """`%24filter`, `+` and `%20`, a quote that is doubled and one that is escaped (reference 0.4)."""
    for query in (
        "%24select=name&%24filter=name+eq+'O''Brien+%26+S%C3%B6hne'",
        "$select=name&$filter=name%20eq%20%27O%27%27Brien%20%26%20S%C3%B6hne%27",
        "$select=name&$filter=name+eq+@n&@n='O''Brien+%26+S%C3%B6hne'",
    ):
        assert ["O'Brien & Söhne"] == [row["name"] for row in reader.page(f"accounts?{query}")["value"]]


def test_lambdas_inside_one_another_keep_their_rows_apart(people, reader) -> None:
    """Even where they look at the same collection and their variables differ in nothing but case."""
    other = "c/firstname eq 'First01' and C/firstname eq 'First02'"
    url = "accounts?$select=name&$filter=contact_customer_accounts/any(c:contact_customer_accounts/any(C:{}))"

    assert 1 == len(reader.page(url.format(other))["value"])
    assert [] == reader.page(url.format(other.replace("First02", "Nobody")))["value"]
