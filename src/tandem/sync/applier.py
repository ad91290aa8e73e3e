"""What a table's rows are given to: one applier per table, all with the same three doors.

A page is applied inside the caller's transaction, together with its checkpoint, so applying never commits by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from tandem.model.errors import HaltStream
from tandem.state.queues import Lane
from tandem.sync.context import Counts


class How(StrEnum):
    """How the rows were found; it decides what is logged and which versions count as news."""

    COPY = "copy"  # the first copy: logs New Person only
    LIVE = "live"  # a delta, or fresh edits seen while the table is still being copied
    BASELINE = "baseline"  # read again after a lost token: a known version is nothing new
    SELECTION = "selection"  # read again for other columns: a known version is looked at again
    ANSWER = "answer"  # what a write of ours was answered with, or asked for just before it

    def is_news(self, version: int, known: int) -> bool:
        """Must a row at `version` be looked at, when `known` is the version stored?"""
        return version > known or (self in (How.SELECTION, How.ANSWER) and version == known)

    @property
    def lane(self) -> Lane | None:
        """How urgent it is to send what such a row leaves unsent; None: the write it answers settled that."""
        match self:
            case How.ANSWER:
                return None
            case How.LIVE:
                return Lane.FRESH
            case _:
                return Lane.BACKFILL


class OrganisationRestored(HaltStream):
    """A row came back at a lower version than Tandem has seen: the organisation was restored to an earlier time.

    `older` holds the known versions of such rows, by id.
    """

    code = "organisation-restored"
    advice = (
        "Nothing was written. Compare the organisation with the marketing database before you go on: the changes "
        "between the restored time and now exist only on the marketing side."
    )

    def __init__(self, message: str, *, older: Mapping[str, int] = MappingProxyType({}), **context: str) -> None:
        super().__init__(message, **context)
        self.older = older


class Applier(Protocol):
    """Applies the rows of one table."""

    def prepare(self, rows: Sequence[Any]) -> None:
        """Ask Dynamics for what these rows need, before the transaction that applies them; most need nothing."""
        return

    def apply(self, rows: Sequence[Any], how: How) -> Counts:
        """Apply one page."""
        ...

    def delete(self, ids: Sequence[str]) -> int:
        """Apply deletions; ids that are not known are ignored. Returns how many records it concerned."""
        ...

    def known(self, ids: Sequence[str]) -> list[str]:
        """Which of these ids have a record here that a deletion would concern."""
        ...

    def count_known(self) -> int:
        """How many records of the table are here."""
        ...

    def all_known(self) -> Iterable[str]:
        """Every id that is here, for finding deletions by absence."""
        ...


def check_versions(table: str, rows: Iterable[tuple[str, int]], known: Mapping[str, int]) -> None:
    """Raise OrganisationRestored where a delta brings a row below the version that is known (S9).

    Only for deltas: a page of a copy may have been fetched before a fresh edit was seen.
    """
    older = {crm_id: known[crm_id] for crm_id, version in rows if version < known.get(crm_id, 0)}
    if older:
        crm_id, version = next(iter(older.items()))
        raise OrganisationRestored(
            f"Dynamics answers with an older state of {table} {crm_id} than Tandem has seen (version {version}).",
            older=older,
            entity=table,
            record=crm_id,
        )


def latest(rows: Sequence[Any], ids: list[str], versions: list[int]) -> Sequence[Any]:
    """`rows` with each record once, at its highest version: paging may list a row twice (reference 3.5)."""
    if len(set(ids)) == len(ids):
        return rows
    best: dict[str, int] = {}
    for index, crm_id in enumerate(ids):
        if crm_id not in best or versions[index] >= versions[best[crm_id]]:
            best[crm_id] = index
    return [rows[index] for index in sorted(best.values())]
