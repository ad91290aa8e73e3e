-- After another organisation, an older one, or an older database: every record is looked at once before any is written.

create table review (
    id integer primary key,
    kind text not null check (kind in ('relink', 'adopt', 'fork')),
    reason text not null,
    begun_by text not null,                               -- the account on this machine that asked for it
    begun_at text not null,
    ended_at text                                         -- null while leads and contacts are not all looked at
) strict;
