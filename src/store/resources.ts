/** What a booking needs to know and to lock: the location, its source's limits, the operatory, the provider, the patient. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { Instant, LocalDate } from '../model/time.ts'
import { countsProviders, type Policy } from '../scheduling/sharing.ts'
import type { SourceCapabilities } from './data-sources.ts'
import { type PolicyColumns, policyOf } from './policies.ts'

export interface BookingLocation {
  id: number
  name: string
  tz: string
  inactive: boolean
  data_source_id: number | null
  insert_appt_client: boolean
  map_by_operatory: boolean
  default_minutes: number | null
  outside_hours: 'allow' | 'refuse'
  promise_minutes_soon: number
  promise_minutes: number
  capabilities: SourceCapabilities | null
  source_name: string | null
  /** Now, by the database's clock and the test offset. */
  now: Instant
}

/** A location with what its data source can do; null where there is none. */
export async function findBookingLocation(tx: Tenant, id: number): Promise<BookingLocation | null> {
  const { rows } = await sql<BookingLocation>`
    select l.id, l.name, l.tz, l.inactive, l.data_source_id, l.insert_appt_client, l.map_by_operatory, l.default_minutes,
      l.outside_hours, l.promise_minutes_soon, l.promise_minutes, d.capabilities, d.name as source_name, app_now() as now
    from locations l left join data_sources d on d.institution_id = l.institution_id and d.id = l.data_source_id
    where l.institution_id = ${tx.institutionId} and l.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

export interface Wanted {
  locationId: number
  operatoryId: number | null
  providerId: number | null
}

/**
 * Locks what a booking takes, in a fixed order and in statements of their own, so that the check that follows sees every
 * booking that held the lock before. What is counted is locked exclusively, the rest shared: the whole location by a
 * block with neither operatory nor provider, else the operatory, and the provider where there is none or where providers are
 * counted wherever they are. Answers the policy as it stands while the location is locked: nobody changes it under a booking.
 * @param look its statement is sent right behind the last lock, and so runs with all of them held
 */
export async function lockResources<T>(
  tx: Tenant,
  wanted: Wanted,
  look: () => Promise<T>,
): Promise<{ policy: Policy; seen: T }> {
  const whole = wanted.operatoryId === null && wanted.providerId === null
  const location = sql`select overbooking, operatory_limit, provider_limit from locations
    where institution_id = ${tx.institutionId} and id = ${wanted.locationId}`
  // Sent in their order, and taken in it; only how the provider is locked hangs on an answer.
  const [{ rows }] = await Promise.all([
    (whole
      ? sql<PolicyColumns>`${location} for no key update`
      : sql<PolicyColumns>`${location} for share`
    ).execute(tx.db),
    wanted.operatoryId === null
      ? null
      : sql`select id from operatories where institution_id = ${tx.institutionId} and id = ${wanted.operatoryId}
          for no key update`.execute(tx.db),
  ])
  if (!rows[0]) throw new Error(`location ${wanted.locationId} is not there`)
  const policy = policyOf(rows[0])
  if (wanted.providerId === null) return { policy, seen: await look() }
  const provider = sql`select id from providers where institution_id = ${tx.institutionId} and id = ${wanted.providerId}`
  const isCounted = wanted.operatoryId === null || countsProviders(policy)
  const locked = (isCounted ? sql`${provider} for no key update` : sql`${provider} for share`).execute(tx.db)
  const [, seen] = await Promise.all([locked, look()])
  return { policy, seen }
}

export async function findBookingOperatory(
  tx: Tenant,
  id: number,
): Promise<{ id: number; name: string; location_id: number; active: boolean } | null> {
  const row = await tx.db
    .selectFrom('operatories')
    .select(['id', 'name', 'location_id', 'active'])
    .where('institution_id', '=', tx.institutionId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row ?? null
}

export async function findBookingProvider(
  tx: Tenant,
  id: number,
): Promise<{ id: number; display_name: string; inactive: boolean } | null> {
  const row = await tx.db
    .selectFrom('providers')
    .select(['id', 'display_name', 'inactive'])
    .where('institution_id', '=', tx.institutionId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row ?? null
}

/** A patient for booking: the survivor where this one was merged away. */
export async function findBookingPatient(
  tx: Tenant,
  id: number,
): Promise<{ id: number; foreign_id: string | null; data_source_id: number } | null> {
  const { rows } = await sql<{ id: number; foreign_id: string | null; data_source_id: number }>`
    select s.id, s.foreign_id, s.data_source_id
    from patients p join patients s on s.institution_id = p.institution_id
      and s.id = case when p.merged_into is null then p.id else survivor_of(p.id) end
    where p.institution_id = ${tx.institutionId} and p.id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** A type with its descriptors; null where there is none, or where it belongs to another location. */
export async function findBookingType(
  tx: Tenant,
  id: number,
  locationId: number,
): Promise<{ id: number; name: string; minutes: number; descriptor_ids: number[] } | null> {
  const { rows } = await sql<{ id: number; name: string; minutes: number; descriptor_ids: number[] }>`
    select t.id, t.name, t.minutes, array(select x.descriptor_id from appointment_type_descriptors x
      where x.institution_id = t.institution_id and x.appointment_type_id = t.id order by 1) as descriptor_ids
    from appointment_types t where t.institution_id = ${tx.institutionId} and t.id = ${id}
      and (t.location_id is null or t.location_id = ${locationId})`.execute(tx.db)
  return rows[0] ?? null
}

/** Which of these descriptor ids a location's record system knows. */
export async function listKnownDescriptors(tx: Tenant, locationId: number, ids: number[]): Promise<number[]> {
  const { rows } = await sql<{
    id: number
  }>`select id from descriptors where institution_id = ${tx.institutionId}
    and location_id = ${locationId} and id = any(${ids}::bigint[])`.execute(tx.db)
  return rows.map((row) => row.id)
}

/** An active working hour of a location, with the types it names. */
export interface HourRow {
  id: number
  provider_id: number
  operatory_id: number | null
  begin_time: string
  end_time: string
  days: string[]
  specific_date: LocalDate | null
  custom_recurrence: { num: number; unit: 'day' | 'week' | 'month'; ref: LocalDate } | null
  appointment_type_ids: number[]
}

/** All active working hours of a location. */
export async function listActiveHours(tx: Tenant, locationId: number): Promise<HourRow[]> {
  const { rows } = await sql<HourRow>`
    select h.id, h.provider_id, h.operatory_id, h.begin_time, h.end_time, h.days, h.specific_date, h.custom_recurrence,
      array(select t.appointment_type_id from working_hour_types t
        where t.institution_id = h.institution_id and t.working_hour_id = h.id order by 1) as appointment_type_ids
    from working_hours h where h.institution_id = ${tx.institutionId} and h.location_id = ${locationId} and h.active`.execute(
    tx.db,
  )
  return rows
}
