"""What is kept of leads and contacts, and of their differences, for whoever compares it with Dynamics (rule R1).

A person holds what Dynamics was seen to hold, but for the fields in its base. So both are looked at together: a value
that is kept as it never was is nobody's edit, and neither side may be written over for it; and a field in the base is
either on its way, or kept back for a reason, or was forgotten.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tandem.mapping.fields import Field
from tandem.mapping.projection import decode_fields, encode_all
from tandem.model.ids import PersonId
from tandem.rules.brakes import HoldKind
from tandem.rules.fields import Collision, Folded, Winner
from tandem.rules.presence import LinkState
from tandem.rules.reasons import Reason, reasons
from tandem.sync.applier import Drift, How, Kept
from tandem.sync.context import Context
from tandem.sync.explaining import Explaining
from tandem.sync.linking import FoldedPerson, Linking
from tandem.sync.placing import Place
from tandem.sync.plan import TablePlan

_CURRENT = (LinkState.LIVE, LinkState.PARKED)


class Keeping:
    """Works for one people table."""

    def __init__(self, context: Context, plan: TablePlan, linking: Linking) -> None:
        self._context = context
        self._plan = plan
        self._linking = linking

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """What is kept of those of these records that have a person."""
        state, marketing = self._context.state, self._context.marketing
        links = [link for link in state.links.of(self._plan.entity, ids).values() if link.state in _CURRENT]
        people = marketing.people.get({link.person_id for link in links if link.person_id})
        differing = [link for link in links if link.state is LinkState.LIVE and link.base]
        facts = Explaining(marketing, state).facts(differing) if differing else {}
        found = {}
        for link in links:
            person = people.get(PersonId(link.person_id or 0))
            if person is None:
                continue
            values, base = decode_fields(person.fields), decode_fields(link.base)
            why = {}
            if person.id in facts:
                why = reasons(self._plan.units, person=values, base=base, facts=facts[person.id])
            left = [name for name, each in why.items() if each.reason is Reason.LEFT]
            forgotten = left if left and not self._was_left() else []
            found[link.crm_id] = Kept(
                version=link.version,
                wanted=link.state is LinkState.LIVE,
                values={**values, **base},
                person_id=person.id,
                explained=len(why) - len(forgotten),
                forgotten=forgotten,
            )
        return found

    def hold(self, drifts: Sequence[Drift]) -> None:
        """Neither side is written over: the base says what Dynamics holds, and somebody decides field by field."""
        state = self._context.state
        links = state.links.of(self._plan.entity, [self._plan.id(each.row) for each in drifts])
        people = self._context.marketing.people.get({link.person_id for link in links.values() if link.person_id})
        held, changed = [], []
        for each in drifts:
            link = links[self._plan.id(each.row)]
            person = people[PersonId(link.person_id or 0)]
            folded = Folded(values=decode_fields(person.fields), base=decode_fields(link.base))
            _hold(folded, each.fields, self._plan.projection.pairs(each.row))
            held.append(FoldedPerson(person, folded, Place(*person[3:6])))
            changed.append(link._replace(base=encode_all(folded.base) if folded.base else None))
        self._linking.store(held, How.BASELINE)
        state.links.update(changed)

    def _was_left(self) -> bool:
        """Did somebody decide that what waits is not sent (R6)? That was not forgotten, whatever record its person has
        since."""
        holds = self._context.state.journal.holds()
        return any(hold.kind == HoldKind.OWN_WRITES.value and hold.state == "cancelled" for hold in holds)


def _hold(folded: Folded, fields: Sequence[Field], row: Mapping[str, Any]) -> None:
    for field in fields:
        name = field.api_name
        agreed, held, crm = folded.base.get(name, folded.values.get(name)), folded.values.get(name), row[name]
        folded.leave(field, crm)
        if name in folded.base:
            folded.collisions.append(
                Collision(field=name, base=agreed, marketing=held, crm=crm, winner=Winner.NOBODY, rule="R1")
            )
            folded.hold(field, crm, HoldKind.CONFLICT)
