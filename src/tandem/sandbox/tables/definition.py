"""What a table of the organisation is made of.

Metadata, queries, writes and the loader all read these definitions, so none of them can have its own idea of a
column's type, length or navigation name. Type names are the wire's own (reference 2.3).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

T = TypeVar("T")


class ColumnType(StrEnum):
    """Attribute types; the value is `AttributeType` on the wire, but for CHOICES, which is `Virtual` there."""

    STRING = "String"
    MEMO = "Memo"
    INTEGER = "Integer"
    BIGINT = "BigInt"
    DECIMAL = "Decimal"
    DOUBLE = "Double"
    MONEY = "Money"
    BOOLEAN = "Boolean"
    DATETIME = "DateTime"
    CHOICE = "Picklist"
    CHOICES = "MultiSelectPicklist"
    STATE = "State"
    STATUS = "Status"
    LOOKUP = "Lookup"
    CUSTOMER = "Customer"
    OWNER = "Owner"
    GUID = "Uniqueidentifier"


LOOKUPS = frozenset({ColumnType.LOOKUP, ColumnType.CUSTOMER, ColumnType.OWNER})
OPTIONED = frozenset({ColumnType.CHOICE, ColumnType.CHOICES, ColumnType.STATE, ColumnType.STATUS})
TEXTUAL = frozenset({ColumnType.STRING, ColumnType.MEMO})
ENCODED = frozenset({ColumnType.BOOLEAN, ColumnType.MONEY, ColumnType.DECIMAL})
"""What the store keeps in another form than it gives (store/storage.py)."""


class DateBehaviour(StrEnum):
    """How a date-time column is stored and shown (reference 9.3); the wire shows `yyyy-MM-dd` for DATE_ONLY."""

    USER_LOCAL = "UserLocal"
    DATE_ONLY = "DateOnly"
    TIME_ZONE_INDEPENDENT = "TimeZoneIndependent"


class RequiredLevel(StrEnum):
    """Requirement levels as on the wire. The service enforces only SYSTEM (reference 2.3)."""

    NONE = "None"
    RECOMMENDED = "Recommended"
    APPLICATION = "ApplicationRequired"
    SYSTEM = "SystemRequired"


class Message(StrEnum):
    """What can be done with the rows of a table; the value is the name in a refusal."""

    CREATE = "Create"
    RETRIEVE = "Retrieve"
    RETRIEVE_MULTIPLE = "RetrieveMultiple"
    UPDATE = "Update"
    DELETE = "Delete"


READ_ONLY = frozenset({Message.RETRIEVE, Message.RETRIEVE_MULTIPLE})
"""The messages of a table whose rows come and go by other means than writing it."""


class Cascade(StrEnum):
    """What an act on the referenced row does to the referencing ones (reference 8.14)."""

    NONE = "NoCascade"
    CASCADE = "Cascade"
    ACTIVE = "Active"
    USER_OWNED = "UserOwned"
    REMOVE_LINK = "RemoveLink"
    RESTRICT = "Restrict"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionDefinition:
    """One option. `state` is set on status reasons; `default_status` on states."""

    value: int
    label: str
    state: int | None = None
    default_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDefinition:
    """One column, by logical name.

    `derived` is the SQL expression of a column that the organisation computes and nobody writes. `navigation` maps
    each target table to the property that binds it. `max_length` counts characters, `precision` decimals; what decides
    the decimals of money is `precision_source`: 0 `precision`, 1 the organisation, 2 the currency. `option_set` names
    the global set that `options` come from. `default` is what a row gets that is made without the column. A column
    that `counts` (a table, a lookup of it) holds how many rows there point at its row; counting is no change of the
    row. `created_at` is the metadata version that made it, 0 for what ships.
    """

    name: str
    type: ColumnType
    label: str
    schema_name: str
    description: str = ""
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    precision: int | None = None
    precision_source: int = 0
    behaviour: DateBehaviour | None = None
    format: str | None = None
    targets: tuple[str, ...] = ()
    navigation: Mapping[str, str] = field(default_factory=dict)
    relationships: Mapping[str, str] = field(default_factory=dict)
    options: tuple[OptionDefinition, ...] = ()
    option_set: str | None = None
    default: str | int | float | bool | None = None
    required: RequiredLevel = RequiredLevel.NONE
    secured: bool = False
    creatable: bool = True
    updatable: bool = True
    custom: bool = False
    derived: str | None = None
    counts: tuple[str, str] | None = None
    on_delete: Cascade = Cascade.REMOVE_LINK
    on_merge: Cascade = Cascade.NONE
    on_assign: Cascade = Cascade.NONE
    on_reparent: Cascade = Cascade.NONE
    on_share: Cascade = Cascade.NONE
    on_unshare: Cascade = Cascade.NONE
    created_at: int = 0

    @property
    def is_lookup(self) -> bool:
        """True for lookup, customer and owner columns."""
        return self.type in LOOKUPS

    @property
    def date_only(self) -> bool:
        """True where the wire shows a day without a time."""
        return self.behaviour is DateBehaviour.DATE_ONLY

    @property
    def polymorphic(self) -> bool:
        """True where the target table is stored beside the id, in `<name>_type`."""
        return len(self.targets) > 1

    @property
    def wire_name(self) -> str:
        """The property a row shows: `_<name>_value` for lookups (reference 0.5)."""
        return f"_{self.name}_value" if self.is_lookup else self.name

    def option(self, value: int) -> OptionDefinition | None:
        """The option with that value, or None."""
        return next((option for option in self.options if option.value == value), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSetDefinition:
    """A global option set: options that columns of several tables share (reference 2.4)."""

    name: str
    label: str
    options: tuple[OptionDefinition, ...]
    description: str = ""
    created_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDefinition:
    """An alternate key (reference 2.6). It is of use only while it is `active`; over duplicates it never becomes so."""

    name: str
    schema_name: str
    label: str
    columns: tuple[str, ...]
    active: bool = True
    created_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A many-to-many relationship, seen from both ends; `intersect` is the table that stores the pairs.

    Where one table stores the pairs of several relationships, `told_by` is its column that tells them apart, with the
    value it has in this one.
    """

    schema_name: str
    entity1: str
    column1: str
    navigation1: str
    entity2: str
    column2: str
    navigation2: str
    intersect: str
    told_by: tuple[str, str | int] | None = None
    created_at: int = 0

    @property
    def pairs(self) -> str:
        """The SQL of its pairs, for a FROM."""
        if self.told_by is None:
            return self.intersect
        column, value = self.told_by
        told = f"'{value}'" if isinstance(value, str) else value
        return f"(SELECT * FROM {self.intersect} WHERE {column} = {told})"  # noqa: S608

    @property
    def ends(self) -> "tuple[AssociationEnd, AssociationEnd]":
        """The relationship seen from its first table, and from its second."""
        first, second = (self.entity1, self.column1), (self.entity2, self.column2)
        return (
            AssociationEnd(self, self.navigation1, *first, *second),
            AssociationEnd(self, self.navigation2, *second, *first),
        )


@dataclass(frozen=True, slots=True)
class AssociationEnd:
    """A many-to-many relationship seen from one of its tables: what it stores of a row there and of the other."""

    association: Association
    navigation: str
    own_table: str
    own_column: str
    other_table: str
    other_column: str

    @property
    def intersect(self) -> str:
        """The table that stores the pairs."""
        return self.association.intersect

    def pair(self, row_id: str, other_id: str) -> dict[str, object]:
        """What the intersect row of two rows holds."""
        told_by = self.association.told_by
        return {self.own_column: row_id, self.other_column: other_id, **(dict([told_by]) if told_by else {})}


class _Deriving:
    """Keeps what others make of a definition for as long as it holds: it is replaced, never changed."""

    @cached_property
    def _derived(self) -> dict[str, Any]:
        return {}

    def derive(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives, made once. It is shared by all who ask for it by `name`: nobody may change it."""
        if name not in self._derived:
            self._derived[name] = make()
        made: T = self._derived[name]
        return made


@dataclass(frozen=True, kw_only=True)
class TableDefinition(_Deriving):
    """One table; `object_type_code` as in reference 2.2. The shipped tables have no alternate keys.

    `activity` is true for activitypointer's kin, and `created_at` is the metadata version that made the table.
    A view is `united` from the columns that it shares with these tables. `privileges` is the schema name in the names
    of its privileges, where another table's are asked for.
    """

    name: str
    schema_name: str
    entity_set: str
    primary_id: str
    primary_name: str | None
    object_type_code: int
    ownership: str
    label: str
    columns: Mapping[str, ColumnDefinition]
    collection_label: str = ""
    description: str = ""
    change_tracking: bool = True
    optimistic_concurrency: bool = True
    is_intersect: bool = False
    messages: frozenset[Message] = frozenset(Message)
    united: tuple[str, ...] = ()
    privileges: str | None = None
    keys: tuple[KeyDefinition, ...] = ()
    custom: bool = False
    activity: bool = False
    created_at: int = 0

    @cached_property
    def lookups(self) -> tuple[ColumnDefinition, ...]:
        """Lookup, customer and owner columns."""
        return tuple(column for column in self.columns.values() if column.is_lookup)

    @cached_property
    def kind_names(self) -> tuple[str, ...]:
        """`<lookup>_type` of each lookup that stores it: where the target table varies."""
        return tuple(f"{column.name}_type" for column in self.lookups if column.polymorphic and column.derived is None)

    @cached_property
    def stored_names(self) -> tuple[str, ...]:
        """The SQL columns that are written: every column that is not derived, and `kind_names`."""
        return (*(column.name for column in self.columns.values() if column.derived is None), *self.kind_names)

    @cached_property
    def read_names(self) -> tuple[str, ...]:
        """The SQL columns that a whole row is read from: every column, and `kind_names`."""
        return (*self.columns, *self.kind_names)

    @cached_property
    def encoded(self) -> tuple[tuple[int, ColumnDefinition], ...]:
        """The columns whose values do not rest as they are read, each with its place among `read_names`."""
        return tuple(each for each in enumerate(self.columns.values()) if each[1].type in ENCODED)

    @cached_property
    def defaults(self) -> Mapping[str, object]:
        """What a new row has in the columns that have a default."""
        return {column.name: column.default for column in self.columns.values() if column.default is not None}

    @cached_property
    def money(self) -> tuple[str, ...]:
        """The money columns that are written; each has a computed `_base` beside it."""
        return tuple(
            column.name
            for column in self.columns.values()
            if column.type is ColumnType.MONEY and column.derived is None
        )

    @cached_property
    def by_wire_name(self) -> Mapping[str, ColumnDefinition]:
        """Columns by the property name that rows show."""
        return {column.wire_name: column for column in self.columns.values()}

    @cached_property
    def by_navigation(self) -> Mapping[str, tuple[ColumnDefinition, tuple[str, ...]]]:
        """Single-valued navigation properties: name -> (lookup column, the targets it binds)."""
        found: dict[str, tuple[ColumnDefinition, tuple[str, ...]]] = {}
        for column in self.columns.values():
            for target, navigation in column.navigation.items():
                targets = found[navigation][1] if navigation in found else ()
                found[navigation] = (column, (*targets, target))
        return found

    def relationship(self, column: ColumnDefinition, target: str) -> str:
        """The schema name of the relationship that a lookup of this table has with a target.

        It is also the name of the collection on the target's rows (reference 2.5).
        """
        return column.relationships.get(target) or f"{target}_{self.name}_{column.name}"

    def key(self, name: str) -> KeyDefinition | None:
        """The alternate key of that logical name, or None."""
        return next((key for key in self.keys if key.name == name), None)

    def with_column(self, column: ColumnDefinition) -> "TableDefinition":
        """This table with the column, in place of one of its name."""
        return replace(self, columns={**self.columns, column.name: column})


@dataclass(frozen=True, kw_only=True)
class Definitions(_Deriving):
    """Everything that an organisation has defined at one moment; it is replaced, never changed."""

    tables: Mapping[str, TableDefinition]
    associations: tuple[Association, ...] = ()
    option_sets: Mapping[str, OptionSetDefinition] = field(default_factory=dict)

    @cached_property
    def by_set(self) -> Mapping[str, TableDefinition]:
        """Tables by the name of their entity set."""
        return {table.entity_set: table for table in self.tables.values()}

    @cached_property
    def ends(self) -> Mapping[tuple[str, str], AssociationEnd]:
        """The ends of all many-to-many relationships, by table and collection-valued navigation property."""
        ends = (end for association in self.associations for end in association.ends)
        return {(end.own_table, end.navigation): end for end in ends}
