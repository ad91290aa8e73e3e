"""What a table's rows are given to: one applier per table, all with the same three doors.

A page is applied inside the caller's transaction, together with its checkpoint, so applying never commits by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from tandem.mapping.fields import Field
from tandem.mapping.projection import decode_fields
from tandem.model.errors import HaltStream
from tandem.state.queues import Lane
from tandem.sync.context import Counts


class How(StrEnum):
    """How the rows were found; it decides what is logged and which versions count as news."""

    COPY = "copy"  # the first copy: logs New Person only
    LIVE = "live"  # a delta, or fresh edits seen while the table is still being copied
    BASELINE = "baseline"  # read again after a lost token: a known version is nothing new
    SELECTION = "selection"  # read again for other columns: a known version is looked at again
    RELINK = "relink"  # of another organisation, or an older state: what it makes of a person goes to the journal (S9)
    ADOPT = "adopt"  # read by a database that may be older than Dynamics' state: an edit may be an old one (S10)
    ANSWER = "answer"  # what a write of ours was answered with, or asked for just before it

    def is_news(self, version: int, known: int) -> bool:
        """Must a row at `version` be looked at, when `known` is the version stored?"""
        return version > known or (self.looks_again and version == known)

    @property
    def is_review(self) -> bool:
        """Is everything looked at before anything is written (S9, S10)? Then a record of a person that is not read
        yet may turn out to be gone."""
        return self in (How.RELINK, How.ADOPT)

    @property
    def goes_forward(self) -> bool:
        """Is a row below the version that is known one that was set back (S9)? In these reads a page that was merely on
        its way is told apart by asking once more."""
        return self in (How.COPY, How.LIVE, How.BASELINE, How.ADOPT)

    @property
    def looks_again(self) -> bool:
        """Is a row looked at also at the version that is known?"""
        return self in (How.SELECTION, How.RELINK, How.ADOPT, How.ANSWER)

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
        "Nothing more is written. `tandem relink` compares both sides, shows what it would do, and goes on after you "
        "agree."
    )

    def __init__(self, message: str, *, older: Mapping[str, int] = MappingProxyType({}), **context: str) -> None:
        super().__init__(message, **context)
        self.older = older


class Kept(NamedTuple):
    """What is kept of one record. `values`: what Dynamics was last seen to hold, by API name; `wanted`: the filter said
    Yes; `explained`: how many values differ for a known reason; `forgotten`: those that wait to be sent by nobody."""

    version: int
    wanted: bool
    values: Mapping[str, Any]
    person_id: int | None = None
    explained: int = 0
    forgotten: Sequence[str] = ()


class Drift(NamedTuple):
    """A row at the version that is known, and the fields that are kept otherwise."""

    row: Any
    fields: Sequence[Field]


class Applier(Protocol):
    """Applies the rows of one table."""

    is_compared: ClassVar[bool] = False
    """Is what is kept of its records compared with Dynamics once in a while? Then the last three doors are its own."""

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

    def known_after(self, place: str, *, limit: int) -> list[str]:
        """The ids after `place`, in their order, that are to be compared with Dynamics."""
        return []

    def kept(self, ids: Sequence[str]) -> dict[str, Kept]:
        """What is kept of these records, by id."""
        return {}

    def drifted(self, drifts: Sequence[Drift]) -> None:
        """These are kept as they never were. A copy is copied again; what has two sides is kept for a person."""
        self.apply([each.row for each in drifts], How.SELECTION)


def kept_copies(
    versions: Mapping[str, int], fields: Mapping[str, str], *, parked: Mapping[str, int]
) -> dict[str, Kept]:
    """What is kept of records that are copied one way, by their versions and values; `parked` has the versions at which
    the filter said No."""
    return {
        key: Kept(version=parked.get(key, version), wanted=key not in parked, values=decode_fields(fields.get(key)))
        for key, version in versions.items()
    }


def check_versions(table: str, rows: Iterable[tuple[str, int]], known: Mapping[str, int]) -> None:
    """Raise OrganisationRestored where a read brings a row below the version that is known (S9)."""
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
