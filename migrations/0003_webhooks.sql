-- Webhooks: endpoints and subscriptions belong to the account (global), deliveries and their attempts to the tenant.

create sequence webhook_endpoint_ids;
create sequence webhook_subscription_ids;
create sequence delivery_ids;
create sequence delivery_attempt_ids;

-- Global tables ------------------------------------------------------------------------------------------------------

create table webhook_endpoints (
  id bigint primary key default nextval('webhook_endpoint_ids') check (id < 2147483648),
  account_id bigint not null references accounts,
  target_url text not null,
  active boolean not null default true,
  -- Sealed under the master key; the earlier one signs beside it until `previous_until`.
  secret_sealed bytea not null,
  previous_secret_sealed bytea,
  previous_until timestamptz,
  -- The first attempt that failed since the last that succeeded; null while it takes what it is sent.
  failing_since timestamptz,
  -- Set when we paused it, not when its owner did.
  paused_at timestamptz,
  -- Retry times of what it is owed are counted anew from here.
  resumed_at timestamptz not null default app_now(),
  -- Deliveries that were retired before they succeeded, since its owner was last told.
  fell_out bigint not null default 0,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now()
);
create index webhook_endpoints_account on webhook_endpoints (account_id, id);

create table webhook_subscriptions (
  id bigint primary key default nextval('webhook_subscription_ids') check (id < 2147483648),
  endpoint_id bigint not null references webhook_endpoints on delete cascade,
  -- Null for onboardings, which come before any institution.
  institution_id bigint references institutions,
  resource_type text not null,
  event text not null,
  -- The names of events it is told.
  names text[] not null,
  -- Of the payload; that of the request which made it.
  version text not null check (version in ('v2', 'v3')),
  active boolean not null default true,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  constraint webhook_subscription_taken unique nulls not distinct (endpoint_id, institution_id, resource_type, event)
);
create index webhook_subscriptions_institution on webhook_subscriptions (institution_id);

-- One unit an endpoint; `institution_id` is null there.
alter table work drop constraint work_kind_check,
  add constraint work_kind_check check (kind in ('push', 'pull', 'sequence', 'deliver'));
create index work_failing on work (run_at) where failures > 0;

-- Tenant tables ------------------------------------------------------------------------------------------------------

-- How far the sequencer came in each institution's events. A crash between positions and deliveries is seen here.
create table event_progress (
  institution_id bigint primary key references institutions,
  positioned bigint not null,
  fanned_out bigint not null,
  -- The last position whose event was retired: a cursor before it has missed something.
  dropped bigint not null default 0
);
create index event_progress_behind on event_progress (institution_id) where fanned_out < positioned;

-- What a subscription is owed: an event, told until it is heard. The body is the event's, sealed there, and shaped when sent.
create table deliveries (
  institution_id bigint not null,
  id bigint not null default nextval('delivery_ids'),
  endpoint_id bigint not null,
  subscription_id bigint not null,
  event_id bigint not null,
  position bigint not null,
  -- Resource type and subject, such as `Appointment/17`: first successes come in order within it.
  lane text not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'dead', 'withdrawn', 'expired')),
  -- Attempts of this round, which a replay or a resumed endpoint begins anew, and of all.
  tries integer not null default 0,
  attempts integer not null default 0,
  first_attempt_at timestamptz,
  last_attempt_at timestamptz,
  response_status integer,
  -- Why there was no answer, a word of ours.
  error text,
  duration_ms integer,
  ended_at timestamptz,
  created_at timestamptz not null default app_now(),
  primary key (institution_id, id)
) partition by range (id);
create index deliveries_owed on deliveries (institution_id, endpoint_id, lane, position, id) where state = 'pending';
create index deliveries_endpoint on deliveries (institution_id, endpoint_id, id);

-- A row for each lane that is owed something: when its oldest pending delivery is next attempted. All that the work role sees.
create table delivery_lanes (
  institution_id bigint not null,
  endpoint_id bigint not null,
  lane text not null,
  next_attempt_at timestamptz not null default app_now(),
  primary key (institution_id, endpoint_id, lane)
);
create index delivery_lanes_due on delivery_lanes (endpoint_id, next_attempt_at);

create table delivery_attempts (
  institution_id bigint not null,
  id bigint not null default nextval('delivery_attempt_ids'),
  delivery_id bigint not null,
  number integer not null,
  started_at timestamptz not null,
  duration_ms integer not null,
  response_status integer,
  error text,
  -- The first kilobyte of the answer.
  answer_sealed bytea,
  primary key (institution_id, id)
) partition by range (id);
create index delivery_attempts_delivery on delivery_attempts (institution_id, delivery_id, id);

-- Partitions ---------------------------------------------------------------------------------------------------------

-- Which partitions there are, by the log whose ids they split, and since when ids fall into each. The owner's alone.
create table log_partitions (
  ids text not null,
  first_id bigint not null,
  entered_at timestamptz not null,
  primary key (ids, first_id)
);

-- The tables that each sequence of ids splits.
create function log_tables(ids text) returns text[] language sql immutable as $$
  select case ids
    when 'event_ids' then array['events', 'event_order']
    when 'delivery_ids' then array['deliveries']
    when 'delivery_attempt_ids' then array['delivery_attempts']
  end
$$;

-- Makes the partitions that the next million ids of each log will need. A partition takes ids for a day at most: after that the
-- sequence leaps to the next one, so that what is older than a time can be dropped whole. Called at start-up and by the
-- sequencer. Tables are made apart and attached: that lock lets everyone read and write meanwhile.
create or replace function keep_partitions() returns void language plpgsql security definer set search_path = public as $$
declare
  size constant bigint := 1000000;
  log text;
  seen bigint;
  first_id bigint;
  next_id bigint;
  parent text;
begin
  perform pg_advisory_xact_lock(hashtext('slotbridge partitions'));
  foreach log in array array['event_ids', 'delivery_ids', 'delivery_attempt_ids'] loop
    execute format('select last_value from %I', log) into seen;
    first_id := seen / size * size;
    if seen > first_id and exists (select from log_partitions p
        where p.ids = log and p.first_id = seen / size * size and p.entered_at <= app_now() - interval '1 day') then
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

-- Drops the partitions whose newest row is older than `kept`, and writes down what was lost with them: the positions that a
-- cursor can no longer follow, and the deliveries that fell out. Gives up, and raises, where a lock does not come at once.
create function retire_logs(kept interval) returns integer
language plpgsql security definer set search_path = public set lock_timeout = '1s' as $$
declare
  size constant bigint := 1000000;
  old record;
  parent text;
  retired integer := 0;
begin
  if kept < interval '1 day' then raise exception 'logs are kept for a day at least'; end if;
  perform pg_advisory_xact_lock(hashtext('slotbridge partitions'));
  for old in
    select p.ids, p.first_id from log_partitions p
    where exists (select from log_partitions n
      where n.ids = p.ids and n.first_id > p.first_id and n.entered_at <= app_now() - kept)
    order by p.ids, p.first_id
  loop
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

-- Which institution a delivery belongs to, for paths that name its id and no subdomain. Tells nothing else.
create function institution_of_delivery(delivery_id bigint) returns bigint
language sql stable security definer set search_path = public as $$
  select institution_id from deliveries where id = delivery_id
$$;

-- Rights -------------------------------------------------------------------------------------------------------------

do $$
declare t text;
begin
  foreach t in array array['event_progress', 'deliveries', 'delivery_lanes', 'delivery_attempts'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy tenant on %I to slotbridge_app using (institution_id = tenant()) with check (institution_id = tenant())', t);
    execute format('grant select, insert, update, delete on %I to slotbridge_app', t);
  end loop;
  -- The owner's functions above are under forced policies like everyone.
  foreach t in array array['event_order', 'deliveries'] loop
    execute format('create policy retire on %I for select to slotbridge_owner using (true)', t);
  end loop;
end $$;
create policy retire on event_progress to slotbridge_owner using (true) with check (true);

grant select, insert, update, delete on webhook_endpoints, webhook_subscriptions to slotbridge_app;
grant usage on webhook_endpoint_ids, webhook_subscription_ids, delivery_ids, delivery_attempt_ids to slotbridge_app;

-- The work role sees how far the sequencer came and which endpoint is owed something when; no delivery, and no body.
create policy sequencer on event_progress to slotbridge_work using (true) with check (true);
grant select, insert, update on event_progress to slotbridge_work;
create policy deliverer on delivery_lanes to slotbridge_work using (true) with check (true);
grant select, delete on delivery_lanes to slotbridge_work;
grant update (next_attempt_at) on delivery_lanes to slotbridge_work;

select keep_partitions();
