"""Deletes and merges people by hand in the marketing database (rules P9, P16, F5). Dynamics is not written.

A person that is deleted here has a record there, which will be read again: were nothing remembered, the next page
would bring it back at once; were the record forgotten for good, a human who gets in touch again would stay unknown.
And of two people that become one, only one record can be the person's; the other must not make a second one again.

    the person is deleted, its record is         | the link is from then on
    ---------------------------------------------+---------------------------------------------------------------------
    live, parked or severed                      | removed: a new person at the next newer version (P9)
    the same, and it is never to return          | superseded, set aside: it brings nobody any more
    spoken for by another record                 | superseded as before

    two people are merged, linked is             | the winner's record is
    ---------------------------------------------+---------------------------------------------------------------------
    the winner                                   | its own
    only the loser                               | the loser's; where the winner differs from it, the winner is sent
    each of them                                 | its own; the loser's is set aside: listed, not synced, no new person
    neither                                      | none; a record of either that is restored is the winner's (P8)

A field that only Dynamics changes is what the winner's record holds; of any other the winner has its own value, else
the loser's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tandem.database.port import Database
from tandem.mapping.fields import Direction, Field
from tandem.mapping.projection import decode_fields, encode_all, encode_fields
from tandem.mapping.values import same
from tandem.marketing.port import MarketingDatabase
from tandem.marketing.records import BY_HAND, Activity, ActivityType, Person, Role
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, RetryLater
from tandem.rules.merge import merge_people
from tandem.rules.presence import LinkState
from tandem.state import SyncState
from tandem.state.links import Link
from tandem.sync.defined import defined_fields
from tandem.sync.edits import person_here
from tandem.sync.merging import join_people
from tandem.sync.waiting import PERSON_DELETED, WantedRole, let_roles_wait

_CURRENT = (LinkState.LIVE, LinkState.PARKED)
_WITH_BASE = (*_CURRENT, LinkState.SEVERED)


class WriteUnderWay(RetryLater):
    """The person is being written to Dynamics at this moment, or was when the sync was cut off."""

    code = "write-under-way"
    advice = "Try again in a moment; after a crash let one cycle run first (`tandem sync`)."


class NotMergeable(NeedsPerson):
    """A person cannot be merged with itself."""

    code = "not-mergeable"
    advice = "Name two people: first the one that goes on, then the one that becomes part of it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What became of two people's records. `unsent` names the fields Dynamics does not have as the person has them."""

    record: Link | None
    set_aside: Link | None
    unsent: list[str]


class Removing:
    """Takes people out of the marketing database by hand: deleted, or merged into another one."""

    def __init__(
        self, database: Database, marketing: MarketingDatabase, state: SyncState, *, sum_scores: bool = True
    ) -> None:
        self._database = database
        self._marketing = marketing
        self._state = state
        self._sum_scores = sum_scores

    def delete(self, person_id: int, *, at: str, never_return: bool = False) -> None:
        """Delete a person in marketing only; `never_return`: its records bring nobody any more, and of its custom
        objects no value is kept.

        What stays is one entry of the log, without any value. Raises UnknownPerson or WriteUnderWay; nothing is
        changed then.
        """
        with self._database.transaction():
            person = person_here(self._marketing, person_id)
            self._refuse_under_way([person])
            self._withdraw_wishes([person], "deleted", at=at)
            links, roles = self._state.links.of_person(person.id), self._marketing.mirrors.roles_of(person.id)
            objects = self._state.customs.of_person(person.id) if never_return else {}
            self._marketing.people.delete([person.id])
            self._marketing.people.log([Activity(person.id, ActivityType.DELETE_PERSON, source=BY_HAND)], at=at)
            self._state.links.remove(person.id, LinkState.SUPERSEDED if never_return else LinkState.REMOVED)
            self._state.forget_person(person.id)
            for entity, ids in objects.items():
                self._marketing.custom_objects.empty(entity, ids)
            self._stop_waiting(links)
            record = _current(links)
            if record is not None and not never_return:
                self._let_roles_wait(roles, record, at=at)

    def merge(self, winner_id: int, loser_id: int, *, at: str) -> Merged:
        """Make one person of two, `winner_id`.

        Raises UnknownPerson, NotMergeable or WriteUnderWay; nothing is changed then.
        """
        with self._database.transaction():
            winner, loser = person_here(self._marketing, winner_id), person_here(self._marketing, loser_id)
            if winner.id == loser.id:
                raise NotMergeable(f"Person {winner.id} cannot be merged with itself.", person=winner.id)
            self._refuse_under_way([winner, loser])
            held, brought = (self._state.links.of_person(each.id) for each in (winner, loser))
            own, other = _current(held), _current(brought)
            self._withdraw_wishes([loser] if own or other is None else [loser, winner], "merged", at=at)
            set_aside = other if own else None
            if set_aside is not None:
                brought.remove(set_aside)
                self._stop_waiting([set_aside])
                self._state.links.update([set_aside._replace(state=LinkState.SUPERSEDED, base=None)])
            record = own or other
            known = defined_fields(self._marketing, self._state)
            survivor = self._join(winner, loser, winner if record is own else loser, known, at=at)
            self._rebase([(link, winner) for link in held] + [(link, loser) for link in brought], survivor, known)
            unsent = self._unsent(record, known.get(record.entity, ())) if record else []
            if unsent:
                values = decode_fields(survivor.fields)
                self._marketing.people.note_edit(survivor.id, {name: values.get(name) for name in unsent}, at=at)
        return Merged(record=record, set_aside=set_aside, unsent=unsent)

    def _join(
        self,
        winner: Person,
        loser: Person,
        recorded: Person,
        known: Mapping[Entity, Sequence[Field]],
        *,
        at: str,
    ) -> Person:
        """Make one person of the two and return it; `recorded` is the one whose record it keeps."""
        survivor = self._survivor(winner, loser, recorded, known)
        order = sorted(known, key=lambda entity: (entity.is_person, entity.value == recorded.type))
        join_people(
            self._marketing,
            self._state,
            loser,
            winner,
            survivor,
            fields={field.api_name: field for entity in order for field in known[entity]},
            sum_scores=self._sum_scores,
            rule="P16",
            source=BY_HAND,
            at=at,
        )
        if survivor.external_company_id != winner.external_company_id:
            self._marketing.mirrors.move_customer(survivor.id, survivor.external_company_id)
        return survivor

    def _survivor(
        self, winner: Person, loser: Person, recorded: Person, known: Mapping[Entity, Sequence[Field]]
    ) -> Person:
        """The winner as it is to be: the place of the one that is recorded, the values as the second table says."""
        only_dynamics = {
            field.api_name
            for entity, fields in known.items()
            if entity.value == recorded.type
            for field in fields
            if field.direction is Direction.FROM
        }
        values, of_record = decode_fields(winner.fields), decode_fields(recorded.fields)
        values.update({name: of_record.get(name) for name in only_dynamics})
        merged = merge_people(
            decode_fields(loser.fields), values, base={}, mapped=only_dynamics, sum_scores=self._sum_scores
        )
        return recorded._replace(
            id=winner.id,
            email=merged.values.get("email"),
            is_deleted=recorded.type is None and (winner.is_deleted or loser.is_deleted),
            fields=encode_fields(merged.values),
        )

    def _rebase(
        self, page: Iterable[tuple[Link, Person]], survivor: Person, known: Mapping[Entity, Sequence[Field]]
    ) -> None:
        """What each record holds where the survivor differs, told from who was linked to it so far."""
        values = decode_fields(survivor.fields)
        for link, person in page:
            if link.state in _WITH_BASE:
                agreed = decode_fields(person.fields) | decode_fields(link.base)
                base = {
                    field.api_name: agreed.get(field.api_name)
                    for field in known.get(link.entity, ())
                    if not same(field, agreed.get(field.api_name), values.get(field.api_name))
                }
                self._state.links.set_base(link.entity, link.crm_id, encode_all(base) if base else None)

    def _unsent(self, record: Link, fields: Iterable[Field]) -> list[str]:
        """The fields that are to be sent to the survivor's record."""
        link = self._state.links.of(record.entity, [record.crm_id])[record.crm_id]
        base = decode_fields(link.base) if link.state is LinkState.LIVE else {}
        return sorted(field.api_name for field in fields if field.pushed and field.api_name in base)

    def _refuse_under_way(self, people: Iterable[Person]) -> None:
        """Raise WriteUnderWay where the answer to a write is awaited: it must find the person as it was sent."""
        under_way = {each.person_id for each in self._state.intents.begun()}
        for person in people:
            if person.id in under_way:
                raise WriteUnderWay(f"Person {person.id} is being written to Dynamics.", person=person.id)

    def _withdraw_wishes(self, people: Iterable[Person], outcome: str, *, at: str) -> None:
        """What was asked for and not begun is not wanted any more."""
        wishes = self._state.intents.of_people([person.id for person in people]).values()
        self._state.intents.end(wishes)
        for each in wishes:
            if each.action_id is not None:
                self._state.actions.settle(each.action_id, "refused", f"the person was {outcome}", at=at)

    def _stop_waiting(self, links: Iterable[Link]) -> None:
        for link in links:
            self._state.waiting.stop_all(link.entity, [link.crm_id])

    def _let_roles_wait(self, roles: Iterable[Role], record: Link, *, at: str) -> None:
        """What gave the roles is not read again when the record brings a new person (O2)."""
        wanted: dict[Entity, list[tuple[WantedRole, str]]] = {}
        for opportunity, _, role, source, is_primary in roles:
            table, _, row = source.partition(":")
            entity, giver = (Entity(table), row) if row else (Entity.OPPORTUNITY, opportunity)
            each = WantedRole(giver, record.entity, record.crm_id, opportunity, role, source, is_primary)
            wanted.setdefault(entity, []).append((each, PERSON_DELETED))
        for entity, absent in wanted.items():
            let_roles_wait(self._state, entity, absent, at=at)


def _current(links: Iterable[Link]) -> Link | None:
    return next((link for link in links if link.state in _CURRENT), None)
