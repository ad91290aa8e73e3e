"""When people are told, and when telling them is tried again (rule N5).

Too early is noise that trains people to look away, too late is no help. Times go in as ISO 8601 UTC.

    the sync fails for | for a reason that | outcome
    -------------------+-------------------+---------------------------------------------
    0 minutes          | a person removes  | TELL
    59 minutes         | passes by itself  | WAIT  nobody is woken by a short outage
    60 minutes         | passes by itself  | TELL

    the last digest | outcome
    ----------------+------------------------------------
    23 hours ago    | WAIT
    24 hours ago    | TELL
    in 1 hour       | TELL  the clock was set back since

    the certificate ends | outcome
    ---------------------+----------------------------------
    in 31 days           | NOT_YET
    in 30 days           | 30  the first of four warnings
    in 15 days           | 30
    in 14 days           | 14
    in 7 days            | 7
    in 1 day             | 1
    1 day ago            | 1  no further one: the sync is down

    attempts in vain | outcome
    -----------------+------------------------------------------
    1                | 1  minute until the next
    2                | 2
    9                | 256
    10               | 360  and never less often than that
    1,000            | 360
"""

from datetime import UTC, datetime, timedelta

PATIENCE = timedelta(hours=1)
"""How long a failure that passes by itself may last untold."""
DIGEST_EVERY = timedelta(hours=24)
GIVE_UP_AFTER = timedelta(days=3)
"""How long a notice is tried on a channel that does not take it."""

_WARNINGS = (1, 7, 14, 30)
"""Days before the end of a certificate at which people are told."""
_FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
"""Between two attempts at a notice."""


def later(at: str, by: timedelta) -> str:
    """The time so much later; a negative span is earlier."""
    return _text(datetime.fromisoformat(at) + by)


def tells_failure(*, passes: bool, since: str, at: str) -> bool:
    """Are people told of a sync that fails since then? `passes`: for a reason that passes by itself."""
    return not passes or _is_past(since, PATIENCE, at)


def is_digest_due(last: str, at: str) -> bool:
    """Is it a day since the last digest?"""
    return _is_past(last, DIGEST_EVERY, at)


def try_again_at(attempts: int, at: str) -> str:
    """When a delivery is tried again that has failed so many times, 1 or more, the last time just now."""
    return later(at, min(_FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT))


def expiry_warning(ends_at: str, at: str) -> int | None:
    """The last warning that is due for credentials that end then, 30, 14, 7 or 1 days before; None before all."""
    left = datetime.fromisoformat(ends_at) - datetime.fromisoformat(at)
    return next((days for days in _WARNINGS if left <= timedelta(days=days)), None)


def _is_past(since: str, span: timedelta, at: str) -> bool:
    """Is it so long since then? A time to come was told by a clock that was wrong: to wait for it could take years."""
    return not since <= at < later(since, span)


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
