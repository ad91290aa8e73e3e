"""Rows in memory, ordered by one counter of versions.

A delta that loses or invents a change makes every test above it lie. So there is one counter for the organisation,
every write takes its next number, and what changed is found by number alone (reference 4.2, 4.3, 5.3).
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import takewhile
from typing import Any, NamedTuple

Row = Mapping[str, Any]
"""A row by logical column name. A lookup holds a Reference; an absent column is empty."""


class Reference(NamedTuple):
    """What a lookup points at."""

    table: str
    id: str


class Store:
    """The rows of every table, and in which order they changed. A stored row is never altered, only replaced."""

    def __init__(self) -> None:
        self.version = 1_000
        self._rows: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        # Both by row id, in the order of the versions: what is written moves to the end.
        self._changes: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._deletions: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def get(self, table: str, row_id: str) -> Row | None:
        """The row, or None."""
        return self._rows[table].get(row_id)

    def rows(self, table: str) -> dict[str, Row]:
        """Every row of a table by id."""
        return self._rows[table]

    def put(self, table: str, row_id: str, row: Row) -> Row:
        """Store a new row or another state of one, under the next version."""
        self.version += 1
        stored = {**row, "versionnumber": self.version}
        self._rows[table][row_id] = stored
        self._changes[table].pop(row_id, None)
        self._changes[table][row_id] = self.version
        # A row that exists again is no deletion.
        self._deletions[table].pop(row_id, None)
        return stored

    def remove(self, table: str, row_id: str) -> None:
        """Delete a row, under the next version."""
        self.version += 1
        del self._rows[table][row_id]
        del self._changes[table][row_id]
        self._deletions[table][row_id] = self.version

    def changed(self, table: str, since: int, until: int) -> list[tuple[str, int]]:
        """(id, version) of the rows that changed last after `since` and not after `until`, in that order."""
        return _between(self._changes[table], since, until)

    def deleted(self, table: str, since: int, until: int) -> list[tuple[str, int]]:
        """(id, version) of the rows deleted in that span that are still gone, in that order."""
        return _between(self._deletions[table], since, until)


def _between(numbered: dict[str, int], since: int, until: int) -> list[tuple[str, int]]:
    newest_first = takewhile(lambda item: item[1] > since, reversed(numbered.items()))
    return [item for item in newest_first if item[1] <= until][::-1]
