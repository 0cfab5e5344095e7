/** What slots are made from: locations with their rules, and their working hours. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { LocalDate } from '../model/time.ts'
import type { PolicyColumns } from './policies.ts'

/** A location with what shapes its slots. */
export interface SlotLocation extends PolicyColumns {
  id: number
  name: string
  tz: string
  inactive: boolean
  map_by_operatory: boolean
  min_notice_minutes: number
  buffer_minutes: number
  /** Starts lie on multiples of this past the local hour. */
  grain_minutes: number
  /** Whether bookings are taken there at all. */
  takes_bookings: boolean
  /** Now, by the database's clock and the test offset; epoch ms. */
  now: number
}

/** A working hour with what decides whether it counts. */
export interface HourForSlots {
  id: number
  location_id: number
  provider_id: number
  operatory_id: number | null
  begin_time: string
  end_time: string
  days: string[]
  specific_date: LocalDate | null
  custom_recurrence: { num: number; unit: 'day' | 'week' | 'month'; ref: LocalDate } | null
  label_id: number | null
  active: boolean
  source: 'manual' | 'synced'
  appointment_type_ids: number[]
  provider_inactive: boolean
  operatory_inactive: boolean
}

/** A group with more working hours at once would be no practice. */
const HOURS_MAX = 20_000

/**
 * Locations, and their working hours in the order of their ids, in one statement: slots are asked for more often than
 * anything else. Inactive hours too where `all` says so.
 */
export async function readSlotRules(
  tx: Tenant,
  filter: { locationIds: number[]; providerIds: number[] | null; all?: boolean },
): Promise<{ locations: SlotLocation[]; hours: HourForSlots[] }> {
  const locations = sql`
    select l.id, l.name, l.tz, l.inactive, l.map_by_operatory, l.min_notice_minutes, l.buffer_minutes,
      l.overbooking, l.operatory_limit, l.provider_limit,
      coalesce((d.capabilities -> 'limits' ->> 'grainMinutes')::int, 1) as grain_minutes,
      l.insert_appt_client and d.id is not null
        and coalesce((d.capabilities -> 'writes' ->> 'insert')::boolean, true) as takes_bookings,
      round(date_part('epoch', app_now()) * 1000) as now
    from locations l left join data_sources d on d.institution_id = l.institution_id and d.id = l.data_source_id
    where l.institution_id = ${tx.institutionId} and l.id = any(${filter.locationIds}::bigint[])`
  const hours = sql`
    select h.id, h.location_id, h.provider_id, h.operatory_id, h.begin_time, h.end_time, h.days, h.specific_date,
      h.custom_recurrence, h.label_id, h.active, h.source,
      array(select t.appointment_type_id from working_hour_types t
        where t.institution_id = h.institution_id and t.working_hour_id = h.id order by 1) as appointment_type_ids,
      p.inactive as provider_inactive, coalesce(not o.active, false) as operatory_inactive
    from working_hours h
    join providers p on p.institution_id = h.institution_id and p.id = h.provider_id
    left join operatories o on o.institution_id = h.institution_id and o.id = h.operatory_id
    where h.institution_id = ${tx.institutionId} and h.location_id = any(${filter.locationIds}::bigint[])
      and (${filter.providerIds}::bigint[] is null or h.provider_id = any(${filter.providerIds}))
      and (h.active or ${filter.all ?? false})
    order by h.id limit ${HOURS_MAX}`
  const { rows } = await sql<{ locations: SlotLocation[]; hours: HourForSlots[] }>`select
    (select coalesce(json_agg(l), '[]') from (${locations}) l) as locations,
    (select coalesce(json_agg(h), '[]') from (${hours}) h) as hours`.execute(tx.db)
  return rows[0] ?? { locations: [], hours: [] }
}

/** Which of these are providers, or operatories, of the institution. */
export async function listKnownResources(
  tx: Tenant,
  ids: { providerIds: number[]; operatoryIds: number[] },
): Promise<{ providers: number[]; operatories: number[] }> {
  const { rows } = await sql<{ providers: number[]; operatories: number[] }>`select
    array(select id from providers where institution_id = ${tx.institutionId} and id = any(${ids.providerIds}::bigint[])) as providers,
    array(select id from operatories where institution_id = ${tx.institutionId}
      and id = any(${ids.operatoryIds}::bigint[])) as operatories`.execute(tx.db)
  return rows[0] ?? { providers: [], operatories: [] }
}
