"""The people of the embedded marketing database.

Exports, logs and requests of years ago name people by their ids. So an id is given once, and one that was merged away
leads to whoever has it now.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.projection import decode_fields, encode_all
from tandem.marketing.records import Activity, ActivityType, NewPerson, Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId

_SQL = load_statements("tandem.marketing.embedded")
_PERSON = (
    "id",
    "type",
    "email",
    "external_company_id",
    "external_sales_person_id",
    "team_id",
    "fields",
    "created_at",
    "updated_at",
)
_ACTIVITY = ("person_id", "type", "field", "old", "new", "source", "detail", "at")
_LOGGED = ("id", "person_id", "type", "at", "field", "old", "new", "source", "detail")
_PLAIN_ACTIVITY = ("person_id", "type", "at")
_HIGHEST = 2**63 - 1
"""The highest number a database keeps as an id; whoever types a higher one means nobody."""
_WILDCARD, _ESCAPED = re.compile(r"([%_!])"), r"!\1"
_MERGE = ("add_alias", "move_aliases", "move_activities", "move_roles", "move_opportunities")
_DELETE = (
    "drop_aliases_of_person",
    "drop_activities_of_person",
    "drop_roles_of_person",
    "drop_customer",
    "drop_feed_of_person",
    "delete_person",
)


class EmbeddedPeople:
    """See `tandem.marketing.port.People`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, page: Sequence[NewPerson], *, at: str) -> range:
        if not page:
            return range(0)
        row = self._database.one(_SQL["reserve"], name="person", count=len(page))
        last = row[0] if row else len(page)
        ids = range(last - len(page) + 1, last + 1)
        rows = [(person_id, *person, at, at) for person_id, person in zip(ids, page, strict=True)]
        self._database.insert("person", _PERSON, rows)
        return ids

    def get(self, ids: Iterable[int]) -> dict[PersonId, Person]:
        rows = self._database.all(_SQL["people"], ids=self._database.array(list(ids)))
        return {row[0]: Person._make((*row[:6], bool(row[6]), row[7])) for row in rows}

    def made_at(self, ids: Iterable[int]) -> dict[PersonId, str]:
        return dict(self._database.all(_SQL["people_made_at"], ids=self._database.array(list(ids))))

    def resolve(self, person_id: int) -> PersonId | None:
        if not 0 < person_id <= _HIGHEST:
            return None
        if person_id in self.get([person_id]):
            return PersonId(person_id)
        row = self._database.one(_SQL["person_id_of_alias"], id=person_id)
        return PersonId(row[0]) if row else None

    def find(self, text: str, *, limit: int = 50) -> list[PersonId]:
        wanted = text.strip()
        pattern = f"%{_WILDCARD.sub(_ESCAPED, wanted.lower())}%"
        rows = self._database.all(_SQL["find_people"], text=wanted, pattern=pattern, limit=limit)
        return [row[0] for row in rows]

    def update(self, page: Sequence[Person], *, at: str) -> None:
        rows = [{**person._asdict(), "is_deleted": int(person.is_deleted), "at": at} for person in page]
        self._database.run_many(_SQL["update_person"], rows)

    def merge(self, pairs: Sequence[tuple[PersonId, PersonId]]) -> None:
        rows = [{"loser": loser, "winner": winner} for loser, winner in pairs]
        for name in _MERGE:
            self._database.run_many(_SQL[name], rows)
        self.delete([loser for loser, _ in pairs])

    def delete(self, ids: Sequence[int]) -> None:
        rows = [{"person_id": person_id} for person_id in ids]
        for name in _DELETE:
            self._database.run_many(_SQL[name], rows)

    def log(self, page: Sequence[Activity], *, at: str) -> None:
        rows = [(entry[0], entry.type.value, *entry[2:], at) for entry in page]
        self._database.insert("activity", _ACTIVITY, rows)

    def log_each(self, people: Sequence[int], kind: ActivityType, *, at: str) -> None:
        name = kind.value
        self._database.insert("activity", _PLAIN_ACTIVITY, [(person, name, at) for person in people])

    def activities(self, person_id: PersonId) -> list[dict[str, Any]]:
        names = ("id", "type", "at", "field", "old", "new", "source", "detail")
        rows = self._database.all(_SQL["activities_of"], person_id=person_id)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def logged_after(self, last: int, *, limit: int = 1_000) -> list[dict[str, Any]]:
        rows = self._database.all(_SQL["logged_after"], after=last, limit=limit)
        return [dict(zip(_LOGGED, row, strict=True)) for row in rows]

    def history(self, *, since: str = "", person_id: int | None = None) -> Iterator[dict[str, Any]]:
        if person_id is None:
            rows = self._database.stream(_SQL["export_activities"], since=since)
        else:
            rows = self._database.stream(_SQL["history_of_person"], since=since, person_id=person_id)
        for row in rows:
            yield dict(zip(_LOGGED, row, strict=True))

    def last_logged(self) -> int:
        row = self._database.one(_SQL["last_logged"])
        return int(row[0]) if row else 0

    def count_log(self, person_id: PersonId) -> int:
        row = self._database.one(_SQL["count_activities_of"], person_id=person_id)
        return int(row[0]) if row else 0

    def empty_log(self, *, before: str, limit: int) -> int:
        return self._database.run(_SQL["empty_activities"], older_than=before, limit=limit)

    def merged_into(self, person_id: PersonId) -> list[int]:
        return [row[0] for row in self._database.all(_SQL["merged_into"], person_id=person_id)]

    def note_edit(self, person_id: PersonId, fields: Mapping[str, Any], *, at: str) -> None:
        self.note_edits([(person_id, fields)], at=at)

    def note_edits(self, page: Sequence[tuple[PersonId, Mapping[str, Any]]], *, at: str) -> None:
        rows = [(person_id, at, encode_all(fields)) for person_id, fields in page]
        self._database.insert("change_feed", ("person_id", "at", "fields"), rows)

    def feed(self, *, limit: int = 1_000) -> list[tuple[int, PersonId, dict[str, Any]]]:
        rows = self._database.all(_SQL["read_feed"], limit=limit)
        return [(row[0], row[1], decode_fields(row[3])) for row in rows]

    def edited(self, people: Sequence[int]) -> set[PersonId]:
        rows = self._database.all(_SQL["edited_people"], people=self._database.array(people))
        return {row[0] for row in rows}

    def forget_feed(self, until: int) -> None:
        self._database.run(_SQL["forget_feed"], until=until)

    def count_longer(self, entity: Entity, name: str, length: int) -> int:
        row = self._database.one(_SQL["count_longer_values"], entity=entity.value, name=name, length=length)
        return int(row[0]) if row else 0

    def moves(self, people: Sequence[int], *, since: str) -> dict[tuple[int, str], list[tuple[str | None, str | None]]]:
        kind, found = ActivityType.CHANGE_DATA_VALUE.value, dict[tuple[int, str], list[tuple[str | None, str | None]]]()
        rows = self._database.all(_SQL["moves"], people=self._database.array(people), since=since, type=kind)
        for person, field, source, new in rows:
            found.setdefault((person, field), []).append((source, new))
        return found

    def by_email(self, emails: Sequence[str]) -> dict[str, list[PersonId]]:
        return self._emails("people_by_email", emails)

    def unlinked_by_email(self, emails: Sequence[str]) -> dict[str, list[PersonId]]:
        return self._emails("unlinked_people_by_email", emails)

    def _emails(self, statement: str, emails: Sequence[str]) -> dict[str, list[PersonId]]:
        found: dict[str, list[PersonId]] = {}
        for email, person_id in self._database.all(_SQL[statement], emails=self._database.array(list(emails))):
            found.setdefault(email, []).append(person_id)
        return found
