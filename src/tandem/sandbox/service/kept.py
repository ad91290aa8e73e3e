"""A full copy asks for page after page of a table, and a test asks for the same pages again and again.

SQLite takes far longer to write a page of 5,000 rows than the wire takes to carry it. But until something is written
the same question has the same answer, so large pages are kept until then; and while a client digests one page, the
page after it is made.
"""

import os
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from tandem.sandbox.messages import Request, Response
from tandem.sandbox.service.answers import identified
from tandem.sandbox.service.app import Application
from tandem.sandbox.store.organisation import Organisation

LARGE = 1_000_000
"""Bytes from which an answer is large."""

_ROOM = 2 * 1024**3
"""Bytes that the kept pages take at most, in a file."""
_IN_HAND = 4
"""Pages that may wait to be stored; those that come meanwhile are not kept."""
_LASTING = frozenset({"$select", "$orderby", "$skiptoken"})
"""The options by which a question asks for nothing that passing time changes."""
_ACTING = frozenset({"callerobjectid", "mscrmcallerid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """All that a listing of a table depends on, what the organisation holds being at one revision."""

    revision: int
    caller: str
    base: str
    path: str
    options: tuple[tuple[str, str], ...]
    prefer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """An answer without its body, and where in the file that is."""

    response: Response
    begin: int
    size: int


class KeptPages:
    """Answers as an application does, large pages as before where nothing was written since. Any thread may ask.

    The last page of a listing is made anew each time: it may tell the time. One spare thread makes the page that
    follows one that was asked for, unless it is busy with another; a second one stores what is to be kept.
    """

    def __init__(self, organisation: Organisation, application: Application) -> None:
        self._organisation = organisation
        self._application = application
        self._lock = threading.Lock()
        self._file = tempfile.TemporaryFile(prefix="tandem-sandbox-")  # noqa: SIM115
        self._answers: dict[_Question, _Kept] = {}
        self._revision = organisation.revision
        self._begin = self._end = 0
        """Where in the file the answers of this revision begin and end; no place is ever used again."""
        self._maker, self._storer = (ThreadPoolExecutor(1, thread_name_prefix="sandbox-spare") for _ in range(2))
        self._ahead: tuple[_Question, Future[Response]] | None = None
        self._hands = threading.Semaphore(_IN_HAND)

    def close(self) -> None:
        """Wait for the pages in hand and forget all of them."""
        self._maker.shutdown()
        self._storer.shutdown()
        self._file.close()

    def answer(self, request: Request) -> Response:
        """The answer to a request whose caller is known."""
        question = self._question(request)
        if question is None:
            return self._application.handle(request)
        response = self._known(question) or self._application.handle(request)
        if response.following and len(response.body) >= LARGE:
            self._keep(question, response)
            self._make_ahead(replace(request, query=response.following))
        return identified(replace(response, headers=dict(response.headers)))

    def _question(self, request: Request) -> _Question | None:
        """What the request asks; None for one that lists no table, or whose answer passing time may change."""
        if request.method != "GET" or not request.path.isidentifier() or not _ACTING.isdisjoint(request.headers):
            return None
        options = tuple(parse_qsl(request.query, keep_blank_values=True))
        if not all(name in _LASTING for name, _ in options):
            return None
        return _Question(
            revision=self._organisation.revision,
            caller=request.caller,
            base=request.base,
            path=request.path,
            options=options,
            prefer=request.headers.get("prefer", ""),
        )

    def _known(self, question: _Question) -> Response | None:
        """The answer from before, or None if there is none."""
        with self._lock:
            kept, ahead = self._answers.get(question), self._ahead
        if kept is not None:
            body = os.pread(self._file.fileno(), kept.size, kept.begin)
            # Had something been written meanwhile, the file might be empty by now.
            if self._organisation.revision == question.revision:
                return replace(kept.response, body=body)
        elif ahead is not None and ahead[0] == question:
            response = ahead[1].result()
            return response if response.following else None
        return None

    def _make_ahead(self, request: Request) -> None:
        """Let the spare thread make a page that is likely to be asked for next."""
        question = self._question(request)
        with self._lock:
            busy = self._ahead is not None and not self._ahead[1].done()
            if question is not None and question not in self._answers and not busy:
                self._ahead = question, self._maker.submit(self._application.handle, request)

    def _keep(self, question: _Question, response: Response) -> None:
        """Let the other spare thread store an answer, if it is still true and has room."""
        with self._lock:
            self._forget()
            if question in self._answers or question.revision != self._revision:
                return
            kept = _Kept(response=replace(response, body=b""), begin=self._end, size=len(response.body))
            if kept.begin + kept.size - self._begin <= _ROOM and self._hands.acquire(blocking=False):
                self._end += kept.size
                self._storer.submit(self._store, question, kept, response.body)

    def _forget(self) -> None:
        """Forget everything if something was written since."""
        if self._revision != self._organisation.revision:
            self._revision = self._organisation.revision
            self._answers.clear()
            self._begin = self._end
            os.ftruncate(self._file.fileno(), 0)

    def _store(self, question: _Question, kept: _Kept, body: bytes) -> None:
        # On a disk that is full nothing is kept.
        with suppress(OSError):
            if os.pwrite(self._file.fileno(), body, kept.begin) == kept.size:
                with self._lock:
                    if question.revision == self._revision:
                        self._answers[question] = kept
        self._hands.release()
