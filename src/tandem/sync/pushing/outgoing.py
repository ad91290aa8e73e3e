"""Decides what of a page of people goes to Dynamics, and what keeps the rest from going (rules P5, P7, P17, R6).

Nothing is read from Dynamics for it: the base says what Dynamics held when it was last seen, and the condition of the
write notices if that is no longer so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tandem.dynamics.writes import RowWrite
from tandem.mapping.fields import CURRENCY
from tandem.mapping.projection import decode_fields, decode_value
from tandem.marketing.records import Person
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson
from tandem.model.ids import PersonId
from tandem.model.schema import Column, ColumnType, Required, Table
from tandem.rules.brakes import HoldKind
from tandem.rules.fields import Held
from tandem.rules.pingpong import Move, alternates
from tandem.rules.presence import LinkState
from tandem.rules.sending import FieldProblem, Sending, decide_creation, decide_sending
from tandem.state.links import Link
from tandem.state.queues import Intent, IntentKind, Nomination
from tandem.sync.context import Context
from tandem.sync.holds.holding import hold_fields
from tandem.sync.plan import TablePlan

_ALWAYS_FILLED = (ColumnType.STATE, ColumnType.STATUS, ColumnType.BOOLEAN, ColumnType.UNSUPPORTED)
_Moved = Sequence[tuple[str | None, str | None]]
_MEMORY = timedelta(hours=24)
"""How far back a field's moves are looked at for two automations that undo one another (AS-G)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A write that is to be made for a person. `version`: of the record as it was last seen; None creates it."""

    nomination: Nomination
    person: Person
    intent: Intent
    version: int | None
    sending: Sending

    def is_for(self, link: Link | None) -> bool:
        """Is the write still for the record, and the state of it, that `link` speaks of now?"""
        if self.version is None or link is None:
            return self.version is None and link is None
        return (link.crm_id, link.state, link.version) == (self.intent.crm_id, LinkState.LIVE, self.version)

    def request(self, plan: TablePlan, *, check_duplicates: bool) -> RowWrite:
        """The write as Dynamics is asked for it."""
        values = dict(self.sending.values)
        if self.intent.owner is not None:
            values["ownerid"] = self.intent.owner
        return RowWrite(
            table=plan.table,
            id=self.intent.crm_id,
            values=values,
            version=self.version,
            check_duplicates=check_duplicates and self.version is None,
        )


@dataclass(slots=True, kw_only=True)
class Decided:
    """A page of nominations, looked at. `settled` need nothing now; `later` cannot be looked at in this cycle; `freed`
    are held fields, as (person, field), in which both sides came to agree."""

    outgoing: dict[Entity, list[Outgoing]] = field(default_factory=dict)
    settled: list[Nomination] = field(default_factory=list)
    later: list[Nomination] = field(default_factory=list)
    freed: list[tuple[PersonId, str]] = field(default_factory=list)
    problems: list[tuple[Entity, Person, str | None, FieldProblem]] = field(default_factory=list)
    refused: list[tuple[Intent, Sending]] = field(default_factory=list)
    sound: dict[int, set[tuple[str, str | None]]] = field(default_factory=dict)
    """Problems each person still has, as (code, field), for those looked at."""


class FieldNotSent(NeedsPerson):
    """One field of a person cannot be sent to Dynamics."""

    code = "field-not-sent"
    advice = "Correct the value in marketing, or the column in Dynamics; the other fields are sent."

    def __init__(self, problem: FieldProblem) -> None:
        super().__init__(problem.message, advice=problem.advice, field=problem.field)
        self.code = problem.code  # type: ignore[misc]


def decide(context: Context, plans: Mapping[Entity, TablePlan], page: Sequence[Nomination]) -> Decided:
    """Look at a page of nominations. Reads the database and changes nothing."""
    ids, decided = [each.person_id for each in page], Decided()
    people, links = context.marketing.people.get(ids), context.state.links.of_people(ids)
    intents, held = context.state.intents.of_people(ids), context.state.held_fields.of_people(ids)
    for nomination in page:
        person, link = people.get(PersonId(nomination.person_id)), links.get(nomination.person_id)
        intent = intents.get(nomination.person_id)
        if person is None:
            decided.settled.append(nomination)
        elif intent is not None and intent.kind is IntentKind.CREATE and link is None:
            _create(plans, nomination, person, intent, decided)
        elif link is None or link.state is not LinkState.LIVE:
            decided.sound[person.id] = set()
            decided.settled.append(nomination)
        else:
            _update(plans, nomination, person, link, held.get(person.id, set()), decided)
    return decided


def freeze_ping_pong(context: Context, decided: Decided) -> None:
    """Hold fields that two automations keep setting back; the page is looked at again without them.

    Belongs into a transaction.
    """
    since = (datetime.fromisoformat(context.now()) - _MEMORY).strftime("%Y-%m-%dT%H:%M:%SZ")
    updates = {
        each.person.id: (entity, each)
        for entity, page in decided.outgoing.items()
        for each in page
        if each.version is not None
    }
    moves = context.marketing.people.moves(list(updates), since=since) if updates else {}
    frozen = set[int]()
    for (person, name), moved in moves.items():
        entity, outgoing = updates[PersonId(person)]
        if name in outgoing.sending.sent and _is_fought(context, person, name, moved, since=since):
            hold_fields(context, entity, [(PersonId(person), Held(name, HoldKind.PING_PONG))])
            frozen.add(person)
    for entity, page in decided.outgoing.items():
        decided.outgoing[entity] = [each for each in page if each.person.id not in frozen]


def _is_fought(context: Context, person: int, name: str, moved: _Moved, *, since: str) -> bool:
    """Do two automations fight over the field still? What a person has settled does not count any more."""
    if not _alternates(moved):
        return False
    settled = context.state.journal.settled_at(HoldKind.PING_PONG.value, person, name)
    if settled is None or settled < since:
        return True
    return _alternates(context.marketing.people.moves([person], since=settled).get((person, name), []))


def _alternates(moved: _Moved) -> bool:
    return alternates([Move(source or "", decode_value(value)) for source, value in moved])


def _update(
    plans: Mapping[Entity, TablePlan],
    nomination: Nomination,
    person: Person,
    link: Link,
    frozen: set[str],
    decided: Decided,
) -> None:
    plan = plans.get(link.entity)
    if plan is None:
        decided.later.append(nomination)
        return
    values, base = decode_fields(person.fields), decode_fields(link.base)
    for unit in plan.units if frozen else ():
        if unit.names.isdisjoint(base):
            decided.freed += [(person.id, name) for name in sorted(unit.names & frozen)]
    sending = decide_sending(plan.units, person=values, base=base, frozen=frozen)
    _note(link.entity, person, link.crm_id, sending, decided)
    if not sending.values:
        decided.settled.append(nomination)
        return
    intent = Intent(link.crm_id, link.entity, person.id, IntentKind.UPDATE, sending.sent)
    outgoing = Outgoing(nomination=nomination, person=person, intent=intent, version=link.version, sending=sending)
    decided.outgoing.setdefault(link.entity, []).append(outgoing)


def _create(
    plans: Mapping[Entity, TablePlan], nomination: Nomination, person: Person, intent: Intent, decided: Decided
) -> None:
    plan = plans.get(intent.entity)
    if plan is None:
        decided.later.append(nomination)
        return
    values: dict[str, Any] = decode_fields(person.fields)
    sending = decide_creation(plan.units, person=values, required=required_columns(plan.table))
    _note(intent.entity, person, None, sending, decided)
    if sending.missing:
        decided.refused.append((intent, sending))
        decided.settled.append(nomination)
        return
    intent = intent._replace(sent=sending.sent)
    outgoing = Outgoing(nomination=nomination, person=person, intent=intent, version=None, sending=sending)
    decided.outgoing.setdefault(intent.entity, []).append(outgoing)


def _note(entity: Entity, person: Person, crm_id: str | None, sending: Sending, decided: Decided) -> None:
    decided.sound[person.id] = {(each.code, each.field) for each in sending.problems}
    decided.problems += [(entity, person, crm_id, each) for each in sending.problems]


def required_columns(table: Table) -> list[Column]:
    """The columns a new record must bring: those that forms demand, less what Dynamics fills by itself."""
    filled = {table.primary_id, "ownerid", CURRENCY}
    return [
        column
        for column in table.columns.values()
        if column.required in (Required.APPLICATION, Required.SYSTEM)
        and column.creatable
        and column.updatable
        and column.name not in filled
        and column.type not in _ALWAYS_FILLED
    ]
