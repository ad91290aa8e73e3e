-- What the sync remembers of one subscription. The rows of a page, their effects and the page's checkpoint are written
-- in one transaction, so a kill at any instant loses nothing and repeats nothing but a page.

create table stream (
    entity text not null,
    fingerprint text not null,                            -- organisation, table, selected columns, codec
    state text not null check (state in ('copying', 'live', 'halted')),
    next_link text,                                       -- checkpoint inside a read: the page to ask for
    delta_link text,                                      -- where the next read begins
    weak integer not null default 0,                      -- no change tracking: polled by modifiedon, deletes by sweep
    reading text not null,                                -- why it is read from the start: first-copy, baseline, selection
    reads_begun integer not null default 0,
    reads_finished integer not null default 0,            -- the number of the last read that came to its end
    rows_read integer not null default 0,                 -- in the read in hand
    total integer,                                        -- estimate
    begun_at text,
    live_at text,
    token_at text,
    fresh_mark text,                                      -- modifiedon up to which fresh edits were read while copying
    reason text,                                          -- why it is halted, or read again
    primary key (entity, fingerprint)
) strict, without rowid;

create table link (
    crm_id text not null,
    entity text not null,
    person_id integer,                                    -- null: excluded from the start, or merged before it was seen
    state text not null
        check (state in ('live', 'parked', 'severed', 'superseded', 'excluded')),
    version integer not null,
    base json,                                            -- agreed Dynamics values, only where the person differs
    successor text,                                       -- superseded: the record that goes on in its place
    successor_entity text,
    primary key (crm_id, entity)
) strict, without rowid;

create unique index link_person on link (person_id) where state in ('live', 'parked');
create index link_former_person on link (person_id) where state in ('severed', 'superseded');

create table waiting (                                    -- a reference to what is not here yet; nothing else waits
    entity text not null,
    crm_id text not null,
    target_entity text not null,
    target_id text not null,
    kind text not null,
    after_read integer,                                   -- the target's absence is certain after a later read than this
    reason text not null,
    since text not null,
    payload json,
    primary key (entity, crm_id, target_entity, target_id, kind)
) strict, without rowid;

create index waiting_target on waiting (target_entity, target_id);

create table excluded (                                   -- one-way records the filter keeps out: id and version only
    entity text not null,
    crm_id text not null,
    version integer not null,
    primary key (entity, crm_id)
) strict, without rowid;

create table deletion (                                   -- deletions read and not applied: a read in hand, or a brake
    entity text not null,
    crm_id text not null,
    hold_id integer,                                      -- set while a person must approve it (R6)
    primary key (entity, crm_id)
) strict, without rowid;

create table deleted_count (                              -- deletions applied since the first copy
    entity text primary key,
    records integer not null
) strict, without rowid;

create table seen (                                       -- what a re-baseline has listed so far; empty otherwise
    entity text not null,
    crm_id text not null,
    primary key (entity, crm_id)
) strict, without rowid;

create table field_mapping (
    entity text not null,
    column_name text not null,
    api_name text not null,
    direction text not null check (direction in ('both', 'from', 'to', 'blocked')),
    selected integer not null,
    broken text,                                          -- why the column cannot be read any more
    primary key (entity, column_name)
) strict, without rowid;

create table sync_error (
    id integer primary key,
    cause text not null,                                  -- errors of one cause share it
    entity text not null,
    crm_id text,
    person_id integer,
    operation text not null,
    direction text not null check (direction in ('pull', 'push')),
    level text not null check (level in ('record', 'job')),
    code text not null,
    field text,
    message text not null,
    advice text not null,
    state text not null default 'open' check (state in ('open', 'ignored', 'healed')),
    times integer not null default 1,
    first_at text not null,
    last_at text not null
) strict;

create unique index sync_error_record on sync_error (cause, entity, coalesce(crm_id, ''), coalesce(field, ''));
create index sync_error_open on sync_error (entity, level) where state = 'open';

create table conflict (
    id integer primary key,
    person_id integer,
    external_company_id text,
    field text not null,
    base json,
    marketing json,
    crm json,
    winner text not null check (winner in ('marketing', 'crm')),
    rule text not null,
    at text not null,
    state text not null default 'settled'
) strict;

create table hold (
    id integer primary key,
    kind text not null check (kind in ('mass-delete', 'empty-table')),
    entity text not null,
    count integer not null,
    known integer not null,
    brake integer not null,                               -- the limit that was passed
    state text not null default 'open' check (state in ('open', 'approved', 'cancelled')),
    at text not null,
    settled_at text
) strict;

create table history (
    id integer primary key,
    begun_at text not null,
    ended_at text,
    outcome text,
    requests integer not null default 0,
    counts json not null
) strict;

create table setting (
    name text primary key,
    value json not null
) strict, without rowid;
