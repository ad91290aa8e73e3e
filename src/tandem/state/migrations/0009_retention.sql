-- Values are kept for as long as the settings say: these find what is older and still has any.

create index conflict_values on conflict (at) where state <> 'held' and coalesce(base, marketing, crm) is not null;
create index sync_error_healed on sync_error (last_at) where state = 'healed' and message <> '';
