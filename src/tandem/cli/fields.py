"""`tandem fields`: which columns are synced, under which names, which way, and what settles their collisions."""

from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output
from tandem.cli.entities import both_names, entities_named, entity_named
from tandem.model.errors import NeedsPerson

if TYPE_CHECKING:
    from tandem.mapping.fields import Direction, Policy
    from tandem.model.entities import Entity
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
    entity: Annotated[str | None, typer.Argument(help="A table, by either name; all tables without it.")] = None,
    select: Annotated[str, typer.Option(metavar="A,B", help="Fields to sync from now on.")] = "",
    deselect: Annotated[str, typer.Option(metavar="A,B", help="Fields to sync no more; their values stay.")] = "",
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
    json: output.Json = False,
) -> None:
    """List the fields with both names, or choose among those of one table.

    The next sync reads a table with another selection once more, from its start.
    """
    from tandem.model.entities import STANDARD
    from tandem.runtime.subscription import opened
    from tandem.sync.choosing import Wishes

    wishes = Wishes(
        select=_names(select),
        deselect=_names(deselect),
        directions=_directions(direction or []),
        policies=_policies(on_collision or []),
    )
    if entity is not None:
        entities = [entity_named(entity)] if wishes else entities_named(entity)
    elif wishes:
        raise typer.BadParameter("Name the table whose fields are to change.", ctx=context)
    else:
        entities = list(STANDARD)
    with opened(context.obj.settings) as subscription:
        listed = _choose(subscription, entities, wishes)
    if json:
        output.json({"fields": listed})
        return
    for each in entities:
        _print(each, [field for field in listed if field.entity is each])
    if wishes:
        output.line("The next sync goes by this selection.")


def _choose(subscription: "Subscription", entities: list["Entity"], wishes: "Wishes") -> list["ListedField"]:
    """The fields as they are after the wishes, which are stored. Raises TableUnknown."""
    from tandem.dynamics.errors import TableUnknown
    from tandem.runtime.syncing import dynamics_of
    from tandem.sync.choosing import Selection, store_choices

    with dynamics_of(subscription) as dynamics:
        user = dynamics.who_am_i().user_id
        tables = dynamics.tables([each.value for each in entities], subscription.settings.language)
        unreadable = {name: dynamics.unreadable_columns(user, table) for name, table in tables.items()}
    if not tables:
        raise TableUnknown(f"The organisation has no table {entities[0].value}.", table=entities[0].value)
    listed = []
    for entity in entities:
        table = tables.get(entity.value)
        if table is None:
            continue
        with subscription.database.transaction():
            choices = subscription.state.choices().get(entity, {})
            changed = Selection(entity, table, choices, unreadable[entity.value]).changed(wishes)
            store_choices(subscription.state, choices, changed, now=subscription.now)
        after = choices | {choice.column: choice for choice in changed}
        listed += Selection(entity, table, after, unreadable[entity.value]).listed()
    return listed


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
