"""`tandem filter`: what the sync filter does, and what it would do if it were set otherwise."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tandem.cli import output

if TYPE_CHECKING:
    from tandem.report.filtering import TableFilter
    from tandem.sync.supposing import Supposed

_CONDITION = "An OData $filter, sent to Dynamics as it is; or @FILE with one record id on each line."


def filter_(
    context: typer.Context,
    entity: Annotated[
        str | None, typer.Argument(metavar="ENTITY", help="Only this table; needed with --if-no and --if-yes.")
    ] = None,
    if_no: Annotated[
        str | None, typer.Option(metavar="CONDITION", help=f"Tell what No would do to these records. {_CONDITION}")
    ] = None,
    if_yes: Annotated[
        str | None, typer.Option(metavar="CONDITION", help=f"Tell what Yes would do to these records. {_CONDITION}")
    ] = None,
    json: output.Json = False,
) -> None:
    """Show what the records say in the sync filter (new_synctomkto), what is here, and what the next cycle would do.

    With --if-no or --if-yes: who would be parked, go on or be created were those records set so. The same code decides
    that decides in a cycle; nothing is written, here or in Dynamics.
    """
    from tandem.cli.naming import entities_named, entity_named
    from tandem.report.filtering import read_filters, read_ids, suppose_filter
    from tandem.runtime.subscription import opened
    from tandem.sync.tables import shown_entities

    asked = [(wanted, text) for wanted, text in ((False, if_no), (True, if_yes)) if text is not None]
    if len(asked) > 1:
        raise typer.BadParameter("--if-no and --if-yes cannot be asked for at once.")
    if asked and entity is None:
        raise typer.BadParameter("Name the table whose records are meant, such as `tandem filter contact`.")
    if not asked:
        with opened(context.obj.settings) as subscription:
            only = entities_named(entity, shown_entities(subscription.state)) if entity else None
            found = read_filters(subscription, only)
        output.json({"tables": found}) if json else _tell_tables(found)
        return
    wanted, text = asked[0]
    ids = read_ids(Path(text[1:])) if text.startswith("@") else None
    with opened(context.obj.settings) as subscription:
        supposed = suppose_filter(
            subscription,
            entity_named(entity or "", shown_entities(subscription.state)),
            wanted=wanted,
            condition=text if ids is None else None,
            ids=ids or (),
        )
    output.json(supposed) if json else _tell_supposed(supposed)


def _tell_tables(found: "list[TableFilter]") -> None:
    output.table(
        ["table", "column", "Yes", "No", "empty", "live", "parked", "excluded", "to create", "to update", "to exclude"],
        [
            (
                each.entity.value,
                each.column.value,
                *_values(each),
                each.live,
                each.parked,
                each.excluded,
                each.created,
                each.updated,
                each.excluding,
            )
            for each in found
        ],
        optional=("Yes", "No", "empty", "to create", "to update", "to exclude"),
    )
    if any(each.created is None for each in found):
        output.line("Another Tandem is at work on what is new; what its next cycle would do is not told beside it.")
    for each in found:
        if each.problem:
            output.line(each.problem)
        if each.copying:
            output.line(f"{each.entity.value} is still to be read to its end: what that brings is not counted.")


def _values(each: "TableFilter") -> tuple[object, ...]:
    if each.dynamics is None:
        return None, None, None
    counts = (each.dynamics.yes, each.dynamics.no, each.dynamics.empty)
    return tuple("over 50,000" if count is None else count for count in counts)


def _tell_supposed(found: "Supposed") -> None:
    output.line(f"Were the sync filter of these {found.records:,} records set to {'Yes' if found.wanted else 'No'}:")
    words = {
        "parked": "would be parked: nothing of them would move any more, and nothing is deleted",
        "resumed": "would go on: both sides' edits since they were parked would be merged",
        "created": "would be created in marketing",
        "joined": "would be the record of somebody who is here already, such as that of its lead",
        "waiting": "would wait for the lead they come from",
        "unchanged": "would stay as they are",
    }
    for fate, text in words.items():
        if count := next((count for each, count in found.fates.items() if each == fate), 0):
            output.line(f"{count:>9,} {text}.")
    if found.unsent:
        output.line(f"{found.unsent:>9,} of them have edits that Dynamics does not have.")
    if found.contested:
        output.line(f"{found.contested:>9,} of them have a field that waits for a decision.")
    if found.missing:
        output.line(f"{found.missing:>9,} ids are of no record that the sync user can see.")
    for fate, names in found.samples.items():
        output.line(f"{fate.value}, for example: {', '.join(names)}")
