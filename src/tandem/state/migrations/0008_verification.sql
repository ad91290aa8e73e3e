-- How far every record was looked at on both sides, and what was found.

create table circle (                                     -- one walk over all records of a table
    entity text not null,
    number integer not null,
    begun_at text not null,
    finished_at text,
    records integer not null,                             -- how many there were when it began
    place text not null default '',                       -- the last record looked at, in the order of ids
    checked integer not null default 0,
    explained integer not null default 0,                 -- values that differ for a reason that is known
    found json not null,                                  -- what nothing explains: how many of each verdict
    primary key (entity, number)
) strict, without rowid;

create table doubt (                                      -- to be looked at again after the table's next read
    entity text not null,
    crm_id text not null,
    version integer,                                      -- what Dynamics held; null: nothing
    after_read integer not null,                          -- a read begun later has brought what was on its way
    primary key (entity, crm_id)
) strict, without rowid;

create table finding (
    entity text not null,
    crm_id text not null,
    field text not null,                                  -- API name; empty: the whole record
    person_id integer,
    verdict text not null check (verdict in ('missed', 'gone', 'misfiled', 'drifted', 'forgotten')),
    at text not null,
    primary key (entity, crm_id, field)
) strict, without rowid;
