"""The tables a sandbox organisation ships with, and what they are made of."""

from collections.abc import Mapping

from tandem.sandbox.tables.administration import (
    ASSOCIATIONS,
    BUSINESS_UNIT,
    FIELD_PERMISSION,
    FIELD_SECURITY_PROFILE,
    ORGANIZATION,
    SYSTEM_USER,
    SYSTEM_USER_PROFILES,
    TEAM,
    TEAM_MEMBERSHIP,
    TRANSACTION_CURRENCY,
)
from tandem.sandbox.tables.definition import (
    LOOKUPS,
    OPTIONED,
    TEXTUAL,
    Association,
    Cascade,
    ColumnDefinition,
    ColumnType,
    OptionDefinition,
    RequiredLevel,
    TableDefinition,
)
from tandem.sandbox.tables.people import CONTACT, LEAD
from tandem.sandbox.tables.sales import ACCOUNT, CONNECTION, CONNECTION_ROLE, OPPORTUNITY

TABLES: Mapping[str, TableDefinition] = {
    table.name: table
    for table in (
        ORGANIZATION,
        TRANSACTION_CURRENCY,
        BUSINESS_UNIT,
        SYSTEM_USER,
        TEAM,
        TEAM_MEMBERSHIP,
        FIELD_SECURITY_PROFILE,
        FIELD_PERMISSION,
        SYSTEM_USER_PROFILES,
        ACCOUNT,
        LEAD,
        CONTACT,
        OPPORTUNITY,
        CONNECTION_ROLE,
        CONNECTION,
    )
}
"""Every table by logical name; what others refer to comes first."""

__all__ = [
    "ASSOCIATIONS",
    "LOOKUPS",
    "OPTIONED",
    "TABLES",
    "TEXTUAL",
    "Association",
    "Cascade",
    "ColumnDefinition",
    "ColumnType",
    "OptionDefinition",
    "RequiredLevel",
    "TableDefinition",
]
