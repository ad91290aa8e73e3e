"""What an organisation changes of the shipped definitions, as the log of its changes.

A client that caches definitions asks what changed and what went since it last looked (reference 2.7). So a change is
kept with its version and its moment and never edited: the definitions of any version are the shipped ones with the
changes up to it, and a column that was deleted and made again is another column.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import apsw
import msgspec

from tandem.model.errors import NeedsPerson
from tandem.sandbox.tables.definition import (
    Association,
    ColumnDefinition,
    Definitions,
    KeyDefinition,
    OptionSetDefinition,
    TableDefinition,
)


class UnreadableCustomisation(NeedsPerson):
    """A kept organisation's definitions were written by another version of the sandbox."""

    code = "unreadable-customisation"
    advice = "Start with another --data folder, or with the version of Tandem that made this one."


class Change(msgspec.Struct, frozen=True, tag=True):
    """One change of the definitions."""

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """The definitions after it; `version` is the metadata version that it makes."""
        raise NotImplementedError


class MakeTable(Change, frozen=True):
    """A table with its columns, and the many-to-many relationship whose pairs it stores, if it is for one."""

    table: TableDefinition
    association: Association | None = None

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """With the table."""
        columns = {name: replace(column, created_at=version) for name, column in self.table.columns.items()}
        made = replace(self.table, columns=columns, created_at=version)
        stored = () if self.association is None else (replace(self.association, created_at=version),)
        return replace(_with_table(definitions, made), associations=(*definitions.associations, *stored))


class ChangeTable(Change, frozen=True):
    """A table's labels, and whether its changes are tracked."""

    table: str
    label: str
    collection_label: str
    description: str
    change_tracking: bool

    @classmethod
    def of(
        cls,
        table: TableDefinition,
        *,
        label: str | None = None,
        collection_label: str | None = None,
        description: str | None = None,
        change_tracking: bool | None = None,
    ) -> "ChangeTable":
        """The change that gives the table what is not None."""
        return cls(
            table=table.name,
            label=table.label if label is None else label,
            collection_label=table.collection_label if collection_label is None else collection_label,
            description=table.description if description is None else description,
            change_tracking=table.change_tracking if change_tracking is None else change_tracking,
        )

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """With the changed table."""
        changed = replace(
            definitions.tables[self.table],
            label=self.label,
            collection_label=self.collection_label,
            description=self.description,
            change_tracking=self.change_tracking,
        )
        return _with_table(definitions, changed)


class RemoveTable(Change, frozen=True):
    """A table and all its rows; a many-to-many relationship goes with the table that stores its pairs."""

    table: str

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """Without the table."""
        return replace(
            definitions,
            tables={name: table for name, table in definitions.tables.items() if name != self.table},
            associations=tuple(each for each in definitions.associations if each.intersect != self.table),
        )


class MakeColumn(Change, frozen=True):
    """A column, empty in every row."""

    table: str
    column: ColumnDefinition

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """With the column."""
        made = replace(self.column, created_at=version)
        return _with_table(definitions, definitions.tables[self.table].with_column(made))


class ChangeColumn(Change, frozen=True):
    """A column as it is from now on; its name and type stay."""

    table: str
    column: ColumnDefinition

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """With the changed column."""
        return _with_table(definitions, definitions.tables[self.table].with_column(self.column))


class RemoveColumn(Change, frozen=True):
    """A column and its values."""

    table: str
    column: str

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """Without the column."""
        table = definitions.tables[self.table]
        left = {name: column for name, column in table.columns.items() if name != self.column}
        return _with_table(definitions, replace(table, columns=left))


class MakeKey(Change, frozen=True):
    """An alternate key."""

    table: str
    key: KeyDefinition

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """With the key."""
        table = definitions.tables[self.table]
        made = replace(self.key, created_at=version)
        return _with_table(definitions, replace(table, keys=(*table.keys, made)))


class ActivateKey(Change, frozen=True):
    """An alternate key whose index could be built at last."""

    table: str
    key: str

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """With the key, active."""
        table = definitions.tables[self.table]
        keys = (replace(key, active=True) if key.name == self.key else key for key in table.keys)
        return _with_table(definitions, replace(table, keys=tuple(keys)))


class RemoveKey(Change, frozen=True):
    """An alternate key."""

    table: str
    key: str

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """Without the key."""
        table = definitions.tables[self.table]
        keys = tuple(key for key in table.keys if key.name != self.key)
        return _with_table(definitions, replace(table, keys=keys))


class MakeOptionSet(Change, frozen=True):
    """A global option set."""

    option_set: OptionSetDefinition

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """With the set."""
        made = replace(self.option_set, created_at=version)
        return replace(definitions, option_sets={**definitions.option_sets, made.name: made})


class ChangeOptionSet(Change, frozen=True):
    """A global option set as it is from now on, for every column that has its options from it."""

    option_set: OptionSetDefinition

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """With the changed set, and its options in the columns."""
        changed = self.option_set
        tables = dict(definitions.tables)
        for table in definitions.tables.values():
            for column in table.columns.values():
                if column.option_set == changed.name:
                    kept = replace(column, options=changed.options)
                    tables[table.name] = tables[table.name].with_column(kept)
        return replace(definitions, tables=tables, option_sets={**definitions.option_sets, changed.name: changed})


class RemoveOptionSet(Change, frozen=True):
    """A global option set that no column has its options from."""

    name: str

    def applied(self, definitions: Definitions, version: int) -> Definitions:
        """Without the set."""
        left = {name: each for name, each in definitions.option_sets.items() if name != self.name}
        return replace(definitions, option_sets=left)


_AnyChange = (
    MakeTable
    | ChangeTable
    | RemoveTable
    | MakeColumn
    | ChangeColumn
    | RemoveColumn
    | MakeKey
    | ActivateKey
    | RemoveKey
    | MakeOptionSet
    | ChangeOptionSet
    | RemoveOptionSet
)
_DECODER: msgspec.json.Decoder[_AnyChange] = msgspec.json.Decoder(_AnyChange)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A change with the metadata version that it made and its moment, UTC text to the second."""

    version: int
    made_on: str
    change: Change


def log_change(connection: apsw.Connection, change: Change, *, made_on: str) -> int:
    """Add a change to the log and return the metadata version that it makes."""
    sql = "INSERT INTO customisation (made_on, change) VALUES (?, ?) RETURNING version"
    return int(str(connection.execute(sql, (made_on, msgspec.json.encode(change).decode())).get))


def read_log(connection: apsw.Connection) -> list[Logged]:
    """Every change, oldest first. Raises UnreadableCustomisation for what another version of the sandbox wrote."""
    if connection.execute("SELECT 1 FROM setting WHERE name = 'customisation'").fetchone() is not None:
        raise UnreadableCustomisation("the organisation's definitions are kept in an older form")
    sql = "SELECT version, made_on, change FROM customisation ORDER BY version"
    try:
        return [
            Logged(version=int(str(version)), made_on=str(made_on), change=_DECODER.decode(str(change)))
            for version, made_on, change in connection.execute(sql)
        ]
    except msgspec.ValidationError as error:
        raise UnreadableCustomisation(f"the organisation's definitions cannot be read: {error}") from error


def last_version(connection: apsw.Connection) -> int:
    """The metadata version of the last change; 0 where nothing was changed."""
    return int(str(connection.execute("SELECT coalesce(max(version), 0) FROM customisation").get))


def replayed(shipped: Definitions, log: Iterable[Logged]) -> Definitions:
    """The shipped definitions with these changes."""
    definitions = shipped
    for entry in log:
        definitions = entry.change.applied(definitions, entry.version)
    return definitions


def _with_table(definitions: Definitions, table: TableDefinition) -> Definitions:
    tables: Mapping[str, TableDefinition] = {**definitions.tables, table.name: table}
    return replace(definitions, tables=tables)
