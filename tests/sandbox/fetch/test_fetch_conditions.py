"""Conditions of FetchXML: what each operator finds, and how they are put together."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

PARENT = "aaaaaaaa-0000-4000-8000-000000000001"
CHILD = "aaaaaaaa-0000-4000-8000-000000000002"
GRANDCHILD = "aaaaaaaa-0000-4000-8000-000000000003"


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


@pytest.mark.parametrize(
    ("column", "operator", "values", "expected"),
    [
        ("firstname", "eq", ["ann"], [0, 3]),
        ("firstname", "eq", ["åKE"], [2]),
        ("firstname", "ne", ["ann"], [1, 2, 4, 5]),
        ("firstname", "neq", ["ann"], [1, 2, 4, 5]),
        ("firstname", "like", ["%n%"], [0, 3]),
        ("lastname", "like", ["100[%]"], [3]),
        ("lastname", "not-like", ["%k"], [2, 3, 4, 5]),
        ("lastname", "begins-with", ["e"], [0, 1]),
        ("lastname", "not-begin-with", ["e"], [2, 3, 4, 5]),
        ("lastname", "ends-with", ["e"], [2, 5]),
        ("lastname", "not-end-with", ["e"], [0, 1, 3, 4]),
        ("firstname", "in", ["ann", "bo"], [0, 1, 3]),
        ("firstname", "not-in", ["ann", "bo"], [2, 5]),
        ("firstname", "null", [], [4]),
        ("firstname", "not-null", [], [0, 1, 2, 3, 5]),
        ("annualincome", "gt", ["20"], [3, 5]),
        ("annualincome", "ge", ["20"], [1, 3, 5]),
        ("annualincome", "lt", ["20"], [0]),
        ("annualincome", "le", ["20"], [0, 1]),
        ("annualincome", "between", ["20", "40"], [1, 3]),
        ("annualincome", "not-between", ["20", "40"], [0, 5]),
        ("donotemail", "eq", ["1"], [1]),
        ("statecode", "eq", ["1"], []),
        ("parentcustomerid", "eq", [PARENT], [0, 1]),
        ("parentcustomeridname", "like", ["cont%"], [0, 1]),
        ("parentcustomeridname", "eq", ["ann ek"], [3]),
        ("ownerid", "eq-userid", [], [0, 1, 2, 3, 4, 5]),
        ("ownerid", "ne-userid", [], []),
        ("owningbusinessunit", "eq-businessid", [], [0, 1, 2, 3, 4, 5]),
        ("birthdate", "on", ["1980-02-29"], [3]),
        ("lastusedincampaign", "today", [], [0]),
        ("lastusedincampaign", "yesterday", [], [1]),
        ("lastusedincampaign", "tomorrow", [], [2]),
        ("lastusedincampaign", "on-or-after", ["2025-06-15"], [0, 2]),
        ("lastusedincampaign", "on-or-before", ["2025-06-14"], [1, 3]),
        ("lastusedincampaign", "last-x-hours", ["1"], [0]),
        ("lastusedincampaign", "last-x-days", ["1"], [0, 1]),
        ("lastusedincampaign", "last-seven-days", [], [0, 1]),
        ("lastusedincampaign", "next-x-days", ["1"], [2]),
        ("lastusedincampaign", "this-month", [], [0, 1, 2]),
        ("lastusedincampaign", "this-week", [], [0, 2]),
        ("lastusedincampaign", "last-week", [], [1]),
        ("lastusedincampaign", "last-year", [], [3]),
        ("lastusedincampaign", "olderthan-x-months", ["2"], [3]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else None,
)
def test_a_condition_finds(
    people, reader, column: str, operator: str, values: Sequence[str], expected: Sequence[int]
) -> None:
    """Text has no case; what is empty is not equal to a value, and nothing else."""
    inside = "".join(f"<value>{value}</value>" for value in values)
    if len(values) == 1:
        condition = f"<condition attribute='{column}' operator='{operator}' value='{values[0]}'/>"
    else:
        condition = f"<condition attribute='{column}' operator='{operator}'>{inside}</condition>"

    assert numbers(reader.page(contacts(f"<filter>{condition}</filter>"))) == list(expected)


UNITS = ("hours", "days", "weeks", "months", "years")
FISCAL = [
    *(f"{when}-fiscal-{unit}" for when in ("last", "this", "next") for unit in ("period", "year")),
    *(f"{when}-x-fiscal-{unit}" for when in ("last", "next") for unit in ("periods", "years")),
    *("in-fiscal-period", "in-fiscal-year", "in-fiscal-period-and-year"),
    *("in-or-before-fiscal-period-and-year", "in-or-after-fiscal-period-and-year"),
]


@pytest.mark.parametrize(
    ("operator", "column", "values"),
    [
        *(
            (f"{when}-{unit}", "createdon", 0)
            for when in ("last", "this", "next")
            for unit in ("week", "month", "year")
        ),
        *((f"{when}-x-{unit}", "createdon", 1) for when in ("last", "next") for unit in UNITS),
        *((f"olderthan-x-{unit}", "createdon", 1) for unit in ("minutes", *UNITS)),
        ("next-seven-days", "createdon", 0),
        *((f"eq-user{kind}", "ownerid", 0) for kind in ("teams", "oruserteams", "oruserhierarchy")),
        ("eq-useroruserhierarchyandteams", "ownerid", 0),
        ("ne-businessid", "owningbusinessunit", 0),
    ],
)
def test_every_operator_is_spoken(people, reader, operator: str, column: str, values: int) -> None:
    """The whole vocabulary, whatever it finds."""
    value = " value='3'" * values
    condition = f"<filter><condition attribute='{column}' operator='{operator}'{value}/></filter>"

    assert "value" in reader.page(contacts(condition))


@pytest.mark.parametrize("operator", [*FISCAL, "eq-userlanguage"])
def test_what_depends_on_settings_the_sandbox_has_not_is_refused(people, reader, operator: str) -> None:
    """Fiscal calendars and users' languages: 501 rather than rows that no tenant finds."""
    condition = f"<filter><condition attribute='createdon' operator='{operator}' value='1'/></filter>"

    assert reader.refusal(contacts(condition)) == (501, "0x8006088a")


@pytest.mark.parametrize(
    ("operator", "row", "expected"),
    [
        ("above", GRANDCHILD, {PARENT, CHILD}),
        ("eq-or-above", CHILD, {PARENT, CHILD}),
        ("under", PARENT, {CHILD, GRANDCHILD}),
        ("eq-or-under", CHILD, {CHILD, GRANDCHILD}),
        ("not-under", CHILD, {PARENT, CHILD}),
    ],
)
def test_a_hierarchy_is_followed(people, reader, operator: str, row: str, expected: set[str]) -> None:
    """Along the lookup of a table to itself."""
    condition = f"<condition attribute='accountid' operator='{operator}' value='{row}'/>"
    xml = f"<fetch><entity name='account'><attribute name='name'/><filter>{condition}</filter></entity></fetch>"

    assert {item["accountid"] for item in reader.page(url(xml, "accounts"))["value"]} == expected


def test_filters_nest(people, reader) -> None:
    """`or` inside `and`, two filters side by side, and an empty one."""
    either = "".join(f"<condition attribute='firstname' operator='eq' value='{name}'/>" for name in ("Ann", "Bo"))
    rich = "<filter><condition attribute='annualincome' operator='ge' value='20'/></filter>"

    nested = f"<filter><filter type='or'><filter/>{either}</filter></filter><filter/>{rich}"
    assert numbers(reader.page(contacts(nested))) == [1, 3]


def test_filters_nest_only_so_deep(people, reader) -> None:
    """A query that no stack holds is refused as any other."""
    condition = "<condition attribute='firstname' operator='eq' value='Bo'/>"

    assert numbers(reader.page(contacts("<filter>" * 50 + condition + "</filter>" * 50))) == [1]
    assert reader.refusal(contacts("<filter>" * 900 + condition + "</filter>" * 900)) == (400, "0x80044183")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("attribute='firstname' operator='eq' valueof='lastname'", [2, 5]),
        ("attribute='firstname' operator='lt' valueof='lastname'", [0, 1]),
        ("attribute='fullname' operator='ne' valueof='acct.name'", [0, 1, 2, 3, 4, 5]),
    ],
    ids=["the same row, equal", "the same row, less", "a joined row"],
)
def test_columns_are_compared_in(people, reader, condition: str, expected: Sequence[int]) -> None:
    """`valueof`, without regard to case as every comparison."""
    link = "<link-entity name='account' from='accountid' to='parentcustomerid' link-type='outer' alias='acct'/>"

    assert numbers(reader.page(contacts(f"<filter><condition {condition}/></filter>{link}"))) == expected
