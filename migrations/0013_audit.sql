-- The audit log: a row for each request, delivery and export, with the ids of the patients it touched and nothing else of them.
-- Append-only: nobody of ours may change a row or take one away; what is too old goes with its partition. Each second what
-- was added is sealed into a hash chain, one for each institution. Institution 0 stands for requests of none: the
-- installation's own chain. No table of it refers to another: a log outlives what it tells of.

create sequence audit_ids;
create sequence audit_seal_ids;

create table audit (
  institution_id bigint not null,
  id bigint not null default nextval('audit_ids'),
  -- To the millisecond, as it is hashed.
  at timestamptz(3) not null,
  kind text not null check (kind in ('request', 'delivery', 'export')),
  method text,
  -- The pattern of the route, never the URL; of an export the command.
  route text,
  -- What a request was answered; a delivery's row is there before it leaves.
  status integer,
  api_key_id bigint,
  -- Of a delivery its message id.
  request_id text not null,
  webhook_endpoint_id bigint,
  -- Null: every patient of the institution.
  patient_ids bigint[],
  primary key (institution_id, id)
) partition by range (id);

-- What the seals are made of, and what `audit verify` makes again: every column as text, one a line. The lines of
-- `audit export` hold the same values (docs/operations/audit.md).
create function audit_hash(institution_id bigint, id bigint, at timestamptz, kind text, method text, route text,
  status integer, api_key_id bigint, request_id text, webhook_endpoint_id bigint, patient_ids bigint[])
returns bytea language sql stable parallel safe as $$
  select sha256(convert_to(concat_ws(E'\n', institution_id, id,
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), kind, coalesce(method, ''), coalesce(route, ''),
    coalesce(status::text, ''), coalesce(api_key_id::text, ''), request_id, coalesce(webhook_endpoint_id::text, ''),
    coalesce(array_to_string(patient_ids, ','), '*')), 'UTF8'))
$$;

-- Rows that no seal holds yet, each with its hash. The row comes with its audit row, so that one that commits late is sealed
-- late and never passed over; the sealer takes it away.
create table audit_unsealed (
  institution_id bigint not null,
  audit_id bigint not null,
  hash bytea not null,
  primary key (institution_id, audit_id)
);

-- The links of the chains. The ids and hashes of its rows are kept beside the hash over them, so that a row that was changed
-- or taken away can be named.
create table audit_seals (
  institution_id bigint not null,
  id bigint not null default nextval('audit_seal_ids'),
  -- 1, 2, 3… in each chain.
  number bigint not null,
  sealed_at timestamptz(3) not null,
  last_audit_id bigint not null,
  row_count integer not null,
  audit_ids bigint[] not null,
  -- Of each row, in the order of the ids: 32 bytes each.
  row_hashes bytea not null,
  previous_hash bytea not null,
  hash bytea not null,
  primary key (institution_id, id)
) partition by range (id);

-- The newest seal of each chain.
create table audit_heads (
  institution_id bigint primary key,
  number bigint not null,
  hash bytea not null,
  sealed_at timestamptz(3) not null
);

-- One unit for all chains.
alter table work drop constraint work_kind_check,
  add constraint work_kind_check check (kind in ('push', 'pull', 'sequence', 'deliver', 'seal'));
insert into work (kind) values ('seal');

-- Partitions ---------------------------------------------------------------------------------------------------------

create or replace function log_tables(ids text) returns text[] language sql immutable as $$
  select case ids
    when 'event_ids' then array['events', 'event_order']
    when 'delivery_ids' then array['deliveries']
    when 'delivery_attempt_ids' then array['delivery_attempts']
    when 'audit_ids' then array['audit']
    when 'audit_seal_ids' then array['audit_seals']
  end
$$;

-- Ids that a partition of each log takes, and for how long: the audit is kept for years, and every partition costs.
create function log_size(ids text) returns bigint language sql immutable as $$
  select case when ids like 'audit%' then 20000000 else 1000000 end::bigint
$$;
create function log_span(ids text) returns interval language sql immutable as $$
  select case when ids like 'audit%' then interval '30 days' else interval '1 day' end
$$;

create or replace function keep_partitions() returns void language plpgsql security definer set search_path = public as $$
declare
  size bigint;
  log text;
  seen bigint;
  first_id bigint;
  next_id bigint;
  parent text;
begin
  perform pg_advisory_xact_lock(hashtext('slotbridge partitions'));
  foreach log in array array['event_ids', 'delivery_ids', 'delivery_attempt_ids', 'audit_ids', 'audit_seal_ids'] loop
    size := log_size(log);
    execute format('select last_value from %I', log) into seen;
    first_id := seen / size * size;
    if seen > first_id and exists (select from log_partitions p
        where p.ids = log and p.first_id = seen / size * size and p.entered_at <= app_now() - log_span(log)) then
      first_id := first_id + size;
    end if;
    for n in 0..1 loop
      next_id := first_id + n * size;
      foreach parent in array log_tables(log) loop
        if to_regclass(parent || '_' || next_id) is null then
          execute format('create table %I (like %I including all)', parent || '_' || next_id, parent);
          execute format('alter table %I attach partition %I for values from (%s) to (%s)',
            parent, parent || '_' || next_id, next_id, next_id + size);
        end if;
      end loop;
    end loop;
    if first_id > seen then perform setval(log, first_id); end if;
    insert into log_partitions (ids, first_id, entered_at) values (log, first_id, app_now()) on conflict do nothing;
  end loop;
end $$;

-- As before, but for what is kept otherwise: the audit.
create or replace function retire_logs(kept interval) returns integer
language plpgsql security definer set search_path = public set lock_timeout = '1s' as $$
declare
  size bigint;
  old record;
  parent text;
  retired integer := 0;
begin
  if kept < interval '1 day' then raise exception 'logs are kept for a day at least'; end if;
  perform pg_advisory_xact_lock(hashtext('slotbridge partitions'));
  for old in
    select p.ids, p.first_id from log_partitions p
    where p.ids not like 'audit%' and exists (select from log_partitions n
      where n.ids = p.ids and n.first_id > p.first_id and n.entered_at <= app_now() - kept)
    order by p.ids, p.first_id
  loop
    size := log_size(old.ids);
    if old.ids = 'event_ids' then
      update event_progress g set dropped = greatest(g.dropped, o.last) from (
        select institution_id, max(position) as last from event_order
        where event_id >= old.first_id and event_id < old.first_id + size group by institution_id) o
      where g.institution_id = o.institution_id and o.last is not null;
    elsif old.ids = 'delivery_ids' then
      update webhook_endpoints p set fell_out = p.fell_out + d.lost from (
        select endpoint_id, count(*) as lost from deliveries
        where id >= old.first_id and id < old.first_id + size and state = 'pending' group by endpoint_id) d
      where p.id = d.endpoint_id;
    end if;
    foreach parent in array log_tables(old.ids) loop
      execute format('drop table if exists %I', parent || '_' || old.first_id);
    end loop;
    delete from log_partitions p where p.ids = old.ids and p.first_id = old.first_id;
    retired := retired + 1;
  end loop;
  return retired;
end $$;

-- Drops the partitions of the audit whose newest row is older than `kept`, but none with a row that is not sealed; and those of
-- the seals that tell of dropped rows alone. Gives up, and raises, where a lock does not come at once.
create function retire_audit(kept interval) returns integer
language plpgsql security definer set search_path = public set lock_timeout = '1s' as $$
declare
  old record;
  kept_from bigint;
  is_needed boolean;
  stopped text := '';
  retired integer := 0;
begin
  if kept < interval '1 day' then raise exception 'the audit is kept for a day at least'; end if;
  perform pg_advisory_xact_lock(hashtext('slotbridge partitions'));
  for old in
    select p.ids, p.first_id from log_partitions p
    where p.ids like 'audit%' and exists (select from log_partitions n
      where n.ids = p.ids and n.first_id > p.first_id and n.entered_at <= app_now() - kept)
    -- The rows come before their seals.
    order by p.ids, p.first_id
  loop
    if old.ids = 'audit_ids' then
      select exists (select from audit_unsealed
        where audit_id >= old.first_id and audit_id < old.first_id + log_size(old.ids)) into is_needed;
    else
      select min(first_id) into kept_from from log_partitions where ids = 'audit_ids';
      select exists (select from audit_seals
        where id >= old.first_id and id < old.first_id + log_size(old.ids) and last_audit_id >= kept_from) into is_needed;
    end if;
    -- The next ones of this log stay too: a chain loses its beginning only.
    if is_needed then stopped := old.ids; end if;
    continue when old.ids = stopped;
    execute format('drop table if exists %I', (log_tables(old.ids))[1] || '_' || old.first_id);
    delete from log_partitions p where p.ids = old.ids and p.first_id = old.first_id;
    retired := retired + 1;
  end loop;
  return retired;
end $$;

-- Rights -------------------------------------------------------------------------------------------------------------

do $$
declare t text;
begin
  foreach t in array array['audit', 'audit_unsealed', 'audit_seals', 'audit_heads'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy tenant on %I to slotbridge_app using (institution_id = tenant()) with check (institution_id = tenant())', t);
    execute format('grant select on %I to slotbridge_app', t);
  end loop;
  -- The owner's functions above are under forced policies like everyone.
  foreach t in array array['audit_unsealed', 'audit_seals'] loop
    execute format('create policy retire on %I for select to slotbridge_owner using (true)', t);
  end loop;
end $$;
grant insert on audit, audit_unsealed to slotbridge_app;
grant usage on sequence audit_ids to slotbridge_app, slotbridge_work;

-- The work role adds rows of several institutions in one commit, and reads none of them; it seals hashes.
create policy append on audit for insert to slotbridge_work with check (true);
grant insert on audit to slotbridge_work;
create policy sealer on audit_unsealed to slotbridge_work using (true) with check (true);
grant select, insert, delete on audit_unsealed to slotbridge_work;
create policy sealer on audit_seals for insert to slotbridge_work with check (true);
grant insert on audit_seals to slotbridge_work;
grant usage on sequence audit_seal_ids to slotbridge_work;
create policy sealer on audit_heads to slotbridge_work using (true) with check (true);
grant select, insert, update on audit_heads to slotbridge_work;
-- From which id on rows and seals are kept.
grant select on log_partitions to slotbridge_app;

select keep_partitions();
