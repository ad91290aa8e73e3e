-- The embedded marketing database. References between records are the external ids that both sides know (as in
-- Marketo's REST API), so a record may name another that has not arrived yet. Field values lie in one JSON object per
-- record, by API name, codes and ids rather than labels; a field that is not there is empty.

create table person (
    id integer primary key,
    type text check (type in ('lead', 'contact')),       -- Microsoft Type; null = only in marketing
    email text,
    external_company_id text,                             -- null = a private company, whose values lie in `fields`
    external_sales_person_id text,
    team_id text,
    is_deleted integer not null default 0,                -- Microsoft Is Deleted
    created_at text not null,
    updated_at text not null,
    fields json not null
) strict;

-- The candidates of rule P1's setting; nobody in it while people come from Dynamics, so it costs a copy nothing.
create index person_unlinked_email on person (lower(email)) where type is null and is_deleted = 0;

create table person_alias (                               -- ids merged away, so that an old id still finds the person
    id integer primary key,
    person_id integer not null
) strict;

create index person_alias_person on person_alias (person_id);

create table company (
    external_company_id text primary key,
    version integer not null,
    is_deleted integer not null default 0,
    is_excluded integer not null default 0,               -- the sync filter says No; the values are stale
    merged_into text,
    edited json,                                          -- Dynamics' values of the fields edited in marketing (A2)
    updated_at text not null,
    fields json not null
) strict;

create table sales_person (
    external_sales_person_id text primary key,
    version integer not null,
    is_disabled integer not null default 0,
    email text,
    updated_at text not null,
    fields json not null
) strict;

create table team (
    team_id text primary key,
    version integer not null,
    is_deleted integer not null default 0,
    updated_at text not null,
    fields json not null
) strict;

create table team_member (
    team_membership_id text primary key,
    version integer not null,
    team_id text not null,
    external_sales_person_id text not null
) strict, without rowid;

create table opportunity (
    external_opportunity_id text primary key,
    version integer not null,
    external_company_id text,
    customer_person_id integer,                           -- the customer is this person; the company is that person's
    external_sales_person_id text,
    team_id text,
    amount text,                                          -- exact decimal in the row's currency
    currency_id text,
    is_closed integer not null,
    is_won integer not null,
    is_excluded integer not null default 0,
    updated_at text not null,
    fields json not null
) strict;

create table opportunity_role (
    external_opportunity_id text not null,
    person_id integer not null,
    role text not null,
    source text not null,                                 -- where it came from: primary, customer, connection:<id>
    is_primary integer not null default 0,
    primary key (external_opportunity_id, person_id, role, source)
) strict, without rowid;

create table activity (
    id integer primary key,
    person_id integer not null,
    type text not null,
    at text not null,
    field text,
    old json,
    new json,
    source text,
    detail json
) strict;

-- New people have growing ids, so this one only appends during a copy; merges look logs up at any time.
create index activity_person on activity (person_id);

create table company_activity (
    id integer primary key,
    external_company_id text not null,
    type text not null,
    at text not null,
    field text,
    old json,
    new json,
    source text
) strict;

create table change_feed (                                -- what marketing edited, for the way back to Dynamics
    id integer primary key,
    person_id integer not null,
    at text not null,
    fields json not null
) strict;

create table field_definition (
    entity text not null,
    api_name text not null,
    label text not null,
    type text not null,
    max_length integer,
    precision integer,
    options json,
    primary key (entity, api_name)
) strict, without rowid;

create table counter (
    name text primary key,
    value integer not null
) strict, without rowid;

insert into counter (name, value) values ('person', 0);
