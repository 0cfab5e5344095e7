-- Overbooking: a policy for each location, overrides, alternatives to a refused insertion, and the order of a write's states.

alter table locations
  add column overbooking text not null default 'strict' check (overbooking in ('strict', 'limit', 'open')),
  -- Under 'limit': at most so many at one instant.
  add column operatory_limit integer not null default 1 check (operatory_limit between 1 and 100),
  add column provider_limit integer not null default 1 check (provider_limit between 1 and 100);

-- Blocks share with nobody, whatever the policy.
alter table busy add column unavailable boolean not null default false;
-- The owner is under forced policies like everyone, and has none that lets it write here.
alter table busy no force row level security;
update busy b set unavailable = true from appointments a
  where a.institution_id = b.institution_id and a.id = b.appointment_id
    and coalesce((a.mirror ->> 'unavailable')::boolean, (a.draft ->> 'unavailable')::boolean, false);
alter table busy force row level security;

-- A write that a key let stand over what is there: who, when, why, and over what. It counts for the time that it names and
-- no other: a draft that is moved on is checked anew.
create sequence override_ids;
create table overrides (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('override_ids'),
  write_id bigint not null,
  api_key_id bigint not null,
  -- A reason may tell of a patient.
  reason_sealed bytea not null,
  location_id bigint not null,
  operatory_id bigint,
  provider_id bigint,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  -- What was in the way when it was accepted; empty where nothing was.
  appointment_ids bigint[] not null,
  hold_ids bigint[] not null,
  created_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  foreign key (institution_id, write_id) references writes
);
create index overrides_write on overrides (institution_id, write_id);
alter table overrides enable row level security;
alter table overrides force row level security;
create policy tenant on overrides to slotbridge_app using (institution_id = tenant()) with check (institution_id = tenant());
-- Kept as written: no update, no delete.
grant select, insert on overrides to slotbridge_app;
grant usage on override_ids to slotbridge_app;

-- Times that were free when an insertion ended because its own was taken:
-- [{"start_time", "end_time", "operatory_id", "provider_id"}]
alter table writes add column alternatives jsonb not null default '[]';

-- The order of a write's states, as src/model/write-states.ts has it; a test compares the two.
create function write_goes_on() returns trigger language plpgsql as $$
begin
  if not (case old.state
    when 'pending' then new.state in ('sending', 'unknown', 'needs_decision', 'complete', 'failed', 'timed_out')
    when 'sending' then new.state in ('pending', 'unknown', 'needs_decision', 'complete', 'failed', 'timed_out', 'incomplete')
    when 'unknown' then new.state in ('sending', 'needs_decision', 'complete', 'failed', 'timed_out', 'incomplete')
    when 'needs_decision' then new.state in ('pending', 'unknown', 'failed', 'timed_out', 'incomplete')
    else false end) then
    raise exception 'a write does not go from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger write_goes_on before update of state on writes for each row
  when (old.state is distinct from new.state) execute function write_goes_on();
