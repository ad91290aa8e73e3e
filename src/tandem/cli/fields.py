"""`tandem fields`: which columns are synced, under which names, which way, and what settles their collisions."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.naming import both_names, entities_named, entity_named
from tandem.model.errors import NeedsPerson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tandem.mapping.fields import Direction, Policy
    from tandem.mapping.ranges import DatedBy
    from tandem.model.entities import Entity
    from tandem.report.choice import ChoicePreview
    from tandem.report.quick_syncs import QuickSyncStatus
    from tandem.runtime.subscription import Subscription
    from tandem.sync.choosing import ListedField, Wishes

_DEFAULT = "default"


class UnknownDirection(NeedsPerson):
    """A direction cannot be understood."""

    code = "unknown-direction"
    advice = "Write --direction FIELD=both, =from (Dynamics to marketing), =to (marketing to Dynamics) or =blocked."


class UnknownPolicy(NeedsPerson):
    """A way to settle collisions cannot be understood."""

    code = "unknown-policy"
    advice = (
        "Write --on-collision FIELD=marketing, =dynamics, =hold (a person decides), =add (both changes of a number are "
        "added up) or =default (marketing wins for leads, Dynamics for contacts)."
    )


def fields(
    context: typer.Context,
    entity: Annotated[
        str | None, typer.Argument(metavar="ENTITY", help="A table, by either name; all tables without it.")
    ] = None,
    select: Annotated[
        str, typer.Option(metavar="A,B", help="Fields to sync from now on, or to bring for all records once more.")
    ] = "",
    deselect: Annotated[str, typer.Option(metavar="A,B", help="Fields to sync no more; their values stay.")] = "",
    created: Annotated[
        str | None, typer.Option(metavar="FROM..TO", help="Bring what is selected for records created then only.")
    ] = None,
    updated: Annotated[
        str | None, typer.Option(metavar="FROM..TO", help="Bring what is selected for records last changed then only.")
    ] = None,
    direction: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=both|from|to|blocked", help="Which way a field's changes go; repeatable."),
    ] = None,
    on_collision: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=default|marketing|dynamics|hold|add",
            help="Whose value stays when both sides changed a field; repeatable.",
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what the choice would read and change, and choose nothing.")
    ] = False,
    cancel: Annotated[
        int | None, typer.Option(metavar="ID", help="Give up a quick sync; what it brought stays.")
    ] = None,
    json: output.Json = False,
) -> None:
    """List the fields with both names, or choose among those of one table.

    What is selected is brought by a quick sync, beside the running sync: for all records, or those created or updated
    in a range of dates. Dates are UTC unless they name a zone; either end may be left out.
    """
    from tandem.mapping.ranges import DatedBy
    from tandem.runtime.subscription import opened
    from tandem.sync.choosing import Wishes

    wishes = Wishes(
        select=_names(select),
        deselect=_names(deselect),
        directions=_directions(direction or []),
        policies=_policies(on_collision or []),
    )
    text = created if created is not None else updated
    problem = _what_does_not_go_together(entity, wishes, created, updated, cancel, preview=preview)
    if problem:
        raise typer.BadParameter(problem, ctx=context)
    dated_by = DatedBy.CREATED if created is not None else DatedBy.UPDATED
    with opened(context.obj.settings) as subscription:
        if cancel is not None:
            _cancel(subscription, cancel, json=json)
        else:
            _list_or_choose(subscription, entity, wishes, text, dated_by, preview=preview, json=json)


def _what_does_not_go_together(
    entity: str | None,
    wishes: "Wishes",
    created: str | None,
    updated: str | None,
    cancel: int | None,
    *,
    preview: bool,
) -> str | None:
    """What is wrong with the command line as a whole, or None."""
    ranges = [each for each in (created, updated) if each is not None]
    if len(ranges) > 1:
        return "Give --created or --updated, not both."
    if cancel is not None and (entity or wishes or preview or ranges):
        return "--cancel takes no other choice beside it."
    if entity is None and (wishes or preview or ranges):
        return "Name the table whose fields are to change."
    if preview and not wishes:
        return "--preview shows what a choice would do: name one."
    return None


def _cancel(subscription: "Subscription", number: int, *, json: bool) -> None:
    from tandem.report.quick_syncs import all_quick_syncs
    from tandem.runtime.choosing import cancel_quick_sync

    cancel_quick_sync(subscription, number)
    if json:
        output.json({"quick_syncs": [each for each in all_quick_syncs(subscription) if each.id == number]})
    else:
        output.line(f"Quick sync {number} is given up. What it brought stays; the fields stay selected.")


def _list_or_choose(
    subscription: "Subscription",
    name: str | None,
    wishes: "Wishes",
    text: str | None,
    dated_by: "DatedBy",
    *,
    preview: bool,
    json: bool,
) -> None:
    from tandem.mapping.ranges import parse_range
    from tandem.report.choice import ChoiceTrial
    from tandem.report.quick_syncs import open_quick_syncs
    from tandem.runtime.choosing import choose, list_fields, look_up
    from tandem.runtime.syncing import dynamics_of
    from tandem.sync.tables import shown_entities

    wanted = None if text is None else parse_range(text, dated_by, now=subscription.now())
    entities = list(shown_entities(subscription.state))
    if name is not None:
        chooses = bool(wishes) or wanted is not None
        entities = [entity_named(name, entities)] if chooses else entities_named(name, entities)
    with dynamics_of(subscription) as dynamics:
        offered = look_up(subscription, dynamics, entities)
        if preview:
            found = ChoiceTrial(subscription, dynamics, offered, entities[0]).preview(wishes, wanted)
            output.json(found) if json else _print_preview(found)
            return
    if wishes or wanted is not None:
        with subscription.database.transaction():
            choose(subscription, offered, entities[0], wishes, wanted=wanted)
    listed = list_fields(subscription, offered, entities)
    waiting = [each for each in open_quick_syncs(subscription) if each.entity in entities]
    if json:
        output.json({"fields": listed, "quick_syncs": waiting})
        return
    for each in entities:
        _print(each, [field for field in listed if field.entity is each])
    if waiting:
        print_quick_syncs(waiting)
    if wishes:
        output.line("The next sync goes by this selection.")


def _print_preview(found: "ChoicePreview") -> None:
    if found.rows == 0 and not found.sample:
        output.line("Nothing would be read: the next sync goes by the selection at once.")
        return
    rows = "an unknown number of" if found.rows is None else f"{found.rows:,}"
    requests = "" if found.requests is None else f" (requests: {found.requests:,})"
    minutes = "" if found.minutes is None else f", about {found.minutes:,.1f} minutes at the rate of this look"
    output.line(f"At most {rows} records would be read{requests}{minutes}. The sync goes on meanwhile.")
    if found.rereads:
        output.line("The table is read once from its start, because what is followed now does not bring these fields.")
    output.line(
        f"Of {found.sample:,} records looked at, {found.to_marketing:,} would take a value from Dynamics, "
        f"{found.overwritten:,} of them over another value in marketing, which goes to the journal; "
        f"{found.to_dynamics:,} would be sent one."
    )


def print_quick_syncs(listed: "Sequence[QuickSyncStatus]") -> None:
    """Print how far quick syncs are."""
    output.table(
        (
            "quick sync",
            "table",
            "fields",
            "records",
            "state",
            "asked by",
            "read",
            "of about",
            "changed",
            "minutes left",
        ),
        [
            (
                str(each.id),
                each.entity,
                ", ".join(each.fields),
                each.records,
                each.state.value,
                each.asked_by.value,
                each.rows_done,
                each.total,
                each.rows_changed,
                None if each.seconds_left is None else each.seconds_left / 60,
            )
            for each in listed
        ],
        title="Quick syncs",
        optional=("of about", "minutes left"),
    )


def _print(entity: "Entity", listed: list["ListedField"]) -> None:
    if not listed:
        return
    selected = sum(field.selected for field in listed)
    output.table(
        ("column", "name in marketing", "label", "type", "direction", "on collision", "selected", "broken"),
        [
            (
                field.column,
                field.api_name,
                field.label,
                field.type.value if field.type else None,
                field.direction.value,
                field.on_collision.value if field.on_collision else None,
                "yes" if field.selected else "",
                field.broken,
            )
            for field in listed
        ],
        title=f"{both_names(entity)}: {selected} of {len(listed)} selected",
        optional=("on collision", "broken"),
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _directions(given: list[str]) -> dict[str, "Direction"]:
    from tandem.mapping.fields import Direction

    directions = {}
    for each in given:
        name, _, word = each.partition("=")
        if word.strip().lower() not in set(Direction) or not name.strip():
            raise UnknownDirection(f"{each!r} names no field with a direction.")
        directions[name.strip()] = Direction(word.strip().lower())
    return directions


def _policies(given: list[str]) -> dict[str, "Policy | None"]:
    from tandem.mapping.fields import Policy

    policies: dict[str, Policy | None] = {}
    for each in given:
        name, _, word = (part.strip() for part in each.partition("="))
        if word.lower() not in {*Policy, _DEFAULT} or not name:
            raise UnknownPolicy(f"{each!r} names no field with a way to settle collisions.")
        policies[name] = None if word.lower() == _DEFAULT else Policy(word.lower())
    return policies
