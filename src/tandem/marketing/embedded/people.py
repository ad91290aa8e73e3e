"""The people of the embedded marketing database."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.projection import decode_fields, encode_all
from tandem.marketing.port import Activity, ActivityType, NewPerson, Person
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
_PLAIN_ACTIVITY = ("person_id", "type", "at")
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

    def resolve(self, person_id: int) -> PersonId | None:
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
        names = ("id", "person_id", "type", "at", "field", "old", "new", "source", "detail")
        rows = self._database.all(_SQL["logged_after"], after=last, limit=limit)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def last_logged(self) -> int:
        row = self._database.one(_SQL["last_logged"])
        return int(row[0]) if row else 0

    def note_edit(self, person_id: PersonId, fields: Mapping[str, Any], *, at: str) -> None:
        self._database.run(_SQL["feed"], person_id=person_id, at=at, fields=encode_all(fields))

    def feed(self, *, limit: int = 1_000) -> list[tuple[int, PersonId, dict[str, Any]]]:
        rows = self._database.all(_SQL["read_feed"], limit=limit)
        return [(row[0], row[1], decode_fields(row[3])) for row in rows]

    def edited(self, people: Sequence[int]) -> set[PersonId]:
        rows = self._database.all(_SQL["edited_people"], people=self._database.array(people))
        return {row[0] for row in rows}

    def forget_feed(self, until: int) -> None:
        self._database.run(_SQL["forget_feed"], until=until)

    def moves(self, people: Sequence[int], *, since: str) -> dict[tuple[int, str], list[tuple[str | None, str | None]]]:
        kind, found = ActivityType.CHANGE_DATA_VALUE.value, dict[tuple[int, str], list[tuple[str | None, str | None]]]()
        rows = self._database.all(_SQL["moves"], people=self._database.array(people), since=since, type=kind)
        for person, field, source, new in rows:
            found.setdefault((person, field), []).append((source, new))
        return found

    def unlinked_by_email(self, emails: Sequence[str]) -> dict[str, list[PersonId]]:
        found: dict[str, list[PersonId]] = {}
        for email, person_id in self._database.all(_SQL["people_by_email"], emails=self._database.array(list(emails))):
            found.setdefault(email, []).append(person_id)
        return found
