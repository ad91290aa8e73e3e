"""Tables, labels and option sets in the shapes that EntityDefinitions answers with (reference 2.2, 2.4)."""

from collections.abc import Iterable
from functools import lru_cache
from uuid import NAMESPACE_URL, uuid5

from tandem.sandbox.paths import NAMESPACE
from tandem.sandbox.store.privileges import Right, privilege_id, privilege_name
from tandem.sandbox.tables import OptionDefinition, OptionSetDefinition, TableDefinition
from tandem.sandbox.tables.activities import PARTIES, REGARDED

Shape = dict[str, object]

LANGUAGE = 1033


@lru_cache(maxsize=65_536)
def metadata_id(*names: str, made: int = 0) -> str:
    """A stable id for a piece of metadata; `made` is the metadata version that made it, 0 for what ships."""
    text = "metadata:" + "/".join(names)
    return str(uuid5(NAMESPACE_URL, f"{text}@{made}" if made else text))


def table_id(table: TableDefinition) -> str:
    """The MetadataId of a table."""
    return metadata_id(table.name, made=table.created_at)


def option_set_id(option_set: OptionSetDefinition) -> str:
    """The MetadataId of a global option set."""
    return metadata_id("optionset", option_set.name, made=option_set.created_at)


def label(text: str, *names: str, custom: bool = False) -> Shape:
    """A label in the one language of the sandbox; without text, the empty shape."""
    if not text:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    localized = {
        "Label": text,
        "LanguageCode": LANGUAGE,
        "IsManaged": not custom,
        "MetadataId": metadata_id("label", *names),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": localized}


def managed(value: object, name: str) -> Shape:
    """A managed property."""
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def table_shape(table: TableDefinition) -> Shape:
    """The properties of one EntityMetadata; a table has no notes here, no image and no source outside.

    [k]: HasActivities, HasNotes, IsActivityParty, PrimaryImageAttribute and what names the source of a virtual table.
    """
    collection = table.collection_label or f"{table.label}s"
    return {
        "MetadataId": table_id(table),
        "HasChanged": None,
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.entity_set,
        "LogicalCollectionName": table.entity_set,
        "CollectionSchemaName": table.entity_set,
        "PrimaryIdAttribute": table.primary_id,
        "PrimaryNameAttribute": table.primary_name,
        "PrimaryImageAttribute": None,
        "ObjectTypeCode": table.object_type_code,
        "OwnershipType": table.ownership,
        "ChangeTrackingEnabled": table.change_tracking,
        "CanChangeTrackingBeEnabled": managed(True, "canchangetrackingbeenabled"),
        "CanCreateAttributes": managed(not (table.is_intersect or table.united), "cancreateattributes"),
        "IsOptimisticConcurrencyEnabled": table.optimistic_concurrency,
        "IsActivity": table.activity,
        "IsActivityParty": table.name in PARTIES,
        "HasActivities": table.name in REGARDED,
        "HasNotes": False,
        "IsIntersect": table.is_intersect,
        "IsCustomEntity": table.custom,
        "IsCustomizable": managed(True, "iscustomizable"),
        "IsManaged": not table.custom,
        "IsPrivate": False,
        "IsLogicalEntity": False,
        "TableType": "Standard",
        "DataProviderId": None,
        "DataSourceId": None,
        "ExternalName": None,
        "ExternalCollectionName": None,
        "DisplayName": label(table.label, table.name, custom=table.custom),
        "DisplayCollectionName": label(collection, table.name, "collection", custom=table.custom),
        "Description": label(table.description, table.name, "description", custom=table.custom),
        "Privileges": [_privilege(table, right) for right in Right],
    }


def _privilege(table: TableDefinition, right: Right) -> Shape:
    name = privilege_name(table, right)
    owned = "ownerid" in table.columns
    return {
        "CanBeBasic": owned,
        "CanBeLocal": owned,
        "CanBeDeep": owned,
        "CanBeGlobal": True,
        "CanBeEntityReference": False,
        "CanBeParentEntityReference": False,
        "Name": name,
        "PrivilegeId": privilege_id(name),
        "PrivilegeType": str(right),
    }


def option_set_shape(option_set: OptionSetDefinition) -> Shape:
    """A global option set."""
    name = option_set.name
    return {
        "@odata.type": f"#{NAMESPACE}OptionSetMetadata",
        "MetadataId": option_set_id(option_set),
        "HasChanged": None,
        "Name": name,
        "IsGlobal": True,
        "IsCustomOptionSet": True,
        "OptionSetType": "Picklist",
        "DisplayName": label(option_set.label, "optionset", name, custom=True),
        "Description": label(option_set.description, "optionset", name, "description", custom=True),
        "Options": option_shapes(option_set.options, "optionset", name, custom=True),
    }


def option_shapes(options: Iterable[OptionDefinition], *names: str, custom: bool) -> list[Shape]:
    """Options; `names` tell whose they are."""
    return [
        {
            "Value": option.value,
            "Color": None,
            "IsManaged": not custom,
            "ExternalValue": None,
            "ParentValues": [],
            "Label": label(option.label, *names, str(option.value), custom=custom),
            "Description": label(""),
            "MetadataId": None,
            "HasChanged": None,
        }
        for option in options
    ]
