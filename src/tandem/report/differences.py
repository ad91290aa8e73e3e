"""Every field in which a person differs from its record, and why (rule R1).

"In step" is a promise only if its exceptions can be read: a difference nobody can list is a lost edit. They are found
where the sync keeps them, by the page, so that millions of equal people cost nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tandem.mapping.projection import decode_fields
from tandem.model.entities import Entity
from tandem.model.ids import PersonId
from tandem.report.values import KnownFields, ShownValue, shown_value
from tandem.rules.reasons import Reason, reasons
from tandem.rules.units import units_of
from tandem.runtime.subscription import Subscription
from tandem.state.links import Link
from tandem.sync.explaining import Explaining

_PEOPLE = (Entity.LEAD, Entity.CONTACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """One field of a person that Dynamics holds otherwise: both values, the reason, and the reason in words."""

    person_id: int
    entity: Entity
    crm_id: str
    field: str
    label: str
    marketing: ShownValue
    dynamics: ShownValue
    reason: Reason
    text: str
    hold_id: int | None
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceReport:
    """`counts`: all differing fields by reason; `differences`: the first of them, in the order of people."""

    people: int
    counts: dict[Reason, int]
    differences: list[FieldDifference]


def read_differences(subscription: Subscription, *, limit: int) -> DifferenceReport:
    """Every difference is counted, and the first `limit` are told."""
    counts, first, people = Counter[Reason](), list[FieldDifference](), 0
    finder = DifferenceFinder(subscription)
    for page in finder.pages():
        people += len({each.person_id for each in page})
        counts.update(each.reason for each in page)
        first += page[: limit - len(first)]
    return DifferenceReport(
        people=people, counts={each: counts[each] for each in Reason if counts[each]}, differences=first
    )


class DifferenceFinder:
    """Finds the differences of people from their records."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        known, settings = KnownFields(subscription), subscription.settings
        selected = {entity: known.selected(entity) for entity in _PEOPLE}
        self._fields = {entity: {each.api_name: each for each in fields} for entity, fields in selected.items()}
        self._units = {
            entity: units_of(fields, address_block=settings.address_block, consent=settings.consent_wins)
            for entity, fields in selected.items()
        }
        self._explaining = Explaining(subscription.marketing, subscription.state)

    def pages(self) -> Iterator[list[FieldDifference]]:
        """Everybody's differences, a few hundred people at a time."""
        for entity in _PEOPLE:
            after = 0
            while page := self._subscription.state.links.unsent(entity, after=after):
                yield self.of(page)
                after = page[-1].person_id or 0

    def of(self, links: Sequence[Link]) -> list[FieldDifference]:
        """The differences of the people with these links."""
        ids = [link.person_id for link in links if link.person_id is not None]
        people, facts = self._subscription.marketing.people.get(ids), self._explaining.facts(links)
        found = []
        for link in links:
            person = people.get(PersonId(link.person_id or 0))
            if person is None:
                continue
            values, base, fields = decode_fields(person.fields), decode_fields(link.base), self._fields[link.entity]
            why = reasons(self._units[link.entity], person=values, base=base, facts=facts[person.id])
            found += [
                FieldDifference(
                    person_id=person.id,
                    entity=link.entity,
                    crm_id=link.crm_id,
                    field=name,
                    label=fields[name].label,
                    marketing=shown_value(fields[name], values.get(name)),
                    dynamics=shown_value(fields[name], base[name]),
                    reason=each.reason,
                    text=each.text,
                    hold_id=each.hold_id,
                    code=each.code,
                )
                for name, each in why.items()
            ]
        return found
