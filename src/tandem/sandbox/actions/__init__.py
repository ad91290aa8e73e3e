"""The messages that do more than write one row."""
