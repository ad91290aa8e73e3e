"""A field, and the table's default fields: the one place that knows which column is which marketing field.

The default map is `field-map.csv` (behaviour section 7): facts of the reference product, with Marketo's REST names
where Marketo publishes one. Which of these names the native connector itself uses is unconfirmed.
"""

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from tandem.model.entities import Entity
from tandem.model.schema import ColumnType, Option, Required

FILTER_COLUMN = "new_synctomkto"
"""The sync filter: a Two-Options column of exactly this name (rule D7). Read where it exists, never written."""

CURRENCY = "transactioncurrencyid"
"""A row's currency, which its money columns are in. Read, never written (rule D3)."""

COUNTED = frozenset({ColumnType.INTEGER, ColumnType.BIGINT, ColumnType.DECIMAL, ColumnType.DOUBLE})
"""The types whose changes can be added up. Money cannot: a change in another currency is another amount."""


class Direction(StrEnum):
    """Which way a field's changes may go (rule P4)."""

    BOTH = "both"
    FROM = "from"
    TO = "to"
    BLOCKED = "blocked"


class Policy(StrEnum):
    """What settles a collision on one field, where an administrator chose it (rule P4)."""

    MARKETING = "marketing"
    DYNAMICS = "dynamics"
    HOLD = "hold"  # a person does
    ADD = "add"  # both changes of a number are added up


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One Dynamics column as one marketing field.

    `writable`: Dynamics would take a value for it; `precision` counts decimals and is set for decimals and money;
    `minimum` and `maximum` belong to numbers; `targets` are the tables a lookup may point to; `policy` is None where
    nobody chose one.
    """

    entity: Entity
    column: str
    api_name: str
    label: str
    type: ColumnType
    direction: Direction
    writable: bool = True
    precision: int | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    required: Required = Required.NONE
    targets: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    policy: Policy | None = None

    @property
    def pulled(self) -> bool:
        """True where a change in Dynamics may reach marketing."""
        return self.direction in (Direction.BOTH, Direction.FROM)

    @property
    def pushed(self) -> bool:
        """True where a change in marketing may reach Dynamics."""
        return self.writable and self.direction in (Direction.BOTH, Direction.TO)


class DefaultField(NamedTuple):
    """One row of the default map."""

    entity: Entity
    column: str
    api_name: str
    label: str
    direction: Direction


@cache
def default_fields(entity: Entity) -> tuple[DefaultField, ...]:
    """The rows of the default map for one table, in its order."""
    text = files("tandem.mapping").joinpath("field-map.csv").read_text(encoding="utf-8")
    return tuple(
        DefaultField(entity, row["column"], row["api_name"], row["label"], Direction(row["direction"]))
        for row in csv.DictReader(text.splitlines())
        if row["table"] == entity.value
    )


_EVERY_ROW = ("versionnumber",)
_OWNED = ("ownerid", "createdon", "modifiedon", "statecode", "statuscode")
_INTERNAL: dict[Entity, tuple[str, ...]] = {
    Entity.USER: ("createdon", "modifiedon", "isdisabled"),
    Entity.TEAM: ("createdon", "modifiedon"),
    Entity.TEAM_MEMBERSHIP: ("teamid", "systemuserid"),
    Entity.ACCOUNT: (*_OWNED, "masterid", "merged"),
    Entity.LEAD: (*_OWNED, "parentcontactid", "masterid", "merged"),
    Entity.CONTACT: (*_OWNED, "parentcustomerid", "originatingleadid", "masterid", "merged"),
    Entity.OPPORTUNITY: (
        *_OWNED,
        "customerid",
        "parentcontactid",
        "originatingleadid",
        "transactioncurrencyid",
        "estimatedvalue",
        "actualvalue",
    ),
    Entity.CONNECTION: (
        "modifiedon",
        "statecode",
        "ismaster",
        "record1id",
        "record2id",
        "record1roleid",
        "record2roleid",
        "relatedconnectionid",
    ),
    Entity.OPPORTUNITY_ROLE: ("modifiedon", "customerid", "opportunityid", "opportunityroleid"),
    Entity.CAMPAIGN: (*_OWNED, "name"),
}
_FILTERED = (Entity.ACCOUNT, Entity.LEAD, Entity.CONTACT, Entity.OPPORTUNITY)
_OF_CUSTOM = ("modifiedon",)


def internal_columns(entity: Entity) -> tuple[str, ...]:
    """The columns Tandem always reads of a table, besides its primary id and whatever is selected (section 7)."""
    filtered = entity in _FILTERED or not (entity.is_standard or entity.is_path)
    return _EVERY_ROW + _INTERNAL.get(entity, _OF_CUSTOM) + ((FILTER_COLUMN,) if filtered else ())
