"""The tables in which an organisation lists its own privileges and messages (reference 1.7, 5.10).

Nobody writes them: their rows follow from the definitions of the other tables.
"""

from tandem.sandbox.tables.blocks import version
from tandem.sandbox.tables.columns import boolean, by_name, guid, integer, lookup, text
from tandem.sandbox.tables.definition import READ_ONLY, Cascade, RequiredLevel, TableDefinition

_SYSTEM = RequiredLevel.SYSTEM

# What these tables are like is general knowledge. [k]
PRIVILEGE = TableDefinition(
    name="privilege",
    schema_name="Privilege",
    entity_set="privileges",
    primary_id="privilegeid",
    primary_name="name",
    object_type_code=1023,
    ownership="None",
    label="Privilege",
    change_tracking=False,
    messages=READ_ONLY,
    columns=by_name(
        guid("privilegeid", "Privilege", required=_SYSTEM),
        text("name", 100, "Name", required=_SYSTEM),
        integer("accessright", "Access Right", 0),
        boolean("canbebasic", "Can Be Basic"),
        boolean("canbelocal", "Can Be Local"),
        boolean("canbedeep", "Can Be Deep"),
        boolean("canbeglobal", "Can Be Global"),
        version(),
    ),
)

SDK_MESSAGE = TableDefinition(
    name="sdkmessage",
    schema_name="SdkMessage",
    entity_set="sdkmessages",
    primary_id="sdkmessageid",
    primary_name="name",
    object_type_code=4606,
    ownership="None",
    label="Sdk Message",
    change_tracking=False,
    messages=READ_ONLY,
    columns=by_name(
        guid("sdkmessageid", "Sdk Message", required=_SYSTEM),
        text("name", 256, "Name", required=_SYSTEM),
        version(),
    ),
)

SDK_MESSAGE_FILTER = TableDefinition(
    name="sdkmessagefilter",
    schema_name="SdkMessageFilter",
    entity_set="sdkmessagefilters",
    primary_id="sdkmessagefilterid",
    primary_name=None,
    object_type_code=4607,
    ownership="None",
    label="Sdk Message Filter",
    change_tracking=False,
    messages=READ_ONLY,
    columns=by_name(
        guid("sdkmessagefilterid", "Sdk Message Filter", required=_SYSTEM),
        lookup(
            "sdkmessageid",
            "Sdk Message",
            "sdkmessage",
            relationships={"sdkmessage": "sdkmessageid_sdkmessagefilter"},
            required=_SYSTEM,
            on_delete=Cascade.CASCADE,
        ),
        text("primaryobjecttypecode", 64, "Primary Object Type Code", required=_SYSTEM),
        version(),
    ),
)
