"""Who takes part in an activity: its owner and what it regards are parties too (reference 8.8).

A reader who joins activities to people by their parties would find no task without them. [k]
"""

from typing import Final
from uuid import uuid4

from tandem.sandbox.store.organisation import Organisation
from tandem.sandbox.tables import TableDefinition
from tandem.sandbox.writing.payload import reference

REGARDING: Final = 8
OWNER: Final = 9
_KEPT = {REGARDING: "regardingobjectid", OWNER: "ownerid"}


def keep_parties(organisation: Organisation, table: TableDefinition, activity_id: str, *, actor: str) -> None:
    """Let the owner and the regarded row of an activity be its parties; the caller holds the transaction."""
    parties = organisation.tables["activityparty"]
    row = organisation.get(table.name, activity_id) or {}
    kept = {}
    for party_id in organisation.find(parties.name, "activityid", activity_id):
        party = organisation.get(parties.name, party_id) or {}
        kept[party["participationtypemask"]] = party
    for mask, column in _KEPT.items():
        wanted = (row[column], row[f"{column}_type"])
        known = kept.get(mask)
        if known is not None and (known["partyid"], known["partyid_type"]) == wanted:
            continue
        if known is not None:
            organisation.delete(parties.name, str(known["activitypartyid"]), actor=actor)
        if wanted[0] is not None:
            values = {
                **reference(parties.columns["activityid"], table.name, activity_id),
                **reference(parties.columns["partyid"], str(wanted[1]), str(wanted[0])),
                "participationtypemask": mask,
            }
            organisation.insert(parties.name, str(uuid4()), values, actor=actor)
