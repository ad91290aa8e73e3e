"""`tandem export`: the marketing copy of an entity, one record a line, however many there are."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from tandem.cli import output
from tandem.cli.entities import entities_named

_LINE_ENDS = "\r\n"


class Format(StrEnum):
    """How records are written."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(help="What to export, by either name: person, account, opportunity, ...")],
    format: Annotated[Format, typer.Option(help="One JSON object a line, or CSV with a header.")] = Format.JSONL,
) -> None:
    """Write every record of an entity to standard output, by marketing's field names.

    People come with the values of their company. JSON leaves out what is empty; CSV has a column for every field.
    """
    from tandem.runtime.subscription import opened

    name = entities_named(entity)[0].marketing_name
    with opened(context.obj.settings) as subscription:
        records = subscription.marketing.export(name)
        if format is Format.CSV:
            _write_csv(subscription.marketing.columns(name), records)
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
        writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in values])
        return buffer.getvalue().removesuffix(_LINE_ENDS)

    output.lines([line(columns)])
    output.lines(line(record.get(name) for name in columns) for record in records)
