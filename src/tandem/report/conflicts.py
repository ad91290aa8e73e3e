"""What was edited on both sides at once, and which value was kept (rules P4, N7)."""

from dataclasses import dataclass
from typing import Any

from tandem.mapping.projection import decode_value
from tandem.model.ids import PersonId
from tandem.report.values import KnownFields, ShownValue, label_of, shown_value
from tandem.rules.fields import Winner
from tandem.runtime.subscription import Subscription
from tandem.sync.defined import field_named
from tandem.sync.edits import UnknownPerson

_WINNERS = {Winner.MARKETING: "marketing", Winner.CRM: "dynamics", Winner.NOBODY: None}


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


def read_conflicts(subscription: Subscription, person_id: int | None = None, *, limit: int) -> list[Conflict]:
    """The collisions of one person or of all: those that wait for a person first, then the newest.

    Raises UnknownPerson; an id merged away stands for the person it belongs to now.
    """
    marketing = subscription.marketing
    if person_id is not None:
        found = marketing.people.resolve(person_id)
        if found is None:
            raise UnknownPerson(f"There is no person {person_id}.", person=person_id)
        person_id = found
    collisions = subscription.state.journal.collisions(person_id, limit=limit)
    people = marketing.people.get({each["person_id"] for each in collisions if each["person_id"] is not None})
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
