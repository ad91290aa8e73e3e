"""The tables of saved views (reference 3.8; what they are like is general knowledge [k])."""

from tandem.sandbox.tables.blocks import ACTIVE_INACTIVE, ownership, traces
from tandem.sandbox.tables.columns import boolean, by_name, guid, integer, memo, text
from tandem.sandbox.tables.definition import ColumnDefinition, RequiredLevel, TableDefinition

_LONGEST = 1_073_741_823
"""The length of the columns that hold XML."""


def _view(key: str, label: str) -> tuple[ColumnDefinition, ...]:
    """What the views of the organisation and those of a user have alike."""
    return (
        guid(key, label, required=RequiredLevel.SYSTEM),
        text("name", 200, "Name", required=RequiredLevel.SYSTEM),
        memo("description", "Description"),
        text("returnedtypecode", 64, "Returned Type Code", required=RequiredLevel.SYSTEM),
        integer("querytype", "Query Type", 0),
        memo("fetchxml", "FetchXML", _LONGEST),
        memo("layoutxml", "Layout XML", _LONGEST),
        *ACTIVE_INACTIVE,
        *traces(),
    )


SAVED_QUERY = TableDefinition(
    name="savedquery",
    schema_name="SavedQuery",
    entity_set="savedqueries",
    primary_id="savedqueryid",
    primary_name="name",
    object_type_code=1039,
    ownership="OrganizationOwned",
    label="View",
    change_tracking=False,
    columns=by_name(_view("savedqueryid", "View"), boolean("isdefault", "Default View")),
)

USER_QUERY = TableDefinition(
    name="userquery",
    schema_name="UserQuery",
    entity_set="userqueries",
    primary_id="userqueryid",
    primary_name="name",
    object_type_code=4230,
    ownership="UserOwned",
    label="Saved View",
    change_tracking=False,
    columns=by_name(_view("userqueryid", "Saved View"), ownership()),
)
