"""SQLite and PostgreSQL behind one small port; the only place that knows a database driver."""
