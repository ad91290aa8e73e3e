"""The service's own filter functions: what each of them finds, and which are refused."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tandem.sandbox.store.organisation import Organisation

CRM = "Microsoft.Dynamics.CRM."
NOW = datetime(2025, 3, 5, 12, 0, tzinfo=UTC)
"""A Wednesday."""

MOMENTS = {
    "two years before": "2023-03-05T12:00:00Z",
    "last year's last second": "2024-12-31T23:59:59Z",
    "this year": "2025-01-01T00:00:00Z",
    "last month": "2025-02-28T23:59:59Z",
    "this month": "2025-03-01T00:00:00Z",
    "this week": "2025-03-02T00:00:00Z",
    "yesterday": "2025-03-04T00:00:00Z",
    "this morning": "2025-03-05T00:00:00Z",
    "an hour ago": "2025-03-05T11:00:00Z",
    "now": "2025-03-05T12:00:00Z",
    "in an hour": "2025-03-05T13:00:00Z",
    "tonight": "2025-03-05T23:59:59Z",
    "tomorrow": "2025-03-06T00:00:00Z",
    "in a week": "2025-03-12T23:59:59Z",
    "next month": "2025-04-30T23:59:59Z",
    "next year": "2026-12-31T23:59:59Z",
}
NAMES = list(MOMENTS)


def between(first: str, last: str) -> list[str]:
    """The names from the first to the last."""
    return NAMES[NAMES.index(first) : NAMES.index(last) + 1]


@pytest.fixture
def calendar(organisation: Organisation) -> Organisation:
    """One contact a moment, used in a campaign then and born on that day; one that is empty."""
    rows = [
        {
            "contactid": str(UUID(int=number)),
            "lastname": name,
            "lastusedincampaign": moment,
            "birthdate": moment and moment[:10],
        }
        for number, (name, moment) in enumerate({**MOMENTS, "never": None}.items(), 1)
    ]
    organisation.load("contact", rows)
    organisation.clock = lambda: NOW
    return organisation


PERIODS = {
    "Yesterday()": ("yesterday", "yesterday"),
    "Today()": ("this morning", "tonight"),
    "Tomorrow()": ("tomorrow", "tomorrow"),
    "Last7Days()": ("last month", "tonight"),
    "Next7Days()": ("this morning", "in a week"),
    "ThisWeek()": ("this week", "tomorrow"),
    "LastWeek()": ("last month", "this month"),
    "NextWeek()": ("in a week", "in a week"),
    "ThisMonth()": ("this month", "in a week"),
    "LastMonth()": ("last month", "last month"),
    "NextMonth()": ("next month", "next month"),
    "ThisYear()": ("this year", "next month"),
    "LastYear()": ("last year's last second", "last year's last second"),
    "NextYear()": ("next year", "next year"),
    "LastXHours(1)": ("an hour ago", "now"),
    "LastXDays(1)": ("yesterday", "now"),
    "LastXWeeks(1)": ("last month", "now"),
    "LastXMonths(1)": ("last month", "now"),
    "LastXYears(1)": ("last year's last second", "now"),
    "LastXYears(2)": ("two years before", "now"),
    "NextXHours(1)": ("now", "in an hour"),
    "NextXDays(1)": ("now", "tomorrow"),
    "NextXWeeks(1)": ("now", "in a week"),
    "NextXMonths(2)": ("now", "next month"),
    "NextXYears(2)": ("now", "next year"),
    "OlderThanXMinutes(60)": ("two years before", "this morning"),
    "OlderThanXHours(1)": ("two years before", "this morning"),
    "OlderThanXDays(1)": ("two years before", "this week"),
    "OlderThanXWeeks(1)": ("two years before", "this year"),
    "OlderThanXMonths(2)": ("two years before", "this year"),
    "OlderThanXYears(1)": ("two years before", "two years before"),
    "On('2025-03-05')": ("this morning", "tonight"),
    "On('2025-03-05T20:00:00Z')": ("this morning", "tonight"),
    "OnOrAfter('2025-03-06')": ("tomorrow", "next year"),
    "OnOrBefore('2025-03-05')": ("two years before", "tonight"),
}


def called(text: str, column: str) -> str:
    """`On('x')` as a filter over the column."""
    name, _, value = text.removesuffix(")").partition("(")
    return f"{CRM}{name}(PropertyName='{column}'" + (f",PropertyValue={value})" if value else ")")


def found(reader, url: str) -> list[str]:
    """The names in the answer, in the order of MOMENTS."""
    return [row["lastname"] for row in reader.page(f"contacts?$select=lastname&{url}")["value"]]


@pytest.mark.parametrize(("call", "ends"), PERIODS.items(), ids=PERIODS)
def test_a_period_has_its_moments(calendar, reader, call: str, ends: tuple[str, str]) -> None:
    """From its first to its last second, and no empty ones."""
    assert between(*ends) == found(reader, f"$filter={called(call, 'lastusedincampaign')}")


@pytest.mark.parametrize(
    ("call", "ends"),
    [
        ("Today()", ("this morning", "tonight")),
        ("LastXDays(1)", ("yesterday", "tonight")),
        ("LastXHours(1)", ("this morning", "tonight")),
        ("NextXDays(1)", ("this morning", "tomorrow")),
        ("OlderThanXDays(1)", ("two years before", "this week")),
        ("ThisMonth()", ("this month", "in a week")),
        ("OnOrBefore('2025-03-05')", ("two years before", "tonight")),
    ],
)
def test_a_period_has_the_days_that_it_touches(calendar, reader, call: str, ends: tuple[str, str]) -> None:
    """A column without a time belongs to a period by its day."""
    assert between(*ends) == found(reader, f"$filter={called(call, 'birthdate')}")


def test_a_period_may_end_long_ago(calendar, reader) -> None:
    """Moments compare by time, however few digits a year has."""
    since = called("OnOrAfter('0001-01-01')", "lastusedincampaign")
    until = called("OnOrBefore('9999-12-31')", "birthdate")

    assert [] == found(reader, f"$filter={called('OlderThanXYears(1500)', 'lastusedincampaign')}")
    assert NAMES == found(reader, f"$filter={since}")
    assert NAMES == found(reader, f"$filter={until}")


def test_not_on_is_every_other_day(calendar, reader) -> None:
    """An empty column is no day."""
    rest = [name for name in NAMES if name not in between("this morning", "tonight")]

    assert rest == found(reader, f"$filter={CRM}NotOn(PropertyName='birthdate',PropertyValue='2025-03-05')")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("In(PropertyName='lastname',PropertyValues=['now','NEVER'])", ["now", "never"]),
        ("In(PropertyName='birthdate',PropertyValues=[\"2025-03-06\"])", ["tomorrow"]),
        ("Between(PropertyName='birthdate',PropertyValues=['2025-03-01','2025-03-02'])", ["this month", "this week"]),
        (
            "NotBetween(PropertyName='birthdate',PropertyValues=['2024-01-01','2025-12-31'])",
            ["two years before", "next year"],
        ),
    ],
)
def test_lists_and_ranges(calendar, reader, text: str, names: list[str]) -> None:
    """Values in either kind of quotes; an empty column is in no range and outside of none."""
    assert names == found(reader, f"$filter={CRM}{text}")


def test_letters_of_either_case_are_the_same(organisation, reader) -> None:
    """Beyond ASCII too, and through a lookup."""
    parent, child = (str(UUID(int=number)) for number in (1, 2))
    organisation.load("account", [{"accountid": parent, "name": "Åse"}])
    organisation.load("account", [{"accountid": child, "name": "Bo", "parentaccountid": parent}])

    def names(text: str) -> list[str]:
        return [row["name"] for row in reader.page(f"accounts?$select=name&$filter={text}")["value"]]

    assert ["Åse"] == names(f"{CRM}In(PropertyName='name',PropertyValues=['åse','x'])")
    assert ["Åse"] == names(f"{CRM}Between(PropertyName='name',PropertyValues=['åsa','åsf'])")
    assert ["Bo"] == names(f"{CRM}In(PropertyName='name',PropertyValues=['BO'])")
    assert ["Bo"] == names(f"parentaccountid/{CRM}In(PropertyName='name',PropertyValues=['ÅSE'])")
    organisation.update("account", parent, {"name": "Ann"}, actor=organisation.user_id)
    assert ["Bo"] == names(f"parentaccountid/{CRM}In(PropertyName='name',PropertyValues=['ANN'])")


def test_many_ids_are_looked_up_at_once(calendar, reader) -> None:
    """`In` over the primary key and over a lookup by its own name."""
    ids = ",".join(f'"{UUID(int=number)}"' for number in (1, 3))

    assert [NAMES[0], NAMES[2]] == found(reader, f"$filter={CRM}In(PropertyName='contactid',PropertyValues=[{ids}])")
    owned = f"{CRM}In(PropertyName=@p,PropertyValues=@v)&@p='ownerid'&@v=[\"{calendar.user_id}\"]"
    assert [*NAMES, "never"] == found(reader, f"$filter={owned}")


def test_multi_select_choices_are_compared_as_sets(organisation, reader) -> None:
    """One of the values, or none of them; empty is none (reference 2.8)."""
    organisation.add_column("account", "new_colours", "choices")
    chosen = {"a": "1,2", "b": "2", "c": "12,3", "d": None}
    organisation.load(
        "account",
        [
            {"accountid": str(UUID(int=number)), "name": name, "new_colours": values}
            for number, (name, values) in enumerate(chosen.items(), 1)
        ],
    )

    def names(function: str, values: str) -> str:
        text = f"{CRM}{function}(PropertyName='new_colours',PropertyValues=[{values}])"
        return "".join(row["name"] for row in reader.page(f"accounts?$select=name&$filter={text}")["value"])

    assert ("a", "ab", "ac") == (
        names("ContainValues", "'1'"),
        names("ContainValues", "'2'"),
        names("ContainValues", "'1','3'"),
    )
    assert "bcd" == names("DoesNotContainValues", "'1'")


@pytest.fixture
def staff(organisation: Organisation) -> Organisation:
    """The caller leads Ann, who leads Bob; the caller is in a team; each of them and the team own one account."""
    unit, me = organisation.business_unit_id, organisation.user_id
    ann, bob, team = (str(UUID(int=number)) for number in (0xA, 0xB, 0xF))
    user = {"businessunitid": unit, "domainname": "x@y.z"}
    organisation.load("systemuser", [{**user, "systemuserid": ann, "parentsystemuserid": me}])
    organisation.load("systemuser", [{**user, "systemuserid": bob, "parentsystemuserid": ann}])
    organisation.load("team", [{"teamid": team, "name": "Team", "businessunitid": unit}])
    organisation.insert("teammembership", str(UUID(int=1)), {"teamid": team, "systemuserid": me}, actor=me)
    owners = [("me", me, "systemuser"), ("ann", ann, "systemuser"), ("bob", bob, "systemuser"), ("team", team, "team")]
    organisation.load(
        "account",
        [
            {"accountid": str(UUID(int=number)), "name": name, "ownerid": owner, "ownerid_type": kind}
            for number, (name, owner, kind) in enumerate(owners, 1)
        ],
    )
    return organisation


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("EqualUserId", ["me"]),
        ("NotEqualUserId", ["ann", "bob", "team"]),
        ("EqualUserTeams", ["team"]),
        ("EqualUserOrUserTeams", ["me", "team"]),
        ("EqualUserOrUserHierarchy", ["me", "ann", "bob"]),
        ("EqualUserOrUserHierarchyAndTeams", ["me", "ann", "bob", "team"]),
    ],
)
def test_owners_are_told_by_who_asks(staff, reader, call: str, names: list[str]) -> None:
    """The caller, the caller's teams, and whoever works for the caller."""
    body = reader.page(f"accounts?$select=name&$filter={CRM}{call}(PropertyName='ownerid')")

    assert names == [row["name"] for row in body["value"]]


def test_business_units_are_told_by_who_asks(staff, reader) -> None:
    """The caller's own, and the others."""
    for call, count in (("EqualBusinessId", 4), ("NotBusinessId", 0)):
        body = reader.page(f"accounts?$filter={CRM}{call}(PropertyName='owningbusinessunit')")
        assert count == len(body["value"])


@pytest.fixture
def tree(organisation: Organisation) -> Organisation:
    """Accounts 1 above 2 above 3, and 4 alone."""
    for number, parent in ((1, None), (2, 1), (3, 2), (4, None)):
        above = {"parentaccountid": str(UUID(int=parent))} if parent else {}
        organisation.load("account", [{"accountid": str(UUID(int=number)), "name": str(number), **above}])
    return organisation


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("Above", "1"),
        ("AboveOrEqual", "12"),
        ("Under", "3"),
        ("UnderOrEqual", "23"),
        ("NotUnder", "124"),
    ],
)
def test_hierarchies_are_walked(tree, reader, call: str, names: str) -> None:
    """Up and down from the second account."""
    text = f"{CRM}{call}(PropertyName='accountid',PropertyValue='{UUID(int=2)}')"

    assert names == "".join(row["name"] for row in reader.page(f"accounts?$select=name&$filter={text}")["value"])


@pytest.mark.parametrize(
    "call",
    [
        "InFiscalYear(PropertyName='createdon',PropertyValue=2025)",
        "ThisFiscalPeriod(PropertyName='createdon')",
        "LastXFiscalPeriods(PropertyName='createdon',PropertyValue=2)",
        "Contains(PropertyName='name',PropertyValue='x')",
        "EqualUserLanguage(PropertyName='name')",
    ],
)
def test_what_the_sandbox_cannot_know_is_said_to_be_so(organisation, reader, call: str) -> None:
    """Functions of the service that are not here are 501, not unknown."""
    assert (501, "0x8006088a") == reader.refusal(f"accounts?$filter={CRM}{call}")


@pytest.mark.parametrize(
    "call",
    [
        "NoSuch(PropertyName='name')",
        "In(PropertyName='nothing',PropertyValues=['x'])",
        "In(PropertyName='name',PropertyValue='x')",
        "In(PropertyName='name')",
        "In(PropertyName='ownerid',PropertyValues=['nobody'])",
        "In(PropertyName='name',PropertyValues=['a',2])",
        "In(PropertyName='name',PropertyValues=['x'],Other=1)",
        "Between(PropertyName='createdon',PropertyValues=['2025-01-01'])",
        "On(PropertyName='name',PropertyValue='2025-01-01')",
        "On(PropertyName='createdon',PropertyValue='soon')",
        "Today(PropertyName='name')",
        "Today(PropertyName='createdon',PropertyValue=1)",
        "LastXDays(PropertyName='createdon',PropertyValue=0)",
        "LastXDays(PropertyName='createdon',PropertyValue='-1')",
        "LastXDays(PropertyName='createdon',PropertyValue=999999999)",
        "OlderThanXYears(PropertyName='createdon',PropertyValue=2500)",
        "NextXYears(PropertyName='createdon',PropertyValue=8000)",
        "EqualUserId(PropertyName='name')",
        "ContainValues(PropertyName='name',PropertyValues=['1'])",
        "Under(PropertyName='name',PropertyValue='x')",
        "Under(PropertyName='accountid',PropertyValue='x')",
    ],
)
def test_a_call_that_does_not_fit_is_refused(organisation, reader, call: str) -> None:
    """An unknown function, a wrong parameter, a value of another type: 400 0x80060888."""
    assert (400, "0x80060888") == reader.refusal(f"accounts?$filter={CRM}{call}")
