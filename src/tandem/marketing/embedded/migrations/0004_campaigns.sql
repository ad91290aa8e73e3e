-- Campaigns, copied one way where campaign sync is on. One that is deleted in Dynamics is removed.

create table campaign (
    campaign_id text primary key,
    version integer not null,
    name text,
    is_active integer not null,                           -- statecode 0; an inactive one takes nobody
    external_sales_person_id text,
    team_id text,
    updated_at text not null,
    fields json not null
) strict;
