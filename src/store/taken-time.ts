/** Everything that takes time: what appointments and blocks occupy, and holds that still count. */
import { type RawBuilder, sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { gatherInstants, readInstants } from '../db/instants.ts'
import { addMs, type Instant } from '../model/time.ts'
import { SPAN_MAX_MS } from '../scheduling/conflicts.ts'
import type { TakenGroup, TakenSpan } from '../scheduling/taken.ts'

export interface TakenFilter {
  locationIds: number[]
  /** Whatever overlaps `[from, to)`. */
  from: Instant
  to: Instant
  /**
   * What is asked for, so that rows of others need not travel: operatories, providers, and providers whose rows count in
   * whatever operatory they are (who work without one, or under a limit for providers). Null: everything. Whether a row is in the way is for
   * `src/scheduling` to say; this only leaves out what cannot be.
   */
  of: { operatoryIds: number[]; providerIds: number[]; anywhereProviderIds: number[] } | null
}

/** The rows, each with what it comes from. */
export async function listTaken(tx: Tenant, filter: TakenFilter): Promise<TakenSpan[]> {
  const { rows } = await sql<TakenSpan>`
    select t.appointment_id, null::bigint as hold_id, t.unavailable, ${columns} ${fromBusy(tx, filter)}
    union all
    select null, t.id, false, ${columns} ${fromHolds(tx, filter)}`.execute(tx.db)
  return rows
}

/** The times alone, by what they are taken of: a row for each resource, however many appointments it has. */
export async function listTakenGroups(tx: Tenant, filter: TakenFilter): Promise<TakenGroup[]> {
  const { rows } = await groupsQuery(tx, filter).execute(tx.db)
  return rows.map((row) => ({ ...row, starts: readInstants(row.starts), ends: readInstants(row.ends) }))
}

/** The plan of `listTakenGroups`, as the database carries it out for the transaction's role. */
export async function explainTaken(tx: Tenant, filter: TakenFilter): Promise<string[]> {
  const query = sql<{ 'QUERY PLAN': string }>`explain (analyze, buffers) ${groupsQuery(tx, filter)}`
  const { rows } = await query.execute(tx.db)
  return rows.map((row) => row['QUERY PLAN'])
}

type GroupRow = Omit<TakenGroup, 'starts' | 'ends'> & { starts: Buffer; ends: Buffer }

function groupsQuery(tx: Tenant, filter: TakenFilter): RawBuilder<GroupRow> {
  const times = sql`${resource}, t.starts_at, t.ends_at`
  return sql<GroupRow>`
    select unavailable, location_id, operatory_id, provider_id,
      ${gatherInstants(sql`starts_at`)} as starts, ${gatherInstants(sql`ends_at`)} as ends
    from (select t.unavailable, ${times} ${fromBusy(tx, filter)}
        union all select false, ${times} ${fromHolds(tx, filter)})
      as r(unavailable, location_id, operatory_id, provider_id, starts_at, ends_at)
    group by unavailable, location_id, operatory_id, provider_id`
}

const resource = sql`t.location_id, t.operatory_id, t.provider_id`
const columns = sql`${resource},
  round(date_part('epoch', t.starts_at) * 1000) as start, round(date_part('epoch', t.ends_at) * 1000) as end`

function fromBusy(tx: Tenant, filter: TakenFilter): RawBuilder<unknown> {
  return sql`from busy t where ${overlapping(tx, filter)}`
}

function fromHolds(tx: Tenant, filter: TakenFilter): RawBuilder<unknown> {
  return sql`from slot_holds t where ${overlapping(tx, filter)} and t.expires_at > app_now()`
}

/**
 * One bounded scan for each location: no span is longer than 24 hours. What is asked for is looked up in tables of its own,
 * whichever plan PostgreSQL keeps: an array it would walk through for each row. Locations stay a list also where it is one:
 * compared as such, one of many appointments took twice as long.
 */
function overlapping(tx: Tenant, { locationIds, from, to, of }: TakenFilter): RawBuilder<unknown> {
  const isAmong = (ids: number[]) => sql`in (select unnest(${ids}::bigint[]))`
  const asked = of
    ? sql`and (t.operatory_id ${isAmong(of.operatoryIds)}
      or (t.operatory_id is null and (t.provider_id is null or t.provider_id ${isAmong(of.providerIds)}))
      or t.provider_id ${isAmong(of.anywhereProviderIds)})`
    : sql``
  return sql`t.institution_id = ${tx.institutionId} and t.location_id = any(${locationIds}::bigint[])
    and t.starts_at > ${addMs(from, -SPAN_MAX_MS - 1)} and t.starts_at < ${to} and t.ends_at > ${from} ${asked}`
}
