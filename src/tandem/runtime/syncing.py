"""Runs the engine of one subscription: once, until the copy is done, or for ever (rules S1, S2, S11).

Two engines on one subscription undo each other's work, and one that gives up with the first lost packet keeps nobody in
step. So there is one at a time, and what passes by itself is waited for.
"""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType

from tandem.actions.registry import go_on
from tandem.dynamics.client import Dynamics
from tandem.dynamics.port import DynamicsOrganisation
from tandem.model.entities import Entity
from tandem.model.errors import NeedsPerson, RetryLater, TandemError
from tandem.rules.brakes import Brakes
from tandem.runtime import instance
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Subscription
from tandem.runtime.values import MailAddress
from tandem.sync.context import Context, Counts, Progress, SyncSettings
from tandem.sync.cycle import Engine
from tandem.sync.cycle_report import CycleReport
from tandem.sync.tables import count_rows, entities_read, synced_entities
from tandem.sync.telling import tell_stopped
from tandem.sync.verifying import Verifier

_BYTES_PER_ROW = 1_500
"""Disk a record takes at the default fields, indexes and history included; measured on the sandbox's people."""
_SECONDS_PER_PAGE = 2.0
"""What a full page takes a real organisation to answer; an assumption, the estimate says so."""


class NotEnabled(NeedsPerson):
    """The sync of this subscription is switched off."""

    code = "not-enabled"
    advice = "Switch it on with `tandem enable`, or copy at once with `tandem sync --enable`."


class AddressWrong(NeedsPerson):
    """Notifications cannot go to what was given as their address."""

    code = "address-wrong"
    advice = "Give one plain e-mail address, such as ann@example.com; a distribution list reaches several people."


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the first copy will cost: rows as Dynamics counts them (up to a day old), requests, minutes and bytes."""

    rows: dict[str, int]
    requests: int
    minutes: float
    disk_bytes: int


class Stopped(RetryLater):
    """A stop was asked for while Dynamics had told Tandem to wait."""

    code = "stopped"
    advice = "Nothing to do: the next run goes on from here."


@dataclass(slots=True)
class Stop:
    """Asks the work in hand to end at the next page."""

    event: threading.Event

    def __call__(self) -> bool:
        return self.event.is_set()

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until the stop is asked for."""
        self.event.wait(seconds)

    def sleep(self, seconds: float) -> None:
        """Wait for Dynamics, which may ask for minutes. Raises Stopped when the stop is asked for meanwhile."""
        if self.event.wait(seconds):
            raise Stopped("Stopped while waiting for Dynamics.")


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """A stop that SIGTERM and SIGINT ask for; a second signal acts as usual."""
    stop = Stop(threading.Event())

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.event.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sync_settings(settings: Settings) -> SyncSettings:
    """The engine's part of the settings."""
    return SyncSettings(
        page_size=settings.page_size,
        fresh_interval=settings.fresh_interval,
        brakes=Brakes(
            delete_floor=settings.brake_delete_floor,
            delete_share=settings.brake_delete_share,
            blank_floor=settings.brake_blank_floor,
            blank_share=settings.brake_blank_share,
            bulk_floor=settings.bulk_floor,
            bulk_share=settings.bulk_share,
            write_floor=settings.brake_write_floor,
            write_ratio=settings.brake_write_ratio,
        ),
        fanout_limit=settings.fanout_limit,
        match_email=settings.match_email,
        sum_scores=settings.sum_scores,
        never_return=settings.never_return,
        contact_parent_account=settings.contact_parent_account,
        address_block=settings.address_block,
        consent=settings.consent_wins,
        keep_journal=settings.keep_journal,
        keep_activities=settings.keep_activities,
        keep_history=settings.keep_history,
        language=settings.language,
        verification_days=settings.verification_days,
    )


@contextmanager
def dynamics_of(subscription: Subscription, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Dynamics]:
    """The subscription's organisation, with its stored credentials; `sleep` waits for it. Raises NotConnected."""
    binding = subscription.connection()
    bundle = binding.ca_bundle or subscription.settings.ca_bundle
    with Dynamics(binding.url, subscription.credentials(), ca_bundle=bundle, sleep=sleep) as dynamics:
        yield dynamics


@contextmanager
def engine_of(
    subscription: Subscription,
    *,
    report: Callable[[Progress], None] = lambda _progress: None,
    stopping: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[Engine, Context]]:
    """The subscription at work, alone, until `stopping` says so. Raises InUse, CopiedDatabase, NotConnected."""
    with subscription.exclusive(), contextlib.ExitStack() as stack:
        binding = subscription.connection()
        try:
            dynamics = stack.enter_context(dynamics_of(subscription, sleep=sleep))
            instance.check(subscription)
        except TandemError as problem:
            with subscription.database.transaction():
                tell_stopped(subscription.state, problem, at=subscription.now())
            raise
        context = replace(context_of(subscription, dynamics), report=report, stopping=stopping)
        count = partial(instance.check_in, subscription)
        yield Engine(context, organization_id=binding.organization_id, count=count), context


def context_of(subscription: Subscription, dynamics: DynamicsOrganisation) -> Context:
    """What the engine, or an action, works with."""
    return Context(
        database=subscription.database,
        dynamics=dynamics,
        marketing=subscription.marketing,
        state=subscription.state,
        now=subscription.now,
        monotonic=time.monotonic,
        settings=sync_settings(subscription.settings),
        writing=subscription.writing,
    )


def require_enabled(subscription: Subscription) -> None:
    """Raise NotEnabled while the switch is off."""
    if not subscription.enabled:
        raise NotEnabled(f"Subscription {subscription.name!r} is not enabled: nothing is copied or synced.")


def enable(subscription: Subscription, enabled: bool, *, notify: str | None = None) -> None:
    """Set the sync switch, and the address notifications go to; an empty one ends them. Raises AddressWrong."""
    if notify:
        try:
            MailAddress(notify)
        except ValueError:
            raise AddressWrong(f"{notify!r} is not an e-mail address.") from None
    with subscription.database.transaction():
        subscription.state.put_setting("enabled", enabled)
        if notify is not None:
            subscription.state.put_setting("notify", notify or None)


def cycles(
    engine: Engine, stop: Callable[[], bool], *, only: Collection[Entity] | None = None
) -> Iterator[CycleReport]:
    """Cycles until nothing is left to copy; after the first copy one more, for what changed meanwhile.

    After each, actions that were cut off are gone on with.
    """
    while True:
        report = engine.cycle(only)
        yield report
        if not stop():
            go_on(engine, engine.context)
        if stop() or not (report.unfinished or report.unsent or report.completed_copy) or _stuck(report):
            return


def verify(engine: Engine, context: Context, only: Collection[Entity] | None = None) -> None:
    """Look at every record of every table, or of those in `only`, on both sides at once (R1).

    The changes are read before, and again where something is in doubt then. While a table is copied, or an organisation
    is reviewed, its records are not looked at. Ends early where a stop is asked for: the next cycles go on. Raises what
    a cycle raises.
    """
    _verify_each(engine, context, only, Verifier.whole)
    if context.state.verifications.any_doubt():
        _verify_each(engine, context, only, Verifier.look_again)


def _verify_each(
    engine: Engine, context: Context, only: Collection[Entity] | None, step: Callable[[Verifier, Counts], None]
) -> None:
    report = engine.cycle(only, backfill=False)
    if context.state.reviews.open() is not None:
        return
    tables, streams = engine.tables(), context.state.streams.all()
    for entity in entities_read(context.state, only):
        if entity in tables.plans and entity not in report.problems and not context.stopping():
            verifier = Verifier(context, tables.plans[entity], tables.appliers[entity], streams[entity])
            if verifier.may_look:
                step(verifier, report.counts(entity))


def _stuck(report: CycleReport) -> bool:
    """Every table that is still being copied has a problem of its own: another try at once would be the same."""
    return bool(report.unfinished) and all(entity in report.problems for entity in report.unfinished)


def run_for_ever(
    engine: Engine,
    stop: Stop,
    *,
    interval: float,
    enabled: Callable[[], bool],
    told: Callable[[CycleReport], None],
    failed: Callable[[RetryLater], None],
    idle: Callable[[], None] = lambda: None,
    current: Callable[[], bool] = lambda: True,
) -> None:
    """Sync, wait `interval` seconds counted from the end, sync again, until the stop (S1).

    While the switch is off nothing is read (S11), and each round is `idle`. What passes by itself is told and tried
    again; anything else ends it. It ends too when what the engine was made with is not `current` any more.
    """
    while not stop() and current():
        try:
            if enabled():
                for report in cycles(engine, stop):
                    told(report)
            else:
                idle()
        except Stopped:
            return
        except RetryLater as problem:
            failed(problem)
            stop.wait(max(0.0, (problem.retry_after or 0.0) - interval))
        stop.wait(interval)


def nothing_read(subscription: Subscription) -> bool:
    """Has the first copy not even begun?"""
    return all(stream.reads_begun == 0 for stream in subscription.state.streams.all().values())


def estimate(
    subscription: Subscription, dynamics: DynamicsOrganisation, *, only: Collection[Entity] | None = None
) -> Estimate:
    """What the first copy will cost, as far as the organisation tells; `only` may name what is not enabled yet."""
    entities = synced_entities(subscription.state) if only is None else only
    rows = {entity.value: count for entity, count in count_rows(dynamics, list(entities)).items()}
    page = subscription.settings.page_size
    requests = sum(math.ceil(count / page) + 1 for count in rows.values())
    return Estimate(
        rows=rows,
        requests=requests,
        minutes=round(requests * _SECONDS_PER_PAGE / 60, 1),
        disk_bytes=sum(rows.values()) * _BYTES_PER_ROW,
    )
