"""The activity log as it is handed to other programs: every entry once, values as they are stored.

An analysis that joins this log with exported people must find the same ids and the same values; so an entry says
which person it is about by the id of today, codes stay codes, and an empty value is none.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from tandem.mapping.projection import decode_value
from tandem.model.ids import PersonId
from tandem.runtime.subscription import Subscription
from tandem.sync.edits import UnknownPerson

COLUMNS = ("id", "personId", "type", "at", "field", "old", "new", "source", "detail")
"""What an entry holds, in order; `detail` is an object that differs by type."""


def read_activities(
    subscription: Subscription, *, since: datetime | None = None, person: int | None = None
) -> Iterator[dict[str, Any]]:
    """The log of everybody, or of one person (by an id merged away as well), oldest first, a few entries at a time.

    `since` is UTC. Of a deleted person only the entry that says so is left. Raises UnknownPerson.
    """
    people = subscription.marketing.people
    if person is not None:
        here = people.resolve(person)
        if here is None and not people.activities(PersonId(person)):
            raise UnknownPerson(f"There is no person {person}, and there was none.", person=person)
        person = here or person
    return map(_exported, people.history(since=f"{since:%Y-%m-%dT%H:%M:%SZ}" if since else "", person_id=person))


def _exported(entry: dict[str, Any]) -> dict[str, Any]:
    old, new, detail = decode_value(entry["old"]), decode_value(entry["new"]), entry["detail"]
    values = (*(entry[name] for name in ("id", "person_id", "type", "at", "field")), old, new, entry["source"])
    return dict(zip(COLUMNS, (*values, msgspec.json.decode(detail) if detail else None), strict=True))
