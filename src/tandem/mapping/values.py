"""How values compare, how a person types them and how they are shown.

Stored values are what the wire said: codes and ids, exact decimals, UTC text. Two stored values are the *same* when
they mean the same (R1): null and empty text; multi-selects as sets; numbers at the column's scale; date-times to the
second. Everything else exactly, or an automation that only changes spelling would look like silence.
"""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from tandem.mapping.fields import Field
from tandem.model.errors import NeedsPerson
from tandem.model.schema import ColumnType

_NUMBERS = (ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.DOUBLE)
_CODED = (ColumnType.CHOICE, ColumnType.STATE, ColumnType.STATUS)


class BadValue(NeedsPerson):
    """A value does not fit its field."""

    code = "bad-value"
    advice = "Give a value of the field's type; `tandem fields` shows the types and the labels of a choice."


def same(field: Field, left: Any, right: Any) -> bool:
    """Do two stored values of `field` mean the same?"""
    return bool(left == right or _meaning(field, left) == _meaning(field, right))


def _meaning(field: Field, value: Any) -> object:
    """What `value` comes down to: values that mean the same have equal meanings, whatever was stored."""
    if value is None or value == "":
        return None
    if field.type is ColumnType.CHOICES:
        return frozenset(code for part in str(value).split(",") if (code := part.strip())) or None
    if field.type in _NUMBERS:
        return _at_scale(value, field.precision)
    if field.type is ColumnType.DATETIME:
        return _second(value)
    return value


def _at_scale(value: Any, precision: int | None) -> object:
    try:
        number = Decimal(str(value))
        if not number.is_finite():
            return str(value)
        return number if precision is None else number.quantize(Decimal(1).scaleb(-precision))
    except InvalidOperation:
        # No number, or one with more digits than any column holds: it compares exactly.
        return str(value)


def at_scale(field: Field, value: Any) -> Any:
    """A number at its column's decimals, as Dynamics would store it; any other value as it is."""
    if field.type not in _NUMBERS or field.precision is None or value in (None, ""):
        return value
    scaled = _at_scale(value, field.precision)
    return scaled if isinstance(scaled, Decimal) else value


def _second(value: Any) -> object:
    try:
        return _utc(str(value))
    except (ValueError, OverflowError):
        return str(value)


def _utc(text: str) -> datetime:
    """A moment to the second; text without a zone is UTC, as everything Dynamics prints is (reference 9.2)."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0)


def parse(field: Field, text: str) -> Any:
    """What a person typed, as the stored value; an empty text empties the field. Raises BadValue."""
    typed = text.strip()
    if not typed:
        return None
    try:
        return _parsed(field, text, typed)
    except (ValueError, ArithmeticError):
        raise BadValue(
            f"What was given for {field.api_name} does not fit: it takes {_WANTED[field.type]}.",
            field=field.api_name,
        ) from None


_LABEL = "one of its labels or codes"
_WANTED = {
    ColumnType.TEXT: "a text",
    ColumnType.MEMO: "a text",
    ColumnType.INTEGER: "a whole number",
    ColumnType.BIGINT: "a whole number",
    ColumnType.DECIMAL: "a number",
    ColumnType.DOUBLE: "a number",
    ColumnType.MONEY: "a number",
    ColumnType.BOOLEAN: "yes or no",
    ColumnType.DATE: "a date such as 2025-03-04",
    ColumnType.DATETIME: "a date and time such as 2025-03-04T05:06:07Z",
    ColumnType.CHOICE: _LABEL,
    ColumnType.STATE: _LABEL,
    ColumnType.STATUS: _LABEL,
    ColumnType.CHOICES: "its labels or codes, separated by semicolons or commas",
    ColumnType.LOOKUP: "the id of a record (a GUID)",
    ColumnType.GUID: "a GUID",
}
_WHOLE_LIMITS = {ColumnType.INTEGER: 2**31, ColumnType.BIGINT: 2**63}
_LARGEST = Decimal(2**63)
"""Far above what a column of Dynamics holds; a typed 1e999999 would be a million digits to compare."""


def _parsed(field: Field, text: str, typed: str) -> Any:
    match field.type:
        case ColumnType.INTEGER | ColumnType.BIGINT:
            return _whole(typed, _WHOLE_LIMITS[field.type])
        case ColumnType.DECIMAL | ColumnType.DOUBLE | ColumnType.MONEY:
            return _number(typed)
        case ColumnType.BOOLEAN:
            return _yes_or_no(field, typed)
        case ColumnType.DATE:
            return date.fromisoformat(typed).isoformat()
        case ColumnType.DATETIME:
            return f"{_utc(typed).replace(tzinfo=None).isoformat()}Z"
        case ColumnType.CHOICE | ColumnType.STATE | ColumnType.STATUS:
            return _code(field, typed)
        case ColumnType.CHOICES:
            return ",".join(dict.fromkeys(str(_code(field, part)) for part in _parts(field, typed))) or None
        case ColumnType.LOOKUP | ColumnType.GUID:
            return str(UUID(typed))
        case _:
            text.encode()  # A terminal hands over bytes that are no text as lone surrogates; no database stores them.
            return text


def _whole(typed: str, limit: int) -> int:
    number = int(_plain(typed))
    if not -limit <= number < limit:
        raise ValueError
    return number


def _number(typed: str) -> Decimal:
    number = Decimal(_plain(typed))
    if not number.is_finite() or abs(number) > _LARGEST:
        raise ValueError
    return number


def _plain(typed: str) -> str:
    """The digits as typed. Python reads 1_000 as a thousand; a person who types that has mistyped."""
    if "_" in typed:
        raise ValueError
    return typed


def _yes_or_no(field: Field, typed: str) -> bool:
    answers = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    code = _labelled(field, typed)
    if code is None and typed.lower() not in answers:
        raise ValueError
    return answers[typed.lower()] if code is None else bool(code)


def _parts(field: Field, typed: str) -> list[str]:
    """The labels or codes in `typed`. Labels may hold commas, so a semicolon separates where there is one."""
    if _labelled(field, typed) is not None:
        return [typed]
    return [part for each in typed.split(";" if ";" in typed else ",") if (part := each.strip())]


def _code(field: Field, typed: str) -> int:
    labelled = _labelled(field, typed)
    if labelled is not None:
        return labelled
    code = _whole(typed, 2**31)
    if field.options and code not in {option.value for option in field.options}:
        raise ValueError
    return code


def _labelled(field: Field, typed: str) -> int | None:
    """The code of the one option with this label; None for no label, and for one that two options share (D3)."""
    codes = [option.value for option in field.options if option.label.strip().lower() == typed.lower()]
    return codes[0] if len(codes) == 1 else None


def shown(field: Field, value: Any) -> str:
    """A stored value for a person: labels for codes, yes/no, nothing for empty (rule D3)."""
    if value is None:
        return ""
    labels = {str(option.value): option.label for option in field.options if option.label}
    if field.type in _CODED:
        return labels.get(str(value), str(value))
    if field.type is ColumnType.CHOICES:
        codes = [part.strip() for part in str(value).split(",")]
        return "; ".join(labels.get(code, code) for code in codes)
    if field.type is ColumnType.BOOLEAN:
        return labels.get(str(int(value)), "yes" if value else "no")
    return str(value)
