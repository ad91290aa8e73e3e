"""Empties what is older than the settings keep values for (rule R2): the journal, the activity logs, the history.

It runs at the end of each cycle, a piece in each transaction, until nothing is too old or until it is time to look for
fresh edits. What is open is never emptied: a held collision, an error, a request whose outcome is not known.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from tandem.sync.context import Context

_PIECE = 1_000
"""Rows emptied in one transaction: nobody who edits waits longer than for these."""
_CYCLES_EMPTIED = "cycles_emptied"
"""The setting that keeps the number of the last cycle of which only the counts are left."""


def retain(context: Context, until: Callable[[], bool]) -> int:
    """Empty what is too old, unless `until` says that it is time to stop; how many rows had values."""
    settings, emptied = context.settings, 0
    works = (
        (settings.keep_journal, _journal),
        (settings.keep_activities, _activities),
        (settings.keep_activities, _company_activities),
        (settings.keep_history, _cycles),
    )
    for days, work in works:
        before = _before(context.now(), days)
        while not until():
            with context.database.transaction():
                rows = work(context, before)
            emptied += rows
            if not rows:
                break
    return emptied


def _before(now: str, days: int) -> str:
    """The time `days` ago; where no calendar reaches back so far, one that nothing is older than."""
    try:
        return (datetime.fromisoformat(now) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return ""


def _journal(context: Context, before: str) -> int:
    return context.state.forgetting.journal(before=before, limit=_PIECE)


def _activities(context: Context, before: str) -> int:
    return context.marketing.people.empty_log(before=before, limit=_PIECE)


def _company_activities(context: Context, before: str) -> int:
    return context.marketing.companies.empty_log(before=before, limit=_PIECE)


def _cycles(context: Context, before: str) -> int:
    after = context.state.setting(_CYCLES_EMPTIED) or 0
    rows, last = context.state.forgetting.cycles(after=after, before=before, limit=_PIECE)
    if rows:
        context.state.put_setting(_CYCLES_EMPTIED, last)
    return rows
