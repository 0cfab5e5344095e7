/**
 * No change without its event: a trigger for tests that refuses the commit of any transaction that changes what can be seen
 * of an appointment or a patient, or ends a write, and records no event about it.
 */
import type { TestDatabase } from './database.ts'

const installation = `
create function test_every_change_is_told() returns trigger language plpgsql security definer as $$
declare
  row_now jsonb := to_jsonb(new);
  row_was jsonb := case when tg_op = 'UPDATE' then to_jsonb(old) end;
  unseen text[] := array['updated_at', 'draft', 'mirror', 'mirror_hash', 'mirror_seen_at', 'overlay', 'edited_at', 'version',
    'last_sync_time', 'marker', 'insertion_write_id', 'match_key', 'match_version', 'name_key', 'phone_keys', 'foreign_id', 'surely_new', 'merged_foreign_id'];
  subject bigint := coalesce(row_now ->> 'appointment_id', row_now ->> 'id')::bigint;
begin
  if row_now - unseen = row_was - unseen then return null; end if;
  if tg_table_name = 'writes' and (row_now ->> 'ended_at' is null or row_was ->> 'ended_at' is not null) then return null; end if;
  -- The first load is told as one event with counts.
  if exists (select from data_sources where institution_id = new.institution_id and id = new.data_source_id
    and loaded_at is null) then return null; end if;
  if exists (select from events where institution_id = new.institution_id and subject_id = subject
    and xmin = pg_current_xact_id()::xid) then return null; end if;
  -- What was cancelled here before it stood there is no news when it reads back cancelled.
  if tg_table_name = 'appointments' and (row_was ->> 'cancelled')::boolean and (row_now ->> 'cancelled')::boolean then return null; end if;
  raise exception 'a change of % % is told by no event', tg_table_name, subject;
end $$;
create constraint trigger test_told after insert or update on appointments deferrable initially deferred
  for each row execute function test_every_change_is_told();
create constraint trigger test_told after insert or update on patients deferrable initially deferred
  for each row execute function test_every_change_is_told();
create constraint trigger test_told after update on writes deferrable initially deferred
  for each row execute function test_every_change_is_told();`

/** Has the database refuse every transaction of this test that changes something and tells nobody. */
export async function demandEvents(t: TestDatabase): Promise<void> {
  await t.look(installation)
}
