"""What may be changed of an organisation's definitions, and what else changes then.

A column goes only with all that refers to it, or not at all: the service refuses to delete what another component
needs, and a stand-in that let it go would leave metadata that leads nowhere. The codes of refusals are general
knowledge and unconfirmed.
"""

from dataclasses import replace

from tandem.sandbox.messages import Refused
from tandem.sandbox.metadata.given import already_exists, attribute_exists, invalid_definition
from tandem.sandbox.store.customisation import (
    ActivateKey,
    Change,
    ChangeColumn,
    MakeColumn,
    MakeKey,
    MakeTable,
    RemoveColumn,
    RemoveKey,
    RemoveOptionSet,
    RemoveTable,
)
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import (
    OPTIONED,
    Association,
    ColumnDefinition,
    ColumnType,
    KeyDefinition,
    OptionDefinition,
    OptionSetDefinition,
    RequiredLevel,
    TableDefinition,
)
from tandem.sandbox.tables.blocks import currency, version
from tandem.sandbox.tables.columns import by_name, guid
from tandem.sandbox.tables.custom import companions
from tandem.sandbox.tables.definition import READ_ONLY

_KEY_BYTES = {
    ColumnType.INTEGER: 4,
    ColumnType.CHOICE: 4,
    ColumnType.DATETIME: 8,
    ColumnType.LOOKUP: 16,
    ColumnType.DECIMAL: 17,
    ColumnType.STRING: 2,
}
"""What a column takes of an alternate key's bytes; of text, each character (reference 2.6).

A lookup leads to one table: customers and owners are of other types.
"""
_MOST_KEYS, _MOST_KEY_COLUMNS, _MOST_KEY_BYTES = 10, 16, 900
_FIRST_CUSTOM_CODE = 10_000


# Tables


def make_table(organisation: Organisation, table: TableDefinition) -> None:
    """Make a table; its object type code is the environment's next (reference 2.2). Raises Refused."""
    _demand_free_names(organisation, table)
    currencies = currency() if any(column.type is ColumnType.MONEY for column in table.columns.values()) else ()
    columns = by_name(table.columns.values(), (each for each in currencies if each.name not in table.columns))
    organisation.customise(MakeTable(replace(table, columns=columns, object_type_code=_next_code(organisation))))


def remove_table(organisation: Organisation, table: TableDefinition) -> None:
    """Remove a table with its rows and its many-to-many relationships. Raises Refused while a lookup leads to it."""
    if not table.custom:
        raise _belongs_to_system(f"The table '{table.name}'")
    if table.is_intersect:
        raise _belongs_to_system(f"The intersect table '{table.name}', which goes with its relationship,")
    leading = [
        f"{other.name}.{column.name}"
        for other in organisation.tables.values()
        for column in other.lookups
        if table.name in column.targets and other.name != table.name
    ]
    users = leading + organisation.logic.users_of(table.name)
    if users:
        raise _still_needed(f"Entity({table.name})", users)
    pairs = [
        association.intersect
        for association in organisation.definitions.associations
        if table.name in (association.entity1, association.entity2)
    ]
    organisation.customise(*(RemoveTable(name) for name in (*pairs, table.name)))


def _demand_free_names(organisation: Organisation, table: TableDefinition) -> None:
    for other in organisation.tables.values():
        if other.name == table.name or other.entity_set == table.entity_set:
            raise already_exists(f"An entity with the specified name {table.schema_name}")
    # What the sandbox keeps beside the tables.
    if organisation.connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table.name,)).fetchone():
        raise already_exists(f"An entity with the specified name {table.schema_name}")


def _next_code(organisation: Organisation) -> int:
    return max([_FIRST_CUSTOM_CODE - 1, *(table.object_type_code for table in organisation.tables.values())]) + 1


# Columns


def make_column(organisation: Organisation, table: TableDefinition, column: ColumnDefinition) -> None:
    """Make a column; money brings its `_base`, and the row's currency where the table has none. Raises Refused."""
    if table.is_intersect or table.united:
        raise invalid_definition(f"The table '{table.name}' takes no attributes.")
    columns = companions(table, column)
    taken = {*table.by_navigation, *(name for each in table.columns.values() for name in _names(each))}
    for each in columns:
        if not taken.isdisjoint((*_names(each), *each.navigation.values())):
            raise attribute_exists(each.schema_name)
        for target in each.targets:
            _demand_free_relationship(organisation, table.relationship(each, target))
    organisation.customise(*(MakeColumn(table.name, each) for each in columns))


def _names(column: ColumnDefinition) -> tuple[str, ...]:
    """What a column is called in a row: a lookup's `<name>_type` stands beside its id."""
    return (column.name, f"{column.name}_type") if column.is_lookup else (column.name,)


def change_column(organisation: Organisation, table: TableDefinition, column: ColumnDefinition) -> None:
    """Let a column be as given from now on; values that no longer fit stay as they are. Raises Refused."""
    before = table.columns[column.name]
    if before.derived is not None:
        raise invalid_definition(f"The attribute '{column.name}' is computed.")
    if column.required is RequiredLevel.SYSTEM and before.required is not RequiredLevel.SYSTEM:
        raise invalid_definition(f"The attribute '{column.name}' cannot be made SystemRequired.")
    for key in table.keys:
        _demand_fit(table.with_column(column), key)
    changes: list[Change] = [ChangeColumn(table.name, column)]
    if column.type is ColumnType.MONEY:
        base = table.columns[f"{column.name}_base"]
        changes.append(ChangeColumn(table.name, replace(base, secured=column.secured)))
    organisation.customise(*changes)


def remove_column(organisation: Organisation, table: TableDefinition, column: ColumnDefinition) -> None:
    """Remove a column with its values; a lookup takes its relationships along. Raises Refused."""
    if not column.custom or column.derived is not None or column.name in (table.primary_id, table.primary_name):
        raise _belongs_to_system(f"The attribute '{column.name}'")
    users = [f"the key '{key.name}'" for key in table.keys if column.name in key.columns]
    users += organisation.logic.users_of(table.name, column.name)
    if users:
        raise _still_needed(f"Attribute({column.name})", users)
    names = [column.name] if column.type is not ColumnType.MONEY else [f"{column.name}_base", column.name]
    organisation.customise(*(RemoveColumn(table.name, name) for name in names))


# Relationships


def make_association(organisation: Organisation, association: Association) -> None:
    """Make a many-to-many relationship, and the table that stores its pairs. Raises Refused."""
    _demand_free_relationship(organisation, association.schema_name)
    intersect = TableDefinition(
        name=association.intersect,
        schema_name=association.intersect,
        # Unlike any other table's, the set's name is no plural. [k]
        entity_set=f"{association.intersect}set",
        primary_id=f"{association.intersect}id",
        primary_name=None,
        object_type_code=_next_code(organisation),
        ownership="None",
        label=association.schema_name,
        change_tracking=False,
        optimistic_concurrency=False,
        is_intersect=True,
        messages=READ_ONLY,
        custom=True,
        columns=by_name(
            guid(f"{association.intersect}id", association.schema_name, required=RequiredLevel.SYSTEM),
            guid(association.column1, association.column1),
            guid(association.column2, association.column2),
            version(),
        ),
    )
    _demand_free_names(organisation, intersect)
    organisation.customise(MakeTable(intersect, association))


def remove_association(organisation: Organisation, association: Association) -> None:
    """Remove a many-to-many relationship with its pairs. Raises Refused for a shipped one."""
    if not organisation.tables[association.intersect].custom:
        raise _belongs_to_system(f"The relationship '{association.schema_name}'")
    organisation.customise(RemoveTable(association.intersect))


def _demand_free_relationship(organisation: Organisation, schema_name: str) -> None:
    definitions = organisation.definitions
    taken = {association.schema_name.lower() for association in definitions.associations}
    taken.update(
        table.relationship(column, target).lower()
        for table in definitions.tables.values()
        for column in table.lookups
        for target in column.targets
    )
    if schema_name.lower() in taken:
        raise already_exists(f"A relationship with the specified name {schema_name}")


# Alternate keys


def make_key(organisation: Organisation, table: TableDefinition, key: KeyDefinition) -> None:
    """Make an alternate key; over rows that have duplicates it is there, and of no use. Raises Refused."""
    if any(other.name == key.name or set(other.columns) == set(key.columns) for other in table.keys):
        raise already_exists(f"A key with the specified name {key.schema_name} or with these attributes")
    if len(table.keys) >= _MOST_KEYS or len(key.columns) > _MOST_KEY_COLUMNS:
        raise invalid_definition(f"A table takes {_MOST_KEYS} keys of {_MOST_KEY_COLUMNS} attributes.")
    _demand_fit(table, key)
    organisation.customise(MakeKey(table.name, replace(key, active=not _has_duplicates(organisation, table, key))))


def _demand_fit(table: TableDefinition, key: KeyDefinition) -> None:
    """Raise Refused unless the key's columns are of types, lengths and a security that a key may have."""
    taken = 0
    for name in key.columns:
        column = table.columns.get(name)
        fit = column is not None and column.type in _KEY_BYTES and not column.polymorphic
        if column is None or not fit or column.derived is not None or column.secured:
            raise invalid_definition(f"The attribute '{name}' cannot be part of a key.")
        taken += _KEY_BYTES[column.type] * (column.max_length or 1)
    if taken > _MOST_KEY_BYTES:
        raise invalid_definition(f"The key takes {taken} bytes; {_MOST_KEY_BYTES} are the most.")


def reactivate_key(organisation: Organisation, table: TableDefinition, key: KeyDefinition) -> None:
    """Try again to build the index of a failed key. Raises Refused for one that has not failed."""
    if key.active:
        raise invalid_definition(f"The key '{key.name}' has not failed.")
    if not _has_duplicates(organisation, table, key):
        organisation.customise(ActivateKey(table.name, key.name))


def remove_key(organisation: Organisation, table: TableDefinition, key: KeyDefinition) -> None:
    """Remove an alternate key."""
    organisation.customise(RemoveKey(table.name, key.name))


def _has_duplicates(organisation: Organisation, table: TableDefinition, key: KeyDefinition) -> bool:
    """Whether two rows have the same values; a row with an empty one does not count."""
    names = ", ".join(key.columns)
    filled = " AND ".join(f"{name} IS NOT NULL" for name in key.columns)
    sql = f"SELECT 1 FROM {table.name} WHERE {filled} GROUP BY {names} HAVING count(*) > 1 LIMIT 1"  # noqa: S608
    return organisation.connection.execute(sql).fetchone() is not None


# Options


def remove_option_set(organisation: Organisation, option_set: OptionSetDefinition) -> None:
    """Remove a global option set. Raises Refused while a column has its options from it."""
    users = [
        f"{table.name}.{column.name}"
        for table in organisation.tables.values()
        for column in table.columns.values()
        if column.option_set == option_set.name
    ]
    if users:
        raise _still_needed(f"OptionSet({option_set.name})", users)
    organisation.customise(RemoveOptionSet(option_set.name))


def change_options(
    organisation: Organisation,
    table: TableDefinition,
    column: ColumnDefinition,
    options: tuple[OptionDefinition, ...],
) -> None:
    """Let a column have these options; rows keep the number of one that is gone. Raises Refused."""
    if column.type not in OPTIONED or column.option_set is not None:
        raise invalid_definition(f"The attribute '{column.name}' has no options of its own.")
    kept = column.default if any(option.value == column.default for option in options) else None
    organisation.customise(ChangeColumn(table.name, replace(column, options=options, default=kept)))


def _still_needed(component: str, by: list[str]) -> Refused:
    return Refused(
        400,
        "0x8004f01f",
        f"The {component} component cannot be deleted because it is referenced by {len(by)} other components:"
        f" {', '.join(by)}.",
    )


def _belongs_to_system(what: str) -> Refused:
    return Refused(405, "0x8004023B", f"{what} belongs to the system and cannot be deleted.")
