/** Working hours, as shown with the provider they belong to. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import type { AppointmentType } from '../model/wire-practice.ts'

const HOURS_MAX = 5000

export interface WorkingHourRow {
  id: number
  provider_id: number
  location_id: number
  operatory_id: number | null
  begin_time: string
  end_time: string
  days: string[]
  specific_date: string | null
  custom_recurrence: { num: number; unit: string; ref: string } | null
  /** Offset of the location's zone now, like `-0800`. */
  tz_offset: string
  active: boolean
  source: 'manual' | 'synced'
  appointment_types: AppointmentType[]
}

/** The active working hours of several providers, by provider. */
export async function hoursOfProviders(
  tx: Tenant,
  providerIds: number[],
): Promise<Map<number, WorkingHourRow[]>> {
  const { rows } = await sql<WorkingHourRow>`
    select h.id, h.provider_id, h.location_id, h.operatory_id, h.begin_time, h.end_time, h.days, h.specific_date,
      h.custom_recurrence, h.active, h.source,
      to_char((app_now() at time zone l.tz) - (app_now() at time zone 'UTC'), 'SGHH24MI') as tz_offset,
      (select coalesce(json_agg(json_build_object('id', t.id, 'name', t.name,
          'parent_type', case when t.location_id is null then 'Institution' else 'Location' end,
          'parent_id', coalesce(t.location_id, t.institution_id), 'minutes', t.minutes,
          'bookable_online', t.bookable_online) order by t.id), '[]')
        from working_hour_types w join appointment_types t
          on t.institution_id = w.institution_id and t.id = w.appointment_type_id
        where w.institution_id = h.institution_id and w.working_hour_id = h.id) as appointment_types
    from working_hours h join locations l on l.institution_id = h.institution_id and l.id = h.location_id
    where h.institution_id = ${tx.institutionId} and h.active and h.provider_id = any(${providerIds}::bigint[])
    order by h.provider_id, h.id limit ${HOURS_MAX}`.execute(tx.db)
  const byProvider = new Map<number, WorkingHourRow[]>(providerIds.map((id) => [id, []]))
  for (const row of rows) byProvider.get(row.provider_id)?.push(row)
  return byProvider
}
