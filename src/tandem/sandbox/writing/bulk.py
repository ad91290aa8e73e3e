"""CreateMultiple, UpdateMultiple and UpsertMultiple: one bad row sinks them all, and no index tells which.

A sandbox that were kinder would let a client believe that its good rows had been kept (reference 5.10). The caller
holds the transaction, so the first refusal takes everything back.
"""

from collections.abc import Callable, Iterator, Mapping

from tandem.sandbox.messages import Refused
from tandem.sandbox.paths import as_guid
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.addressing import Address
from tandem.sandbox.writing.payload import find_address, payload_error, read_values
from tandem.sandbox.writing.records import Records
from tandem.sandbox.writing.related import create_with_related

Target = Mapping[str, object]
"""The content of one row, as it came."""


def read_targets(table: TableDefinition, content: Mapping[str, object]) -> list[Target]:
    """The targets of a body. Raises Refused for one that is no list of typed rows of the one table."""
    targets = content.get("Targets")
    if content.keys() != {"Targets"} or not isinstance(targets, list) or not targets:
        raise payload_error("'Targets' with a list of rows is the one parameter of the operation.")
    for target in targets:
        kind = target.get("@odata.type") if isinstance(target, dict) else None
        if str(kind).removeprefix("#") != f"Microsoft.Dynamics.CRM.{table.name}":
            raise payload_error(f"Each target needs '@odata.type' Microsoft.Dynamics.CRM.{table.name}.")
    return targets


def create_multiple(records: Records, table: TableDefinition, targets: list[Target]) -> Mapping[str, object]:
    """Create every target; `Ids` come in the order of the request."""
    return {"Ids": [create_with_related(records, table, target) for target in targets]}


def update_multiple(records: Records, table: TableDefinition, targets: list[Target]) -> None:
    """Update every target by its id or key; a missing row fails the lot."""
    for address, target in _addressed(records, table, targets):
        if not address.exists(records.organisation):
            raise address.missing()
        _update(records, address, target)


def upsert_multiple(records: Records, table: TableDefinition, targets: list[Target]) -> None:
    """Update the targets that exist and create the others, by their ids or keys."""
    for address, target in _addressed(records, table, targets):
        if address.exists(records.organisation):
            _update(records, address, target)
        else:
            create_with_related(records, table, target, address.values)


def delete_multiple(records: Records, table: TableDefinition, targets: list[Target]) -> None:
    """Always raises Refused: it is for elastic tables. The sentence is documented, status and code are [infer]."""
    raise Refused(501, "0x8006088a", "DeleteMultiple has not yet been implemented.")


BULK: Mapping[str, Callable[[Records, TableDefinition, list[Target]], Mapping[str, object] | None]] = {
    "CreateMultiple": create_multiple,
    "UpdateMultiple": update_multiple,
    "UpsertMultiple": upsert_multiple,
    "DeleteMultiple": delete_multiple,
}
"""The bulk operations by name."""


def _addressed(records: Records, table: TableDefinition, targets: list[Target]) -> Iterator[tuple[Address, Target]]:
    """Each target with the row it names, looked up when its turn has come; a row named twice is refused [infer]."""
    seen: set[str | None] = set()
    for target in targets:
        address = _address(records, table, target)
        if address.row_id in seen or address.text in seen:
            raise Refused(400, "0x80040203", f"Invalid argument. The target {address.text} is given twice.")
        seen |= {address.row_id, address.text} if address.row_id else {address.text}
        yield address, target


def _address(records: Records, table: TableDefinition, target: Target) -> Address:
    """A target names its row by `@odata.id`, or by its primary id."""
    named = target.get("@odata.id")
    if isinstance(named, str):
        address = find_address(records.organisation, named)
        if address.table.name != table.name:
            raise payload_error(f"'@odata.id' of a target must name a row of '{table.entity_set}'.")
        return address
    row_id = as_guid(str(target.get(table.primary_id)))
    if row_id is None:
        raise payload_error(f"Each target needs its '{table.primary_id}' or an '@odata.id'.")
    return Address(table=table, row_id=row_id, text=row_id)


def _update(records: Records, address: Address, target: Target) -> None:
    values = read_values(records.organisation, address.table, target)
    records.update(address.table, str(address.row_id), address.without_key(values))
