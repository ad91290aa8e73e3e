"""What a client asks after a refusal as a duplicate, which names no row: which rows are alike (reference 5.8)."""

from collections.abc import Mapping
from dataclasses import replace

from tandem.sandbox.automation.duplicates import duplicates_sql
from tandem.sandbox.functions.answering import Arguments, invalid_argument
from tandem.sandbox.messages import Response
from tandem.sandbox.paths import NAMESPACE, as_guid
from tandem.sandbox.query.condition import Condition, all_of
from tandem.sandbox.query.options import MAXIMUM_PAGE
from tandem.sandbox.query.reading import Reading
from tandem.sandbox.query.rows import read_collection, whole_table
from tandem.sandbox.store.privileges import Right
from tandem.sandbox.store.storage import Stored
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.payload import read_values
from tandem.sandbox.writing.records import Records


def retrieve_duplicates(reading: Reading, arguments: Arguments) -> Response:
    """The rows of a table that the published rules find alike to a row given by its id, by values, or by both. [k]"""
    table, row_id, row = _entity(reading, arguments)
    matching = reading.organisation.tables.get(arguments.text("MatchingEntityName") or "")
    if matching is None:
        raise invalid_argument("'MatchingEntityName' must be the logical name of a table.")
    found = [
        duplicates_sql(reading.organisation, rule, row_id, row)
        for rule in reading.organisation.logic.rules_of(table.name)
        if rule.searched == matching.name
    ]
    clauses = [clause for clause in found if clause is not None]
    alike = " OR ".join(f"({sql})" for sql, _ in clauses) or "0"
    values: list[Stored] = [value for _, wanted in clauses for value in wanted]
    number, count = _paging(arguments)
    # The page is cut by number here, as the function's own parameter says, not by a link.
    page = Condition(
        f"{matching.name}.{matching.primary_id} IN (SELECT {matching.primary_id} FROM {matching.name}"  # noqa: S608
        f" WHERE {alike} ORDER BY 1 LIMIT ? OFFSET ?)",
        (*values, count, (number - 1) * count),
    )
    listing = whole_table(reading, matching)
    return read_collection(reading, replace(listing, within=all_of(listing.within, page)))


def _entity(reading: Reading, arguments: Arguments) -> tuple[TableDefinition, str | None, Mapping[str, object]]:
    """The table of `BusinessEntity`, its id if it has one, and its values over those of the row of that id.

    Raises Refused (403) for a row that the caller may not read.
    """
    content = arguments.json("BusinessEntity")
    if not isinstance(content, dict):
        raise invalid_argument("'BusinessEntity' must be a row with its '@odata.type'.")
    kind = str(content.get("@odata.type", "")).removeprefix("#").removeprefix(NAMESPACE)
    table = reading.organisation.tables.get(kind)
    if table is None:
        raise invalid_argument("'BusinessEntity' must be a row with its '@odata.type'.")
    row_id = as_guid(str(content.get(table.primary_id)))
    stored = reading.organisation.get(table.name, row_id) if row_id is not None else None
    Records(reading.organisation, reading.caller).demand(table, Right.READ, stored)
    values = {name: value for name, value in content.items() if name != table.primary_id}
    return table, row_id, {**(stored or {}), **read_values(reading.organisation, table, values)}


def _paging(arguments: Arguments) -> tuple[int, int]:
    """The number and size of the page that `PagingInfo` asks for; it is obligatory, as are both in it."""
    content = arguments.json("PagingInfo")
    paging = content if isinstance(content, dict) else {}
    number, count = paging.get("PageNumber"), paging.get("Count")
    if not isinstance(number, int) or not isinstance(count, int) or number < 1 or not 1 <= count <= MAXIMUM_PAGE:
        raise invalid_argument(f"'PagingInfo' must have a 'PageNumber' and a 'Count' of at most {MAXIMUM_PAGE}.")
    return number, count
