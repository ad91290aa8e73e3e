"""What was edited on both sides at once, and which value was kept (rules P4, N7)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from tandem.mapping.projection import decode_value
from tandem.mapping.selection import UnknownField
from tandem.model.ids import PersonId
from tandem.report.values import KnownFields, ShownValue, label_of, shown_value
from tandem.rules.fields import Winner
from tandem.runtime.subscription import Subscription
from tandem.state.journal import CollisionFilter
from tandem.sync.defined import defined_fields, field_named
from tandem.sync.edits import UnknownPerson
from tandem.sync.holds.restoring import restorable

_WINNERS = {Winner.MARKETING: "marketing", Winner.CRM: "dynamics", Winner.NOBODY: None}

_ALL = CollisionFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A collision: both values, what was agreed before, the side whose value stays, and why.

    It belongs to a person or to a company. `winner` is None where a person is asked, or was spared the question.
    """

    id: int
    person_id: int | None
    external_company_id: str | None
    field: str
    label: str
    base: ShownValue
    marketing: ShownValue
    dynamics: ShownValue
    winner: str | None
    rule: str
    at: str
    state: str


def read_conflicts(subscription: Subscription, wanted: CollisionFilter = _ALL, *, limit: int) -> list[Conflict]:
    """The collisions that are wanted: those that wait for a person first, then the newest. Raises what `meant` does."""
    collisions = subscription.state.journal.collisions(meant(subscription, wanted), limit=limit)
    return _shown(subscription, collisions)


def read_restorable(subscription: Subscription, wanted: CollisionFilter, *, limit: int) -> tuple[int, list[Conflict]]:
    """How many values `restore_all` would give back, and the first collisions of these. Raises what `meant` does."""
    count, first = 0, list[dict[str, Any]]()
    for collision in restorable(subscription.state, meant(subscription, wanted)):
        count += 1
        if count <= limit:
            first.append(collision)
    return count, _shown(subscription, first)


def meant(subscription: Subscription, wanted: CollisionFilter) -> CollisionFilter:
    """The filter with its names as they are stored: an id merged away stands for the person it belongs to now, a field
    for its name in marketing.

    Raises UnknownPerson or UnknownField.
    """
    if wanted.person_id is not None:
        found = subscription.marketing.people.resolve(wanted.person_id)
        if found is None:
            raise UnknownPerson(f"There is no person {wanted.person_id}.", person=wanted.person_id)
        wanted = replace(wanted, person_id=int(found))
    if wanted.field is not None:
        known = defined_fields(subscription.marketing, subscription.state).values()
        field = field_named(chain.from_iterable(known), wanted.field)
        if field is None:
            raise UnknownField(f"There is no field {wanted.field!r}.", field=wanted.field)
        wanted = replace(wanted, field=field.api_name)
    return wanted


def _shown(subscription: Subscription, collisions: Sequence[dict[str, Any]]) -> list[Conflict]:
    people = subscription.marketing.people.get(
        {each["person_id"] for each in collisions if each["person_id"] is not None}
    )
    kinds = {int(key): person.type for key, person in people.items()}
    known = KnownFields(subscription)
    return [_conflict(known, kinds, each) for each in collisions]


def _conflict(known: KnownFields, kinds: dict[int, str | None], stored: dict[str, Any]) -> Conflict:
    person, name = stored["person_id"], stored["field"]
    fields = known.of_companies() if person is None else known.of_people(kinds.get(person))
    field = field_named(fields, name)

    def value(side: str) -> ShownValue:
        return shown_value(field, decode_value(stored[side]))

    return Conflict(
        id=stored["id"],
        person_id=PersonId(person) if person is not None else None,
        external_company_id=stored["external_company_id"],
        field=name,
        label=label_of(field, name),
        base=value("base"),
        marketing=value("marketing"),
        dynamics=value("crm"),
        winner=_WINNERS[Winner(stored["winner"])],
        rule=stored["rule"],
        at=stored["at"],
        state=stored["state"],
    )
