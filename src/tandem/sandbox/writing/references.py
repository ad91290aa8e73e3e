"""`$ref`: the same link can be written from either end, and both ends must mean the same column.

Single-valued navigation properties, collections of rows that point here, and many-to-many relationships
(reference 5.6).
"""

from dataclasses import dataclass

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import Segment, expect_method, unknown_segment
from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import AssociationEnd, ColumnDefinition, Message, RequiredLevel, TableDefinition
from tandem.sandbox.writing.addressing import missing_row, row_id_of
from tandem.sandbox.writing.associations import associate, dissociate
from tandem.sandbox.writing.payload import find_row, payload_error, read_values, reference
from tandem.sandbox.writing.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection-valued navigation property of `owner`: the other end of a `lookup` of `table`, or of `end`."""

    owner: TableDefinition
    table: TableDefinition
    lookup: ColumnDefinition | None = None
    end: AssociationEnd | None = None

    @property
    def parts(self) -> bool:
        """Whether its rows are parts of the owner's row, which are written with it alone: the parties of an activity.

        Their kin by the other end, such as the parties that a contact is, are not.
        """
        return (
            self.lookup is not None
            and Message.CREATE not in self.table.messages
            and self.lookup.required is RequiredLevel.SYSTEM
        )

    def member(self, organisation: Organisation, address: str) -> str:
        """The id of the row that an address names. Raises Refused where it is not one of `table`."""
        found, row_id = find_row(organisation, address)
        if found.name != self.table.name:
            raise payload_error(f"A row of '{self.table.entity_set}' was expected, not one of '{found.entity_set}'.")
        return row_id

    def add(self, records: Records, row_id: str, member: str) -> None:
        """Link the row and one of `table`."""
        if self.end is not None:
            associate(records, self.end, row_id, member)
        elif self.lookup is not None:
            records.update(self.table, member, reference(self.lookup, self.owner.name, row_id))

    def remove(self, records: Records, row_id: str, member: str) -> None:
        """Undo the link. Raises Refused (404, 0x80040217) where there is none."""
        if self.end is not None:
            dissociate(records, self.end, row_id, member)
        elif self.lookup is not None:
            if records.existing(self.table, member)[self.lookup.name] != row_id:
                raise missing_row(self.table.name, member)
            records.update(self.table, member, reference(self.lookup, self.owner.name, None))


def find_collection(organisation: Organisation, owner: TableDefinition, name: str) -> Collection | None:
    """The collection-valued navigation property of that name, or None."""
    end = organisation.definitions.ends.get((owner.name, name))
    if end is not None:
        return Collection(owner=owner, table=organisation.tables[end.other_table], end=end)
    for child in organisation.tables.values():
        for column in child.columns.values():
            points_here = column.derived is None and owner.name in column.targets
            if points_here and child.relationship(column, owner.name) == name:
                return Collection(owner=owner, table=child, lookup=column)
    return None


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
    collection = find_collection(records.organisation, table, part.name)
    if collection is None:
        raise unknown_segment(part.name)
    expect_method(method, f"{part.name}/$ref", "POST", "DELETE")
    if part.arguments is not None:
        member = row_id_of(records.organisation, collection.table, part.arguments)
    else:
        member = collection.member(records.organisation, _required(address))
    (collection.add if method == "POST" else collection.remove)(records, row_id, member)


def _required(address: str | None) -> str:
    if address is None:
        raise Refused(400, "0x80060888", "A reference names its row: in '@odata.id', in '$id' or in the URL.")
    return address
