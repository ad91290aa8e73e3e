"""What the sync remembers between cycles, in the database that holds the data."""

from tandem.state.state import SyncState, state_migrations

__all__ = ["SyncState", "state_migrations"]
