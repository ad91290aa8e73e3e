"""Which person is which CRM record, in numbers, and what only a person can settle (rules P1, P16, P18, N7).

Tandem never joins two people because they look alike. What looks alike is listed here instead.
"""

from dataclasses import dataclass

from tandem.model.entities import STANDARD, Entity
from tandem.model.ids import PersonId
from tandem.rules.presence import LinkState
from tandem.runtime.subscription import Subscription
from tandem.sync.waiting import AMBIGUOUS


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedPerson:
    """A person and its CRM record."""

    person_id: int
    entity: Entity | None
    crm_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleDuplicate:
    """Linked people with one e-mail (P18)."""

    email: str
    people: list[LinkedPerson]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """A new CRM record that waits because several people only in marketing have its e-mail (P1)."""

    entity: Entity
    crm_id: str
    email: str
    candidates: list[PersonId]
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that is not synced and brings no new person (P9, P16), and who it is now; None: nobody."""

    entity: Entity
    crm_id: str
    person_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """`counts`: how many links there are, by table and state."""

    counts: dict[str, dict[str, int]]
    possible_duplicates: list[PossibleDuplicate]
    ambiguous: list[Ambiguous]
    set_aside: list[SetAside]


def read_links(subscription: Subscription) -> LinkReport:
    """The links of a subscription; of each list the first thousand."""
    counts = subscription.state.links.counts()
    return LinkReport(
        counts={
            entity.value: {
                state.value: counts.get((entity, state), 0) for state in LinkState if state is not LinkState.NONE
            }
            for entity in STANDARD
            if entity.is_person
        },
        possible_duplicates=_duplicates(subscription),
        ambiguous=_ambiguous(subscription),
        set_aside=[
            SetAside(entity=link.entity, crm_id=link.crm_id, person_id=link.person_id)
            for link in subscription.state.links.set_aside()
        ],
    )


def _duplicates(subscription: Subscription) -> list[PossibleDuplicate]:
    found = subscription.state.links.possible_duplicates()
    links = subscription.state.links.of_people([person for _, people in found for person in people])
    duplicates = []
    for email, people in found:
        linked = [(person, links.get(person)) for person in people]
        named = [
            LinkedPerson(person_id=person, entity=link.entity if link else None, crm_id=link.crm_id if link else None)
            for person, link in linked
        ]
        duplicates.append(PossibleDuplicate(email=email, people=named))
    return duplicates


def _ambiguous(subscription: Subscription) -> list[Ambiguous]:
    waiting = subscription.state.waiting.of_kind(AMBIGUOUS)
    emails = sorted({email for _, _, email, _ in waiting})
    candidates = subscription.marketing.people.unlinked_by_email(emails) if emails else {}
    return [
        Ambiguous(entity=entity, crm_id=crm_id, email=email, candidates=candidates.get(email, []), since=since)
        for entity, crm_id, email, since in waiting
    ]
