"""`tandem people import`: people from a CSV file, with a preview, and with every mistake by line and column."""

import time
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode

if TYPE_CHECKING:
    from tandem.runtime.importing import ImportReport

_EVERY = 5.0
"""Seconds between two lines about how far an import is."""
_SHOWN = 20
"""Problems that are printed."""


class Match(StrEnum):
    """By what a row finds its person."""

    EMAIL = "email"


def import_file(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="CSV in UTF-8 with a header."),
    ],
    match: Annotated[
        Match | None, typer.Option(help="A row without an id is the one person that has its e-mail address.")
    ] = None,
    only: Annotated[str, typer.Option(metavar="A,B", help="The columns that count; all others are ignored.")] = "",
    clear_empty: Annotated[
        bool, typer.Option("--clear-empty", help="An empty cell empties the field; else it says nothing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")] = False,
    json: output.Json = False,
) -> None:
    """Create and edit people from a CSV file: its header names fields by either name, its column id the people.

    Values are understood as `people set` understands them. A row with a mistake is refused as a whole, the others are
    stored. After a run that was ended, the same file goes on where it was. Exits 3 when rows were refused.
    """
    from tandem.runtime.importing import Wishes, import_people
    from tandem.runtime.subscription import opened

    columns = frozenset(name.strip() for name in only.split(",") if name.strip())
    wishes = Wishes(match_email=match is not None, only=columns, clear_empty=clear_empty, dry_run=dry_run)
    with opened(context.obj.settings) as subscription:
        report = import_people(subscription, file, wishes, told=_lines())
    if json:
        output.json({**asdict(report), "dry_run": dry_run})
    else:
        _print(report, dry_run=dry_run)
    if report.refused:
        raise typer.Exit(ExitCode.RECORD_ERRORS)


def _lines() -> "Callable[[ImportReport], None]":
    """Says now and then on standard error how far the import is."""
    due = time.monotonic() + _EVERY

    def told(report: "ImportReport") -> None:
        nonlocal due
        if time.monotonic() >= due:
            output.note(f"Line {report.line:,}: {report.created:,} created, {report.updated:,} updated.")
            due = time.monotonic() + _EVERY

    return told


def _print(report: "ImportReport", *, dry_run: bool) -> None:
    if report.resumed_after is not None:
        output.line(f"Went on behind line {report.resumed_after:,}, where an earlier run of this file had ended.")
    for problem in report.problems[:_SHOWN]:
        column = f", {problem.column}" if problem.column else ""
        output.note(f"Line {problem.line:,}{column}: {problem.message} [{problem.code}]")
    if len(report.problems) > _SHOWN:
        output.note(f"These are the first {_SHOWN} problems; --json lists up to a thousand.")
    would = "It would be: " if dry_run else ""
    output.line(
        f"{would}{report.created:,} created, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.refused:,} refused."
    )
