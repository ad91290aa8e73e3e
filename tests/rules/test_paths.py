"""Rule C1: every way from a custom entity to lead, contact or account, and the one that is chosen."""

import random

import pytest

from tandem.model.entities import Entity
from tandem.rules.paths import (
    NoPath,
    Path,
    PathAmbiguous,
    PathManyToMany,
    PathTooLong,
    PathUnknown,
    Step,
    discover,
    pick,
)


def step(text: str) -> Step:
    """`new_order.new_payerid>contact` as a lookup."""
    table, _, rest = text.partition(".")
    column, _, target = rest.partition(">")
    return Step(table=table, column=column, target=target)


def found(*lookups: str) -> dict[str, list[str]]:
    return {table: [str(path) for path in paths] for table, paths in discover(map(step, lookups)).items()}


ORDERS = (
    "new_order.new_payerid>contact",
    "new_order.new_payerid>account",
    "new_line.new_orderid>new_order",
    "new_part.new_lineid>new_line",
)


def test_C1_a_table_reaches_its_end_by_one_lookup_or_by_two():
    """The third level reaches nothing."""
    assert {
        "new_order": ["new_payerid:contact", "new_payerid:account"],
        "new_line": ["new_orderid:new_order.new_payerid:contact", "new_orderid:new_order.new_payerid:account"],
    } == found(*ORDERS)


@pytest.mark.parametrize(
    ("lookups", "paths"),
    [
        pytest.param(
            ["new_a.new_accountid>account", "new_a.new_leadid>lead", "new_a.new_contactid>contact"],
            ["new_contactid:contact", "new_leadid:lead", "new_accountid:account"],
            id="a contact is proposed before a lead, and that before an account",
        ),
        pytest.param(
            ["new_a.new_aid>new_b", "new_b.new_contactid>contact", "new_a.new_z>account"],
            ["new_z:account", "new_aid:new_b.new_contactid:contact"],
            id="fewer lookups come before a nearer end",
        ),
        pytest.param(
            ["new_a.new_two>contact", "new_a.new_one>contact"],
            ["new_one:contact", "new_two:contact"],
            id="the alphabet settles what is left",
        ),
        pytest.param(
            ["new_a.new_b1>new_b", "new_a.new_c1>new_c", "new_b.new_x>contact", "new_c.new_x>contact"],
            ["new_b1:new_b.new_x:contact", "new_c1:new_c.new_x:contact"],
            id="a diamond has two ways, each listed once",
        ),
        pytest.param(
            ["new_a.new_x>contact", "new_a.new_x>contact"], ["new_x:contact"], id="a lookup told twice is one"
        ),
        pytest.param(
            ["new_a.new_x>contact", "new_a.new_parentid>new_a"],
            ["new_x:contact"],
            id="a lookup of a table to itself leads nowhere",
        ),
        pytest.param(
            ["new_a.new_b>new_b", "new_b.new_a>new_a", "new_b.new_x>lead"],
            ["new_b:new_b.new_x:lead"],
            id="a circle of two tables is not walked",
        ),
        pytest.param(
            [
                "new_a.new_x>account",
                "account.parentaccountid>account",
                "account.primarycontactid>contact",
                "contact.parentcustomerid>account",
            ],
            ["new_x:account"],
            id="a path ends at the first lead, contact or account",
        ),
        pytest.param(
            ["new_a.new_x>lead", "new_a.ownerid>team", "team.regardingobjectid>account"],
            ["new_x:lead"],
            id="who works on a record is no way to whom it concerns",
        ),
        pytest.param(
            ["new_a.new_deal>opportunity", "opportunity.parentcontactid>contact", "opportunity.customerid>account"],
            ["new_deal:opportunity.parentcontactid:contact", "new_deal:opportunity.customerid:account"],
            id="a standard table can stand between",
        ),
    ],
)
def test_C1_every_path_of_a_table_is_listed_once_the_proposed_one_first(lookups, paths):
    """In the written order, whatever order the organisation tells its lookups in."""
    shuffled = [*lookups]
    random.Random(7).shuffle(shuffled)

    assert paths == found(*lookups)["new_a"] == found(*shuffled)["new_a"]


def test_C1_what_is_synced_anyway_is_no_custom_entity():
    """Nor are the parties of activities and the legacy roles."""
    assert {} == found(
        "contact.parentcustomerid>account",
        "opportunity.customerid>contact",
        "customeropportunityrole.customerid>contact",
        "activityparty.partyid>contact",
    )


LINE = discover(map(step, [*ORDERS, "new_line.new_contactid>contact", "new_line.new_otherid>new_order"]))["new_line"]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        pytest.param(None, "new_contactid:contact", id="nothing named is the proposed one"),
        pytest.param("new_contactid", "new_contactid:contact", id="the column is enough where it leads to one table"),
        pytest.param(" New_ContactID:Contact ", "new_contactid:contact", id="letter case and blanks do not matter"),
        pytest.param(
            "new_orderid.new_payerid:account",
            "new_orderid:new_order.new_payerid:account",
            id="a table is named where a lookup has several",
        ),
        pytest.param(
            "new_otherid:new_order.new_payerid:contact",
            "new_otherid:new_order.new_payerid:contact",
            id="a path as it is printed",
        ),
    ],
)
def test_C1_a_path_is_named_by_its_lookups(wanted, chosen):
    assert chosen == str(pick("new_line", LINE, wanted))


@pytest.mark.parametrize(
    ("wanted", "error", "says"),
    [
        pytest.param("new_orderid", PathUnknown, "new_contactid:contact", id="half a path is none"),
        pytest.param("new_orderid:contact", PathUnknown, "new_contactid:contact", id="a lookup to another table"),
        pytest.param("", PathUnknown, "new_contactid:contact", id="an empty text"),
        pytest.param("new_lineid.new_orderid.new_payerid", PathTooLong, "one lookup or two", id="a third level"),
        pytest.param("new_orderid.new_payerid", PathAmbiguous, "new_payerid:account", id="two tables to choose from"),
        pytest.param("new_line_lead", PathManyToMany, "several", id="a many-to-many relationship"),
        pytest.param("new_orderid.new_lines", PathManyToMany, "several", id="a many-to-many relationship at the end"),
    ],
)
def test_C1_a_path_that_is_none_is_refused_and_the_advice_helps(wanted, error, says):
    with pytest.raises(error) as refused:
        pick("new_line", LINE, wanted, many_to_many=["new_Line_Lead", "new_lines"])

    assert says in refused.value.remedy
    assert "new_line" == refused.value.context["entity"]


def test_C1_a_lookup_that_is_named_as_a_many_to_many_relationship_is_a_path():
    """Their names are two lists, and customers choose both."""
    assert "new_contactid:contact" == str(pick("new_line", LINE, "new_contactid", many_to_many=["new_ContactId"]))


@pytest.mark.parametrize("wanted", [None, "new_contactid"])
def test_C1_a_table_without_a_path_is_refused(wanted):
    with pytest.raises(NoPath, match="new_thing"):
        pick("new_thing", (), wanted)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([], id="no lookup"),
        pytest.param(["new_a.new_b>new_b"], id="the end is none of the three"),
        pytest.param(["new_a.new_b>new_b", "new_c.new_x>lead"], id="the lookups do not meet"),
        pytest.param(["new_a.x>new_b", "new_b.y>new_c", "new_c.z>lead"], id="three lookups"),
    ],
)
def test_C1_a_path_that_leads_nowhere_cannot_be_stored(steps):
    with pytest.raises(ValueError, match="is no path"):
        Path(steps=tuple(map(step, steps)))


def test_C1_a_path_tells_its_end_and_the_table_between():
    one, two = pick("new_line", LINE, "new_contactid"), pick("new_line", LINE, "new_orderid.new_payerid:account")

    assert (Entity.CONTACT, None) == (one.end, one.between)
    assert (Entity.ACCOUNT, "new_order") == (two.end, two.between)
