"""`tandem waiting`: what waits for another record or for a person, and what would end it."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.waiting import WaitingGroup


def waiting(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="The most references of each group to list.")] = 20,
    json: output.Json = False,
) -> None:
    """List what waits, by reason, with what would end it; of each group the longest waiting first.

    Mostly only a reference waits, and the record that has it is synced. Nothing here needs Dynamics.
    """
    from tandem.report.waiting import read_waiting
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        found = read_waiting(subscription, limit=limit)
    if json:
        output.json({"waiting": found})
    elif not found:
        output.line("Nothing waits.")
    for each in [] if json else found:
        _print(each)


def _print(group: "WaitingGroup") -> None:
    since = f", since {group.since}" if group.since else ""
    output.line(f"{group.count:,} of {group.entity} wait for {group.target}: {group.reason}{since}.")
    output.line(f"  {group.ends}")
    if group.references:
        output.table(
            (group.entity, f"waits for {group.target}", "since"),
            [(each.record, each.target, each.since) for each in group.references],
        )
    if 0 < len(group.references) < group.count:
        output.line(f"  and {group.count - len(group.references):,} more: --limit")
