"""Leads and contacts, with their shipped lengths and options (reference 8.1 and 8.2)."""

from tandem.sandbox.tables.blocks import ACTIVE_INACTIVE, address, currency, ownership, stamps
from tandem.sandbox.tables.columns import (
    boolean,
    by_name,
    choice,
    date,
    fraction,
    guid,
    integer,
    lookup,
    memo,
    moment,
    money,
    states,
    text,
)
from tandem.sandbox.tables.definition import (
    Cascade,
    ColumnDefinition,
    ColumnType,
    RequiredLevel,
    TableDefinition,
)
from tandem.sandbox.tables.options import (
    BUDGET_STATUS,
    INDUSTRY,
    LEAD_SOURCE,
    NEED,
    PREFERRED_CONTACT_METHOD,
    PURCHASE_PROCESS,
    PURCHASE_TIMEFRAME,
    RATING,
)

FULL_NAME = "nullif(concat_ws(' ', firstname, lastname), '')"


def _name_columns() -> tuple[ColumnDefinition, ...]:
    return (
        text("salutation", 100, "Salutation"),
        text("firstname", 50, "First Name", required=RequiredLevel.RECOMMENDED),
        text("middlename", 50, "Middle Name"),
        text("lastname", 50, "Last Name", required=RequiredLevel.APPLICATION),
        text("fullname", 160, "Full Name", derived=FULL_NAME),
        text("jobtitle", 100, "Job Title"),
    )


def _channels(mobile_length: int, pager_length: int) -> tuple[ColumnDefinition, ...]:
    return (
        text("emailaddress1", 100, "Email", format="Email"),
        text("emailaddress2", 100, "Email Address 2", format="Email"),
        text("emailaddress3", 100, "Email Address 3", format="Email"),
        text("telephone1", 50, "Business Phone", format="Phone"),
        text("telephone2", 50, "Home Phone", format="Phone"),
        text("telephone3", 50, "Telephone 3", format="Phone"),
        text("mobilephone", mobile_length, "Mobile Phone", format="Phone"),
        text("pager", pager_length, "Pager"),
        text("fax", 50, "Fax", format="Phone"),
        text("websiteurl", 200, "Website", format="Url"),
        memo("description", "Description"),
    )


def permissions() -> tuple[ColumnDefinition, ...]:
    """The `donot*` columns; true means do NOT."""
    allowed = ("Allow", "Do Not Allow")
    return (
        boolean("donotemail", "Do not allow Emails", *allowed),
        boolean("donotbulkemail", "Do not allow Bulk Emails", *allowed),
        boolean("donotphone", "Do not allow Phone Calls", *allowed),
        boolean("donotfax", "Do not allow Faxes", *allowed),
        boolean("donotpostalmail", "Do not allow Mails", *allowed),
        boolean("donotsendmm", "Send Marketing Materials", "Send", "Do Not Send"),
        boolean("followemail", "Follow Email Activity", "Do Not Allow", "Allow"),
        choice("preferredcontactmethodcode", "Preferred Method of Contact", PREFERRED_CONTACT_METHOD),
        moment("lastusedincampaign", "Last Campaign Date"),
    )


def merging(table: str) -> tuple[ColumnDefinition, ...]:
    """What a merge leaves on the losing row (reference 8.13)."""
    return (
        boolean("merged", "Merged", writable=False),
        lookup("masterid", "Master ID", table, creatable=False, updatable=False),
    )


def campaign(relationship: str) -> ColumnDefinition:
    """A lookup to the campaign that a row came from."""
    return lookup("campaignid", "Source Campaign", "campaign", relationships={"campaign": relationship})


def customer(
    *,
    relationships: dict[str, str],
    on_delete: Cascade,
    name: str = "customerid",
    label: str = "Customer",
    required: RequiredLevel = RequiredLevel.NONE,
) -> ColumnDefinition:
    """A lookup to an account or a contact. Merges take it to the winner, and who gets the customer gets the row [k]."""
    return lookup(
        name,
        label,
        "account",
        "contact",
        type=ColumnType.CUSTOMER,
        relationships=relationships,
        required=required,
        on_delete=on_delete,
        on_merge=Cascade.CASCADE,
        on_assign=Cascade.CASCADE,
    )


LEAD = TableDefinition(
    name="lead",
    schema_name="Lead",
    entity_set="leads",
    primary_id="leadid",
    primary_name="fullname",
    object_type_code=4,
    ownership="UserOwned",
    label="Lead",
    columns=by_name(
        guid("leadid", "Lead", required=RequiredLevel.SYSTEM),
        text("subject", 300, "Topic", required=RequiredLevel.APPLICATION),
        _name_columns(),
        text("companyname", 100, "Company Name", required=RequiredLevel.RECOMMENDED),
        _channels(mobile_length=20, pager_length=20),
        text("sic", 20, "SIC Code"),
        memo("qualificationcomments", "Qualification Comments"),
        address(1),
        address(2),
        permissions(),
        integer("numberofemployees", "No. of Employees", 0, 1_000_000),
        money("revenue", "Annual Revenue", 1e14),
        money("budgetamount", "Budget Amount"),
        money("estimatedamount", "Est. Value"),
        # On the lead this one is a double; on the opportunity it is money (reference 8.1).
        fraction("estimatedvalue", "Est. Value (deprecated)", 0, 1e12, 2, type=ColumnType.DOUBLE),
        date("estimatedclosedate", "Est. Close Date"),
        moment("schedulefollowup_prospect", "Schedule Follow Up (Prospect)"),
        moment("schedulefollowup_qualify", "Schedule Follow Up (Qualify)"),
        boolean("confirminterest", "Confirm Interest"),
        boolean("decisionmaker", "Decision Maker?", "completed", "mark complete"),
        boolean("evaluatefit", "Evaluate Fit"),
        boolean("participatesinworkflow", "Participates in Workflow"),
        choice("leadsourcecode", "Lead Source", LEAD_SOURCE),
        choice("leadqualitycode", "Rating", RATING),
        choice("industrycode", "Industry", INDUSTRY),
        choice("budgetstatus", "Budget", BUDGET_STATUS),
        choice("need", "Need", NEED),
        choice("purchaseprocess", "Purchase Process", PURCHASE_PROCESS),
        choice("purchasetimeframe", "Purchase Timeframe", PURCHASE_TIMEFRAME),
        choice("initialcommunication", "Initial Communication", {0: "Contacted", 1: "Not Contacted"}),
        choice("salesstage", "Sales Stage", {0: "Qualify"}),
        choice("prioritycode", "Priority", {1: "Default Value"}),
        lookup("parentaccountid", "Parent Account for lead", "account", on_merge=Cascade.CASCADE),
        lookup("parentcontactid", "Parent Contact for lead", "contact", on_merge=Cascade.CASCADE),
        customer(
            relationships={"account": "lead_customer_accounts", "contact": "lead_customer_contacts"},
            on_delete=Cascade.CASCADE,
        ),
        lookup(
            "qualifyingopportunityid",
            "Qualifying Opportunity",
            "opportunity",
            relationships={"opportunity": "lead_qualifying_opportunity"},
        ),
        campaign("campaign_leads"),
        lookup(
            "relatedobjectid",
            "Related Campaign Response",
            "campaignresponse",
            relationships={"campaignresponse": "campaignresponse_lead"},
        ),
        merging("lead"),
        currency(),
        states(
            (0, "Open", {1: "New", 2: "Contacted"}),
            (1, "Qualified", {3: "Qualified"}),
            (
                2,
                "Disqualified",
                {4: "Lost", 5: "Cannot Contact", 6: "No Longer Interested", 7: "Canceled"},
            ),
        ),
        ownership(),
        stamps(),
    ),
)

CONTACT = TableDefinition(
    name="contact",
    schema_name="Contact",
    entity_set="contacts",
    primary_id="contactid",
    primary_name="fullname",
    object_type_code=2,
    ownership="UserOwned",
    label="Contact",
    columns=by_name(
        guid("contactid", "Contact", required=RequiredLevel.SYSTEM),
        _name_columns(),
        text("suffix", 10, "Suffix"),
        text("nickname", 100, "Nickname"),
        text("department", 100, "Department"),
        _channels(mobile_length=50, pager_length=50),
        text("assistantname", 100, "Assistant"),
        text("managername", 100, "Manager"),
        text("governmentid", 50, "Government"),
        text("employeeid", 50, "Employee"),
        text("externaluseridentifier", 50, "External User Identifier"),
        address(1),
        address(2),
        address(3),
        permissions(),
        boolean("donotbulkpostalmail", "Do not allow Bulk Mails"),
        boolean("marketingonly", "Marketing Only"),
        date("birthdate", "Birthday"),
        date("anniversary", "Anniversary"),
        choice("gendercode", "Gender", {1: "Male", 2: "Female"}),
        choice("familystatuscode", "Marital Status", {1: "Single", 2: "Married", 3: "Divorced", 4: "Widowed"}),
        choice("accountrolecode", "Role", {1: "Decision Maker", 2: "Employee", 3: "Influencer"}),
        # The lead's sources do not map here: the contact ships with one option (reference 8.2).
        choice("leadsourcecode", "Lead Source", {1: "Default Value"}),
        choice("customertypecode", "Relationship Type", {1: "Default Value"}),
        money("annualincome", "Annual Income", 1e14),
        money("creditlimit", "Credit Limit", 1e14),
        customer(
            name="parentcustomerid",
            label="Company Name",
            relationships={"account": "contact_customer_accounts", "contact": "contact_customer_contacts"},
            # The shipped relationship is parental: deleting the company deletes its contacts. [k]
            on_delete=Cascade.CASCADE,
        ),
        lookup(
            "accountid",
            "Account",
            "account",
            derived="CASE parentcustomerid_type WHEN 'account' THEN parentcustomerid END",
        ),
        lookup(
            "parentcontactid",
            "Parent Contact",
            "contact",
            derived="CASE parentcustomerid_type WHEN 'contact' THEN parentcustomerid END",
        ),
        lookup(
            "originatingleadid",
            "Originating Lead",
            "lead",
            relationships={"lead": "contact_originating_lead"},
            on_merge=Cascade.CASCADE,
        ),
        lookup("preferredsystemuserid", "Preferred User", "systemuser"),
        merging("contact"),
        currency(),
        ACTIVE_INACTIVE,
        ownership(),
        stamps(),
    ),
)
