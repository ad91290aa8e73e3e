"""Short spellings for column definitions, so that a table reads like the reference's own lists (reference 8)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tandem.sandbox.tables.definition import (
    Cascade,
    ColumnDefinition,
    ColumnType,
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
        creatable=writable,
        updatable=writable,
        secured=secured,
    )
    base = ColumnDefinition(
        name=f"{name}_base",
        type=ColumnType.MONEY,
        label=f"{label} (Base)",
        schema_name=f"{column.schema_name}_Base",
        minimum=-922_337_203_685_477,
        maximum=922_337_203_685_477,
        precision=4,
        creatable=False,
        updatable=False,
        secured=secured,
        derived=f"CAST(round({name} / exchangerate) AS INTEGER)",
    )
    return column, base


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


def boolean(name: str, label: str, false: str = "No", true: str = "Yes", *, writable: bool = True) -> ColumnDefinition:
    """A yes/no column with the labels of its two options."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.BOOLEAN,
        label=label,
        schema_name=schema_name(name, label),
        options=(OptionDefinition(value=0, label=false), OptionDefinition(value=1, label=true)),
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
        date_only=True,
    )


def choice(name: str, label: str, options: Mapping[int, str]) -> ColumnDefinition:
    """A choice column; options as value -> label."""
    return ColumnDefinition(
        name=name,
        type=ColumnType.CHOICE,
        label=label,
        schema_name=schema_name(name, label),
        options=tuple(OptionDefinition(value=value, label=text) for value, text in options.items()),
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


ACTIVE_INACTIVE = states((0, "Active", {1: "Active"}), (1, "Inactive", {2: "Inactive"}))


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
) -> ColumnDefinition:
    """A reference. One target is bound by the column's own name, several by `<name>_<target>`, an owner by `ownerid`.

    `relationships` gives the shipped relationship names by target; the name of any other is made by rule.
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


def stamps() -> tuple[ColumnDefinition, ...]:
    """What the organisation stamps on every row (reference 8, before 8.1)."""
    return (
        *(
            moment(name, label, creatable=False, updatable=False)
            for name, label in (("createdon", "Created On"), ("modifiedon", "Modified On"))
        ),
        *(
            lookup(name, label, "systemuser", creatable=False, updatable=False, on_delete=Cascade.RESTRICT)
            for name, label in (
                ("createdby", "Created By"),
                ("modifiedby", "Modified By"),
                ("createdonbehalfby", "Created By (Delegate)"),
                ("modifiedonbehalfby", "Modified By (Delegate)"),
            )
        ),
        moment("overriddencreatedon", "Record Created On", updatable=False),
        integer("importsequencenumber", "Import Sequence Number"),
        version(),
    )


def version() -> ColumnDefinition:
    """The row version, which is also the number in the ETag (reference 3.6)."""
    return ColumnDefinition(
        name="versionnumber",
        type=ColumnType.BIGINT,
        label="Version Number",
        schema_name="VersionNumber",
        creatable=False,
        updatable=False,
    )


def ownership() -> tuple[ColumnDefinition, ...]:
    """Owner columns of a user- or team-owned table; all but `ownerid` follow from it."""
    return (
        lookup(
            "ownerid",
            "Owner",
            "systemuser",
            "team",
            type=ColumnType.OWNER,
            required=RequiredLevel.SYSTEM,
            on_delete=Cascade.RESTRICT,
        ),
        lookup(
            "owninguser",
            "Owning User",
            "systemuser",
            derived="CASE ownerid_type WHEN 'systemuser' THEN ownerid END",
        ),
        lookup("owningteam", "Owning Team", "team", derived="CASE ownerid_type WHEN 'team' THEN ownerid END"),
        lookup(
            "owningbusinessunit",
            "Owning Business Unit",
            "businessunit",
            creatable=False,
            updatable=False,
            on_delete=Cascade.RESTRICT,
        ),
    )


def currency() -> tuple[ColumnDefinition, ...]:
    """The row's currency and the rate it had when the row was last saved (reference 9.4)."""
    return (
        lookup("transactioncurrencyid", "Currency", "transactioncurrency", on_delete=Cascade.RESTRICT),
        fraction("exchangerate", "Exchange Rate", 1e-10, 1e11, 10, writable=False),
    )


def address(number: int, length: int = 250) -> tuple[ColumnDefinition, ...]:
    """The columns of one address block; the composite is computed."""
    block, title = f"address{number}", f"Address {number}"
    parts = ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country")
    return (
        text(f"{block}_name", 100, f"{title}: Name"),
        text(f"{block}_line1", length, f"{title}: Street 1"),
        text(f"{block}_line2", length, f"{title}: Street 2"),
        text(f"{block}_line3", length, f"{title}: Street 3"),
        text(f"{block}_city", 80, f"{title}: City"),
        text(f"{block}_stateorprovince", 50, f"{title}: State/Province"),
        text(f"{block}_postalcode", 20, f"{title}: ZIP/Postal Code"),
        text(f"{block}_country", 80, f"{title}: Country/Region"),
        text(f"{block}_county", 50, f"{title}: County"),
        text(
            f"{block}_composite",
            1_000,
            title,
            derived=f"nullif(concat_ws(char(10), {', '.join(f'{block}_{part}' for part in parts)}), '')",
        ),
    )


def by_name(*columns: ColumnDefinition | Iterable[ColumnDefinition]) -> Mapping[str, ColumnDefinition]:
    """The columns of a table by logical name, in the order given; groups are flattened."""
    flat: list[ColumnDefinition] = []
    for item in columns:
        flat.extend([item] if isinstance(item, ColumnDefinition) else item)
    return {column.name: column for column in flat}


_COLOURS = {1: "Red", 2: "Green", 3: "Blue"}
"""The options of a customer's choices."""


def custom_column(name: str, type: str, *, label: str | None = None) -> ColumnDefinition:
    """A column that a customer adds, by the short name of its type. Raises ValueError for an unknown type."""
    title = label or name
    makers: Mapping[str, Callable[[], ColumnDefinition]] = {
        "text": lambda: text(name, 4_000, title),
        "memo": lambda: memo(name, title, 100_000),
        "integer": lambda: integer(name, title),
        "bigint": lambda: replace(integer(name, title, -(2**63), 2**63 - 1), type=ColumnType.BIGINT),
        "decimal": lambda: fraction(name, title, -1e11, 1e11, 10),
        "double": lambda: fraction(name, title, -1e11, 1e11, 5, type=ColumnType.DOUBLE),
        "boolean": lambda: boolean(name, title),
        "choice": lambda: choice(name, title, _COLOURS),
        "choices": lambda: replace(choice(name, title, _COLOURS), type=ColumnType.CHOICES),
        "datetime": lambda: moment(name, title),
        "date": lambda: date(name, title),
    }
    if type not in makers:
        raise ValueError(f"unknown column type '{type}'; known: {', '.join(makers)}")
    return replace(makers[type](), custom=True, schema_name=name)
