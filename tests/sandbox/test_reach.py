"""What a caller may not read is not found, whichever way leads to it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tandem.sandbox.store.customisation import ChangeColumn
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.store.privileges import Depth, grant


def numbered(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 124) + number))


@pytest.fixture
def units(organisation: Organisation) -> Organisation:
    """A unit below the root and one below that; in each of the three a user, called by its number, with an account."""
    root, below, lowest = organisation.business_unit_id, numbered(0xB, 1), numbered(0xB, 2)
    organisation.load(
        "businessunit",
        [
            {"businessunitid": below, "name": "Below", "parentbusinessunitid": root},
            {"businessunitid": lowest, "name": "Lowest", "parentbusinessunitid": below},
        ],
    )
    for number, unit in enumerate((root, below, lowest)):
        user = numbered(0xE, number)
        owner = {"ownerid": user, "ownerid_type": "systemuser", "owningbusinessunit": unit}
        organisation.load("systemuser", [{"systemuserid": user, "fullname": str(number), "businessunitid": unit}])
        organisation.load("account", [{"accountid": numbered(0xA, number), "name": str(number), **owner}])
    return organisation


@pytest.mark.parametrize(
    ("user", "depth", "expected"),
    [
        (0, Depth.BASIC, ["0"]),
        (0, Depth.LOCAL, ["0"]),
        (0, Depth.DEEP, ["0", "1", "2"]),
        (1, Depth.LOCAL, ["1"]),
        (1, Depth.DEEP, ["1", "2"]),
        (2, Depth.DEEP, ["2"]),
        (2, Depth.GLOBAL, ["0", "1", "2"]),
    ],
)
def test_a_list_has_the_rows_that_can_be_read_one_by_one(
    units, reader, user: int, depth: Depth, expected: list[str]
) -> None:
    """Deep reaches the units below, however far below they are."""
    caller = replace(reader, user=numbered(0xE, user))
    grant(units.connection, caller.user, "prvReadAccount", depth)

    listed = caller.page("accounts?$select=name&$orderby=name")["value"]
    alone = [number for number in range(3) if caller.get(f"accounts({numbered(0xA, number)})").status == 200]

    assert expected == [row["name"] for row in listed] == [str(number) for number in alone]


@pytest.fixture
def hidden(people: Organisation) -> Organisation:
    """The twelve contacts with the lookup to their company under column security."""
    column = people.tables["contact"].columns["parentcustomerid"]
    people.customise(ChangeColumn("contact", replace(column, secured=True)))
    return people


COMPANY = "aaaaaaaa-0000-4000-8000-000000000001"
CONTACT = "c0000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"contacts({CONTACT})/parentcustomerid_account", None),
        (f"contacts({CONTACT})/parentcustomerid_account/$ref", None),
        ("contacts?$select=contactid&$filter=parentcustomerid_account/name ne null", []),
        (f"accounts({COMPANY})/contact_customer_accounts", []),
        (f"accounts({COMPANY})/contact_customer_accounts/$ref", []),
        ("accounts?$filter=contact_customer_accounts/any()", []),
        ("accounts?$filter=contact_customer_accounts/any(c:c/statecode eq 0)", []),
    ],
)
def test_a_hidden_lookup_leads_nowhere(hidden, reader, url: str, found: Any) -> None:
    """Neither from the row that has it nor back."""
    answer = reader.get(url)

    assert (204, b"") == (answer.status, answer.body) if found is None else found == reader.page(url)["value"]


def test_a_hidden_lookup_expands_to_nothing(hidden, reader) -> None:
    """As its own value is null."""
    row = reader.page(f"contacts({CONTACT})?$select=_parentcustomerid_value&$expand=parentcustomerid_account")
    company = reader.page(f"accounts({COMPANY})?$select=name&$expand=contact_customer_accounts($count=true)")

    assert (None, None) == (row["_parentcustomerid_value"], row["parentcustomerid_account"])
    assert (0, []) == (company["contact_customer_accounts@odata.count"], company["contact_customer_accounts"])


def test_a_hidden_hierarchy_is_none(people, reader) -> None:
    """Who is under whom cannot be asked for where the lookup that says so is hidden."""
    url = f"accounts?$filter=Microsoft.Dynamics.CRM.Under(PropertyName='accountid',PropertyValue='{COMPANY}')"

    assert [] == reader.page(url)["value"]

    column = people.tables["account"].columns["parentaccountid"]
    people.customise(ChangeColumn("account", replace(column, secured=True)))

    assert (400, "0x80060888") == reader.refusal(url)


def test_the_duplicates_of_a_row_out_of_reach_are_not_told(units, reader) -> None:
    """They would tell what is in it."""
    caller = replace(reader, user=numbered(0xE, 1))
    grant(units.connection, caller.user, "prvReadAccount", Depth.BASIC)
    url = (
        "RetrieveDuplicates(BusinessEntity=@e,MatchingEntityName='account',PagingInfo={'PageNumber':1,'Count':9})"
        "?@e={'@odata.type':'Microsoft.Dynamics.CRM.account','accountid':'%s'}"
    )

    assert [] == caller.page(url % numbered(0xA, 1))["value"]
    assert (403, "0x80040220") == caller.refusal(url % numbered(0xA, 0))
