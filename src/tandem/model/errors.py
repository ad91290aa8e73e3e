"""How Tandem's work can fail, sorted by what helps.

    TandemError
    ├── RetryLater    the other side could not answer; the same call may succeed later
    ├── NeedsRecord   a record this one refers to is not here yet
    ├── NeedsPerson   somebody must decide or repair; trying again changes nothing
    ├── HaltStream    going on could do harm; this table (or everything) stops until released
    └── OurBug        an invariant of ours is broken; nobody else is at fault

The base class says what helps; the leaf, near the code that raises it, says what happened. Every leaf has a stable
`code` (errors page, JSON, tests) and an `advice` that tells a person what to do. Messages say what happened and to
whom; they never hold a secret, a token or a field value.
"""

from typing import ClassVar


class TandemError(Exception):
    """Something Tandem could not do.

    `context` holds the ids and names the message speaks of (table, record, field, status), as JSON-ready values.
    """

    code: ClassVar[str] = "tandem"
    advice: ClassVar[str] = ""

    def __init__(self, message: str, *, advice: str | None = None, **context: str | int | None) -> None:
        super().__init__(message)
        self.message = message
        self.context = context
        self._advice = advice

    @property
    def remedy(self) -> str:
        """What a person should do: the advice given for this very case, else the class's."""
        return self._advice if self._advice is not None else self.advice


class RetryLater(TandemError):
    """The other side could not answer. The same call may succeed later.

    `retry_after` is the wait in seconds that the server asked for, or None.
    """

    code = "retry-later"
    advice = "Try again later; `tandem run` does so by itself."

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        advice: str | None = None,
        **context: str | int | None,
    ) -> None:
        super().__init__(message, advice=advice, **context)
        self.retry_after = retry_after


class NeedsRecord(TandemError):
    """A record this one refers to is not here yet; it waits for that record."""

    code = "needs-record"
    advice = "Nothing to do: it continues when the other record arrives."


class NeedsPerson(TandemError):
    """Somebody must decide or repair. Nothing more is tried until then."""

    code = "needs-person"


class HaltStream(TandemError):
    """Going on could do harm. The table, or the whole sync, stops until a person releases it."""

    code = "halted"


class OurBug(TandemError):
    """An invariant of ours is broken; this is not the other side's fault."""

    code = "our-bug"
    advice = "Please report this with the log file: it is a fault in Tandem."
