"""The periods of time that a filter can name: this month, the last four weeks, older than ten days.

Days, weeks, months and years begin and end at midnight in the caller's time zone, which is UTC here; weeks begin on
Sunday, as the service ships. Where exactly a counted period begins is general knowledge. [k]
"""

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `start` until just before `end`; None where it is open."""

    start: datetime | None
    end: datetime | None


Named = Callable[[datetime], Period]
Counted = Callable[[datetime, int], Period]


def day(moment: datetime) -> datetime:
    """The midnight that its day began with."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _days(first: int, last: int) -> Named:
    """Whole days, counted from today, both included."""
    return lambda now: Period(start=day(now) + timedelta(days=first), end=day(now) + timedelta(days=last + 1))


def _week(offset: int) -> Named:
    def week(now: datetime) -> Period:
        sunday = day(now) - timedelta(days=now.isoweekday() % 7) + timedelta(weeks=offset)
        return Period(start=sunday, end=sunday + timedelta(weeks=1))

    return week


def _months(offset: int) -> Named:
    def months(now: datetime) -> Period:
        first = day(now).replace(day=1)
        return Period(start=later(first, offset), end=later(first, offset + 1))

    return months


def _year(offset: int) -> Named:
    def year(now: datetime) -> Period:
        first = day(now).replace(month=1, day=1)
        return Period(start=later(first, 12 * offset), end=later(first, 12 * offset + 12))

    return year


def later(moment: datetime, months: int) -> datetime:
    """The same day so many months later, or the last one of a shorter month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


_LENGTHS: Mapping[str, Callable[[datetime, int], datetime]] = {
    "Minutes": lambda moment, count: moment + timedelta(minutes=count),
    "Hours": lambda moment, count: moment + timedelta(hours=count),
    "Days": lambda moment, count: day(moment) + timedelta(days=count),
    "Weeks": lambda moment, count: day(moment) + timedelta(weeks=count),
    "Months": lambda moment, count: later(day(moment), count),
    "Years": lambda moment, count: later(day(moment), 12 * count),
}
"""What so many of them later is; from a day upwards that is a midnight."""


def _last(unit: str) -> Counted:
    moved = _LENGTHS[unit]
    return lambda now, count: Period(start=moved(now, -count), end=now + timedelta(seconds=1))


def _next(unit: str) -> Counted:
    moved, whole = _LENGTHS[unit], timedelta(seconds=1) if unit == "Hours" else timedelta(days=1)
    return lambda now, count: Period(start=now, end=moved(now, count) + whole)


def _older(unit: str) -> Counted:
    moved = _LENGTHS[unit]
    return lambda now, count: Period(start=None, end=moved(now, -count))


NAMED: Mapping[str, Named] = {
    "Yesterday": _days(-1, -1),
    "Today": _days(0, 0),
    "Tomorrow": _days(1, 1),
    "Last7Days": _days(-7, 0),
    "Next7Days": _days(0, 7),
    **{f"{name}Week": _week(offset) for name, offset in (("Last", -1), ("This", 0), ("Next", 1))},
    **{f"{name}Month": _months(offset) for name, offset in (("Last", -1), ("This", 0), ("Next", 1))},
    **{f"{name}Year": _year(offset) for name, offset in (("Last", -1), ("This", 0), ("Next", 1))},
}
"""Periods that follow from the moment alone, by the name of the filter function."""

COUNTED: Mapping[str, Counted] = {
    **{f"LastX{unit}": _last(unit) for unit in _LENGTHS if unit != "Minutes"},
    **{f"NextX{unit}": _next(unit) for unit in _LENGTHS if unit != "Minutes"},
    **{f"OlderThanX{unit}": _older(unit) for unit in _LENGTHS},
}
"""Periods of so many hours, days and so on; the count is not negative."""
