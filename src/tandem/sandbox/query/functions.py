"""The service's own filter functions, `Microsoft.Dynamics.CRM.In` and its kin (reference 3.2).

FetchXML knows the same conditions under other names; what they mean is said here once. Which of them take an empty
column in is general knowledge. [k]
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from tandem.sandbox.messages import Refused
from tandem.sandbox.query.comparisons import folded
from tandem.sandbox.query.condition import Condition, Property, invalid, stored_values, unquote_text
from tandem.sandbox.query.periods import COUNTED, NAMED, Counted, Named, Period, day
from tandem.sandbox.store.privileges import Caller, ColumnRight
from tandem.sandbox.store.storage import iso
from tandem.sandbox.tables import ColumnType

Function = Callable[[Property, Sequence[str], Caller, datetime], Condition]


def in_period(left: Property, period: Period) -> Condition:
    """The column lies in the period."""
    start, end = period.start, period.end
    if left.column.date_only:
        # A day is in a period that has a part of it.
        start = start and day(start)
        end = end and day(end - timedelta(seconds=1)) + timedelta(days=1)
    length = len("2025-03-04") if left.column.date_only else None
    bounds = [(sign, iso(bound)[:length]) for sign, bound in ((">=", start), ("<", end)) if bound is not None]
    sql = " AND ".join(f"{left.sql} {sign} ?" for sign, _ in bounds) or f"{left.sql} IS NOT NULL"
    return Condition(sql, tuple(text for _, text in bounds))


def _negated(function: Function, *, empty: bool) -> Function:
    """What the function leaves out; `empty` tells whether an empty column is part of that."""

    def negated(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
        inner = function(left, values, caller, now)
        return Condition(f"NOT ifnull(({inner.sql}), 0)" if empty else f"NOT ({inner.sql})", inner.values)

    return negated


def _in(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
    stored = stored_values(left, values)
    sql, parameter = folded(left.sql, *stored)
    return Condition(f"{sql} IN ({', '.join([parameter] * len(stored))})", stored)


def _between(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
    stored = stored_values(left, values, 2)
    sql, parameter = folded(left.sql, *stored)
    return Condition(f"{sql} BETWEEN {parameter} AND {parameter}", stored)


def _contain_values(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
    if left.column.type is not ColumnType.CHOICES:
        raise invalid(f"'{left.column.name}' is not a multi-select choice.")
    wanted = [int(value) for value in values if re.fullmatch(r"-?\d{1,10}", value)]
    if not values or len(wanted) < len(values):
        raise invalid(f"Whole numbers were expected, not '{','.join(values)}'.")
    chosen = f"SELECT 1 FROM json_each('[' || {left.sql} || ']') AS chosen"  # noqa: S608
    return Condition(f"EXISTS ({chosen} WHERE chosen.value IN ({', '.join('?' * len(wanted))}))", tuple(wanted))


def _on(first: bool, last: bool) -> Function:
    """The day given, with the time before it unless it is the `first` and the time after unless it is the `last`."""

    def on(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
        _check_moment(left)
        (text,) = stored_values(left, values, 1)
        begin = datetime.fromisoformat(f"{text}"[:10] + "T00:00:00+00:00")
        # The last day there is has no next one.
        end = begin + timedelta(days=1) if begin.date() < datetime.max.date() else None
        return in_period(left, Period(start=begin if first else None, end=end if last else None))

    return on


def _named(period: Named) -> Function:
    def named(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
        _check_moment(left)
        _check_no_values(left, values)
        return in_period(left, period(now))

    return named


def _counted(period: Counted) -> Function:
    def counted(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
        _check_moment(left)
        if len(values) != 1 or not re.fullmatch(r"[1-9]\d{0,8}", values[0]):
            raise invalid(f"A whole number above 0 was expected, not '{','.join(values)}'.")
        try:
            return in_period(left, period(now, int(values[0])))
        except (OverflowError, ValueError):
            raise invalid(f"'{values[0]}' is too far away in time.") from None

    return counted


def _mine(sql: str, *, unit: bool = False) -> Function:
    """The column holds one of the ids that the SQL gives for the caller, or with `unit` for its business unit."""

    def mine(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
        if not left.column.is_lookup and left.column.type is not ColumnType.GUID:
            raise invalid(f"'{left.column.name}' holds no id.")
        _check_no_values(left, values)
        me = caller.business_unit_id if unit else caller.user_id
        return Condition(f"{left.sql} IN ({sql})", (me,) * sql.count("?"))

    return mine


_ME = "VALUES (?)"
_MY_TEAMS = "SELECT teamid FROM teammembership WHERE systemuserid = ?"
_MY_PEOPLE = (
    "WITH RECURSIVE people(id) AS (VALUES (?) UNION SELECT systemuserid FROM systemuser"
    " JOIN people ON parentsystemuserid = people.id) SELECT id FROM people"
)


def _hierarchy(*, up: bool, self: bool) -> Function:
    """The rows above or below the one given, along the lookup of a table to itself."""

    def related(left: Property, values: Sequence[str], caller: Caller, now: datetime) -> Condition:
        table, primary = left.table.name, left.table.primary_id
        # The lookup to the winner of a merge leads to the same table and is no hierarchy. [k]
        parents = [
            column.name
            for column in left.table.lookups
            if column.targets == (table,) and column.derived is None and column.name != "masterid"
            if caller.may(left.table, column, ColumnRight.READ)
        ]
        if left.column.name != primary or not parents:
            raise invalid(f"'{left.column.name}' is not the key of a table with a hierarchy.")
        parent = parents[0]
        given, found = (primary, parent) if up else (parent, primary)
        first = "VALUES (?)" if self else f"SELECT {found} FROM {table} WHERE {given} = ?"  # noqa: S608
        walk = (
            f"WITH RECURSIVE related(id) AS ({first} UNION SELECT {found} FROM {table}"  # noqa: S608
            f" JOIN related ON {table}.{given} = related.id) SELECT id FROM related WHERE id IS NOT NULL"
        )
        return Condition(f"{left.sql} IN ({walk})", stored_values(left, values, 1))

    return related


def _check_moment(left: Property) -> None:
    if left.column.type is not ColumnType.DATETIME:
        raise invalid(f"'{left.column.name}' holds no date.")


def _check_no_values(left: Property, values: Sequence[str]) -> None:
    if values:
        raise invalid(f"No value was expected for '{left.column.name}', but '{','.join(values)}'.")


FUNCTIONS: Mapping[str, Function] = {
    "In": _in,
    "NotIn": _negated(_in, empty=False),
    "Between": _between,
    "NotBetween": _negated(_between, empty=False),
    "ContainValues": _contain_values,
    "DoesNotContainValues": _negated(_contain_values, empty=True),
    "On": _on(True, True),
    "NotOn": _negated(_on(True, True), empty=False),
    "OnOrAfter": _on(True, False),
    "OnOrBefore": _on(False, True),
    **{name: _named(period) for name, period in NAMED.items()},
    **{name: _counted(period) for name, period in COUNTED.items()},
    "EqualUserId": _mine(_ME),
    "NotEqualUserId": _negated(_mine(_ME), empty=True),
    "EqualUserTeams": _mine(_MY_TEAMS),
    "EqualUserOrUserTeams": _mine(f"{_ME} UNION {_MY_TEAMS}"),
    "EqualUserOrUserHierarchy": _mine(_MY_PEOPLE),
    "EqualUserOrUserHierarchyAndTeams": _mine(f"SELECT id FROM ({_MY_PEOPLE}) UNION {_MY_TEAMS}"),  # noqa: S608
    "EqualBusinessId": _mine(_ME, unit=True),
    "NotBusinessId": _negated(_mine(_ME, unit=True), empty=True),
    "Above": _hierarchy(up=True, self=False),
    "AboveOrEqual": _hierarchy(up=True, self=True),
    "Under": _hierarchy(up=False, self=False),
    "UnderOrEqual": _hierarchy(up=False, self=True),
    "NotUnder": _negated(_hierarchy(up=False, self=False), empty=True),
}
"""The functions a filter may call, by name without the namespace."""

LISTED = frozenset({"In", "NotIn", "Between", "NotBetween", "ContainValues", "DoesNotContainValues"})
"""The functions whose values are a list, `PropertyValues`; another value is `PropertyValue`."""

UNVALUED = frozenset({*NAMED, *(name for name in FUNCTIONS if name.startswith(("Equal", "NotEqual", "NotBusiness")))})
"""The functions that take no value."""

_UNSPOKEN = re.compile(r"(\w*Fiscal\w*)|Contains|DoesNotContain|EqualUserLanguage|EqualRoleBusinessId")


_SINGLE_QUOTED = re.compile(r"\[\s*'(?:[^']|'')*'\s*(?:,\s*'(?:[^']|'')*'\s*)*\]")


def find_function(name: str) -> Function:
    """The function of that name. Raises Refused: 501 for one the sandbox does not speak, 400 for an unknown one."""
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    if _UNSPOKEN.fullmatch(name):
        raise Refused(501, "0x8006088a", f"The function '{name}' is not implemented by this sandbox.")
    raise invalid(f"An unknown function with name 'Microsoft.Dynamics.CRM.{name}' was found.")


def listed_values(text: str) -> list[str]:
    """The values of a function: a list with either kind of quotes, or one value."""
    if not text.startswith("["):
        return [unquote_text(text)]
    if _SINGLE_QUOTED.fullmatch(text):
        return [match.replace("''", "'") for match in re.findall(r"'((?:[^']|'')*)'", text)]
    try:
        items = msgspec.json.decode(text, type=list[str | int | float | bool])
    except msgspec.MsgspecError:
        raise invalid(f"The list '{text}' cannot be read.") from None
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
