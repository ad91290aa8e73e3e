-- The marketing lists that the actions on campaigns made in Dynamics, and whom they put there. Records are named by
-- their ids in Dynamics, not by people: whoever a record's links lead to has its memberships, through merges, deletions
-- and returns.

create table campaign_list (
    campaign_id text not null,
    entity text not null check (entity in ('lead', 'contact')),
    list_id text not null,                                -- chosen before the list was made
    stage text not null check (stage in ('wanted', 'made', 'attached')),
    primary key (campaign_id, entity)
) strict, without rowid;

create table campaign_member (
    record_id text not null,
    list_id text not null,
    seen integer not null,                                -- 0 from before it is put on the list until it is known to be
    primary key (record_id, list_id)
) strict, without rowid;

create index campaign_member_list on campaign_member (list_id);
