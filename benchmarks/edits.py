"""Edits to be pushed, and the answers to them, made beforehand like the pages.

Whoever sends them gets the same answers, byte for byte, so floor and Tandem differ by what they do themselves.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from benchmarks.pages import Pages

FIELD, COLUMN, VALUE = "title", "jobtitle", "Head of Measuring"
"""What is edited: one field of a contact, as marketing and as Dynamics calls it."""
BODY = msgspec.json.encode({COLUMN: VALUE})
"""The body of every write."""

_LATER = 1_000_000_000
"""How much higher the version of a row is once it was written."""
_SEED = 7
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEdits:
    """One field edited in `count` of the people of `pages`, spread at random."""

    pages: Pages
    count: int

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows that are edited, as they are before."""
        numbers = set(random.Random(_SEED).sample(range(self.pages.rows), self.count))
        return (row for number, row in enumerate(islice(self.pages.each(), self.pages.rows)) if number in numbers)

    def answers(self) -> dict[bytes, bytes]:
        """The row that each write leaves, by id."""
        key = self.pages.sample.selection.table.primary_id
        return {row[key].encode(): _ENCODER.encode(_written(row)) for row in self.rows()}


def _written(row: dict[str, Any]) -> dict[str, Any]:
    version = row["versionnumber"] + _LATER
    return {**row, COLUMN: VALUE, "versionnumber": version, "@odata.etag": f'W/"{version}"'}
