"""Compares a sample of what is remembered with what an organisation holds, record by record (rule S9).

Before anything is changed on the word of an address, somebody should see whether the same records stand behind it, in
which state, and what going on with them would do. What it would do is asked of the rule that will do it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

from tandem.dynamics.port import DynamicsOrganisation
from tandem.mapping.projection import decode_fields
from tandem.marketing.port import MarketingDatabase
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.companies import company_changes
from tandem.rules.fields import Folded, Winner, fold_row
from tandem.state import SyncState
from tandem.state.links import Link
from tandem.sync.plan import TablePlan
from tandem.sync.tables import count_rows


class Goes(StrEnum):
    """What would become of a field in which the two sides differ."""

    TO_MARKETING = "to marketing"  # Dynamics' value is taken, marketing's is kept in the journal
    TO_DYNAMICS = "to Dynamics"  # marketing's own edit is sent
    COLLISION = "collision"  # both sides changed it; the loser is kept in the journal
    NOWHERE = "nowhere"  # it is held for a person, or its direction lets neither side move


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field in which a record and what is here of it differ, by API name. `person_id` is None for a company."""

    entity: Entity
    record: str
    person_id: int | None
    field: str
    marketing: Any
    dynamics: Any
    goes: Goes


@dataclass(slots=True, kw_only=True)
class Compared:
    """One table. `known` records are linked here, `rows` are there as Dynamics counts them (None: it does not tell).

    Of the `sampled`, `found` exist there, `equal` without a difference; `older` are there in an earlier state than was
    seen, those among the records that were changed last counted too.
    """

    entity: Entity
    known: int
    rows: int | None
    sampled: int = 0
    found: int = 0
    equal: int = 0
    older: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def staying(self) -> int:
        """How many links would stay, estimated from the sample."""
        return round(self.known * self.found / self.sampled) if self.sampled else 0

    @property
    def severed(self) -> int:
        """How many records would count as deleted, estimated from the sample; behind the brakes (R6)."""
        return self.known - self.staying if self.sampled else 0

    @property
    def new(self) -> int | None:
        """How many records nobody here is linked to yet, estimated."""
        return None if self.rows is None else max(0, self.rows - self.staying)


class Comparing:
    """Compares samples of `size` records of each table in `plans`."""

    def __init__(
        self,
        dynamics: DynamicsOrganisation,
        marketing: MarketingDatabase,
        state: SyncState,
        plans: dict[Entity, TablePlan],
        *,
        size: int,
    ) -> None:
        self._dynamics = dynamics
        self._marketing = marketing
        self._state = state
        self._plans = plans
        self._size = size

    def compare(self) -> list[Compared]:
        """What was found, table by table."""
        rows = count_rows(self._dynamics, list(self._plans))
        return [self._table(plan, rows.get(entity)) for entity, plan in self._plans.items()]

    def _table(self, plan: TablePlan, rows: int | None) -> Compared:
        if plan.entity is Entity.ACCOUNT:
            return self._companies(plan, rows)
        found = Compared(entity=plan.entity, known=self._state.links.count_known(plan.entity), rows=rows)
        links = {each.crm_id: each for each in self._state.links.sample(plan.entity, size=self._size)}
        self._look(plan, links, found)
        newest = self._state.links.newest(plan.entity, size=self._size)
        rest = [crm_id for crm_id in newest if crm_id not in links]
        found.older += sum(
            plan.version(row) < newest[plan.id(row)] for row in self._dynamics.fetch(plan.table, rest, plan.decoder)[0]
        )
        return found

    def _look(self, plan: TablePlan, links: dict[str, Link], found: Compared) -> None:
        rows, _ = self._dynamics.fetch(plan.table, list(links), plan.decoder)
        people = self._marketing.people.get(link.person_id for link in links.values() if link.person_id)
        frozen = self._state.held_fields.of_people(list(people))
        for row in rows:
            link = links[plan.id(row)]
            person = people[PersonId(link.person_id or 0)]
            mine = list(_differences(plan, row, link, decode_fields(person.fields), frozen.get(person.id, ())))
            found.differences += mine
            found.equal += not mine
            found.older += plan.version(row) < link.version
        found.sampled, found.found = len(links), len(rows)

    def _companies(self, plan: TablePlan, rows: int | None) -> Compared:
        records, deleted = self._marketing.counts()[Entity.ACCOUNT.marketing_name]
        found = Compared(entity=plan.entity, known=records - deleted, rows=rows)
        ids = self._marketing.mirrors.ids(Entity.ACCOUNT.marketing_name)
        sample = list(islice(ids, 0, None, max(1, -(-found.known // self._size))))
        held = self._marketing.companies.get(sample)
        there, _ = self._dynamics.fetch(plan.table, sample, plan.decoder)
        for row in there:
            company = held[plan.id(row)]
            fields, now = plan.projection.fields, plan.projection.pairs(row)
            changed = company_changes(fields, held=decode_fields(company.fields), row=now)
            found.equal += not changed
            found.older += plan.version(row) < company.version
            found.differences += [
                Difference(
                    entity=plan.entity,
                    record=plan.id(row),
                    person_id=None,
                    field=name,
                    marketing=ours,
                    dynamics=theirs,
                    goes=Goes.TO_MARKETING,
                )
                for name, ours, theirs in changed
            ]
        found.sampled, found.found = len(sample), len(there)
        return found


def _differences(
    plan: TablePlan, row: Any, link: Link, values: dict[str, Any], frozen: Collection[str]
) -> Iterator[Difference]:
    """The fields in which a person and its record differ, and what the rule would make of them."""
    there, fields = plan.projection.pairs(row), plan.projection.fields
    folded = fold_row(
        plan.units,
        row=there,
        person=values,
        base=decode_fields(link.base),
        winner=Winner.MARKETING if plan.entity is Entity.LEAD else Winner.CRM,
        rule="P4",
        frozen=frozen,
    )
    pushed = {each.api_name for each in fields if each.pushed}
    for name, ours, theirs in company_changes(fields, held=values, row=there):
        yield Difference(
            entity=plan.entity,
            record=link.crm_id,
            person_id=link.person_id,
            field=name,
            marketing=ours,
            dynamics=theirs,
            goes=_goes(folded, name, may_be_sent=name in pushed and name not in frozen),
        )


def _goes(folded: Folded, name: str, *, may_be_sent: bool) -> Goes:
    if any(each.field == name for each in folded.collisions):
        return Goes.COLLISION
    if any(each[0] == name for each in folded.changes):
        return Goes.TO_MARKETING
    held = any(each.field == name for each in folded.held)
    return Goes.TO_DYNAMICS if may_be_sent and not held else Goes.NOWHERE
