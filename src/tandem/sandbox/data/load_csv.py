"""CSV files, read so that every fault has a place.

"Could not load the data" sends a person through ten thousand lines. Whatever is wrong here is told with the file, the
line and the column, for the reader of records and for everyone who looks into their cells.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from tandem.model.errors import NeedsPerson

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_PLAIN = re.compile(r"[^,]*")


class MalformedCsv(NeedsPerson):
    """A folder of CSV files cannot be loaded; `context` holds `file`, `line` and `column`, counted from 1."""

    code = "malformed-csv"
    advice = "Correct the file and start again. Nothing was loaded."

    def __init__(
        self,
        what: str,
        *,
        file: str,
        line: int | None = None,
        column: int | None = None,
        header: str | None = None,
        advice: str | None = None,
    ) -> None:
        place = file
        if line is not None:
            place += f", line {line}"
        if column is not None:
            place += f", column {column}"
        if header is not None:
            place += f" ({header})"
        super().__init__(f"{place}: {what}", advice=advice, file=file, line=line, column=column)


def records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The records of a UTF-8 CSV file with commas, as (line it begins at, cells); blank lines are passed over.

    Raises MalformedCsv for text that is not UTF-8 and for quotation marks that do not pair.
    """
    raw: list[str] = []

    def lines() -> Iterator[str]:
        for line in _decoded(path):
            raw.append(line)
            yield line

    reader = csv.reader(lines(), strict=True)
    while True:
        begins = reader.line_num + 1
        raw.clear()
        try:
            cells = next(reader, None)
        except csv.Error:
            column, what = _fault("".join(raw).rstrip("\r\n"))
            raise MalformedCsv(what, file=path.name, line=begins, column=column) from None
        if cells is None:
            return
        if cells:
            yield begins, cells


def _decoded(path: Path) -> Iterator[str]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                # Spreadsheets write a byte order mark before the first header.
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                before = next(csv.reader([line[: error.start].decode("utf-8", "ignore")]), [])
                raise MalformedCsv(
                    "the text is not UTF-8",
                    file=path.name,
                    line=number,
                    column=max(len(before), 1),
                    advice='Save the file as "CSV UTF-8" and start again. Nothing was loaded.',
                ) from None


def _fault(record: str) -> tuple[int, str]:
    """The column at which a record stops being CSV, and why."""
    column = 1
    position = 0
    while position < len(record):
        pattern = _QUOTED if record[position] == '"' else _PLAIN
        cell = pattern.match(record, position)
        if cell is None:
            return column, "a quotation mark is opened and never closed"
        position = cell.end() + 1
        if cell.end() < len(record) and record[cell.end()] != ",":
            return column, "text follows the closing quotation mark"
        column += 1
    return max(column - 1, 1), "this cannot be read as CSV (a stray line break, or more than 128 KiB in one cell)"
