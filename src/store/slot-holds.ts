/** Holds: time set aside for minutes, for whoever is about to book it. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

export interface SlotHold {
  id: number
  api_key_id: number
  location_id: number
  provider_id: number
  operatory_id: number | null
  appointment_type_id: number | null
  start_time: Instant
  end_time: Instant
  expires_at: Instant
  created_at: Instant
  /** Whether it still counts. */
  live: boolean
}

const columns = sql`id, api_key_id, location_id, provider_id, operatory_id, appointment_type_id, starts_at as start_time,
  ends_at as end_time, expires_at, created_at, expires_at > app_now() as live`

/** Locks a key against holding from two sides at once, so that its cap can be counted. */
export async function lockHolder(tx: Tenant, apiKeyId: number): Promise<void> {
  await sql`select id from api_keys where id = ${apiKeyId} for no key update`.execute(tx.db)
}

/** How many holds of a key count, in all of its institutions. */
export async function countLiveHolds(tx: Tenant, apiKeyId: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`select live_holds(${apiKeyId}) as n`.execute(tx.db)
  return rows[0]?.n ?? 0
}

/** Removes the key's holds that have run out. */
export async function forgetExpiredHolds(tx: Tenant, apiKeyId: number): Promise<void> {
  await sql`delete from slot_holds where institution_id = ${tx.institutionId} and api_key_id = ${apiKeyId}
    and expires_at <= app_now()`.execute(tx.db)
}

/** Holds `[start, end)` for some minutes from now. */
export async function insertHold(
  tx: Tenant,
  hold: {
    apiKeyId: number
    locationId: number
    providerId: number
    operatoryId: number | null
    appointmentTypeId: number | null
    start: Instant
    end: Instant
    minutes: number
  },
): Promise<SlotHold> {
  const { rows } = await sql<SlotHold>`
    insert into slot_holds (institution_id, api_key_id, location_id, provider_id, operatory_id, appointment_type_id,
      starts_at, ends_at, expires_at)
    values (${tx.institutionId}, ${hold.apiKeyId}, ${hold.locationId}, ${hold.providerId}, ${hold.operatoryId},
      ${hold.appointmentTypeId}, ${hold.start}, ${hold.end}, app_now() + ${hold.minutes}::int * interval '1 minute')
    returning ${columns}`.execute(tx.db)
  const [row] = rows
  if (!row) throw new Error('a hold was not inserted')
  return row
}

/** One hold, locked until the transaction ends; null where there is none. */
export async function lockHold(tx: Tenant, id: number): Promise<SlotHold | null> {
  const { rows } = await sql<SlotHold>`select ${columns} from slot_holds
    where institution_id = ${tx.institutionId} and id = ${id} for update`.execute(tx.db)
  return rows[0] ?? null
}

export async function deleteHold(tx: Tenant, id: number): Promise<void> {
  await sql`delete from slot_holds where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
}
