"""`tandem holds`: work a brake keeps back until a person decides (rule R6)."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.runtime.subscription import Subscription


def holds(
    context: typer.Context,
    approve: Annotated[
        int | None, typer.Option(metavar="ID", help="It was meant: the next cycle carries it out.")
    ] = None,
    cancel: Annotated[int | None, typer.Option(metavar="ID", help="It was not: the records stay as they are.")] = None,
    json: output.Json = False,
) -> None:
    """List what the brakes hold, with the first records of each, and approve or cancel it."""
    from tandem.report.holds import read_holds
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        _settle(subscription, approve=approve, cancel=cancel)
        found = read_holds(subscription)
    if json:
        output.json({"holds": found})
        return
    if not found:
        output.line("Nothing is held.")
        return
    output.table(
        ["id", "held", "table", "records", "of", "limit", "state", "since", "settled"],
        [
            (str(each.id), each.kind, each.entity, each.count, each.known, each.brake, each.state, each.at,
             each.settled_at)
            for each in found
        ],
        optional=("settled",),
    )  # fmt: skip
    for each in found:
        if each.preview:
            output.table(
                ["record", "name"],
                [(record.crm_id, record.name) for record in each.preview],
                title=f"Hold {each.id}: the first of {each.count:,} records that would be deleted",
            )


def _settle(subscription: "Subscription", *, approve: int | None, cancel: int | None) -> None:
    from tandem.sync import deletions

    with subscription.database.transaction():
        if approve is not None:
            deletions.approve(subscription.state, approve, at=subscription.now())
        if cancel is not None:
            deletions.cancel(subscription.state, cancel, at=subscription.now())
    if approve is not None:
        output.note(f"Hold {approve} is approved: the next cycle carries it out.")
    if cancel is not None:
        output.note(f"Hold {cancel} is cancelled: the records stay.")
