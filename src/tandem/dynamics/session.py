"""One request to the organisation, with everything that must happen around it.

The token and its single renewal after a 401, the shared rate budget, a bounded number of repetitions of what may be
repeated, the headers every request carries, the count and the log line. Nothing above this knows of any of it.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import TypeVar
from uuid import uuid4

from tandem.dynamics.address import API_PATH, own_link
from tandem.dynamics.batch import LARGEST_BATCH, batch_of, read_batch
from tandem.dynamics.credentials import TokenSource
from tandem.dynamics.errors import DynamicsError, NotDataverse, Throttled, Unavailable, Unreachable
from tandem.dynamics.limits import RateBudget
from tandem.dynamics.messages import Conversation, Request, Response
from tandem.dynamics.translation import error_from
from tandem.model.errors import RetryLater

logger = logging.getLogger("tandem.dynamics")
T = TypeVar("T")

TRIES = 5
_FIRST_PAUSE = 1.0
_THROTTLE_PAUSE = 5.0
"""Seconds added to the growing pause where a 429 names none (reference 6.1)."""

_TRANSIENT = (Throttled, Unavailable, Unreachable)

_HEADERS = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
}
"""Sent with every request (reference 0.1)."""


class Session:
    """Sends reads to one organisation as one sync user. Threads may share it.

    `requests` counts what was sent to the organisation, repetitions included and tokens not.
    """

    def __init__(
        self,
        root: str,
        *,
        send: Callable[[Request], Response],
        tokens: TokenSource,
        budget: RateBudget,
        monotonic: Callable[[], float],
    ) -> None:
        self.root = root
        self.api = root + API_PATH
        self.requests = 0
        self._send = send
        self._tokens = tokens
        self._budget = budget
        self._monotonic = monotonic
        self._lock = Lock()

    def send(self, request: Request) -> Response:
        """The service's answer, success or refusal. Raises what prevented one: RetryLater, NotDataverse, TlsFailed,
        or a sign-in error."""
        return self._repeated(request, lambda response: response)

    def send_all(self, requests: Sequence[Request]) -> list[Response]:
        """The answers to independent reads, in order, by as few `$batch` requests as they need. Raises like `send`."""
        answers: list[Response] = []
        for start in range(0, len(requests), LARGEST_BATCH):
            few = requests[start : start + LARGEST_BATCH]
            answers += self._repeated(batch_of(few, api=self.api), partial(_parts, expected=len(few)))
        return answers

    def run(self, conversation: Conversation[T]) -> T:
        """Leads a conversation to its end and returns its result."""
        try:
            requests = next(conversation)
            while True:
                single = len(requests) == 1
                answers = [self.send(requests[0])] if single else self.send_all(requests)
                requests = conversation.send(answers)
        except StopIteration as end:
            result: T = end.value
            return result

    def _repeated(self, request: Request, read: Callable[[Response], T]) -> T:
        attempt = 0
        while True:
            attempt += 1
            with self._budget.slot() as episode:
                try:
                    response = self._authorised(request)
                    result = read(response)
                except _TRANSIENT as error:
                    pause = self._react(error, attempt=attempt, episode=episode)
                    if attempt == TRIES:
                        raise
                else:
                    self._budget.succeeded(_hint(response))
                    return result
            if pause:
                self._budget.pause(pause)

    def _react(self, error: RetryLater, *, attempt: int, episode: int) -> float:
        """Closes the gate for all where the server asks for it; returns the pause of this request alone."""
        growing = _FIRST_PAUSE * 2.0 ** (attempt - 1)
        if isinstance(error, Throttled) or error.retry_after is not None:
            wait = error.retry_after if error.retry_after is not None else _THROTTLE_PAUSE + growing
            self._budget.throttled(episode, wait)
            return 0.0
        return growing

    def _authorised(self, request: Request) -> Response:
        token = self._tokens.token()
        response = self._exchange(request, token.value)
        if response.status == 401:
            token = self._tokens.token(refused=token)
            response = self._exchange(request, token.value)
        _raise_transient(response)
        return response

    def _exchange(self, request: Request, token: str) -> Response:
        request_id = str(uuid4())
        headers = {**_HEADERS, **request.headers, "x-ms-client-request-id": request_id}
        with self._lock:
            self.requests += 1
        began = self._monotonic()
        try:
            response = self._send(
                Request(
                    method=request.method,
                    url=own_link(self.root, request.url),
                    headers={**headers, "Authorization": f"Bearer {token}"},
                    body=request.body,
                )
            )
        except DynamicsError as error:
            self._log(request, request_id, type(error).__name__, began)
            raise
        self._log(request, request_id, response.status, began)
        return _whole(response)

    def _log(self, request: Request, request_id: str, outcome: str | int, began: float) -> None:
        path = request.url.removeprefix(self.api).partition("?")[0]
        milliseconds = (self._monotonic() - began) * 1000
        logger.debug("%s %s %s %.0f ms %s", request.method, path, outcome, milliseconds, request_id)


def _whole(response: Response) -> Response:
    """The given answer, if it can be one of the service's and is all there."""
    if 300 <= response.status < 400:
        raise NotDataverse(
            f"The address answered with a redirect (status {response.status}), which no organisation does.",
            status=response.status,
        )
    # A proxy that cuts a chunked answer off cleanly leaves half a document behind a good status.
    if response.status == 200 and response.is_json and not response.body[-16:].rstrip().endswith(b"}"):
        raise Unreachable("The answer of Dynamics broke off.", status=200, request_id=response.request_id)
    return response


def _parts(response: Response, *, expected: int) -> list[Response]:
    if response.status >= 400 and not response.headers.get("content-type", "").startswith("multipart/"):
        raise error_from(response)
    parts = read_batch(response)
    for part in parts:
        _raise_transient(part)
    if len(parts) != expected:
        # Without continue-on-error the first refusal is the last part (reference 5.11).
        if parts and parts[-1].status >= 400:
            raise error_from(parts[-1])
        raise Unreachable(
            f"Dynamics answered {len(parts)} of {expected} requests of a batch.", request_id=response.request_id
        )
    return parts


def _raise_transient(response: Response) -> None:
    if response.status >= 400:
        error = error_from(response)
        if isinstance(error, _TRANSIENT):
            raise error


def _hint(response: Response) -> int | None:
    value = response.headers.get("x-ms-dop-hint", "")
    return int(value) if value.isdecimal() else None
