"""What people are shown: errors by cause, collisions with both values, holds, and the history of cycles."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.mapping.projection import encode_value
from tandem.model.entities import Entity
from tandem.model.errors import TandemError
from tandem.rules.fields import Collision

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Work kept back by a brake until a person approves or cancels it (R6)."""

    id: int
    kind: str
    entity: Entity
    count: int
    known: int
    brake: int
    state: str
    at: str
    settled_at: str | None


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
        level: str = "job",
        crm_id: str | None = None,
        person_id: int | None = None,
    ) -> None:
        """Record a failure of the pull; the same failure again raises its count."""
        field = problem.context.get("field")
        cause = hashlib.sha256(f"{entity.value}|{operation}|{problem.code}|{field}".encode()).hexdigest()[:16]
        self._database.run(
            _SQL["put_error"],
            cause=cause,
            entity=entity.value,
            crm_id=crm_id,
            person_id=person_id,
            operation=operation,
            direction="pull",
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

    def set_error_state(self, error_id: int, state: str) -> bool:
        """Mark an error `ignored`, `healed` or `open`; False where there is no such error."""
        return self._database.run(_SQL["set_error_state"], id=error_id, state=state) == 1

    def heal(self, entity: Entity) -> None:
        """The table was read without trouble: its job errors have gone."""
        self._database.run(_SQL["heal_job_errors"], entity=entity.value)

    def count_errors(self) -> dict[tuple[str, str], int]:
        """Open errors by (entity, level)."""
        return {(row[0], row[1]): row[2] for row in self._database.all(_SQL["count_errors"])}

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
            }
            for person_id, company_id, each in page
        ]
        self._database.run_many(_SQL["add_conflicts"], rows)

    def collisions(self) -> list[dict[str, Any]]:
        """Every journalled collision, oldest first."""
        names = ("id", "person_id", "external_company_id", "field", "base", "marketing", "crm", "winner", "rule", "at")
        return [dict(zip(names, row, strict=True)) for row in self._database.all(_SQL["conflicts"])]

    def add_hold(self, kind: str, entity: Entity, *, count: int, known: int, brake: int, at: str) -> int:
        """Open a hold and return its id."""
        row = self._database.one(
            _SQL["add_hold"], kind=kind, entity=entity.value, count=count, known=known, brake=brake, at=at
        )
        return int(row[0]) if row else 0

    def open_hold(self, kind: str, entity: Entity) -> int | None:
        """The id of an open hold of this kind on `entity`."""
        row = self._database.one(_SQL["open_hold"], kind=kind, entity=entity.value)
        return int(row[0]) if row else None

    def holds(self) -> list[Hold]:
        """Every hold, oldest first."""
        names = ("id", "kind", "entity", "count", "known", "brake", "state", "at", "settled_at")
        rows = [dict(zip(names, row, strict=True)) for row in self._database.all(_SQL["holds"])]
        return [Hold(**{**row, "entity": Entity(row["entity"])}) for row in rows]

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
