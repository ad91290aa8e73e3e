"""A client that never met the service's limits meets them in a customer's first full copy.

Each user is held back on each web server by three limits: requests and execution time within a window that slides, and
requests at once (reference 6.1). The affinity cookie pins a client to one server; without it requests are spread, and
the limits multiply (reference 6.2).
"""

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from itertools import cycle
from math import ceil
from typing import Annotated

import msgspec

from tandem.sandbox.messages import Refused, Request

COOKIE = "ARRAffinity"
"""The affinity cookie; what its value looks like is unconfirmed (reference 6.2)."""

_LENGTHENED = 1.0
"""Seconds by which a request sent while its user is held back lengthens that; how much it really is is unconfirmed."""
_LONGEST = 2
"""Windows that a user can be held back for at most, however often it sends."""

_Count = Annotated[int, msgspec.Meta(ge=1)]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]
_AFFINITY = re.compile(rf"(?:^|;)\s*{COOKIE}=(\w+)")


class Limits(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a user may do on one web server, and how many servers there are; None is no limit.

    `requests` and `seconds` of execution hold within the last `window` seconds, `concurrent` at any moment. `hint` is
    the degree of parallelism that `x-ms-dop-hint` advises.
    """

    requests: _Count | None = 6_000
    seconds: _Seconds | None = 1_200.0
    concurrent: _Count | None = 52
    window: _Seconds = 300.0
    servers: _Count = 1
    hint: _Count = 8


UNLIMITED = Limits(requests=None, seconds=None, concurrent=None)
"""Nobody is ever held back."""


def read_limits(text: str) -> Limits:
    """The limits of `requests=60,window=10`; `off` is no limit, for one of them or for all. Raises ValueError."""
    if text.strip() == "off":
        return UNLIMITED
    given: dict[str, str | None] = {}
    for part in text.split(","):
        name, separator, value = (word.strip() for word in part.partition("="))
        if not separator:
            raise ValueError(f"'{part.strip()}' is not a name and a value")
        given[name] = None if value == "off" else value
    try:
        return msgspec.convert(given, Limits, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


class Breach(StrEnum):
    """The limit that holds a user back, by the code of its refusal."""

    REQUESTS = "0x80072322"
    SECONDS = "0x80072321"
    CONCURRENT = "0x80072326"


def refusal(breach: Breach, limits: Limits, *, retry_after: float) -> Refused:
    """429 with the limit in its message and `retry_after`, in seconds, rounded up (reference 6.1)."""
    match breach:
        case Breach.REQUESTS:
            message = (
                f"Number of requests exceeded the limit of {limits.requests} over time window of {limits.window:g}"
                " seconds."
            )
        case Breach.SECONDS:
            message = (
                f"Combined execution time of incoming requests exceeded limit of {(limits.seconds or 0) * 1_000:,.0f}"
                f" milliseconds over time window of {limits.window:g} seconds. Decrease number of concurrent requests"
                " or reduce the duration of requests and try again later."
            )
        case Breach.CONCURRENT:
            message = f"Number of concurrent requests exceeded the limit of {limits.concurrent}."
    return Refused(429, breach, message, headers={"Retry-After": str(ceil(retry_after))})


@dataclass(slots=True)
class _Window:
    """How much happened within the last `length` seconds."""

    length: float
    total: float = 0.0
    _entries: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, amount: float, now: float) -> None:
        self._entries.append((now, amount))
        self.total += amount

    def slide(self, now: float) -> None:
        """Forget what happened too long ago."""
        entries, oldest = self._entries, now - self.length
        while entries and entries[0][0] <= oldest:
            self.total -= entries.popleft()[1]
        if not entries:
            # What rounding left over would grow for as long as the sandbox runs.
            self.total = 0.0

    def falls_below(self, limit: float) -> float:
        """The moment at which the total, now at the limit or above, is below it again if nothing is added."""
        left, moment = self.total, 0.0
        for moment, amount in self._entries:  # noqa: B007
            left -= amount
            if left < limit:
                break
        return moment + self.length


class Usage:
    """What one user does on one server. Moments are seconds on the organisation's clock."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests = _Window(limits.window)
        self._seconds = _Window(limits.window)
        self._under_way = 0
        self._held: tuple[Breach, float] | None = None

    def enter(self, now: float) -> None:
        """Let a request in, or raise Refused (429). One that comes while its user is held back lengthens that."""
        self._requests.slide(now)
        self._seconds.slide(now)
        if self._held is not None and now < self._held[1]:
            breach, until = self._held
            until = min(until + _LENGTHENED, now + _LONGEST * self._limits.window)
        elif found := self._breach(now):
            breach, until = found[0], max(found[1], now + _LENGTHENED)
        else:
            self._held = None
            self._under_way += 1
            if self._limits.requests is not None:
                self._requests.add(1, now)
            return
        self._held = breach, until
        raise refusal(breach, self._limits, retry_after=until - now)

    def spend(self, seconds: float, now: float) -> None:
        """Add the execution time of a request."""
        if self._limits.seconds is not None:
            self._seconds.add(seconds, now)

    def leave(self) -> None:
        """A request that was let in has been answered."""
        self._under_way -= 1

    def remaining(self) -> dict[str, str]:
        """The headers that tell what is left, for debugging only (reference 6.1)."""
        headers = {}
        if self._limits.requests is not None:
            left = max(0, self._limits.requests - int(self._requests.total))
            headers["x-ms-ratelimit-burst-remaining-xrm-requests"] = str(left)
        if self._limits.seconds is not None:
            seconds = max(0.0, self._limits.seconds - self._seconds.total)
            headers["x-ms-ratelimit-time-remaining-xrm-requests"] = f"{seconds:,.2f}"
        return headers

    def _breach(self, now: float) -> tuple[Breach, float] | None:
        """The limit that is reached, and when it will not be any more."""
        limits = self._limits
        if limits.requests is not None and self._requests.total >= limits.requests:
            return Breach.REQUESTS, self._requests.falls_below(limits.requests)
        if limits.seconds is not None and self._seconds.total >= limits.seconds:
            return Breach.SECONDS, self._seconds.falls_below(limits.seconds)
        if limits.concurrent is not None and self._under_way >= limits.concurrent:
            return Breach.CONCURRENT, now
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request on the server that it came to."""

    usage: Usage
    headers: dict[str, str]

    def spend(self, seconds: float, *, now: float) -> None:
        """Count the execution time of the request."""
        self.usage.spend(seconds, now)

    def stamps(self) -> dict[str, str]:
        """The headers of the answer: the hint, what is left, and the affinity cookie for who had none."""
        return self.headers | self.usage.remaining()


class _Fleet:
    """The web servers under one set of limits."""

    def __init__(self, limits: Limits) -> None:
        names = [sha256(f"server {number}".encode()).hexdigest() for number in range(limits.servers)]
        self.limits = limits
        self.servers: dict[str, dict[str, Usage]] = {name: {} for name in names}
        self.turns = cycle(names)


class Protection:
    """The service protection of an organisation. Requests visit it from one thread; any thread may set `limits`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._fleet = _Fleet(limits or Limits())

    @property
    def limits(self) -> Limits:
        """What holds now. Setting it forgets what anybody has used, and starts the servers anew."""
        return self._fleet.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._fleet = _Fleet(limits)

    @contextmanager
    def visit(self, request: Request, *, now: float) -> Iterator[Visit]:
        """Let the request of a known caller in until its answer is sent.

        A `$batch` is one request, and so is a message that writes many rows. Who acts for another user is the one who
        is limited; that is unconfirmed. Raises Refused (429).
        """
        fleet = self._fleet
        headers = {"x-ms-dop-hint": str(fleet.limits.hint)}
        pinned = _AFFINITY.search(request.headers.get("cookie", ""))
        if pinned and pinned[1] in fleet.servers:
            server = pinned[1]
        else:
            server = next(fleet.turns)
            secure = "; Secure" if request.base.startswith("https:") else ""
            headers["Set-Cookie"] = f"{COOKIE}={server}; Path=/; HttpOnly{secure}"
        users = fleet.servers[server]
        usage = users.get(request.caller) or users.setdefault(request.caller, Usage(fleet.limits))
        visit = Visit(usage=usage, headers=headers)
        try:
            usage.enter(now)
        except Refused as refused:
            refused.headers |= visit.stamps()
            raise
        try:
            yield visit
        finally:
            usage.leave()
