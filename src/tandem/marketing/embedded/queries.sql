-- Statements of the embedded marketing database. `:name` is a parameter; see tandem.database.statements.

-- reserve
update counter set value = value + :count where name = :name returning value;

-- people
select id, type, email, external_company_id, external_sales_person_id, team_id, is_deleted, fields
from person where id in_list(:ids);

-- people_made_at
select id, created_at from person where id in_list(:ids);

-- person_id_of_alias
select person_id from person_alias where id = :id;

-- find_people
select id from person
where cast(id as text) = :text
   or lower(coalesce(fields ->> 'firstName', '') || ' ' || coalesce(fields ->> 'lastName', '')) like :pattern escape '!'
   or lower(coalesce(email, '')) like :pattern escape '!'
order by id limit :limit;

-- update_person
update person set
    type = :type, email = :email, external_company_id = :external_company_id,
    external_sales_person_id = :external_sales_person_id, team_id = :team_id, is_deleted = :is_deleted,
    fields = :fields, updated_at = :at
where id = :id;

-- people_by_email
select lower(email), id from person where lower(email) in_list(:emails);

-- unlinked_people_by_email
select lower(email), id from person where lower(email) in_list(:emails) and type is null and is_deleted = 0;

-- move_activities
update activity set person_id = :winner where person_id = :loser;

-- move_roles
update opportunity_role set person_id = :winner where person_id = :loser and not exists (
    select 1 from opportunity_role as other
    where other.external_opportunity_id = opportunity_role.external_opportunity_id and other.person_id = :winner
      and other.role = opportunity_role.role and other.source = opportunity_role.source);

-- move_opportunities
update opportunity set customer_person_id = :winner, external_company_id = (
    select external_company_id from person where id = :winner)
where customer_person_id = :loser;

-- move_aliases
update person_alias set person_id = :winner where person_id = :loser;

-- add_alias
insert into person_alias (id, person_id) values (:loser, :winner);

-- drop_aliases_of_person
delete from person_alias where person_id = :person_id;

-- drop_activities_of_person
delete from activity where person_id = :person_id;

-- drop_roles_of_person
delete from opportunity_role where person_id = :person_id;

-- drop_customer
update opportunity set customer_person_id = null, external_company_id = null where customer_person_id = :person_id;

-- drop_feed_of_person
delete from change_feed where person_id = :person_id;

-- delete_person
delete from person where id = :person_id;

-- companies
select external_company_id, version, is_deleted, is_excluded, merged_into, edited, fields
from company where external_company_id in_list(:ids);

-- put_company
insert into company (external_company_id, version, is_deleted, is_excluded, merged_into, edited, fields, updated_at)
values (:external_company_id, :version, 0, :is_excluded, :merged_into, null, :fields, :at)
on conflict (external_company_id) do update set
    version = excluded.version, is_deleted = 0, is_excluded = excluded.is_excluded,
    merged_into = excluded.merged_into,
    edited = case when excluded.version = company.version then company.edited end,
    fields = excluded.fields, updated_at = excluded.updated_at
where excluded.version >= company.version;

-- park_company
update company set is_excluded = 1, is_deleted = 0, version = :version
where external_company_id = :external_company_id;

-- edit_company
update company set fields = :fields, edited = :edited, updated_at = :at where external_company_id = :external_company_id;

-- delete_companies
update company set is_deleted = 1, updated_at = :at where external_company_id in_list(:ids);

-- people_per_company
select external_company_id, count(*) from person where external_company_id in_list(:ids) group by external_company_id;

-- log_for_company
insert into activity (person_id, type, at, field, old, new, source)
select id, :type, :at, :field, :old, :new, :source from person where external_company_id = :external_company_id;

-- log_for_company (postgresql)
insert into activity (person_id, type, at, field, old, new, source)
select id, :type, :at, :field, :old ::json, :new ::json, :source from person
where external_company_id = :external_company_id;

-- put_sales_person
insert into sales_person (external_sales_person_id, version, is_disabled, email, updated_at, fields)
values (:id, :version, :is_disabled, :email, :at, :fields)
on conflict (external_sales_person_id) do update set
    version = excluded.version, is_disabled = excluded.is_disabled, email = excluded.email,
    updated_at = excluded.updated_at, fields = excluded.fields
where excluded.version >= sales_person.version;

-- disable_sales_people
update sales_person set is_disabled = 1, updated_at = :at where external_sales_person_id in_list(:ids);

-- put_team
insert into team (team_id, version, is_deleted, updated_at, fields)
values (:id, :version, 0, :at, :fields)
on conflict (team_id) do update set
    version = excluded.version, is_deleted = 0, updated_at = excluded.updated_at, fields = excluded.fields
where excluded.version >= team.version;

-- delete_teams
update team set is_deleted = 1, updated_at = :at where team_id in_list(:ids);

-- put_team_member
insert into team_member (team_membership_id, version, team_id, external_sales_person_id)
values (:id, :version, :team_id, :external_sales_person_id)
on conflict (team_membership_id) do update set
    version = excluded.version, team_id = excluded.team_id,
    external_sales_person_id = excluded.external_sales_person_id
where excluded.version >= team_member.version;

-- delete_team_members
delete from team_member where team_membership_id in_list(:ids);

-- put_campaign
insert into campaign (campaign_id, version, name, is_active, external_sales_person_id, team_id, updated_at, fields)
values (:campaign_id, :version, :name, :is_active, :external_sales_person_id, :team_id, :at, :fields)
on conflict (campaign_id) do update set
    version = excluded.version, name = excluded.name, is_active = excluded.is_active,
    external_sales_person_id = excluded.external_sales_person_id, team_id = excluded.team_id,
    updated_at = excluded.updated_at, fields = excluded.fields
where excluded.version >= campaign.version;

-- delete_campaigns
delete from campaign where campaign_id in_list(:ids);

-- campaigns
select campaign_id, version, name, is_active, external_sales_person_id, team_id, fields from campaign
order by lower(name), campaign_id;

-- find_campaigns
select campaign_id, version, name, is_active, external_sales_person_id, team_id, fields from campaign
where campaign_id = lower(:text) or lower(name) = lower(:text) order by campaign_id;

-- put_opportunity
insert into opportunity (external_opportunity_id, version, external_company_id, customer_person_id,
    external_sales_person_id, team_id, amount, currency_id, is_closed, is_won, is_excluded, updated_at, fields)
values (:external_opportunity_id, :version, :external_company_id, :customer_person_id, :external_sales_person_id,
    :team_id, :amount, :currency_id, :is_closed, :is_won, 0, :at, :fields)
on conflict (external_opportunity_id) do update set
    version = excluded.version, external_company_id = excluded.external_company_id,
    customer_person_id = excluded.customer_person_id, external_sales_person_id = excluded.external_sales_person_id,
    team_id = excluded.team_id, amount = excluded.amount, currency_id = excluded.currency_id,
    is_closed = excluded.is_closed, is_won = excluded.is_won, is_excluded = 0,
    updated_at = excluded.updated_at, fields = excluded.fields
where excluded.version >= opportunity.version;

-- park_opportunities
update opportunity set is_excluded = 1 where external_opportunity_id in_list(:ids);

-- put_customer
update opportunity set customer_person_id = :person_id, external_company_id = (
    select external_company_id from person where id = :person_id)
where external_opportunity_id = :external_opportunity_id;

-- move_opportunities_of_customer
update opportunity set external_company_id = :external_company_id where customer_person_id = :person_id;

-- delete_opportunities
delete from opportunity where external_opportunity_id in_list(:ids);

-- delete_roles_of_opportunities
delete from opportunity_role where external_opportunity_id in_list(:ids);

-- delete_row_roles
delete from opportunity_role where external_opportunity_id in_list(:ids) and source in ('primary', 'customer');

-- delete_roles_of_sources
delete from opportunity_role where source in_list(:sources);

-- put_role
insert into opportunity_role (external_opportunity_id, person_id, role, source, is_primary)
values (:external_opportunity_id, :person_id, :role, :source, :is_primary)
on conflict (external_opportunity_id, person_id, role, source) do update set is_primary = excluded.is_primary;

-- roles_of_person
select external_opportunity_id, person_id, role, source, is_primary from opportunity_role where person_id = :person_id;

-- put_custom_object
insert into custom_object (entity, id, version, reference, is_excluded, updated_at, fields)
values (:entity, :id, :version, :reference, 0, :at, :fields)
on conflict (entity, id) do update set
    version = excluded.version, reference = excluded.reference, is_excluded = 0,
    updated_at = excluded.updated_at, fields = excluded.fields
where excluded.version >= custom_object.version;

-- park_custom_objects
update custom_object set is_excluded = 1 where entity = :entity and id in_list(:ids);

-- empty_custom_objects
update custom_object set fields = '{}', version = -1 where entity = :entity and id in_list(:ids);

-- delete_custom_objects
delete from custom_object where entity = :entity and id in_list(:ids);

-- forget_custom_objects
delete from custom_object where entity = :entity and id in (
    select id from custom_object where entity = :entity limit :limit);

-- custom_object_versions
select id, version from custom_object where entity = :entity and id in_list(:ids);

-- fields_of_custom_objects
select id, fields from custom_object where entity = :entity and id in_list(:ids);

-- custom_object_ids_after
select id from custom_object where entity = :entity and id > :place order by id limit :limit;

-- custom_object_ids
select id from custom_object where entity = :entity order by id;

-- count_custom_objects
select count(*) from custom_object where entity = :entity;

-- versions_of_companies
select external_company_id, version from company where external_company_id in_list(:ids);

-- versions_of_sales_people
select external_sales_person_id, version from sales_person where external_sales_person_id in_list(:ids);

-- versions_of_teams
select team_id, version from team where team_id in_list(:ids);

-- versions_of_team_members
select team_membership_id, version from team_member where team_membership_id in_list(:ids);

-- versions_of_opportunities
select external_opportunity_id, version from opportunity where external_opportunity_id in_list(:ids);

-- versions_of_campaigns
select campaign_id, version from campaign where campaign_id in_list(:ids);

-- fields_of_sales_people
select external_sales_person_id, fields from sales_person where external_sales_person_id in_list(:ids);

-- fields_of_teams
select team_id, fields from team where team_id in_list(:ids);

-- fields_of_campaigns
select campaign_id, fields from campaign where campaign_id in_list(:ids);

-- fields_of_opportunities
select external_opportunity_id, fields from opportunity where external_opportunity_id in_list(:ids);

-- ids_after_of_companies
select external_company_id from company where external_company_id > :place and is_deleted = 0
order by external_company_id limit :limit;

-- ids_after_of_opportunities
select external_opportunity_id from opportunity where external_opportunity_id > :place
order by external_opportunity_id limit :limit;

-- find_owners
select external_sales_person_id as id, 0 as is_team, is_disabled as is_gone, fields from sales_person
where external_sales_person_id = lower(:text) or lower(nullif(email, '')) = lower(:text)
   or lower(nullif(trim(coalesce(fields ->> 'firstName', '') || ' ' || coalesce(fields ->> 'lastName', '')), ''))
      = lower(:text)
union all
select team_id, 1, is_deleted, fields from team where team_id = lower(:text) or lower(fields ->> 'name') = lower(:text)
order by 1;

-- role_sources
select source from opportunity_role where source in_list(:sources);

-- ids_of_companies
select external_company_id from company where is_deleted = 0;

-- ids_of_sales_people
select external_sales_person_id from sales_person;

-- ids_of_teams
select team_id from team where is_deleted = 0;

-- ids_of_team_members
select team_membership_id from team_member;

-- ids_of_campaigns
select campaign_id from campaign;

-- ids_of_opportunities
select external_opportunity_id from opportunity;

-- ids_of_role_sources
select source from opportunity_role where source like :kind || '%';

-- read_feed
select id, person_id, at, fields from change_feed order by id limit :limit;

-- edited_people
select distinct person_id from change_feed where person_id in_list(:people);

-- forget_feed
delete from change_feed where id <= :until;

-- moves
select person_id, field, source, new from activity
where person_id in_list(:people) and type = :type and at >= :since order by id;

-- activities_of
select id, type, at, field, old, new, source, detail from activity where person_id = :person_id order by id;

-- logged_after
select id, person_id, type, at, field, old, new, source, detail from activity where id > :after order by id limit :limit;

-- export_activities
select id, person_id, type, at, field, old, new, source, detail from activity where at >= :since order by id;

-- history_of_person
select id, person_id, type, at, field, old, new, source, detail from activity
where person_id = :person_id and at >= :since order by id;

-- last_logged
select coalesce(max(id), 0) from activity;

-- count_longer_values
select count(*) from person where type = :entity and length(fields ->> :name) > :length;

-- count_longer_values (postgresql)
select count(*) from person where type = :entity and length(fields ->> :name ::text) > :length;

-- put_field_definition
insert into field_definition (entity, api_name, label, type, max_length, precision, options)
values (:entity, :api_name, :label, :type, :max_length, :precision, :options)
on conflict (entity, api_name) do update set
    label = excluded.label, type = excluded.type, max_length = excluded.max_length,
    precision = excluded.precision, options = excluded.options;

-- field_definitions
select entity, api_name, label, type, max_length, precision, options from field_definition order by entity, api_name;

-- count_records
select 'company' as entity, count(*), count(*) filter (where is_deleted = 1) from company
union all
select 'salesperson', count(*), 0 from sales_person
union all
select 'team', count(*), count(*) filter (where is_deleted = 1) from team
union all
select 'campaign', count(*), 0 from campaign
union all
select 'teammember', count(*), 0 from team_member
union all
select 'opportunity', count(*), 0 from opportunity
union all
select 'opportunityrole', count(*), 0 from (
    select distinct external_opportunity_id, person_id, role from opportunity_role) as roles
union all
-- A connection has a twin that says the same.
select 'connection', count(*), 0 from (
    select distinct external_opportunity_id, person_id, role from opportunity_role
    where source like 'connection:%') as connections
union all
select 'customeropportunityrole', count(*), 0 from opportunity_role where source like 'customeropportunityrole:%'
union all
select 'person', count(*), count(*) filter (where is_deleted = 1) from person
union all
select entity, count(*), 0 from custom_object group by entity;

-- count_parked
select 'company' as entity, count(*) from company where is_excluded = 1 and is_deleted = 0
union all
select 'opportunity', count(*) from opportunity where is_excluded = 1
union all
select entity, count(*) from custom_object where is_excluded = 1 group by entity;

-- export_person
select p.id, p.type, p.email, p.external_company_id, p.external_sales_person_id, p.team_id, p.is_deleted,
       p.created_at, p.updated_at, p.fields, c.fields
from person as p left join company as c on c.external_company_id = p.external_company_id and c.is_excluded = 0
order by p.id;

-- export_company
select external_company_id, is_deleted, is_excluded, merged_into, updated_at, fields from company
order by external_company_id;

-- export_opportunity
select external_opportunity_id, external_company_id, external_sales_person_id, team_id, amount, currency_id,
       is_closed, is_won, is_excluded, updated_at, fields
from opportunity order by external_opportunity_id;

-- export_opportunityrole
select external_opportunity_id, person_id, role, max(is_primary) from opportunity_role
group by external_opportunity_id, person_id, role order by external_opportunity_id, person_id, role;

-- export_salesperson
select external_sales_person_id, is_disabled, updated_at, fields from sales_person order by external_sales_person_id;

-- export_team
select team_id, is_deleted, updated_at, fields from team order by team_id;

-- export_campaign
select campaign_id, is_active, external_sales_person_id, team_id, updated_at, fields from campaign
order by campaign_id;

-- export_teammember
select team_membership_id, team_id, external_sales_person_id from team_member order by team_membership_id;

-- custom_objects
select id, person_id, external_company_id, is_excluded, updated_at, fields from placed_custom_object
where entity = :entity order by id;

-- index_people
create index if not exists person_email on person (lower(email));

-- index_company_of_people
create index if not exists person_company on person (external_company_id) where external_company_id is not null;

-- index_roles
create index if not exists opportunity_role_person on opportunity_role (person_id);

-- index_role_sources
create index if not exists opportunity_role_source on opportunity_role (source);

-- index_customers
create index if not exists opportunity_customer on opportunity (customer_person_id)
where customer_person_id is not null;

-- index_custom_objects
create index if not exists custom_object_reference on custom_object (reference) where reference is not null;

-- analyze
analyze;

-- analyze (postgresql)
do $$
declare found record;
begin
    -- A plain `analyze` would go through every other schema of the database too.
    for found in select tablename from pg_tables where schemaname = current_schema() loop
        execute format('analyze %I', found.tablename);
    end loop;
end $$;

-- forget_company_versions
update company set version = 0;

-- forget_sales_person_versions
update sales_person set version = 0;

-- forget_team_versions
update team set version = 0;

-- forget_team_member_versions
update team_member set version = 0;

-- forget_opportunity_versions
update opportunity set version = 0;

-- forget_campaign_versions
update campaign set version = 0;

-- forget_custom_object_versions
update custom_object set version = 0;

-- empty_activities
update activity set old = null, new = null, detail = null where id in (
    select id from activity where at < :older_than and coalesce(old, new, detail) is not null order by at limit :limit);

-- empty_company_activities
update company_activity set old = null, new = null where id in (
    select id from company_activity where at < :older_than and coalesce(old, new) is not null order by at limit :limit);

-- merged_into
select id from person_alias where person_id = :person_id order by id;

-- count_activities_of
select count(*) from activity where person_id = :person_id;
