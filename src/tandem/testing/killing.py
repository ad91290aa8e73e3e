"""A process that works on a subscription and is killed at a chosen instant (rules S2, R2).

An exception unwinds: it rolls back, closes and tidies up, so code that only survives exceptions looks as if it survived
crashes. Here the process sends itself SIGKILL, which nothing in it can notice. The instants that matter are those
around a change that outlives the process.

    killed                    | what is left
    --------------------------+---------------------------------------------------------------------
    before a commit           | nothing of the transaction
    after a commit            | all of it, and nothing the process would have done next
    before a request to write | the intent; Dynamics knows of nothing
    after a request to write  | the intent; Dynamics carried it out, and nobody read its answer

Loading Tandem takes longer than a cycle, so processes are forked from one that has loaded it and does nothing else: it
has no thread and no connection that a fork could share.
"""

import gc
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self

from tandem.database.postgresql import PostgresqlDatabase
from tandem.database.sqlite import SqliteDatabase
from tandem.dynamics.messages import Request
from tandem.dynamics.transport import Transport
from tandem.runtime.settings import Settings
from tandem.runtime.subscription import Subscription, opened

_SECONDS = 60
"""After so long a process that does not end is ended."""
_PARENT = "from tandem.testing.killing import fork_on_demand; fork_on_demand()"

Work = Callable[[Subscription], None]
"""What a process does with the open subscription. It is pickled: a function of a module, or a partial of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a process is to do with the subscription of `settings`; `deadly` is the number of the point at which it
    dies, counted from 1, or None."""

    settings: Settings
    work: Work
    deadly: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended: killed, or by itself. Only the latter can tell the points it passed, in order, and the
    traceback of what went wrong."""

    killed: bool
    points: tuple[str, ...] = ()
    failure: str | None = None


class Processes:
    """Runs tasks, each in a process of its own. Use as a context manager."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-c", _PARENT]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _problem: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with self._parent:
            self._pipe(self._parent.stdin).close()

    def run(self, task: Task) -> Ended:
        """Run one task to its end, which takes a minute at most. Raises EOFError when the parent of all died."""
        to_parent = self._pipe(self._parent.stdin)
        pickle.dump(task, to_parent)
        to_parent.flush()
        ended: Ended = pickle.load(self._pipe(self._parent.stdout))
        return ended

    @staticmethod
    def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None:
            raise TypeError("no pipe to the parent process")
        return stream


def fork_on_demand() -> None:
    """Fork a process for each task that comes in on standard input, and tell on standard output how it ended."""
    # What every client shares is made once, before the forks.
    Transport().close()
    gc.freeze()
    tasks, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            task: Task = pickle.load(tasks)
        except EOFError:
            return
        pickle.dump(_forked(task), answers)
        answers.flush()


def _forked(task: Task) -> Ended:
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        signal.alarm(_SECONDS)
        told = _carried_out(task)
        with open(writer, "wb") as pipe:
            pickle.dump(told, pipe)
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        told_bytes = pipe.read()
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return Ended(killed=True)
    if not told_bytes:
        return Ended(killed=False, failure=f"it ended with status {status}, and told nothing")
    ended: Ended = pickle.loads(told_bytes)
    return ended


def _carried_out(task: Task) -> Ended:
    points = _Points(task.deadly)
    points.watch_commits(SqliteDatabase)
    points.watch_commits(PostgresqlDatabase)
    points.watch_requests(Transport)
    try:
        with opened(task.settings) as subscription:
            task.work(subscription)
    except Exception:  # noqa: BLE001 - whatever it was, the test that asked for the work has to hear of it
        return Ended(killed=False, points=tuple(points.passed), failure=traceback.format_exc())
    return Ended(killed=False, points=tuple(points.passed))


class _Points:
    """Counts the points this process passes, and ends it at one of them."""

    def __init__(self, deadly: int | None) -> None:
        self.passed = list[str]()
        self._deadly = deadly
        self._depth = 0

    def watch_commits(self, kind: Any) -> None:
        """From now on each outermost transaction of such a database is two points."""
        transaction = kind.transaction

        @contextmanager
        def watched(database: Any) -> Iterator[None]:
            outermost = self._depth == 0
            self._depth += 1
            try:
                with transaction(database):
                    yield
                    if outermost:
                        self._pass("before a commit")
            finally:
                self._depth -= 1
            if outermost:
                self._pass("after a commit")

        kind.transaction = watched

    def watch_requests(self, kind: Any) -> None:
        """From now on each request of such a transport that changes Dynamics is two points."""
        send = kind.send

        def watched(transport: Any, request: Request) -> Any:
            if not request.writes:
                return send(transport, request)
            name = f"{request.method} {_last_part(request.url)}"
            self._pass(f"before {name}")
            response = send(transport, request)
            self._pass(f"after {name}")
            return response

        kind.send = watched

    def _pass(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def _last_part(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2].partition("(")[0]
