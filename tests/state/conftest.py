"""What the tests of the sync state share: a state on both databases."""

import pytest

from tandem.database.port import Database
from tandem.state import SyncState


@pytest.fixture
def state(database: Database) -> SyncState:
    """The state of a subscription that has done nothing yet."""
    return SyncState(database)
