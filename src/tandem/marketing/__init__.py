"""The marketing side: a port that takes pages, and the database behind it."""
