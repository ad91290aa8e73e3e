"""What a table of the organisation is made of.

Metadata, queries, writes and the loader all read these definitions, so none of them can have its own idea of a
column's type, length or navigation name. Type names are the wire's own (reference 2.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


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


class RequiredLevel(StrEnum):
    """Requirement levels as on the wire. The service enforces only SYSTEM (reference 2.3)."""

    NONE = "None"
    RECOMMENDED = "Recommended"
    APPLICATION = "ApplicationRequired"
    SYSTEM = "SystemRequired"


class Cascade(StrEnum):
    """What an act on the referenced row does to the referencing ones (reference 8.14)."""

    NONE = "NoCascade"
    CASCADE = "Cascade"
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
    each target table to the property that binds it. `max_length` counts characters, `precision` decimals.
    """

    name: str
    type: ColumnType
    label: str
    schema_name: str
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    precision: int | None = None
    date_only: bool = False
    format: str | None = None
    targets: tuple[str, ...] = ()
    navigation: Mapping[str, str] = field(default_factory=dict)
    relationships: Mapping[str, str] = field(default_factory=dict)
    options: tuple[OptionDefinition, ...] = ()
    required: RequiredLevel = RequiredLevel.NONE
    secured: bool = False
    creatable: bool = True
    updatable: bool = True
    custom: bool = False
    derived: str | None = None
    on_delete: Cascade = Cascade.REMOVE_LINK
    on_merge: Cascade = Cascade.NONE

    @property
    def is_lookup(self) -> bool:
        """True for lookup, customer and owner columns."""
        return self.type in LOOKUPS

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
class Association:
    """A many-to-many relationship, seen from both ends; `intersect` is the table that stores the pairs."""

    schema_name: str
    entity1: str
    column1: str
    navigation1: str
    entity2: str
    column2: str
    navigation2: str
    intersect: str


@dataclass(frozen=True, kw_only=True)
class TableDefinition:
    """One table; `object_type_code` as in reference 2.2. The shipped tables have no alternate keys."""

    name: str
    schema_name: str
    entity_set: str
    primary_id: str
    primary_name: str | None
    object_type_code: int
    ownership: str
    label: str
    columns: Mapping[str, ColumnDefinition]
    change_tracking: bool = True
    optimistic_concurrency: bool = True
    is_intersect: bool = False

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
