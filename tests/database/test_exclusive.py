"""One Tandem per subscription: the lock names its owner and dies with it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tandem.database.exclusive import lock_file, lock_schema, wait_for_file, wait_for_schema
from tandem.database.port import BeingWritten, DatabaseGone, Dialect, InUse

Lock = Callable[..., AbstractContextManager[None]]


@pytest.fixture(params=[each.value for each in Dialect])
def lock(request: pytest.FixtureRequest, tmp_path: Path) -> Lock:
    """Takes the lock of a subscription, by default of one."""
    if request.param == Dialect.SQLITE:
        return lambda name="one": lock_file(tmp_path / f"{name}.lock", subscription=name)
    url = request.getfixturevalue("postgresql_url")
    return lambda name="one": lock_schema(url, f"tandem_{name}", subscription=name)


def test_a_second_tandem_is_refused_with_the_owner(lock: Lock) -> None:
    """The process of a file's lock, the database session of a schema's."""
    with lock(), pytest.raises(InUse) as caught, lock():
        pytest.fail("both hold the lock")

    assert "Subscription 'one' is being synced by another Tandem (" in caught.value.message
    assert {"subscription": "one"} == caught.value.context
    owner = caught.value.message.rpartition(" ")[2].rstrip(").")
    assert owner.isdigit()


def test_the_owner_of_a_file_is_told_by_its_process(tmp_path: Path) -> None:
    """An id that can be looked up and stopped, also where the last owner's was longer."""
    path = tmp_path / "one.lock"
    path.write_text("99999999999", encoding="ascii")
    with lock_file(path, subscription="one"), pytest.raises(InUse) as caught, lock_file(path, subscription="one"):
        pytest.fail("both hold the lock")

    assert f"(process {os.getpid()})" in caught.value.message


def test_the_owner_of_a_schema_is_told_by_its_session(postgresql_url: str) -> None:
    """Not by the session of another subscription's Tandem."""
    with (
        lock_schema(postgresql_url, "tandem_two", subscription="two"),
        lock_schema(postgresql_url, "tandem_one", subscription="one"),
    ):
        owners = [_refusal(postgresql_url, name) for name in ("one", "two")]

    assert owners[0] != owners[1]


def _refusal(url: str, name: str) -> str:
    with pytest.raises(InUse) as caught, lock_schema(url, f"tandem_{name}", subscription=name):
        pytest.fail("both hold the lock")
    return caught.value.message.partition("(")[2]


def test_the_lock_is_free_again_after_its_owner(lock: Lock) -> None:
    """However the owner ended."""
    with contextlib.suppress(KeyboardInterrupt), lock():
        raise KeyboardInterrupt

    with lock() as held:
        assert held is None


def test_two_subscriptions_do_not_meet(lock: Lock) -> None:
    """Each has a lock of its own."""
    with lock("one"), lock("two") as held:
        assert held is None


_HOLDER = """
import sys
from pathlib import Path
from tandem.database.exclusive import lock_file, lock_schema

if sys.argv[1] == "sqlite":
    lock = lock_file(Path(sys.argv[2]), subscription="one")
else:
    lock = lock_schema(sys.argv[2], "tandem_one", subscription="one")
with lock:
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def _holder(*where: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _HOLDER, *where]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "held\n" == process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_a_killed_owner_leaves_no_lock_on_a_file(tmp_path: Path) -> None:
    """Nothing has to be cleaned up by hand."""
    path = tmp_path / "one.lock"
    with _holder("sqlite", str(path)) as process:
        with pytest.raises(InUse, match=f"process {process.pid}"), lock_file(path, subscription="one"):
            pytest.fail("both hold the lock")
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)

        with lock_file(path, subscription="one"):
            assert str(os.getpid()) == path.read_text(encoding="ascii")


def test_an_unreachable_server_is_gone(closed_port: int) -> None:
    """As when the database itself is opened; the password stays out."""
    url = f"postgresql://me:hunter2@127.0.0.1:{closed_port}/marketing"
    with pytest.raises(DatabaseGone) as caught, lock_schema(url, "tandem_one", subscription="one"):
        pytest.fail("held a lock on nothing")

    assert "hunter2" not in str(caught.value)


# One who writes -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=[each.value for each in Dialect])
def turn(request: pytest.FixtureRequest, tmp_path: Path) -> Lock:
    """Waits for its turn to write for a subscription, by default for one and not at all."""
    if request.param == Dialect.SQLITE:
        return lambda name="one", patience=0.0: wait_for_file(
            tmp_path / f"{name}.writing", subscription=name, patience=patience
        )
    url = request.getfixturevalue("postgresql_url")
    return lambda name="one", patience=0.0: wait_for_schema(url, f"tandem_{name}", subscription=name, patience=patience)


def test_whoever_writes_is_not_waited_for_without_end(turn: Lock) -> None:
    """Another subscription is not concerned, and the turn is free when it is over."""
    with turn(), turn("two"), pytest.raises(BeingWritten, match="subscription 'one'"), turn():
        pytest.fail("both write")

    with turn() as held:
        assert held is None


def test_the_turn_comes_when_the_writer_before_is_done(turn: Lock) -> None:
    """Whoever waits gets it, without being told to try again."""

    def second() -> str:
        with turn(patience=60.0):
            return "written"

    with ThreadPoolExecutor(max_workers=1) as pool:
        with turn():
            ended = pool.submit(second)
        assert "written" == ended.result(timeout=60.0)


def test_who_waits_for_a_file_comes_before_its_last_owner(tmp_path: Path) -> None:
    """The engine lets go for a moment between two pages: that moment is enough for an action."""
    path, waiting, look_again = tmp_path / "one.writing", threading.Event(), threading.Event()

    def wait(_seconds: float) -> None:
        waiting.set()
        look_again.wait(60.0)

    def second() -> str:
        with wait_for_file(path, subscription="one", patience=60.0, sleep=wait):
            return "written"

    with ThreadPoolExecutor(max_workers=1) as pool:
        with wait_for_file(path, subscription="one"):
            ended = pool.submit(second)
            assert waiting.wait(60.0)
        with pytest.raises(BeingWritten), wait_for_file(path, subscription="one", patience=0.0):
            pytest.fail("the last owner took it again")
        look_again.set()
        assert "written" == ended.result(timeout=60.0)


def test_the_turn_of_a_killed_writer_is_free(tmp_path: Path) -> None:
    """It dies with its process."""
    path = tmp_path / "one.writing"
    with _holder("sqlite", str(path)) as process:
        with pytest.raises(BeingWritten), wait_for_file(path, subscription="one", patience=0.0):
            pytest.fail("both write")
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)

        with wait_for_file(path, subscription="one", patience=0.0) as held:
            assert held is None
