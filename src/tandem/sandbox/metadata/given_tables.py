"""Tables and alternate keys as a client gives them, made into definitions (reference 2.2, 2.6).

A table is more than its columns: the service adds an id, a state, an owner and the stamps, and a client counts on them.
"""

from collections.abc import Iterable
from dataclasses import replace

from tandem.sandbox.messages import Refused
from tandem.sandbox.metadata.given import Given, attribute_exists, invalid_definition
from tandem.sandbox.metadata.given_columns import new_column
from tandem.sandbox.metadata.naming import checked_name, collection_name, logical_name
from tandem.sandbox.store.customisation import ChangeTable
from tandem.sandbox.tables import (
    ColumnDefinition,
    ColumnType,
    Definitions,
    KeyDefinition,
    RequiredLevel,
    TableDefinition,
)
from tandem.sandbox.tables.blocks import ACTIVE_INACTIVE, ownership, stamps
from tandem.sandbox.tables.columns import base_of, by_name, guid

_UNUSED = frozenset(
    {
        "ActivityTypeMask",
        "AutoCreateAccessTeams",
        "AutoRouteToOwnerQueue",
        "CanChangeTrackingBeEnabled",
        "CanCreateAttributes",
        "CanCreateCharts",
        "CanCreateForms",
        "CanCreateViews",
        "CanModifyAdditionalSettings",
        "CollectionSchemaName",
        "DataProviderId",
        "DataSourceId",
        "EntityColor",
        "EntityHelpUrl",
        "EntityHelpUrlEnabled",
        "ExternalCollectionName",
        "ExternalName",
        "HasActivities",
        "HasEmailAddresses",
        "HasFeedback",
        "HasNotes",
        "IconLargeName",
        "IconMediumName",
        "IconSmallName",
        "IconVectorName",
        "IsActivity",
        "IsActivityParty",
        "IsAuditEnabled",
        "IsAvailableOffline",
        "IsBusinessProcessEnabled",
        "IsConnectionsEnabled",
        "IsCustomEntity",
        "IsDocumentManagementEnabled",
        "IsDuplicateDetectionEnabled",
        "IsEnabledForCharts",
        "IsImportable",
        "IsInteractionCentricEnabled",
        "IsIntersect",
        "IsKnowledgeManagementEnabled",
        "IsLogicalEntity",
        "IsMailMergeEnabled",
        "IsMappable",
        "IsOfflineInMobileClient",
        "IsOneNoteIntegrationEnabled",
        "IsOptimisticConcurrencyEnabled",
        "IsPrivate",
        "IsQuickCreateEnabled",
        "IsReadOnlyInMobileClient",
        "IsReadingPaneEnabled",
        "IsRenameable",
        "IsSLAEnabled",
        "IsSolutionAware",
        "IsValidForAdvancedFind",
        "IsValidForQueue",
        "IsVisibleInMobile",
        "IsVisibleInMobileClient",
        "LogicalCollectionName",
        "LogicalName",
        "ObjectTypeCode",
        "OwnershipType",
        "PrimaryIdAttribute",
        "PrimaryImageAttribute",
        "PrimaryNameAttribute",
        "Privileges",
        "SchemaName",
        "SyncToExternalSearchIndex",
        "TableType",
        "EntitySetName",
        "Attributes",
    }
)
"""What the service knows of tables and the sandbox has no use for, or tells of itself."""

_OWNERSHIP = {
    "ownerid": {"systemuser": "user", "team": "team"},
    "owninguser": {"systemuser": "user"},
    "owningteam": {"team": "team"},
    "owningbusinessunit": {"businessunit": "business_unit"},
}
"""How the names of relationships begin that tell who owns a row."""


def new_table(definitions: Definitions, given: Given) -> TableDefinition:
    """The table that a client wants made, with what the service adds to every one. Raises Refused."""
    schema_name = given.text("SchemaName")
    name = logical_name(schema_name)
    if given.boolean("IsActivity", default=False) or given.text("TableType", "Standard") != "Standard":
        raise Refused(501, "0x8006088a", "Activity, elastic and virtual tables are not implemented by this sandbox.")
    owned = given.text("OwnershipType", "UserOwned")
    if owned not in ("UserOwned", "OrganizationOwned"):
        raise invalid_definition(f"The ownership type '{owned}' is not valid for a new table.")
    primary, others = _columns(definitions, given)
    for column in (primary, *others):
        if column.name == f"{name}id":
            raise attribute_exists(column.schema_name)
    table = TableDefinition(
        name=name,
        schema_name=schema_name,
        entity_set=checked_name(given.text("EntitySetName", collection_name(name))),
        primary_id=f"{name}id",
        primary_name=primary.name,
        object_type_code=0,
        ownership=owned,
        label=schema_name,
        change_tracking=False,
        custom=True,
        columns=by_name(
            replace(guid(f"{name}id", schema_name, required=RequiredLevel.SYSTEM), schema_name=f"{schema_name}Id"),
            primary,
            ACTIVE_INACTIVE,
            _related(name, ownership() if owned == "UserOwned" else ()),
            _related(name, stamps()),
            others,
        ),
    )
    changed = changed_table(table, given)
    return replace(
        table,
        label=changed.label,
        collection_label=changed.collection_label,
        description=changed.description,
        change_tracking=changed.change_tracking,
    )


def _related(table: str, columns: Iterable[ColumnDefinition]) -> Iterable[ColumnDefinition]:
    """The columns with the names that the service gives the relationships of a customer's table. [k]"""
    for column in columns:
        names = dict.fromkeys(column.targets, f"lk_{table}_{column.name}")
        if column.name in _OWNERSHIP:
            names = {target: f"{_OWNERSHIP[column.name][target]}_{table}" for target in column.targets}
        yield replace(column, relationships=names)


def _columns(definitions: Definitions, given: Given) -> tuple[ColumnDefinition, tuple[ColumnDefinition, ...]]:
    """The primary name column and the others; money with its `_base`."""
    primary: ColumnDefinition | None = None
    others: list[ColumnDefinition] = []
    for each in given.parts("Attributes"):
        named = each.boolean("IsPrimaryName", default=False)
        column = new_column(definitions, each)
        if any(column.name == other.name for other in (primary, *others) if other is not None):
            raise attribute_exists(column.schema_name)
        if not named:
            others += [column, base_of(column)] if column.type is ColumnType.MONEY else [column]
        elif primary is None and column.type is ColumnType.STRING:
            primary = column
        else:
            raise invalid_definition("A table has one primary name attribute, a StringAttributeMetadata.")
    if primary is None:
        raise invalid_definition("The Attributes of a new table must hold its primary name attribute, IsPrimaryName.")
    return primary, tuple(others)


def changed_table(table: TableDefinition, given: Given) -> ChangeTable:
    """What a client wants changed of a table. Raises Refused: tracking cannot be turned off again (reference 4.1)."""
    tracked = given.boolean("ChangeTrackingEnabled", default=table.change_tracking)
    if table.change_tracking and not tracked:
        raise invalid_definition("ChangeTrackingEnabled cannot be turned off once it is on.")
    change = ChangeTable.of(
        table,
        label=given.label("DisplayName", table.label),
        collection_label=given.label("DisplayCollectionName", table.collection_label),
        description=given.label("Description", table.description),
        change_tracking=tracked,
    )
    given.done(_UNUSED)
    return change


def new_key(given: Given) -> KeyDefinition:
    """The alternate key that a client wants made. Raises Refused."""
    schema_name = given.text("SchemaName")
    columns = given.texts("KeyAttributes")
    if not columns or len(set(columns)) < len(columns):
        raise invalid_definition("KeyAttributes must name columns, each once.")
    key = KeyDefinition(
        name=logical_name(schema_name),
        schema_name=schema_name,
        label=given.label("DisplayName", schema_name),
        columns=tuple(columns),
    )
    given.done({"LogicalName", "EntityLogicalName", "EntityKeyIndexStatus", "IsSynchronous", "IsSecondaryKey"})
    return key
