"""Who plays which part for whom: connections, and the opportunity roles of before (reference 8.9, 8.10 and 13)."""

from tandem.sandbox.tables.blocks import ACTIVE_INACTIVE, currency, ownership, stamps
from tandem.sandbox.tables.columns import boolean, by_name, choice, guid, lookup, memo, moment, text
from tandem.sandbox.tables.definition import (
    Cascade,
    ColumnDefinition,
    ColumnType,
    OptionDefinition,
    RequiredLevel,
    TableDefinition,
)
from tandem.sandbox.tables.people import customer

_SYSTEM = RequiredLevel.SYSTEM

CONNECTED = {
    "account": 1,
    "contact": 2,
    "lead": 4,
    "opportunity": 3,
    "campaign": 4400,
    "list": 4300,
    "systemuser": 8,
}
"""What can be connected, of the tables that are here, with their type codes."""
_CODE_OF_KIND = " ".join(f"WHEN '{table}' THEN {code}" for table, code in CONNECTED.items())


def _party(number: int) -> tuple[ColumnDefinition, ...]:
    return (
        lookup(
            f"record{number}id",
            "Connected From" if number == 1 else "Connected To",
            *CONNECTED,
            relationships={target: f"{target}_connections{number}" for target in CONNECTED},
            required=_SYSTEM,
            on_delete=Cascade.CASCADE,
            on_merge=Cascade.CASCADE,
        ),
        lookup(f"record{number}roleid", "Role (From)" if number == 1 else "Role (To)", "connectionrole"),
        ColumnDefinition(
            name=f"record{number}objecttypecode",
            type=ColumnType.CHOICE,
            label="Type (From)" if number == 1 else "Type (To)",
            schema_name=f"Record{number}ObjectTypeCode",
            options=tuple(OptionDefinition(value=code, label=table.title()) for table, code in CONNECTED.items()),
            creatable=False,
            updatable=False,
            derived=f"CASE record{number}id_type {_CODE_OF_KIND} END",
        ),
    )


CONNECTION = TableDefinition(
    name="connection",
    schema_name="Connection",
    entity_set="connections",
    primary_id="connectionid",
    primary_name="name",
    object_type_code=3234,
    ownership="UserOwned",
    label="Connection",
    columns=by_name(
        guid("connectionid", "Connection", required=_SYSTEM),
        text("name", 500, "Name", writable=False),
        memo("description", "Description"),
        _party(1),
        _party(2),
        moment("effectivestart", "Starting"),
        moment("effectiveend", "Ending"),
        boolean("ismaster", "Is Master", writable=False),
        lookup("relatedconnectionid", "Reciprocal Connection", "connection", creatable=False, updatable=False),
        currency(),
        ACTIVE_INACTIVE,
        ownership(),
        stamps(),
    ),
)

CONNECTION_ROLE = TableDefinition(
    name="connectionrole",
    schema_name="ConnectionRole",
    entity_set="connectionroles",
    primary_id="connectionroleid",
    primary_name="name",
    object_type_code=3231,
    ownership="OrganizationOwned",
    label="Connection Role",
    columns=by_name(
        guid("connectionroleid", "Connection Role", required=_SYSTEM),
        text("name", 100, "Name", required=_SYSTEM),
        memo("description", "Description"),
        choice(
            "category",
            "Connection Role Category",
            {
                1: "Business",
                2: "Family",
                3: "Social",
                4: "Sales",
                5: "Other",
                1000: "Stakeholder",
                1001: "Sales Team",
                1002: "Service",
            },
        ),
        ACTIVE_INACTIVE,
        stamps(),
    ),
)

# Legacy: newer organisations connect people to the opportunity instead. Its change tracking is unconfirmed: off here.
CUSTOMER_OPPORTUNITY_ROLE = TableDefinition(
    name="customeropportunityrole",
    schema_name="CustomerOpportunityRole",
    entity_set="customeropportunityroles",
    primary_id="customeropportunityroleid",
    # The label of its role, by which no row can be selected.
    primary_name="opportunityroleidname",
    object_type_code=4503,
    ownership="UserOwned",
    label="Opportunity Relationship",
    change_tracking=False,
    columns=by_name(
        guid("customeropportunityroleid", "Opportunity Relationship", required=_SYSTEM),
        customer(
            relationships={
                "account": "account_customer_opportunity_roles",
                "contact": "contact_customer_opportunity_roles",
            },
            required=_SYSTEM,
            on_delete=Cascade.CASCADE,
        ),
        lookup(
            "opportunityid",
            "Opportunity",
            "opportunity",
            relationships={"opportunity": "opportunity_customer_opportunity_roles"},
            required=_SYSTEM,
            on_delete=Cascade.CASCADE,
        ),
        lookup(
            "opportunityroleid",
            "Role",
            "relationshiprole",
            relationships={"relationshiprole": "relationship_role_customer_opportunity_roles"},
        ),
        memo("description", "Description", 500),
        guid("uniquedscid", "Unique Description"),
        ownership(),
        stamps(),
    ),
)

RELATIONSHIP_ROLE = TableDefinition(
    name="relationshiprole",
    schema_name="RelationshipRole",
    entity_set="relationshiproles",
    primary_id="relationshiproleid",
    primary_name="name",
    object_type_code=4500,
    ownership="OrganizationOwned",
    label="Relationship Role",
    columns=by_name(
        guid("relationshiproleid", "Relationship Role", required=_SYSTEM),
        text("name", 100, "Name", required=_SYSTEM),
        memo("description", "Description"),
        ACTIVE_INACTIVE,
        stamps(),
    ),
)
