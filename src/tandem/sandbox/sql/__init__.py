"""SQL that is kept in files."""
