-- Statements of the sync state. `:name` is a parameter; see tandem.database.statements.

-- links
select crm_id, person_id, state, version, base, successor, successor_entity
from link where entity = :entity and crm_id in_list(:ids);

-- links_of_people
select crm_id, entity, person_id, state, version, base from link
where person_id in_list(:ids) and state in ('live', 'parked');

-- every_link_of_people
select crm_id, entity, person_id, state, version, base from link
where person_id in_list(:ids) and state in ('live', 'parked')
   or person_id in_list(:ids) and state in ('severed', 'superseded')
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

-- list_waiting
select entity, target_entity, kind, reason, crm_id, target_id, since from (
    select entity, target_entity, kind, reason, crm_id, target_id, since, row_number() over (
        partition by entity, target_entity, kind, reason order by since, crm_id, target_id) as place
    from waiting) as placed
where place <= :limit order by entity, target_entity, kind, reason, place;

-- count_without_company
select case when company.is_excluded = 1 or excluded.crm_id is not null then 1 else 0 end as is_excluded, count(*)
from person
left join company on company.external_company_id = person.external_company_id
left join excluded on excluded.entity = 'account' and excluded.crm_id = person.external_company_id
where person.external_company_id is not null
  and (company.external_company_id is null or company.is_excluded = 1)
group by 1;

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
       total, begun_at, live_at, token_at, fresh_mark, reason, columns, successor
from stream order by entity;

-- put_stream
insert into stream (entity, fingerprint, state, next_link, delta_link, weak, reading, reads_begun, reads_finished,
    rows_read, total, begun_at, live_at, token_at, fresh_mark, reason, columns, successor)
values (:entity, :fingerprint, :state, :next_link, :delta_link, :weak, :reading, :reads_begun, :reads_finished,
    :rows_read, :total, :begun_at, :live_at, :token_at, :fresh_mark, :reason, :columns, :successor)
on conflict (entity, fingerprint) do update set
    state = excluded.state, next_link = excluded.next_link, delta_link = excluded.delta_link, weak = excluded.weak,
    reading = excluded.reading, reads_begun = excluded.reads_begun, reads_finished = excluded.reads_finished,
    rows_read = excluded.rows_read, total = excluded.total, begun_at = excluded.begun_at, live_at = excluded.live_at,
    token_at = excluded.token_at, fresh_mark = excluded.fresh_mark, reason = excluded.reason,
    columns = excluded.columns, successor = excluded.successor;

-- checkpoint
update stream set
    state = :state, next_link = :next_link, delta_link = :delta_link, weak = :weak, reading = :reading,
    reads_begun = :reads_begun, reads_finished = :reads_finished, rows_read = :rows_read, total = :total,
    begun_at = :begun_at, live_at = :live_at, token_at = :token_at, fresh_mark = :fresh_mark, reason = :reason
where entity = :entity and fingerprint = :fingerprint
  and coalesce(next_link, '') = :was_next and coalesce(delta_link, '') = :was_delta;

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

-- braked
select id, kind, entity, person_id, field, count, known, brake, state, at, settled_at from hold
where state = 'open' and person_id is null order by id;

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
select entity, column_name, api_name, direction, selected, broken, policy, type from field_mapping
order by entity, column_name;

-- put_field_mapping
insert into field_mapping (entity, column_name, api_name, direction, selected, broken, policy, type)
values (:entity, :column_name, :api_name, :direction, :selected, :broken, :policy, :type)
on conflict (entity, column_name) do update set
    api_name = excluded.api_name, direction = excluded.direction, selected = excluded.selected,
    broken = excluded.broken, policy = excluded.policy, type = excluded.type;

-- put_error
insert into sync_error (cause, entity, crm_id, person_id, operation, direction, level, code, field, message, advice,
    first_at, last_at)
values (:cause, :entity, :crm_id, :person_id, :operation, :direction, :level, :code, :field, :message, :advice,
    :at, :at)
on conflict (cause, entity, coalesce(crm_id, ''), coalesce(person_id, 0), coalesce(field, '')) do update set
    times = sync_error.times + 1, last_at = excluded.last_at, message = excluded.message, advice = excluded.advice,
    state = case when sync_error.state = 'ignored' then 'ignored' else 'open' end;

-- errors
select id, cause, entity, crm_id, person_id, operation, direction, level, code, field, message, advice, state, times,
       first_at, last_at
from sync_error order by last_at desc, id desc;

-- failures_of_people
select person_id, id, code, field from sync_error
where person_id in_list(:people) and state <> 'healed' and operation in ('create', 'update', 'qualify');

-- push_errors_of_people
select id, cause, entity, crm_id, person_id, operation, direction, level, code, field, message, advice, state, times,
       first_at, last_at
from sync_error where person_id in_list(:people) and state <> 'healed' and direction = 'push' order by id;

-- heal_error
update sync_error set state = 'healed' where id = :id;

-- heal_job_errors
update sync_error set state = 'healed' where entity = :entity and level = 'job' and state = 'open';

-- set_error_states
update sync_error set state = :state where id in_list(:ids) and state <> 'healed';

-- count_errors
select entity, level, count(*) from sync_error where state = 'open' and code <> 'record-inactive'
group by entity, level;

-- add_conflicts
insert into conflict (person_id, external_company_id, field, base, marketing, crm, winner, rule, at, state)
values (:person_id, :external_company_id, :field, :base, :marketing, :crm, :winner, :rule, :at, :state);

-- conflicts
select id, person_id, external_company_id, field, base, marketing, crm, winner, rule, at, state from conflict
where (:field = '' or field = :field) and (:rule = '' or rule = :rule) and (:winner = '' or winner = :winner)
  and at >= :since and at <= :last
order by case when state = 'held' then 0 else 1 end, id desc limit :limit;

-- conflicts_of_person
select id, person_id, external_company_id, field, base, marketing, crm, winner, rule, at, state from conflict
where person_id = :person_id
  and (:field = '' or field = :field) and (:rule = '' or rule = :rule) and (:winner = '' or winner = :winner)
  and at >= :since and at <= :last
order by case when state = 'held' then 0 else 1 end, id desc limit :limit;

-- restorable_conflicts
select id, person_id, external_company_id, field, base, marketing, crm, winner, rule, at, state from conflict
where id < :before and state = 'settled' and person_id is not null and winner <> 'nobody'
  and (:person_id = 0 or person_id = :person_id)
  and (:field = '' or field = :field) and (:rule = '' or rule = :rule) and (:winner = '' or winner = :winner)
  and at >= :since and at <= :last
  and not exists (select 1 from conflict as later
      where later.person_id = conflict.person_id and later.field = conflict.field and later.id > conflict.id)
order by id desc limit :limit;

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

-- last_good_cycle
select ended_at from history where outcome in ('done', 'tables failed') order by id desc limit 1;

-- cycles_before
select id, ended_at, counts from history where id < :before and ended_at is not null order by id desc limit :limit;

-- failing_since
select min(begun_at) from history where ended_at is not null and id > coalesce(
    (select id from history where outcome in ('done', 'tables failed') order by id desc limit 1), 0);

-- failed_since
select entity, operation, code, min(message), min(advice), count(*) from sync_error
where state = 'open' and level = 'record' and code <> 'record-inactive' and last_at >= :since
group by cause, entity, operation, code order by count(*) desc, cause;

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
where person_id > 0 and state <> 'healed' and operation in ('create', 'update', 'qualify')
on conflict (person_id) do update set marks = nomination.marks + 1;

-- nominate_failed (postgresql)
insert into nomination (person_id, lane, first_at)
select distinct person_id, :lane ::bigint, :at ::text from sync_error
where person_id > 0 and state <> 'healed' and operation in ('create', 'update', 'qualify')
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
insert into action (id, kind, person_id, state, arguments, at)
values (:id, :kind, :person_id, 'begun', :arguments, :at)
on conflict (id) do nothing;

-- note_action
update action set details = :details where id = :id;

-- settle_action
update action set state = :state, outcome = :outcome, settled_at = :at where id = :id;

-- action
select kind, person_id, state, outcome, arguments, details, at from action where id = :id;

-- begun_actions
select at, id from action where state = 'begun' and (at, id) > (:at, :id) order by at, id limit :limit;

-- count_begun_actions
select kind, count(*), min(at) from action where state = 'begun' group by kind order by kind;

-- begun_actions_of_kind
select id, person_id, at from action where state = 'begun' and kind = :kind order by at, id limit :limit;

-- forget_arguments
update action set arguments = null where person_id = :person_id;

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

-- tell
insert into notice (uid, kind, about, message, advice, at, settled_at)
values (:uid, :kind, :about, :message, :advice, :at, :settled_at) on conflict do nothing;

-- settle_notice
update notice set settled_at = :at where kind = :kind and about = :about and settled_at is null;

-- open_notices
select id, uid, kind, about, message, advice, at, settled_at from notice
where kind = :kind and settled_at is null order by id;

-- notices
select id, uid, kind, about, message, advice, at, settled_at from notice order by id desc limit :limit;

-- queue_deliveries
insert into delivery (notice_id, channel, state, due_at)
select id, :channel, 'waiting', :at from notice where at >= :since
on conflict do nothing;

-- queue_deliveries (postgresql)
insert into delivery (notice_id, channel, state, due_at)
select id, :channel ::text, 'waiting', :at ::text from notice where at >= :since
on conflict do nothing;

-- due_deliveries
select notice.id, uid, kind, about, message, advice, at, settled_at, attempts
from delivery join notice on notice.id = delivery.notice_id
where channel = :channel and state = 'waiting' and (due_at <= :at or due_at > :latest) order by notice.id;

-- take_delivery
update delivery set attempts = attempts + 1, due_at = :due_at
where notice_id = :notice_id and channel = :channel and state = 'waiting' and attempts = :attempts;

-- attempted_delivery
update delivery set state = :state, problem = :problem
where notice_id = :notice_id and channel = :channel and state <> 'delivered';

-- give_up_deliveries
update delivery set state = 'given-up'
where channel = :channel and state = 'waiting' and notice_id in (select id from notice where at < :before);

-- deliveries
select notice_id, channel, state, attempts, due_at, problem from delivery
where notice_id in_list(:notices) order by notice_id, channel;

-- custom_entities
select entity, label, path from custom_entity order by since, entity;

-- add_custom_entity
insert into custom_entity (entity, label, path, belongs_to, via, since)
values (:entity, :label, :path, :belongs_to, :via, :since);

-- drop_custom_entity
delete from custom_entity where entity = :entity;

-- unplaced_objects
with unplaced as (
    select custom.entity, case when custom.via is not null and middle.crm_id is null then custom.via end as via,
           custom.belongs_to, link.state,
           case when company.is_excluded = 1 or excluded.crm_id is not null then 1 else 0 end as kept_out,
           object.id, coalesce(middle.reference, object.reference) as wanted, object.updated_at
    from custom_entity as custom
    join custom_object as object on object.entity = custom.entity
    left join path_record as middle on middle.entity = custom.via and middle.crm_id = object.reference
    left join link on link.entity = custom.belongs_to
        and link.crm_id = case when custom.via is null then object.reference else middle.reference end
    left join company on custom.belongs_to = 'account'
        and company.external_company_id = case when custom.via is null then object.reference else middle.reference end
    left join excluded on excluded.entity = custom.belongs_to
        and excluded.crm_id = case when custom.via is null then object.reference else middle.reference end
    where object.is_excluded = 0 and object.reference is not null
      and (custom.via is null or middle.crm_id is null or middle.reference is not null)
      and link.person_id is null and coalesce(company.is_excluded, 1) = 1
      -- Nothing ends it for those of a person who never returns.
      and (link.state is null or not (link.state = 'superseded' and link.person_id is null and (link.successor is null or exists (
          select 1 from link as next where next.entity = link.successor_entity and next.crm_id = link.successor
            and next.state = 'superseded' and next.person_id is null))))),
placed as (
    select entity, via, belongs_to, state, kept_out, count(*) over alike as objects, min(updated_at) over alike as since,
           id, wanted, updated_at, row_number() over (
               partition by entity, via, belongs_to, state, kept_out order by updated_at, id) as place
    from unplaced
    window alike as (partition by entity, via, belongs_to, state, kept_out))
select entity, via, belongs_to, state, kept_out, objects, since, id, wanted, updated_at from placed
where place <= :limit order by entity, via, belongs_to, state, kept_out, place;

-- objects_of_person
with record (crm_id, entity) as (
    select crm_id, entity from link
    where person_id = :person_id and state in ('live', 'parked')
       or person_id = :person_id and state in ('severed', 'superseded'))
select object.entity, object.id
from record join custom_entity as custom on custom.belongs_to = record.entity and custom.via is null
join custom_object as object on object.reference = record.crm_id and object.entity = custom.entity
union all
select object.entity, object.id
from record join custom_entity as custom on custom.belongs_to = record.entity and custom.via is not null
join path_record as middle on middle.reference = record.crm_id and middle.entity = custom.via
join custom_object as object on object.reference = middle.crm_id and object.entity = custom.entity
order by 1, 2;

-- objects_of_nobody
select object.entity, object.id
from custom_entity as custom
join custom_object as object on object.entity = custom.entity
left join path_record as middle on middle.entity = custom.via and middle.crm_id = object.reference
join link on link.entity = custom.belongs_to
    and link.crm_id = case when custom.via is null then object.reference else middle.reference end
where custom.entity = :entity and object.id in_list(:ids)
  and link.state = 'superseded' and link.person_id is null and (link.successor is null or exists (
    select 1 from link as next where next.entity = link.successor_entity and next.crm_id = link.successor
      and next.state = 'superseded' and next.person_id is null));

-- returned_objects
select object.id
from custom_object as object
join custom_entity as custom on custom.entity = object.entity
left join path_record as middle on middle.entity = custom.via and middle.crm_id = object.reference
left join link on link.entity = custom.belongs_to
    and link.crm_id = case when custom.via is null then object.reference else middle.reference end
where object.entity = :entity and object.version < 0
  and (link.state is null or not (link.state = 'superseded' and link.person_id is null and (link.successor is null or exists (
    select 1 from link as next where next.entity = link.successor_entity and next.crm_id = link.successor
      and next.state = 'superseded' and next.person_id is null))))
order by object.id limit :limit;

-- objects_behind_of_nobody
select object.entity, object.id
from path_record as middle
join custom_entity as custom on custom.via = middle.entity
join custom_object as object on object.entity = custom.entity and object.reference = middle.crm_id
join link on link.entity = custom.belongs_to and link.crm_id = middle.reference
where middle.entity = :entity and middle.crm_id in_list(:ids)
  and link.state = 'superseded' and link.person_id is null and (link.successor is null or exists (
    select 1 from link as next where next.entity = link.successor_entity and next.crm_id = link.successor
      and next.state = 'superseded' and next.person_id is null));

-- path_versions
select crm_id, version from path_record where entity = :entity and crm_id in_list(:ids);

-- put_path_record
insert into path_record (entity, crm_id, version, reference) values (:entity, :crm_id, :version, :reference)
on conflict (entity, crm_id) do update set version = excluded.version, reference = excluded.reference
where excluded.version >= path_record.version;

-- delete_path_records
delete from path_record where entity = :entity and crm_id in_list(:ids);

-- count_path_records
select count(*) from path_record where entity = :entity;

-- path_record_ids
select crm_id from path_record where entity = :entity order by crm_id;

-- forget_path_records
delete from path_record where entity = :entity and crm_id in (
    select crm_id from path_record where entity = :entity limit :limit);

-- forget_stream
delete from stream where entity = :entity;

-- forget_quick_syncs
delete from quick_sync where entity = :entity;

-- forget_excluded
delete from excluded where entity = :entity;

-- forget_deletions
delete from deletion where entity = :entity;

-- forget_deleted_count
delete from deleted_count where entity = :entity;

-- forget_circles
delete from circle where entity = :entity;

-- forget_doubts
delete from doubt where entity = :entity;

-- forget_all_findings
delete from finding where entity = :entity;

-- settle_holds_of
update hold set state = 'settled', settled_at = :at where entity = :entity and state = 'open';

-- campaign_lists
select campaign_id, entity, list_id, stage from campaign_list order by campaign_id, entity;

-- lists_of_campaign
select campaign_id, entity, list_id, stage from campaign_list where campaign_id = :campaign_id;

-- put_campaign_list
insert into campaign_list (campaign_id, entity, list_id, stage) values (:campaign_id, :entity, :list_id, :stage)
on conflict (campaign_id, entity) do update set list_id = excluded.list_id, stage = excluded.stage;

-- drop_campaign_list
delete from campaign_list where campaign_id = :campaign_id and entity = :entity;

-- members_of_list
select record_id from campaign_member where list_id = :list_id;

-- lists_with_records
select record_id, list_id, seen from campaign_member where record_id in_list(:records);

-- put_campaign_member
insert into campaign_member (record_id, list_id, seen) values (:record_id, :list_id, :seen)
on conflict (record_id, list_id) do update set seen = excluded.seen;

-- drop_campaign_member
delete from campaign_member where record_id = :record_id and list_id = :list_id;

-- drop_members_of_list
delete from campaign_member where list_id = :list_id;

-- count_campaign_members
select list_id, count(*) from campaign_member group by list_id;

-- begin_review
insert into review (kind, reason, begun_by, begun_at) values (:kind, :reason, :begun_by, :at);

-- end_review
update review set ended_at = :at where ended_at is null;

-- reviews
select kind, reason, begun_by, begun_at, ended_at from review order by id desc;

-- forget_link_versions
update link set version = 0;

-- forget_excluded_versions
update excluded set version = 0;

-- forget_path_versions
update path_record set version = 0;

-- forget_waiting
delete from waiting where entity = :entity;

-- link_sample
select crm_id, person_id, state, version, base from (
    select crm_id, person_id, state, version, base, row_number() over (order by crm_id) as place from link
    where entity = :entity and state = 'live') as live
where (place - 1) % :step = 0 order by crm_id limit :limit;

-- circles
select entity, number, begun_at, finished_at, records, place, checked, explained, found from circle
where finished_at is null or number = (
    select max(number) from circle as closed where closed.entity = circle.entity and closed.finished_at is not null)
order by entity, number;

-- put_circle
insert into circle (entity, number, begun_at, finished_at, records, place, checked, explained, found)
values (:entity, :number, :begun_at, :finished_at, :records, :place, :checked, :explained, :found)
on conflict (entity, number) do update set
    begun_at = excluded.begun_at, records = excluded.records, finished_at = excluded.finished_at, place = excluded.place, checked = excluded.checked,
    explained = excluded.explained, found = excluded.found;

-- doubt
insert into doubt (entity, crm_id, version, after_read) values (:entity, :crm_id, :version, :after_read)
on conflict (entity, crm_id) do update set version = excluded.version, after_read = excluded.after_read;

-- doubts
select crm_id, version from doubt where entity = :entity and after_read < :finished order by crm_id limit :limit;

-- any_doubt
select exists (select 1 from doubt);

-- settle_doubts
delete from doubt where entity = :entity and crm_id in_list(:ids);

-- note_finding
insert into finding (entity, crm_id, field, person_id, verdict, at)
values (:entity, :crm_id, :field, :person_id, :verdict, :at)
on conflict (entity, crm_id, field) do update set
    person_id = excluded.person_id, verdict = excluded.verdict, at = excluded.at;

-- findings
select entity, crm_id, nullif(field, ''), person_id, verdict, at from finding order by at desc, entity, crm_id, field
limit :limit;

-- forget_findings
delete from finding where entity = :entity and at < :at;

-- known_after
select crm_id from link where entity = :entity and crm_id > :place and state in ('live', 'parked')
order by crm_id limit :limit;

-- deletions_among
select crm_id from deletion where entity = :entity and crm_id in_list(:ids);

-- undone_links
select crm_id from link where entity = :entity and state = 'severed' and version < 0 order by crm_id;

-- newest_links
select crm_id, version from link where entity = :entity order by version desc, crm_id limit :limit;

-- quick_syncs
select id, entity, columns, dated_by, since, until, asked_by, state, fingerprint, rides, next_link, rows_done,
       rows_changed, total, asked_at, began_at, ended_at
from quick_sync order by id desc limit :limit;

-- open_quick_syncs
select id, entity, columns, dated_by, since, until, asked_by, state, fingerprint, rides, next_link, rows_done,
       rows_changed, total, asked_at, began_at, ended_at
from quick_sync where state in ('waiting', 'running') order by id;

-- ask_quick_sync
insert into quick_sync (entity, columns, dated_by, since, until, asked_by, state, asked_at)
values (:entity, :columns, :dated_by, :since, :until, :asked_by, 'waiting', :at);

-- begin_quick_sync
update quick_sync set
    state = 'running', fingerprint = :fingerprint, rides = :rides, next_link = null, rows_done = 0, rows_changed = 0,
    total = :total, began_at = coalesce(began_at, :at)
where id = :id and state in ('waiting', 'running');

-- advance_quick_sync
update quick_sync set next_link = :next_link, rows_done = rows_done + :rows
where id = :id and state = 'running' and coalesce(next_link, '') = :was_next;

-- count_changed
update quick_sync set rows_changed = rows_changed + :records where id = :id;

-- advance_riding
update quick_sync set rows_done = :rows, rows_changed = rows_changed + :changed, total = :total
where fingerprint = :fingerprint and rides = 1 and state = 'running';

-- wait_again
update quick_sync set state = 'waiting', fingerprint = null, rides = 0, next_link = null, rows_done = 0
where entity = :entity and rides = 1 and state = 'running' and fingerprint <> :fingerprint;

-- begin_quick_syncs_anew
update quick_sync set state = 'waiting', fingerprint = null, rides = 0, next_link = null, rows_done = 0
where state = 'running';

-- end_quick_sync
update quick_sync set state = :state, ended_at = :at, next_link = null where id = :id and state in ('waiting', 'running');

-- empty_conflicts
update conflict set base = null, marketing = null, crm = null where id in (
    select id from conflict where at < :older_than and state <> 'held' and coalesce(base, marketing, crm) is not null
    order by at limit :limit);

-- empty_errors
update sync_error set message = '' where id in (
    select id from sync_error where last_at < :older_than and state = 'healed' and message <> ''
    order by last_at limit :limit);

-- empty_actions
update action set arguments = null, details = null where id in (
    select id from action where settled_at < :older_than and state <> 'begun' and coalesce(arguments, details) is not null
    order by settled_at limit :limit);

-- cycles_after
select id, counts from history where id > :after and begun_at < :older_than order by id limit :limit;

-- set_cycle_counts
update history set counts = :counts where id = :id;

-- count_of_people
select 'conflicts', count(*) from conflict where person_id in_list(:people)
union all select 'holds', count(*) from hold where person_id in_list(:people)
union all select 'held fields', count(*) from held_field where person_id in_list(:people)
union all select 'nominations', count(*) from nomination where person_id in_list(:people)
union all select 'writes wanted', count(*) from intent where person_id in_list(:people)
union all select 'actions', count(*) from action where person_id in_list(:people);

-- count_errors_about
select count(*) from sync_error where person_id in_list(:people) or crm_id in_list(:records);

-- erase_errors
delete from sync_error where person_id in_list(:people) or crm_id in_list(:records);

-- erase_actions
update action set arguments = null, details = null, outcome = :outcome where person_id in_list(:people);

-- count_waiting_about
select count(*) from waiting
where entity in ('lead', 'contact') and crm_id in_list(:records)
   or target_entity in ('lead', 'contact') and target_id in_list(:records);

-- erase_waiting
delete from waiting
where entity in ('lead', 'contact') and crm_id in_list(:records)
   or target_entity in ('lead', 'contact') and target_id in_list(:records);

-- set_notice_text
update notice set message = :message, advice = :advice where id = :id;
