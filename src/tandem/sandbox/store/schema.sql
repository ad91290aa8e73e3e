-- What the organisation keeps beside its tables. The tables themselves are made from their definitions.

CREATE TABLE IF NOT EXISTS counter (
    -- The one growing version number of the whole environment (reference 3.6).
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS deletion (
    -- The log that change tracking reports deletions from.
    version INTEGER PRIMARY KEY,
    table_name TEXT NOT NULL,
    row_id TEXT NOT NULL,
    deleted_on TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deletion_by_table ON deletion (table_name, version);
CREATE INDEX IF NOT EXISTS deletion_by_row ON deletion (table_name, row_id, version);

CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS privilege_grant (
    -- Where a user's rights differ from organisation-wide on everything; a NULL depth is a privilege taken away.
    user_id TEXT NOT NULL,
    privilege TEXT NOT NULL,
    depth TEXT,
    PRIMARY KEY (user_id, privilege)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS left_for_later (
    -- What stand-ins for flows still have to do: the stand-in and the row as it was before the write, both JSON.
    position INTEGER PRIMARY KEY,
    plug_in TEXT NOT NULL,
    row_id TEXT NOT NULL,
    row_before TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS customisation (
    -- The log of the changes of the definitions; a change is JSON, its version the metadata version that it made.
    version INTEGER PRIMARY KEY,
    made_on TEXT NOT NULL,
    change TEXT NOT NULL
) STRICT;
