"""A sandbox for as long as a block of code: no test has to open, fill and close an organisation by hand."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tandem.sandbox.data.generate import generate
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation


@contextmanager
def running(*, people: int = 0, seed: int = 1, tls: bool = False) -> Iterator[Sandbox]:
    """A sandbox on a port of its own with so many made-up people, gone at the end of the block.

    Its `description()` is what `tandem sandbox` prints; its `organisation` can be loaded with more.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-sandbox-") as folder, closing(Organisation()) as organisation:
        if people:
            for table, rows in generate(people, seed):
                organisation.load(table, rows)
        with Sandbox(organisation, tls=tls, folder=Path(folder)) as sandbox:
            yield sandbox
