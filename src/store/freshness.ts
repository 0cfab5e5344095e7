/** How old what is shown may be: by when the last completed pull of each data source began. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

/** Whose appointments or slots are read; neither: the whole institution's. */
export interface Scope {
  locationIds?: number[] | undefined
  appointmentId?: number | undefined
}

export interface Freshness {
  now: Instant
  /** What the record systems held at this instant is shown, or newer; null where one was never read. */
  asOf: Instant | null
  sources: { id: number; asOf: Instant | null; pollSeconds: number }[]
}

/**
 * Asked before the rows are: each later statement sees at least this. A location without a data source is our own, and always
 * as of now.
 */
export async function readFreshness(tx: Tenant, scope: Scope): Promise<Freshness> {
  const { rows } = await sql<{
    now: Instant
    id: number | null
    as_of: Instant | null
    poll_seconds: number
  }>`
    select n.now, d.id, d.pull_started_at as as_of, d.poll_seconds from (select app_now() as now) n
    left join data_sources d on d.institution_id = ${tx.institutionId} and d.id in (
      select l.data_source_id from locations l where l.institution_id = ${tx.institutionId}
        and (${scope.locationIds ?? null}::bigint[] is null or l.id = any(${scope.locationIds ?? null}))
        and (${scope.appointmentId ?? null}::bigint is null or l.id = (select location_id from appointments
          where institution_id = ${tx.institutionId} and id = ${scope.appointmentId ?? null})))
    order by d.id`.execute(tx.db)
  const now = rows[0]?.now
  if (now === undefined) throw new Error('the database did not say what time it is')
  const sources = rows.flatMap(({ id, as_of: asOf, poll_seconds: pollSeconds }) =>
    id === null ? [] : [{ id, asOf, pollSeconds }],
  )
  const oldest = sources.map(({ asOf }) => asOf ?? '').sort()[0]
  return { now, asOf: oldest === undefined ? now : oldest || null, sources }
}
