-- Slots: holds, labels of working hours, and what a location offers.

create sequence slot_hold_ids;
create sequence working_hour_label_ids;

alter table locations
  -- What is offered starts at least this long from now, and keeps this distance from whatever takes time. Bookings of a
  -- free time are not refused for either.
  add column min_notice_minutes integer not null default 0 check (min_notice_minutes between 0 and 525600),
  add column buffer_minutes integer not null default 0 check (buffer_minutes between 0 and 1440);

-- A record system's names for kinds of time. Null location: of the whole institution.
create table working_hour_labels (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('working_hour_label_ids') check (id < 2147483648),
  location_id bigint,
  data_source_id bigint not null,
  name text not null,
  active boolean not null default true,
  created_at timestamptz not null default app_now(),
  updated_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  unique nulls not distinct (institution_id, data_source_id, location_id, name),
  foreign key (institution_id, data_source_id) references data_sources,
  foreign key (institution_id, location_id) references locations
);

alter table working_hours add column label_id bigint,
  add foreign key (institution_id, label_id) references working_hour_labels;

-- Time set aside for whoever is about to book it. A hold counts while expires_at lies ahead and needs no sweeper: rows
-- that have run out take no time, and go when their key holds again.
create table slot_holds (
  institution_id bigint not null references institutions,
  id bigint not null default nextval('slot_hold_ids') check (id < 2147483648),
  api_key_id bigint not null,
  location_id bigint not null,
  operatory_id bigint,
  provider_id bigint not null,
  appointment_type_id bigint,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default app_now(),
  primary key (institution_id, id),
  -- As long as a busy row, so that the same bounded scan finds it.
  check (ends_at > starts_at and ends_at <= starts_at + interval '24 hours'),
  foreign key (institution_id, location_id) references locations,
  foreign key (institution_id, operatory_id) references operatories,
  foreign key (institution_id, provider_id) references providers
);
create index slot_holds_id on slot_holds (id);
create index slot_holds_time on slot_holds (institution_id, location_id, starts_at, ends_at);
create index slot_holds_key on slot_holds (api_key_id, expires_at);

-- How many holds of a key count, over all of its institutions: the cap is the key's.
create function live_holds(key_id bigint) returns bigint
language sql stable security definer set search_path = public as $$
  select count(*) from slot_holds where api_key_id = key_id and expires_at > app_now()
$$;

create or replace function institution_of(noun text, thing_id bigint) returns bigint
language sql stable security definer set search_path = public as $$
  select case noun
    when 'location' then (select institution_id from locations where id = thing_id)
    when 'provider' then (select institution_id from providers where id = thing_id)
    when 'operatory' then (select institution_id from operatories where id = thing_id)
    when 'patient' then (select institution_id from patients where id = thing_id)
    when 'appointment' then (select institution_id from appointments where id = thing_id)
    when 'appointment_type' then (select institution_id from appointment_types where id = thing_id)
    when 'working_hour' then (select institution_id from working_hours where id = thing_id)
    when 'slot_hold' then (select institution_id from slot_holds where id = thing_id)
    when 'procedure' then (select institution_id from procedures where id = thing_id)
  end
$$;

do $$
declare t text;
begin
  foreach t in array array['working_hour_labels', 'slot_holds'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy tenant on %I to slotbridge_app using (institution_id = tenant()) with check (institution_id = tenant())', t);
    execute format('grant select, insert, update, delete on %I to slotbridge_app', t);
  end loop;
end $$;
-- live_holds() and institution_of() run as the owner, who is under forced policies like everyone.
create policy find_institution on slot_holds for select to slotbridge_owner using (true);
grant usage on slot_hold_ids, working_hour_label_ids to slotbridge_app;
