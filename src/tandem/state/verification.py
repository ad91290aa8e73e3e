"""How far every record was looked at on both sides, and what was found there (rule R1).

A proof of agreement that begins anew with every restart is never finished. So the place in the circle, what was found
and what is in doubt are rows, written together with what was done about them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from tandem.database.port import Database
from tandem.database.statements import load_statements
from tandem.model.entities import Entity
from tandem.rules.verification import Verdict

_SQL = load_statements("tandem.state")


@dataclass(slots=True, kw_only=True)
class Circle:
    """One walk over all records of a table; times are ISO 8601 UTC. `place` is the last record looked at.

    `checked` counts records, `explained` values that differ for a known reason, `found` what nothing explains.
    """

    entity: Entity
    number: int
    begun_at: str
    records: int
    finished_at: str | None = None
    place: str = ""
    checked: int = 0
    explained: int = 0
    found: Counter[Verdict] = field(default_factory=Counter)


class Doubt(NamedTuple):
    """A record to look at again; `version` is what Dynamics held then, None where there was no such record."""

    crm_id: str
    version: int | None


class Finding(NamedTuple):
    """Something that nothing explains; without `field` it is about the whole record."""

    entity: Entity
    crm_id: str
    field: str | None
    person_id: int | None
    verdict: Verdict
    at: str


class Verifications:
    """Circles, doubts and findings of one subscription."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def circles(self) -> dict[Entity, list[Circle]]:
        """The last circle of each table that came to its end, and after it the one that goes on, if there is one."""
        found: dict[Entity, list[Circle]] = {}
        for entity, number, begun, finished, records, place, checked, explained, verdicts in self._database.all(
            _SQL["circles"]
        ):
            circle = Circle(
                entity=Entity(entity),
                number=number,
                begun_at=begun,
                records=records,
                finished_at=finished,
                place=place,
                checked=checked,
                explained=explained,
                found=Counter(msgspec.json.decode(verdicts, type=dict[Verdict, int])),
            )
            found.setdefault(circle.entity, []).append(circle)
        return found

    def put(self, circle: Circle) -> None:
        """Store a circle as it stands."""
        self._database.run(
            _SQL["put_circle"],
            entity=circle.entity.value,
            number=circle.number,
            begun_at=circle.begun_at,
            finished_at=circle.finished_at,
            records=circle.records,
            place=circle.place,
            checked=circle.checked,
            explained=circle.explained,
            found=msgspec.json.encode(circle.found).decode(),
        )

    def doubt(self, entity: Entity, page: Iterable[Doubt], *, after_read: int) -> None:
        """Look at these again once a read of the table that is begun after the one numbered `after_read` is done."""
        rows = [
            {"entity": entity.value, "crm_id": each.crm_id, "version": each.version, "after_read": after_read}
            for each in page
        ]
        self._database.run_many(_SQL["doubt"], rows)

    def doubts(self, entity: Entity, *, finished: int, limit: int) -> list[Doubt]:
        """Those that can be looked at again now that the read numbered `finished` is done."""
        rows = self._database.all(_SQL["doubts"], entity=entity.value, finished=finished, limit=limit)
        return [Doubt(*row) for row in rows]

    def any_doubt(self) -> bool:
        """Is anything to be looked at again, now or later?"""
        row = self._database.one(_SQL["any_doubt"])
        return bool(row and row[0])

    def settle_doubts(self, entity: Entity, ids: Collection[str]) -> None:
        """These were looked at again."""
        self._database.run(_SQL["settle_doubts"], entity=entity.value, ids=self._database.array(list(ids)))

    def note(self, page: Sequence[Finding]) -> None:
        """Keep what was found; of the same thing found again only the last time is kept."""
        rows = [
            {
                "entity": each.entity.value,
                "crm_id": each.crm_id,
                "field": each.field or "",
                "person_id": each.person_id,
                "verdict": each.verdict.value,
                "at": each.at,
            }
            for each in page
        ]
        self._database.run_many(_SQL["note_finding"], rows)

    def findings(self, *, limit: int = 1_000) -> list[Finding]:
        """What was found since the last finished circles began, the newest first."""
        rows = self._database.all(_SQL["findings"], limit=limit)
        return [Finding(Entity(row[0]), row[1], row[2] or None, row[3], Verdict(row[4]), row[5]) for row in rows]

    def forget_findings(self, entity: Entity, *, before: str) -> None:
        """What was found before that time was looked at again since."""
        self._database.run(_SQL["forget_findings"], entity=entity.value, at=before)
