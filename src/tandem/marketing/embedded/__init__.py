"""The embedded marketing database: tables beside the sync state, on SQLite or PostgreSQL."""

from tandem.marketing.embedded.marketing import EmbeddedMarketing

__all__ = ["EmbeddedMarketing"]
