"""Carries merges in Dynamics over to people (rules P12, D10).

A merge may name a winner that was not read yet, or that the filter keeps out. The loser's person is never dropped: it
becomes the winner's, or joins the winner's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tandem.mapping.fields import Field
from tandem.mapping.projection import decode_fields, encode_all, encode_fields
from tandem.mapping.values import same
from tandem.marketing.port import FROM_DYNAMICS, Activity, ActivityType
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.fields import Collision, Winner
from tandem.rules.merge import SCORE, merge_people
from tandem.rules.presence import LinkState
from tandem.state.links import Link
from tandem.sync.context import Context, Counts
from tandem.sync.plan import TablePlan

_HAS_PERSON = (LinkState.LIVE, LinkState.PARKED, LinkState.SEVERED)


class Merging:
    """Merges of one people table; `join` also serves leads qualified into an existing contact."""

    def __init__(self, context: Context, plan: TablePlan, plans: dict[Entity, TablePlan]) -> None:
        self._context = context
        self._plan = plan
        self._plans = plans
        self._master = plan.get("masterid")

    def merge(self, rows: Sequence[Any], counts: Counts) -> None:
        """Each row lost a merge. Rows are few and may name one another, so they go one by one."""
        for row in rows:
            self._merge(self._plan.id(row), self._master(row), self._plan.version(row))
            counts.updated += 1

    def join(self, loser_id: int, winner_id: int) -> None:
        """Two people become one: `winner_id`. What the loser held and the winner does not is kept in the journal."""
        found = self._context.marketing.people.get([loser_id, winner_id])
        loser, winner = found[PersonId(loser_id)], found[PersonId(winner_id)]
        link = self._context.state.links.of_people([winner_id]).get(winner_id)
        plan = self._plans.get(link.entity) if link else None
        fields = plan.fields if plan else ()
        old, held = decode_fields(loser.fields), decode_fields(winner.fields)
        merged = merge_people(
            old,
            held,
            base=decode_fields(link.base) if link else {},
            mapped={field.api_name for field in fields},
            sum_scores=self._context.settings.sum_scores,
        )
        at, people = self._context.now(), self._context.marketing.people
        people.merge([(loser.id, winner.id)])
        email, text = merged.values.get("email"), encode_fields(merged.values)
        people.update([winner._replace(email=email, fields=text)], at=at)
        detail = f'{{"merged":{loser.id}}}'
        people.log([Activity(winner.id, ActivityType.MERGE_PEOPLE, source=FROM_DYNAMICS, detail=detail)], at=at)
        self._context.state.journal.add_collisions(
            [(winner.id, None, each) for each in _lost(fields, old, merged.values)], at=at
        )
        self._context.state.links.move(loser.id, winner.id)
        if merged.edited and link is not None:
            self._context.state.links.set_base(link.entity, link.crm_id, encode_all(merged.base))
            people.note_edit(winner.id, merged.edited, at=at)

    def _merge(self, crm_id: str, master: str, version: int) -> None:
        entity, links = self._plan.entity, self._context.state.links
        known = links.of(entity, [crm_id, master])
        winner_id = links.follow(entity, master, known)
        if winner_id == crm_id:
            # The chain leads back here: nothing can be said about who won, so nobody loses.
            links.note_versions(entity, [(crm_id, version)])
            return
        loser, winner = known.get(crm_id), known.get(winner_id)
        if loser is None:
            gone = Link(crm_id, entity, None, LinkState.SUPERSEDED, version, None, winner_id, entity)
            links.add([gone])
        else:
            links.update([superseded(loser, winner_id, entity)._replace(version=version)])
        self._context.state.waiting.stop_all(entity, [crm_id])
        if loser is not None and loser.person_id is not None and loser.state in _HAS_PERSON:
            self._give_person(loser, winner, winner_id)

    def _give_person(self, loser: Link, winner: Link | None, winner_id: str) -> None:
        links, person = self._context.state.links, loser.person_id or 0
        if winner is None:
            # Not read yet; at version 0 whatever comes is news, and its filter value decides then (D10).
            links.add([Link(winner_id, loser.entity, person, LinkState.LIVE, 0, loser.base)])
        elif winner.person_id is None:
            links.update([winner._replace(person_id=person, state=LinkState.PARKED, base=loser.base)])
        elif winner.person_id != person:
            self.join(person, winner.person_id)


def _lost(fields: Iterable[Field], loser: Mapping[str, Any], winner: Mapping[str, Any]) -> Iterator[Collision]:
    """The loser's values that the merged person does not have."""
    for field in fields:
        old, held = loser.get(field.api_name), winner.get(field.api_name)
        if field.api_name != SCORE and old not in (None, "") and not same(field, old, held):
            yield Collision(field=field.api_name, base=None, marketing=old, crm=held, winner=Winner.CRM, rule="P12")


def superseded(link: Link, successor: str, entity: Entity) -> Link:
    """`link` with its record's part taken over by `successor`."""
    return link._replace(state=LinkState.SUPERSEDED, base=None, successor=successor, successor_entity=entity)
