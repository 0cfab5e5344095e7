/** Insertions that are looked at once more, where the record system itself does not refuse a second copy. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import { noteInsertion } from './changes.ts'

export interface SecondLook {
  write_id: number
  appointment_id: number
  foreign_id: string | null
  marker: string
  /** We cancelled the appointment ourselves since: no copy of it may stand. */
  cancelled_by_us: boolean
}

/** Has a written insertion looked at again at an instant. */
export async function planSecondLook(tx: Tenant, writeId: number, at: Instant): Promise<void> {
  await sql`update writes set look_again_at = ${at}
    where institution_id = ${tx.institutionId} and id = ${writeId}`.execute(tx.db)
}

/** Has the insertion behind a marker looked at again now: a second row that bears it was read. */
export async function hastenSecondLook(tx: Tenant, dataSourceId: number, marker: string): Promise<void> {
  await sql`
    with hastened as (
      update writes w set look_again_at = app_now() from appointments a
      where w.institution_id = ${tx.institutionId} and w.data_source_id = ${dataSourceId} and w.kind = 'insert'
        and w.state in ('complete', 'incomplete') and a.institution_id = w.institution_id and a.id = w.appointment_id
        and a.marker = ${marker} returning w.id)
    insert into wakes (work_id) select id from work where kind = 'push' and institution_id = ${tx.institutionId}
      and subject_id = ${dataSourceId} and exists (select from hastened)`.execute(tx.db)
}

/** What is due to be looked at again, oldest first. */
export async function listSecondLooks(
  tx: Tenant,
  dataSourceId: number,
  limit: number,
): Promise<SecondLook[]> {
  const { rows } = await sql<SecondLook>`
    select w.id as write_id, w.appointment_id, a.foreign_id, a.marker,
      exists (select from writes c where c.institution_id = w.institution_id and c.appointment_id = w.appointment_id
        and c.kind = 'cancel' and c.state = 'complete') as cancelled_by_us
    from writes w join appointments a on a.institution_id = w.institution_id and a.id = w.appointment_id
    where w.institution_id = ${tx.institutionId} and w.data_source_id = ${dataSourceId} and a.marker is not null
      and w.look_again_at <= app_now() order by w.look_again_at, w.id limit ${limit}`.execute(tx.db)
  return rows
}

/** When the next second look is due; null where none is planned. */
export async function nextSecondLook(tx: Tenant, dataSourceId: number): Promise<Instant | null> {
  const { rows } = await sql<{ at: Instant | null }>`
    select min(look_again_at) as at from writes where institution_id = ${tx.institutionId}
      and data_source_id = ${dataSourceId} and look_again_at is not null`.execute(tx.db)
  return rows[0]?.at ?? null
}

/** The look was taken. Where a copy was cancelled, a complete write says so from now on, and that is noted. */
export async function endSecondLook(tx: Tenant, writeId: number, repaired: string | null): Promise<void> {
  const { rows } = await sql<{ appointment_id: number; was: Record<string, unknown> }>`
    with was as (select appointment_id, jsonb_build_object('status', state, 'code', code, 'message', message, 'retriable',
        retriable, 'attempts', attempts) as was from writes where institution_id = ${tx.institutionId} and id = ${writeId}),
    looked as (update writes set look_again_at = null,
      code = case when ${repaired}::text is not null and state = 'complete' then 'duplicate_repaired' else code end,
      message = case when ${repaired}::text is not null and state = 'complete' then ${repaired}::text else message end
    where institution_id = ${tx.institutionId} and id = ${writeId})
    select appointment_id, was from was`.execute(tx.db)
  if (repaired !== null) for (const row of rows) noteInsertion(tx, row.appointment_id, row.was)
}
