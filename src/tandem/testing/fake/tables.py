"""The definitions a fake organisation begins with.

Definitions written by hand would be a second opinion of what a table is. These are the sandbox's, read once through the
real client, so lengths, options and navigation properties are those the engine meets elsewhere.
"""

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tandem.dynamics.client import Dynamics
from tandem.dynamics.credentials import Credentials
from tandem.model.entities import STANDARD
from tandem.model.schema import Table
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation
from tandem.sync.tables import CONNECTION_ROLE


@functools.cache
def standard_tables() -> Mapping[str, Table]:
    """Every table the engine reads, by logical name, as a new organisation describes it."""
    names = [*(entity.value for entity in STANDARD), CONNECTION_ROLE]
    with tempfile.TemporaryDirectory() as folder, Sandbox(Organisation(Path(folder) / "organisation.db")) as box:
        credentials = Credentials(box.client_id, client_secret=box.client_secret, authority=box.token_url)
        with Dynamics(box.url, credentials) as dynamics:
            return dynamics.tables(names)
