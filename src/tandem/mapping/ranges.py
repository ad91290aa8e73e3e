"""Which records a quick sync is for: all, or those created or updated in a range (rule D5).

Two people who type the same dates must mean the same records, wherever they sit: a date without a zone is one of UTC,
and a last day counts to its last second, in which Dynamics tells its times (reference 3.6).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from tandem.mapping.checks import EARLIEST, LATEST
from tandem.model.errors import NeedsPerson

_SHOWN = "%Y-%m-%dT%H:%M:%SZ"


class BadRange(NeedsPerson):
    """A range of dates cannot be understood, or holds no moment."""

    code = "bad-range"
    advice = (
        "Write FROM..TO, such as 2025-01-01..2025-03-31 or 2025-01-01T08:00+01:00..; either end may be left out, and "
        "what has no zone is UTC."
    )


class DatedBy(StrEnum):
    """Which of a record's two dates counts."""

    CREATED = "created"
    UPDATED = "updated"

    @property
    def column(self) -> str:
        """The logical name of its column."""
        return "createdon" if self is DatedBy.CREATED else "modifiedon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Records from the second `since` to the second `until`, both included (ISO 8601 UTC); None is open."""

    dated_by: DatedBy
    since: str | None
    until: str | None

    @property
    def condition(self) -> str:
        """The range as an OData filter."""
        column = self.dated_by.column
        bounds = (("ge", self.since), ("le", self.until))
        return " and ".join(f"{column} {operator} {bound}" for operator, bound in bounds if bound is not None)

    def __str__(self) -> str:
        bounds = [f"{word} {bound}" for word, bound in (("from", self.since), ("to", self.until)) if bound is not None]
        return " ".join([self.dated_by.value, *bounds])


def parse_range(text: str, dated_by: DatedBy, *, now: str) -> Range:
    """The range somebody typed as FROM..TO. Raises BadRange; one that begins after `now` holds nothing yet."""
    since, until = parse_bounds(text, now=now)
    return Range(dated_by=dated_by, since=since, until=until)


def parse_bounds(text: str, *, now: str) -> tuple[str | None, str | None]:
    """The first and the last second of a range typed as FROM..TO, as `Range` has them. Raises BadRange."""
    first, dots, last = (part.strip() for part in text.partition(".."))
    if not dots or not (first or last):
        raise BadRange(f"{text!r} is no range of dates.")
    since, until = _moment(first, last=False), _moment(last, last=True)
    if since and until and since > until:
        raise BadRange(f"The range {text} ends before it begins.", advice="Write the earlier date first.")
    if since and since > datetime.fromisoformat(now):
        raise BadRange(f"The range {text} lies in the future: no record can be in it.")
    return _shown(since), _shown(until)


def _moment(text: str, *, last: bool) -> datetime | None:
    moment = _read(text, last=last) if text else None
    if moment is not None and not EARLIEST <= moment <= LATEST:
        # A condition with such a moment is refused, and with it every cycle that asks.
        raise BadRange(f"{text!r} is out of range: Dynamics knows dates from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}.")
    return moment


def _read(text: str, *, last: bool) -> datetime:
    try:
        if len(text) == len("2025-01-01"):
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return day + timedelta(days=1, seconds=-1) if last else day
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise BadRange(f"{text!r} is no date.") from problem


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime(_SHOWN)
