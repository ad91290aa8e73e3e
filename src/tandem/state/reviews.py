"""Reviews: times at which what Tandem remembers may not be what Dynamics holds (rules S9, S10).

Another organisation answers, the same one was set back, or this database was. Until every lead and contact was looked
at once, what is remembered of them is no ground for writing. That is a row here, so that no crash forgets it.
"""

from dataclasses import dataclass
from enum import StrEnum

from tandem.database.port import Database
from tandem.database.statements import load_statements

_SQL = load_statements("tandem.state")
_VERSIONS = ("forget_link_versions", "forget_excluded_versions", "forget_path_versions")


class ReviewKind(StrEnum):
    """Why everything is looked at."""

    RELINK = "relink"
    ADOPT = "adopt"
    FORK = "fork"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One review. `begun_by` is an account on the machine; times are ISO 8601 UTC."""

    kind: ReviewKind
    reason: str
    begun_by: str
    begun_at: str
    ended_at: str | None


class Reviews:
    """The reviews of one subscription. One that begins while another goes on goes on in its place, and both end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, kind: ReviewKind, reason: str, *, by: str, at: str) -> None:
        """Begin a review."""
        self._database.run(_SQL["begin_review"], kind=kind.value, reason=reason, begun_by=by, at=at)

    def end(self, *, at: str) -> bool:
        """Every lead and contact was looked at. False where no review goes on."""
        return self._database.run(_SQL["end_review"], at=at) > 0

    def open(self) -> Review | None:
        """The review that goes on."""
        return next(iter(self._open()), None)

    def may_be_outdated(self) -> bool:
        """Does one go on for the sake of this database? Then an edit in it may be an old one."""
        return any(each.kind is not ReviewKind.RELINK for each in self._open())

    def _open(self) -> list[Review]:
        return [each for each in self.all() if each.ended_at is None]

    def all(self) -> list[Review]:
        """Every review, newest first."""
        return [
            Review(kind=ReviewKind(row[0]), reason=row[1], begun_by=row[2], begun_at=row[3], ended_at=row[4])
            for row in self._database.all(_SQL["reviews"])
        ]

    def forget_versions(self) -> None:
        """The versions of another organisation, or of a time that was taken back, order nothing any more."""
        for name in _VERSIONS:
            self._database.run(_SQL[name])
