"""Which definition a path means: one by its name, or one by its MetadataId.

A column that was deleted and made again has another MetadataId, so a client that kept the old one must find nothing.
"""

from collections.abc import Iterable

from tandem.sandbox.messages import Refused
from tandem.sandbox.metadata.columns import column_id
from tandem.sandbox.metadata.relationships import key_id, relationship_id
from tandem.sandbox.metadata.shapes import option_set_id, table_id
from tandem.sandbox.paths import as_guid, parse_arguments
from tandem.sandbox.query.condition import unquote_text
from tandem.sandbox.tables import (
    Association,
    ColumnDefinition,
    Definitions,
    KeyDefinition,
    OptionSetDefinition,
    TableDefinition,
)


class Wanted:
    """The arguments of a segment that addresses one definition: `(LogicalName='lead')`, `(<MetadataId>)`."""

    def __init__(self, arguments: str, *names: str) -> None:
        """`names` are the keys that the collection takes beside MetadataId. Raises Refused (400, 0x80060888)."""
        self.arguments = arguments
        self._given = {
            name or "MetadataId": unquote_text(value) if value.startswith("'") else (as_guid(value) or value)
            for name, value in parse_arguments(arguments).items()
        }
        if len(self._given) != 1 or not self._given.keys() <= {"MetadataId", *names}:
            raise Refused(400, "0x80060888", f"The key '({arguments})' does not address a definition.")

    def means(self, identity: object, name: object) -> bool:
        """Whether a definition of that MetadataId and name is meant."""
        return self._given.get("MetadataId", None) == identity or name in {
            value for key, value in self._given.items() if key != "MetadataId"
        }


def find_table(definitions: Definitions, arguments: str) -> TableDefinition:
    """The table addressed by LogicalName or MetadataId. Raises Refused (404) for an unknown one."""
    wanted = Wanted(arguments, "LogicalName")
    for table in definitions.tables.values():
        if wanted.means(table_id(table), table.name):
            return table
    raise Refused(404, "0x80060888", f"The entity with {arguments} was not found in the MetadataCache.")


def find_column(table: TableDefinition, arguments: str) -> ColumnDefinition:
    """The column of a table addressed by LogicalName or MetadataId. Raises Refused (404)."""
    wanted = Wanted(arguments, "LogicalName")
    for column in table.columns.values():
        if wanted.means(column_id(table, column), column.name):
            return column
    raise missing(f"attribute of '{table.name}'", arguments)


def find_key(table: TableDefinition, arguments: str) -> KeyDefinition:
    """The alternate key of a table addressed by LogicalName or MetadataId. Raises Refused (404)."""
    wanted = Wanted(arguments, "LogicalName")
    for key in table.keys:
        if wanted.means(key_id(table, key), key.name):
            return key
    raise missing(f"key of '{table.name}'", arguments)


def find_relationship(
    definitions: Definitions, arguments: str
) -> tuple[TableDefinition, ColumnDefinition] | Association:
    """A relationship addressed by SchemaName or MetadataId: a lookup with its table, or a many-to-many one.

    Raises Refused (404).
    """
    wanted = Wanted(arguments, "SchemaName")
    for association in definitions.associations:
        if wanted.means(relationship_id(association.schema_name, association), association.schema_name):
            return association
    for table in definitions.tables.values():
        for column in _stored_lookups(table):
            for target in column.targets:
                name = table.relationship(column, target)
                if wanted.means(relationship_id(name, column), name):
                    return table, column
    raise missing("relationship", arguments)


def find_option_set(definitions: Definitions, arguments: str) -> OptionSetDefinition:
    """The global option set addressed by Name or MetadataId. Raises Refused (404)."""
    wanted = Wanted(arguments, "Name")
    for option_set in definitions.option_sets.values():
        if wanted.means(option_set_id(option_set), option_set.name):
            return option_set
    raise missing("global option set", arguments)


def missing(what: str, arguments: str) -> Refused:
    """404 for a definition that is not there."""
    return Refused(404, "0x80060888", f"Could not find the {what} with ({arguments}).")


def _stored_lookups(table: TableDefinition) -> Iterable[ColumnDefinition]:
    return (column for column in table.lookups if column.derived is None)
