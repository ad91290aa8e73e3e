"""Which person a contact belongs to when a lead was qualified (rules P11, D9).

QualifyLead makes a contact that Tandem did not make, for a human marketing already knows. Taking it for a new person
doubles the human and cuts the history; the two tables are read as separate streams, so either may come first.

    lead       | its person is free | read again | outcome
    -----------+--------------------+------------+--------------------------------------------------------------------
    live       | yes                | -          | SAME_PERSON  the lead's link is superseded, the person goes on
    live       | no                 | -          | NEW_PERSON   another contact took the person a moment ago
    severed    | yes                | -          | SAME_PERSON  the lead was deleted; the person is still that human
    severed    | no                 | -          | NEW_PERSON   the person is linked to another record by now
    parked     | -                  | -          | NEW_PERSON   the lead's filter says No: No + Yes is a new person (D9)
    excluded   | -                  | -          | NEW_PERSON   the lead's filter says No: No + Yes is a new person (D9)
    superseded | -                  | -          | NEW_PERSON   a second contact from one lead
    removed    | -                  | -          | NEW_PERSON   the lead's person was deleted in marketing (P9)
    none       | -                  | no         | WAIT         the lead was never seen; its stream may still bring it
    none       | -                  | yes        | NEW_PERSON   a read begun after the contact's is done: no such lead

A lead's filter says what it said when the lead was read last, as it does for the lead itself (D8): one that is turned
to No and qualified between the reads of the two tables still says Yes to the contact that comes first. To be surer,
every page of contacts would have to ask for its leads.

A lead that is Qualified and names a contact in `parentcontactid` (qualified into an existing contact) reaches the same
outcome from the other side: a contact without a person takes the lead's; where both have one, they merge and the
contact's person wins.
"""

from enum import StrEnum

from tandem.rules.presence import LinkState

QUALIFIED = 1
"""`lead.statecode` of a qualified lead (reference 8.1)."""


class Qualified(StrEnum):
    """What a new contact does with the lead it names."""

    SAME_PERSON = "same-person"
    NEW_PERSON = "new-person"
    WAIT = "wait"


def decide_contact(state: LinkState, *, has_person: bool, read_again: bool) -> Qualified:
    """One row of the table above, `state` being that of the lead the contact names, merges followed to the end.

    `read_again`: the lead stream has finished a read begun after the contact's row was read.
    """
    match state:
        case LinkState.NONE:
            return Qualified.NEW_PERSON if read_again else Qualified.WAIT
        case LinkState.LIVE | LinkState.SEVERED if has_person:
            return Qualified.SAME_PERSON
        case _:
            return Qualified.NEW_PERSON
