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
from tandem.dynamics.lists import CAMPAIGN_ITEM, LIST, LIST_MEMBER
from tandem.dynamics.tasks import TASK
from tandem.model.entities import STANDARD, Entity
from tandem.model.schema import Table
from tandem.sandbox.service.server import Sandbox
from tandem.sandbox.store.organisation import Organisation
from tandem.sync.tables import CONNECTION_ROLE

_OF_CAMPAIGNS = (Entity.CAMPAIGN.value, *(table.name for table in (LIST, LIST_MEMBER, CAMPAIGN_ITEM)))


@functools.cache
def standard_tables() -> Mapping[str, Table]:
    """Every table the engine reads, by logical name, as a new organisation describes it."""
    names = [*(entity.value for entity in STANDARD), CONNECTION_ROLE, TASK, *_OF_CAMPAIGNS]
    with tempfile.TemporaryDirectory() as folder, Sandbox(Organisation(Path(folder) / "organisation.db")) as box:
        credentials = Credentials(box.client_id, client_secret=box.client_secret, authority=box.token_url)
        with Dynamics(box.url, credentials) as dynamics:
            return dynamics.tables(names)
