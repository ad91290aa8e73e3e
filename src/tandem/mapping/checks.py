"""Does a value fit the Dynamics column it is meant for? (rules P7, D3)

Dynamics refuses a whole record for one value that does not fit, and says so in words of its own. What can be seen
beforehand is found here, field by field, so that everything else of the person still travels. The limits are the
metadata's; messages name them and never the value.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from tandem.mapping.fields import Field
from tandem.model.schema import ColumnType

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EARLIEST, LATEST = datetime(1753, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC)
"""What Dynamics stores (reference 9.2)."""

CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot carry, the reference's InvalidCharactersInField (7.2); which characters exactly is unconfirmed."""
_CODE = re.compile(r"\s*-?\d{1,10}\s*", re.ASCII)
_CODE_LIMITS = (-(2**31), 2**31 - 1)
_WHOLE_LIMITS = {ColumnType.INTEGER: _CODE_LIMITS, ColumnType.BIGINT: (-(2**63), 2**63 - 1)}


class MisfitCode(StrEnum):
    """Why a value does not fit."""

    WRONG_TYPE = "wrong-type"
    TOO_LONG = "too-long"
    CONTROL_CHARACTERS = "control-characters"
    OUT_OF_RANGE = "out-of-range"
    UNKNOWN_OPTION = "unknown-option"
    BAD_DATE = "bad-date"


class Misfit(NamedTuple):
    """Why Dynamics would not take a value, and what it would take; `message` goes on after the field's name."""

    code: MisfitCode
    message: str


def text_length(text: str) -> int:
    """How long Dynamics takes a text to be: in units of UTF-16, of which an emoji has two (unconfirmed)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def misfit(field: Field, value: Any) -> Misfit | None:
    """What is wrong with a stored value of `field`; None where Dynamics would take it. An empty value fits."""
    if value is None or value == "":
        return None
    match field.type:
        case ColumnType.TEXT | ColumnType.MEMO:
            return _text(field, value)
        case ColumnType.INTEGER | ColumnType.BIGINT:
            return _whole(field, value)
        case ColumnType.DECIMAL | ColumnType.DOUBLE | ColumnType.MONEY:
            return _number(field, value)
        case ColumnType.BOOLEAN:
            return None if isinstance(value, bool) else _wrong("yes or no")
        case ColumnType.DATE:
            return _moment(value, _DATE, "a date such as 2025-03-04")
        case ColumnType.DATETIME:
            return _moment(value, _DATETIME, "a date and time such as 2025-03-04T05:06:07Z")
        case ColumnType.CHOICE | ColumnType.STATE | ColumnType.STATUS:
            return _options(field, [value])
        case ColumnType.CHOICES:
            return _options(field, _codes(value))
        case _:
            return _guid(value)


def _wrong(wanted: str) -> Misfit:
    return Misfit(MisfitCode.WRONG_TYPE, f"does not fit: Dynamics takes {wanted}.")


def _text(field: Field, value: Any) -> Misfit | None:
    if not isinstance(value, str):
        return _wrong("a text")
    if field.max_length is not None and text_length(value) > field.max_length:
        said = f"is too long: it has {text_length(value)} characters and Dynamics takes {field.max_length}."
        return Misfit(MisfitCode.TOO_LONG, said)
    if CONTROL_CHARACTERS.search(value):
        return Misfit(MisfitCode.CONTROL_CHARACTERS, "holds control characters, which Dynamics refuses.")
    return None


def _whole(field: Field, value: Any) -> Misfit | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return _wrong("a whole number")
    low, high = _WHOLE_LIMITS[field.type]
    return _range(field, Decimal(value), low, high)


def _number(field: Field, value: Any) -> Misfit | None:
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        return _wrong("a number")
    number = Decimal(str(value))
    return _range(field, number) if number.is_finite() else _wrong("a number")


def _range(field: Field, number: Decimal, low: int | None = None, high: int | None = None) -> Misfit | None:
    lowest = max((Decimal(str(each)) for each in (low, field.minimum) if each is not None), default=None)
    highest = min((Decimal(str(each)) for each in (high, field.maximum) if each is not None), default=None)
    if (lowest is None or number >= lowest) and (highest is None or number <= highest):
        return None
    words = ((lowest, "more"), (highest, "less"))
    limits = [f"{limit.normalize():,f} or {word}" for limit, word in words if limit is not None]
    return Misfit(MisfitCode.OUT_OF_RANGE, f"is out of range: Dynamics takes {' and '.join(limits)}.")


def _moment(value: Any, form: re.Pattern[str], wanted: str) -> Misfit | None:
    if not isinstance(value, str) or not form.fullmatch(value):
        return _wrong(wanted)
    try:
        moment = datetime.fromisoformat(value) if form is _DATETIME else date.fromisoformat(value)
    except ValueError:
        return Misfit(MisfitCode.BAD_DATE, "is a day or time that does not exist.")
    at = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if not EARLIEST <= at < LATEST.replace(microsecond=999_999):
        return Misfit(MisfitCode.BAD_DATE, "is out of range: Dynamics takes dates from 1753-01-01 to 9999-12-30.")
    return None


def _codes(value: Any) -> list[Any]:
    """The codes of a multi-select as numbers; what is no number stays, and is no code."""
    parts = value.split(",") if isinstance(value, str) else [""]
    return [int(part) if _CODE.fullmatch(part) else part for part in parts]


def _options(field: Field, codes: list[Any]) -> Misfit | None:
    if not all(isinstance(code, int) and not isinstance(code, bool) for code in codes):
        return _wrong("codes of its options")
    known = {option.value for option in field.options}
    low, high = _CODE_LIMITS
    if all(code in known if known else low <= code <= high for code in codes):
        return None
    return Misfit(MisfitCode.UNKNOWN_OPTION, "is none of the options that Dynamics has for it.")


def _guid(value: Any) -> Misfit | None:
    try:
        UUID(value)
    except (ValueError, AttributeError, TypeError):
        return _wrong("the id of a record (a GUID)")
    return None
