"""What an organisation changes of the shipped tables: custom columns, column security, change tracking."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import msgspec

from tandem.sandbox.tables import ColumnDefinition, TableDefinition
from tandem.sandbox.tables.columns import custom_column


class CustomColumn(msgspec.Struct, frozen=True):
    """A column added to a table; `type` is one of the short names that `custom_column` knows."""

    table: str
    name: str
    type: str
    label: str


class Customisation(msgspec.Struct):
    """The changes, as they are kept. `version` grows with each, and clients watch it (reference 2.7).

    `secured` is by table and column, `tracking` by table.
    """

    columns: list[CustomColumn] = msgspec.field(default_factory=list)
    secured: dict[str, dict[str, bool]] = msgspec.field(default_factory=dict)
    tracking: dict[str, bool] = msgspec.field(default_factory=dict)
    version: int = 0

    def applied(self, shipped: Mapping[str, TableDefinition]) -> Mapping[str, TableDefinition]:
        """The shipped tables with these changes."""
        tables = dict(shipped)
        for column in self.columns:
            added = custom_column(column.name, column.type, label=column.label)
            tables[column.table] = _with_column(tables[column.table], added)
        for table, columns in self.secured.items():
            for name, secured in columns.items():
                changed = replace(tables[table].columns[name], secured=secured)
                tables[table] = _with_column(tables[table], changed)
        for table, enabled in self.tracking.items():
            tables[table] = replace(tables[table], change_tracking=enabled)
        return MappingProxyType(tables)


def _with_column(table: TableDefinition, column: ColumnDefinition) -> TableDefinition:
    return replace(table, columns={**table.columns, column.name: column})
