"""`tandem verify`: proof that both sides agree, or what does not (rule R1)."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output, progress
from tandem.cli.invocation import ExitCode
from tandem.cli.naming import entities_named

if TYPE_CHECKING:
    from tandem.report.verification import FoundDifference, Verification


def verify(
    context: typer.Context,
    entity: Annotated[str | None, typer.Option(metavar="ENTITY", help="This table only, by either name.")] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Look at every record now, instead of telling what was found so far.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The most differences to list.")] = 100,
    json: output.Json = False,
) -> None:
    """Tell how many records were compared with Dynamics, and list the differences that nothing explains.

    While the sync runs every record is looked at once in verification_days (7), a few in each cycle. missed: a change
    was never told; gone: a deletion was never told; misfiled: the filter says otherwise; drifted: nobody changed it and
    it differs; forgotten: it waited to be sent and nobody was going to. Exits 1 where there is any.
    """
    from tandem.report.verification import read_findings, read_verification
    from tandem.report.verification import verify as look
    from tandem.runtime.subscription import opened
    from tandem.runtime.syncing import stopped_by_signals
    from tandem.sync.tables import shown_entities

    with opened(context.obj.settings) as subscription:
        only = entities_named(entity, shown_entities(subscription.state)) if entity else None
        if now:
            with stopped_by_signals() as stop, progress.shown() as report:
                found = look(subscription, only, report=report, stopping=stop)
            if stop():
                output.note("Stopped: the next cycles go on from here.")
        else:
            found = read_verification(subscription, only)
        differences = read_findings(subscription, only, limit=limit)
    if json:
        output.json({"verification": found, "differences": differences})
    else:
        _tell(found, differences, limit)
    if found.unexplained:
        raise typer.Exit(ExitCode.FAILED)


def _tell(found: "Verification", differences: "list[FoundDifference]", limit: int) -> None:
    output.line(f"{found.sentence[:1].upper()}{found.sentence[1:]}.")
    if found.tables:
        output.table(
            ["table", "checked", "of", "explained", "unexplained", "since", "closed"],
            [
                (
                    name,
                    each.checked,
                    each.records,
                    each.explained,
                    sum(each.found.values()),
                    each.begun_at,
                    each.finished_at or f"goes on: {each.looked_at:,}",
                )
                for name, each in found.tables.items()
            ],
        )
    if differences:
        output.table(
            ["table", "record", "person", "field", "found", "what is done", "at"],
            [
                (
                    each.entity.value,
                    each.crm_id,
                    each.person_id and str(each.person_id),
                    each.field,
                    each.verdict.value,
                    each.text,
                    each.at,
                )
                for each in differences
            ],
        )
    if len(differences) == limit:
        output.line(f"The first {limit}; --limit lists more.")
