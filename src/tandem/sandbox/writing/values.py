"""A sandbox that stored whatever it was sent would let a client ship values the real service refuses.

Here one JSON value meets one column definition: it comes back as it is stored, or is refused with the documented code
(reference 5.2, 7.2, 9.2, 9.4 and 10 item 8). Requirement levels below SystemRequired bind forms only and are not
looked at.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import as_guid
from tandem.sandbox.store.completion import rounded
from tandem.sandbox.tables import TEXTUAL, ColumnDefinition, ColumnType, TableDefinition
from tandem.sandbox.tables.definition import DateBehaviour

EARLIEST = datetime(1753, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC)

MOST_CHOICES = 150
"""Chosen values of one multi-select column (reference 2.8)."""
MONEY_DIGITS = 4
"""Decimals that money is kept with; what it is rounded to may be fewer (completion.py)."""

_EMPTIED = TEXTUAL | {ColumnType.CHOICES}
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")

Value = str | int | bool | Decimal | float | None


def accept(table: TableDefinition, column: ColumnDefinition, value: object) -> Value:
    """The JSON `value` as the organisation takes it; empty text becomes None.

    Raises Refused (400) with the code of what is wrong: wrong JSON type 0x80048d19, too long 0x80044331, out of range
    0x8004432F or 0x80044330, unknown option 0x8004431A, bad date 0x80040239, control characters 0x80040278.
    """
    if value is None or (value == "" and column.type in _EMPTIED):
        return None
    return _CONVERTERS[column.type](table, column, value)


def _text(table: TableDefinition, column: ColumnDefinition, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong_literal(value, "Edm.String", column.name)
    if _CONTROL_CHARACTERS.search(value):
        raise Refused(
            400,
            "0x80040278",
            f"Invalid characters in field: the '{column.name}' attribute of the '{table.name}' entity"
            " contains control characters.",
        )
    if column.max_length is not None and _utf16_length(value) > column.max_length:
        raise Refused(
            400,
            "0x80044331",
            f"A validation error occurred. The length of the '{column.name}' attribute of the '{table.name}'"
            f" entity exceeded the maximum allowed length of '{column.max_length}'.",
        )
    return value


def _utf16_length(text: str) -> int:
    """[k] The service counts UTF-16 units, as .NET and SQL Server do: an emoji counts two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _integer(table: TableDefinition, column: ColumnDefinition, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_literal(value, "Edm.Int64" if column.type is ColumnType.BIGINT else "Edm.Int32", column.name)
    _check_range(table, column, value, "0x8004432F")
    return value


def _double(table: TableDefinition, column: ColumnDefinition, value: object) -> float:
    number = float(_decimal(table, column, value))
    return round(number, column.precision) if column.precision is not None else number


def _decimal(table: TableDefinition, column: ColumnDefinition, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise _wrong_literal(value, "Edm.Decimal", column.name)
    number = Decimal(str(value))
    _check_range(table, column, number, "0x80044330")
    digits = MONEY_DIGITS if column.precision_source else column.precision
    return rounded(number, digits)


def _check_range(table: TableDefinition, column: ColumnDefinition, number: int | Decimal, code: str) -> None:
    low, high = column.minimum, column.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        raise Refused(
            400,
            code,
            f"A validation error occurred. The value {number} of '{column.name}' on record of type"
            f" '{table.name}' is outside the valid range ({low} to {high}).",
        )


def _boolean(table: TableDefinition, column: ColumnDefinition, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong_literal(value, "Edm.Boolean", column.name)
    return value


def _choice(table: TableDefinition, column: ColumnDefinition, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_literal(value, "Edm.Int32", column.name)
    accepted = [option.value for option in column.options]
    if value not in accepted:
        raise Refused(
            400,
            "0x8004431A",
            f"A validation error occurred. The value {value} of '{column.name}' on record of type '{table.name}'"
            f" is outside the valid range. Accepted Values: {','.join(map(str, accepted))}",
        )
    return value


def _choices(table: TableDefinition, column: ColumnDefinition, value: object) -> str:
    """Several choices travel as one text, `"1,9"` (reference 0.5); stored in ascending order without doubles.

    Blanks around the commas are taken; more than 150 are not, with a code that is [infer] (reference 2.8).
    """
    if not isinstance(value, str) or not re.fullmatch(r"\s*-?\d+(\s*,\s*-?\d+)*\s*", value):
        raise _wrong_literal(value, "Edm.String", column.name)
    chosen = sorted({_choice(table, column, int(number)) for number in value.split(",")})
    if len(chosen) > MOST_CHOICES:
        raise Refused(400, "0x80040203", f"Invalid argument. '{column.name}' takes {MOST_CHOICES} values at most.")
    return ",".join(map(str, chosen))


def _moment(table: TableDefinition, column: ColumnDefinition, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong_literal(value, "Edm.Date" if column.date_only else "Edm.DateTimeOffset", column.name)
    as_typed = column.behaviour is DateBehaviour.TIME_ZONE_INDEPENDENT
    moment = _parsed_date(value) if column.date_only else _parsed_moment(value, as_typed=as_typed)
    if moment is None or not EARLIEST <= moment <= LATEST:
        raise _bad_date(column, value)
    return value if column.date_only else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _parsed_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{text}T00:00:00Z") if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _parsed_moment(text: str, *, as_typed: bool) -> datetime | None:
    """A moment must tell its zone, by `Z` or an offset, not both; fractions of a second are dropped (reference 9.2).

    Where a column belongs to no zone the hour is kept as it was typed; that the offset is then dropped is [infer].
    """
    try:
        moment = datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
        if moment is None:
            return None
        return moment.replace(tzinfo=UTC) if as_typed else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _guid(table: TableDefinition, column: ColumnDefinition, value: object) -> str:
    guid = as_guid(value) if isinstance(value, str) else None
    if guid is None:
        raise _wrong_literal(value, "Edm.Guid", column.name)
    return guid


def _wrong_literal(value: object, edm_type: str, name: str) -> Refused:
    return Refused(
        400,
        "0x80048d19",
        f"Error identified in Payload provided by the user: Cannot convert the literal '{value}' to the expected"
        f" type '{edm_type}' (property '{name}').",
    )


def _bad_date(column: ColumnDefinition, value: str) -> Refused:
    return Refused(
        400,
        "0x80040239",
        f"The date-time format or range of '{value}' is invalid for '{column.name}'. It must be between"
        f" {EARLIEST:%m/%d/%Y} and {LATEST:%m/%d/%Y} and tell its zone.",
    )


_CONVERTERS: Mapping[ColumnType, Callable[[TableDefinition, ColumnDefinition, object], Value]] = {
    ColumnType.STRING: _text,
    ColumnType.MEMO: _text,
    ColumnType.INTEGER: _integer,
    ColumnType.BIGINT: _integer,
    ColumnType.DECIMAL: _decimal,
    ColumnType.DOUBLE: _double,
    ColumnType.MONEY: _decimal,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATETIME: _moment,
    ColumnType.CHOICE: _choice,
    ColumnType.CHOICES: _choices,
    ColumnType.STATE: _choice,
    ColumnType.STATUS: _choice,
    ColumnType.GUID: _guid,
}
CONVERTED = frozenset(_CONVERTERS)
"""The column types that take a value; lookups take a reference instead (payload.py)."""
