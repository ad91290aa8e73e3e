"""The columns that many tables have alike: stamps, owner, currency, address (reference 8).

A client that knows them from one table finds them on every other under the same names; written once they cannot
differ.
"""

from dataclasses import replace

from tandem.sandbox.tables.columns import fraction, integer, lookup, moment, states, text
from tandem.sandbox.tables.definition import Cascade, ColumnDefinition, ColumnType, RequiredLevel

ACTIVE_INACTIVE = states((0, "Active", {1: "Active"}), (1, "Inactive", {2: "Inactive"}))
"""What most tables have for states."""


def stamps() -> tuple[ColumnDefinition, ...]:
    """What the organisation stamps on every row, and what an import may tell (reference 8, before 8.1)."""
    return (
        *traces(),
        moment("overriddencreatedon", "Record Created On", updatable=False),
        replace(integer("importsequencenumber", "Import Sequence Number"), updatable=False),
    )


def traces() -> tuple[ColumnDefinition, ...]:
    """When and by whom a row was made and changed, and its version."""
    return (
        *(
            moment(name, label, creatable=False, updatable=False)
            for name, label in (("createdon", "Created On"), ("modifiedon", "Modified On"))
        ),
        *(
            lookup(name, label, "systemuser", creatable=False, updatable=False, on_delete=Cascade.RESTRICT)
            for name, label in (
                ("createdby", "Created By"),
                ("modifiedby", "Modified By"),
                ("createdonbehalfby", "Created By (Delegate)"),
                ("modifiedonbehalfby", "Modified By (Delegate)"),
            )
        ),
        version(),
    )


def version() -> ColumnDefinition:
    """The row version, which is also the number in the ETag (reference 3.6)."""
    return ColumnDefinition(
        name="versionnumber",
        type=ColumnType.BIGINT,
        label="Version Number",
        schema_name="VersionNumber",
        creatable=False,
        updatable=False,
    )


def ownership() -> tuple[ColumnDefinition, ...]:
    """Owner columns of a user- or team-owned table; all but `ownerid` follow from it."""
    return (
        lookup(
            "ownerid",
            "Owner",
            "systemuser",
            "team",
            type=ColumnType.OWNER,
            required=RequiredLevel.SYSTEM,
            on_delete=Cascade.RESTRICT,
        ),
        lookup(
            "owninguser",
            "Owning User",
            "systemuser",
            derived="CASE ownerid_type WHEN 'systemuser' THEN ownerid END",
        ),
        lookup("owningteam", "Owning Team", "team", derived="CASE ownerid_type WHEN 'team' THEN ownerid END"),
        lookup(
            "owningbusinessunit",
            "Owning Business Unit",
            "businessunit",
            creatable=False,
            updatable=False,
            on_delete=Cascade.RESTRICT,
        ),
    )


def currency() -> tuple[ColumnDefinition, ...]:
    """The row's currency and the rate it had when the row was last saved (reference 9.4)."""
    return (
        lookup("transactioncurrencyid", "Currency", "transactioncurrency", on_delete=Cascade.RESTRICT),
        fraction("exchangerate", "Exchange Rate", 1e-10, 1e11, 10, writable=False),
    )


def address(number: int, length: int = 250) -> tuple[ColumnDefinition, ...]:
    """The columns of one address block; the composite is computed."""
    block, title = f"address{number}", f"Address {number}"
    parts = ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country")
    return (
        text(f"{block}_name", 100, f"{title}: Name"),
        text(f"{block}_line1", length, f"{title}: Street 1"),
        text(f"{block}_line2", length, f"{title}: Street 2"),
        text(f"{block}_line3", length, f"{title}: Street 3"),
        text(f"{block}_city", 80, f"{title}: City"),
        text(f"{block}_stateorprovince", 50, f"{title}: State/Province"),
        text(f"{block}_postalcode", 20, f"{title}: ZIP/Postal Code"),
        text(f"{block}_country", 80, f"{title}: Country/Region"),
        text(f"{block}_county", 50, f"{title}: County"),
        text(
            f"{block}_composite",
            1_000,
            title,
            derived=f"nullif(concat_ws(char(10), {', '.join(f'{block}_{part}' for part in parts)}), '')",
        ),
    )
