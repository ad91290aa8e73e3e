"""What is to be written to Dynamics, what is being written, and which fields wait for a person.

An edit that is only known to a running process is lost with it. So whoever may differ is a row here before anything is
sent, a write that was begun is a row until its outcome is known, and a field somebody must decide about is a row until
it is decided.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import msgspec

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.projection import decode_fields, encode_all
from tandem.model.entities import Entity

_SQL = load_statements("tandem.state")


class Lane(IntEnum):
    """How urgent a nomination is: the lower goes first, and no lane waits for the one behind it."""

    FRESH = 0
    RETRY = 1
    BACKFILL = 2


class Nomination(NamedTuple):
    """A person whose record may differ. `marks` tells whether it was nominated again since."""

    person_id: int
    marks: int
    attempts: int


class IntentKind(StrEnum):
    """What a write does."""

    CREATE = "create"
    UPDATE = "update"
    QUALIFY = "qualify"


class Intent(NamedTuple):
    """A write. `sent` holds the values by API name; `owner` is (table, id) of the owner of a record to create."""

    crm_id: str
    entity: Entity
    person_id: int
    kind: IntentKind
    sent: Mapping[str, Any]
    owner: tuple[str, str] | None = None
    action_id: str | None = None


class Nominations:
    """Whom to look at again. Nominating somebody twice is one nomination, in the more urgent lane."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, people: Iterable[int], lane: Lane, *, at: str) -> None:
        """Nominate people."""
        rows = [{"person_id": person, "lane": lane.value, "at": at} for person in sorted(set(people))]
        self._database.run_many(_SQL["nominate"], rows)

    def add_unsent(self, entity: Entity, lane: Lane, *, at: str) -> int:
        """Nominate everybody of a table who differs, and return how many: what may be sent has changed."""
        return self._database.run(_SQL["nominate_unsent"], entity=entity.value, lane=lane.value, at=at)

    def add_failed(self, lane: Lane, *, at: str) -> int:
        """Nominate everybody whose last write was refused, and return how many."""
        return self._database.run(_SQL["nominate_failed"], lane=lane.value, at=at)

    def next(self, *, limit: int, but: Collection[int] = ()) -> list[Nomination]:
        """The most urgent, those tried in vain last, oldest first; `but`: not these people, tried in this cycle."""
        skipped = self._database.array(list(but))
        return [Nomination(*row) for row in self._database.all(_SQL["nominated"], limit=limit, but=skipped)]

    def one(self, person_id: int) -> Nomination | None:
        """One person's nomination."""
        row = self._database.one(_SQL["nominated_one"], person_id=person_id)
        return Nomination(*row) if row else None

    def drop(self, entity: Entity) -> None:
        """Nobody of this table is looked at again until something changes."""
        self._database.run(_SQL["drop_nominations"], entity=entity.value)

    def settle(self, page: Iterable[Nomination]) -> None:
        """These were looked at; one nominated again meanwhile stays."""
        rows = [{"person_id": each.person_id, "marks": each.marks} for each in page]
        self._database.run_many(_SQL["settle_nomination"], rows)

    def tried(self, page: Iterable[Nomination]) -> None:
        """These were tried in vain and stay."""
        self._database.run_many(_SQL["count_attempt"], [{"person_id": each.person_id} for each in page])

    def count(self) -> int:
        """How many people are nominated."""
        row = self._database.one(_SQL["count_nominations"])
        return int(row[0]) if row else 0

    def of_people(self, people: Collection[int]) -> dict[int, tuple[Lane, int, str]]:
        """The nominations of these people, as (lane, attempts, since when)."""
        rows = self._database.all(_SQL["nominations_of_people"], people=self._database.array(list(people)))
        return {row[0]: (Lane(row[1]), row[2], row[3]) for row in rows}


class Intents:
    """Writes that are wanted or under way. One at a time for a person, and for a record; the database enforces it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def want(self, intent: Intent, *, at: str) -> None:
        """Store a write that is to be sent when the person is looked at."""
        self._insert([intent], 0, at)

    def begin(self, page: Sequence[Intent], *, at: str) -> None:
        """Store writes, before the first byte of them is sent."""
        known = self.of_people([each.person_id for each in page])
        self._insert([each for each in page if each.person_id not in known], 1, at)
        self._mark([each for each in page if each.person_id in known], 1, at)

    def not_begun(self, page: Sequence[Intent], *, at: str) -> None:
        """These were certainly not carried out; they are wanted still."""
        self._mark(page, 0, at)

    def end(self, page: Iterable[Intent]) -> None:
        """What became of these is known and stored."""
        rows = [{"crm_id": each.crm_id, "entity": each.entity.value} for each in page]
        self._database.run_many(_SQL["end_intent"], rows)

    def begun(self) -> list[Intent]:
        """Every write whose outcome is not known."""
        return [_intent(row) for row in self._database.all(_SQL["begun_intents"])]

    def wanted(self) -> list[Intent]:
        """Every write that is to be sent when its person is looked at."""
        return [_intent(row) for row in self._database.all(_SQL["wanted_intents"])]

    def of_people(self, people: Collection[int]) -> dict[int, Intent]:
        """The writes of these people, wanted or under way, by person."""
        if not people or not self._any():
            return {}
        rows = self._database.all(_SQL["intents_of_people"], people=self._database.array(list(people)))
        return {row[2]: _intent(row) for row in rows}

    def creating(self, entity: Entity, ids: Collection[str]) -> dict[str, Intent]:
        """The creations among these records, by id."""
        if not ids or not self._any():
            return {}
        rows = self._database.all(_SQL["creating"], entity=entity.value, ids=self._database.array(list(ids)))
        return {row[0]: _intent(row) for row in rows}

    def _any(self) -> bool:
        # Asked for every page of new rows; mostly nothing is being written, and that is told by one look.
        row = self._database.one(_SQL["anything_begun"])
        return bool(row and row[0])

    def _insert(self, page: Sequence[Intent], begun: int, at: str) -> None:
        columns = ("crm_id", "entity", "person_id", "kind", "sent", "owner", "action_id", "begun", "at")
        self._database.insert("intent", columns, [(*_stored(each), begun, at) for each in page])

    def _mark(self, page: Sequence[Intent], begun: int, at: str) -> None:
        rows = [
            {
                "crm_id": each.crm_id,
                "entity": each.entity.value,
                "sent": encode_all(each.sent),
                "begun": begun,
                "at": at,
            }
            for each in page
        ]
        self._database.run_many(_SQL["begin_intent"], rows)


class HeldFields:
    """Fields of people that move in neither direction until a hold is settled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hold(self, page: Iterable[tuple[int, str]], hold_id: int) -> None:
        """Hold (person, field); one that is held already stays under its hold."""
        rows = [{"person_id": person, "field": field, "hold_id": hold_id} for person, field in page]
        self._database.run_many(_SQL["hold_field"], rows)

    def of_people(self, people: Collection[int]) -> dict[int, set[str]]:
        """The held fields of these people."""
        found: dict[int, set[str]] = {}
        for person, field in self.holds_of_people(people):
            found.setdefault(person, set()).add(field)
        return found

    def holds_of_people(self, people: Collection[int]) -> dict[tuple[int, str], int]:
        """The holds that the held fields of these people are under, by (person, field)."""
        # Asked for every page of changes; mostly nothing is held, and that is told by one look.
        anything = self._database.one(_SQL["anything_held"])
        if not people or not anything or not anything[0]:
            return {}
        rows = self._database.all(_SQL["held_fields"], people=self._database.array(list(people)))
        return {(row[0], row[1]): row[2] for row in rows}

    def under(self, hold_id: int, *, limit: int = 5_000) -> list[tuple[int, str]]:
        """(person, field) under one hold, a page of them."""
        return [(row[0], row[1]) for row in self._database.all(_SQL["fields_under"], hold_id=hold_id, limit=limit)]

    def count(self, hold_id: int) -> int:
        """How many fields are under one hold."""
        row = self._database.one(_SQL["count_held_fields"], hold_id=hold_id)
        return int(row[0]) if row else 0

    def release(self, page: Iterable[tuple[int, str]]) -> None:
        """These fields move again."""
        rows = [{"person_id": person, "field": field} for person, field in page]
        self._database.run_many(_SQL["release_field"], rows)


class StoredAction(NamedTuple):
    """What is kept of an action. `arguments` and `details` are JSON or None; `at` is when it was asked for."""

    kind: str
    person_id: int
    state: str
    outcome: str | None
    arguments: str | None
    details: str | None
    at: str


class Actions:
    """What somebody asked for, each under its own id: the same id never acts twice (behaviour section 5)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, action_id: str, kind: str, person_id: int, *, at: str, arguments: str | None = None) -> bool:
        """Note that an action begins; False where this id is known already."""
        row = {"id": action_id, "kind": kind, "person_id": person_id, "arguments": arguments, "at": at}
        return self._database.run(_SQL["begin_action"], **row) == 1

    def note(self, action_id: str, details: str) -> None:
        """Keep the ids that the action chose or was given; JSON, in place of what was kept before."""
        self._database.run(_SQL["note_action"], id=action_id, details=details)

    def settle(self, action_id: str, state: str, outcome: str, *, at: str) -> None:
        """The action is `done` or `refused`."""
        self._database.run(_SQL["settle_action"], id=action_id, state=state, outcome=outcome, at=at)

    def of(self, action_id: str) -> StoredAction | None:
        """One action."""
        row = self._database.one(_SQL["action"], id=action_id)
        return StoredAction(*row) if row else None

    def begun(self, *, limit: int, after: Sequence[str] = ("", "")) -> list[tuple[str, str]]:
        """The actions whose outcome is not known yet as (asked at, id), oldest first; `after` is one of these."""
        at, action_id = after
        return [(row[0], row[1]) for row in self._database.all(_SQL["begun_actions"], at=at, id=action_id, limit=limit)]

    def count_begun(self) -> list[tuple[str, int, str]]:
        """How many outcomes are not known yet, as (kind, count, asked at: the oldest)."""
        return [(row[0], row[1], row[2]) for row in self._database.all(_SQL["count_begun_actions"])]

    def begun_of_kind(self, kind: str, *, limit: int) -> list[tuple[str, int, str]]:
        """The oldest of these, as (id, person, asked at)."""
        rows = self._database.all(_SQL["begun_actions_of_kind"], kind=kind, limit=limit)
        return [(row[0], row[1], row[2]) for row in rows]


def _stored(intent: Intent) -> tuple[object, ...]:
    owner = msgspec.json.encode(intent.owner).decode() if intent.owner else None
    crm_id, entity, person, kind = intent[:4]
    return (crm_id, entity.value, person, kind.value, encode_all(intent.sent), owner, intent.action_id)


def _intent(row: Sequence[Any]) -> Intent:
    owner = tuple(msgspec.json.decode(row[5])) if row[5] else None
    return Intent(row[0], Entity(row[1]), row[2], IntentKind(row[3]), decode_fields(row[4]), owner, row[6])
