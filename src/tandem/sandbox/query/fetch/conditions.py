"""One condition of FetchXML as SQL.

Most operators are the service's own filter functions under other names, so they are looked up among those and mean the
same there and here (reference 3.2, 3.8). Which ones take an empty column in is general knowledge. [k]
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from tandem.sandbox.query.comparisons import SIGNS, compare, compare_columns
from tandem.sandbox.query.condition import Condition, Property, stored_values
from tandem.sandbox.query.fetch.document import invalid_query
from tandem.sandbox.query.fetch.elements import Test
from tandem.sandbox.query.functions import find_function
from tandem.sandbox.query.patterns import like
from tandem.sandbox.store.privileges import Caller
from tandem.sandbox.tables import TEXTUAL, ColumnType

_SYNONYMS = {"neq": "ne"}

_PATTERNS: Mapping[str, Callable[[str], str]] = {
    "like": lambda text: text,
    "begins-with": lambda text: f"{text}%",
    "ends-with": lambda text: f"%{text}",
}

_NEGATED = {"not-like": "like", "not-begin-with": "begins-with", "not-end-with": "ends-with"}

_UNITS = ("hours", "days", "weeks", "months", "years")

_FUNCTIONS = {
    "eq-userid": "EqualUserId",
    "ne-userid": "NotEqualUserId",
    "eq-userteams": "EqualUserTeams",
    "eq-useroruserteams": "EqualUserOrUserTeams",
    "eq-useroruserhierarchy": "EqualUserOrUserHierarchy",
    "eq-useroruserhierarchyandteams": "EqualUserOrUserHierarchyAndTeams",
    "eq-userlanguage": "EqualUserLanguage",
    "eq-businessid": "EqualBusinessId",
    "ne-businessid": "NotBusinessId",
    "eq-or-above": "AboveOrEqual",
    "eq-or-under": "UnderOrEqual",
    "last-seven-days": "Last7Days",
    "next-seven-days": "Next7Days",
    "not-contain-values": "DoesNotContainValues",
    **{f"olderthan-x-{unit}": f"OlderThanX{unit.title()}" for unit in ("minutes", *_UNITS)},
}
"""Filter functions whose names do not follow from the operator's."""

_PLAIN = frozenset(
    {
        *("in", "not-in", "between", "not-between", "contain-values"),
        *("above", "under", "not-under"),
        *("on", "on-or-before", "on-or-after", "yesterday", "today", "tomorrow"),
        *(f"{when}-{unit}" for when in ("last", "this", "next") for unit in ("week", "month", "year")),
        *(f"{when}-x-{unit}" for when in ("last", "next") for unit in _UNITS),
        *(f"{when}-fiscal-{unit}" for when in ("last", "this", "next") for unit in ("period", "year")),
        *(f"{when}-x-fiscal-{unit}" for when in ("last", "next") for unit in ("periods", "years")),
        *("in-fiscal-period", "in-fiscal-year", "in-fiscal-period-and-year"),
        *("in-or-before-fiscal-period-and-year", "in-or-after-fiscal-period-and-year"),
    }
)
"""Operators whose filter function has the same name in another spelling: `last-x-hours` is `LastXHours`."""


def test_condition(test: Test, left: Property, other: Property | None, caller: Caller, now: datetime) -> Condition:
    """The condition on the column. `other` is the one to compare with, where there is one.

    Raises Refused: 400 for what the operator or the column cannot take, 501 for an operator that is not spoken.
    """
    operator = _SYNONYMS.get(test.operator, test.operator)
    values = [_bare(left, value) for value in test.values]
    if other is not None:
        return _compared_columns(operator, left, other)
    if operator in ("null", "not-null"):
        return Condition(f"{left.sql} IS {'NOT ' if operator == 'not-null' else ''}NULL")
    if operator in SIGNS:
        return _compared(operator, left, values)
    if operator in _PATTERNS:
        return _alike(operator, left, values)
    if operator in _NEGATED:
        inner = _alike(_NEGATED[operator], left, values)
        return Condition(f"NOT ifnull(({inner.sql}), 0)", inner.values)
    if operator in _PLAIN:
        return find_function(operator.title().replace("-", ""))(left, values, caller, now)
    if operator in _FUNCTIONS:
        return find_function(_FUNCTIONS[operator])(left, values, caller, now)
    raise invalid_query(f"'{test.operator}' is not an operator.")


def _compared(operator: str, left: Property, values: list[str]) -> Condition:
    if len(values) != 1:
        raise invalid_query(f"One value was expected for '{left.column.name}', not {len(values)}.")
    (value,) = stored_values(left, values)
    if value is None:
        # Empty text is null, as it is when it is written. [k]
        return Condition(f"{left.sql} IS {'NOT ' if operator == 'ne' else ''}NULL" if operator in ("eq", "ne") else "0")
    return compare(left, operator, value)


def _compared_columns(operator: str, left: Property, right: Property) -> Condition:
    if operator not in SIGNS:
        raise invalid_query(f"The operator '{operator}' cannot compare two columns.")
    kinds = [ColumnType.STRING if side.column.type in TEXTUAL else side.column.type for side in (left, right)]
    identities = all(side.column.is_lookup or side.column.type is ColumnType.GUID for side in (left, right))
    if kinds[0] != kinds[1] and not identities:
        raise invalid_query(f"'{left.column.name}' and '{right.column.name}' are not of the same type.")
    return compare_columns(left, operator, right)


def _alike(operator: str, left: Property, values: list[str]) -> Condition:
    if len(values) != 1:
        raise invalid_query(f"One value was expected for '{left.column.name}', not {len(values)}.")
    if left.column.type not in TEXTUAL:
        raise invalid_query(f"'{left.column.name}' holds no text.")
    return like(left.sql, _PATTERNS[operator](values[0]))


def _bare(left: Property, value: str) -> str:
    """The value without what FetchXML lets stand around it: braces around an id."""
    identity = left.column.is_lookup or left.column.type is ColumnType.GUID
    return value.strip("{} ") if identity else value
