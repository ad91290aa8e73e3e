"""One person's way to Dynamics in a paragraph that a marketer understands (rule N6).

A page of facts answers every question but the first one: is it all right? Each sentence here is made from facts alone,
the most important first.
"""

from collections.abc import Iterator

from tandem.report.errors import heals_when
from tandem.report.explain import PersonFacts
from tandem.report.people import ShownLink
from tandem.rules.presence import LinkState
from tandem.rules.reasons import Reason
from tandem.state.queues import IntentKind


def summary(facts: PersonFacts) -> str:
    """The paragraph."""
    link = next((each for each in facts.links if each.state in (LinkState.LIVE, LinkState.PARKED)), None)
    sentences = [
        _where(facts, link),
        *(_in_step(facts) if link else _not_made(facts)),
        *_differing(facts),
        *_under_way(facts),
        *_held(facts),
        *_waiting(facts),
        *_collided(facts),
    ]
    return " ".join(sentences)


def _where(facts: PersonFacts, link: ShownLink | None) -> str:
    who = f"{facts.name} (person {facts.id})" if facts.name else f"Person {facts.id}"
    if link is not None and link.state == LinkState.PARKED:
        return (
            f"{who} is {link.entity.value} {link.crm_id} in Dynamics, which the sync filter excludes: nothing moves "
            "either way until it says Yes."
        )
    if link is not None:
        return f"{who} is {link.entity.value} {link.crm_id} in Dynamics."
    if facts.intent is not None and facts.intent.kind is IntentKind.CREATE:
        return f"{who} is to become a {facts.intent.entity.value} in Dynamics; the record is not there yet."
    if facts.microsoft_is_deleted:
        return f"{who} was deleted in Dynamics and stays here; synced to Microsoft once more, it becomes a new record."
    return f"{who} is only in marketing: nothing of it is sent until somebody syncs it to Microsoft."


def _in_step(facts: PersonFacts) -> Iterator[str]:
    read = f", as of {facts.read_at}" if facts.read_at else ""
    if facts.differences:
        count = len(facts.differences)
        yield f"{count} of its fields {'differs' if count == 1 else 'differ'} from Dynamics{read}."
    else:
        yield f"Both sides agree{read}."
    if not facts.enabled:
        yield "The sync is switched off: nothing moves until `tandem enable`."


def _not_made(facts: PersonFacts) -> Iterator[str]:
    """Why there is no record, where one was asked for."""
    for error in facts.errors:
        yield f"It was refused: {error.message} {error.advice} It is tried again when {heals_when(error)}."


def _differing(facts: PersonFacts) -> Iterator[str]:
    """The differing fields by reason; those that are held are told with their holds."""
    by_reason: dict[Reason, dict[str, list[str]]] = {}
    for each in facts.differences:
        by_reason.setdefault(each.reason, {}).setdefault(each.text, []).append(each.label)
    for text, labels in by_reason.get(Reason.REFUSED, {}).items():
        yield f"Refused: {', '.join(labels)}. {text}"
    for reason, opening in _OPENINGS.items():
        for text, labels in by_reason.get(reason, {}).items():
            yield f"{opening}: {', '.join(labels)} ({text})."


_OPENINGS = {
    Reason.WAITING: "To be sent",
    Reason.LEFT: "Not sent",
    Reason.BROKEN: "Not sent for now",
    Reason.CHOSEN: "Different by choice",
    Reason.PARKED: "Kept until then",
}


def _under_way(facts: PersonFacts) -> Iterator[str]:
    if facts.intent is not None and facts.intent.kind is not IntentKind.CREATE:
        yield "A write is under way, or its answer was lost: what became of it is looked up before anything else."
    if facts.nomination is not None and facts.nomination.attempts:
        yield f"It was tried in vain {facts.nomination.attempts} times since {facts.nomination.since}."


def _held(facts: PersonFacts) -> Iterator[str]:
    for hold in facts.holds:
        yield (
            f"Held: {hold.what}. `tandem holds --approve {hold.id}`: {hold.approving}; `--cancel {hold.id}`: "
            f"{hold.cancelling}."
        )


def _waiting(facts: PersonFacts) -> Iterator[str]:
    for each in facts.waiting:
        yield f"Its {each.target} is waited for since {each.since}: {each.reason}."


def _collided(facts: PersonFacts) -> Iterator[str]:
    lost = next((each for each in facts.conflicts if each.winner is not None), None)
    if lost is not None:
        side = "Dynamics'" if lost.winner == "dynamics" else "marketing's"
        state = (
            "the other one was given back" if lost.state == "restored" else f"`tandem conflicts --restore {lost.id}`"
        )
        yield f"{lost.label} was changed on both sides at {lost.at}: {side} value was kept ({state})."
