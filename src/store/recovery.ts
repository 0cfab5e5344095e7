/** What a database that went back has to doubt: what it owes, what it read, and who worked on it. */
import { sql } from 'kysely'
import type { Database, Global, Tenant, WorkTransaction } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import { statesBefore } from '../model/write-states.ts'

/** Stands for the API key of a booking that was forgotten: that it was booked by the API is all that its marker tells. */
export const FORGOTTEN_KEY = 0

/** Connections of other processes of ours. Through a pooler, connections that it keeps open count too. */
export async function countConnected(database: Database, tx: Global): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from pg_stat_activity
    where datname = current_database() and application_name like 'slotbridge%'`.execute(tx.db)
  return (rows[0]?.n ?? 0) - database.pool.totalCount
}

/**
 * Has every owed write looked for before it is sent: what the database believes to be pending may have been written since
 * the backup. As for any write whose outcome is not known, a copy of it may be on its way until now.
 * @returns how many
 */
export async function doubtWrites(tx: Tenant): Promise<number> {
  await sql`update write_attempts set ended_at = app_now(), outcome = 'unknown', code = 'interrupted',
    message = 'The database was restored before the outcome was known.'
    where institution_id = ${tx.institutionId} and ended_at is null`.execute(tx.db)
  const { rows } = await sql`update writes set state = 'unknown', code = null, next_attempt_at = app_now(),
      last_attempt_at = app_now(), message = 'The database was restored: it is looked for before it is sent.'
    where institution_id = ${tx.institutionId} and state = any(${statesBefore('doubted')}) returning id`.execute(
    tx.db,
  )
  return rows.length
}

/** Has every data source read from the start, directory and window included. Answers how many there are. */
export async function rereadSources(tx: Tenant): Promise<number> {
  const { rows } =
    await sql`update data_sources set read_again = true, directory_read_at = null, window_read_at = null,
      closed_until = null, next_call_at = null
    where institution_id = ${tx.institutionId} returning id`.execute(tx.db)
  return rows.length
}

/**
 * Takes every unit from whoever held it in the old life: no transaction of theirs commits any more. The leap is longer than
 * the fences of any lost time, so that none of them comes again.
 */
export async function raiseFences(tx: WorkTransaction): Promise<void> {
  await sql`update work set fence = fence + 1000000, leased_until = null, holder = null, crashes = 0, failures = 0,
    run_at = app_now()`.execute(tx.db)
}

/** A row of a record system under a marker of ours that nothing here bears. */
export interface OwnMarker {
  marker: string
  /** The appointment whose owed insertion it is, where there is one. */
  id: number | null
}

/** Those of the markers that are this institution's own and that no appointment bears. */
export async function findOwnMarkers(
  tx: Tenant,
  dataSourceId: number,
  markers: string[],
): Promise<OwnMarker[]> {
  if (markers.length === 0) return []
  const { rows } = await sql<OwnMarker>`
    select m.marker, a.id from unnest(${markers}::text[]) as m(marker)
    left join writes w on w.institution_id = ${tx.institutionId} and w.data_source_id = ${dataSourceId}
      and w.kind = 'insert' and w.ended_at is null and w.seed = m.marker
    left join appointments a on a.institution_id = w.institution_id and a.id = w.appointment_id
      and a.marker is null and a.foreign_id is null
    where starts_with(m.marker, (select marker_tag from institutions where id = ${tx.institutionId}))
      and not exists (select from appointments held where held.institution_id = ${tx.institutionId}
        and held.data_source_id = ${dataSourceId} and held.marker = m.marker)`.execute(tx.db)
  return rows
}

/** A booking that was found in the record system under a marker of ours, and forgotten here. Names nobody. */
export interface FoundBooking {
  id: number
  institution_id: number
  location_id: number
  data_source_id: number
  foreign_id: string | null
  start_time: Instant
  cancelled: boolean
}

export async function listFound(tx: Tenant, limit: number): Promise<FoundBooking[]> {
  const { rows } = await sql<FoundBooking>`
    select id, institution_id, location_id, data_source_id, foreign_id, starts_at as start_time, cancelled
    from appointments where institution_id = ${tx.institutionId} and booked_by_api_key_id = ${FORGOTTEN_KEY}
    order by id limit ${limit}`.execute(tx.db)
  return rows
}
