"""The `tandem` command: what all commands share, and how each of them may end.

A command that fails says what happened and what to do, and its exit code tells a script whether the work failed (1)
or the command line was wrong (2). Nobody is shown a traceback who did not ask for one.

Modules of commands import the rooms they drive inside their functions: `tandem --help` must not load a database
driver, a web server and a cipher.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated

import typer
from typer.exceptions import TyperException
from typer.main import get_command

import tandem
from tandem.cli import (
    action,
    campaigns,
    conflicts,
    conformance,
    connection,
    demo,
    differences,
    entities,
    errors,
    explain,
    export,
    fields,
    filter,
    holds,
    links,
    notifications,
    output,
    people,
    places,
    plan,
    relink,
    sandbox,
    status,
    syncing,
    validate,
    verify,
    waiting,
)
from tandem.cli.invocation import ExitCode, Invocation
from tandem.cli.overview import Overview
from tandem.model.errors import OurBug, TandemError

_logger = logging.getLogger(__name__)
_LIBRARY_WORDS = re.compile(r"Value error, |, unable to parse string as an? \w+")
# Python prints what is logged while no log is open; a command that needs no settings opens none.
logging.getLogger("tandem").addHandler(logging.NullHandler())

app = typer.Typer(cls=Overview, add_completion=False, rich_markup_mode=None)
app.command("demo", rich_help_panel="Try it")(demo.demo)
app.command("sandbox", rich_help_panel="Try it")(sandbox.sandbox)
app.command("conformance", rich_help_panel="Try it")(conformance.conformance)
app.command("validate", rich_help_panel="Connect")(validate.validate)
app.command("connect", rich_help_panel="Connect")(connection.connect)
app.command("disconnect", rich_help_panel="Connect")(connection.disconnect)
app.command("relink", rich_help_panel="Connect")(relink.relink)
app.command("fields", rich_help_panel="Choose what is synced")(fields.fields)
app.command("entities", rich_help_panel="Choose what is synced")(entities.entities)
app.command("filter", rich_help_panel="Choose what is synced")(filter.filter_)
app.command("campaigns", rich_help_panel="Choose what is synced")(campaigns.campaigns)
app.command("enable", rich_help_panel="Sync")(connection.enable)
app.command("disable", rich_help_panel="Sync")(connection.disable)
app.command("sync", rich_help_panel="Sync")(syncing.sync)
app.command("run", rich_help_panel="Sync")(syncing.run)
app.command("plan", rich_help_panel="Sync")(plan.plan)
app.command("status", rich_help_panel="Watch")(status.status)
app.command("notifications", rich_help_panel="Watch")(notifications.notifications)
app.command("errors", rich_help_panel="Watch")(errors.errors)
app.command("verify", rich_help_panel="Watch")(verify.verify)
app.command("holds", rich_help_panel="Decide and explain")(holds.holds)
app.command("conflicts", rich_help_panel="Decide and explain")(conflicts.conflicts)
app.command("links", rich_help_panel="Decide and explain")(links.links)
app.command("differences", rich_help_panel="Decide and explain")(differences.differences)
app.command("waiting", rich_help_panel="Decide and explain")(waiting.waiting)
app.command("explain", rich_help_panel="Decide and explain")(explain.explain)
app.add_typer(people.app, name="people", rich_help_panel="Work with people")
app.add_typer(action.app, name="action", rich_help_panel="Work with people")
app.command("export", rich_help_panel="Work with people")(export.export)
app.command("backup", rich_help_panel="Save and move the database")(places.backup)
app.command("restore", rich_help_panel="Save and move the database")(places.restore)
app.command("adopt", rich_help_panel="Save and move the database")(places.adopt)
app.command("fork", rich_help_panel="Save and move the database")(places.fork)


def _print_version(asked: bool) -> None:
    if asked:
        output.line(f"tandem {tandem.__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    subscription: Annotated[
        str | None,
        typer.Option(
            "--subscription",
            "-s",
            metavar="NAME",
            help="The subscription to work on; left out: the setting subscription, else `default`.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the log, its place, and the traceback of a failure.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Keep a marketing database and a Microsoft Dynamics 365 organisation in step."""
    invocation = context.find_object(Invocation)
    assert invocation is not None
    invocation.subscription = subscription
    invocation.verbose = verbose


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (without the program's name; default: this process's) and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    with ExitStack() as resources:
        invocation = Invocation(resources)
        try:
            return _run(given, invocation)
        except BrokenPipeError:
            # Python flushes once more at its end and would complain about the same closed pipe.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.PIPE_CLOSED
        except KeyboardInterrupt:
            output.note("Stopped.")
            return ExitCode.INTERRUPTED
        except TandemError as problem:
            _complain(problem, verbose=invocation.verbose)
        except Exception as problem:
            _logger.exception("a command failed unexpectedly")
            _complain(OurBug(f"{type(problem).__name__}: {problem}"), verbose=invocation.verbose)
    return ExitCode.FAILED


def _run(arguments: list[str], invocation: Invocation) -> int:
    command = get_command(app)
    try:
        with command.make_context("tandem", arguments, obj=invocation) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as end:
        sys.stdout.flush()
        return end.exit_code
    except typer.Abort:  # a question was answered with no, or with the end of the input
        output.note("Nothing was done.")
        return ExitCode.FAILED
    except TyperException as problem:
        at = getattr(problem, "ctx", None)
        output.note(f"{_plain(problem.format_message())}\nSee: {at.command_path if at else 'tandem'} --help")
        return problem.exit_code
    return ExitCode.DONE


def _plain(refusal: str) -> str:
    """What the parser says of a wrong value, without the words of the library that found it."""
    return _LIBRARY_WORDS.sub("", refusal).replace(": Input should", ": It should")


def _complain(problem: TandemError, *, verbose: bool) -> None:
    """Say what happened, what to do and the code to look it up by; with `verbose` the traceback before that."""
    from tandem.runtime.logs import redactor

    if verbose:
        output.note(redactor.clean(traceback.format_exc()))
    lines = [problem.message, problem.remedy, f"[{problem.code}]"]
    output.note(redactor.clean("\n".join(line for line in lines if line)))
