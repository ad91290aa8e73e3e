"""Marketing lists and campaigns, and what belongs to them (reference 8.6 and 8.7).

Several of their values are zero and are values all the same: status 0 of a campaign and of a list, which a sync that
tests for truth would lose.
"""

from tandem.sandbox.tables.blocks import currency, ownership, stamps, traces, version
from tandem.sandbox.tables.columns import (
    boolean,
    by_name,
    choice,
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
    READ_ONLY,
    Association,
    Cascade,
    ColumnDefinition,
    ColumnType,
    Message,
    RequiredLevel,
    TableDefinition,
)

_SYSTEM = RequiredLevel.SYSTEM

MEMBER_TYPES = {"account": 1, "contact": 2, "lead": 4}
"""The tables whose rows can be members, with the `createdfromcode` of their lists, which is their type code."""

CAMPAIGN = TableDefinition(
    name="campaign",
    schema_name="Campaign",
    entity_set="campaigns",
    primary_id="campaignid",
    primary_name="name",
    object_type_code=4400,
    ownership="UserOwned",
    label="Campaign",
    columns=by_name(
        guid("campaignid", "Campaign", required=_SYSTEM),
        text("name", 128, "Name", required=_SYSTEM),
        text("codename", 32, "Campaign Code"),
        text("message", 256, "Message"),
        text("promotioncodename", 128, "Promotion Code"),
        memo("objective", "Offer"),
        memo("description", "Description"),
        choice(
            "typecode",
            "Campaign Type",
            {1: "Advertisement", 2: "Direct Marketing", 3: "Event", 4: "Co-branding", 5: "Other"},
        ),
        moment("proposedstart", "Proposed Start Date"),
        moment("proposedend", "Proposed End Date"),
        moment("actualstart", "Actual Start Date"),
        moment("actualend", "Actual End Date"),
        money("budgetedcost", "Budget Allocated"),
        money("othercost", "Miscellaneous Costs"),
        money("expectedrevenue", "Estimated Revenue"),
        # Computed: what its activities cost, of which there are none here, and the other costs.
        money("totalactualcost", "Total Cost of Campaign", derived="othercost"),
        integer("expectedresponse", "Expected Response (%)", 0, 100),
        boolean("istemplate", "Template"),
        currency(),
        states(
            (
                0,
                "Active",
                {
                    0: "Proposed",
                    1: "Ready To Launch",
                    2: "Launched",
                    3: "Completed",
                    4: "Canceled",
                    5: "Suspended",
                },
            ),
            (1, "Inactive", {6: "Inactive"}),
        ),
        ownership(),
        stamps(),
    ),
)

CAMPAIGN_ITEM = TableDefinition(
    name="campaignitem",
    schema_name="CampaignItem",
    entity_set="campaignitems",
    primary_id="campaignitemid",
    primary_name=None,
    object_type_code=4403,
    ownership="None",
    label="Campaign Item",
    change_tracking=False,
    optimistic_concurrency=False,
    is_intersect=True,
    messages=READ_ONLY,
    privileges="Campaign",
    columns=by_name(
        guid("campaignitemid", "Campaign Item", required=_SYSTEM),
        guid("campaignid", "Campaign"),
        guid("entityid", "Item"),
        integer("entitytype", "Item Type", writable=False),
        version(),
    ),
)

# Whether a list ships with change tracking is unconfirmed (reference 12): on here; `tracking` turns it off.
LIST = TableDefinition(
    name="list",
    schema_name="List",
    entity_set="lists",
    primary_id="listid",
    primary_name="listname",
    object_type_code=4300,
    ownership="UserOwned",
    label="Marketing List",
    columns=by_name(
        guid("listid", "Marketing List", required=_SYSTEM),
        text("listname", 128, "Name", required=_SYSTEM),
        text("purpose", 512, "Purpose"),
        text("source", 128, "Source"),
        memo("description", "Description"),
        memo("query", "Query", 1_073_741_823),
        choice(
            "createdfromcode",
            "Marketing List Member Type",
            {1: "Account", 2: "Contact", 4: "Lead"},
            required=_SYSTEM,
            updatable=False,
        ),
        ColumnDefinition(
            name="membertype",
            type=ColumnType.INTEGER,
            label="Member Type",
            schema_name="MemberType",
            creatable=False,
            updatable=False,
            derived="createdfromcode",
        ),
        ColumnDefinition(
            name="membercount",
            type=ColumnType.INTEGER,
            label="Members Count",
            schema_name="MemberCount",
            minimum=0,
            creatable=False,
            updatable=False,
            default=0,
            counts=("listmember", "listid"),
        ),
        boolean("type", "Type", "Static", "Dynamic", required=_SYSTEM),
        boolean("lockstatus", "Locked"),
        boolean("donotsendonoptout", "Exclude Members Who Opt Out", default=True),
        boolean("ignoreinactivelistmembers", "Ignore Inactive List Members", default=True),
        moment("lastusedon", "Last Used On"),
        money("cost", "Cost"),
        currency(),
        states((0, "Active", {0: "Active"}), (1, "Inactive", {1: "Inactive"})),
        ownership(),
        stamps(),
    ),
)

# Its change tracking is unconfirmed too (reference 12): off, as with other intersect tables, until it is turned on.
LIST_MEMBER = TableDefinition(
    name="listmember",
    schema_name="ListMember",
    entity_set="listmembers",
    primary_id="listmemberid",
    primary_name="name",
    object_type_code=4301,
    ownership="None",
    label="Marketing List Member",
    change_tracking=False,
    optimistic_concurrency=False,
    is_intersect=True,
    messages=frozenset({Message.CREATE, Message.DELETE, Message.RETRIEVE_MULTIPLE}),
    privileges="List",
    columns=by_name(
        guid("listmemberid", "Marketing List Member", required=_SYSTEM),
        text("name", 160, "Name", writable=False),
        lookup(
            "entityid",
            "Member",
            *MEMBER_TYPES,
            relationships={table: f"{table}_listmembers" for table in MEMBER_TYPES},
            required=_SYSTEM,
            on_delete=Cascade.CASCADE,
            on_merge=Cascade.CASCADE,
        ),
        ColumnDefinition(
            name="entitytype",
            type=ColumnType.INTEGER,
            label="Member Type",
            schema_name="EntityType",
            creatable=False,
            updatable=False,
            derived="CASE entityid_type WHEN 'account' THEN 1 WHEN 'contact' THEN 2 WHEN 'lead' THEN 4 END",
        ),
        lookup(
            "listid",
            "Marketing List",
            "list",
            relationships={"list": "list_listmembers"},
            required=_SYSTEM,
            on_delete=Cascade.CASCADE,
        ),
        traces(),
    ),
)


def _membership(table: str) -> Association:
    return Association(
        schema_name=f"list{table}_association",
        entity1="list",
        column1="listid",
        navigation1=f"list{table}_association",
        entity2=table,
        column2="entityid",
        navigation2=f"list{table}_association",
        intersect="listmember",
        told_by=("entityid_type", table),
    )


def _item(table: TableDefinition, navigation1: str, navigation2: str) -> Association:
    return Association(
        schema_name=f"campaign{table.name}_association",
        entity1="campaign",
        column1="campaignid",
        navigation1=navigation1,
        entity2=table.name,
        column2="entityid",
        navigation2=navigation2,
        intersect="campaignitem",
        told_by=("entitytype", table.object_type_code),
    )


ASSOCIATIONS = (
    *map(_membership, MEMBER_TYPES),
    _item(LIST, "campaignlist_association", "campaignlist_association"),
    # The two ends of a relationship with itself are named as those of custom ones are [infer].
    _item(CAMPAIGN, "Referencingcampaigncampaign_association", "Referencedcampaigncampaign_association"),
)
