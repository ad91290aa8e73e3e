"""`tandem conflicts`: what both sides changed at once, and the way back to the value that lost (rules P4, N7)."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.conflicts import Conflict
    from tandem.runtime.subscription import Subscription


def conflicts(
    context: typer.Context,
    restore: Annotated[
        int | None, typer.Option(metavar="ID", help="Give the losing value back; it is sent like any other edit.")
    ] = None,
    person: Annotated[int | None, typer.Option(metavar="ID", help="Only those of this person.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The most to list.")] = 100,
    json: output.Json = False,
) -> None:
    """List the fields that both sides changed at once, with both values; those that wait for a decision first."""
    from tandem.report.conflicts import read_conflicts
    from tandem.runtime.subscription import opened

    with opened(context.obj.settings) as subscription:
        if restore is not None:
            _restore(subscription, restore)
        found = read_conflicts(subscription, person, limit=limit)
    if json:
        output.json({"conflicts": found})
        return
    if not found:
        output.line("No conflicts.")
        return
    output.table(
        ["id", "person", "company", "field", "was", "marketing", "dynamics", "kept", "rule", "when", "state"],
        [
            (
                str(each.id),
                str(each.person_id or ""),
                each.external_company_id,
                each.label,
                each.base.shown,
                each.marketing.shown,
                each.dynamics.shown,
                each.winner,
                each.rule,
                each.at,
                each.state,
            )
            for each in found
        ],
        optional=("company",),
    )
    _tell_what_to_do(found)
    if len(found) == limit:
        output.line(f"The first {limit}; there may be more: --limit.")


def _restore(subscription: "Subscription", collision: int) -> None:
    from tandem.sync.edits import Edits
    from tandem.sync.holds.restoring import restore

    edits = Edits(subscription.database, subscription.marketing, subscription.state)
    with subscription.database.transaction():
        person, changes = restore(subscription.state, edits, collision, at=subscription.now())
    if changes:
        names = ", ".join(change.name for change in changes)
        output.note(f"Collision {collision} is restored: {names} of person {person} was given back.")
    else:
        output.note(f"Person {person} has the value of collision {collision} already.")


def _tell_what_to_do(found: "list[Conflict]") -> None:
    if any(each.state == "held" for each in found):
        output.line("Those that are held wait for a decision: tandem holds")
    if any(each.winner for each in found):
        output.line("The value that lost is given back with: tandem conflicts --restore ID")
