"""`tandem holds`: what waits until a person decides (rules P4, P15, R6)."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.holds import HeldWork
    from tandem.runtime.subscription import Subscription


def holds(
    context: typer.Context,
    approve: Annotated[
        int | None, typer.Option(metavar="ID", help="It was meant: let happen what is listed beside it.")
    ] = None,
    cancel: Annotated[
        int | None, typer.Option(metavar="ID", help="It was not: do what is listed beside it instead.")
    ] = None,
    json: output.Json = False,
) -> None:
    """List what waits for a decision, with what approving and cancelling does, and approve or cancel it.

    The brakes hold improbable work as a whole; a field that is contested waits alone, everything else goes on.
    """
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
        ["id", "held", "table", "what", "state", "since", "settled"],
        [
            (str(each.id), each.kind, each.entity, each.what, each.state, each.at, each.settled_at)
            for each in found
        ],
        optional=("settled",),
    )  # fmt: skip
    for each in found:
        if each.state == "open":
            _tell(each)


def _tell(hold: "HeldWork") -> None:
    if hold.preview:
        output.table(
            ["record", "name"],
            [(record.crm_id, record.name) for record in hold.preview],
            title=f"Hold {hold.id}: the first of {hold.count:,} records that would be deleted",
        )
    if hold.values:
        output.table(
            ["person", "name", "field", "marketing", "dynamics"],
            [
                (str(each.person_id), each.name, each.label, each.marketing.shown, each.dynamics.shown)
                for each in hold.values
            ],
            title=f"Hold {hold.id}: the first of {hold.count:,} values" if hold.count > 1 else f"Hold {hold.id}",
        )
    output.line(f"Hold {hold.id}: --approve: {hold.approving}; --cancel: {hold.cancelling}.")


def _settle(subscription: "Subscription", *, approve: int | None, cancel: int | None) -> None:
    from tandem.rules.brakes import HoldKind
    from tandem.sync.holds.settling import WAYS_OUT, Settling

    settling = Settling(subscription.marketing, subscription.state)
    kinds = {hold.id: HoldKind(hold.kind) for hold in subscription.state.journal.holds()}
    with subscription.database.transaction():
        if approve is not None:
            settling.approve(approve, at=subscription.now())
        if cancel is not None:
            settling.cancel(cancel, at=subscription.now())
    if approve is not None:
        output.note(f"Hold {approve} is approved: {WAYS_OUT[kinds[approve]].approved}.")
    if cancel is not None:
        output.note(f"Hold {cancel} is cancelled: {WAYS_OUT[kinds[cancel]].cancelled}.")
