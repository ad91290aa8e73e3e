"""Which columns can be offered, and which are selected when nobody chose yet (rules D1, D2).

A secured column the sync user cannot read arrives as null and looks emptied; offering it would blank marketing's
values on the first pull (D4). So unreadable columns are never offered, and never selected by default.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from tandem.mapping.fields import (
    COUNTED,
    CURRENCY,
    DefaultField,
    Direction,
    Field,
    Policy,
    default_fields,
    internal_columns,
)
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.schema import Column, ColumnType, Table


class UnknownField(NeedsPerson):
    """A field was named that the table does not have or does not offer."""

    code = "unknown-field"
    advice = "`tandem fields ENTITY` lists the fields that can be chosen, with both names."


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A field that can be chosen, and whether it is chosen by default."""

    field: Field
    default: bool


def offered_fields(entity: Entity, table: Table, unreadable: Collection[str] = ()) -> list[Offer]:
    """Every field of `table` that can be chosen: the default map's first, then the others by name.

    By default the map's are, and every custom column; of a custom entity its primary name as well.

    `unreadable` names the secured or masked columns the sync user cannot read. Columns of the default map that the
    organisation lacks are left out without an error (section 7).
    """
    known = {row.column: row for row in default_fields(entity)}
    offers = [
        Offer(field=_field(table.columns[row.column], row), default=True)
        for row in known.values()
        if _readable(table.columns.get(row.column), unreadable)
    ]
    for name in sorted(table.columns):
        column = table.columns[name]
        if name not in known and _readable(column, unreadable) and _choosable(entity, table, name):
            default = column.custom or (name == table.primary_name and not entity.is_standard)
            offers.append(Offer(field=_field(column, _unmapped(entity, column)), default=default))
    return offers


def read_columns(entity: Entity, table: Table, fields: Iterable[Field], unreadable: Collection[str] = ()) -> list[str]:
    """The columns one read of the table selects: internal ones that exist and are readable, then the fields'."""
    internal = [
        name
        for name in internal_columns(entity)
        if name == "versionnumber" or _readable(table.columns.get(name), unreadable)
    ]
    chosen = [field.column for field in fields if field.column != table.primary_id]
    return list(dict.fromkeys(internal + chosen))


def find_offer(offers: Sequence[Offer], name: str) -> Offer:
    """The offered field that either side calls `name`. Raises UnknownField."""
    lowered = name.strip().lower()
    for offer in offers:
        if lowered in (offer.field.column, offer.field.api_name.lower()):
            return offer
    entity = offers[0].field.entity.value if offers else "this table"
    raise UnknownField(f"There is no field {name!r} to choose on {entity}.", field=name, entity=entity)


def with_direction(field: Field, direction: Direction) -> Field:
    """`field` going another way. Raises UnknownField for a pull-only field that is asked to write."""
    writes = direction in (Direction.BOTH, Direction.TO)
    if writes and not field.writable:
        reason = "the column is read-only" if field.entity.is_person else "the table is copied one way, from Dynamics"
        raise UnknownField(
            f"{field.column} of {field.entity.value} cannot be written: {reason}.",
            advice="Choose `from` or `blocked`.",
            field=field.column,
            entity=field.entity.value,
        )
    return replace(field, direction=direction)


def with_policy(field: Field, policy: Policy | None) -> Field:
    """`field` with another way to settle its collisions. Raises UnknownField where that way makes no sense."""
    if policy is Policy.ADD and field.type not in COUNTED:
        raise UnknownField(
            f"{field.column} of {field.entity.value} cannot be added up: it is no plain number.",
            advice="Choose `marketing`, `dynamics` or `hold`.",
            field=field.column,
            entity=field.entity.value,
        )
    if policy is not None and not (field.pushed and field.pulled):
        raise UnknownField(
            f"{field.column} of {field.entity.value} does not go both ways, so it has no collisions to settle.",
            advice="Choose the direction `both` first.",
            field=field.column,
            entity=field.entity.value,
        )
    return replace(field, policy=policy)


def broken_because(
    table: Table, column: str, chosen: ColumnType | None, unreadable: Collection[str] = ()
) -> str | None:
    """Why a selected column of `table` cannot be synced any more; None where it can (D6).

    `chosen` is the type it had when it was selected: of another type it is another column, which nobody chose.
    """
    found = table.columns.get(column)
    if found is None:
        return "Dynamics has no such column any more"
    if column in unreadable or not found.readable:
        return "the sync user may not read it"
    if chosen not in (None, found.type):
        return f"it was {chosen} and is {found.type} in Dynamics now: select it again to take the new type"
    return None


def _readable(column: Column | None, unreadable: Collection[str]) -> bool:
    return (
        column is not None
        and column.readable
        and column.type is not ColumnType.UNSUPPORTED
        and column.name not in unreadable
    )


def _choosable(entity: Entity, table: Table, name: str) -> bool:
    internal = name in internal_columns(entity) and name not in ("createdon", "modifiedon")
    return name != table.primary_id and not internal


def _unmapped(entity: Entity, column: Column) -> DefaultField:
    """A column the default map does not know keeps its logical name, unless that name means another field there.

    A contact's `company` is a telephone number: under that name it would overwrite the name of the private company.
    """
    tables = (entity, Entity.ACCOUNT) if entity.is_person else (entity,)
    mapped = {row.api_name.lower() for table in tables for row in default_fields(table)}
    api_name = f"microsoft{column.name.capitalize()}" if column.name in mapped else column.name
    return DefaultField(entity, column.name, api_name, column.label or column.name, Direction.BOTH)


def _field(column: Column, row: DefaultField) -> Field:
    writable = row.entity.is_person and column.creatable and column.updatable and _settable(column)
    return Field(
        entity=row.entity,
        column=column.name,
        api_name=row.api_name,
        label=row.label,
        type=column.type,
        direction=row.direction if writable else Direction.FROM,
        writable=writable,
        precision=column.precision,
        max_length=column.max_length,
        minimum=column.minimum,
        maximum=column.maximum,
        required=column.required,
        targets=column.targets,
        options=column.options,
    )


def _settable(column: Column) -> bool:
    """False for what a stored GUID alone cannot write: a lookup into several tables; and the currency never is (D3)."""
    return not column.polymorphic and column.name != CURRENCY
