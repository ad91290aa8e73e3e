"""What the organisation refuses of a value, and how it stores the rest (reference 5.2, 5.7, 7.2, 9.2, 9.4, 10.8).

A fake that takes everything proves nothing about a sync whose hardest cases are refusals.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from tandem.mapping.checks import text_length
from tandem.model.schema import Column, ColumnType, Required, Table
from tandem.sandbox.messages import Refused
from tandem.testing.fake.store import Reference

_STATE = ("statecode", "statuscode")
_EARLIEST = datetime(1753, 1, 1, tzinfo=UTC)


def stored_values(
    table: Table, values: Mapping[str, Any], exists: Callable[[Reference], bool], *, creating: bool
) -> dict[str, Any]:
    """The values as they are stored. Raises Refused for the first that the organisation does not take.

    `exists` tells whether a referenced row is there.
    """
    stored = {}
    for name, value in values.items():
        column = table.columns.get(name)
        if column is None:
            raise Refused(400, "0x80048d19", f"An undeclared property '{name}' was found in the payload.")
        if not (column.creatable if creating else column.updatable):
            raise Refused(400, "0x8004022e", f"The property '{name}' of '{table.name}' is read-only.")
        stored[name] = None if value is None or value == "" else _stored(table, column, value, exists)
        if stored[name] is None and column.required is Required.SYSTEM:
            raise Refused(400, "0x80040203", f"Invalid argument. The '{name}' of a {table.name} is required.")
    return stored


def state_pair(table: Table, values: Mapping[str, Any]) -> dict[str, int]:
    """State and status as they are stored; a state alone takes its first status (reference 5.7). Raises Refused."""
    state, status = values.get("statecode"), values.get("statuscode")
    fitting = [option.value for option in table.columns["statuscode"].options if option.state == state]
    if not fitting or (status is not None and status not in fitting):
        raise Refused(400, "0x80048408", "State code is invalid or status code is invalid for the state code.")
    return {"statecode": int(state or 0), "statuscode": fitting[0] if status is None else status}


def _stored(table: Table, column: Column, value: Any, exists: Callable[[Reference], bool]) -> Any:
    match column.type:
        case ColumnType.TEXT | ColumnType.MEMO:
            return _text(table, column, value)
        case ColumnType.INTEGER | ColumnType.BIGINT:
            return _whole(column, value)
        case ColumnType.DECIMAL | ColumnType.MONEY | ColumnType.DOUBLE:
            return _number(column, value)
        case ColumnType.BOOLEAN:
            return _of_type(bool, column, value)
        case ColumnType.CHOICE | ColumnType.STATE | ColumnType.STATUS:
            return _option(table, column, value)
        case ColumnType.CHOICES:
            codes = _of_type(str, column, value).split(",")
            return ",".join(str(_option(table, column, int(code))) for code in codes)
        case ColumnType.DATETIME:
            return _moment(_of_type(str, column, value))
        case ColumnType.DATE:
            return _day(_of_type(str, column, value))
        case ColumnType.LOOKUP:
            return _reference(column, value, exists)
        case _:
            return _of_type(str, column, value).lower()


def _of_type(kind: type, column: Column, value: Any) -> Any:
    if not isinstance(value, kind):
        raise Refused(400, "0x80048d19", f"Cannot convert a literal to the expected type of '{column.name}'.")
    return value


def _text(table: Table, column: Column, value: Any) -> str:
    text = str(_of_type(str, column, value))
    if column.max_length is not None and text_length(text) > column.max_length:
        raise Refused(
            400,
            "0x80044331",
            f"A validation error occurred. The length of the '{column.name}' attribute of the '{table.name}' entity "
            f"exceeded the maximum allowed length of '{column.max_length}'.",
        )
    return text


def _whole(column: Column, value: Any) -> int:
    number = int(_of_type(int, column, value))
    if isinstance(value, bool) or not _in_range(column, number):
        raise Refused(400, "0x8004432f", f"A validation error occurred. The value of '{column.name}' is out of range.")
    return number


def _number(column: Column, value: Any) -> Any:
    try:
        number = Decimal(str(_of_type((int, float, Decimal), column, value)))  # type: ignore[arg-type]
        if isinstance(value, bool) or not number.is_finite() or not _in_range(column, number):
            raise InvalidOperation
        if column.precision is not None:
            number = number.quantize(Decimal(1).scaleb(-column.precision), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise Refused(400, "0x80044330", f"The value of '{column.name}' is out of range.") from None
    return float(number) if column.type is ColumnType.DOUBLE else number


def _in_range(column: Column, number: int | Decimal) -> bool:
    lowest = -math.inf if column.minimum is None else column.minimum
    highest = math.inf if column.maximum is None else column.maximum
    return lowest <= number <= highest


def _option(table: Table, column: Column, value: Any) -> int:
    code = int(_of_type(int, column, value))
    if code not in {option.value for option in column.options}:
        raise Refused(
            400,
            "0x8004431a",
            f"A validation error occurred. The value of '{column.name}' on record of type '{table.name}' is outside "
            "the valid range.",
        )
    return code


def _moment(text: str) -> str:
    """UTC, to the second: fractions are dropped (reference 9.2)."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        moment = datetime.min.replace(tzinfo=UTC)
    if moment < _EARLIEST:
        raise Refused(400, "0x80040239", "The date-time format is invalid, or value is outside the supported range.")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused(400, "0x80048d19", "Cannot convert a literal to the expected type 'Edm.Date'.") from None


def _reference(column: Column, value: Any, exists: Callable[[Reference], bool]) -> Reference:
    """A GUID stands for a row of the column's only target."""
    target = Reference(column.targets[0], value) if isinstance(value, str) else Reference(*value)
    target = Reference(target.table, target.id.lower())
    if target.table not in column.targets:
        raise Refused(400, "0x80048d19", f"'{column.name}' cannot point to a {target.table}.")
    if not exists(target):
        raise Refused(404, "0x80040217", f"{target.table} With Id = {target.id} Does Not Exist")
    return target
