"""Finds out what became of writes whose answer was never stored (rule R2, AS-I).

The process may have been killed, or the line cut, before the write left, while it was carried out, or after. Only
Dynamics knows; so each record is read back, and what it holds is folded like any other row of its table.

    the write | found in Dynamics                   | outcome
    ----------+-------------------------------------+-----------------------------------------------------------------
    update    | the record                          | folded: what arrived is agreed, what did not is decided anew
    update    | nothing                             | left to the table's deletions (P8)
    create    | a record under the id chosen for it | the person's (F1)
    create    | nothing                             | still wanted, under the same id
    qualify   | a contact from that lead            | the lead's person goes on as the contact's (P11)
    qualify   | none                                | it did not happen; the request goes on (F1)
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tandem.mapping.values import same
from tandem.model.entities import Entity
from tandem.state.queues import Intent, IntentKind
from tandem.sync.applier import How
from tandem.sync.context import Context, Counts
from tandem.sync.people import PeopleApplier
from tandem.sync.plan import TablePlan
from tandem.sync.pushing.qualified import contacts_of
from tandem.sync.pushing.telling import sent_person


def read_back(
    context: Context,
    plans: Mapping[Entity, TablePlan],
    appliers: Mapping[Entity, PeopleApplier],
    counts: Callable[[Entity], Counts],
) -> None:
    """Settle every open intent of the tables that can be read. Belongs under `context.writing()`."""
    begun = context.state.intents.begun()
    for entity, plan in plans.items():
        mine = [each for each in begun if each.entity is entity and each.kind is not IntentKind.QUALIFY]
        if mine:
            _read_rows(context, plan, appliers[entity], mine, counts(entity))
    for intent in begun:
        if intent.kind is IntentKind.QUALIFY and len(plans) > 1:
            settle_qualify(context, plans, appliers, intent)


def _read_rows(
    context: Context, plan: TablePlan, applier: PeopleApplier, begun: Sequence[Intent], counts: Counts
) -> None:
    rows, missing = context.dynamics.fetch(plan.table, [each.crm_id for each in begun], plan.decoder)
    gone, at = set(missing), context.now()
    wrote = {each.crm_id: each.sent for each in begun}
    arrived = {crm_id: _arrived(plan, row, wrote[crm_id]) for row in rows if (crm_id := plan.id(row))}
    with context.database.transaction():
        counts.add(applier.apply(rows, How.LIVE, sent=arrived))
        updates = [each for each in begun if each.kind is IntentKind.UPDATE]
        unmade = [each for each in begun if each.kind is IntentKind.CREATE and each.crm_id in gone]
        context.state.deletions.add(plan.entity, [each.crm_id for each in updates if each.crm_id in gone])
        context.state.intents.end(updates)
        context.state.intents.not_begun(unmade, at=at)


def _arrived(plan: TablePlan, row: Any, sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a write that its record holds. Of the others nobody knows whether they came and were changed."""
    held, fields = plan.projection.pairs(row), {each.api_name: each for each in plan.fields}
    return {name: value for name, value in sent.items() if name in held and same(fields[name], held[name], value)}


def settle_qualify(
    context: Context,
    plans: Mapping[Entity, TablePlan],
    appliers: Mapping[Entity, PeopleApplier],
    intent: Intent,
    *,
    contact: str | None = None,
) -> bool:
    """Look for the contact of a lead that was to be qualified, or take the one that is told; False: there is none."""
    lead, rows = contacts_of(context, plans, intent.crm_id, told=contact)
    with context.database.transaction():
        appliers[Entity.CONTACT].apply(rows, How.LIVE)
        appliers[Entity.LEAD].apply(lead, How.LIVE)
        context.state.intents.end([intent])
        if rows:
            _tell_qualified(context, intent)
    return bool(rows)


def _tell_qualified(context: Context, intent: Intent) -> None:
    at, person = context.now(), context.marketing.people.resolve(intent.person_id)
    if person is not None:
        context.marketing.people.log([sent_person(person, Entity.CONTACT, "qualified")], at=at)
    if intent.action_id is not None:
        context.state.actions.settle(intent.action_id, "done", "qualified", at=at)
