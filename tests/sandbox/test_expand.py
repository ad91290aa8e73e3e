"""`$expand`: related rows inside rows, with their own options, pages and rights."""

import json
from typing import Any
from uuid import UUID

import pytest

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Depth, grant

BASE = "http://127.0.0.1:1234/api/data/v9.2"
FORMATTED = "OData.Community.Display.V1.FormattedValue"
CHILDREN = "contact_customer_accounts"


def account(number: int) -> str:
    return str(UUID(int=(0xA << 124) + number))


def contact(number: int) -> str:
    return str(UUID(int=(0xC << 124) + number))


@pytest.fixture
def related(organisation: Organisation) -> Organisation:
    """Account 1 above account 2. Contacts 1 to 5 belong to account 1, the first being its primary contact; account 2
    has contact 6, and contact 7 has contact 6 for a company."""
    organisation.load("account", [{"accountid": account(1), "name": "One", "revenue": "12.5"}])
    organisation.load("account", [{"accountid": account(2), "name": "Two & more", "parentaccountid": account(1)}])
    parents = {number: (account(1), "account") for number in range(1, 6)}
    parents |= {6: (account(2), "account"), 7: (contact(6), "contact")}
    organisation.load(
        "contact",
        [
            {
                "contactid": contact(number),
                "firstname": f"First{number}",
                "lastname": "odd" if number % 2 else "even",
                "parentcustomerid": parent,
                "parentcustomerid_type": kind,
            }
            for number, (parent, kind) in parents.items()
        ],
    )
    organisation.update("account", account(1), {"primarycontactid": contact(1)}, actor=organisation.user_id)
    return organisation


def first_names(row: Any, name: str = CHILDREN) -> list[str]:
    """The first names of the contacts in a collection of a row."""
    return [child["firstname"] for child in row[name]]


def test_a_lookup_becomes_an_object_or_null(related, reader) -> None:
    """With its key and its ETag, and the context says what is in it."""
    body = reader.page("accounts?$select=name&$expand=primarycontactid($select=firstname)")
    version = (related.get("contact", contact(1)) or {})["versionnumber"]
    one, two = body["value"]

    assert f"{BASE}/$metadata#accounts(name,primarycontactid(firstname))" == body["@odata.context"]
    assert {
        "@odata.etag": f'W/"{version}"',
        "firstname": "First1",
        "contactid": contact(1),
    } == one["primarycontactid"]
    assert (None, "Two & more") == (two["primarycontactid"], two["name"])


def test_a_lookup_to_several_tables_is_expanded_by_the_table(related, reader) -> None:
    """Null where it leads to the other one."""
    body = reader.page(
        "contacts?$select=firstname&$expand=parentcustomerid_account($select=name),parentcustomerid_contact"
        "($select=firstname)&$filter=firstname eq 'First6' or firstname eq 'First7'"
    )
    six, seven = body["value"]

    assert ("Two & more", None) == (six["parentcustomerid_account"]["name"], six["parentcustomerid_contact"])
    assert (None, "First6") == (seven["parentcustomerid_account"], seven["parentcustomerid_contact"]["firstname"])


def test_a_collection_becomes_a_list(related, reader) -> None:
    """Empty where nothing belongs to the row."""
    body = reader.page(
        f"accounts?$select=name&$expand={CHILDREN}($select=firstname),account_parent_account($select=name)"
    )
    one, two = body["value"]

    assert [f"First{number}" for number in range(1, 6)] == first_names(one)
    assert ["First6"] == first_names(two)
    assert ["Two & more"] == [row["name"] for row in one["account_parent_account"]]
    assert [] == two["account_parent_account"]


def test_a_single_row_is_expanded_as_rows_of_a_set_are(related, reader) -> None:
    """The two answers hold the same."""
    options = f"$select=name&$expand=primarycontactid($select=lastname),{CHILDREN}($select=firstname)"
    row = reader.page(f"accounts({account(1)})?{options}")
    (of_set,) = reader.page(f"accounts?{options}&$filter=name eq 'One'")["value"]

    assert of_set == {name: value for name, value in row.items() if name != "@odata.context"}


def test_an_expansion_has_options_of_its_own(related, reader) -> None:
    """Filter, order and cap are those in the parentheses, not those of the query."""
    inner = "$select=firstname;$filter=lastname eq 'odd';$orderby=firstname desc;$top=2;$count=true"
    body = reader.page(f"accounts?$select=name&$expand={CHILDREN}({inner})&$orderby=name desc&$top=2")
    two, one = body["value"]

    assert ["First5", "First3"] == first_names(one)
    assert 3 == one[f"{CHILDREN}@odata.count"]
    assert ([], 0) == (two[CHILDREN], two[f"{CHILDREN}@odata.count"])
    assert f"{CHILDREN}@odata.nextLink" not in one


def test_a_cap_inside_holds_whatever_the_page_size(related, reader) -> None:
    """What was asked for with `$top` is all there, and there is no link."""
    url = f"accounts({account(1)})?$select=name&$expand={CHILDREN}($select=firstname;$top=3)"
    row = reader.page(url, prefer="odata.maxpagesize=2")

    assert ["First1", "First2", "First3"] == first_names(row)
    assert f"{CHILDREN}@odata.nextLink" not in row


def test_expansions_nest(related, reader) -> None:
    """A lookup in a collection in a lookup."""
    inner = (
        f"primarycontactid($select=firstname;$expand=parentcustomerid_account($select=name;$expand={CHILDREN}($top=1)))"
    )
    (row,) = reader.page(f"accounts?$select=name&$filter=name eq 'One'&$expand={inner}")["value"]
    parent = row["primarycontactid"]["parentcustomerid_account"]

    assert ("One", ["First1"]) == (parent["name"], first_names(parent))


def test_parameter_aliases_hold_inside(related, reader) -> None:
    """Also on the pages that follow."""
    inner = f"$expand={CHILDREN}($select=firstname;$filter=lastname eq @l)&@l='odd'"
    body = reader.page(f"accounts({account(1)})?$select=name&{inner}", prefer="odata.maxpagesize=2")
    rest = reader.every_page(body[f"{CHILDREN}@odata.nextLink"], prefer="odata.maxpagesize=2")

    assert ["First1", "First3"] == first_names(body)
    assert ["First5"] == [row["firstname"] for page in rest for row in page["value"]]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("order", ["", ";$orderby=lastname desc,firstname", ";$orderby=parentcustomerid_account/name"])
def test_the_pages_of_a_collection_hold_every_row_once(related, reader, size: int, order: str) -> None:
    """The list is cut at the page size of the query; its own link leads on (reference 3.4)."""
    prefer = f"odata.maxpagesize={size}"
    expand = f"$expand={CHILDREN}($select=firstname{order})"
    (whole, _) = reader.page(f"accounts?$select=name&{expand}")["value"]
    row = reader.page(f"accounts?$select=name&{expand}", prefer=prefer)["value"][0]
    names = first_names(row)
    link = row.get(f"{CHILDREN}@odata.nextLink")
    pages = reader.every_page(link, prefer=prefer) if link else []

    assert min(size, 5) == len(names)
    assert (size < 5) == (link is not None)
    assert first_names(whole) == names + [child["firstname"] for page in pages for child in page["value"]]


def test_a_collection_inside_a_collection_has_links_too(related, reader) -> None:
    """Each list says where it goes on."""
    url = f"accounts({account(1)})?$expand=account_parent_account($select=name;$expand={CHILDREN}($select=firstname))"
    related.update("contact", contact(5), {"parentcustomerid": account(2)}, actor=related.user_id)
    (child,) = reader.page(url, prefer="odata.maxpagesize=1")["account_parent_account"]
    following = reader.page(child[f"{CHILDREN}@odata.nextLink"], prefer="odata.maxpagesize=1")

    assert [["First5"], ["First6"]] == [first_names(child), [row["firstname"] for row in following["value"]]]


def test_only_the_reference_can_be_expanded(related, reader) -> None:
    """`/$ref` of a lookup is its address; of a collection it is refused (reference 3.4)."""
    one, two = reader.page("accounts?$select=name&$expand=primarycontactid/$ref")["value"]

    assert {"@odata.id": f"{BASE}/contacts({contact(1)})"} == one["primarycontactid"]
    assert two["primarycontactid"] is None
    assert (400, "0x80060888") == reader.refusal(f"accounts?$expand={CHILDREN}/$ref")


def test_an_owner_says_what_it_is(related, reader) -> None:
    """Users and teams share only `ownerid`; what only one of them has is in its own navigation property."""
    url = f"contacts({contact(1)})?$select=firstname&$expand="
    whole = reader.page(f"{url}ownerid")["ownerid"]
    narrow = reader.page(f"{url}ownerid($select=ownerid),owninguser($select=fullname),owningteam")

    assert ("#Microsoft.Dynamics.CRM.systemuser", related.user_id, "Sync User") == (
        whole["@odata.type"],
        whole["ownerid"],
        whole["fullname"],
    )
    assert {"@odata.type", "@odata.etag", "ownerid"} == set(narrow["ownerid"])
    assert ("Sync User", None) == (narrow["owninguser"]["fullname"], narrow["owningteam"])
    assert (400, "0x80060888") == reader.refusal(f"{url}ownerid($select=fullname)")


def test_annotations_are_inside_too(related, reader) -> None:
    """Asked for once, given on every level."""
    url = f"accounts({account(1)})?$select=name&$expand={CHILDREN}($select=_parentcustomerid_value,statecode;$top=1)"
    (child,) = reader.page(url, prefer='odata.include-annotations="*"')[CHILDREN]
    (bare,) = reader.page(url)[CHILDREN]

    assert ("One", "account", "Active") == (
        child[f"_parentcustomerid_value@{FORMATTED}"],
        child["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"],
        child[f"statecode@{FORMATTED}"],
    )
    assert {"@odata.etag", "_parentcustomerid_value", "statecode", "contactid"} == set(bare)


def test_a_many_to_many_relationship_can_be_expanded(related, reader) -> None:
    """From the team to its members."""
    team = str(UUID(int=1))
    related.load("team", [{"teamid": team, "name": "Team", "businessunitid": related.business_unit_id}])
    pair = {"teamid": team, "systemuserid": related.user_id}
    related.insert("teammembership", str(UUID(int=2)), pair, actor=related.user_id)
    row = reader.page(f"teams({team})?$select=name&$expand=teammembership_association($select=fullname)")

    assert ["Sync User"] == [user["fullname"] for user in row["teammembership_association"]]


def test_what_the_caller_may_not_read_is_not_inside(related, reader) -> None:
    """Out of reach is null or left out; no right at all is a refusal; a secured column is null (reference 1.7, 1.8)."""
    url = f"accounts({account(1)})?$select=name&$expand=primarycontactid,{CHILDREN}"
    with related.transaction():
        related.connection.execute("UPDATE contact SET ownerid = ? WHERE contactid <> ?", (account(9), contact(2)))
        grant(related.connection, related.user_id, "prvReadContact", Depth.BASIC)
    row = reader.page(url)

    assert (None, ["First2"]) == (row["primarycontactid"], first_names(row))
    with related.transaction():
        grant(related.connection, related.user_id, "prvReadContact", None)
    assert (403, "0x80040220") == reader.refusal(url)


def test_a_secured_column_inside_is_null(related, reader) -> None:
    """Present and null, as at the top (reference 1.8)."""
    related.secure_column("contact", "firstname")
    row = reader.page(f"accounts({account(1)})?$select=name&$expand=primarycontactid($select=firstname)")

    assert (None, contact(1)) == (row["primarycontactid"]["firstname"], row["primarycontactid"]["contactid"])


def test_an_expanded_row_is_not_conditional(related, reader) -> None:
    """A conditional GET does not work with `$expand` (reference 5.3)."""
    etag = reader.get(f"accounts({account(1)})?$select=name").headers["ETag"]

    assert 304 == reader.get(f"accounts({account(1)})?$select=name", if_none_match=etag).status
    assert 200 == reader.get(f"accounts({account(1)})?$select=name&$expand=primarycontactid", if_none_match=etag).status


def test_the_page_size_of_a_single_row_is_that_of_its_collections(related, reader) -> None:
    """Preference-Applied says so only where there is one."""
    url = f"accounts({account(1)})?$select=name"
    plain = reader.get(url, prefer="odata.maxpagesize=2").headers
    expanded = reader.get(f"{url}&$expand={CHILDREN}", prefer="odata.maxpagesize=2").headers

    assert (None, "odata.maxpagesize=2") == (plain.get("Preference-Applied"), expanded["Preference-Applied"])


def test_a_page_is_one_statement_however_much_is_expanded(related, reader) -> None:
    """Never one per row."""
    statements: list[str] = []
    related.connection.exec_trace = lambda cursor, sql, bindings: statements.append(sql) is None
    reader.page(
        f"accounts?$expand=primarycontactid,{CHILDREN}($expand=ownerid,{CHILDREN.replace('accounts', 'contacts')})"
    )
    related.connection.exec_trace = None

    assert 1 == len([sql for sql in statements if "FROM contact" in sql])


def test_expansions_go_on_over_the_pages_of_the_set(related, reader) -> None:
    """The link of a page keeps `$expand`, encoded."""
    options = f"$select=name&$expand={CHILDREN}($select=firstname;$filter=firstname ne 'a %26 b')"
    pages = reader.every_page(f"accounts?{options}", prefer="odata.maxpagesize=1")

    assert [["First1"], ["First6"]] == [first_names(row) for page in pages for row in page["value"]]
    assert " " not in pages[0]["@odata.nextLink"]


@pytest.mark.parametrize(
    "expand",
    [
        "nothing",
        "name",
        "*",
        "",
        "primarycontactid,primarycontactid",
        "primarycontactid($select=nothing)",
        "primarycontactid($levels=2)",
        "primarycontactid($filter=statecode eq 0)",
        "primarycontactid($top=1)",
        "primarycontactid($select=firstname",
        "primarycontactid($select=firstname;$select=lastname)",
        "primarycontactid/firstname",
        "primarycontactid/$ref($select=firstname)",
        "primarycontactid($skip=1)",
        f"{CHILDREN}($filter=nothing eq 1)",
        f"{CHILDREN}($orderby=nothing)",
        f"{CHILDREN}($top=-1)",
        f"{CHILDREN}($count=maybe)",
        f"{CHILDREN}(select=firstname)",
    ],
)
def test_what_cannot_be_expanded_is_refused(related, reader, expand: str) -> None:
    """An unknown property or option, an option that a lookup does not take, one given twice: 400 0x80060888."""
    assert (400, "0x80060888") == reader.refusal(f"accounts?$expand={expand}")


@pytest.mark.parametrize(("parts", "status"), [(15, 200), (16, 400)])
def test_a_query_expands_fifteen_properties(related, reader, parts: int, status: int) -> None:
    """Nested ones are counted (reference 3.4)."""
    nested = "primarycontactid($select=contactid)"
    for _ in range(parts - 1):
        inner = "parentcustomerid_account" if nested.startswith("primarycontactid") else "primarycontactid"
        nested = f"{inner}($expand={nested})"
    response = reader.get(f"{'contacts' if nested.startswith('parent') else 'accounts'}?$expand={nested}")

    assert status == response.status
    assert status == 200 or "0x80060888" == json.loads(response.body)["error"]["code"]
