"""CreateMultiple, UpdateMultiple and UpsertMultiple: one bad row sinks them all, and no index tells which.

A sandbox that were kinder would let a client believe that its good rows had been kept (reference 5.10). The caller
holds the transaction, so the first refusal takes everything back.
"""

from collections.abc import Callable, Iterator, Mapping

from tandem.sandbox.messages import Refused
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.payload import Values, payload_error, read_values
from tandem.sandbox.writing.records import Records

Targets = list[Values]


def read_targets(records: Records, table: TableDefinition, content: Mapping[str, object]) -> Targets:
    """The values of each target. Raises Refused for a body that is no list of typed rows of the one table."""
    if content.keys() != {"Targets"} or not isinstance(content["Targets"], list):
        raise payload_error("'Targets' with a list of rows is the one parameter of the operation.")
    return list(_each(records, table, content["Targets"]))


def create_multiple(records: Records, table: TableDefinition, targets: Targets) -> Mapping[str, object]:
    """Create every target; `Ids` come in the order of the request."""
    return {"Ids": [records.create(table, values) for values in targets]}


def update_multiple(records: Records, table: TableDefinition, targets: Targets) -> None:
    """Update every target by its id; a missing row fails the lot."""
    for row_id, values in _by_id(table, targets):
        records.update(table, row_id, values)


def upsert_multiple(records: Records, table: TableDefinition, targets: Targets) -> None:
    """Update the targets that exist and create the others, by their ids."""
    for row_id, values in _by_id(table, targets):
        if records.organisation.exists(table.name, row_id):
            records.update(table, row_id, values)
        else:
            records.create(table, values)


BULK: Mapping[str, Callable[[Records, TableDefinition, Targets], Mapping[str, object] | None]] = {
    "CreateMultiple": create_multiple,
    "UpdateMultiple": update_multiple,
    "UpsertMultiple": upsert_multiple,
}
"""The bulk operations by name."""


def _each(records: Records, table: TableDefinition, targets: list[object]) -> Iterator[Values]:
    for target in targets:
        kind = str(target.get("@odata.type", "")) if isinstance(target, dict) else ""
        if not isinstance(target, dict) or kind.lstrip("#") != f"Microsoft.Dynamics.CRM.{table.name}":
            raise payload_error(f"Each target needs '@odata.type' Microsoft.Dynamics.CRM.{table.name}.")
        yield read_values(records.organisation, table, target)


def _by_id(table: TableDefinition, targets: Targets) -> Iterator[tuple[str, Values]]:
    """Each target with its id; an id given twice is refused [infer]."""
    seen = set()
    for values in targets:
        row_id = values.get(table.primary_id)
        if row_id is None:
            raise payload_error(f"Each target needs its '{table.primary_id}'.")
        if row_id in seen:
            raise Refused(400, "0x80040203", f"Invalid argument. The target {row_id} is given twice.")
        seen.add(row_id)
        yield str(row_id), values
