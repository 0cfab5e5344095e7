-- The first schema. Runs as slotbridge_owner, in one transaction with its own row in schema_migrations.
--
-- Scopes: *global* tables (accounts, keys, institutions, the unit table of the work loop) and *tenant* tables (all else:
-- institution_id first in every key, row-level security forced). Ids come from one sequence for each noun over the
-- whole installation and are never reused.
-- Patient data lies in plain in patients and appointments only. Columns named *_sealed are AES-256-GCM under the
-- institution's own key.

-- Time ------------------------------------------------------------------------------------------------------------

-- One row; only tests ever change it. It shifts all time in our SQL and, through Clock, in our code.
create table test_clock (one boolean primary key default true check (one), offset_ms bigint not null default 0);
insert into test_clock default values;

create function app_now() returns timestamptz language sql stable parallel safe as
  $$ select statement_timestamp() + (select offset_ms from test_clock) * interval '1 millisecond' $$;

-- Raises where no tenant is set: the setting is then unknown, or the empty text that a pooled connection keeps after SET LOCAL.
create function tenant() returns bigint language sql stable parallel safe as
  $$ select current_setting('app.institution_id')::bigint $$;

-- Global tables ------------------------------------------------------------------------------------------------------

create sequence account_ids;
create sequence api_key_ids;
create sequence institution_ids;

create table accounts (
  id bigint primary key default nextval('account_ids') check (id < 2147483648),
  name text not null,
  created_at timestamptz not null default app_now()
);

create table institutions (
  id bigint primary key default nextval('institution_ids') check (id < 2147483648),
  subdomain text not null unique check (subdomain ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name text not null,
  phone_number text,
  country_code text not null default 'US',
  appointment_types_location_scoped boolean not null default false,
  is_sync_notifications boolean not null default false,
  notify_insert_fails boolean not null default false,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now()
);

-- Which institutions an account may see.
create table account_institutions (
  account_id bigint not null references accounts,
  institution_id bigint not null references institutions,
  primary key (account_id, institution_id)
);

create table api_keys (
  id bigint primary key default nextval('api_key_ids') check (id < 2147483648),
  account_id bigint not null references accounts,
  name text not null,
  -- SHA-256 of the key; the key itself is shown once and never kept.
  hash bytea not null unique,
  scopes text[] not null,
  -- Narrows the key to some of the account's institutions; null: all of them.
  institution_ids bigint[],
  created_at timestamptz not null default app_now(),
  revoked_at timestamptz
);

-- Signs our bearer tokens; one row, made at first start.
create table token_secrets (one boolean primary key default true check (one), secret_sealed bytea not null);

-- The work loop: one row a unit (a data source's push, its pull, the event sequencer). Domain rows carry no lease.
create table work (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('push', 'pull', 'sequence')),
  institution_id bigint references institutions,
  subject_id bigint,
  -- 'infinity': only when woken.
  run_at timestamptz not null default app_now(),
  -- Lease time is the database's own clock_timestamp(): no offset, no process's clock.
  leased_until timestamptz,
  holder uuid,
  fence bigint not null default 0,
  -- Claims since the last orderly release: a unit that kills its holders is seen here.
  crashes integer not null default 0,
  failures integer not null default 0,
  last_failure text,
  unique nulls not distinct (kind, institution_id, subject_id)
);
create index work_due on work (run_at);
insert into work (kind) values ('sequence');

-- A wake is an insert: whoever books locks no unit row. The claim of the unit eats its wakes.
create table wakes (id bigint generated always as identity primary key, work_id bigint not null);
create index wakes_work on wakes (work_id);

-- Tenant tables: the practice -------------------------------------------------------------------------------------

create sequence location_ids;
create sequence data_source_ids;
create sequence provider_ids;
create sequence operatory_ids;
create sequence descriptor_ids;
create sequence patient_ids;
create sequence appointment_ids;
create sequence appointment_type_ids;
create sequence working_hour_ids;
create sequence procedure_ids;
create sequence write_ids;
create sequence write_attempt_ids;
create sequence event_ids;
create sequence set_aside_ids;

-- The institution's data key, wrapped by the master key. Deleting the row makes every sealed copy unreadable.
create table institution_keys (
  institution_id bigint primary key references institutions,
  wrapped_key bytea not null,
  created_at timestamptz not null default app_now()
);

create table data_sources (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('data_source_ids'),
  name text not null,
  connector text not null,
  -- `<adapter>-<system>-DataSource-<id>` on the wire.
  foreign_id_type text not null,
  configuration_sealed bytea not null,
  poll_seconds integer not null default 30 check (poll_seconds between 1 and 86400),
  -- How far ahead and back a window cycle reads, in days.
  window_days_ahead integer not null default 365,
  window_days_back integer not null default 14,
  window_seconds integer not null default 600,
  directory_seconds integer not null default 600,
  -- What the connector says it can do, as of the last probe; null before it.
  capabilities jsonb,
  cursor text,
  -- A location was set up or changed since: what was passed over for it is read again from the start.
  read_again boolean not null default false,
  marks jsonb not null default '{}',
  -- Null until the first load is complete.
  loaded_at timestamptz,
  directory_read_at timestamptz,
  window_read_at timestamptz,
  pull_started_at timestamptz,
  pull_completed_at timestamptz,
  read_status text not null default 'red' check (read_status in ('green', 'red')),
  read_status_at timestamptz not null default app_now(),
  read_reason text,
  write_status text not null default 'green' check (write_status in ('green', 'red')),
  write_status_at timestamptz not null default app_now(),
  write_reason text,
  -- Set when a high-water mark went back: nothing is written until someone looked.
  writing_stopped_at timestamptz,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id)
);

create table locations (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('location_ids') check (id < 2147483648),
  data_source_id bigint,
  foreign_id text,
  name text not null,
  tz text not null,
  street_address text,
  street_address_2 text,
  city text,
  state text,
  zip_code text,
  country_code text not null default 'US',
  latitude double precision,
  longitude double precision,
  phone_number text,
  email text,
  specialty text not null default 'Dental',
  inactive boolean not null default false,
  insert_appt_client boolean not null default true,
  map_by_operatory boolean not null default true,
  set_availability_by_operatory boolean not null default false,
  -- Length of a booking that names none, minutes; null refuses such bookings (decision 6 of the wire reference).
  default_minutes integer default 30 check (default_minutes between 5 and 1440),
  outside_hours text not null default 'allow' check (outside_hours in ('allow', 'refuse')),
  -- An insertion not written within this raises appointment_insertion.delayed: starts within a day, and later ones.
  promise_minutes_soon integer not null default 15,
  promise_minutes integer not null default 120,
  last_sync_time timestamptz,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  foreign key (institution_id, data_source_id) references data_sources
);
create index locations_id on locations (id);
create unique index locations_foreign on locations (institution_id, data_source_id, foreign_id);

create table providers (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('provider_ids') check (id < 2147483648),
  data_source_id bigint not null,
  foreign_id text not null,
  first_name text not null,
  last_name text not null,
  display_name text not null,
  npi text,
  inactive boolean not null default false,
  last_sync_time timestamptz,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  foreign key (institution_id, data_source_id) references data_sources
);
create index providers_id on providers (id);
create unique index providers_foreign on providers (institution_id, data_source_id, foreign_id);

create table provider_locations (
  institution_id bigint not null,
  provider_id bigint not null,
  location_id bigint not null,
  primary key (institution_id, provider_id, location_id),
  foreign key (institution_id, provider_id) references providers,
  foreign key (institution_id, location_id) references locations
);

create table operatories (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('operatory_ids'),
  location_id bigint not null,
  data_source_id bigint not null,
  foreign_id text not null,
  name text not null,
  active boolean not null default true,
  bookable_online boolean not null default true,
  last_sync_time timestamptz,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  foreign key (institution_id, location_id) references locations
);
create index operatories_id on operatories (id);
create unique index operatories_foreign on operatories (institution_id, data_source_id, foreign_id);

create table descriptors (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('descriptor_ids') check (id < 2147483648),
  location_id bigint not null,
  data_source_id bigint not null,
  foreign_id text not null,
  descriptor_type text not null check (descriptor_type in ('Procedure Code', 'Appointment Type')),
  name text not null,
  code text,
  active boolean not null default true,
  last_sync_time timestamptz,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  foreign key (institution_id, location_id) references locations
);
create unique index descriptors_foreign on descriptors (institution_id, data_source_id, location_id, foreign_id);

create table appointment_types (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('appointment_type_ids') check (id < 2147483648),
  -- Null: of the whole institution.
  location_id bigint,
  name text not null,
  minutes integer not null check (minutes between 5 and 1440 and minutes % 5 = 0),
  bookable_online boolean not null default false,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  constraint appointment_type_name_taken unique nulls not distinct (institution_id, location_id, name),
  foreign key (institution_id, location_id) references locations
);
create index appointment_types_id on appointment_types (id);

create table appointment_type_descriptors (
  institution_id bigint not null,
  appointment_type_id bigint not null,
  descriptor_id bigint not null,
  primary key (institution_id, appointment_type_id, descriptor_id),
  foreign key (institution_id, appointment_type_id) references appointment_types on delete cascade,
  foreign key (institution_id, descriptor_id) references descriptors
);

create table working_hours (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('working_hour_ids') check (id < 2147483648),
  location_id bigint not null,
  provider_id bigint not null,
  operatory_id bigint,
  source text not null check (source in ('manual', 'synced')),
  data_source_id bigint,
  foreign_id text,
  -- Local wall times of the location's zone, HH:MM.
  begin_time text not null check (begin_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
  end_time text not null check (end_time ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$'),
  days text[] not null default '{}',
  specific_date date,
  -- {"num": 2, "unit": "week", "ref": "2026-11-02"}
  custom_recurrence jsonb,
  active boolean not null default true,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  constraint working_hour_ends_after_it_begins check (begin_time < end_time),
  constraint working_hour_has_one_recurrence check
    ((cardinality(days) > 0)::int + (specific_date is not null)::int + (custom_recurrence is not null)::int = 1),
  foreign key (institution_id, location_id) references locations,
  foreign key (institution_id, provider_id) references providers,
  foreign key (institution_id, operatory_id) references operatories
);
create index working_hours_id on working_hours (id);
create index working_hours_location on working_hours (institution_id, location_id, provider_id);
create unique index working_hours_foreign on working_hours (institution_id, data_source_id, foreign_id);

create table working_hour_types (
  institution_id bigint not null,
  working_hour_id bigint not null,
  appointment_type_id bigint not null,
  primary key (institution_id, working_hour_id, appointment_type_id),
  foreign key (institution_id, working_hour_id) references working_hours on delete cascade,
  foreign key (institution_id, appointment_type_id) references appointment_types on delete cascade
);

-- Tenant tables: patients and appointments, the only ones that hold patient data in plain ---------------------------

create table patients (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('patient_ids') check (id < 2147483648),
  data_source_id bigint not null,
  location_id bigint,
  -- Null until the record system holds the patient; then its id there, and ours does not change.
  foreign_id text,
  marker text,
  first_name text not null,
  middle_name text,
  last_name text not null,
  birth_date date,
  gender text check (gender in ('Male', 'Female', 'Other')),
  email text,
  cell_phone text,
  home_phone text,
  work_phone text,
  address_line_1 text,
  address_line_2 text,
  city text,
  state text,
  zip_code text,
  language text,
  chart_id text,
  billing_type text,
  guarantor_id bigint,
  provider_id bigint,
  inactive boolean not null default false,
  -- The survivor, where the practice merged this one away; the id lives on as its alias.
  merged_into bigint,
  -- Normalised for search: lower-case names, digits of each phone (src/model/people.ts).
  name_key text not null,
  phone_keys text[] not null default '{}',
  -- Name, birth date and phone, for "is this the same person"; version first.
  match_key text not null,
  version text,
  mirror_hash text,
  mirror_seen_at timestamptz,
  last_sync_time timestamptz,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  foreign key (institution_id, data_source_id) references data_sources
);
create index patients_id on patients (id);
create unique index patients_foreign on patients (institution_id, data_source_id, foreign_id);
create unique index patients_marker on patients (institution_id, data_source_id, marker);
create index patients_match on patients (institution_id, match_key);
create index patients_updated on patients (institution_id, updated_at, id);
create index patients_birth_date on patients (institution_id, birth_date);
create index patients_phone on patients using gin (phone_keys);

create table appointments (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('appointment_ids'),
  data_source_id bigint not null,
  -- What is shown: mirror or draft, with the overlay laid over it (src/model/appointment.ts computes it, nothing else does).
  location_id bigint not null,
  patient_id bigint,
  provider_id bigint,
  operatory_id bigint,
  appointment_type_id bigint,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  unavailable boolean not null,
  confirmed boolean not null,
  confirmed_at timestamptz,
  cancelled boolean not null,
  cancelled_at timestamptz,
  checkin_at timestamptz,
  checked_out boolean not null,
  checked_out_at timestamptz,
  patient_missed boolean not null,
  note text,
  referrer text,
  is_guardian boolean not null,
  is_new_clients_patient boolean not null,
  sooner_if_possible boolean not null,
  patient_confirmed boolean not null,
  patient_confirmed_at timestamptz,
  descriptor_ids bigint[] not null,
  deleted boolean not null,
  -- Where it comes from.
  foreign_id text,
  marker text,
  booked_by_api_key_id bigint,
  insertion_write_id bigint,
  -- What was asked for, before and beside what the record system says; null for what came from there.
  draft jsonb,
  -- What the record system last said, in our ids; null until first read.
  mirror jsonb,
  mirror_hash text,
  -- When the read that gave the mirror began: an older read never overwrites it.
  mirror_seen_at timestamptz,
  -- field → {value, write} for what we still owe, field → {value, edited_at} for a local edit.
  overlay jsonb not null default '{}',
  -- Oldest local edit in the overlay; null where there is none.
  edited_at timestamptz,
  last_sync_time timestamptz,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  constraint appointment_ends_after_it_starts check (ends_at > starts_at),
  foreign key (institution_id, location_id) references locations,
  foreign key (institution_id, patient_id) references patients,
  foreign key (institution_id, provider_id) references providers,
  foreign key (institution_id, operatory_id) references operatories
);
create index appointments_id on appointments (id);
create unique index appointments_foreign on appointments (institution_id, data_source_id, foreign_id);
create unique index appointments_marker on appointments (institution_id, data_source_id, marker);
create index appointments_start on appointments (institution_id, location_id, starts_at, id);
create index appointments_updated on appointments (institution_id, updated_at, id);
create index appointments_patient on appointments (institution_id, patient_id, starts_at);
create index appointments_edited on appointments (institution_id, data_source_id, edited_at) where edited_at is not null;

-- What takes time, derived in the same transaction from appointments and blocks, each row at most 24 h
-- (a longer block is several), so that one bounded btree scan finds every conflict.
create table busy (
  institution_id bigint not null,
  appointment_id bigint not null,
  part integer not null,
  location_id bigint not null,
  operatory_id bigint,
  provider_id bigint,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  primary key (institution_id, appointment_id, part),
  check (ends_at > starts_at and ends_at <= starts_at + interval '24 hours'),
  foreign key (institution_id, appointment_id) references appointments
);
create index busy_time on busy (institution_id, location_id, starts_at, ends_at);

create table procedures (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('procedure_ids') check (id < 2147483648),
  data_source_id bigint not null,
  foreign_id text not null,
  location_id bigint,
  patient_id bigint,
  provider_id bigint,
  appointment_id bigint,
  code text,
  name text not null,
  status text not null check (status in ('planned', 'scheduled', 'completed', 'inactive', 'referred')),
  start_date date,
  end_date date,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id)
);
create index procedures_id on procedures (id);
create unique index procedures_foreign on procedures (institution_id, data_source_id, foreign_id);
create index procedures_appointment on procedures (institution_id, appointment_id);
create index procedures_patient on procedures (institution_id, patient_id);

-- What we owe ------------------------------------------------------------------------------------------------------

create table writes (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('write_ids'),
  data_source_id bigint not null,
  appointment_id bigint not null,
  kind text not null check (kind in ('insert', 'confirm', 'cancel', 'check_in', 'reschedule', 'note')),
  state text not null default 'pending' check
    (state in ('pending', 'sending', 'unknown', 'needs_decision', 'complete', 'failed', 'timed_out', 'incomplete')),
  -- Fields asked for, with their values; sealed.
  asked_sealed bytea,
  -- The names alone.
  fields text[] not null,
  -- The mirror's version this was decided on.
  decided_on text,
  code text,
  message text,
  retriable boolean,
  -- Names of the fields that read back otherwise than asked.
  differing text[] not null default '{}',
  attempts integer not null default 0,
  crashes integer not null default 0,
  next_attempt_at timestamptz not null default app_now(),
  last_attempt_at timestamptz,
  deadline timestamptz not null,
  -- When the location's promise runs out, and when that was told; insertions only.
  promised_at timestamptz,
  delayed_at timestamptz,
  created_at timestamptz not null default app_now(),
  ended_at timestamptz,
  primary key (institution_id, id),
  constraint write_ends_once check ((ended_at is null) = (state in ('pending', 'sending', 'unknown', 'needs_decision'))),
  foreign key (institution_id, appointment_id) references appointments
);
create index writes_appointment on writes (institution_id, appointment_id, id);
create index writes_owed on writes (institution_id, data_source_id, next_attempt_at) where ended_at is null;

create table write_attempts (
  institution_id bigint not null,
  id bigint not null default nextval('write_attempt_ids'),
  write_id bigint not null,
  started_at timestamptz not null default app_now(),
  ended_at timestamptz,
  outcome text check (outcome in ('written', 'found', 'rejected', 'unavailable', 'unknown')),
  code text,
  message text,
  primary key (institution_id, id),
  foreign key (institution_id, write_id) references writes
);
create index write_attempts_write on write_attempts (institution_id, write_id, id);

-- Rows of a record system that could not be read as what they should be.
create table set_aside (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('set_aside_ids'),
  data_source_id bigint not null,
  noun text not null,
  foreign_id text not null,
  reason text not null,
  raw_sealed bytea not null,
  created_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  unique (institution_id, data_source_id, noun, foreign_id)
);

-- What happened ----------------------------------------------------------------------------------------------------

-- Partitioned by id and retired by dropping partitions; no foreign key points here.
create table events (
  institution_id bigint not null,
  id bigint not null default nextval('event_ids'),
  name text not null,
  resource_type text not null,
  -- The appointment or patient it is about: order is kept for each.
  subject_id bigint,
  schema_version smallint not null default 1,
  body_sealed bytea not null,
  created_at timestamptz not null default app_now(),
  primary key (institution_id, id)
) partition by range (id);

-- The order in which events are read. The row comes with its event; the one sequencer gives the position after commit,
-- so that a transaction that stays open holds nobody up and nothing is skipped.
create table event_order (
  institution_id bigint not null,
  event_id bigint not null,
  position bigint,
  primary key (institution_id, event_id)
) partition by range (event_id);
create index event_order_position on event_order (institution_id, position);
create index event_order_waiting on event_order (event_id) where position is null;
create sequence event_positions;

-- Makes the partitions that the next million events will need. Called at start-up and by the sequencer.
create function keep_partitions() returns void language plpgsql security definer set search_path = public as $$
declare
  size constant bigint := 1000000;
  seen bigint := (select last_value from event_ids);
  first_id bigint;
  parent text;
begin
  for n in 0..1 loop
    first_id := (seen / size + n) * size;
    foreach parent in array array['events', 'event_order'] loop
      if to_regclass(parent || '_' || first_id) is null then
        execute format('create table %I partition of %I for values from (%s) to (%s)',
          parent || '_' || first_id, parent, first_id, first_id + size);
      end if;
    end loop;
  end loop;
end $$;
select keep_partitions();

-- Which institution a thing of this id belongs to, for paths that name an id and no subdomain. Tells nothing else.
create function institution_of(noun text, thing_id bigint) returns bigint
language sql stable security definer set search_path = public as $$
  select case noun
    when 'location' then (select institution_id from locations where id = thing_id)
    when 'provider' then (select institution_id from providers where id = thing_id)
    when 'operatory' then (select institution_id from operatories where id = thing_id)
    when 'patient' then (select institution_id from patients where id = thing_id)
    when 'appointment' then (select institution_id from appointments where id = thing_id)
    when 'appointment_type' then (select institution_id from appointment_types where id = thing_id)
    when 'working_hour' then (select institution_id from working_hours where id = thing_id)
    when 'procedure' then (select institution_id from procedures where id = thing_id)
  end
$$;

-- Rights -----------------------------------------------------------------------------------------------------------

do $$
declare t text;
begin
  foreach t in array array[
    'institution_keys', 'data_sources', 'locations', 'providers', 'provider_locations', 'operatories', 'descriptors',
    'appointment_types', 'appointment_type_descriptors', 'working_hours', 'working_hour_types', 'patients',
    'appointments', 'busy', 'procedures', 'writes', 'write_attempts', 'set_aside', 'events', 'event_order']
  loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy tenant on %I to slotbridge_app using (institution_id = tenant()) with check (institution_id = tenant())', t);
    execute format('grant select, insert, update, delete on %I to slotbridge_app', t);
  end loop;
  -- institution_of() runs as the owner, who owns the tables but is under forced policies like everyone.
  foreach t in array array['locations', 'providers', 'operatories', 'patients', 'appointments', 'appointment_types',
    'working_hours', 'procedures']
  loop
    execute format('create policy find_institution on %I for select to slotbridge_owner using (true)', t);
  end loop;
end $$;

grant select, insert, update, delete on accounts, institutions, account_institutions, api_keys, token_secrets to slotbridge_app;
grant select, insert, update, delete on work, wakes to slotbridge_work;
grant select, insert on work to slotbridge_app;
grant select (id, fence, kind, institution_id, subject_id) on work to slotbridge_app;
grant update (fence) on work to slotbridge_app;
grant insert on wakes to slotbridge_app;
-- Everyone may know what time it is: the login measures it before it takes a role.
grant select on test_clock to public;
grant usage on all sequences in schema public to slotbridge_app;

-- The work role sees the order of events and nothing of what they say.
create policy sequencer on event_order to slotbridge_work using (true) with check (true);
grant select, update on event_order to slotbridge_work;
grant usage on sequence event_positions to slotbridge_work;
grant select (id) on accounts, institutions, api_keys to slotbridge_work;
