"""Tasks, campaign responses and the view over them; who takes part in them (reference 8.6 and 8.8).

An activity is deleted with what it regards, so a sync that deletes a person deletes a history; and it is two rows to
a reader, its own and one of `activitypointers`.
"""

from dataclasses import replace

from tandem.sandbox.tables.blocks import currency, ownership, stamps, traces, version
from tandem.sandbox.tables.columns import boolean, by_name, choice, guid, integer, lookup, memo, moment, states, text
from tandem.sandbox.tables.definition import (
    READ_ONLY,
    Cascade,
    ColumnDefinition,
    RequiredLevel,
    TableDefinition,
)

_SYSTEM = RequiredLevel.SYSTEM
_PRIVILEGES = "Activity"
"""Activities of all kinds share one set of privileges: `prvReadActivity` [k]."""

REGARDED = ("account", "contact", "lead", "opportunity", "campaign")
"""What an activity can regard, of the tables that are here."""
PARTICIPATION = {
    1: "Sender",
    2: "To Recipient",
    3: "CC Recipient",
    4: "BCC Recipient",
    5: "Required attendee",
    6: "Optional attendee",
    7: "Organizer",
    8: "Regarding",
    9: "Owner",
    10: "Resource",
    11: "Customer",
}
_PRIORITY = {0: "Low", 1: "Normal", 2: "High"}


def _regarding(*targets: str, collection: str, activity: str = "", required: RequiredLevel) -> ColumnDefinition:
    """`regardingobjectid`, bound by `regardingobjectid_<table>_<activity>` (reference 5.6).

    The activities of a row are its own: they are deleted, assigned and merged with it (reference 8.13, 8.14).
    """
    column = lookup(
        "regardingobjectid",
        "Regarding",
        *targets,
        relationships={target: f"{target.title()}_{collection}" for target in targets},
        required=required,
        on_delete=Cascade.CASCADE,
        on_merge=Cascade.CASCADE,
        on_assign=Cascade.CASCADE,
    )
    suffix = f"_{activity}" if activity else ""
    return replace(column, navigation={target: f"regardingobjectid_{target}{suffix}" for target in targets})


def _kind(name: str) -> ColumnDefinition:
    """`activitytypecode`, the same on every row of a table."""
    return text("activitytypecode", 64, "Activity Type", derived=f"'{name}'")


def _course() -> tuple[ColumnDefinition, ...]:
    """When an activity was to be done and was, the same for every kind."""
    return (
        text("subject", 200, "Subject", required=RequiredLevel.APPLICATION),
        memo("description", "Description"),
        moment("scheduledstart", "Start Date"),
        moment("scheduledend", "Due Date"),
        moment("actualstart", "Actual Start"),
        moment("actualend", "Actual End"),
        integer("actualdurationminutes", "Duration", 0),
        choice("prioritycode", "Priority", _PRIORITY, default=1),
    )


def _sorting() -> tuple[ColumnDefinition, ...]:
    """What an activity is filed under."""
    return (
        text("category", 250, "Category"),
        text("subcategory", 250, "Sub-Category"),
        boolean("isbilled", "Is Billed"),
    )


TASK = TableDefinition(
    name="task",
    schema_name="Task",
    entity_set="tasks",
    primary_id="activityid",
    primary_name="subject",
    object_type_code=4212,
    ownership="UserOwned",
    label="Task",
    activity=True,
    privileges=_PRIVILEGES,
    columns=by_name(
        guid("activityid", "Task", required=_SYSTEM),
        _kind("task"),
        _course(),
        _sorting(),
        integer("percentcomplete", "Percent Complete", 0, 100),
        _regarding(*REGARDED, collection="Tasks", activity="task", required=RequiredLevel.NONE),
        currency(),
        states(
            (0, "Open", {2: "Not Started", 3: "In Progress", 4: "Waiting on someone else", 7: "Deferred"}),
            (1, "Completed", {5: "Completed"}),
            (2, "Canceled", {6: "Canceled"}),
        ),
        ownership(),
        stamps(),
    ),
)

CAMPAIGN_RESPONSE = TableDefinition(
    name="campaignresponse",
    schema_name="CampaignResponse",
    entity_set="campaignresponses",
    primary_id="activityid",
    primary_name="subject",
    object_type_code=4401,
    ownership="UserOwned",
    label="Campaign Response",
    activity=True,
    privileges=_PRIVILEGES,
    columns=by_name(
        guid("activityid", "Campaign Response", required=_SYSTEM),
        _kind("campaignresponse"),
        _course(),
        _sorting(),
        text("firstname", 50, "First Name"),
        text("lastname", 50, "Last Name"),
        text("companyname", 100, "Company Name"),
        text("emailaddress", 100, "Email", format="Email"),
        text("telephone", 50, "Phone", format="Phone"),
        text("fax", 50, "Fax", format="Phone"),
        text("promotioncodename", 250, "Promotion Code"),
        moment("receivedon", "Received On"),
        choice("responsecode", "Response Code", {1: "Interested", 2: "Not Interested", 3: "Do Not Send", 4: "Error"}),
        choice(
            "channeltypecode",
            "Channel",
            {1: "Email", 2: "Phone", 3: "Fax", 4: "Letter", 5: "Appointment", 6: "Other"},
        ),
        _regarding(
            "campaign",
            collection="CampaignResponses",
            activity="campaignresponse",
            required=RequiredLevel.APPLICATION,
        ),
        currency(),
        states((0, "Open", {1: "Open"}), (1, "Closed", {2: "Closed"}), (2, "Canceled", {3: "Canceled"})),
        ownership(),
        stamps(),
    ),
)

KINDS = (TASK, CAMPAIGN_RESPONSE)
_KIND_NAMES = tuple(table.name for table in KINDS)

# Whether its change tracking is on is not known: off until somebody turns it on.
ACTIVITY_POINTER = TableDefinition(
    name="activitypointer",
    schema_name="ActivityPointer",
    entity_set="activitypointers",
    primary_id="activityid",
    primary_name="subject",
    object_type_code=4200,
    ownership="UserOwned",
    label="Activity",
    change_tracking=False,
    activity=True,
    messages=READ_ONLY,
    united=_KIND_NAMES,
    privileges=_PRIVILEGES,
    columns=by_name(
        guid("activityid", "Activity", required=_SYSTEM),
        text("activitytypecode", 64, "Activity Type", writable=False),
        _course(),
        _regarding(*REGARDED, collection="ActivityPointers", required=RequiredLevel.NONE),
        currency(),
        states(
            (0, "Open", {1: "Open"}),
            (1, "Completed", {2: "Completed"}),
            (2, "Canceled", {3: "Canceled"}),
            (3, "Scheduled", {4: "Scheduled"}),
        ),
        ownership(),
        traces(),
    ),
)

PARTIES = ("account", "contact", "lead", "opportunity", "campaign", "systemuser", "team")
"""Who or what can take part, or be regarded."""

# Not change-tracked alone, as far as is known (reference 8.8).
ACTIVITY_PARTY = TableDefinition(
    name="activityparty",
    schema_name="ActivityParty",
    entity_set="activityparties",
    primary_id="activitypartyid",
    primary_name=None,
    object_type_code=135,
    ownership="None",
    label="Activity Party",
    change_tracking=False,
    optimistic_concurrency=False,
    messages=READ_ONLY,
    privileges=_PRIVILEGES,
    columns=by_name(
        guid("activitypartyid", "Activity Party", required=_SYSTEM),
        lookup(
            "activityid",
            "Activity",
            *_KIND_NAMES,
            relationships={kind: f"{kind}_activity_parties" for kind in _KIND_NAMES},
            required=_SYSTEM,
            on_delete=Cascade.CASCADE,
        ),
        lookup(
            "partyid",
            "Party",
            *PARTIES,
            relationships={
                party: "system_user_activity_parties" if party == "systemuser" else f"{party}_activity_parties"
                for party in PARTIES
            },
            on_merge=Cascade.CASCADE,
        ),
        choice("participationtypemask", "Participation Type", PARTICIPATION, required=_SYSTEM),
        text("addressused", 320, "Address"),
        version(),
    ),
)
