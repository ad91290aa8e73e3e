-- Statements of the sync state. `:name` is a parameter; see tandem.database.statements.

-- links
select crm_id, person_id, state, version, base, successor, successor_entity
from link where entity = :entity and crm_id in_list(:ids);

-- links_of_people
select crm_id, entity, person_id, state, version, base from link
where person_id in_list(:ids) and state in ('live', 'parked');

-- links_of_person
select crm_id, entity, state, version, base from link
where person_id = :person_id and state in ('live', 'parked')
   or person_id = :person_id and state in ('severed', 'superseded')
order by entity, crm_id;

-- unsent_links
select crm_id, person_id, state, version, base from link
where entity = :entity and person_id > :after and state in ('live', 'parked') and base is not null
order by person_id limit :limit;

-- count_unsent
select entity, count(*) from link where state = 'live' and base is not null group by entity;

-- update_link
update link set
    person_id = :person_id, state = :state, version = :version, base = :base,
    successor = :successor, successor_entity = :successor_entity
where crm_id = :crm_id and entity = :entity;

-- note_versions
update link set version = :version where crm_id = :crm_id and entity = :entity;

-- set_base
update link set base = :base where crm_id = :crm_id and entity = :entity;

-- forget_links
delete from link where entity = :entity and crm_id in_list(:ids) and state in ('excluded', 'superseded');

-- move_links
update link set person_id = :winner
where person_id = :loser and state in ('live', 'parked') or person_id = :loser and state in ('severed', 'superseded');

-- remove_links
update link set
    person_id = null, base = null, state = case when state = 'superseded' then state else :state end
where person_id = :person_id and state in ('live', 'parked')
   or person_id = :person_id and state in ('severed', 'superseded');

-- set_aside_links
select crm_id, entity, person_id, version from link where state = 'superseded' and successor is null
order by entity, crm_id limit :limit;

-- count_links
select entity, state, count(*) from link group by entity, state;

-- known_people
select count(*) from link where entity = :entity and state in ('live', 'parked');

-- unseen_links
select crm_id from link where entity = :entity and state in ('live', 'parked', 'excluded') and not exists (
    select 1 from seen where seen.entity = link.entity and seen.crm_id = link.crm_id);

-- possible_duplicates
select lower(p.email), group_concat(p.id) from person as p
where p.email is not null and p.type is not null and p.is_deleted = 0
group by lower(p.email) having count(*) > 1 order by lower(p.email) limit :limit;

-- possible_duplicates (postgresql)
select lower(p.email), string_agg(p.id::text, ',' order by p.id) from person as p
where p.email is not null and p.type is not null and p.is_deleted = 0
group by lower(p.email) having count(*) > 1 order by lower(p.email) limit :limit;

-- wait
insert into waiting (entity, crm_id, target_entity, target_id, kind, after_read, reason, since, payload)
values (:entity, :crm_id, :target_entity, :target_id, :kind, :after_read, :reason, :since, :payload)
on conflict (entity, crm_id, target_entity, target_id, kind) do update set
    payload = excluded.payload, reason = excluded.reason;

-- anybody_waits
select exists (select 1 from waiting where target_entity = :target_entity);

-- waiting_for
select entity, crm_id, target_id, kind, payload from waiting
where target_entity = :target_entity and target_id in_list(:ids);

-- waiting_past
select entity, crm_id, target_id, kind, payload from waiting
where target_entity = :target_entity and kind = :kind and after_read < :finished limit :limit;

-- waiting_of_kind
select entity, crm_id, target_id, since from waiting where kind = :kind order by since, crm_id limit :limit;

-- unseen_waiting
select distinct crm_id from waiting where entity = :entity and not exists (
    select 1 from seen where seen.entity = waiting.entity and seen.crm_id = waiting.crm_id);

-- stop_waiting
delete from waiting where entity = :entity and crm_id = :crm_id and target_id = :target_id and kind = :kind;

-- stop_all_waiting
delete from waiting where entity = :entity and crm_id in_list(:ids);

-- waiting_of
select target_entity, reason, since from waiting where entity = :entity and crm_id = :crm_id order by since;

-- count_waiting
select entity, target_entity, kind, reason, count(*), min(since) from waiting
group by entity, target_entity, kind, reason order by entity, target_entity;

-- excluded_versions
select crm_id, version from excluded where entity = :entity and crm_id in_list(:ids);

-- excluded_counts
select entity, count(*) from excluded group by entity;

-- exclude
insert into excluded as held (entity, crm_id, version) values (:entity, :crm_id, :version)
on conflict (entity, crm_id) do update set version = excluded.version;

-- include
delete from excluded where entity = :entity and crm_id in_list(:ids);

-- streams
select entity, fingerprint, state, next_link, delta_link, weak, reading, reads_begun, reads_finished, rows_read,
       total, begun_at, live_at, token_at, fresh_mark, reason
from stream order by entity;

-- put_stream
insert into stream (entity, fingerprint, state, next_link, delta_link, weak, reading, reads_begun, reads_finished,
    rows_read, total, begun_at, live_at, token_at, fresh_mark, reason)
values (:entity, :fingerprint, :state, :next_link, :delta_link, :weak, :reading, :reads_begun, :reads_finished,
    :rows_read, :total, :begun_at, :live_at, :token_at, :fresh_mark, :reason)
on conflict (entity, fingerprint) do update set
    state = excluded.state, next_link = excluded.next_link, delta_link = excluded.delta_link, weak = excluded.weak,
    reading = excluded.reading, reads_begun = excluded.reads_begun, reads_finished = excluded.reads_finished,
    rows_read = excluded.rows_read, total = excluded.total, begun_at = excluded.begun_at, live_at = excluded.live_at,
    token_at = excluded.token_at, fresh_mark = excluded.fresh_mark, reason = excluded.reason;

-- checkpoint
update stream set
    state = :state, next_link = :next_link, delta_link = :delta_link, weak = :weak, reading = :reading,
    reads_begun = :reads_begun, reads_finished = :reads_finished, rows_read = :rows_read, total = :total,
    begun_at = :begun_at, live_at = :live_at, token_at = :token_at, fresh_mark = :fresh_mark, reason = :reason
where entity = :entity and fingerprint = :fingerprint
  and coalesce(next_link, '') = :was_next and coalesce(delta_link, '') = :was_delta;

-- drop_other_streams
delete from stream where entity = :entity and fingerprint <> :fingerprint;

-- add_deletion
insert into deletion (entity, crm_id) values (:entity, :crm_id) on conflict (entity, crm_id) do nothing;

-- withdraw_deletions
delete from deletion where entity = :entity and crm_id in_list(:ids);

-- has_deletions
select exists (select 1 from deletion where entity = :entity);

-- pending_deletions
select crm_id from deletion where entity = :entity and hold_id is null;

-- held_deletions
select crm_id from deletion where hold_id = :hold_id;

-- hold_deletions
update deletion set hold_id = :hold_id where entity = :entity and hold_id is null;

-- clear_deletions
delete from deletion where entity = :entity and hold_id is null;

-- clear_held_deletions
delete from deletion where hold_id = :hold_id;

-- approved_holds
select distinct deletion.hold_id from deletion join hold on hold.id = deletion.hold_id
where deletion.entity = :entity and hold.state = 'approved';

-- count_deleted
insert into deleted_count (entity, records) values (:entity, :records)
on conflict (entity) do update set records = deleted_count.records + excluded.records;

-- deleted_counts
select entity, records from deleted_count;

-- saw
insert into seen (entity, crm_id) values (:entity, :crm_id) on conflict (entity, crm_id) do nothing;

-- seen_count
select count(*) from seen where entity = :entity;

-- seen_among
select crm_id from seen where entity = :entity and crm_id in_list(:ids);

-- forget_seen
delete from seen where entity = :entity;

-- add_hold
insert into hold (kind, entity, person_id, field, count, known, brake, at)
values (:kind, :entity, :person_id, :field, :count, :known, :brake, :at)
returning id;

-- holds
select id, kind, entity, person_id, field, count, known, brake, state, at, settled_at from hold order by id;

-- open_hold
select id from hold where entity = :entity and kind = :kind and state = 'open' and coalesce(field, '') = :field;

-- settle_hold
update hold set state = :state, settled_at = :at where id = :id and state = 'open';

-- settle_field_hold
update hold set state = 'settled', settled_at = :at
where person_id = :person_id and field = :field and state = 'open';

-- field_hold_settled_at
select max(settled_at) from hold
where person_id = :person_id and field = :field and kind = :kind and state <> 'open';

-- field_mappings
select entity, column_name, api_name, direction, selected, broken, policy from field_mapping order by entity, column_name;

-- put_field_mapping
insert into field_mapping (entity, column_name, api_name, direction, selected, broken, policy)
values (:entity, :column_name, :api_name, :direction, :selected, :broken, :policy)
on conflict (entity, column_name) do update set
    api_name = excluded.api_name, direction = excluded.direction, selected = excluded.selected,
    broken = excluded.broken, policy = excluded.policy;

-- put_error
insert into sync_error (cause, entity, crm_id, person_id, operation, direction, level, code, field, message, advice,
    first_at, last_at)
values (:cause, :entity, :crm_id, :person_id, :operation, :direction, :level, :code, :field, :message, :advice,
    :at, :at)
on conflict (cause, entity, coalesce(crm_id, ''), coalesce(person_id, 0), coalesce(field, '')) do update set
    times = sync_error.times + 1, last_at = excluded.last_at, message = excluded.message,
    state = case when sync_error.state = 'ignored' then 'ignored' else 'open' end;

-- errors
select id, cause, entity, crm_id, person_id, operation, direction, level, code, field, message, advice, state, times,
       first_at, last_at
from sync_error order by last_at desc, id desc;

-- failures_of_people
select person_id, id, code, field from sync_error
where person_id in_list(:people) and state <> 'healed' and direction = 'push';

-- push_errors_of_people
select id, cause, entity, crm_id, person_id, operation, direction, level, code, field, message, advice, state, times,
       first_at, last_at
from sync_error where person_id in_list(:people) and state <> 'healed' and direction = 'push' order by id;

-- heal_error
update sync_error set state = 'healed' where id = :id;

-- heal_job_errors
update sync_error set state = 'healed' where entity = :entity and level = 'job' and state = 'open';

-- set_error_state
update sync_error set state = :state where id = :id;

-- count_errors
select entity, level, count(*) from sync_error where state = 'open' and code <> 'record-inactive'
group by entity, level;

-- add_conflicts
insert into conflict (person_id, external_company_id, field, base, marketing, crm, winner, rule, at, state)
values (:person_id, :external_company_id, :field, :base, :marketing, :crm, :winner, :rule, :at, :state);

-- conflicts
select id, person_id, external_company_id, field, base, marketing, crm, winner, rule, at, state from conflict
order by case when state = 'held' then 0 else 1 end, id desc limit :limit;

-- conflicts_of_person
select id, person_id, external_company_id, field, base, marketing, crm, winner, rule, at, state from conflict
where person_id = :person_id order by case when state = 'held' then 0 else 1 end, id desc limit :limit;

-- conflict
select id, person_id, external_company_id, field, base, marketing, crm, winner, rule, at, state from conflict
where id = :id;

-- set_conflict_state
update conflict set state = :state where id = :id;

-- move_conflicts
update conflict set person_id = :winner, state = case when state = 'held' then 'settled' else state end
where person_id = :person_id;

-- forget_conflicts
delete from conflict where person_id = :person_id;

-- forget_errors
delete from sync_error where person_id = :person_id and state <> 'healed';

-- forget_holds
delete from hold where person_id = :person_id;

-- forget_held_fields
delete from held_field where person_id = :person_id;

-- forget_nomination
delete from nomination where person_id = :person_id;

-- begin_cycle
insert into history (begun_at, counts) values (:at, :counts) returning id;

-- end_cycle
update history set ended_at = :at, outcome = :outcome, requests = :requests, counts = :counts where id = :id;

-- last_cycle
select id, begun_at, ended_at, outcome, requests, counts from history order by id desc limit 1;

-- last_finished_cycle
select id, begun_at, ended_at, outcome, requests, counts from history where ended_at is not null
order by id desc limit 1;

-- setting
select value from setting where name = :name;

-- put_setting
insert into setting (name, value) values (:name, :value)
on conflict (name) do update set value = excluded.value;

-- delete_setting
delete from setting where name = :name;

-- nominate
insert into nomination (person_id, lane, first_at) values (:person_id, :lane, :at)
on conflict (person_id) do update set
    marks = nomination.marks + 1, attempts = 0,
    lane = case when excluded.lane < nomination.lane then excluded.lane else nomination.lane end;

-- nominate_unsent
insert into nomination (person_id, lane, first_at)
select person_id, :lane, :at from link where entity = :entity and state = 'live' and base is not null
on conflict (person_id) do update set marks = nomination.marks + 1;

-- nominate_unsent (postgresql)
insert into nomination (person_id, lane, first_at)
select person_id, :lane ::bigint, :at ::text from link where entity = :entity and state = 'live' and base is not null
on conflict (person_id) do update set marks = nomination.marks + 1;

-- nominate_failed
insert into nomination (person_id, lane, first_at)
select distinct person_id, :lane, :at from sync_error
where person_id > 0 and state <> 'healed' and direction = 'push'
on conflict (person_id) do update set marks = nomination.marks + 1;

-- nominate_failed (postgresql)
insert into nomination (person_id, lane, first_at)
select distinct person_id, :lane ::bigint, :at ::text from sync_error
where person_id > 0 and state <> 'healed' and direction = 'push'
on conflict (person_id) do update set marks = nomination.marks + 1;

-- nominated
select person_id, marks, attempts from nomination where not person_id in_list(:but)
order by lane, attempts, first_at, person_id limit :limit;

-- settle_nomination
delete from nomination where person_id = :person_id and marks = :marks;

-- count_attempt
update nomination set attempts = attempts + 1 where person_id = :person_id;

-- count_nominations
select count(*) from nomination;

-- nominations_of_people
select person_id, lane, attempts, first_at from nomination where person_id in_list(:people);

-- begin_intent
update intent set begun = :begun, sent = :sent, at = :at where crm_id = :crm_id and entity = :entity;

-- end_intent
delete from intent where crm_id = :crm_id and entity = :entity;

-- begun_intents
select crm_id, entity, person_id, kind, sent, owner, action_id from intent where begun = 1 order by at, crm_id;

-- wanted_intents
select crm_id, entity, person_id, kind, sent, owner, action_id from intent where begun = 0 order by at, crm_id;

-- intents_of_people
select crm_id, entity, person_id, kind, sent, owner, action_id from intent where person_id in_list(:people);

-- anything_begun
select exists (select 1 from intent);

-- creating
select crm_id, entity, person_id, kind, sent, owner, action_id from intent
where entity = :entity and crm_id in_list(:ids) and kind = 'create';

-- hold_field
insert into held_field (person_id, field, hold_id) values (:person_id, :field, :hold_id)
on conflict (person_id, field) do nothing;

-- anything_held
select exists (select 1 from held_field);

-- held_fields
select person_id, field, hold_id from held_field where person_id in_list(:people);

-- fields_under
select person_id, field from held_field where hold_id = :hold_id limit :limit;

-- release_field
delete from held_field where person_id = :person_id and field = :field;

-- begin_action
insert into action (id, kind, person_id, state, at) values (:id, :kind, :person_id, 'begun', :at)
on conflict (id) do nothing;

-- settle_action
update action set state = :state, outcome = :outcome, settled_at = :at where id = :id;

-- action
select kind, person_id, state, outcome from action where id = :id;

-- drop_nominations
delete from nomination where person_id in (
    select person_id from link where entity = :entity and state = 'live' and base is not null);

-- nominated_one
select person_id, marks, attempts from nomination where person_id = :person_id;

-- count_held_fields
select count(*) from held_field where hold_id = :hold_id;

-- set_hold_counts
update hold set count = :count, known = :known, brake = :brake where id = :id;

-- open_holds
select id, kind, entity, person_id, field, count, known, brake, state, at, settled_at from hold
where kind = :kind and entity = :entity and state = 'open' order by id;

-- settle_conflict
update conflict set state = 'settled', winner = :winner
where person_id = :person_id and field = :field and state = 'held';
