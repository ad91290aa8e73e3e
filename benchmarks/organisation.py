"""A whole organisation in a process of its own: the sandbox, on disk, with made-up people.

A cycle asks for more than pages, so here the other side is no stand-in that answers from memory. Its work counts as
time that passes, and not as time that Tandem computes.
"""

import multiprocessing
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from tandem.sandbox.data.generate import generate
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation

_PATIENCE = 3_600
"""Seconds that making up a million people may take, several times over."""
_SEED = 1


@contextmanager
def organisation_of(people: int) -> Iterator[Mapping[str, str]]:
    """Serve an organisation of so many people; gives what a client needs to connect."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_serve, args=(people, folder, theirs), daemon=True)
        process.start()
        theirs.close()
        try:
            if not ours.poll(_PATIENCE):
                raise TimeoutError(f"The organisation was not ready after {_PATIENCE} seconds.")
            yield ours.recv()
        finally:
            process.terminate()
            process.join()


def _serve(people: int, folder: str, ready: Connection) -> None:
    organisation = Organisation(Path(folder) / "organisation.db")
    for table, rows in generate(people, _SEED):
        organisation.load(table, rows)
    sandbox = Sandbox(organisation)
    ready.send(sandbox.description())
    sandbox.serve()
