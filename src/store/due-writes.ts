/** When writes are due: what may go now, what ran out of time, and when a data source is turned to again. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'
import type { WriteKind } from '../model/writes.ts'
import { noteDelayed } from './changes.ts'

/** A write whose time has come. */
export interface DueWrite {
  id: number
  appointment_id: number
  kind: WriteKind
  /** Of the request that was accepted, where it was traced. */
  traceparent: string | null
}

/** Of `writes w`: the first open one of its appointment. */
const isFirst = sql`not exists (select from writes earlier where earlier.institution_id = w.institution_id
  and earlier.appointment_id = w.appointment_id and earlier.ended_at is null and earlier.id < w.id)`

/**
 * The writes that may go now, oldest first: the first open write of each appointment, where its time has come.
 * The ones behind it wait, so that one appointment's writes go in order. What waits for a person is due at its deadline.
 */
export async function listDueWrites(tx: Tenant, dataSourceId: number, limit: number): Promise<DueWrite[]> {
  const { rows } = await sql<DueWrite>`
    select w.id, w.appointment_id, w.kind, w.traceparent from writes w
    where w.institution_id = ${tx.institutionId} and w.data_source_id = ${dataSourceId} and w.ended_at is null
      and w.next_attempt_at <= app_now()
      and ${isFirst}
    order by w.next_attempt_at, w.id limit ${limit}`.execute(tx.db)
  return rows
}

/** The writes whose deadline passed before anything of them was sent, the first open one of each appointment. */
export async function listOverdue(tx: Tenant, dataSourceId: number, limit: number): Promise<DueWrite[]> {
  const { rows } = await sql<DueWrite>`
    select w.id, w.appointment_id, w.kind, w.traceparent from writes w
    where w.institution_id = ${tx.institutionId} and w.data_source_id = ${dataSourceId} and w.ended_at is null
      and w.state = 'pending' and w.deadline <= app_now()
      and ${isFirst}
    order by w.id limit ${limit}`.execute(tx.db)
  return rows
}

/**
 * The next deadline of what `listOverdue` would answer then; null where there is none. One that has passed counts: it passed
 * after the look for it, or was more than that look took.
 */
export async function nextDeadline(tx: Tenant, dataSourceId: number): Promise<Instant | null> {
  const { rows } = await sql<{ at: Instant | null }>`
    select min(w.deadline) as at from writes w where w.institution_id = ${tx.institutionId}
      and w.data_source_id = ${dataSourceId} and w.ended_at is null and w.state = 'pending' and ${isFirst}`.execute(
    tx.db,
  )
  return rows[0]?.at ?? null
}

/**
 * When the next write of a data source is due; null where nothing is owed. The ones behind the first of an appointment are
 * due with it: by their own times the source would be turned to again and again while the first waits.
 */
export async function nextDue(tx: Tenant, dataSourceId: number): Promise<Instant | null> {
  const { rows } = await sql<{ at: Instant }>`
    select w.next_attempt_at as at from writes w where w.institution_id = ${tx.institutionId}
      and w.data_source_id = ${dataSourceId} and w.ended_at is null and ${isFirst}
    order by w.next_attempt_at limit 1`.execute(tx.db)
  return rows[0]?.at ?? null
}

/** Marks the insertions whose promise has run out untold, and notes it: each is told once. */
export async function markDelayed(tx: Tenant, dataSourceId: number): Promise<void> {
  const { rows } = await sql<{ appointment_id: number }>`
    update writes set delayed_at = app_now() where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
      and kind = 'insert' and ended_at is null and delayed_at is null and promised_at <= app_now()
    returning appointment_id`.execute(tx.db)
  for (const row of rows) noteDelayed(tx, row.appointment_id)
}

/** When the next promise of a data source runs out untold. */
export async function nextPromise(tx: Tenant, dataSourceId: number): Promise<Instant | null> {
  const { rows } = await sql<{ at: Instant | null }>`
    select min(promised_at) as at from writes where institution_id = ${tx.institutionId}
      and data_source_id = ${dataSourceId} and ended_at is null and delayed_at is null`.execute(tx.db)
  return rows[0]?.at ?? null
}
