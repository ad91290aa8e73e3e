"""Gives the records that Tandem creates in Dynamics to the people they were created for (rules P2, P10, F1).

A record's id is chosen and stored before it is sent, so whichever way the record is seen first, by the answer, by
asking after a lost answer or in the changes of the table, it is known for that person's. Nobody is created twice. Where
the database is older than the record, the id tells by itself.
"""

import secrets
from collections.abc import Collection, Sequence
from typing import Any
from uuid import uuid4

from tandem.mapping.fields import Direction
from tandem.mapping.projection import decode_fields
from tandem.marketing.port import People
from tandem.marketing.records import Activity, ActivityType, Person
from tandem.model.ids import PersonId
from tandem.model.record_ids import NONCE_BITS, claimed_person, is_record_of, record_id
from tandem.rules.fields import Folded, Winner, fold_row
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.links import UNDONE, Link
from tandem.state.queues import Intent, IntentKind
from tandem.sync.applier import How
from tandem.sync.context import Context, Counts
from tandem.sync.linking import FoldedPerson, Linking
from tandem.sync.placing import Placing
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.telling import sent_person

_SENT = (Direction.BOTH, Direction.TO)


def new_record_id() -> str:
    """The id of a record that is nobody's."""
    return str(uuid4())


def id_of_new_record(state: SyncState, people: People, person_id: PersonId) -> str:
    """The id of a record that is to be made for a person."""
    made_at = people.made_at([person_id]).get(person_id, "")
    return record_id(state.mark, person_id, made_at, secrets.randbits(NONCE_BITS))


class Creations:
    """Works for one people table."""

    def __init__(self, context: Context, plan: TablePlan, placing: Placing, linking: Linking) -> None:
        self._context = context
        self._plan = plan
        self._placing = placing
        self._linking = linking

    def settle(
        self,
        rows: Sequence[Any],
        links: dict[str, Link],
        how: How,
        counts: Counts,
        *,
        state: LinkState = LinkState.LIVE,
    ) -> Sequence[Any]:
        """Link those rows that Tandem created, return the others. A creation that is linked is settled.

        `state` is parked for rows that the filter excludes: an organisation may say No of every new record.
        """
        ids = [self._plan.id(row) for row in rows]
        intents = self._context.state.intents.creating(self._plan.entity, ids)
        intents |= self._forgotten([each for each in ids if each not in intents])
        if not intents:
            return rows
        people = self._context.marketing.people.get([each.person_id for each in intents.values()])
        taken = {*self._context.state.links.of_people([each.person_id for each in intents.values()])}
        made, others = list[tuple[Any, Intent, Person]](), list[Any]()
        for row in rows:
            intent = intents.get(self._plan.id(row))
            if intent is None:
                others.append(row)
            elif intent.person_id in people and intent.person_id not in taken:
                made.append((row, intent, people[PersonId(intent.person_id)]))
                taken.add(intent.person_id)
            else:
                self._keep_apart(row, intent, how, here=intent.person_id in people)
        self._link(made, links, how, state)
        self._context.state.intents.end(intents.values())
        counts.updated += len(made)
        return others

    def _forgotten(self, ids: Collection[str]) -> dict[str, Intent]:
        """The creations among these records that this database made and does not remember: it was restored (S10)."""
        claimed = {each: person for each in ids if (person := claimed_person(each)) is not None}
        if not claimed:
            return {}
        made_at, mark = self._context.marketing.people.made_at(set(claimed.values())), self._context.state.mark
        return {
            crm_id: Intent(crm_id, self._plan.entity, person, IntentKind.CREATE, {})
            for crm_id, person in claimed.items()
            if PersonId(person) in made_at and is_record_of(crm_id, mark, person, made_at[PersonId(person)])
        }

    def _link(
        self, made: Sequence[tuple[Any, Intent, Person]], links: dict[str, Link], how: How, state: LinkState
    ) -> None:
        if not made:
            return
        rows = [row for row, _, _ in made]
        folded = [
            FoldedPerson(person, self._fold(row, intent, person), place)
            for (row, intent, person), place in zip(made, self._placing.places(rows), strict=True)
        ]
        told = [_logged(intent) for _, intent, _ in made]
        if state is LinkState.PARKED:
            told += [Activity(person.id, ActivityType.STOP_SYNC) for _, _, person in made]
        self._linking.attach(rows, folded, links, how, state=state, extra=told)
        for _, intent, _ in made:
            if intent.action_id is not None:
                self._context.state.actions.settle(intent.action_id, "done", "created", at=self._context.now())

    def _fold(self, row: Any, intent: Intent, person: Person) -> Folded:
        """The record began empty: whatever the person has is unsent, but for what was sent with the creation."""
        values = decode_fields(person.fields)
        names = [field.api_name for field in self._plan.fields if field.direction in _SENT]
        return fold_row(
            self._plan.units,
            row=self._plan.projection.pairs(row),
            person=values,
            base={name: None for name in names if values.get(name) is not None or name in intent.sent},
            winner=Winner.CRM,
            rule="P4",
            sent=intent.sent,
        )

    def _keep_apart(self, row: Any, intent: Intent, how: How, *, here: bool) -> None:
        """The person was deleted, or linked to another record, while this one was being created.

        In a review the other record may be gone: whose this one is is decided at its end.
        """
        state, version = LinkState.SUPERSEDED if here else LinkState.REMOVED, self._plan.version(row)
        if here and how.is_review:
            state, version = LinkState.SEVERED, UNDONE
        person = intent.person_id if here else None
        self._context.state.links.add([Link(self._plan.id(row), self._plan.entity, person, state, version)])


def _logged(intent: Intent) -> Activity:
    owner = intent.owner[1] if intent.owner else None
    return sent_person(PersonId(intent.person_id), intent.entity, "created", owner=owner)
