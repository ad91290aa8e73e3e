"""Carries merges in Dynamics over to people (rules P12, D10), and makes one person of two.

A merge may name a winner that was not read yet, that the filter keeps out, or whose person was deleted in marketing.
The loser's person is never dropped: it becomes the winner's, or joins the winner's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tandem.mapping.fields import Field
from tandem.mapping.projection import decode_fields, encode_all, encode_fields
from tandem.mapping.values import same
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import FROM_DYNAMICS, Activity, ActivityType, Person
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.rules.fields import Collision, Winner
from tandem.rules.merge import SCORE, Heir, decide_heir, merge_people
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.links import Link
from tandem.state.queues import Lane
from tandem.sync.context import Context, Counts
from tandem.sync.plan import TablePlan

_HAS_PERSON = (LinkState.LIVE, LinkState.PARKED, LinkState.SEVERED)

UNREAD = 0
"""The version of a record that somebody is linked to before it was read: whatever comes is news."""


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
        merged = merge_people(
            decode_fields(loser.fields),
            decode_fields(winner.fields),
            base=decode_fields(link.base) if link else {},
            mapped={field.api_name for field in plan.fields} if plan else (),
            sum_scores=self._context.settings.sum_scores,
        )
        order = sorted(self._plans.values(), key=lambda each: each is plan)
        fields = {field.api_name: field for each in order for field in each.fields}
        at, email = self._context.now(), merged.values.get("email")
        join_people(
            self._context.marketing,
            self._context.state,
            loser,
            winner,
            winner._replace(email=email, fields=encode_fields(merged.values)),
            fields=fields,
            sum_scores=self._context.settings.sum_scores,
            rule="P12",
            source=FROM_DYNAMICS,
            at=at,
        )
        if merged.edited and link is not None:
            self._context.state.links.set_base(link.entity, link.crm_id, encode_all(merged.base))
            self._context.marketing.people.note_edit(winner.id, merged.edited, at=at)

    def _merge(self, crm_id: str, master: str, version: int) -> None:
        entity, links = self._plan.entity, self._context.state.links
        known = links.of(entity, [crm_id, master])
        winner_id = links.follow(entity, master, known)
        if winner_id in known and known[winner_id].state is LinkState.SEVERED:
            # What the winner itself was merged into once is gone; the winner is there.
            winner_id = master
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
        if loser is not None:
            self._give_person(loser, winner, winner_id)

    def _give_person(self, loser: Link, winner: Link | None, winner_id: str) -> None:
        """The loser's person goes on as the winner's record, or joins the winner's person (D10)."""
        links, at = self._context.state.links, self._context.now()
        state, owner = (winner.state, winner.person_id) if winner else (LinkState.NONE, None)
        person = self._heir(loser)
        unread = Link(winner_id, loser.entity, person, LinkState.LIVE, UNREAD, loser.base)
        match decide_heir(person, state, owner):
            case Heir.GO_ON:
                links.add([unread])
            case Heir.PARK if winner is not None:
                links.update([unread._replace(state=LinkState.PARKED, version=winner.version)])
                self._is_back(person or 0, at=at)
                if loser.state is LinkState.LIVE:
                    stopped = Activity(PersonId(person or 0), ActivityType.STOP_SYNC)
                    self._context.marketing.people.log([stopped], at=at)
            case Heir.ASK:
                # Its person was deleted here (P9), or it was set aside when two people were merged here (P16). What was
                # read of it meanwhile was passed over, and need not come again: it is asked for before the next push.
                links.update([unread])
                self._context.state.nominations.add([person or 0], Lane.FRESH, at=at)
            case Heir.JOIN:
                self.join(person or 0, owner or 0)

    def _is_back(self, person_id: int, *, at: str) -> None:
        """The person has a record again, also where its own was deleted and restored only to be merged away (P8)."""
        people = self._context.marketing.people.get([person_id]).values()
        back = [each._replace(type=self._plan.entity.value, is_deleted=False) for each in people if each.is_deleted]
        self._context.marketing.people.update(back, at=at)

    def _heir(self, loser: Link) -> int | None:
        """The person of the loser that is to go on; None where there is nobody, or it goes on as another record."""
        if loser.person_id is None or loser.state not in _HAS_PERSON:
            return None
        elsewhere = loser.state is LinkState.SEVERED and self._context.state.links.of_people([loser.person_id])
        return None if elsewhere else loser.person_id


def join_people(
    marketing: MarketingDatabase,
    state: SyncState,
    loser: Person,
    winner: Person,
    survivor: Person,
    *,
    fields: Mapping[str, Field],
    sum_scores: bool,
    rule: str,
    source: str,
    at: str,
) -> None:
    """Make one person of two: `survivor`, the winner as it is to be. Values it does not have go to the journal (R2).

    At most one of the two may have a live or parked link. `fields` are all that are known, by API name. Belongs into a
    transaction.
    """
    people, detail = marketing.people, f'{{"merged":{loser.id}}}'
    people.merge([(loser.id, survivor.id)])
    people.update([survivor], at=at)
    people.log([Activity(survivor.id, ActivityType.MERGE_PEOPLE, source=source, detail=detail)], at=at)
    state.join_person(loser.id, survivor.id)
    lost = [
        Collision(field=name, base=None, marketing=old, crm=held, winner=Winner.CRM, rule=rule)
        for each in (loser, winner)
        for name, old, held in _lost(fields, decode_fields(each.fields), decode_fields(survivor.fields))
        if not (sum_scores and name == SCORE)
    ]
    state.journal.add_collisions([(survivor.id, None, each) for each in lost], at=at)


def _lost(
    fields: Mapping[str, Field], before: Mapping[str, Any], survivor: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """The values of one of the two that the survivor does not have, as (API name, its own, the survivor's)."""
    for name, old in before.items():
        held, field = survivor.get(name), fields.get(name)
        kept = same(field, old, held) if field else old == held
        if old not in (None, "") and not kept:
            yield name, old, held


def superseded(link: Link, successor: str, entity: Entity) -> Link:
    """`link` with its record's part taken over by `successor`."""
    return link._replace(state=LinkState.SUPERSEDED, base=None, successor=successor, successor_entity=entity)
