"""`tandem errors`: what could not be synced, why, and what to do about it.

A thousand lines hide that they have one cause, so they are grouped by it.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.naming import entities_named

if TYPE_CHECKING:
    from tandem.model.entities import Entity
    from tandem.report.errors import Cause, ErrorFilter

_ALL = "all"
_ACTION = "Nothing is tried again: what an action was refused for is asked for anew, under another --request-id."


class Direction(StrEnum):
    """Which way a record was going."""

    PULL = "pull"
    PUSH = "push"


class Level(StrEnum):
    """What failed: one record, or the work on a whole table."""

    RECORD = "record"
    JOB = "job"


def errors(
    context: typer.Context,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the errors to a CSV file, healed ones too.")
    ] = None,
    retry: Annotated[
        str | None, typer.Option(metavar="ID|all", help="Try again in the next cycle, and count it as open.")
    ] = None,
    ignore: Annotated[str | None, typer.Option(metavar="ID|all", help="Do not count it any more.")] = None,
    find: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only those that say this, in words, codes, fields or ids.")
    ] = None,
    entity: Annotated[str | None, typer.Option(metavar="ENTITY", help="Only those of this entity.")] = None,
    operation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this operation: read, create, update...")
    ] = None,
    direction: Annotated[
        Direction | None, typer.Option(help="Only those from Dynamics (pull) or to it (push).")
    ] = None,
    level: Annotated[Level | None, typer.Option(help="Only those of single records, or of whole tables (job).")] = None,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="Only those with this error code.")] = None,
    when: Annotated[
        str | None, typer.Option(metavar="FROM..TO", help="Only those met in these days; either end is optional.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The most records to list of one cause.")] = 20,
    json: output.Json = False,
) -> None:
    """List the sync errors, grouped by cause, each with what to do. What heals by itself is left out.

    What narrows the list narrows the CSV file, `--retry all` and `--ignore all` too.
    """
    from tandem.report import errors as report
    from tandem.runtime.subscription import opened
    from tandem.sync.tables import shown_entities

    with opened(context.obj.settings) as subscription:
        named = entities_named(entity, shown_entities(subscription.state)) if entity else None
        wanted = _wanted(find, named, operation, direction, level, code, when, now=subscription.now())
        if retry is not None:
            count = report.retry(subscription, _id(retry, "--retry"), wanted)
            tried = f"{count:,} errors are tried again in the next cycle; `tandem sync` starts one now."
            output.note(tried if count or retry == _ALL else _ACTION)
        if ignore is not None:
            count = report.ignore(subscription, _id(ignore, "--ignore"), wanted)
            output.note(f"{count:,} errors are ignored from now on; `tandem errors --retry {ignore}` takes that back.")
        found = report.read_errors(subscription, wanted)
    if csv is not None:
        output.note(f"Wrote {report.write_csv(found, csv):,} errors to {csv}.")
    causes = report.by_cause(found)
    if json:
        output.json({"causes": causes})
        return
    if not causes:
        output.line("No such errors." if wanted else "No errors.")
    _print(causes, limit)


def _wanted(
    find: str | None,
    named: "Sequence[Entity] | None",
    operation: str | None,
    direction: Direction | None,
    level: Level | None,
    code: str | None,
    when: str | None,
    *,
    now: str,
) -> "ErrorFilter":
    from tandem.mapping.ranges import parse_bounds
    from tandem.report.errors import ErrorFilter

    since, until = parse_bounds(when, now=now) if when else (None, None)
    return ErrorFilter(
        entities=frozenset(each.value for each in named) if named is not None else None,
        operation=operation,
        direction=direction.value if direction else None,
        level=level.value if level else None,
        code=code,
        text=find,
        since=since,
        until=until,
    )


def _print(causes: "Sequence[Cause]", limit: int) -> None:
    for cause in causes:
        where = f"{cause.entity}.{cause.field}" if cause.field else cause.entity
        held = "" if cause.counted else " Until then it is not counted."
        output.line(
            f"{where}, {cause.operation}: {cause.message} [{cause.code}]\n  {cause.advice}\n"
            f"  Heals by itself when {cause.heals_when}.{held}"
        )
        output.table(
            ["id", "record", "person", "state", "times", "first", "last"],
            [
                (str(each.id), each.crm_id, each.person_id, each.state, each.times, each.first_at, each.last_at)
                for each in cause.errors[:limit]
            ],
        )
        if len(cause.errors) > limit:
            output.line(f"  {len(cause.errors) - limit:,} more of this cause: --limit, or --csv FILE for all.")


def _id(text: str, option: str) -> int | None:
    """The id of an error; None for all."""
    if text == _ALL:
        return None
    if not text.isdecimal():
        raise typer.BadParameter(f"{text!r} is neither an error's id nor `{_ALL}`.", param_hint=option)
    return int(text)
