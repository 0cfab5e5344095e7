/**
 * Leases of units of work, as `slotbridge_work`. Lease time is the database's `clock_timestamp()`, so that no
 * process's clock decides. The fence grows with every claim; a holder's transactions compare it (see `hold.ts`).
 */
import { sql } from 'kysely'
import { type Database, inWork, type WorkTransaction } from '../db/database.ts'

export type WorkKind = 'push' | 'pull' | 'sequence' | 'deliver' | 'seal'

/** One claimed unit. `institutionId` and `subjectId` are null for the sequencer and the sealer, `institutionId` for an endpoint's deliveries. */
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
  /** How many of them may be units that failed last time (they use at most a quarter of the slots). */
  failing: number
}

/** Claims what is due or woken and eats the wakes of what it claimed. */
export async function claimUnits(database: Database, options: ClaimOptions): Promise<Unit[]> {
  if (options.limit < 1) return []
  return await inWork(database, async ({ db }) => {
    const free = sql`(w.leased_until is null or w.leased_until < clock_timestamp())
      and w.kind = any(${options.kinds}::text[])`
    // Each part goes by an index: there may be a unit for each of ten thousand endpoints. A failing unit of a record system is
    // not woken before its time; an endpoint's is, since what is new there has a schedule of its own.
    const { rows } = await sql<Unit>`
      with woken as (select distinct work_id from wakes),
      candidates as (
        (select w.id from work w where w.run_at <= app_now() and w.failures = 0 and ${free}
          order by w.run_at limit ${options.limit})
        union all
        (select w.id from woken k join work w on w.id = k.work_id where w.failures = 0 and ${free}
          limit ${options.limit})
        union all
        (select w.id from work w where w.failures > 0 and ${free}
          and (w.run_at <= app_now() or (w.kind = 'deliver' and w.id in (select work_id from woken)))
          order by w.run_at limit ${Math.max(options.failing, 0)})),
      due as (
        select w.id from work w where w.id in (select id from candidates) and ${free}
        order by w.run_at limit ${options.limit} for update skip locked)
      update work set leased_until = clock_timestamp() + ${options.leaseMs} * interval '1 millisecond',
        holder = ${options.holder}, fence = fence + 1, crashes = crashes + 1,
        -- Its wakes are eaten below: should this holder die, it is due again by itself.
        run_at = least(run_at, app_now())
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

/** In how many milliseconds the next free unit is due by itself; null where none is. */
export async function nextDueMs(database: Database, kinds: string[]): Promise<number | null> {
  return await inWork(database, async ({ db }) => {
    const { rows } = await sql<{ ms: number | null }>`
      select (extract(epoch from min(run_at) - app_now()) * 1000)::float8 as ms from work
      where run_at > app_now() and run_at < app_now() + interval '1 minute' and leased_until is null
        and kind = any(${kinds}::text[])`.execute(db)
    return rows[0]?.ms ?? null
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

/** Has a unit run as soon as a worker is free, also where it backs off: what kept it from its work is over. */
export async function hastenUnit(
  { db }: WorkTransaction,
  unit: Pick<Unit, 'kind' | 'institutionId' | 'subjectId'>,
): Promise<void> {
  await sql`update work set run_at = least(run_at, app_now()) where kind = ${unit.kind}
    and institution_id = ${unit.institutionId} and subject_id = ${unit.subjectId}`.execute(db)
}

/** How a run of a unit ended: when to run again (an instant, or null for when woken), and its failure if it failed. */
export interface Release {
  nextAt: string | null
  failure: string | null
}

/** Gives a unit back. Does nothing where someone else holds it by now. */
export async function releaseUnit(database: Database, unit: Unit, release: Release): Promise<void> {
  await releaseUnits(database, [[unit, release]])
}

/** Gives units back, each as it ended, in one statement. */
export async function releaseUnits(database: Database, ended: [Unit, Release][]): Promise<void> {
  await inWork(database, async ({ db }) => {
    await sql`
      update work set leased_until = null, holder = null, crashes = 0,
        failures = case when r.failure is null then 0 else failures + 1 end,
        last_failure = r.failure, run_at = coalesce(r.next_at, 'infinity')
      from unnest(${ended.map(([unit]) => unit.id)}::bigint[], ${ended.map(([unit]) => unit.fence)}::bigint[],
        ${ended.map(([, release]) => release.nextAt)}::timestamptz[],
        ${ended.map(([, release]) => release.failure)}::text[]) as r(id, fence, next_at, failure)
      where work.id = r.id and work.fence = r.fence`.execute(db)
  })
}
