"""What one cycle did, as it is told, logged and kept in the history.

The command, the log and the history must not count differently, so they all read this.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tandem.model.entities import Entity
from tandem.model.errors import TandemError
from tandem.sync.context import Counts


class Outcome(StrEnum):
    """How a cycle ended."""

    DONE = "done"
    TABLES_FAILED = "tables failed"  # single tables could not be read, the others were
    FAILED = "failed"
    TO_BE_RETRIED = "to be retried"  # it failed for what passes by itself


@dataclass(slots=True, kw_only=True)
class CycleReport:
    """What one cycle did. `unfinished`: tables that are still being copied, followed through a bulk change, or removed;
    `backlog`: records left to do at its end, of the tables that have any; `unsent`: there was more to send than one
    cycle may take; `stopped_by`: why it could not go on; `verifying`: of the `requests` those that only looked whether
    both sides agree (R1), which no cycle owes (R3)."""

    entities: dict[Entity, Counts] = field(default_factory=dict)
    problems: dict[Entity, TandemError] = field(default_factory=dict)
    unfinished: list[Entity] = field(default_factory=list)
    backlog: dict[Entity, int] = field(default_factory=dict)
    unsent: bool = False
    completed_copy: bool = False
    stopped_by: TandemError | None = None
    requests: int = 0
    verifying: int = 0
    seconds: float = 0.0

    def counts(self, entity: Entity) -> Counts:
        """The counts of `entity`, made when first asked for."""
        return self.entities.setdefault(entity, Counts())

    def sums(self) -> dict[str, int]:
        """Rows over all entities, and the requests it took, for the log."""
        names = ("read", "created", "updated", "deleted", "pushed", "failed")
        sums = {name: sum(getattr(counts, name) for counts in self.entities.values()) for name in names}
        return {**sums, "requests": self.requests}

    def as_json(self) -> dict[str, Any]:
        """The report for `--json` and the history."""
        entities = {
            entity.value: {name: getattr(counts, name) for name in counts.__slots__}
            for entity, counts in self.entities.items()
        }
        return {
            "entities": entities,
            "problems": {entity.value: _told(each) for entity, each in self.problems.items()},
            "stopped_by": _told(self.stopped_by) if self.stopped_by else None,
            "unfinished": [entity.value for entity in self.unfinished],
            "backlog": {entity.value: count for entity, count in self.backlog.items()},
            "unsent": self.unsent,
            "completed_copy": self.completed_copy,
            "requests": {"dynamics": self.requests, "marketing": 0, "verifying": self.verifying},
            "seconds": round(self.seconds, 3),
        }


def _told(problem: TandemError) -> dict[str, str]:
    return {"code": problem.code, "message": problem.message, "advice": problem.remedy}
