"""Where a subscription stands, from nothing but what the sync stored: it is told alike by a person's screen and JSON.

A status that asked Dynamics would fail exactly when it is needed, and one that is computed beside the sync would
disagree with it one day. So everything here is a stored fact, and whoever looks disturbs nobody; but for what is unread
in Dynamics, which is told to those who ask for it.

The state is the first that holds:

    not connected   no organisation, or its credentials were forgotten
    disabled        the switch is off
    halted          the last cycle ended, or the next could not begin, for a reason that only a person removes; nothing
                    goes on until then
    retrying        the last cycle ended for a reason that passes by itself
    partly halted   single tables cannot be read, or wait for a person; the others go on
    review          everything is read once more, and nothing is written before that (S9, S10)
    first copy      the first copy is not complete
    current         everything read was applied
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from tandem.model.entities import Entity
from tandem.report.quick_syncs import QuickSyncStatus, open_quick_syncs
from tandem.report.throughput import Throughput, read_throughput
from tandem.report.unread import Unread, count_unread
from tandem.report.verification import Verification, read_verification
from tandem.rules.notices import later
from tandem.rules.presence import LinkState
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Binding, Subscription, exists, opened
from tandem.state.streams import Reading, Stream, StreamState
from tandem.sync.backlog import Backlog, read_backlog
from tandem.sync.cycle_report import Outcome
from tandem.sync.tables import shown_entities, synced_entities
from tandem.sync.telling import EXPIRE_AT, told_down
from tandem.sync.waiting import objects_waiting


class State(StrEnum):
    """How it goes, in a word; see the table above."""

    NOT_CONNECTED = "not connected"
    DISABLED = "disabled"
    HALTED = "halted"
    RETRYING = "retrying"
    PARTLY_HALTED = "partly halted"
    REVIEW = "review"
    FIRST_COPY = "first copy"
    CURRENT = "current"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityStatus:
    """One table. `records`: what the marketing copy has of it and Dynamics still has.

    `unsent`: of a two-way table, how many people differ from their record (`tandem differences` says in what and why).

    `deleted`: deleted in Dynamics since the first copy; `superseded`: leads and contacts that were qualified or merged
    away, whose person lives on under another record; `excluded`: kept out by the sync filter. The backlog is what was
    read and not applied, and what a copy has left to read: an insert has no record here yet, an update has. The oldest
    of each waits since `oldest_insert` and `oldest_update`, of both since `oldest_pending`; None where nobody knows.
    """

    records: int = 0
    deleted: int = 0
    superseded: int = 0
    excluded: int = 0
    backlog_inserts: int = 0
    backlog_updates: int = 0
    oldest_pending: str | None = None
    oldest_insert: str | None = None
    oldest_update: str | None = None
    unsent: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """How far one table is read. `token_age` in seconds; `weak`: Dynamics does not track its changes.

    While it is being copied: what for, the rows read so far, and Dynamics' estimate of all; else None.
    """

    state: StreamState
    weak: bool
    reading: Reading | None
    rows_read: int | None
    total: int | None
    live_at: str | None
    token_at: str | None
    token_age: int | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingStatus:
    """References that wait for a record of `target`, counted by reason."""

    entity: str
    target: str
    reason: str
    count: int
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One subscription. Times are ISO 8601 UTC.

    A good cycle came to its end; single tables may have failed in it. `credentials_expire_at` is None where nobody but
    Entra knows, which is so of secrets and passwords. `successors` are streams with other columns that are read beside
    the present ones and take their place; `quick_syncs` those that wait or run. `down` is what people were told of that
    stops everything, and what to do; None when nothing does. `unread` is None unless Dynamics was asked for it.
    """

    subscription: str
    state: State
    organization_id: str | None = None
    organization_name: str | None = None
    url: str | None = None
    user: str | None = None
    notify: str | None = None
    first_copy_completed_at: str | None = None
    last_cycle: dict[str, Any] | None = None
    last_good_cycle_at: str | None = None
    credentials_expire_at: str | None = None
    entities: dict[str, EntityStatus] = field(default_factory=dict)
    throughput: dict[str, Throughput] = field(default_factory=dict)
    down: str | None = None
    unread: dict[str, Unread] | None = None
    streams: dict[str, StreamStatus] = field(default_factory=dict)
    successors: dict[str, StreamStatus] = field(default_factory=dict)
    quick_syncs: list[QuickSyncStatus] = field(default_factory=list)
    waiting: list[WaitingStatus] = field(default_factory=list)
    open_holds: int = 0
    verification: Verification = field(default_factory=Verification)
    database: str
    log_file: str


def read_status(settings: Settings, *, unread: bool = False) -> Status:
    """The status of the subscription in `settings`, also where there is none yet. Raises what `opened` raises.

    With `unread` Dynamics is asked what waits there: raises what `count_unread` raises.
    """
    if not exists(settings) and not unread:
        return Status(
            subscription=settings.subscription,
            state=State.NOT_CONNECTED,
            database=str(settings.database_file),
            log_file=str(settings.log_file),
        )
    with opened(settings) as subscription:
        found = _status(subscription)
        return replace(found, unread=count_unread(subscription)) if unread else found


def is_older(at: str | None, *, minutes: int, now: str) -> bool:
    """Is that time so long ago? None counts as longer ago than anything, and so does a time as far ahead: whoever wrote
    it had a wrong clock, and a monitor that waited for it would sleep until then."""
    span = timedelta(minutes=minutes)
    return at is None or later(at, span) < now or later(now, span) < at


def _status(subscription: Subscription) -> Status:
    state, binding = subscription.state, subscription.binding
    stored, at = state.streams.all(), subscription.now()
    streams = {entity: stored[entity] for entity in synced_entities(state) if entity in stored}
    waiting = [
        (entity, target, reason, count, since) for entity, target, _, reason, count, since in state.waiting.counts()
    ]
    entities, down = _entities(subscription), told_down(state)
    return Status(
        subscription=subscription.name,
        state=_word(subscription, binding, streams),
        organization_id=binding.organization_id if binding else None,
        organization_name=binding.organization_name if binding else None,
        url=binding.url if binding else None,
        user=binding.user_name if binding else None,
        notify=state.setting("notify"),
        first_copy_completed_at=state.setting("first_copy_completed_at"),
        last_cycle=_cycle(state.journal.last_cycle()),
        last_good_cycle_at=state.journal.last_good_cycle(),
        credentials_expire_at=state.setting(EXPIRE_AT),
        down=f"{down[-1].message} {down[-1].advice}" if down else None,
        entities=entities,
        throughput=read_throughput(
            subscription, {name: each.backlog_inserts + each.backlog_updates for name, each in entities.items()}
        ),
        streams={entity.value: _stream(stream, at) for entity, stream in streams.items()},
        successors={entity.value: _stream(stream, at) for entity, stream in state.streams.successors().items()},
        quick_syncs=open_quick_syncs(subscription),
        waiting=[
            WaitingStatus(entity=entity, target=target, reason=reason, count=count, since=since)
            for entity, target, reason, count, since in [*waiting, *(each[:5] for each in objects_waiting(state))]
        ],
        open_holds=sum(hold.state == "open" for hold in state.journal.holds()),
        verification=read_verification(subscription),
        database=subscription.database.place,
        log_file=str(subscription.settings.log_file),
    )


def _word(subscription: Subscription, binding: Binding | None, streams: dict[Entity, Stream]) -> State:
    if binding is None or binding.credentials is None:
        return State.NOT_CONNECTED
    if not subscription.enabled:
        return State.DISABLED
    last = subscription.state.journal.last_cycle(finished=True)
    match last and last["outcome"]:
        case Outcome.FAILED:
            return State.HALTED
        case Outcome.TO_BE_RETRIED:
            return State.RETRYING
    if told_down(subscription.state):
        return State.HALTED
    if any(level == "job" for _, level in subscription.state.journal.count_errors()):
        return State.PARTLY_HALTED
    if any(stream.state is StreamState.HALTED for stream in streams.values()):
        return State.PARTLY_HALTED
    if subscription.state.reviews.open() is not None:
        return State.REVIEW
    if subscription.state.setting("first_copy_completed_at") is None:
        return State.FIRST_COPY
    return State.CURRENT


def _cycle(cycle: dict[str, Any] | None) -> dict[str, Any] | None:
    """A stored cycle as one flat object, as `tandem sync --json` prints it, with number, times and outcome."""
    if cycle is None:
        return None
    return {
        "number": cycle["id"],
        "begun_at": cycle["begun_at"],
        "ended_at": cycle["ended_at"],
        "outcome": cycle["outcome"],
        **cycle["counts"],
    }


def _entities(subscription: Subscription) -> dict[str, EntityStatus]:
    state, links = subscription.state, subscription.state.links.counts()
    records, deleted, excluded = subscription.marketing.counts(), state.deletions.applied(), state.excluded_counts()
    errors, backlog = state.journal.count_errors(), list(read_backlog(state))
    unsent = state.links.count_unsent()
    found = {}
    for entity in shown_entities(state):
        # Roles are one thing in marketing and come from two tables.
        here, marked = records.get(entity.value) or records.get(entity.marketing_name, (0, 0))
        if entity.is_person:
            here, marked = links.get((entity, LinkState.LIVE), 0) + links.get((entity, LinkState.PARKED), 0), 0
        own = [each for each in backlog if each.entity is entity]
        found[entity.value] = EntityStatus(
            records=here - marked,
            deleted=deleted.get(entity.value, 0),
            superseded=links.get((entity, LinkState.SUPERSEDED), 0),
            excluded=excluded.get(entity.value, 0) + links.get((entity, LinkState.EXCLUDED), 0),
            backlog_inserts=sum(each.inserts for each in own),
            backlog_updates=sum(each.updates for each in own),
            oldest_pending=_oldest(own),
            oldest_insert=_oldest(each for each in own if each.inserts),
            oldest_update=_oldest(each for each in own if each.updates),
            unsent=unsent.get(entity, 0),
            errors=sum(count for (name, _level), count in errors.items() if name == entity.value),
        )
    return found


def _oldest(backlog: Iterable[Backlog]) -> str | None:
    return min((each.since for each in backlog if each.since), default=None)


def _stream(stream: Stream, at: str) -> StreamStatus:
    copying, age = stream.state is StreamState.COPYING, None
    if stream.token_at is not None:
        age = int((datetime.fromisoformat(at) - datetime.fromisoformat(stream.token_at)).total_seconds())
    return StreamStatus(
        state=stream.state,
        weak=stream.weak,
        reading=stream.reading if copying else None,
        rows_read=stream.rows_read if copying else None,
        total=stream.total if copying else None,
        live_at=stream.live_at,
        token_at=stream.token_at,
        token_age=age,
        reason=stream.reason,
    )
