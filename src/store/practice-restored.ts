/** What a practice lost that restored a backup, as far as we had carried it out, and the lift of the stop that this brought. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Mirror } from '../model/appointment-state.ts'
import type { Instant } from '../model/time.ts'
import type { Asked } from '../model/writes.ts'
import { savePullProgress, wakeUnit } from './data-sources.ts'

/** What we wrote of one appointment, all its complete writes together, and how it was read since. */
export interface WrittenBefore {
  appointment_id: number
  foreign_id: string | null
  start_time: Instant
  asked: Asked
  mirror: Mirror
}

/** Appointments with complete writes from before an instant whose row was read otherwise after it, in the order of their ids. */
export async function listWrittenBefore(
  tx: Tenant,
  dataSourceId: number,
  since: Instant,
): Promise<WrittenBefore[]> {
  const { rows } = await sql<Omit<WrittenBefore, 'asked'> & { sealed: Buffer }>`
    select a.id as appointment_id, a.foreign_id, a.starts_at as start_time, a.mirror, w.asked_sealed as sealed
    from appointments a join writes w on w.institution_id = a.institution_id and w.appointment_id = a.id
    where a.institution_id = ${tx.institutionId} and a.data_source_id = ${dataSourceId} and a.mirror_seen_at >= ${since}
      and w.state = 'complete' and w.ended_at < ${since} and w.asked_sealed is not null
    order by a.id, w.id`.execute(tx.db)
  const byId = new Map<number, WrittenBefore>()
  for (const { sealed, ...row } of rows) {
    const { asked } = tx.open(sealed) as { asked: Asked }
    // The later write of a field is what it was last.
    byId.set(row.appointment_id, { ...row, asked: { ...byId.get(row.appointment_id)?.asked, ...asked } })
  }
  return [...byId.values()]
}

/** Lets what is owed be written again. */
export async function liftStop(tx: Tenant, dataSourceId: number): Promise<void> {
  await savePullProgress(tx, dataSourceId, { writing_stopped_at: null })
  await wakeUnit(tx, 'push', dataSourceId)
}

/** A row of the record system that could not be read, without what it says. */
export interface Aside {
  noun: string
  foreign_id: string
  reason: string
  created_at: Instant
}

/** The rows of a data source that are set aside, oldest first. */
export async function listAside(tx: Tenant, dataSourceId: number, limit: number): Promise<Aside[]> {
  const { rows } = await sql<Aside>`select noun, foreign_id, reason, created_at from set_aside
    where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId} order by id limit ${limit}`.execute(
    tx.db,
  )
  return rows
}
