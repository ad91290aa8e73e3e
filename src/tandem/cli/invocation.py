"""One run of the `tandem` command: what the global options said, and how it ended."""

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.runtime.settings import Settings


class ExitCode(IntEnum):
    """How a command ends. A command that ends otherwise than DONE raises `typer.Exit` with one of these."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    RECORD_ERRORS = 3
    """Done, but single records could not be synced: `tandem errors` lists them."""
    INTERRUPTED = 130
    """128 + SIGINT, as shells report it."""
    PIPE_CLOSED = 141
    """128 + SIGPIPE: the reader of the output, such as `head`, had enough."""


@contextmanager
def ended_by_sigterm(code: ExitCode) -> Iterator[None]:
    """SIGTERM ends the block by way of all that it has to close: what nobody keeps is not left behind."""
    before = signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(code))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Invocation:
    """The context object (`context.obj`) of every command. `resources` closes what a command leaves open."""

    def __init__(self, resources: ExitStack) -> None:
        self.resources = resources
        self.subscription: str | None = None
        self.verbose = False

    @cached_property
    def settings(self) -> "Settings":
        """The settings in force. The first use starts the log, so commands without settings leave no trace.

        Raises SettingsWrong or LogUnwritable; a bad --subscription is a usage error.
        """
        from tandem.runtime import logs
        from tandem.runtime.settings import SettingsWrong, load

        try:
            settings = load(subscription=self.subscription)
        except SettingsWrong as problem:
            if problem.context.get("source") == "--subscription":
                raise typer.BadParameter(f"The name of a subscription must be {problem.context['allowed']}.") from None
            raise
        place = self.resources.enter_context(logs.writing(settings, verbose=self.verbose))
        if self.verbose:
            output.note(f"Log file: {place}")
        return settings
