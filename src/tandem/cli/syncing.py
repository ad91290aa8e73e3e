"""`tandem sync` and `tandem run`: the engine at work, once or for ever.

Whoever runs these from a script sees nothing but the exit code, so it tells the four ends apart: all well, something
failed, single records failed, stopped half-way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output, progress
from tandem.cli.invocation import ExitCode
from tandem.cli.naming import entities_named
from tandem.model.entities import STANDARD, Entity

if TYPE_CHECKING:
    from tandem.runtime.notifying.delivering import Notifier
    from tandem.runtime.settings import Settings
    from tandem.runtime.subscription import Subscription
    from tandem.runtime.syncing import Stop
    from tandem.sync.context import Context
    from tandem.sync.cycle import Engine
    from tandem.sync.cycle_report import CycleReport

CycleJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per cycle.")]


def sync(
    context: typer.Context,
    enable: Annotated[bool, typer.Option("--enable", help="Switch the sync on first.")] = False,
    entity: Annotated[
        str | None, typer.Option(metavar="ENTITY", help="Read this table only, by either name; the others wait.")
    ] = None,
    json: CycleJson = False,
) -> None:
    """Sync once now. The first time this copies the whole organisation; stopped, it goes on where it was.

    Exits 1 when a table or everything failed, 3 when single records could not be synced.
    """
    from tandem.runtime import syncing

    only = _named(context.obj.settings, entity) if entity else None
    with _at_work(context.obj.settings, enable=enable) as (subscription, engine, work, stop, notifier):
        if syncing.nothing_read(subscription):
            estimate = progress.cost(syncing.estimate(subscription, work.dynamics, only=only))
            output.note(f"First copy, estimated: {estimate}")
        cycles = []
        for cycle in syncing.cycles(engine, stop, only=only):
            cycles.append(cycle)
            notifier.cycle_ended(well=True)
            if json:
                output.json(cycle.as_json())
        held = sum(hold.state == "open" for hold in subscription.state.journal.holds())
        failed = sum(
            count for (_, level), count in subscription.state.journal.count_errors().items() if level == "record"
        )
    # The bars are gone now: what is printed stays.
    if not json:
        _tell_totals(cycles)
    if held:
        output.note(f"Holds that wait for a decision: {held}. See: tandem holds")
    code = _end(cycles[-1], failed=failed, stopped=stop())
    if code is not ExitCode.DONE:
        raise typer.Exit(code)


def _named(settings: "Settings", name: str) -> list[Entity]:
    """The synced tables behind a name. Raises UnknownEntity."""
    from tandem.runtime.subscription import opened
    from tandem.sync.tables import shown_entities

    with opened(settings) as subscription:
        return entities_named(name, shown_entities(subscription.state))


def run(
    context: typer.Context,
    interval: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="SECONDS", help="Wait so long after each cycle; left out: the setting interval (300)."
        ),
    ] = None,
    json: CycleJson = False,
) -> None:
    """Keep in step: sync, wait, sync again, until SIGTERM or Ctrl-C, which end it after the page in hand.

    While the sync is switched off nothing is read. What passes by itself, such as a lost network, is waited for. New
    credentials are taken up with the next cycle.
    """
    is_over = _run(context.obj.settings, interval, json=json, required=True)
    while not is_over:
        # Switched off by then, it waits as it would have.
        is_over = _run(context.obj.settings, interval, json=json, required=False)


def _run(settings: "Settings", interval: int | None, *, json: bool, required: bool) -> bool:
    """Keep in step until a stop is asked for; False when there are other credentials, to begin with once more."""
    from tandem.model.errors import RetryLater
    from tandem.runtime import syncing

    def told(cycle: "CycleReport") -> None:
        notifier.cycle_ended(well=True)
        if json:
            output.json(cycle.as_json())
        else:
            output.line(_sentence(cycle))
        _tell_problems(cycle)

    def failed(problem: RetryLater) -> None:
        notifier.cycle_ended(well=False)
        output.note(f"{problem.message} {problem.remedy} [{problem.code}]")

    with _at_work(settings, enable=False, required=required) as (subscription, engine, _, stop, notifier):
        connected = subscription.connection()
        syncing.run_for_ever(
            engine,
            stop,
            interval=interval or settings.interval,
            enabled=lambda: subscription.enabled,
            told=told,
            failed=failed,
            idle=lambda: notifier.cycle_ended(well=False),
            current=lambda: subscription.binding == connected,
        )
        return stop()


@contextmanager
def _at_work(
    settings: "Settings", *, enable: bool, required: bool = True
) -> Iterator[tuple["Subscription", "Engine", "Context", "Stop", "Notifier"]]:
    """The engine of the subscription, alone at work, with its progress shown and its notices delivered.

    `enable`: switch the sync on; else it must be on already, where that is `required`.
    """
    from tandem.runtime import syncing
    from tandem.runtime.notifying.delivering import notifying
    from tandem.runtime.subscription import opened

    with opened(settings) as subscription:
        subscription.connection()
        if required and not enable:
            syncing.require_enabled(subscription)
        with (
            syncing.stopped_by_signals() as stop,
            progress.shown() as report,
            notifying(settings) as notifier,
            syncing.engine_of(subscription, report=report, stopping=stop, sleep=stop.sleep) as (engine, work),
        ):
            if enable:
                syncing.enable(subscription, True)
            try:
                yield subscription, engine, work, stop, notifier
            except syncing.Stopped as problem:
                output.note(f"{problem.message} {problem.remedy}")
                raise typer.Exit(ExitCode.INTERRUPTED) from None


def _end(last: "CycleReport", *, failed: int, stopped: bool) -> ExitCode:
    """Tell what is not well, and the exit code that says so; `failed` counts records with open errors."""
    _tell_problems(last)
    if last.problems:
        return ExitCode.FAILED
    if stopped:
        output.note("Stopped. The next `tandem sync` goes on from here.")
        return ExitCode.INTERRUPTED
    if failed:
        output.note(f"{failed:,} records could not be synced: see `tandem errors`.")
        return ExitCode.RECORD_ERRORS
    return ExitCode.DONE


def _tell_totals(cycles: Sequence["CycleReport"]) -> None:
    """One row per table, over all cycles of this command."""
    from tandem.sync.context import Counts

    totals: dict[Entity, Counts] = {}
    for cycle in cycles:
        for entity, counts in cycle.entities.items():
            totals.setdefault(entity, Counts()).add(counts)
    names = ("read", "created", "updated", "deleted", "unchanged", "excluded", "waiting", "pushed", "failed", "seconds")
    rows = [
        [entity.value, *(getattr(totals[entity], name) for name in names)]
        for entity in dict.fromkeys((*STANDARD, *totals))
        if entity in totals
    ]
    output.table(["table", *names], rows, optional=("excluded", "waiting", "pushed", "failed"))
    requests, seconds = sum(cycle.requests for cycle in cycles), sum(cycle.seconds for cycle in cycles)
    output.line(f"{requests:,} requests to Dynamics, none to marketing, {progress.span(seconds)}.")
    if any(cycle.completed_copy for cycle in cycles):
        output.line("The first copy is complete. `tandem run` keeps it in step.")


def _tell_problems(cycle: "CycleReport") -> None:
    for entity, problem in cycle.problems.items():
        output.note(f"{entity.value}: {problem.message} {problem.remedy} [{problem.code}]")


def _sentence(cycle: "CycleReport") -> str:
    """What a cycle did, in one line."""
    sums = {
        name: sum(getattr(counts, name) for counts in cycle.entities.values())
        for name in ("created", "updated", "deleted", "waiting", "pushed", "failed")
    }
    moved = ", ".join(f"{count:,} {name}" for name, count in sums.items() if count) or "nothing new"
    copying = f"; still copying {', '.join(each.value for each in cycle.unfinished)}" if cycle.unfinished else ""
    complete = "; the first copy is complete" if cycle.completed_copy else ""
    unsent = "; more to send in the next cycle" if cycle.unsent else ""
    return f"{moved}; {cycle.requests:,} requests, {cycle.seconds:.1f} s{copying}{unsent}{complete}"
