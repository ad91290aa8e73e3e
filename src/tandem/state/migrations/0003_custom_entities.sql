-- Which custom entities are synced, and the way from their records to people and companies.

create table custom_entity (
    entity text primary key,
    label text not null,
    path json not null,                                   -- [table, column, target] of each of its lookups
    belongs_to text not null check (belongs_to in ('lead', 'contact', 'account')),
    via text,                                             -- two lookups: whose rows of `path_record` lead on
    since text not null
) strict, without rowid;

create table path_record (                                -- where the records of a table between lead, by one lookup
    entity text not null,
    crm_id text not null,
    version integer not null,
    reference text,
    primary key (entity, crm_id)
) strict, without rowid;

create index path_record_reference on path_record (reference) where reference is not null;

-- Custom objects with the lead, contact or account their path leads to, and whose they are by it. Told from the links at
-- the moment of asking, so that it is right whatever became of the person, of its record or of the record between.
create view placed_custom_object as
select object.entity, object.id,
       case when custom.via is null then object.reference else middle.reference end as record,
       link.person_id,
       case when custom.belongs_to <> 'account' then null
            when custom.via is null then object.reference else middle.reference end as external_company_id,
       object.is_excluded, object.updated_at, object.fields
from custom_object as object
join custom_entity as custom on custom.entity = object.entity
left join path_record as middle on middle.entity = custom.via and middle.crm_id = object.reference
left join link on link.entity = custom.belongs_to
    and link.crm_id = case when custom.via is null then object.reference else middle.reference end;
