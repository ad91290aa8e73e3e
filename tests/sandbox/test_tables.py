"""The shipped tables against the reference's lists (reference 8), and against themselves."""

import pytest

from tandem.sandbox.tables import TABLES, Cascade, ColumnType, RequiredLevel

COLUMNS = [(table, column) for table in TABLES.values() for column in table.columns.values()]


@pytest.mark.parametrize(
    ("table", "entity_set", "primary_id", "primary_name"),
    [
        ("lead", "leads", "leadid", "fullname"),
        ("contact", "contacts", "contactid", "fullname"),
        ("account", "accounts", "accountid", "name"),
        ("opportunity", "opportunities", "opportunityid", "name"),
        ("systemuser", "systemusers", "systemuserid", "fullname"),
        ("team", "teams", "teamid", "name"),
        ("teammembership", "teammemberships", "teammembershipid", None),
        ("connection", "connections", "connectionid", "name"),
        ("connectionrole", "connectionroles", "connectionroleid", "name"),
        ("businessunit", "businessunits", "businessunitid", "name"),
        ("transactioncurrency", "transactioncurrencies", "transactioncurrencyid", "currencyname"),
        ("campaign", "campaigns", "campaignid", "name"),
        ("campaignresponse", "campaignresponses", "activityid", "subject"),
        ("list", "lists", "listid", "listname"),
        ("listmember", "listmembers", "listmemberid", "name"),
        ("task", "tasks", "activityid", "subject"),
        ("activitypointer", "activitypointers", "activityid", "subject"),
        ("activityparty", "activityparties", "activitypartyid", None),
        (
            "customeropportunityrole",
            "customeropportunityroles",
            "customeropportunityroleid",
            "opportunityroleidname",
        ),
        ("relationshiprole", "relationshiproles", "relationshiproleid", "name"),
    ],
)
def test_tables_have_their_shipped_names(
    table: str, entity_set: str, primary_id: str, primary_name: str | None
) -> None:
    """Entity set, primary id and primary name (reference 8 and 13)."""
    definition = TABLES[table]

    assert (entity_set, primary_id, primary_name) == (
        definition.entity_set,
        definition.primary_id,
        definition.primary_name,
    )


@pytest.mark.parametrize(
    ("table", "column", "length"),
    [
        ("lead", "subject", 300),
        ("lead", "mobilephone", 20),
        ("contact", "mobilephone", 50),
        ("lead", "address1_line1", 250),
        ("lead", "address1_postalcode", 20),
        ("contact", "emailaddress1", 100),
        ("account", "name", 160),
        ("account", "accountnumber", 20),
        ("opportunity", "name", 300),
        ("opportunity", "stepname", 200),
        ("systemuser", "internalemailaddress", 100),
        ("systemuser", "domainname", 1024),
        ("team", "name", 160),
        ("connection", "name", 500),
        ("lead", "description", 2000),
        ("campaign", "name", 128),
        ("campaign", "codename", 32),
        ("campaign", "promotioncodename", 128),
        ("list", "listname", 128),
        ("list", "purpose", 512),
        ("list", "source", 128),
        ("task", "subject", 200),
        ("customeropportunityrole", "description", 500),
    ],
)
def test_texts_have_their_shipped_lengths(table: str, column: str, length: int) -> None:
    """Lengths that differ between tables are where a sync truncates or fails (reference 11, trap 19)."""
    assert length == TABLES[table].columns[column].max_length


def test_the_leads_estimated_value_is_no_money() -> None:
    """A double on the lead, money on the opportunity (reference 8.1)."""
    assert ColumnType.DOUBLE == TABLES["lead"].columns["estimatedvalue"].type
    assert ColumnType.MONEY == TABLES["opportunity"].columns["estimatedvalue"].type


@pytest.mark.parametrize(
    ("table", "navigations"),
    [
        ("lead", {"customerid_account", "customerid_contact", "parentaccountid", "parentcontactid", "ownerid"}),
        ("contact", {"parentcustomerid_account", "parentcustomerid_contact", "originatingleadid", "ownerid"}),
        ("opportunity", {"customerid_account", "customerid_contact", "originatingleadid"}),
        ("connection", {"record1id_contact", "record2id_opportunity", "record1roleid", "record2roleid"}),
        ("connection", {"record1id_campaign", "record2id_list"}),
        ("task", {f"regardingobjectid_{table}_task" for table in ("lead", "contact", "account", "opportunity")}),
        ("campaignresponse", {"regardingobjectid_campaign_campaignresponse"}),
        ("activityparty", {"partyid_contact", "partyid_lead", "partyid_account", "partyid_systemuser"}),
        ("listmember", {"entityid_account", "entityid_contact", "entityid_lead", "listid"}),
        ("customeropportunityrole", {"customerid_account", "customerid_contact", "opportunityid", "opportunityroleid"}),
    ],
)
def test_lookups_have_their_shipped_navigation_names(table: str, navigations: set[str]) -> None:
    """One name for each target of a polymorphic lookup, one for an owner (reference 5.6)."""
    assert navigations <= set(TABLES[table].by_navigation)


def test_every_lookup_points_to_a_table_there_is() -> None:
    """No target is missing and each has a navigation name."""
    lookups = [(table.name, column) for table, column in COLUMNS if column.is_lookup]

    assert [] == [(name, column.name) for name, column in lookups if not set(column.targets) <= set(TABLES)]
    assert [] == [(name, column.name) for name, column in lookups if set(column.targets) != set(column.navigation)]


def test_relationship_names_are_unique() -> None:
    """A collection on a row must mean one thing."""
    names = [
        (target, table.relationship(column, target))
        for table, column in COLUMNS
        if column.derived is None
        for target in column.targets
    ]

    assert len(names) == len(set(names))


def test_computed_columns_cannot_be_written() -> None:
    """What the organisation derives, nobody sends."""
    assert [] == [column.name for _, column in COLUMNS if column.derived and (column.creatable or column.updatable)]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("activitypointer", 4200),
        ("task", 4212),
        ("list", 4300),
        ("listmember", 4301),
        ("campaign", 4400),
        ("campaignresponse", 4401),
        ("customeropportunityrole", 4503),
    ],
)
def test_tables_have_their_shipped_type_codes(table: str, code: int) -> None:
    """`entitytype` of a membership is such a code (reference 2.2)."""
    assert code == TABLES[table].object_type_code


def test_every_status_belongs_to_a_state_and_every_state_has_a_default() -> None:
    """State and status options fit together on each table that has them."""
    for table in TABLES.values():
        if "statecode" not in table.columns:
            continue
        states = {option.value: option.default_status for option in table.columns["statecode"].options}
        statuses = {option.value: option.state for option in table.columns["statuscode"].options}

        assert set(states) == set(statuses.values())
        assert all(statuses[default] == state for state, default in states.items() if default is not None)


def test_only_system_requirements_bind_the_service() -> None:
    """A lead's last name is required by forms only; an owner by the service (reference 2.3)."""
    assert RequiredLevel.APPLICATION == TABLES["lead"].columns["lastname"].required
    assert RequiredLevel.SYSTEM == TABLES["lead"].columns["ownerid"].required


def test_deleting_a_customer_deletes_its_leads_but_only_unlinks_parents() -> None:
    """The shipped cascades (reference 8.1)."""
    lead = TABLES["lead"].columns

    assert (Cascade.CASCADE, Cascade.REMOVE_LINK, Cascade.RESTRICT) == (
        lead["customerid"].on_delete,
        lead["parentaccountid"].on_delete,
        lead["transactioncurrencyid"].on_delete,
    )
