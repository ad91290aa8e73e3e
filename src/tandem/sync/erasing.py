"""Erases a person: every value of it goes from everywhere Tandem keeps any (rules P9, R2).

A person who asks to be forgotten has values in more places than its row: what lost a collision, what failed and with
which words, what was asked for, what was told of it. All of it goes in one transaction, so that a kill leaves either
everything or nothing. What stays are ids: of the person, that its number is not given again; of its records in
Dynamics, that they never bring it back; of requests, that none acts twice.

    what it is                                         | what becomes of it
    ---------------------------------------------------+-------------------------------------------------------------
    the person, its log, roles, edits, merged ids      | deleted; the log keeps one entry, without a value
    links and their bases                              | ids alone, set aside for ever
    collisions, errors, holds, waiting references      | deleted
    writes and requests                                | withdrawn; arguments and outcomes emptied
    its custom objects                                 | ids alone: what Dynamics tells of them is not kept
    notices that quote it                              | their text is replaced

Nothing is changed in Dynamics.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tandem.database.port import Database
from tandem.mapping.projection import decode_fields
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import Person
from tandem.model.entities import Entity
from tandem.state import SyncState
from tandem.state.notices import Notice
from tandem.sync.edits import person_here
from tandem.sync.removing import Removing

_OUTCOME = "the person was erased"
_TEXT = "This notice spoke of a person who was erased."
_SHORTEST = 4
"""Shorter values are found in any text; a code or a yes is nobody's secret."""
_NOTICES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, or would be: rows by what they are, and the ids that stay. It holds no value of the person.

    `records` are the person's in Dynamics, as (table, id); they are untouched there.
    """

    person: int
    merged: list[int]
    records: list[tuple[Entity, str]]
    removed: dict[str, int]


class Erasing:
    """Erases people from one subscription's databases."""

    def __init__(self, database: Database, marketing: MarketingDatabase, state: SyncState) -> None:
        self._database = database
        self._marketing = marketing
        self._state = state

    def preview(self, person_id: int) -> Erased:
        """What `erase` would remove. Raises UnknownPerson."""
        return self._found(person_here(self._marketing, person_id))

    def erase(self, person_id: int, *, at: str) -> Erased:
        """Erase a person. Raises UnknownPerson or WriteUnderWay; nothing is changed then."""
        with self._database.transaction():
            person = person_here(self._marketing, person_id)
            found = self._found(person)
            notices = self._telling_of(person)
            Removing(self._database, self._marketing, self._state).delete(person.id, at=at, never_return=True)
            self._state.forgetting.erase(
                [person.id, *found.merged], [record for _, record in found.records], outcome=_OUTCOME
            )
            self._state.forgetting.rewrite_notices({each.id: (_TEXT, "") for each in notices})
        return found

    def _found(self, person: Person) -> Erased:
        merged = self._marketing.people.merged_into(person.id)
        records = [(link.entity, link.crm_id) for link in self._state.links.of_person(person.id)]
        removed = {
            "people": 1,
            "activities": self._marketing.people.count_log(person.id),
            "opportunity roles": len(self._marketing.mirrors.roles_of(person.id)),
            "custom objects": sum(map(len, self._state.customs.of_person(person.id).values())),
            **self._state.forgetting.count([person.id, *merged], [record for _, record in records]),
            "notices": len(self._telling_of(person)),
        }
        return Erased(person=person.id, merged=merged, records=records, removed=removed)

    def _telling_of(self, person: Person) -> list[Notice]:
        """The notices in which a value of the person is quoted, as Dynamics' own words may."""
        values = set(_texts(decode_fields(person.fields).values()))
        return [
            notice
            for notice in self._state.notices.newest(limit=_NOTICES)
            if any(each in text for each in values for text in (notice.message.lower(), notice.advice.lower()))
        ]


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        text = str(value).strip().lower() if isinstance(value, str) else ""
        if len(text) >= _SHORTEST:
            yield text
