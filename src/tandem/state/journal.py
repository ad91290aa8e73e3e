"""What people are shown: errors by cause, collisions with both values, holds, and the history of cycles.

A failure that nobody is shown lasts, and a value that lost and cannot be found is lost indeed. So each is one row from
the moment it happens, in the transaction of what it belongs to.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.projection import encode_value
from tandem.model.entities import Entity
from tandem.model.errors import TandemError
from tandem.rules.fields import Collision, Winner

_SQL = load_statements("tandem.state")
_ERROR = (
    "id",
    "cause",
    "entity",
    "crm_id",
    "person_id",
    "operation",
    "direction",
    "level",
    "code",
    "field",
    "message",
    "advice",
    "state",
    "times",
    "first_at",
    "last_at",
)


_CONFLICT = (
    "id",
    "person_id",
    "external_company_id",
    "field",
    "base",
    "marketing",
    "crm",
    "winner",
    "rule",
    "at",
    "state",
)
_HOLD = ("id", "kind", "entity", "person_id", "field", "count", "known", "brake", "state", "at", "settled_at")
_FOR_EVER = "9999-12-31T23:59:59Z"
_NO_ID = 2**62
"""Above every id."""
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Work kept back by a brake until a person approves or cancels it (R6)."""

    id: int
    kind: str
    entity: Entity
    person_id: int | None
    field: str | None
    count: int
    known: int
    brake: int
    state: str
    at: str
    settled_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Records that failed for one cause; `message` and `advice` are one record's."""

    entity: Entity
    operation: str
    code: str
    message: str
    advice: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollisionFilter:
    """Which collisions are meant; what is None narrows nothing.

    `since` and `until` are the first and the last second, as times are stored; `winner` is the side that won.
    """

    person_id: int | None = None
    field: str | None = None
    rule: str | None = None
    winner: Winner | None = None
    since: str | None = None
    until: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) is not None for each in fields(self))

    def parameters(self) -> dict[str, Any]:
        """What the statements call it."""
        return {
            "field": self.field or "",
            "rule": self.rule or "",
            "winner": self.winner.value if self.winner else "",
            "since": self.since or "",
            "last": self.until or _FOR_EVER,
        }


_ALL = CollisionFilter()


class Journal:
    """Errors, collisions, holds and cycles of one subscription."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_error(
        self,
        problem: TandemError,
        *,
        entity: Entity,
        operation: str,
        at: str,
        direction: str = "pull",
        level: str = "job",
        crm_id: str | None = None,
        person_id: int | None = None,
    ) -> None:
        """Record a failure; the same failure again raises its count."""
        field = problem.context.get("field")
        cause = hashlib.sha256(f"{entity.value}|{operation}|{problem.code}|{field}".encode()).hexdigest()[:16]
        self._database.run(
            _SQL["put_error"],
            cause=cause,
            entity=entity.value,
            crm_id=crm_id,
            person_id=person_id,
            operation=operation,
            direction=direction,
            level=level,
            code=problem.code,
            field=field,
            message=problem.message,
            advice=problem.remedy,
            at=at,
        )

    def errors(self) -> list[dict[str, Any]]:
        """Every error kept, newest first."""
        return [dict(zip(_ERROR, row, strict=True)) for row in self._database.all(_SQL["errors"])]

    def set_error_states(self, ids: Collection[int], state: str) -> None:
        """Mark these errors `ignored` or `open`, but for those that healed meanwhile."""
        self._database.run(_SQL["set_error_states"], ids=self._database.array(list(ids)), state=state)

    def failures(self, people: Collection[int]) -> dict[int, list[tuple[int, str, str | None]]]:
        """What failed for these people on the way to Dynamics and is not healed, as (error id, code, field)."""
        found: dict[int, list[tuple[int, str, str | None]]] = {}
        for row in self._database.all(_SQL["failures_of_people"], people=self._database.array(list(people))):
            found.setdefault(row[0], []).append((row[1], row[2], row[3]))
        return found

    def push_errors(self, people: Collection[int]) -> dict[int, list[dict[str, Any]]]:
        """What failed for these people on the way to Dynamics and is not healed, in full, by person."""
        found: dict[int, list[dict[str, Any]]] = {}
        for row in self._database.all(_SQL["push_errors_of_people"], people=self._database.array(list(people))):
            error = dict(zip(_ERROR, row, strict=True))
            found.setdefault(error["person_id"], []).append(error)
        return found

    def heal_errors(self, ids: Collection[int]) -> None:
        """The causes of these errors have gone."""
        self._database.run_many(_SQL["heal_error"], [{"id": each} for each in ids])

    def heal(self, entity: Entity) -> None:
        """The table was read without trouble: its job errors have gone."""
        self._database.run(_SQL["heal_job_errors"], entity=entity.value)

    def count_errors(self) -> dict[tuple[str, str], int]:
        """Open errors by (entity, level), but for those that only wait for a record to be reactivated (P17)."""
        return {(row[0], row[1]): row[2] for row in self._database.all(_SQL["count_errors"])}

    def failed_since(self, since: str) -> list[Failures]:
        """The records that failed since then and are not healed, by cause, the most frequent first; but for those that
        only wait to be reactivated (P17)."""
        return [
            Failures(
                entity=Entity(row[0]), operation=row[1], code=row[2], message=row[3], advice=row[4], records=row[5]
            )
            for row in self._database.all(_SQL["failed_since"], since=since)
        ]

    def add_collisions(
        self,
        page: Sequence[tuple[int | None, str | None, Collision]],
        *,
        at: str,
    ) -> None:
        """Keep the losing values, as (person id, external company id, collision)."""
        rows = [
            {
                "person_id": person_id,
                "external_company_id": company_id,
                "field": each.field,
                "base": encode_value(each.base),
                "marketing": encode_value(each.marketing),
                "crm": encode_value(each.crm),
                "winner": each.winner.value,
                "rule": each.rule,
                "at": at,
                "state": "held" if each.winner is Winner.NOBODY else "settled",
            }
            for person_id, company_id, each in page
        ]
        self._database.run_many(_SQL["add_conflicts"], rows)

    def collisions(self, wanted: CollisionFilter = _ALL, *, limit: int = 1_000) -> list[dict[str, Any]]:
        """The journalled collisions that are wanted: those that are held first, then the newest."""
        given = wanted.parameters()
        if wanted.person_id is None:
            rows = self._database.all(_SQL["conflicts"], **given, limit=limit)
        else:
            rows = self._database.all(_SQL["conflicts_of_person"], **given, person_id=wanted.person_id, limit=limit)
        return [dict(zip(_CONFLICT, row, strict=True)) for row in rows]

    def restorable(
        self, wanted: CollisionFilter, *, before: int | None = None, limit: int = 500
    ) -> list[dict[str, Any]]:
        """Collisions whose losing value can be given back, the newest first, with ids below `before`.

        Of several collisions of one field of a person only the last one is among them.
        """
        rows = self._database.all(
            _SQL["restorable_conflicts"],
            **wanted.parameters(),
            person_id=wanted.person_id or 0,
            before=_NO_ID if before is None else before,
            limit=limit,
        )
        return [dict(zip(_CONFLICT, row, strict=True)) for row in rows]

    def collision(self, collision_id: int) -> dict[str, Any] | None:
        """One journalled collision."""
        row = self._database.one(_SQL["conflict"], id=collision_id)
        return dict(zip(_CONFLICT, row, strict=True)) if row else None

    def settle_collisions(self, page: Sequence[tuple[int, str]], winner: str) -> None:
        """A person settled the held collisions of these (person, field)."""
        rows = [{"person_id": person, "field": field, "winner": winner} for person, field in page]
        self._database.run_many(_SQL["settle_conflict"], rows)

    def set_collision_state(self, collision_id: int, state: str) -> bool:
        """Mark a collision `restored` or `settled`; False where there is no such collision."""
        return self._database.run(_SQL["set_conflict_state"], id=collision_id, state=state) == 1

    def add_hold(
        self,
        kind: str,
        entity: Entity,
        *,
        count: int,
        known: int,
        brake: int,
        at: str,
        person_id: int | None = None,
        field: str | None = None,
    ) -> int:
        """Open a hold and return its id; one on a single field of a person names both."""
        row = self._database.one(
            _SQL["add_hold"],
            kind=kind,
            entity=entity.value,
            person_id=person_id,
            field=field,
            count=count,
            known=known,
            brake=brake,
            at=at,
        )
        return int(row[0]) if row else 0

    def open_hold(self, kind: str, entity: Entity, *, field: str | None = None) -> int | None:
        """The id of an open hold of this kind on `entity`, or on one field of everybody in it."""
        row = self._database.one(_SQL["open_hold"], kind=kind, entity=entity.value, field=field or "")
        return int(row[0]) if row else None

    def open_holds(self, kind: str, entity: Entity) -> list[Hold]:
        """The open holds of this kind on `entity`."""
        return [_hold(row) for row in self._database.all(_SQL["open_holds"], kind=kind, entity=entity.value)]

    def set_hold_counts(self, hold_id: int, *, count: int, known: int, brake: int) -> None:
        """What is held, out of how many, and the limit that was passed."""
        self._database.run(_SQL["set_hold_counts"], id=hold_id, count=count, known=known, brake=brake)

    def settle_field_hold(self, person_id: int, field: str, *, at: str) -> None:
        """What a hold on one field of a person was about has settled itself."""
        self._database.run(_SQL["settle_field_hold"], person_id=person_id, field=field, at=at)

    def settled_at(self, kind: str, person_id: int, field: str) -> str | None:
        """When a hold of this kind on one field of a person was settled for the last time."""
        row = self._database.one(_SQL["field_hold_settled_at"], person_id=person_id, field=field, kind=kind)
        return row[0] if row else None

    def holds(self) -> list[Hold]:
        """Every hold, oldest first."""
        return [_hold(row) for row in self._database.all(_SQL["holds"])]

    def braked(self) -> list[Hold]:
        """The open holds on more than one person's field, oldest first."""
        return [_hold(row) for row in self._database.all(_SQL["braked"])]

    def settle_hold(self, hold_id: int, state: str, *, at: str) -> bool:
        """Approve or cancel an open hold; False where it is not open."""
        return self._database.run(_SQL["settle_hold"], id=hold_id, state=state, at=at) == 1

    def begin_cycle(self, *, at: str) -> int:
        """A cycle begins; return its number."""
        row = self._database.one(_SQL["begin_cycle"], at=at, counts="{}")
        return int(row[0]) if row else 0

    def end_cycle(self, cycle: int, *, outcome: str, requests: int, counts: Mapping[str, Any], at: str) -> None:
        """A cycle ended."""
        text = msgspec.json.encode(counts).decode()
        self._database.run(_SQL["end_cycle"], id=cycle, outcome=outcome, requests=requests, counts=text, at=at)

    def last_cycle(self, *, finished: bool = False) -> dict[str, Any] | None:
        """The newest cycle, or the newest that came to its end, its counts decoded."""
        row = self._database.one(_SQL["last_finished_cycle" if finished else "last_cycle"])
        if row is None:
            return None
        names = ("id", "begun_at", "ended_at", "outcome", "requests", "counts")
        cycle = dict(zip(names, row, strict=True))
        cycle["counts"] = msgspec.json.decode(cycle["counts"])
        return cycle

    def last_good_cycle(self) -> str | None:
        """When a cycle last came to its end as it should; single tables may have failed in it."""
        row = self._database.one(_SQL["last_good_cycle"])
        return row[0] if row else None

    def cycles_since(self, since: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The cycles that ended since then, the newest first, as (when, counts); by the page."""
        before = _NO_ID
        while rows := self._database.all(_SQL["cycles_before"], before=before, limit=_PAGE):
            for _number, ended_at, counts in rows:
                if ended_at < since:
                    return
                yield ended_at, msgspec.json.decode(counts)
            before = rows[-1][0]

    def failing_since(self) -> str | None:
        """When the first cycle began that failed since the last good one; None where none failed."""
        row = self._database.one(_SQL["failing_since"])
        return row[0] if row else None


def _hold(row: Sequence[Any]) -> Hold:
    values = dict(zip(_HOLD, row, strict=True))
    return Hold(**{**values, "entity": Entity(values["entity"])})
