"""CSV files as people make them: with a comma, a semicolon or a tab between the cells, and a header.

A file that turns out to be none after half of it was imported leaves a state that nobody planned. So a file is read
once from end to end before the first row is used; what is wrong with a single row concerns that row alone.
"""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tandem.model.errors import NeedsPerson

_DELIMITERS = (",", ";", "\t")
_LONGEST_CELL = 2**24


class FileUnusable(NeedsPerson):
    """A file cannot be read as a table; context: `line`."""

    code = "file-unusable"
    advice = 'Save it as "CSV UTF-8" with a header in its first line. Nothing of it was used.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A file that can be read to its end. `digest` tells it from every other content."""

    file: Path
    header: tuple[str, ...]
    delimiter: str
    digest: str

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """(line in which it begins, cells) of every row that is not empty; as many cells as the row has."""
        with self.file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            next(reader)
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, cells
                line = reader.line_num + 1


def read_sheet(file: Path) -> Sheet:
    """The table in a file, after it was read to its end once. Raises FileUnusable."""
    csv.field_size_limit(_LONGEST_CELL)
    digest = hashlib.sha256()
    try:
        with file.open("rb") as lines:
            texts = _texts(lines, digest)
            first = next(texts, "")
            delimiter = max(_DELIMITERS, key=first.count)
            reader = csv.reader(_again(first, texts), delimiter=delimiter, strict=True)
            header = tuple(cell.strip() for cell in next(reader, ()))
            _expect_header(file, header)
            for _ in reader:
                pass
    except OSError as problem:
        raise FileUnusable(f"{file} cannot be read: {problem.strerror}.", advice="Name a file that is there.") from None
    except csv.Error as problem:
        raise FileUnusable(f"{file} is no CSV from line {reader.line_num} on: {problem}.") from None
    return Sheet(file=file, header=header, delimiter=delimiter, digest=digest.hexdigest())


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _texts(lines: Iterator[bytes], digest: "hashlib._Hash") -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        digest.update(line)
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise FileUnusable(f"Line {number} is no text in UTF-8.", line=number) from None
        if "\0" in text:
            raise FileUnusable(f"Line {number} holds a NUL, which no text does.", line=number)
        yield text


def _expect_header(file: Path, header: Sequence[str]) -> None:
    if not any(header):
        raise FileUnusable(f"{file} has no header.", line=1)
    for number, name in enumerate(header, 1):
        if not name:
            raise FileUnusable(f"Column {number} of the header has no name.", line=1)
        if name.lower() in {other.lower() for other in header[: number - 1]}:
            raise FileUnusable(f"The header names {name!r} twice.", line=1)
