"""Everything that is known about one person's way to Dynamics and back (rule N6).

"The sync is broken" is what people say who cannot see that a value was too long, or that a filter says No. Only stored
facts are told here, so they can be read while Dynamics is away, and reading them disturbs nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tandem.model.entities import Entity
from tandem.report.conflicts import Conflict, read_conflicts
from tandem.report.differences import DifferenceFinder, FieldDifference
from tandem.report.errors import SyncError
from tandem.report.holds import HeldWork, tell_holds
from tandem.report.people import ShownActivity, ShownLink, person_report
from tandem.rules.brakes import HoldKind
from tandem.rules.presence import LinkState
from tandem.runtime.subscription import Subscription
from tandem.state.journal import CollisionFilter, Hold
from tandem.state.links import Link
from tandem.state.queues import IntentKind

_LAST = 10
_CURRENT = (LinkState.LIVE, LinkState.PARKED)
_OF_DELETIONS = (HoldKind.MASS_DELETE, HoldKind.EMPTY_TABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nominated:
    """The person is to be looked at: how urgently, how often it was tried in vain, since when."""

    lane: str
    attempts: int
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIntent:
    """A write that is wanted, or whose outcome is not known yet."""

    kind: IntentKind
    entity: Entity
    crm_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReference:
    """A reference of the person's record to one that is not here yet."""

    target: str
    reason: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """One person. `enabled` is the sync switch; `read_at`: until when the changes of its table were read.

    `edited`: an edit of it was not taken up yet. Of conflicts and activities only the last few are told.
    """

    id: int
    name: str
    microsoft_is_deleted: bool
    enabled: bool
    read_at: str | None
    links: list[ShownLink]
    differences: list[FieldDifference]
    edited: bool
    nomination: Nominated | None
    intent: OpenIntent | None
    errors: list[SyncError]
    holds: list[HeldWork]
    waiting: list[WaitingReference]
    conflicts: list[Conflict]
    activities: list[ShownActivity]


def person_facts(subscription: Subscription, person_id: int) -> PersonFacts:
    """The facts about one person, found under an id merged away as well. Raises UnknownPerson."""
    state, report = subscription.state, person_report(subscription, person_id)
    number = report.id
    link = next((each for each in state.links.of_person(number) if each.state in _CURRENT), None)
    differences = DifferenceFinder(subscription).of([link]) if link else []
    return PersonFacts(
        id=number,
        name=report.name,
        microsoft_is_deleted=report.microsoft_is_deleted,
        enabled=subscription.enabled,
        read_at=_read_at(subscription, link),
        links=report.links,
        differences=differences,
        edited=bool(subscription.marketing.people.edited([number])),
        nomination=_nomination(subscription, number),
        intent=_intent(subscription, number),
        errors=[SyncError(**each) for each in state.journal.push_errors([number]).get(number, ())],
        holds=tell_holds(subscription, _holds(subscription, number, link, differences)),
        waiting=_waiting(subscription, link),
        conflicts=read_conflicts(subscription, CollisionFilter(person_id=number), limit=_LAST),
        activities=report.activities[-_LAST:],
    )


def _read_at(subscription: Subscription, link: Link | None) -> str | None:
    stream = subscription.state.streams.all().get(link.entity) if link else None
    return stream.token_at if stream else None


def _nomination(subscription: Subscription, person: int) -> Nominated | None:
    found = subscription.state.nominations.of_people([person]).get(person)
    if found is None:
        return None
    lane, attempts, since = found
    return Nominated(lane=lane.name.lower(), attempts=attempts, since=since)


def _intent(subscription: Subscription, person: int) -> OpenIntent | None:
    found = subscription.state.intents.of_people([person]).get(person)
    return OpenIntent(kind=found.kind, entity=found.entity, crm_id=found.crm_id) if found else None


def _waiting(subscription: Subscription, link: Link | None) -> list[WaitingReference]:
    found = subscription.state.waiting.of(link.entity, link.crm_id) if link else []
    return [WaitingReference(target=target, reason=reason, since=since) for target, reason, since in found]


def _holds(
    subscription: Subscription, person: int, link: Link | None, differences: Sequence[FieldDifference]
) -> list[Hold]:
    """The open holds that concern the person: of its fields, of its table's writes, of its record's deletion."""
    if link is None:
        return []
    state, ids = subscription.state, {each.hold_id for each in differences}
    ids |= set(state.held_fields.holds_of_people([person]).values())
    return [
        hold
        for hold in state.journal.holds()
        if hold.state == "open"
        and (hold.id in ids or (_is_of_deletions(hold, link) and link.crm_id in state.deletions.held(hold.id)))
    ]


def _is_of_deletions(hold: Hold, link: Link) -> bool:
    return hold.entity is link.entity and hold.kind in _OF_DELETIONS
