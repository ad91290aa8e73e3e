"""Why people differ from their records, from what is stored about them (rule R1).

A difference has a reason only if everything that may keep a value back is looked at: holds, errors, edits nobody has
taken up, writes under way. So they are looked up in one place, by the page, for whoever lists differences and for
whoever doubts them.
"""

from collections.abc import Sequence

from tandem.marketing.port import MarketingDatabase
from tandem.model.entities import Entity
from tandem.rules.brakes import HoldKind
from tandem.rules.reasons import Facts, Refusal
from tandem.state import SyncState
from tandem.state.links import Link


class Explaining:
    """Looks up what is stored about people who differ from their records."""

    def __init__(self, marketing: MarketingDatabase, state: SyncState) -> None:
        self._marketing = marketing
        self._state = state
        self._table_holds = {
            entity: state.journal.open_hold(HoldKind.OWN_WRITES.value, entity)
            for entity in (Entity.LEAD, Entity.CONTACT)
        }

        self._broken = {
            entity: {each.api_name: each.broken for each in choices.values() if each.selected and each.broken}
            for entity, choices in state.choices().items()
        }

    def facts(self, links: Sequence[Link]) -> dict[int, Facts]:
        """What is stored about the people with these links, by person."""
        state = self._state
        ids = [link.person_id for link in links if link.person_id is not None]
        edited = self._marketing.people.edited(ids)
        nominated, intents = state.nominations.of_people(ids), state.intents.of_people(ids)
        errors, held = state.journal.push_errors(ids), dict[int, dict[str, int]]()
        for (person, field), hold in state.held_fields.holds_of_people(ids).items():
            held.setdefault(person, {})[field] = hold
        deleted = {
            crm_id
            for entity in {link.entity for link in links}
            for crm_id in state.deletions.among(entity, [link.crm_id for link in links if link.entity is entity])
        }
        return {
            link.person_id: Facts(
                state=link.state,
                held=held.get(link.person_id, {}),
                broken=self._broken.get(link.entity, {}),
                deleted=link.crm_id in deleted,
                table_hold=self._table_holds[link.entity],
                waits=any(link.person_id in each for each in (edited, nominated, intents)),
                errors=[
                    Refusal(each["field"], each["code"], each["message"], each["advice"])
                    for each in errors.get(link.person_id, ())
                ],
            )
            for link in links
            if link.person_id is not None
        }
