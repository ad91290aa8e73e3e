"""Short spellings for column definitions, so that a table reads like the reference's own lists (reference 8)."""

from collections.abc import Iterable, Mapping

from tandem.sandbox.tables.definition import (
    Cascade,
    ColumnDefinition,
    ColumnType,
    DateBehaviour,
    OptionDefinition,
    RequiredLevel,
)

EXTREME_INTEGER = 2_147_483_647


def schema_name(name: str, label: str) -> str:
    """The label without blanks where that is the name in another case, else the name."""
    joined = "".join(label.split())
    return joined if joined.lower() == name else name


def text(
    name: str,
    length: int,
    label: str,
    *,
    required: RequiredLevel = RequiredLevel.NONE,
    format: str = "Text",
    derived: str | None = None,
    writable: bool = True,
    secured: bool = False,
) -> ColumnDefinition:
    """A single line of text of at most `length` characters."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.STRING,
        label=label,
        schema_name=schema_name(name, label),
        max_length=length,
        format=format,
        required=required,
        derived=derived,
        secured=secured,
        creatable=writable and derived is None,
        updatable=writable and derived is None,
    )


def memo(name: str, label: str, length: int = 2_000) -> ColumnDefinition:
    """Text of several lines."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.MEMO,
        label=label,
        schema_name=schema_name(name, label),
        max_length=length,
        format="TextArea",
    )


def integer(
    name: str,
    label: str,
    minimum: int = -EXTREME_INTEGER - 1,
    maximum: int = EXTREME_INTEGER,
    *,
    writable: bool = True,
    secured: bool = False,
) -> ColumnDefinition:
    """A whole number."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.INTEGER,
        label=label,
        schema_name=schema_name(name, label),
        minimum=minimum,
        maximum=maximum,
        format="None",
        creatable=writable,
        updatable=writable,
        secured=secured,
    )


def money(
    name: str,
    label: str,
    maximum: float = 1e12,
    minimum: float = 0,
    *,
    writable: bool = True,
    secured: bool = False,
    derived: str | None = None,
) -> tuple[ColumnDefinition, ColumnDefinition]:
    """A money column and its computed `_base` (reference 9.4)."""
    column = ColumnDefinition(
        name=name,
        type=ColumnType.MONEY,
        label=label,
        schema_name=schema_name(name, label),
        minimum=minimum,
        maximum=maximum,
        precision=2,
        precision_source=2,
        derived=derived,
        creatable=writable and derived is None,
        updatable=writable and derived is None,
        secured=secured,
    )
    return column, base_of(column)


def base_of(column: ColumnDefinition) -> ColumnDefinition:
    """The computed `_base` of a money column: its value in the base currency, at the rate the row was saved with."""
    return ColumnDefinition(
        name=f"{column.name}_base",
        type=ColumnType.MONEY,
        label=f"{column.label} (Base)",
        schema_name=f"{column.schema_name}_Base",
        minimum=-922_337_203_685_477,
        maximum=922_337_203_685_477,
        precision=4,
        precision_source=2,
        creatable=False,
        updatable=False,
        secured=column.secured,
        custom=column.custom,
        # Division is by doubles, which cannot hold the largest amounts; those in the base currency stay exact.
        derived=f"iif(exchangerate + 0 = 1, {column.name}, CAST(round({column.name} / exchangerate) AS INTEGER))",
    )


def fraction(
    name: str,
    label: str,
    minimum: float,
    maximum: float,
    precision: int,
    *,
    type: ColumnType = ColumnType.DECIMAL,
    writable: bool = True,
) -> ColumnDefinition:
    """A decimal or double column."""
    return ColumnDefinition(
        name=name,
        type=type,
        label=label,
        schema_name=schema_name(name, label),
        minimum=minimum,
        maximum=maximum,
        precision=precision,
        creatable=writable,
        updatable=writable,
    )


def boolean(
    name: str,
    label: str,
    false: str = "No",
    true: str = "Yes",
    *,
    writable: bool = True,
    default: bool = False,
    required: RequiredLevel = RequiredLevel.NONE,
) -> ColumnDefinition:
    """A yes/no column with the labels of its two options. A shipped one says No unless it says Yes [k]."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.BOOLEAN,
        label=label,
        schema_name=schema_name(name, label),
        options=(OptionDefinition(value=0, label=false), OptionDefinition(value=1, label=true)),
        default=default,
        required=required,
        creatable=writable,
        updatable=writable,
    )


def moment(name: str, label: str, *, creatable: bool = True, updatable: bool = True) -> ColumnDefinition:
    """A date and time in UTC, to the second."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.DATETIME,
        label=label,
        schema_name=schema_name(name, label),
        format="DateAndTime",
        behaviour=DateBehaviour.USER_LOCAL,
        creatable=creatable,
        updatable=updatable,
    )


def date(name: str, label: str) -> ColumnDefinition:
    """A date without a time."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.DATETIME,
        label=label,
        schema_name=schema_name(name, label),
        format="DateOnly",
        behaviour=DateBehaviour.DATE_ONLY,
    )


def choice(
    name: str,
    label: str,
    options: Mapping[int, str],
    *,
    required: RequiredLevel = RequiredLevel.NONE,
    updatable: bool = True,
    default: int | None = None,
) -> ColumnDefinition:
    """A choice column; options as value -> label."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.CHOICE,
        label=label,
        schema_name=schema_name(name, label),
        options=tuple(OptionDefinition(value=value, label=text) for value, text in options.items()),
        required=required,
        updatable=updatable,
        default=default,
    )


def states(*states: tuple[int, str, Mapping[int, str]]) -> tuple[ColumnDefinition, ColumnDefinition]:
    """`statecode` and `statuscode`: each state with its status reasons, the first being its default."""
    state = ColumnDefinition(
        name="statecode",
        type=ColumnType.STATE,
        label="Status",
        schema_name="StateCode",
        required=RequiredLevel.SYSTEM,
        options=tuple(
            OptionDefinition(value=value, label=label, default_status=next(iter(reasons)))
            for value, label, reasons in states
        ),
    )
    status = ColumnDefinition(
        name="statuscode",
        type=ColumnType.STATUS,
        label="Status Reason",
        schema_name="StatusCode",
        options=tuple(
            OptionDefinition(value=reason, label=label, state=value)
            for value, _, reasons in states
            for reason, label in reasons.items()
        ),
    )
    return state, status


def lookup(
    name: str,
    label: str,
    *targets: str,
    type: ColumnType = ColumnType.LOOKUP,
    relationships: Mapping[str, str] | None = None,
    required: RequiredLevel = RequiredLevel.NONE,
    creatable: bool = True,
    updatable: bool = True,
    derived: str | None = None,
    on_delete: Cascade = Cascade.REMOVE_LINK,
    on_merge: Cascade = Cascade.NONE,
    on_assign: Cascade = Cascade.NONE,
) -> ColumnDefinition:
    """A reference. One target is bound by the column's own name, several by `<name>_<target>`, an owner by `ownerid`.

    `relationships` gives the shipped relationship names by target; the name of any other is made by rule. What is
    assigned with a row is shared with it and moved below another one with it, too [k].
    """
    own_name = len(targets) == 1 or type is ColumnType.OWNER
    return ColumnDefinition(
        name=name,
        type=type,
        label=label,
        schema_name=schema_name(name, label),
        targets=targets,
        navigation={target: name if own_name else f"{name}_{target}" for target in targets},
        relationships=relationships or {},
        required=required,
        creatable=creatable and derived is None,
        updatable=updatable and derived is None,
        derived=derived,
        on_delete=on_delete,
        on_merge=on_merge,
        on_assign=on_assign,
        on_reparent=on_assign,
        on_share=on_assign,
        on_unshare=on_assign,
    )


def guid(name: str, label: str, *, required: RequiredLevel = RequiredLevel.NONE) -> ColumnDefinition:
    """A plain id."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.GUID,
        label=label,
        schema_name=schema_name(name, label),
        required=required,
    )


def by_name(*columns: ColumnDefinition | Iterable[ColumnDefinition]) -> Mapping[str, ColumnDefinition]:
    """The columns of a table by logical name, in the order given; groups are flattened."""
    flat: list[ColumnDefinition] = []
    for item in columns:
        flat.extend([item] if isinstance(item, ColumnDefinition) else item)
    return {column.name: column for column in flat}
