/** What takes time, kept beside the appointments it is derived from and read by everyone who asks for free time. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { addMs, type Instant } from '../model/time.ts'
import { SPAN_MAX_MS, type Span } from '../scheduling/conflicts.ts'

export interface BusyRow extends Span {
  appointment_id: number
}

/** Replaces what these appointments occupy. Called by `saveAppointments` only. */
export async function replaceBusy(tx: Tenant, appointmentIds: number[], spans: BusyRow[]): Promise<void> {
  await sql`delete from busy where institution_id = ${tx.institutionId} and appointment_id = any(${appointmentIds}::bigint[])`.execute(
    tx.db,
  )
  if (spans.length === 0) return
  await sql`
    insert into busy (institution_id, appointment_id, part, location_id, operatory_id, provider_id, unavailable, starts_at,
      ends_at)
    select ${tx.institutionId}::bigint, r.appointment_id, row_number() over (partition by r.appointment_id), r.location_id,
      r.operatory_id, r.provider_id, r.unavailable, r.start_time, r.end_time
    from jsonb_to_recordset(${JSON.stringify(spans)}::jsonb) as r(appointment_id bigint, location_id bigint,
      operatory_id bigint, provider_id bigint, unavailable boolean, start_time timestamptz, end_time timestamptz)`.execute(
    tx.db,
  )
}

/**
 * Everything of a location that overlaps `[from, to)`: one bounded scan, since no span is longer than 24 hours.
 * Whether a span is in the way is for `inTheWayOf` (src/scheduling) to say.
 */
export async function listBusy(
  tx: Tenant,
  locationId: number,
  from: Instant,
  to: Instant,
): Promise<BusyRow[]> {
  const { rows } = await sql<BusyRow>`
    select appointment_id, location_id, operatory_id, provider_id, unavailable, starts_at as start_time, ends_at as end_time
    from busy
    where institution_id = ${tx.institutionId} and location_id = ${locationId}
      and starts_at > ${addMs(from, -SPAN_MAX_MS - 1)} and starts_at < ${to} and ends_at > ${from}
    order by starts_at`.execute(tx.db)
  return rows
}
