-- What an action needs to be gone on with after it was cut off, and to know a repeated request for the same.

alter table action add column arguments text;             -- JSON; null: of an older Tandem, or the person was deleted
alter table action add column details text;               -- JSON: the ids it chose or was given, stored before they go out

create index action_begun on action (at, id) where state = 'begun';
create index action_person on action (person_id);
create index action_values on action (settled_at) where state <> 'begun' and coalesce(arguments, details) is not null;
