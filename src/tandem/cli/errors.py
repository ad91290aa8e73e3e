"""`tandem errors`: what could not be synced, why, and what to do about it."""

from pathlib import Path
from typing import Annotated

import typer

from tandem.cli import output

_ALL = "all"


def errors(
    context: typer.Context,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every error kept to a CSV file, healed ones too.")
    ] = None,
    retry: Annotated[
        str | None, typer.Option(metavar="ID|all", help="Try again in the next cycle, and count it as open.")
    ] = None,
    ignore: Annotated[int | None, typer.Option(metavar="ID", help="Do not count it any more.")] = None,
    json: output.Json = False,
) -> None:
    """List the sync errors, grouped by cause, each with what to do. What heals by itself is left out."""
    from tandem.report import errors as report
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        if retry is not None:
            count = report.retry(subscription, _id(retry))
            output.note(f"{count:,} errors are tried again in the next cycle; `tandem sync` starts one now.")
        if ignore is not None:
            report.ignore(subscription, ignore)
            output.note(f"Error {ignore} is ignored from now on; `tandem errors --retry {ignore}` takes that back.")
        found = report.read_errors(subscription)
    if csv is not None:
        output.note(f"Wrote {report.write_csv(found, csv):,} errors to {csv}.")
    causes = report.by_cause(found)
    if json:
        output.json({"causes": causes})
        return
    if not causes:
        output.line("No errors.")
    for cause in causes:
        where = f"{cause.entity}.{cause.field}" if cause.field else cause.entity
        held = "" if cause.counted else " Held until then, and not counted."
        output.line(
            f"{where}, {cause.operation}: {cause.message} [{cause.code}]\n  {cause.advice}\n"
            f"  Heals by itself when {cause.heals_when}.{held}"
        )
        output.table(
            ["id", "record", "person", "state", "times", "first", "last"],
            [
                (str(each.id), each.crm_id, each.person_id, each.state, each.times, each.first_at, each.last_at)
                for each in cause.errors
            ],
        )


def _id(text: str) -> int | None:
    """The id of an error; None for all."""
    if text == _ALL:
        return None
    if not text.isdecimal():
        raise typer.BadParameter(f"{text!r} is neither an error's id nor `{_ALL}`.", param_hint="--retry")
    return int(text)
