"""The service's own filter functions, `Microsoft.Dynamics.CRM.In` and its kin (reference 3.2)."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from tandem.sandbox.query.condition import Condition, Property, invalid, stored_values, unquote_text
from tandem.sandbox.store.privileges import Caller
from tandem.sandbox.store.storage import iso
from tandem.sandbox.tables import ColumnType

Function = Callable[[Property, list[str], Caller, datetime], Condition]


def _in(left: Property, values: list[str], caller: Caller, now: datetime) -> Condition:
    stored = stored_values(left, values)
    return Condition(f"{left.sql} IN ({', '.join('?' * len(stored))})", stored)


def _not_in(left: Property, values: list[str], caller: Caller, now: datetime) -> Condition:
    inner = _in(left, values, caller, now)
    return Condition(f"NOT ({inner.sql})", inner.values)


def _between(left: Property, values: list[str], caller: Caller, now: datetime) -> Condition:
    return Condition(f"{left.sql} BETWEEN ? AND ?", stored_values(left, values, 2))


def _on_or_after(left: Property, values: list[str], caller: Caller, now: datetime) -> Condition:
    _check_moment(left)
    return Condition(f"{left.sql} >= ?", stored_values(left, values, 1))


def _on_or_before(left: Property, values: list[str], caller: Caller, now: datetime) -> Condition:
    _check_moment(left)
    # The whole of that day counts.
    return Condition(f"substr({left.sql}, 1, 10) <= substr(?, 1, 10)", stored_values(left, values, 1))


def _on(left: Property, values: list[str], caller: Caller, now: datetime) -> Condition:
    _check_moment(left)
    return Condition(f"substr({left.sql}, 1, 10) = substr(?, 1, 10)", stored_values(left, values, 1))


def _last(unit: timedelta) -> Function:
    def since(left: Property, values: list[str], caller: Caller, now: datetime) -> Condition:
        _check_moment(left)
        if len(values) != 1 or not values[0].isdigit():
            raise invalid(f"A whole number was expected, not '{','.join(values)}'.")
        return Condition(f"{left.sql} BETWEEN ? AND ?", (iso(now - int(values[0]) * unit), iso(now)))

    return since


def _equal_user(left: Property, values: list[str], caller: Caller, now: datetime) -> Condition:
    if not left.column.is_lookup and left.column.type is not ColumnType.GUID:
        raise invalid(f"'{left.column.name}' holds no user.")
    return Condition(f"{left.sql} = ?", (caller.user_id,))


def _check_moment(left: Property) -> None:
    if left.column.type is not ColumnType.DATETIME:
        raise invalid(f"'{left.column.name}' holds no date.")


FUNCTIONS: Mapping[str, Function] = {
    "In": _in,
    "NotIn": _not_in,
    "Between": _between,
    "OnOrAfter": _on_or_after,
    "OnOrBefore": _on_or_before,
    "On": _on,
    "LastXHours": _last(timedelta(hours=1)),
    "LastXDays": _last(timedelta(days=1)),
    "EqualUserId": _equal_user,
}
"""The functions a filter may call, by name without the namespace."""


def listed_values(text: str) -> list[str]:
    """The values of a function: a list with either kind of quotes, or one value."""
    if not text.startswith("["):
        return [unquote_text(text)]
    try:
        items = msgspec.json.decode(text) if "'" not in text or '"' in text else None
    except msgspec.DecodeError:
        raise invalid(f"The list '{text}' cannot be read.") from None
    if items is None:
        return [match.replace("''", "'") for match in re.findall(r"'((?:[^']|'')*)'", text)]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
