"""Saved views: queries that the organisation keeps, by their ids (reference 3.8)."""

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import as_guid
from tandem.sandbox.query.reading import Reading, missing
from tandem.sandbox.query.sources import reach, root
from tandem.sandbox.store.privileges import Right

_TABLES = {"savedQuery": "savedquery", "userQuery": "userquery"}


def view_xml(reading: Reading, option: str, view_id: str) -> str:
    """The FetchXML of the view that `savedQuery` or `userQuery` names.

    Raises Refused: 400 for what is no id, 404 for a view that is not there or that the caller may not read.
    """
    table = reading.organisation.tables[_TABLES[option]]
    row_id = as_guid(view_id.strip("{}"))
    if row_id is None:
        raise Refused(400, "0x80060888", f"'{view_id}' is not the id of a view.")
    reading.caller.demand(table, Right.READ)
    sql = f"SELECT fetchxml FROM {table.name} WHERE {table.primary_id} = ? AND {reach(reading.caller, root(table))}"  # noqa: S608
    found = reading.organisation.connection.execute(sql, (row_id,)).fetchone()
    if found is None:
        raise missing(table, row_id)
    return str(found[0])
