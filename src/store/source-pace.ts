/** How fast a record system may be asked, over all processes that hold a unit of it, and until when it wants to be left alone. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

/** A turn that was taken, or how long until the next may be free, in milliseconds. */
export type Turn = { held: string } | { waitMs: number }

/**
 * Takes the turn to ask a data source something, where it is free by the database's own clock, like a lease. It is held for `holdMs` at most:
 * a holder that dies keeps nobody waiting for longer.
 */
export async function takeTurn(tx: Tenant, dataSourceId: number, holdMs: number): Promise<Turn> {
  const { rows } = await sql<{ held: string }>`
    update data_sources set next_call_at = clock_timestamp() + ${holdMs} * interval '1 millisecond'
    where institution_id = ${tx.institutionId} and id = ${dataSourceId}
      and (next_call_at is null or next_call_at <= clock_timestamp())
      and (closed_until is null or closed_until <= app_now())
    returning next_call_at::text as held`.execute(tx.db)
  if (rows[0]) return rows[0]
  const { rows: later } = await sql<{ ms: number }>`
    select (extract(epoch from greatest(next_call_at - clock_timestamp(), closed_until - app_now())) * 1000)::float8 as ms
    from data_sources
    where institution_id = ${tx.institutionId} and id = ${dataSourceId}`.execute(tx.db)
  return { waitMs: Math.max(later[0]?.ms ?? 0, 0) }
}

/** Ends a turn: the next may be taken `spaceMs` from now. Does nothing where it ran out and somebody else has it. */
export async function endTurn(
  tx: Tenant,
  dataSourceId: number,
  held: string,
  spaceMs: number,
): Promise<void> {
  await sql`update data_sources set next_call_at = clock_timestamp() + ${spaceMs} * interval '1 millisecond'
    where institution_id = ${tx.institutionId} and id = ${dataSourceId}
      and next_call_at = ${held}::timestamptz`.execute(tx.db)
}

/** The system wants to be left alone for so long: everything that asks it waits. */
export async function closeSource(tx: Tenant, dataSourceId: number, ms: number): Promise<void> {
  await sql`update data_sources
    set closed_until = greatest(closed_until, app_now() + ${ms} * interval '1 millisecond')
    where institution_id = ${tx.institutionId} and id = ${dataSourceId}`.execute(tx.db)
}

/** Until when it wants to be left alone; null where it may be asked now. */
export async function closedUntil(tx: Tenant, dataSourceId: number): Promise<Instant | null> {
  const { rows } = await sql<{ at: Instant }>`select closed_until as at from data_sources
    where institution_id = ${tx.institutionId} and id = ${dataSourceId} and closed_until > app_now()`.execute(
    tx.db,
  )
  return rows[0]?.at ?? null
}
