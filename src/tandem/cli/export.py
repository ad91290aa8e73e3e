"""`tandem export`: the marketing copy of an entity, or the activity log, one record a line, however many there are.

Records are written as they are read: a million of them need no more memory than one page.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from tandem.cli import output
from tandem.cli.naming import entities_named

_LINE_ENDS = "\r\n"
_ACTIVITY = "activity"


class Format(StrEnum):
    """How records are written."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    context: typer.Context,
    entity: Annotated[
        str,
        typer.Argument(
            metavar="ENTITY",
            help="What to export, by either name: person, account, opportunity, new_order, ...; or activity.",
        ),
    ],
    format: Annotated[Format, typer.Option(help="One JSON object a line, or CSV with a header.")] = Format.JSONL,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"],
            help="Of the activity log: only what happened from then on, UTC.",
        ),
    ] = None,
    person: Annotated[
        int | None, typer.Option(metavar="ID", help="Of the activity log: only this person's entries.")
    ] = None,
) -> None:
    """Write every record of an entity, or every entry of the activity log, to standard output.

    Fields have marketing's names. People come with the values of their company. JSON leaves out what is empty; CSV has
    a column for every field.
    """
    from tandem.report.activities import COLUMNS, read_activities
    from tandem.runtime.subscription import opened
    from tandem.sync.tables import shown_entities

    of_activities = entity.strip().lower() == _ACTIVITY
    if not of_activities and (since is not None or person is not None):
        raise typer.BadParameter(f"--since and --person are for `tandem export {_ACTIVITY}`.", ctx=context)
    with opened(context.obj.settings) as subscription:
        columns: Sequence[str] = COLUMNS
        if of_activities:
            records = read_activities(subscription, since=since, person=person)
        else:
            name = entities_named(entity, shown_entities(subscription.state))[0].marketing_name
            records, columns = subscription.marketing.export(name), subscription.marketing.columns(name)
        if format is Format.CSV:
            _write_csv(columns, records)
        else:
            _write_json(records)


def _write_json(records: Iterable[dict[str, Any]]) -> None:
    import msgspec

    encoder = msgspec.json.Encoder(decimal_format="number")
    output.lines(
        encoder.encode({name: value for name, value in record.items() if value is not None}).decode()
        for record in records
    )


def _write_csv(columns: Sequence[str], records: Iterable[dict[str, Any]]) -> None:
    import csv
    import io

    buffer = io.StringIO()
    # A value is quoted for the line ends it holds only if they are the writer's own.
    writer = csv.writer(buffer, lineterminator=_LINE_ENDS)

    def line(values: Iterable[Any]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([_cell(value) for value in values])
        return buffer.getvalue().removesuffix(_LINE_ENDS)

    output.lines([line(columns)])
    output.lines(line(record.get(name) for name in columns) for record in records)


def _cell(value: Any) -> Any:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            import msgspec

            return msgspec.json.encode(value).decode()
        case _:
            return value
