"""What the brakes keep back, with enough of it to decide by (rules R6, N7).

Approving thousands of deletions by their number alone is a coin toss; a few names usually tell a clean-up from a lost
privilege.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tandem.mapping.projection import decode_fields
from tandem.model.entities import Entity
from tandem.runtime.subscription import Subscription
from tandem.state.journal import Hold

_PREVIEWED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRecord:
    """A record that would be deleted. `name` is its name in marketing, where it has one."""

    crm_id: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldWork:
    """A hold: `count` of `known` records would go, where `brake` may without asking. `preview` shows the first few."""

    id: int
    kind: str
    entity: Entity
    count: int
    known: int
    brake: int
    state: str
    at: str
    settled_at: str | None
    preview: list[HeldRecord]


def read_holds(subscription: Subscription) -> list[HeldWork]:
    """Every hold, oldest first; a settled one has no preview."""
    return [_work(subscription, hold) for hold in subscription.state.journal.holds()]


def _work(subscription: Subscription, hold: Hold) -> HeldWork:
    ids = subscription.state.deletions.held(hold.id)[:_PREVIEWED] if hold.state == "open" else []
    names = _names(subscription, hold.entity, ids)
    return HeldWork(
        id=hold.id,
        kind=hold.kind,
        entity=hold.entity,
        count=hold.count,
        known=hold.known,
        brake=hold.brake,
        state=hold.state,
        at=hold.at,
        settled_at=hold.settled_at,
        preview=[HeldRecord(crm_id=each, name=names.get(each)) for each in ids],
    )


def _names(subscription: Subscription, entity: Entity, ids: list[str]) -> dict[str, str]:
    """Names of people and companies; the other mirrors are looked up by id alone."""
    if entity is Entity.ACCOUNT:
        companies = subscription.marketing.companies.get(ids)
        return {key: _joined(decode_fields(each.fields), ["company"]) for key, each in companies.items()}
    if not entity.is_person:
        return {}
    links = subscription.state.links.of(entity, ids)
    people = subscription.marketing.people.get({link.person_id for link in links.values() if link.person_id})
    names = {
        int(key): _joined(decode_fields(person.fields), ["firstName", "lastName", "email"])
        for key, person in people.items()
    }
    return {key: names[link.person_id] for key, link in links.items() if link.person_id in names}


def _joined(fields: dict[str, object], names: Iterable[str]) -> str:
    return " ".join(str(fields[name]) for name in names if fields.get(name))
