"""The tables a sandbox organisation ships with, and what they are made of."""

from collections.abc import Mapping

from tandem.sandbox.tables import administration, lists
from tandem.sandbox.tables.activities import ACTIVITY_PARTY, ACTIVITY_POINTER, CAMPAIGN_RESPONSE, TASK
from tandem.sandbox.tables.administration import (
    BUSINESS_UNIT,
    FIELD_PERMISSION,
    FIELD_SECURITY_PROFILE,
    ORGANIZATION,
    SYSTEM_USER,
    SYSTEM_USER_PROFILES,
    TEAM,
    TEAM_MEMBERSHIP,
    TEAM_PROFILES,
    TRANSACTION_CURRENCY,
)
from tandem.sandbox.tables.catalogue import PRIVILEGE, SDK_MESSAGE, SDK_MESSAGE_FILTER
from tandem.sandbox.tables.definition import (
    LOOKUPS,
    OPTIONED,
    TEXTUAL,
    Association,
    AssociationEnd,
    Cascade,
    ColumnDefinition,
    ColumnType,
    DateBehaviour,
    Definitions,
    KeyDefinition,
    Message,
    OptionDefinition,
    OptionSetDefinition,
    RequiredLevel,
    TableDefinition,
)
from tandem.sandbox.tables.lists import CAMPAIGN, CAMPAIGN_ITEM, LIST, LIST_MEMBER
from tandem.sandbox.tables.people import CONTACT, LEAD
from tandem.sandbox.tables.roles import CONNECTION, CONNECTION_ROLE, CUSTOMER_OPPORTUNITY_ROLE, RELATIONSHIP_ROLE
from tandem.sandbox.tables.sales import ACCOUNT, OPPORTUNITY
from tandem.sandbox.tables.views import SAVED_QUERY, USER_QUERY

ASSOCIATIONS: tuple[Association, ...] = (*administration.ASSOCIATIONS, *lists.ASSOCIATIONS)
"""Every shipped many-to-many relationship."""

TABLES: Mapping[str, TableDefinition] = {
    table.name: table
    for table in (
        ORGANIZATION,
        PRIVILEGE,
        SDK_MESSAGE,
        SDK_MESSAGE_FILTER,
        TRANSACTION_CURRENCY,
        BUSINESS_UNIT,
        SYSTEM_USER,
        TEAM,
        TEAM_MEMBERSHIP,
        FIELD_SECURITY_PROFILE,
        FIELD_PERMISSION,
        SYSTEM_USER_PROFILES,
        TEAM_PROFILES,
        SAVED_QUERY,
        USER_QUERY,
        ACCOUNT,
        LEAD,
        CONTACT,
        OPPORTUNITY,
        CONNECTION_ROLE,
        CONNECTION,
        RELATIONSHIP_ROLE,
        CUSTOMER_OPPORTUNITY_ROLE,
        CAMPAIGN,
        LIST,
        LIST_MEMBER,
        CAMPAIGN_ITEM,
        TASK,
        CAMPAIGN_RESPONSE,
        ACTIVITY_POINTER,
        ACTIVITY_PARTY,
    )
}
"""Every table by logical name; what others refer to comes first."""

SHIPPED = Definitions(tables=TABLES, associations=ASSOCIATIONS)
"""What an organisation begins with."""

__all__ = [
    "ASSOCIATIONS",
    "LOOKUPS",
    "OPTIONED",
    "SHIPPED",
    "TABLES",
    "TEXTUAL",
    "Association",
    "AssociationEnd",
    "Cascade",
    "ColumnDefinition",
    "ColumnType",
    "DateBehaviour",
    "Definitions",
    "KeyDefinition",
    "Message",
    "OptionDefinition",
    "OptionSetDefinition",
    "RequiredLevel",
    "TableDefinition",
]
