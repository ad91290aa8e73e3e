"""Writes folded rows into people that exist, and links records to them.

One place writes a person's values, its log and the journal of what it lost, so that no way of changing a person can
forget one of the three.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from tandem.mapping.projection import encode_all, encode_fields, encode_value
from tandem.marketing.records import FROM_DYNAMICS, Activity, ActivityType, Person
from tandem.model.ids import PersonId
from tandem.rules.fields import Collision, Folded
from tandem.rules.presence import LinkState
from tandem.state.links import Link
from tandem.sync.applier import How
from tandem.sync.context import Context
from tandem.sync.holds.holding import free_fields, hold_fields
from tandem.sync.placing import Place, Placing
from tandem.sync.plan import TablePlan

_NOBODY: Mapping[str, Link] = MappingProxyType({})
_OWNERS = {"external_sales_person_id": "externalSalesPersonId", "team_id": "microsoftTeamId"}


class FoldedPerson(NamedTuple):
    """A person before, what its row made of its fields, and where it belongs now."""

    before: Person
    folded: Folded
    place: Place

    @property
    def id(self) -> PersonId:
        """The person's id."""
        return self.before.id

    def moved(self) -> bool:
        """Does the person belong to another company or owner now?"""
        return self.place != (self.before[3], self.before[4], self.before[5])


class Linking:
    """Works for one people table."""

    def __init__(self, context: Context, plan: TablePlan, placing: Placing) -> None:
        self._context = context
        self._plan = plan
        self._placing = placing

    def store(self, people: Sequence[FoldedPerson], how: How, *, extra: Iterable[Activity] = ()) -> None:
        """Write folded people, log what changed and journal what was lost; `extra` goes into the log first."""
        at, kind = self._context.now(), self._plan.entity.value
        after, activities, collisions = list[Person](), list(extra), list[tuple[int | None, str | None, Collision]]()
        for each in people:
            values = each.folded.values
            after.append(Person(each.id, kind, values.get("email"), *each.place, False, encode_fields(values)))
            activities += [_changed(each.id, *change) for change in each.folded.changes]
            activities += _new_owner(each)
            activities += [_conflict(each.id, collision) for collision in each.folded.collisions]
            collisions += [(each.id, None, collision) for collision in each.folded.collisions]
        self._context.marketing.people.update(after, at=at)
        self._context.marketing.people.log([] if how is How.COPY else activities, at=at)
        self._context.state.journal.add_collisions(collisions, at=at)
        hold_fields(self._context, self._plan.entity, [(each.id, held) for each in people for held in each.folded.held])
        free_fields(self._context, [(each.id, field) for each in people for field in each.folded.freed])
        self._placing.follow_customers([(each.before, person) for each, person in zip(people, after, strict=True)])

    def nominate(self, links: Iterable[Link], how: How, *, before: Mapping[str, Link] = _NOBODY) -> None:
        """People that differ from their row, or did `before`, are looked at again: to be sent, or healed (P7)."""
        if how.lane is not None:
            open_links = [link for link in links if link.base or (link.crm_id in before and before[link.crm_id].base)]
            people = [link.person_id for link in open_links if link.person_id is not None]
            self._context.state.nominations.add(people, how.lane, at=self._context.now())

    def attach(
        self,
        rows: Sequence[Any],
        people: Sequence[FoldedPerson],
        links: dict[str, Link],
        how: How,
        *,
        state: LinkState = LinkState.LIVE,
        extra: Iterable[Activity] = (),
    ) -> None:
        """Link each row to its person from now on; `links` tells which rows are known already."""
        made, changed = list[Link](), list[Link]()
        for row, person in zip(rows, people, strict=True):
            crm_id, base = self._plan.id(row), person.folded.base
            link = Link(
                crm_id,
                self._plan.entity,
                person.id,
                state,
                self._plan.version(row),
                encode_all(base) if base else None,
            )
            (changed if crm_id in links else made).append(link)
        self._context.state.links.add(made)
        self._context.state.links.update(changed)
        self.nominate([*made, *changed], how)
        self.store(people, how, extra=extra)


def _changed(person: PersonId, name: str, old: Any, new: Any) -> Activity:
    kind = ActivityType.CHANGE_DATA_VALUE
    return Activity(person, kind, name, encode_value(old), encode_value(new), FROM_DYNAMICS)


def _conflict(person: PersonId, collision: Collision) -> Activity:
    """Both values stand in the log, marketing's as the old one; the journal has the base and the rule as well."""
    marketing, crm = encode_value(collision.marketing), encode_value(collision.crm)
    detail = f'{{"winner":"{collision.winner.value}"}}'
    return Activity(person, ActivityType.CONFLICT, collision.field, marketing, crm, FROM_DYNAMICS, detail)


def _new_owner(person: FoldedPerson) -> list[Activity]:
    """A change of owner is logged like any field (P13)."""
    return [
        _changed(person.id, shown, getattr(person.before, name), getattr(person.place, name))
        for name, shown in _OWNERS.items()
        if getattr(person.before, name) != getattr(person.place, name)
    ]
