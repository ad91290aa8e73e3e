"""`tandem conflicts`: what both sides changed at once, and the way back to the value that lost (rules P4, N7)."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.invocation import ExitCode

if TYPE_CHECKING:
    from tandem.report.conflicts import Conflict
    from tandem.runtime.subscription import Subscription
    from tandem.state.journal import CollisionFilter
    from tandem.sync.edits import Edits

_ALL = "all"


class Kept(StrEnum):
    """The side whose value was kept."""

    MARKETING = "marketing"
    DYNAMICS = "dynamics"


def conflicts(
    context: typer.Context,
    restore: Annotated[
        str | None,
        typer.Option(
            metavar="ID|all",
            help="Give the losing value back; it is sent like any other edit. `all`: of every conflict that the "
            "options below name, the last one of each field.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With `--restore all`: only tell how many there are, and the first.")
    ] = False,
    person: Annotated[int | None, typer.Option(metavar="ID", help="Only those of this person.")] = None,
    field: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Only those of this field, by either name.")
    ] = None,
    kept: Annotated[Kept | None, typer.Option(help="Only those in which this side's value was kept.")] = None,
    rule: Annotated[str | None, typer.Option(metavar="RULE", help="Only those this rule settled: P4.")] = None,
    when: Annotated[
        str | None,
        typer.Option(metavar="FROM..TO", help="Only those of these days; either end is optional."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The most to list.")] = 100,
    json: output.Json = False,
) -> None:
    """List the fields that both sides changed at once, with both values; those that wait for a decision first."""
    from tandem.report.conflicts import read_conflicts
    from tandem.runtime.subscription import opened

    if dry_run and restore != _ALL:
        raise typer.BadParameter("--dry-run goes with --restore all.", ctx=context)
    if restore not in (None, _ALL) and not restore.isdigit():
        raise typer.BadParameter("--restore takes the id of a conflict, or `all`.", ctx=context)
    with opened(context.obj.settings) as subscription:
        wanted = _wanted(person, field, kept, rule, when, now=subscription.now())
        if restore == _ALL:
            if not wanted:
                raise typer.BadParameter(
                    "Say which: --person, --field, --kept, --rule or --when goes with --restore all.", ctx=context
                )
            _restore_all(subscription, wanted, dry_run=dry_run, limit=limit, json=json)
            return
        if restore is not None:
            _restore(subscription, int(restore))
        found = read_conflicts(subscription, wanted, limit=limit)
    if json:
        output.json({"conflicts": found})
        return
    if not found:
        output.line("No conflicts.")
        return
    _print(found)
    _tell_what_to_do(found)
    if len(found) == limit:
        output.line(f"The first {limit}; there may be more: --limit.")


def _wanted(
    person: int | None, field: str | None, kept: Kept | None, rule: str | None, when: str | None, *, now: str
) -> "CollisionFilter":
    from tandem.mapping.ranges import parse_bounds
    from tandem.rules.fields import Winner
    from tandem.state.journal import CollisionFilter

    since, until = parse_bounds(when, now=now) if when else (None, None)
    winners = {Kept.MARKETING: Winner.MARKETING, Kept.DYNAMICS: Winner.CRM}
    return CollisionFilter(
        person_id=person,
        field=field,
        rule=rule.strip().upper() if rule else None,
        winner=winners[kept] if kept else None,
        since=since,
        until=until,
    )


def _print(found: "Sequence[Conflict]") -> None:
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


def _restore_all(
    subscription: "Subscription", wanted: "CollisionFilter", *, dry_run: bool, limit: int, json: bool
) -> None:
    """Give back what the wanted conflicts set aside, or tell what that would be."""
    from tandem.report.conflicts import meant, read_restorable
    from tandem.sync.holds.restoring import restore_all

    if dry_run:
        count, first = read_restorable(subscription, wanted, limit=limit)
        if json:
            output.json({"restorable": count, "conflicts": first})
            return
        output.line(f"Values that would be given back: {count}.")
        if first:
            _print(first)
        return
    done = restore_all(
        subscription.database,
        subscription.state,
        _edits(subscription),
        meant(subscription, wanted),
        now=subscription.now,
    )
    if json:
        output.json(done)
    else:
        output.line(f"Values given back: {done.given_back}; there already: {done.there_already}.")
        for collision, reason in done.skipped:
            output.note(f"Collision {collision} was skipped: {reason}")
    if done.skipped:
        raise typer.Exit(ExitCode.RECORD_ERRORS)


def _edits(subscription: "Subscription") -> "Edits":
    from tandem.sync.edits import Edits

    return Edits(
        subscription.database,
        subscription.marketing,
        subscription.state,
        fanout_limit=subscription.settings.fanout_limit,
    )


def _restore(subscription: "Subscription", collision: int) -> None:
    from tandem.sync.holds.restoring import restore

    edits = _edits(subscription)
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
