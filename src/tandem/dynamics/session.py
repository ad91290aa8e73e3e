"""One request to the organisation, with everything that must happen around it.

The token and its single renewal after a 401, the shared rate budget, a bounded number of repetitions of what may be
repeated, the headers every request carries, the count and the log line. Nothing above this knows of any of it.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from threading import Lock
from typing import TypeVar
from uuid import uuid4

from tandem.dynamics.address import API_PATH, own_link
from tandem.dynamics.batch import LARGEST_BATCH, batch_of, read_batch
from tandem.dynamics.credentials import TokenSource
from tandem.dynamics.errors import DynamicsError, NotAnswered, NotDataverse, Throttled, Unavailable, Unreachable
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
"""Faults that may pass: the request is sent again, a few times. `_or_not_answered` says which of them a write meets."""

_HEADERS = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
}
"""Sent with every request (reference 0.1)."""

_READ_HEADERS = _HEADERS | {"If-None-Match": "null"}
"""The word null keeps caches out. Beside the condition of a write it would be a second condition."""


class Session:
    """Sends requests to one organisation as one sync user. Threads may share it.

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
        or a sign-in error.

        A write is sent again only after an answer that nothing was carried out. NotAnswered means that nobody knows;
        any other error that nothing was.
        """
        return self._repeated(request, _alone)[0]

    def send_all(self, requests: Sequence[Request]) -> list[Response]:
        """The answers to independent requests, in order, by as few `$batch` requests as they need.

        Raises like `send`; but a write that failed inside its batch is never sent again, whatever its answer says.
        """
        answers: list[Response] = []
        for start in range(0, len(requests), LARGEST_BATCH):
            few = requests[start : start + LARGEST_BATCH]
            batch = batch_of(few, api=self.api)
            answers += self._repeated(batch, partial(_parts, expected=len(few), writes=batch.writes))
        return answers

    def answers_to(self, requests: Sequence[Request]) -> list[Response]:
        """The answers to independent requests, in order: one goes alone, more by `$batch`. Raises like `send`."""
        return [self.send(requests[0])] if len(requests) == 1 else self.send_all(requests)

    def run(self, conversation: Conversation[T]) -> T:
        """Leads a conversation to its end and returns its result."""
        return self.run_all([conversation])[0]

    def run_all(self, conversations: Sequence[Conversation[T]]) -> list[T]:
        """Leads several conversations at once, each round of all of them together, and returns their results."""
        results: dict[int, T] = {}
        answers: dict[int, list[Response]] = {}
        while len(results) < len(conversations):
            asked: dict[int, Sequence[Request]] = {}
            for index, conversation in enumerate(conversations):
                if index in results:
                    continue
                try:
                    asked[index] = conversation.send(answers[index]) if index in answers else next(conversation)
                except StopIteration as end:
                    results[index] = end.value
            every = [request for requests in asked.values() for request in requests]
            given = iter(self.answers_to(every) if every else ())
            answers = {index: list(islice(given, len(requests))) for index, requests in asked.items()}
        return [results[index] for index in range(len(conversations))]

    def _repeated(self, request: Request, read: Callable[[Response], list[Response]]) -> list[Response]:
        attempt = 0
        while True:
            attempt += 1
            with self._budget.slot() as episode:
                try:
                    response = self._authorised(request)
                    with _or_not_answered(request):
                        answers = read(response)
                except (*_TRANSIENT, NotAnswered) as error:
                    pause = self._react(error, attempt=attempt, episode=episode)
                    if attempt == TRIES or isinstance(error, NotAnswered):
                        raise
                else:
                    self._budget.succeeded(_hint(response))
                    # Only writes have such parts left: they are not sent again, but all others wait as asked.
                    for refusal in filter(None, map(_transient, answers)):
                        self._react(refusal, attempt=attempt, episode=episode)
                    return answers
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
        return response

    def _exchange(self, request: Request, token: str) -> Response:
        request_id = str(uuid4())
        standing = _HEADERS if request.writes else _READ_HEADERS
        headers = {**standing, **request.headers, "x-ms-client-request-id": request_id}
        with self._lock:
            self.requests += 1
        began = self._monotonic()
        try:
            with _or_not_answered(request):
                response = self._send(
                    replace(
                        request,
                        url=own_link(self.root, request.url),
                        headers={**headers, "Authorization": f"Bearer {token}"},
                    )
                )
        except DynamicsError as error:
            self._log(request, request_id, type(error).__name__, began)
            raise
        self._log(request, request_id, response.status, began)
        return response

    def _log(self, request: Request, request_id: str, outcome: str | int, began: float) -> None:
        path = request.url.removeprefix(self.api).partition("?")[0]
        milliseconds = (self._monotonic() - began) * 1000
        logger.debug("%s %s %s %.0f ms %s", request.method, path, outcome, milliseconds, request_id)


@contextmanager
def _or_not_answered(request: Request) -> Iterator[None]:
    """Turns the loss of a write's answer into NotAnswered: sent again, the write might be carried out twice.

    Throttled stays, because then nothing was carried out (reference 6.1), and so does a refusal by something that is
    no organisation.
    """
    try:
        yield
    except (Unavailable, Unreachable, NotDataverse) as error:
        refused = isinstance(error, NotDataverse) and error.status is not None and error.status >= 300
        if refused or not request.writes:
            raise
        raise NotAnswered(
            f"{error.message} What was sent may have been carried out.",
            retry_after=error.retry_after if isinstance(error, RetryLater) else None,
            status=error.status,
            dataverse_code=error.dataverse_code,
            request_id=error.request_id,
        ) from error


def _alone(response: Response) -> list[Response]:
    """The answer to a request that was sent by itself."""
    if error := _transient(_whole(response)):
        raise error
    return [response]


def _parts(response: Response, *, expected: int, writes: bool) -> list[Response]:
    """The answers inside a batch's answer."""
    if error := _transient(_whole(response)):
        raise error
    if response.status >= 400 and not response.headers.get("content-type", "").startswith("multipart/"):
        raise error_from(response)
    parts = read_batch(response)
    if not writes:
        for part in parts:
            if error := _transient(part):
                raise error
        # Without continue-on-error the first refusal is the last part (reference 5.11).
        if len(parts) < expected and parts and parts[-1].status >= 400:
            raise error_from(parts[-1])
    if len(parts) != expected:
        raise Unreachable(
            f"Dynamics answered {len(parts)} of {expected} requests of a batch.", request_id=response.request_id
        )
    return parts


def _whole(response: Response) -> Response:
    """The given answer, if it can be one of the service's and is all there."""
    if 300 <= response.status < 400:
        raise NotDataverse(
            f"The address answered with a redirect (status {response.status}), which no organisation does.",
            status=response.status,
        )
    # A proxy that cuts a chunked answer off cleanly leaves half a document behind a good status.
    if response.status in (200, 201) and response.is_json and not response.body[-16:].rstrip().endswith(b"}"):
        raise Unreachable("The answer of Dynamics broke off.", status=response.status, request_id=response.request_id)
    return response


def _transient(response: Response) -> RetryLater | None:
    """The fault an answer tells of, where it is one that may pass."""
    error = error_from(response) if response.status >= 400 else None
    return error if isinstance(error, _TRANSIENT) else None


def _hint(response: Response) -> int | None:
    value = response.headers.get("x-ms-dop-hint", "")
    return int(value) if value.isdecimal() else None
