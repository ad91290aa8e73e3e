-- What people are told, and how far each way of telling them has come.

create table notice (
    id integer primary key,
    uid text not null,                                    -- what a receiver knows a repetition by
    kind text not null,
    about text not null,                                  -- what it is about: a table, a column, a hold, an error's code
    message text not null,
    advice text not null,
    at text not null,
    settled_at text                                       -- null while the state it tells of goes on
) strict;

create unique index notice_open on notice (kind, about) where settled_at is null;
create index notice_at on notice (at);

create table delivery (                                   -- one notice on its way through one channel
    notice_id integer not null,
    channel text not null,
    state text not null check (state in ('waiting', 'delivered', 'given-up')),
    attempts integer not null default 0,
    due_at text not null,                                 -- not tried again before
    problem text,                                         -- why the last attempt failed
    primary key (notice_id, channel)
) strict, without rowid;

create index delivery_due on delivery (channel, due_at) where state = 'waiting';
