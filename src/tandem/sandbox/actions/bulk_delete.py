"""BulkDelete answers before anything is gone, and never says what it could not delete.

A client that takes its answer for the deletion itself, or a missing error for success, is wrong about the rows that
stay (reference 5.10). Here the job has run when the answer comes, whatever its StartDateTime; each row is deleted on
its own, and one that is refused stays.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

from tandem.sandbox.actions.membership import Answer
from tandem.sandbox.actions.parameters import Parameters
from tandem.sandbox.messages import Refused, Request
from tandem.sandbox.query.fetch.elements import Entity, Fetch, Filter, Test
from tandem.sandbox.query.fetch.statement import build_statement
from tandem.sandbox.query.options import Options, Preferences
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.rows import whole_table
from tandem.sandbox.writing.payload import payload_error
from tandem.sandbox.writing.records import Records

PRIVILEGE: Final = "prvBulkDelete"

_OPERATORS: Final = {
    "Equal": "eq",
    "NotEqual": "ne",
    "GreaterThan": "gt",
    "GreaterEqual": "ge",
    "LessThan": "lt",
    "LessEqual": "le",
    "DoesNotBeginWith": "not-begin-with",
    "DoesNotEndWith": "not-end-with",
    "EqualUserId": "eq-userid",
    "NotEqualUserId": "ne-userid",
    "EqualBusinessId": "eq-businessid",
    "NotEqualBusinessId": "ne-businessid",
    "Last7Days": "last-seven-days",
    "Next7Days": "next-seven-days",
}
"""Condition operators whose names in FetchXML do not follow from their own; `OnOrBefore` is `on-or-before`. [k]"""
_JOB: Final = frozenset(
    {"JobName", "SendEmailNotification", "ToRecipients", "CCRecipients", "StartDateTime", "SourceImportId", "RunNow"}
)
_QUERY: Final = frozenset({"EntityName", "Criteria"})
_OF_NO_MATTER: Final = frozenset({"ColumnSet", "Orders", "PageInfo", "NoLock", "Distinct"})
"""What a query may say that does not change which rows it finds."""


def bulk_delete(records: Records, parameters: Parameters) -> Answer:
    """Delete what the queries of the QuerySet find.

    Raises Refused: 403 without prvBulkDelete or where the rows may not be read, 400 for a query that cannot be read,
    501 for one with links and for a job that recurs.
    """
    records.caller.demand_general(PRIVILEGE)
    queries = parameters.contents("QuerySet")
    if parameters.take("RecurrencePattern"):
        raise Refused(501, "0x8006088a", "A bulk deletion that recurs is not implemented by this sandbox.")
    for name in _JOB:
        parameters.take(name)
    parameters.done()
    for query in queries:
        _delete_found(records, _fetch(query))
    return {"JobId": str(uuid4())}


def _delete_found(records: Records, fetch: Fetch) -> None:
    organisation = records.organisation
    table = organisation.tables.get(fetch.entity.table)
    if table is None:
        raise payload_error(f"There is no table '{fetch.entity.table}'.")
    reading = Reading(
        organisation=organisation,
        caller=records.caller,
        request=Request(method="POST", path="BulkDelete"),
        options=Options(),
        preferences=Preferences(),
    )
    statement = build_statement(reading, whole_table(reading, table), fetch)
    found = organisation.connection.execute(
        f"SELECT {table.name}.{table.primary_id} FROM {statement.origin.sql} WHERE {statement.wanted.sql}",  # noqa: S608
        (*statement.origin.values, *statement.wanted.values),
    )
    for (row_id,) in found.fetchall():
        try:
            with organisation.connection:
                records.delete(table, str(row_id))
        except Refused:
            continue


def _fetch(query: Mapping[str, object]) -> Fetch:
    """A QueryExpression as the query it is in any other language."""
    _check(query, _QUERY, _OF_NO_MATTER, "LinkEntities", "TopCount")
    criteria = query.get("Criteria")
    if criteria is not None and not isinstance(criteria, dict):
        raise payload_error("'Criteria' must be an expression.")
    filters = () if criteria is None else (_filter(criteria),)
    return Fetch(entity=Entity(table=str(query.get("EntityName")), filters=filters))


def _filter(expression: Mapping[str, object]) -> Filter:
    _check(expression, frozenset({"FilterOperator", "Conditions", "Filters"}), frozenset({"IsQuickFindFilter"}))
    operator = expression.get("FilterOperator", "And")
    if operator not in ("And", "Or"):
        raise payload_error(f"'{operator}' is no operator of a filter.")
    tests = (_test(each) for each in _members(expression, "Conditions"))
    filters = (_filter(each) for each in _members(expression, "Filters"))
    return Filter(parts=(*tests, *filters), either=operator == "Or")


def _test(expression: Mapping[str, object]) -> Test:
    _check(expression, frozenset({"AttributeName", "Operator", "Values"}), frozenset({"EntityName"}))
    values = expression.get("Values")
    operator = str(expression.get("Operator"))
    return Test(
        column=str(expression.get("AttributeName")),
        operator=_OPERATORS.get(operator, re.sub(r"(?<!^)(?=[A-Z])", "-", operator).lower()),
        values=tuple(_text(value) for value in values) if isinstance(values, list) else (),
    )


def _text(value: object) -> str:
    """A value, bare or as the object that tells its type."""
    bare = value.get("Value") if isinstance(value, dict) else value
    return str(bare).lower() if isinstance(bare, bool) else str(bare)


def _members(expression: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    members = expression.get(name) or []
    if not isinstance(members, list) or not all(isinstance(each, dict) for each in members):
        raise payload_error(f"'{name}' must be a list of expressions.")
    return members


def _check(expression: Mapping[str, object], known: frozenset[str], passed_over: frozenset[str], *refused: str) -> None:
    """Raise Refused for a member of an expression that would be passed over though it matters."""
    for name, value in expression.items():
        if name in refused and value:
            raise Refused(501, "0x8006088a", f"'{name}' in a bulk deletion is not implemented by this sandbox.")
        if name not in known | passed_over | set(refused) and not name.startswith("@"):
            raise payload_error(f"An undeclared property '{name}' was found in an expression.")
