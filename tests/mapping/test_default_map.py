"""The default map of behaviour section 7, and the columns that are always read."""

import csv
from importlib.resources import files

import pytest

from tandem.mapping.fields import FILTER_COLUMN, Direction, default_fields, internal_columns
from tandem.model.entities import OPTIONAL, STANDARD, Entity

PEOPLE = (Entity.LEAD, Entity.CONTACT)


def api_names(entity: Entity) -> dict[str, tuple[str, Direction]]:
    """Label and direction, by API name."""
    return {row.api_name: (row.label, row.direction) for row in default_fields(entity)}


@pytest.mark.parametrize(
    ("entity", "count"),
    [
        (Entity.USER, 8),
        (Entity.TEAM, 3),
        (Entity.TEAM_MEMBERSHIP, 0),
        (Entity.ACCOUNT, 20),
        (Entity.LEAD, 39),
        (Entity.CONTACT, 34),
        (Entity.OPPORTUNITY, 12),
        (Entity.CONNECTION, 0),
        (Entity.CAMPAIGN, 11),
    ],
)
def test_D1_every_row_of_the_default_map_is_there(entity, count):
    """As many fields as the reference product's documented mapping has."""
    assert len(default_fields(entity)) == count


def test_D1_no_row_of_the_file_is_passed_over():
    """A table or direction with a slip of the pen would drop its fields silently."""
    text = files("tandem.mapping").joinpath("field-map.csv").read_text(encoding="utf-8")
    rows = [tuple(row.values()) for row in csv.DictReader(text.splitlines())]
    read = {(*row[:4], row[4].value) for entity in (*STANDARD, *OPTIONAL) for row in default_fields(entity)}

    assert read == set(rows)
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("entity", [*STANDARD, *OPTIONAL])
def test_D1_a_name_means_one_field_of_a_table(entity):
    """API names, whatever their case, columns and labels are each used once."""
    rows = default_fields(entity)
    counts = [len({each(row) for row in rows}) for each in (lambda r: r.api_name.lower(), lambda r: r.column)]

    assert counts == [len(rows)] * 2
    assert len({row.label for row in rows}) == len(rows)


def test_P11_a_field_of_leads_and_contacts_has_one_name_and_direction():
    """A qualified lead's person goes on with the same fields, so the two mappings agree where both have one."""
    lead, contact = map(api_names, PEOPLE)

    assert {name: lead[name] for name in lead.keys() & contact.keys()} == {
        name: contact[name] for name in lead.keys() & contact.keys()
    }
    assert sorted(lead.keys() - contact.keys()) == [
        "annualRevenue",
        "company",
        "fax",
        "leadSource",
        "microsoftTopic",
        "rating",
    ]  # fmt: skip
    assert sorted(contact.keys() - lead.keys()) == ["leadScore"]


@pytest.mark.parametrize("entity", [each for each in (*STANDARD, *OPTIONAL) if each not in PEOPLE])
def test_D1_one_way_tables_are_mapped_one_way(entity):
    """No field of theirs may go to Dynamics."""
    assert [row.column for row in default_fields(entity) if row.direction is not Direction.FROM] == []


@pytest.mark.parametrize("entity", PEOPLE)
def test_D1_people_are_mapped_both_ways_but_for_what_dynamics_decides(entity):
    """State, status reason and the date of creation are pulled only."""
    pulled = [row.column for row in default_fields(entity) if row.direction is not Direction.BOTH]

    assert pulled == ["statecode", "statuscode", "createdon"]


@pytest.mark.parametrize(
    ("entity", "column", "api_name", "label"),
    [
        (Entity.LEAD, "emailaddress1", "email", "Email Address"),
        (Entity.LEAD, "companyname", "company", "Company Name"),
        (Entity.LEAD, "subject", "microsoftTopic", "Microsoft Topic"),
        (Entity.CONTACT, "donotbulkemail", "unsubscribed", "Unsubscribed"),
        (Entity.CONTACT, "mkt_leadscore", "leadScore", "Person Score"),
        (Entity.ACCOUNT, "name", "company", "Company Name"),
        (Entity.OPPORTUNITY, "actualclosedate", "closeDate", "Actual Close Date"),
        (Entity.USER, "internalemailaddress", "email", "Email Address"),
        (Entity.TEAM, "teamtype", "microsoftTeamType", "Team Type"),
    ],
)
def test_D1_columns_have_the_names_marketing_knows(entity, column, api_name, label):
    """Marketo's REST name where there is one, else `microsoft...`."""
    row = next(row for row in default_fields(entity) if row.column == column)

    assert (row.api_name, row.label) == (api_name, label)


@pytest.mark.parametrize(
    ("entity", "columns"),
    [
        (Entity.LEAD, {"ownerid", "statecode", "statuscode", "parentcontactid", "masterid", "merged", FILTER_COLUMN}),
        (Entity.CONTACT, {"ownerid", "parentcustomerid", "originatingleadid", "masterid", "merged", FILTER_COLUMN}),
        (Entity.ACCOUNT, {"ownerid", "statecode", "masterid", "merged", FILTER_COLUMN}),
        (Entity.OPPORTUNITY, {"customerid", "parentcontactid", "transactioncurrencyid", "statecode", FILTER_COLUMN}),
        (Entity.USER, {"isdisabled"}),
        (Entity.TEAM_MEMBERSHIP, {"teamid", "systemuserid"}),
        (Entity.CAMPAIGN, {"name", "statecode", "ownerid"}),
        (Entity("new_order"), {"modifiedon", FILTER_COLUMN}),
        (Entity.via("new_order", "new_contactid:contact"), {"modifiedon"}),
        (Entity.CONNECTION, {"record1id", "record2id", "record1roleid", "record2roleid", "statecode"}),
    ],
)
def test_D7_what_the_rules_need_is_always_read(entity, columns):
    """Selected or not; the filter is obeyed wherever it exists."""
    assert columns | {"versionnumber"} <= set(internal_columns(entity))


@pytest.mark.parametrize(
    "entity",
    [
        *(Entity.USER, Entity.TEAM, Entity.TEAM_MEMBERSHIP, Entity.CONNECTION, Entity.CAMPAIGN),
        Entity.via("new_order", "new_contactid:contact"),
    ],
)
def test_D7_tables_without_a_filter_never_read_one(entity):
    """A column of that name on another table is a column like any other."""
    assert FILTER_COLUMN not in internal_columns(entity)
