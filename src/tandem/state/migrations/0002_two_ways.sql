-- The way back to Dynamics: who is to be looked at again, which writes are under way, and what a person must settle.

create table nomination (                                 -- people whose record in Dynamics may differ: look again
    person_id integer primary key,
    lane integer not null,                                -- 0 fresh edits, 1 retries, 2 backfill
    marks integer not null default 1,                     -- raised each time, so that one made during a write stays
    attempts integer not null default 0,
    first_at text not null
) strict;

create index nomination_order on nomination (lane, attempts, first_at, person_id);

create table intent (                                     -- a write that is wanted, or under way with its outcome unknown
    crm_id text not null,
    entity text not null,
    person_id integer not null,
    kind text not null check (kind in ('create', 'update', 'qualify')),
    sent json not null,                                   -- API name -> value
    owner json,                                           -- create: [table, id] of the owner asked for
    action_id text,                                       -- the action it carries out
    begun integer not null,                               -- 1 from before its first byte is sent until it is answered
    at text not null,
    primary key (crm_id, entity)
) strict, without rowid;

create unique index intent_person on intent (person_id);

create table action (                                     -- what somebody asked for; the same id never acts twice
    id text primary key,
    kind text not null,
    person_id integer not null,
    state text not null check (state in ('begun', 'done', 'refused')),
    outcome text,
    at text not null,
    settled_at text
) strict, without rowid;

create table held_field (                                 -- a field of a person that moves in neither direction
    person_id integer not null,
    field text not null,
    hold_id integer not null,
    primary key (person_id, field)
) strict, without rowid;

create index held_field_hold on held_field (hold_id, field);

create table link_after (
    crm_id text not null,
    entity text not null,
    person_id integer,                                    -- null: nobody has this record, or not any more
    state text not null
        check (state in ('live', 'parked', 'severed', 'superseded', 'excluded', 'removed')),
    version integer not null,
    base json,                                            -- agreed Dynamics values, only where the person differs
    successor text,                                       -- superseded: the record that goes on in its place
    successor_entity text,
    primary key (crm_id, entity)
) strict, without rowid;

insert into link_after (crm_id, entity, person_id, state, version, base, successor, successor_entity)
select crm_id, entity, person_id, state, version, base, successor, successor_entity from link;
drop table link;
alter table link_after rename to link;

create unique index link_person on link (person_id) where state in ('live', 'parked');
create index link_former_person on link (person_id) where state in ('severed', 'superseded');
create index link_unsent on link (entity, person_id) where base is not null;

create table hold_after (
    id integer primary key,
    kind text not null check (kind in ('mass-delete', 'empty-table', 'mass-blank', 'own-writes', 'ping-pong', 'undone',
        'conflict', 'consent')),
    entity text not null,
    person_id integer,                                    -- one field of one person
    field text,
    count integer not null,
    known integer not null,
    brake integer not null,                               -- the limit that was passed
    state text not null default 'open' check (state in ('open', 'approved', 'cancelled', 'settled')),
    at text not null,
    settled_at text
) strict;

insert into hold_after (id, kind, entity, count, known, brake, state, at, settled_at)
select id, kind, entity, count, known, brake, state, at, settled_at from hold;
drop table hold;
alter table hold_after rename to hold;
-- postgresql: select setval(pg_get_serial_sequence('hold', 'id'), (select coalesce(max(id), 0) + 1 from hold), false);

create index hold_person on hold (person_id) where person_id is not null;

create table conflict_after (
    id integer primary key,
    person_id integer,
    external_company_id text,
    field text not null,
    base json,
    marketing json,
    crm json,
    winner text not null check (winner in ('marketing', 'crm', 'nobody')),
    rule text not null,
    at text not null,
    state text not null default 'settled' check (state in ('settled', 'held', 'restored'))
) strict;

insert into conflict_after (id, person_id, external_company_id, field, base, marketing, crm, winner, rule, at)
select id, person_id, external_company_id, field, base, marketing, crm, winner, rule, at from conflict;
drop table conflict;
alter table conflict_after rename to conflict;
-- postgresql: select setval(pg_get_serial_sequence('conflict', 'id'), (select coalesce(max(id), 0) + 1 from conflict), false);

create index conflict_person on conflict (person_id) where person_id is not null;

drop index sync_error_record;
create unique index sync_error_record on sync_error
    (cause, entity, coalesce(crm_id, ''), coalesce(person_id, 0), coalesce(field, ''));
create index sync_error_person on sync_error (person_id) where person_id is not null and state <> 'healed';

alter table field_mapping add column policy text;         -- what settles a collision; null: the rules do
