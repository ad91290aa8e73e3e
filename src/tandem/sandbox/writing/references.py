"""`$ref`: the same link can be written from either end, and both ends must mean the same column.

Single-valued navigation properties, collections of rows that point here, and many-to-many relationships
(reference 5.6).
"""

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import Segment, expect_method, row_key, unknown_segment
from tandem.sandbox.tables import ColumnDefinition, TableDefinition
from tandem.sandbox.writing.associations import ENDS, associate, dissociate
from tandem.sandbox.writing.payload import find_row, missing_row, payload_error, read_values, reference
from tandem.sandbox.writing.records import Records


def change_reference(
    records: Records, table: TableDefinition, row_id: str, part: Segment, *, method: str, address: str | None
) -> None:
    """Write `<row>/<part>/$ref`. `address` is the `@odata.id` of the body, or `$id` of a DELETE.

    Raises Refused: 404 0x8006088a for a name that is no navigation property, 405 for a method it does not take.
    """
    if part.name in table.by_navigation and part.arguments is None:
        expect_method(method, f"{part.name}/$ref", "PUT", "DELETE")
        bound = _required(address) if method == "PUT" else None
        values = read_values(records.organisation, table, {f"{part.name}@odata.bind": bound})
        records.update(table, row_id, values)
        return
    end, children = ENDS.get((table.name, part.name)), _children(records, table, part.name)
    if end is not None:
        other = records.organisation.tables[end.other_table]
        target = _target(records, other, part, method=method, address=address)
        (associate if method == "POST" else dissociate)(records, end, row_id, target)
    elif children is not None:
        child, column = children
        target = _target(records, child, part, method=method, address=address)
        if method == "DELETE" and records.existing(child, target)[column.name] != row_id:
            raise missing_row(child.name, target)
        records.update(child, target, reference(column, table.name, row_id if method == "POST" else None))
    else:
        raise unknown_segment(part.name)


def _target(records: Records, table: TableDefinition, part: Segment, *, method: str, address: str | None) -> str:
    """The id of the row that a collection is to gain or lose, from the URL or from an address."""
    expect_method(method, f"{part.name}/$ref", "POST", "DELETE")
    if part.arguments is not None:
        return row_key(table.name, part.arguments)
    found, row_id = find_row(records.organisation, _required(address))
    if found.name != table.name:
        raise payload_error(f"A row of '{table.entity_set}' was expected, not one of '{found.entity_set}'.")
    return row_id


def _children(records: Records, table: TableDefinition, name: str) -> tuple[TableDefinition, ColumnDefinition] | None:
    """The table and lookup behind a collection of rows that point here, or None."""
    for child in records.organisation.tables.values():
        for column in child.columns.values():
            points_here = column.derived is None and table.name in column.targets
            if points_here and child.relationship(column, table.name) == name:
                return child, column
    return None


def _required(address: str | None) -> str:
    if address is None:
        raise Refused(400, "0x80060888", "A reference names its row: in '@odata.id', in '$id' or in the URL.")
    return address
