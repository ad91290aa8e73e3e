"""Links new records to people marketing already has, by e-mail, where the setting of rule P1 says so.

Exactly one candidate is linked. Several are never guessed at: the record waits until somebody chooses.
"""

from collections.abc import Sequence
from typing import Any

from tandem.mapping.projection import decode_fields
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.fields import Winner, first_fold
from tandem.state.links import Link, Waiter
from tandem.sync.applier import How
from tandem.sync.context import Context, Counts
from tandem.sync.linking import FoldedPerson, Linking
from tandem.sync.placing import Placing
from tandem.sync.plan import TablePlan
from tandem.sync.waiting import AMBIGUOUS


class Matching:
    """Works for one people table; does nothing while the setting is off."""

    def __init__(self, context: Context, plan: TablePlan, placing: Placing, linking: Linking) -> None:
        self._context = context
        self._plan = plan
        self._placing = placing
        self._linking = linking

    def settle(self, rows: Sequence[Any], links: dict[str, Link], how: How, counts: Counts) -> Sequence[Any]:
        """Link those rows that match one person, keep those that match several, return the others."""
        if not rows or not self._context.settings.match_email:
            return rows
        emails = [str(self._plan.email(row) or "").lower() for row in rows]
        wanted = sorted({email for email in emails if email})
        found = self._context.marketing.people.unlinked_by_email(wanted) if wanted else {}
        plain, matched, ambiguous = list[Any](), list[tuple[Any, PersonId]](), list[tuple[Any, str]]()
        for row, email in zip(rows, emails, strict=True):
            candidates = found.get(email, [])
            if len(candidates) > 1:
                ambiguous.append((row, email))
            elif candidates:
                matched.append((row, found.pop(email)[0]))
            else:
                plain.append(row)
        settled = [self._plan.id(row) for row in [*plain, *(row for row, _ in matched)]]
        self._context.state.waiting.stop_all(self._plan.entity, settled)
        self._link(matched, links, how)
        self._wait(ambiguous)
        counts.updated += len(matched)
        counts.waiting += len(ambiguous)
        return plain

    def _link(self, pairs: Sequence[tuple[Any, PersonId]], links: dict[str, Link], how: How) -> None:
        """No base yet: an empty side is filled, of two values P4's winner stays (P19)."""
        if not pairs:
            return
        rows = [row for row, _ in pairs]
        people = self._context.marketing.people.get([person for _, person in pairs])
        winner = Winner.MARKETING if self._plan.entity is Entity.LEAD else Winner.CRM
        projection, folded = self._plan.projection, []
        for (row, person_id), place in zip(pairs, self._placing.places(rows), strict=True):
            person = people[person_id]
            fold = first_fold(
                self._plan.units,
                row=projection.pairs(row),
                person=decode_fields(person.fields),
                rule="P19",
                winner=winner,
            )
            folded.append(FoldedPerson(person, fold, place))
        self._linking.attach(rows, folded, links, how)

    def _wait(self, rows: Sequence[tuple[Any, str]]) -> None:
        plan = self._plan
        self._context.state.waiting.add(
            [
                (
                    Waiter(plan.entity, plan.id(row), email, AMBIGUOUS, plan.payload(row)),
                    "person",
                    None,
                    "several people in marketing have its e-mail",
                )
                for row, email in rows
            ],
            at=self._context.now(),
        )
