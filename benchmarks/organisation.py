"""A whole organisation in a process of its own: the sandbox, on disk, with made-up people.

A cycle asks for more than pages, so here the other side is no stand-in that answers from memory. Its work counts as
time that passes, and not as time that Tandem computes.
"""

import multiprocessing
import os
import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

from tandem.sandbox.data.generate import generate
from tandem.sandbox.service.protection import UNLIMITED, Protection
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation

_PATIENCE = 3_600
"""Seconds that making up a million people may take, several times over."""
_SEED = 1


@contextmanager
def organisation_of(people: int, *, contacts: int = 0) -> Iterator[Mapping[str, str]]:
    """Serve an organisation of so many people, the contacts among them multiplied to at least `contacts`.

    Gives what a client needs to connect, and the `process` that serves.
    """
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_serve, args=(people, contacts, folder, theirs), daemon=True)
        process.start()
        theirs.close()
        try:
            if not ours.poll(_PATIENCE):
                raise TimeoutError(f"The organisation was not ready after {_PATIENCE} seconds.")
            yield ours.recv()
        finally:
            process.terminate()
            process.join()


def _serve(people: int, contacts: int, folder: str, ready: Connection) -> None:
    organisation = Organisation(Path(folder) / "organisation.db")
    made: list[Mapping[str, object]] = []
    for table, rows in generate(people, _SEED):
        loaded = list(rows)
        organisation.load(table, loaded)
        made += loaded if table == "contact" else []
    organisation.load("contact", _multiplied(made, contacts - len(made)))
    sandbox = Sandbox(organisation, protection=Protection(UNLIMITED))
    ready.send(sandbox.description() | {"process": str(os.getpid())})
    sandbox.serve()


def _multiplied(contacts: list[Mapping[str, object]], count: int) -> Iterator[Mapping[str, object]]:
    """So many more contacts like these."""
    draw = random.Random(_SEED)
    for _, contact in zip(range(count), cycle(contacts)):
        yield {**contact, "contactid": str(UUID(int=draw.getrandbits(128), version=4))}
