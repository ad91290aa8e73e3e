"""What Tandem knows of a Dynamics table and its columns, whatever the wire said it with.

The mapping decides from these facts which columns can be offered, how their values compare and what fits. A column
of a type Tandem does not carry (image, file, shadow names) is UNSUPPORTED and is never selected.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ColumnType(StrEnum):
    """The types of behaviour rule D3."""

    TEXT = "text"
    MEMO = "memo"
    INTEGER = "integer"
    BIGINT = "bigint"
    DECIMAL = "decimal"
    DOUBLE = "double"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    DATE = "date"
    CHOICE = "choice"
    CHOICES = "choices"
    STATE = "state"
    STATUS = "status"
    LOOKUP = "lookup"
    GUID = "guid"
    UNSUPPORTED = "unsupported"


class Required(StrEnum):
    """Requirement levels. The service enforces only SYSTEM; forms enforce APPLICATION (reference 2.3)."""

    NONE = "none"
    RECOMMENDED = "recommended"
    APPLICATION = "application"
    SYSTEM = "system"


class DateBehavior(StrEnum):
    """How a date-time column keeps time (reference 9.2)."""

    USER_LOCAL = "user-local"
    TIME_ZONE_INDEPENDENT = "time-zone-independent"
    DATE_ONLY = "date-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a choice column. `state` is set for status reasons only."""

    value: int
    label: str
    state: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a Dynamics table. `name` is the logical name, lower case.

    `max_length` counts characters; `precision` counts decimals; `targets` are the logical names a lookup may point
    to, more than one for a polymorphic lookup; `label` is in the configured language.
    """

    name: str
    type: ColumnType
    label: str = ""
    custom: bool = False
    readable: bool = True
    creatable: bool = True
    updatable: bool = True
    secured: bool = False
    required: Required = Required.NONE
    max_length: int | None = None
    precision: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    targets: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    behavior: DateBehavior | None = None

    @property
    def polymorphic(self) -> bool:
        """True where the target table must be read from an annotation."""
        return self.type is ColumnType.LOOKUP and len(self.targets) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One Dynamics table. `navigation` maps (lookup column, target table) to the navigation property that writes it."""

    name: str
    entity_set: str
    primary_id: str
    primary_name: str | None
    change_tracking: bool
    columns: Mapping[str, Column]
    label: str = ""
    optimistic_concurrency: bool = True
    navigation: Mapping[tuple[str, str], str] = field(default_factory=dict)
