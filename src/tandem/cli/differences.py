"""`tandem differences`: where people and records do not agree, and why not (rule R1)."""

from typing import Annotated

import typer

from tandem.cli import output


def differences(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The most fields to list; all are counted.")] = 100,
    json: output.Json = False,
) -> None:
    """List every field in which a person differs from its record, with both values and the reason.

    waiting: it is sent in the next cycle. refused: it cannot be sent, or Dynamics did not take it. held: somebody must
    decide. broken: its column is gone, changed or hidden. chosen: the direction of the field. parked: the sync filter
    excludes the record. left: a hold was cancelled.
    """
    from tandem.report.differences import read_differences
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        found = read_differences(subscription, limit=limit)
    if json:
        output.json(found)
        return
    if not found.counts:
        output.line("Nobody differs from its record.")
        return
    counts = ", ".join(f"{count:,} {reason.value}" for reason, count in found.counts.items())
    fields = sum(found.counts.values())
    output.line(f"{fields:,} fields of {found.people:,} people differ: {counts}.")
    output.table(
        ["person", "table", "field", "marketing", "dynamics", "reason", "in words"],
        [
            (
                str(each.person_id),
                each.entity.value,
                each.label,
                each.marketing.shown,
                each.dynamics.shown,
                each.reason.value,
                each.text,
            )
            for each in found.differences
        ],
    )
    if len(found.differences) < fields:
        output.line(f"The first {limit}; --limit lists more.")
