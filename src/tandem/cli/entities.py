"""`tandem entities`: which custom entities are synced, which could be, and by which path (rules C1, C2, C3)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output, progress

if TYPE_CHECKING:
    from tandem.model.entities import Entity
    from tandem.report.entities import ListedEntity, ListedPath
    from tandem.rules.paths import Step
    from tandem.runtime.subscription import Subscription

_INDENT = "  "


def entities(
    context: typer.Context,
    enable: Annotated[
        str | None, typer.Option(metavar="TABLE", help="Sync this table from now on, by its logical name.")
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="The way from its records to people or companies; else the proposed one."),
    ] = None,
    disable: Annotated[
        str | None, typer.Option(metavar="TABLE", help="Sync this table no more, and remove its records here.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="List the tables that ship with Dynamics too, not the custom ones only.")
    ] = False,
    json: output.Json = False,
) -> None:
    """List custom entities with every path to contact, lead or account, or enable or disable one.

    A path is one lookup or two, such as new_orderid:new_order.new_customerid:contact; the table after the colon may be
    left out where the lookup points to one table only. The next sync copies what was enabled, beside all else.
    """
    from tandem.runtime.subscription import opened

    if enable is not None and disable is not None:
        raise typer.BadParameter("Enable or disable, one at a time.", ctx=context)
    if path and enable is None:
        raise typer.BadParameter("A path is named together with --enable.", ctx=context)
    with opened(context.obj.settings) as subscription:
        if disable is not None:
            _disable(subscription, disable, json=json)
        elif enable is not None:
            _enable(subscription, enable, path or [], json=json)
        else:
            _list(subscription, every=every, json=json)


def _disable(subscription: "Subscription", name: str, *, json: bool) -> None:
    from tandem.runtime.customs import disable_entity

    entity = disable_entity(subscription, name)
    if json:
        output.json({"entity": entity, "enabled": False})
    else:
        output.line(f"{entity.value} is not synced any more; the next sync removes its records here.")


def _enable(subscription: "Subscription", name: str, wanted: Sequence[str], *, json: bool) -> None:
    from tandem.runtime.customs import enable_entity
    from tandem.runtime.discovery import choose_entity
    from tandem.runtime.syncing import dynamics_of

    with dynamics_of(subscription) as dynamics:
        chosen = choose_entity(subscription, dynamics, name, wanted)
        custom, path = chosen.custom, str(chosen.custom.path)
        if chosen.estimate is not None and not json:
            output.note(f"To copy, estimated: {progress.cost(chosen.estimate)}")
        changed = enable_entity(subscription, dynamics, custom)
    if json:
        facts = {"entity": custom.entity, "label": custom.label, "path": path, "enabled": True, "changed": changed}
        output.json({**facts, "estimate": chosen.estimate})
    elif changed:
        output.line(
            f"{custom.entity.value} ({custom.label}) is synced from now on, by {path}: the next sync copies it."
        )
    else:
        output.line(f"{custom.entity.value} is synced by {path} already.")


def _list(subscription: "Subscription", *, every: bool, json: bool) -> None:
    from tandem.report.entities import list_entities
    from tandem.runtime.discovery import discover_entities
    from tandem.runtime.syncing import dynamics_of

    with dynamics_of(subscription) as dynamics:
        discovery = discover_entities(dynamics, language=subscription.settings.language)
    listed = list_entities(subscription, discovery)
    shown = [each for each in listed if every or each.custom or each.enabled]
    if json:
        output.json({"entities": shown})
        return
    if shown:
        _print(shown)
    else:
        output.line("No custom table has a path to contact, lead or account.")
    if len(shown) < len(listed):
        output.line(f"{len(listed) - len(shown)} tables that ship with Dynamics have a path too: tandem entities --all")


def _print(listed: list["ListedEntity"]) -> None:
    """A tree from contact, lead and account downwards; a table stands in it once for each of its paths."""
    from tandem.rules.paths import ENDS

    for end in ENDS:
        rows = list(_rows(listed, end))
        if rows:
            columns = ("table", "name", "path", "state", "records", "note")
            output.table(columns, rows, title=f"Belongs to {end.value}", optional=("state", "records", "note"))


def _rows(listed: list["ListedEntity"], end: "Entity") -> Iterator[tuple[object, ...]]:
    paths = [(path, each) for each in listed for path in each.paths if path.steps[-1].target == end]
    above: set[Step] = set()
    for path, entity in sorted(paths, key=_place):
        *first, last = path.steps
        if first and last not in above:
            # What stands between is no custom entity, or none that is listed.
            yield f"({last.table})", None, str(last), None, None, None
        above.add(last)
        state = "enabled" if path.enabled else "proposed" if path.proposed else None
        records = entity.records if path.enabled else None
        yield _INDENT * len(first) + entity.entity.value, entity.label, path.path, state, records, _note(entity, path)


def _place(pair: tuple["ListedPath", "ListedEntity"]) -> tuple[object, ...]:
    first, last = pair[0].steps[0], pair[0].steps[-1]
    return last.table, last.column, len(pair[0].steps), first.table, first.column


def _note(entity: "ListedEntity", path: "ListedPath") -> str | None:
    if path.obstacle is None:
        return entity.warning
    return f"{'cannot be read' if path.enabled else 'not possible'}: {path.obstacle}"
