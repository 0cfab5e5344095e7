/**
 * Leases of units of work, as `slotbridge_work`. Lease time is the database's `clock_timestamp()`, so that no
 * process's clock decides. The fence grows with every claim; a holder's transactions compare it (see `hold.ts`).
 */
import { sql } from 'kysely'
import { type Database, inWork } from '../db/database.ts'

export type WorkKind = 'push' | 'pull' | 'sequence'

/** One claimed unit. `institutionId` and `subjectId` are null for the sequencer. */
export interface Unit {
  id: number
  kind: WorkKind
  institutionId: number | null
  subjectId: number | null
  fence: number
  /** Failures in a row before this claim. */
  failures: number
  /** Claims since the last orderly release, this one included. */
  crashes: number
}

export interface ClaimOptions {
  holder: string
  kinds: WorkKind[]
  limit: number
  leaseMs: number
  /** Whether units that failed last time may be claimed now (they use at most a quarter of the slots). */
  failing: boolean
}

/** Claims what is due or woken and eats the wakes of what it claimed. */
export async function claimUnits(database: Database, options: ClaimOptions): Promise<Unit[]> {
  if (options.limit < 1) return []
  return await inWork(database, async ({ db }) => {
    const { rows } = await sql<Unit>`
      with due as (
        select w.id from work w
        where (w.leased_until is null or w.leased_until < clock_timestamp())
          and (w.run_at <= app_now() or (w.failures = 0 and exists (select from wakes k where k.work_id = w.id)))
          and w.kind = any(${options.kinds}::text[])
          and (w.failures = 0 or ${options.failing})
        order by w.run_at limit ${options.limit} for update skip locked)
      update work set leased_until = clock_timestamp() + ${options.leaseMs} * interval '1 millisecond',
        holder = ${options.holder}, fence = fence + 1, crashes = crashes + 1
      from due where work.id = due.id
      returning work.id, work.kind, work.institution_id as "institutionId", work.subject_id as "subjectId",
        work.fence, work.failures, work.crashes`.execute(db)
    if (rows.length > 0)
      await db
        .deleteFrom('wakes')
        .where('work_id', '=', sql<number>`any(${rows.map((unit) => unit.id)}::bigint[])`)
        .execute()
    return rows
  })
}

/** Renews all leases of this process in one statement; answers the ids still held. */
export async function renewLeases(
  database: Database,
  holder: string,
  ids: number[],
  leaseMs: number,
): Promise<number[]> {
  return await inWork(database, async ({ db }) => {
    const { rows } = await sql<{ id: number }>`
      update work set leased_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
      where holder = ${holder} and id = any(${ids}::bigint[]) returning id`.execute(db)
    return rows.map((row) => row.id)
  })
}

/** How a run of a unit ended: when to run again (an instant, or null for when woken), and its failure if it failed. */
export interface Release {
  nextAt: string | null
  failure: string | null
}

/** Gives a unit back. Does nothing where someone else holds it by now. */
export async function releaseUnit(database: Database, unit: Unit, release: Release): Promise<void> {
  await inWork(database, async ({ db }) => {
    await sql`
      update work set leased_until = null, holder = null, crashes = 0,
        failures = case when ${release.failure}::text is null then 0 else failures + 1 end,
        last_failure = ${release.failure}, run_at = coalesce(${release.nextAt}::timestamptz, 'infinity')
      where id = ${unit.id} and fence = ${unit.fence}`.execute(db)
  })
}
