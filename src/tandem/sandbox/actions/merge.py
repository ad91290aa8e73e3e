"""After a merge the loser is still there, and everything that pointed at it has moved (reference 8.13).

In change tracking this shows as updates only: of the loser, of the winner and of every row that was re-pointed.
"""

from collections.abc import Mapping

from tandem.sandbox.actions.parameters import Parameters
from tandem.sandbox.messages import Refused
from tandem.sandbox.store.privileges import Right
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.cascade import repoint
from tandem.sandbox.writing.payload import read_values
from tandem.sandbox.writing.records import Records, Row

MERGE_PRIVILEGE = "prvMerge"
"""What merging needs beside the rights on both rows [k]."""

_PARENT: Mapping[str, str] = {
    "account": "parentaccountid",
    "contact": "parentcustomerid",
    "lead": "parentaccountid",
}
"""The tables that merge, and the lookup that a parenting check compares."""
_LOSING_STATE: Mapping[str, Mapping[str, object]] = {
    "account": {"statecode": 1, "statuscode": 2},
    "contact": {"statecode": 1, "statuscode": 2},
    # The pair of a losing lead is unconfirmed (reference 12); a closed state it is.
    "lead": {"statecode": 2, "statuscode": 7},
}


def merge(records: Records, parameters: Parameters) -> None:
    """Merge the Subordinate into the Target. Raises Refused with the merge codes of reference 7.2."""
    name, winner_id = parameters.reference("Target", *_PARENT)
    loser_name, loser_id = parameters.reference("Subordinate", *_PARENT)
    table = records.organisation.tables[name]
    content = parameters.content("UpdateContent", optional=True)
    check_parents = parameters.boolean("PerformParentingChecks", default=False)
    parameters.done()
    update = {key: value for key, value in content.items() if key != table.primary_id}
    if loser_name != name:
        raise Refused(400, "0x80045303", "Records of different entities cannot be merged.")
    winner, loser = records.existing(table, winner_id), records.existing(table, loser_id)
    _check(records, table, winner, loser)
    if check_parents:
        _check_parents(_PARENT[name], winner, loser)
    with records.organisation.transaction():
        records.update(table, winner_id, read_values(records.organisation, table, update))
        repoint(records.organisation, name, loser_id, winner_id, actor=records.actor)
        records.update_by_action(table, loser_id, {"merged": True, "masterid": winner_id, **_LOSING_STATE[name]})


def _check(records: Records, table: TableDefinition, winner: Row, loser: Row) -> None:
    records.caller.demand_general(MERGE_PRIVILEGE)
    for row in (winner, loser):
        records.demand(table, Right.WRITE, row)
    if winner[table.primary_id] == loser[table.primary_id]:
        raise Refused(400, "0x80045305", "Merge cannot be performed on a record with itself.")
    if winner["statecode"] != 0 or loser["statecode"] != 0:
        raise Refused(400, "0x80045304", "Merge cannot be performed: one of the records is not active.")


def _check_parents(column: str, winner: Row, loser: Row) -> None:
    if loser[column] is None or loser[column] == winner[column]:
        return
    if winner[column] is None:
        raise Refused(400, "0x80045317", "Merge would lose the parent of the subordinate record.")
    raise Refused(400, "0x80045316", "Merge cannot be performed: the records have different parents.")
