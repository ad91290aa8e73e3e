"""What *Sync Person to Microsoft* does to a person (rules F1, P2, P10, D8).

A marketer asks for it in campaigns, again and again and for people in every state. Making a record for somebody who
has one doubles a human; refusing somebody who is linked already makes a campaign fail for nothing.

    link      | record  | asked for as | tables read | outcome
    ----------+---------+--------------+-------------+--------------------------------------------------------------
    live      | lead    | contact      | yes         | QUALIFY      the lead becomes a contact, the person stays one
    live      | lead    | contact      | no          | UNREADABLE   refused: what became of it could not be seen
    live      | lead    | lead         | -           | NOTHING      linked already
    live      | contact | -            | -           | NOTHING      linked already; a contact never becomes a lead
    parked    | -       | -            | -           | PARKED       refused: nothing moves while the filter says No
    any other | -       | -            | yes         | CREATE       only in marketing, or deleted in Dynamics
    any other | -       | -            | no          | UNREADABLE   refused: what became of it could not be seen

"Asked for as" nothing means: as what the person is, else as a lead. "Tables read": those of the record the person has
and of the one it is to have.
"""

from enum import StrEnum

from tandem.model.entities import Entity
from tandem.rules.presence import LinkState


class SyncPerson(StrEnum):
    """What is to be done for one person."""

    CREATE = "create"
    QUALIFY = "qualify"
    NOTHING = "nothing"
    PARKED = "parked"
    UNREADABLE = "unreadable"


def decide_sync_person(link: LinkState, *, record: Entity | None, wanted: Entity, read: bool) -> SyncPerson:
    """One row of the table above; `record` is the table of a linked person's record."""
    if link is LinkState.PARKED:
        return SyncPerson.PARKED
    if link is LinkState.LIVE and (record, wanted) != (Entity.LEAD, Entity.CONTACT):
        return SyncPerson.NOTHING
    if not read:
        return SyncPerson.UNREADABLE
    return SyncPerson.QUALIFY if link is LinkState.LIVE else SyncPerson.CREATE
