"""Columns as a client gives them, made into definitions (reference 2.3, 2.4).

What the definition says is what the rows obey, so a limit that no tenant accepts is refused here. The limits are
general knowledge. [k]
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from tandem.sandbox.messages import Refused
from tandem.sandbox.metadata.given import Given, invalid_definition
from tandem.sandbox.metadata.given_options import with_options
from tandem.sandbox.metadata.naming import logical_name
from tandem.sandbox.tables import (
    ColumnDefinition,
    ColumnType,
    DateBehaviour,
    Definitions,
    OptionDefinition,
    RequiredLevel,
)
from tandem.sandbox.tables.columns import EXTREME_INTEGER

_TYPES = {
    "StringAttributeMetadata": ColumnType.STRING,
    "MemoAttributeMetadata": ColumnType.MEMO,
    "IntegerAttributeMetadata": ColumnType.INTEGER,
    "BigIntAttributeMetadata": ColumnType.BIGINT,
    "DecimalAttributeMetadata": ColumnType.DECIMAL,
    "DoubleAttributeMetadata": ColumnType.DOUBLE,
    "MoneyAttributeMetadata": ColumnType.MONEY,
    "BooleanAttributeMetadata": ColumnType.BOOLEAN,
    "DateTimeAttributeMetadata": ColumnType.DATETIME,
    "PicklistAttributeMetadata": ColumnType.CHOICE,
    "MultiSelectPicklistAttributeMetadata": ColumnType.CHOICES,
}
"""What can be posted to `Attributes`; a lookup comes with its relationship."""

_LONGEST = {ColumnType.STRING: 4_000, ColumnType.MEMO: 1_048_576}
_WIDEST: Mapping[ColumnType, float] = {
    ColumnType.INTEGER: EXTREME_INTEGER,
    ColumnType.DECIMAL: 100_000_000_000,
    ColumnType.DOUBLE: 100_000_000_000,
    ColumnType.MONEY: 922_337_203_685_477,
}
_MOST_PRECISE = {ColumnType.DECIMAL: 10, ColumnType.DOUBLE: 5, ColumnType.MONEY: 4}
_DEFAULTS: Mapping[ColumnType, Mapping[str, object]] = {
    ColumnType.STRING: {"max_length": 100, "format": "Text"},
    ColumnType.MEMO: {"max_length": 2_000, "format": "TextArea"},
    ColumnType.INTEGER: {"minimum": -EXTREME_INTEGER - 1, "maximum": EXTREME_INTEGER, "format": "None"},
    ColumnType.BIGINT: {"minimum": -(2**63), "maximum": 2**63 - 1},
    ColumnType.DECIMAL: {"minimum": -1e11, "maximum": 1e11, "precision": 2},
    ColumnType.DOUBLE: {"minimum": 0, "maximum": 1e9, "precision": 2},
    ColumnType.MONEY: {
        "minimum": -922_337_203_685_477,
        "maximum": 922_337_203_685_477,
        "precision": 2,
        "precision_source": 2,
    },
    ColumnType.DATETIME: {"behaviour": DateBehaviour.USER_LOCAL, "format": "DateAndTime"},
    ColumnType.BOOLEAN: {
        "options": (OptionDefinition(value=0, label="No"), OptionDefinition(value=1, label="Yes")),
        "default": False,
    },
}
"""What a new column is where the client does not say."""

_UNUSED = frozenset(
    {
        "AttributeOf",
        "AttributeType",
        "AttributeTypeName",
        "CanBeSecuredForCreate",
        "CanBeSecuredForRead",
        "CanBeSecuredForUpdate",
        "CanChangeDateTimeBehavior",
        "CanModifyAdditionalSettings",
        "CalculationOf",
        "ColumnNumber",
        "DatabaseLength",
        "DeprecatedVersion",
        "EntityLogicalName",
        "ExternalName",
        "ImeMode",
        "InheritsFrom",
        "IsAuditEnabled",
        "IsBaseCurrency",
        "IsCustomAttribute",
        "IsFilterable",
        "IsGlobalFilterEnabled",
        "IsLocalizable",
        "IsLogical",
        "IsPrimaryId",
        "IsPrimaryName",
        "IsRenameable",
        "IsRequiredForForm",
        "IsRetrievable",
        "IsSearchable",
        "IsSortableEnabled",
        "IsValidForAdvancedFind",
        "IsValidForCreate",
        "IsValidForForm",
        "IsValidForGrid",
        "IsValidForRead",
        "IsValidForUpdate",
        "LinkedAttributeId",
        "LogicalName",
        "MaxSupportedValue",
        "MinSupportedValue",
        "SchemaName",
        "YomiOf",
    }
)
"""What the service knows of a column and the sandbox has no use for, or tells of itself."""


def new_column(definitions: Definitions, given: Given) -> ColumnDefinition:
    """The column that a client wants made; a money column without its `_base`. Raises Refused."""
    type_ = _TYPES.get(given.type_name)
    if given.type_name in ("FileAttributeMetadata", "ImageAttributeMetadata"):
        raise Refused(501, "0x8006088a", f"'{given.type_name}' is not implemented by this sandbox.")
    if type_ is None:
        raise invalid_definition(f"An attribute cannot be created from '{given.type_name or 'no @odata.type'}'.")
    schema_name = given.text("SchemaName")
    blank = ColumnDefinition(
        name=logical_name(schema_name),
        type=type_,
        label=schema_name,
        schema_name=schema_name,
        custom=True,
        **_DEFAULTS.get(type_, {}),  # type: ignore[arg-type]
    )
    return described(with_options(definitions, blank, given), given)


def changed_column(definitions: Definitions, column: ColumnDefinition, given: Given) -> ColumnDefinition:
    """The column as a client wants it from now on. What the client does not give stays [k]. Raises Refused."""
    if given.type_name and _TYPES.get(given.type_name, column.type) is not column.type:
        raise invalid_definition(f"The type of the attribute '{column.name}' cannot be changed.")
    if column.type is ColumnType.BOOLEAN:
        column = with_options(definitions, column, given)
    # Options change one by one, by actions; a set that comes along as it was read changes nothing. [k]
    given.part("OptionSet")
    given.part("GlobalOptionSet")
    return described(column, given)


def described(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    """The column with what a client says of every attribute, and of one of its type. Raises Refused."""
    _refuse_computed(given)
    secured = given.boolean("IsSecured", default=column.secured)
    changed = replace(
        column,
        label=given.label("DisplayName", column.label),
        description=given.label("Description", column.description),
        required=given.member("RequiredLevel", RequiredLevel, column.required),
        secured=secured,
    )
    changed = _KINDS.get(column.type, _plain)(changed, given)
    given.done(_UNUSED)
    return changed


def _refuse_computed(given: Given) -> None:
    source, _ = given.integer("SourceType", 0), given.integer("SourceTypeMask", 0)
    if source or given.text("AutoNumberFormat", "") or given.text("FormulaDefinition", ""):
        raise Refused(501, "0x8006088a", "Calculated and autonumber columns are not implemented by this sandbox.")


def _plain(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    given.number("MinValue", None)
    given.number("MaxValue", None)
    return column


def _text(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    length = given.integer("MaxLength", column.max_length)
    if length != column.max_length and not 1 <= (length or 0) <= _LONGEST[column.type]:
        raise invalid_definition(f"MaxLength of '{column.name}' must be between 1 and {_LONGEST[column.type]}.")
    format_ = given.named("Format", column.format)
    return replace(column, max_length=length, format=given.named("FormatName", format_))


def _number(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    read = given.integer if column.type is ColumnType.INTEGER else given.number
    low, high = read("MinValue", None), read("MaxValue", None)
    minimum, maximum = column.minimum if low is None else low, column.maximum if high is None else high
    precision, source = given.integer("Precision", column.precision), given.integer("PrecisionSource", None)
    widest = _WIDEST[column.type]
    # Some shipped columns reach further than a customer's may.
    if (minimum, maximum) != (column.minimum, column.maximum) and (
        minimum is None or maximum is None or not -widest - 1 <= minimum <= maximum <= widest
    ):
        raise invalid_definition(f"MinValue and MaxValue of '{column.name}' must be between {-widest} and {widest}.")
    if precision is not None and not 0 <= precision <= _MOST_PRECISE[column.type]:
        raise invalid_definition(f"Precision of '{column.name}' must be between 0 and {_MOST_PRECISE[column.type]}.")
    if source not in (None, 0, 1, 2):
        raise invalid_definition(f"PrecisionSource of '{column.name}' must be 0, 1 or 2.")
    return replace(
        column,
        minimum=minimum,
        maximum=maximum,
        precision=precision,
        precision_source=column.precision_source if source is None else source,
        format=given.named("Format", column.format),
    )


def _moment(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    was = column.behaviour or DateBehaviour.USER_LOCAL
    behaviour = given.member("DateTimeBehavior", DateBehaviour, was)
    if behaviour is not was and was is not DateBehaviour.USER_LOCAL:
        raise invalid_definition(f"The behavior of '{column.name}' can be changed from UserLocal only.")
    format_ = given.named("Format", "DateOnly" if behaviour is DateBehaviour.DATE_ONLY else column.format)
    if format_ not in ("DateOnly", "DateAndTime") or (behaviour is DateBehaviour.DATE_ONLY and format_ != "DateOnly"):
        raise invalid_definition(f"The format '{format_}' of '{column.name}' does not go with {behaviour}.")
    return replace(column, behaviour=behaviour, format=format_)


def _yes_no(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    return replace(column, default=given.boolean("DefaultValue", default=bool(column.default)))


def _choice(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    none = -1
    default = given.integer("DefaultFormValue", none if column.default is None else int(str(column.default)))
    if default != none and default is not None and column.option(default) is None:
        raise invalid_definition(f"DefaultFormValue of '{column.name}' is not one of its options.")
    return replace(column, default=None if default == none else default)


def _lookup(column: ColumnDefinition, given: Given) -> ColumnDefinition:
    given.texts("Targets")
    given.named("Format", None)
    return column


_KINDS: Mapping[ColumnType, Callable[[ColumnDefinition, Given], ColumnDefinition]] = {
    ColumnType.STRING: _text,
    ColumnType.MEMO: _text,
    ColumnType.INTEGER: _number,
    ColumnType.DECIMAL: _number,
    ColumnType.DOUBLE: _number,
    ColumnType.MONEY: _number,
    ColumnType.DATETIME: _moment,
    ColumnType.BOOLEAN: _yes_no,
    ColumnType.CHOICE: _choice,
    ColumnType.CHOICES: _choice,
    ColumnType.STATE: _choice,
    ColumnType.STATUS: _choice,
    ColumnType.LOOKUP: _lookup,
    ColumnType.CUSTOMER: _lookup,
    ColumnType.OWNER: _lookup,
}
