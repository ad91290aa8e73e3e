"""One budget for everything one sync user sends.

The service counts per user, and carrying on while it throttles makes the pause longer (reference 6.1). So all lanes
share one gate: a Retry-After seen by one holds all, and fewer requests at once follow.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger("tandem.dynamics")

CEILING = 8
"""Requests at once at most, whatever the server's hint says."""


class RateBudget:
    """How many requests may be under way, and from when on.

    Begins with one request at a time until the server's hint is known, then with the hint; grows by one for each full
    round of successes, halves once for each episode of throttling. Times are seconds of the given clock.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._free = threading.Condition()
        self._allowed = 1.0
        self._hinted = False
        self._under_way = 0
        self._closed_until = 0.0
        self._episode = 0

    @property
    def concurrency(self) -> int:
        """Requests allowed at once now."""
        return int(self._allowed)

    @contextmanager
    def slot(self) -> Iterator[int]:
        """Waits until one more request may go and counts it while it is under way; gives the episode it belongs to."""
        with self._free:
            while True:
                self._free.wait_for(lambda: self._under_way < self.concurrency)
                wait = self._closed_until - self._monotonic()
                if wait <= 0:
                    break
                self._rest(wait)
            self._under_way += 1
            episode = self._episode
        try:
            yield episode
        finally:
            with self._free:
                self._under_way -= 1
                self._free.notify_all()

    def succeeded(self, hint: int | None) -> None:
        """A request was answered. `hint` is the server's advised degree of parallelism, if it gave one."""
        with self._free:
            if hint is not None and hint > 0 and not self._hinted:
                self._hinted = True
                self._allowed = float(min(hint, CEILING))
            else:
                self._allowed = min(self._allowed + 1 / self._allowed, float(CEILING))
            self._free.notify_all()

    def throttled(self, episode: int, pause: float) -> None:
        """A request of the given episode was refused: nobody sends for `pause` seconds.

        Several requests refused together are one episode and halve the budget once.
        """
        with self._free:
            self._closed_until = max(self._closed_until, self._monotonic() + pause)
            if episode == self._episode:
                self._episode += 1
                self._hinted = True
                self._allowed = max(1.0, self._allowed / 2)
        logger.info("dynamics asks for a pause of %.0f s", pause)

    def pause(self, seconds: float) -> None:
        """Waits without holding a place, for a fault that concerns one request only."""
        self._sleep(seconds)

    def _rest(self, seconds: float) -> None:
        self._free.release()
        try:
            self._sleep(seconds)
        finally:
            self._free.acquire()
