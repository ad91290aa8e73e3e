"""How far a copy is, on standard error: bars on a terminal, now and then a line elsewhere.

A first copy takes hours; one that says nothing is killed by somebody who thinks that it hangs.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.model.entities import Entity
    from tandem.runtime.syncing import Estimate
    from tandem.sync.context import Progress

_EVERY = 5.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def shown() -> Iterator[Callable[["Progress"], None]]:
    """What to report progress to while the block runs."""
    if sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield Lines()


class Lines:
    """One line every few seconds. `monotonic` is a clock in seconds."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._next = monotonic() + _EVERY

    def __call__(self, progress: "Progress") -> None:
        """Say it, if it is time."""
        if self._monotonic() >= self._next:
            output.note(sentence(progress))
            self._next = self._monotonic() + _EVERY


def sentence(progress: "Progress") -> str:
    """Such as `contact: 120,000 of about 400,000 rows, 9,300 rows/s, 0:30 left`."""
    parts = [f"{progress.entity.value}: {progress.rows:,}"]
    parts[0] += " rows" if progress.total is None else f" of about {progress.total:,} rows"
    if progress.rate:
        parts.append(f"{progress.rate:,.0f} rows/s")
    if progress.seconds_left is not None:
        parts.append(f"{span(progress.seconds_left)} left")
    return ", ".join(parts)


def cost(estimate: "Estimate") -> str:
    """What a copy will take, such as `1,000 rows (lead 600, contact 400), 2 requests, 0.1 minutes, 2 MB of disk.`"""
    from tandem.model.entities import Entity

    rows = ", ".join(f"{Entity(name).table} {count:,}" for name, count in estimate.rows.items())
    return (
        f"{sum(estimate.rows.values()):,} rows ({rows}), {estimate.requests:,} requests, {estimate.minutes:g} minutes, "
        f"{estimate.disk_bytes / 1_000_000:,.0f} MB of disk."
    )


def span(seconds: float) -> str:
    """A stretch of time as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def _bars() -> Iterator[Callable[["Progress"], None]]:
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description:<16}"),
        rich.BarColumn(),
        rich.TextColumn("{task.completed:>10,.0f} of {task.fields[about]}"),
        rich.TextColumn("{task.fields[rate]}"),
    )
    # Left to itself rich would send what is printed to standard output, JSON too, to where the bars are.
    with rich.Progress(*columns, console=Console(file=sys.stderr), redirect_stdout=sys.stdout.isatty()) as bars:
        tasks: dict[Entity, rich.TaskID] = {}

        def report(progress: "Progress") -> None:
            if progress.entity not in tasks:
                tasks[progress.entity] = bars.add_task(progress.entity.value, about="", rate="")
            left = "" if progress.seconds_left is None else f", {span(progress.seconds_left)} left"
            bars.update(
                tasks[progress.entity],
                completed=progress.rows,
                # The total is an estimate, up to a day old: a bar never runs past its end.
                total=None if progress.total is None else max(progress.total, progress.rows),
                about="?" if progress.total is None else f"about {progress.total:,}",
                rate=f"{progress.rate:,.0f} rows/s{left}" if progress.rate else "",
            )

        yield report
