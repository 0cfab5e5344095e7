-- Rotating keys and destroying them. Each transaction of an institution begins by holding its key: it ends at once where the
-- key was destroyed, and a rotation can wait until nobody seals under the earlier one.

alter table institutions
  -- Grows with each new data key.
  add column key_generation integer not null default 1,
  -- Its key was destroyed; rows go after that, in batches. What stays in the end is this row, without a name.
  add column deleted_at timestamptz;

-- The data key before this one, wrapped: still opens while a rotation re-seals what is under it; null when none runs.
alter table institution_keys add column previous_key bytea;

-- Raises SBKEY unless this is the institution's key now. A rotation or a deletion waits for those who hold the one before;
-- it commits first and asks for the lock then, so that whoever comes late sees what it did.
create function hold_key(institution bigint, generation integer) returns void
language plpgsql set search_path = public as $$
begin
  perform pg_advisory_xact_lock_shared(institution::integer, generation);
  if not exists (select from institutions i
      where i.id = institution and i.key_generation = generation and i.deleted_at is null) then
    raise exception 'institution % has another key, or none', institution using errcode = 'SBKEY';
  end if;
end $$;

-- Which master keys the data keys are wrapped by: what the wrapped ones begin with (src/db/seal.ts). Tells nothing else.
create function wrapped_marks() returns setof bytea
language sql stable security definer set search_path = public as $$
  select substring(wrapped_key from 1 for 5) from institution_keys
  union
  select substring(previous_key from 1 for 5) from institution_keys where previous_key is not null
$$;
create policy marks on institution_keys for select to slotbridge_owner using (true);
revoke all on function wrapped_marks() from public;
grant execute on function wrapped_marks() to slotbridge_app;

-- Overrides are kept as written, but for their seal while a rotation runs, and until their institution's key is destroyed.
grant update (reason_sealed), delete on overrides to slotbridge_app;
create policy resealed on overrides as restrictive for update to slotbridge_app
  using (exists (select from institution_keys k where k.institution_id = tenant() and k.previous_key is not null));
create policy destroyed on overrides as restrictive for delete to slotbridge_app
  using (not exists (select from institution_keys k where k.institution_id = tenant()));
