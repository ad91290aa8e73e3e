-- A selection changes at any time: the table is read once more beside the stream that goes on, and quick syncs bring the
-- values of single fields.

alter table stream add column columns text;               -- JSON, what its links bring; null: unknown, read again
alter table stream add column successor integer not null default 0; -- 1: read beside the stream whose place it takes

alter table field_mapping add column type text;           -- the column's type when it was chosen; null: not read yet

create table quick_sync (                                 -- the values of some fields, brought for records that are here
    id integer primary key,
    entity text not null,
    columns text not null,                                -- JSON
    dated_by text check (dated_by in ('created', 'updated')), -- null: all records
    since text,                                           -- the first and the last second; null: open
    until text,
    asked_by text not null check (asked_by in ('person', 'sync')),
    state text not null check (state in ('waiting', 'running', 'done', 'cancelled')),
    fingerprint text,                                     -- the stream whose columns it reads
    rides integer not null default 0,                     -- 1: that stream's own reading brings the values
    next_link text,                                       -- checkpoint of a reading of its own
    rows_done integer not null default 0,
    rows_changed integer not null default 0,
    total integer,                                        -- estimate
    asked_at text not null,
    began_at text,
    ended_at text
) strict;

create index quick_sync_open on quick_sync (id) where state in ('waiting', 'running');
