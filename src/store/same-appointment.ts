/** Finding the appointment that a booking asks for once more. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant } from '../model/time.ts'

/** What makes a booking the same as another, as normalised when it was accepted. */
export interface SameBooking {
  /** Whoever booked: any key of this one's account. */
  apiKeyId: number
  locationId: number
  patientId: number
  providerId: number | null
  operatoryId: number | null
  start: Instant
  /** Null: whatever it is. */
  end: Instant | null
}

/**
 * The id of the live appointment of the same account with the same patient, provider, operatory, start and end; null where
 * there is none. Live is what is neither cancelled nor known not to be in effect: `failed` and `timed_out` are, an
 * `incomplete` insertion stands.
 */
export async function findSameAppointment(tx: Tenant, same: SameBooking): Promise<number | null> {
  const { rows } = await sql<{ id: number }>`
    select a.id from appointments a
    join api_keys asking on asking.id = ${same.apiKeyId}
    join api_keys booking on booking.id = a.booked_by_api_key_id and booking.account_id = asking.account_id
    left join writes w on w.institution_id = a.institution_id and w.id = a.insertion_write_id
    where a.institution_id = ${tx.institutionId} and a.patient_id = ${same.patientId} and a.starts_at = ${same.start}
      and (${same.end}::timestamptz is null or a.ends_at = ${same.end}) and a.location_id = ${same.locationId}
      and a.provider_id is not distinct from ${same.providerId}::bigint
      and a.operatory_id is not distinct from ${same.operatoryId}::bigint
      and not a.cancelled and not a.deleted and not a.unavailable
      and (w.state is null or w.state not in ('failed', 'timed_out'))
    order by a.id limit 1`.execute(tx.db)
  return rows[0]?.id ?? null
}
