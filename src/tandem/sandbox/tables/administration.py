"""Who works in the organisation, and the organisation itself (reference 1.4, 1.6, 1.8, 8.5, 9.4 and 13)."""

from tandem.sandbox.tables.blocks import ACTIVE_INACTIVE, stamps, version
from tandem.sandbox.tables.columns import boolean, by_name, choice, fraction, guid, integer, lookup, memo, text
from tandem.sandbox.tables.definition import (
    READ_ONLY,
    Association,
    Cascade,
    Message,
    RequiredLevel,
    TableDefinition,
)

_SYSTEM = RequiredLevel.SYSTEM

SYSTEM_USER = TableDefinition(
    name="systemuser",
    schema_name="SystemUser",
    entity_set="systemusers",
    primary_id="systemuserid",
    primary_name="fullname",
    object_type_code=8,
    ownership="BusinessOwned",
    label="User",
    # Users are only ever disabled (reference 8.5).
    messages=frozenset(Message) - {Message.DELETE},
    columns=by_name(
        guid("systemuserid", "User", required=_SYSTEM),
        text("firstname", 64, "First Name"),
        text("middlename", 50, "Middle Name"),
        text("lastname", 64, "Last Name"),
        text("fullname", 200, "Full Name", writable=False),
        text("internalemailaddress", 100, "Primary Email", format="Email"),
        text("domainname", 1024, "User Name", required=RequiredLevel.APPLICATION),
        text("title", 128, "Title"),
        text("jobtitle", 100, "Job Title"),
        text("mobilephone", 64, "Mobile Phone", format="Phone"),
        text("address1_telephone1", 64, "Main Phone", format="Phone"),
        boolean("isdisabled", "Status", "Enabled", "Disabled"),
        boolean("islicensed", "User Licensed", writable=False),
        boolean("isintegrationuser", "Integration user mode"),
        choice(
            "accessmode",
            "Access Mode",
            {
                0: "Read-Write",
                1: "Administrative",
                2: "Read",
                3: "Support User",
                4: "Non-interactive",
                5: "Delegated Admin",
            },
        ),
        guid("applicationid", "Application ID"),
        guid("azureactivedirectoryobjectid", "Azure AD Object ID"),
        lookup(
            "businessunitid",
            "Business Unit",
            "businessunit",
            required=_SYSTEM,
            on_delete=Cascade.RESTRICT,
        ),
        lookup("parentsystemuserid", "Manager", "systemuser"),
        lookup("transactioncurrencyid", "Currency", "transactioncurrency", on_delete=Cascade.RESTRICT),
        stamps(),
    ),
)

TEAM = TableDefinition(
    name="team",
    schema_name="Team",
    entity_set="teams",
    primary_id="teamid",
    primary_name="name",
    object_type_code=9,
    ownership="BusinessOwned",
    label="Team",
    columns=by_name(
        guid("teamid", "Team", required=_SYSTEM),
        text("name", 160, "Team Name", required=_SYSTEM),
        memo("description", "Description"),
        text("emailaddress", 100, "Email", format="Email"),
        # 2 and 3 are general knowledge (reference 8.5). [k]
        choice(
            "teamtype",
            "Team Type",
            {0: "Owner", 1: "Access", 2: "Security Group", 3: "Office Group"},
        ),
        boolean("isdefault", "Is Default", writable=False),
        lookup("administratorid", "Administrator", "systemuser", on_delete=Cascade.RESTRICT),
        lookup(
            "businessunitid",
            "Business Unit",
            "businessunit",
            required=_SYSTEM,
            on_delete=Cascade.RESTRICT,
        ),
        lookup("transactioncurrencyid", "Currency", "transactioncurrency", on_delete=Cascade.RESTRICT),
        stamps(),
    ),
)

# An intersect table whose change tracking is not to be relied on (reference 13): off until somebody turns it on.
TEAM_MEMBERSHIP = TableDefinition(
    name="teammembership",
    schema_name="TeamMembership",
    entity_set="teammemberships",
    primary_id="teammembershipid",
    primary_name=None,
    object_type_code=23,
    ownership="None",
    label="Team Membership",
    change_tracking=False,
    optimistic_concurrency=False,
    is_intersect=True,
    messages=READ_ONLY,
    columns=by_name(
        guid("teammembershipid", "Team Membership", required=_SYSTEM),
        guid("teamid", "Team"),
        guid("systemuserid", "User"),
        version(),
    ),
)

BUSINESS_UNIT = TableDefinition(
    name="businessunit",
    schema_name="BusinessUnit",
    entity_set="businessunits",
    primary_id="businessunitid",
    primary_name="name",
    object_type_code=10,
    ownership="BusinessParented",
    label="Business Unit",
    columns=by_name(
        guid("businessunitid", "Business Unit", required=_SYSTEM),
        text("name", 160, "Name", required=_SYSTEM),
        text("divisionname", 100, "Division"),
        text("emailaddress", 100, "Email", format="Email"),
        text("websiteurl", 200, "Website", format="Url"),
        boolean("isdisabled", "Is Disabled", writable=False),
        lookup("parentbusinessunitid", "Parent Business", "businessunit", on_delete=Cascade.RESTRICT),
        lookup("transactioncurrencyid", "Currency", "transactioncurrency", on_delete=Cascade.RESTRICT),
        stamps(),
    ),
)

TRANSACTION_CURRENCY = TableDefinition(
    name="transactioncurrency",
    schema_name="TransactionCurrency",
    entity_set="transactioncurrencies",
    primary_id="transactioncurrencyid",
    primary_name="currencyname",
    object_type_code=9105,
    ownership="OrganizationOwned",
    label="Currency",
    columns=by_name(
        guid("transactioncurrencyid", "Currency", required=_SYSTEM),
        text("currencyname", 100, "Currency Name", required=_SYSTEM),
        text("isocurrencycode", 5, "Currency Code", required=_SYSTEM),
        text("currencysymbol", 13, "Currency Symbol", required=_SYSTEM),
        integer("currencyprecision", "Currency Precision", 0, 4),
        fraction("exchangerate", "Exchange Rate", 1e-10, 1e11, 10),
        ACTIVE_INACTIVE,
        stamps(),
    ),
)

# The one row of `organizations`; presence of these columns is general knowledge (reference 1.6). [k]
ORGANIZATION = TableDefinition(
    name="organization",
    schema_name="Organization",
    entity_set="organizations",
    primary_id="organizationid",
    primary_name="name",
    object_type_code=1019,
    ownership="None",
    label="Organization",
    change_tracking=False,
    messages=READ_ONLY | {Message.UPDATE},
    columns=by_name(
        guid("organizationid", "Organization", required=_SYSTEM),
        text("name", 160, "Organization Name", writable=False),
        integer("expirechangetrackingindays", "Days to Expire Change Tracking Deleted Records", 0, 365),
        integer("expiresubscriptionsindays", "Days to Expire Subscriptions", 0),
        integer("currencydecimalprecision", "Currency Decimal Precision", 0, 4),
        integer("maxuploadfilesize", "Max Upload File Size", 0),
        boolean("isduplicatedetectionenabled", "Is Duplicate Detection Enabled"),
        lookup("basecurrencyid", "Currency", "transactioncurrency", on_delete=Cascade.RESTRICT),
        stamps(),
    ),
)

FIELD_SECURITY_PROFILE = TableDefinition(
    name="fieldsecurityprofile",
    schema_name="FieldSecurityProfile",
    entity_set="fieldsecurityprofiles",
    primary_id="fieldsecurityprofileid",
    primary_name="name",
    object_type_code=1200,
    ownership="OrganizationOwned",
    label="Column Security Profile",
    change_tracking=False,
    columns=by_name(
        guid("fieldsecurityprofileid", "Column Security Profile", required=_SYSTEM),
        text("name", 100, "Name", required=_SYSTEM),
        memo("description", "Description"),
        stamps(),
    ),
)

_ALLOWED = {0: "Not Allowed", 4: "Allowed"}

FIELD_PERMISSION = TableDefinition(
    name="fieldpermission",
    schema_name="FieldPermission",
    entity_set="fieldpermissions",
    primary_id="fieldpermissionid",
    primary_name=None,
    object_type_code=1201,
    ownership="OrganizationOwned",
    label="Column Permission",
    change_tracking=False,
    columns=by_name(
        guid("fieldpermissionid", "Column Permission", required=_SYSTEM),
        text("entityname", 128, "Name of the table", required=_SYSTEM),
        text("attributelogicalname", 128, "Name of the column", required=_SYSTEM),
        choice("canread", "Can Read the column", _ALLOWED),
        choice("cancreate", "Can create the column", _ALLOWED),
        choice("canupdate", "Can Update the column", _ALLOWED),
        choice("canreadunmasked", "Can read unmasked values", {0: "Not Allowed", 1: "One Record", 3: "All Records"}),
        lookup(
            "fieldsecurityprofileid",
            "Profile",
            "fieldsecurityprofile",
            relationships={"fieldsecurityprofile": "lk_fieldpermission_fieldsecurityprofileid"},
            required=_SYSTEM,
            on_delete=Cascade.CASCADE,
        ),
        version(),
    ),
)


def _members_of_profiles(member: str, schema_name: str, label: str, object_type_code: int) -> TableDefinition:
    """The intersect table of column security profiles and those who have them (reference 13, [k])."""
    name = schema_name.lower()
    return TableDefinition(
        name=name,
        schema_name=schema_name,
        entity_set=f"{name}collection",
        primary_id=name.removesuffix("s") + "id",
        primary_name=None,
        object_type_code=object_type_code,
        ownership="None",
        label=f"{label} to Column Security Profile",
        change_tracking=False,
        optimistic_concurrency=False,
        is_intersect=True,
        messages=READ_ONLY,
        columns=by_name(
            guid(name.removesuffix("s") + "id", "Row", required=_SYSTEM),
            guid(f"{member}id", label),
            guid("fieldsecurityprofileid", "Profile"),
            version(),
        ),
    )


SYSTEM_USER_PROFILES = _members_of_profiles("systemuser", "SystemUserProfiles", "User", 1202)
TEAM_PROFILES = _members_of_profiles("team", "TeamProfiles", "Team", 1203)


def _profiles_of(member: str, intersect: TableDefinition) -> Association:
    return Association(
        schema_name=f"{intersect.name}_association",
        entity1="fieldsecurityprofile",
        column1="fieldsecurityprofileid",
        navigation1=f"{intersect.name}_association",
        entity2=member,
        column2=f"{member}id",
        navigation2=f"{intersect.name}_association",
        intersect=intersect.name,
    )


ASSOCIATIONS = (
    Association(
        schema_name="teammembership_association",
        entity1="team",
        column1="teamid",
        navigation1="teammembership_association",
        entity2="systemuser",
        column2="systemuserid",
        navigation2="teammembership_association",
        intersect="teammembership",
    ),
    _profiles_of("systemuser", SYSTEM_USER_PROFILES),
    _profiles_of("team", TEAM_PROFILES),
)
