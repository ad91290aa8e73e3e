"""Says in a person's log what became of sending it to Dynamics (behaviour sections 0 and 5).

A marketer looks there first. Whoever carries a creation or a qualification to its end, the action, the next cycle or
the one after a crash, says the same in the same words.
"""

from typing import Any

import msgspec

from tandem.marketing.records import BY_HAND, Activity, ActivityType
from tandem.model.entities import Entity
from tandem.model.ids import PersonId

ALREADY_LINKED = "already linked"
"""The outcome where the person has its record: there is nothing to do."""


def sent_person(
    person: PersonId,
    entity: Entity,
    outcome: str,
    *,
    owner: str | None = None,
    reason: str | None = None,
    field: str | None = None,
) -> Activity:
    """The entry Sync Person to Microsoft; `owner` is the id of the owner asked for, `field` the one that failed."""
    detail: dict[str, Any] = {"as": entity.value, "outcome": outcome, "owner": owner}
    if reason is not None:
        detail["reason"] = reason
    text = msgspec.json.encode(detail).decode()
    return Activity(person, ActivityType.SYNC_PERSON, field, source=BY_HAND, detail=text)


def failed_person(person: PersonId, entity: Entity, reason: str, *, field: str | None = None) -> Activity:
    """The same, where it was refused."""
    return sent_person(person, entity, "failed", reason=reason, field=field)
