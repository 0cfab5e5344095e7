-- Moving in: ids that a client already holds from elsewhere, kept until the thing that they mean first comes in; and what a
-- moved database needs to be filled.

create table reserved_ids (
  institution_id bigint not null references institutions,
  noun text not null check (noun in ('location', 'provider', 'operatory', 'descriptor', 'patient', 'appointment',
    'procedure', 'appointment_type', 'working_hour', 'working_hour_label')),
  id bigint not null check (id > 0),
  -- Of the data source whose foreign id it is, also of one that is connected later; null: it is known by its name.
  foreign_id_type text,
  -- Where a foreign id or a name is unique within a location only.
  location_id bigint,
  -- The foreign id, or the name.
  known_as text not null,
  created_at timestamptz not null default app_now(),
  primary key (institution_id, noun, id),
  constraint reserved_id_known unique nulls not distinct
    (institution_id, noun, known_as, foreign_id_type, location_id)
);
alter table reserved_ids enable row level security;
alter table reserved_ids force row level security;
create policy tenant on reserved_ids to slotbridge_app using (institution_id = tenant()) with check (institution_id = tenant());
grant select, insert, update, delete on reserved_ids to slotbridge_app;

-- ids_elsewhere() runs as the owner, who is under forced policies like everyone.
create policy find_institution on reserved_ids for select to slotbridge_owner using (true);
create policy find_institution on descriptors for select to slotbridge_owner using (true);
create policy find_institution on working_hour_labels for select to slotbridge_owner using (true);
create index descriptors_id on descriptors (id);
create index working_hour_labels_id on working_hour_labels (id);
create index reserved_ids_id on reserved_ids (noun, id);

-- Those of the ids of a noun that another institution has or keeps: ids are unique over the installation. Tells nothing else.
create function ids_elsewhere(noun text, ids bigint[]) returns setof bigint
language plpgsql stable security definer set search_path = public as $$
begin
  if noun not in ('location', 'provider', 'operatory', 'descriptor', 'patient', 'appointment', 'procedure',
      'appointment_type', 'working_hour', 'working_hour_label') then
    raise exception 'no noun %', noun;
  end if;
  return query execute format(
    'select t.id from %I t where t.id = any($1) and t.institution_id <> tenant()
     union select r.id from reserved_ids r where r.noun = $2 and r.id = any($1) and r.institution_id <> tenant()',
    case noun when 'operatory' then 'operatories' else noun || 's' end) using ids, noun;
end $$;

-- Makes the partition of a log into which an id falls, for rows that come from another database.
create function keep_partition(log text, row_id bigint) returns void
language plpgsql security definer set search_path = public as $$
declare
  size constant bigint := log_size(log);
  first_id constant bigint := row_id / size * size;
  parent text;
begin
  if log_tables(log) is null then raise exception 'no log of %', log; end if;
  perform pg_advisory_xact_lock(hashtext('slotbridge partitions'));
  foreach parent in array log_tables(log) loop
    if to_regclass(parent || '_' || first_id) is null then
      execute format('create table %I (like %I including all)', parent || '_' || first_id, parent);
      execute format('alter table %I attach partition %I for values from (%s) to (%s)',
        parent, parent || '_' || first_id, first_id, first_id + size);
    end if;
  end loop;
  insert into log_partitions (ids, first_id, entered_at) values (log, first_id, app_now()) on conflict do nothing;
end $$;
revoke all on function keep_partition(text, bigint) from public;
grant execute on function keep_partition(text, bigint) to slotbridge_app;
-- An import brings the seals and the heads of the audit along.
grant insert on audit_seals, audit_heads to slotbridge_app;
-- How far they are handed out is told to the high-water file.
grant select on sequence audit_seal_ids to slotbridge_app;
