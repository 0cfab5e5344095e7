/** Working hours: the practice's own rules of when a provider can be booked, entered here or read from the record system. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { nameOfHour } from '../model/stored-ids.ts'
import type { LocalDate } from '../model/time.ts'
import type { AppointmentType } from '../model/wire-practice.ts'
import { countRows, type Page, type Placed, selectPage } from './page.ts'
import { keptNamed } from './stored-ids.ts'

const HOURS_MAX = 5000

export interface WorkingHourRow {
  id: number
  provider_id: number
  location_id: number
  operatory_id: number | null
  begin_time: string
  end_time: string
  days: string[]
  specific_date: LocalDate | null
  custom_recurrence: { num: number; unit: string; ref: LocalDate } | null
  /** Offset of the location's zone now, like `-0800`. */
  tz_offset: string
  active: boolean
  source: 'manual' | 'synced'
  label: { id: number; location_id: number | null; name: string } | null
  appointment_types: AppointmentType[]
}

const columns = sql`h.id, h.provider_id, h.location_id, h.operatory_id, h.begin_time, h.end_time, h.days, h.specific_date,
  h.custom_recurrence, h.active, h.source,
  (select (case when m < 0 then '-' else '+' end) || to_char(abs(m) / 60, 'FM00') || to_char(abs(m) % 60, 'FM00')
    from (select (extract(epoch from (app_now() at time zone l.tz) - (app_now() at time zone 'UTC')) / 60)::int as m) o
  ) as tz_offset,
  case when b.id is null then null
    else json_build_object('id', b.id, 'location_id', b.location_id, 'name', b.name) end as label,
  (select coalesce(json_agg(json_build_object('id', t.id, 'name', t.name,
      'parent_type', case when t.location_id is null then 'Institution' else 'Location' end,
      'parent_id', coalesce(t.location_id, t.institution_id), 'minutes', t.minutes,
      'bookable_online', t.bookable_online) order by t.id), '[]')
    from working_hour_types w join appointment_types t
      on t.institution_id = w.institution_id and t.id = w.appointment_type_id
    where w.institution_id = h.institution_id and w.working_hour_id = h.id) as appointment_types`
const from = sql`from working_hours h
  join locations l on l.institution_id = h.institution_id and l.id = h.location_id
  left join working_hour_labels b on b.institution_id = h.institution_id and b.id = h.label_id`

export interface WorkingHourFilter {
  ids?: number[] | undefined
  locationId?: number | undefined
  providerId?: number | undefined
  operatoryId?: number | undefined
  active?: boolean | undefined
  /** Leaves out single days that are over, by the location's calendar. */
  ignorePastDates?: boolean | undefined
  labelId?: number | undefined
  source?: 'manual' | 'synced' | undefined
}

function filtered(tx: Tenant, f: WorkingHourFilter) {
  return sql`where h.institution_id = ${tx.institutionId}
    and (${f.ids ?? null}::bigint[] is null or h.id = any(${f.ids ?? null}::bigint[]))
    and (${f.locationId ?? null}::bigint is null or h.location_id = ${f.locationId ?? null})
    and (${f.providerId ?? null}::bigint is null or h.provider_id = ${f.providerId ?? null})
    and (${f.operatoryId ?? null}::bigint is null or h.operatory_id = ${f.operatoryId ?? null})
    and (${f.active ?? null}::boolean is null or h.active = ${f.active ?? null})
    and (${f.ignorePastDates ?? false} is false or h.specific_date is null
      or h.specific_date >= (app_now() at time zone l.tz)::date)
    and (${f.labelId ?? null}::bigint is null or h.label_id = ${f.labelId ?? null})
    and (${f.source ?? null}::text is null or h.source = ${f.source ?? null})`
}

/** A page in the order of ids. */
export async function listWorkingHours(
  tx: Tenant,
  filter: WorkingHourFilter,
  page: Page,
): Promise<Placed<WorkingHourRow>[]> {
  const [id, where] = [sql`h.id`, filtered(tx, filter)]
  return await selectPage<WorkingHourRow>(tx, { columns, from, where, id, key: id, keyType: 'bigint' }, page)
}

export async function countWorkingHours(tx: Tenant, filter: WorkingHourFilter): Promise<number> {
  return await countRows(tx, { from, where: filtered(tx, filter) })
}

export async function findWorkingHour(tx: Tenant, id: number): Promise<WorkingHourRow | null> {
  const [row] = await listWorkingHours(tx, { ids: [id] }, { limit: 1, offset: 0 })
  return row ?? null
}

/** The active working hours of several providers, by provider. */
export async function hoursOfProviders(
  tx: Tenant,
  providerIds: number[],
): Promise<Map<number, WorkingHourRow[]>> {
  const { rows } = await sql<WorkingHourRow>`select ${columns} ${from}
    where h.institution_id = ${tx.institutionId} and h.active and h.provider_id = any(${providerIds}::bigint[])
    order by h.provider_id, h.id limit ${HOURS_MAX}`.execute(tx.db)
  const byProvider = new Map<number, WorkingHourRow[]>(providerIds.map((id) => [id, []]))
  for (const row of rows) byProvider.get(row.provider_id)?.push(row)
  return byProvider
}

/** What a working hour is made of, checked by `src/booking/working-hour.ts`. */
export interface WorkingHourFields {
  provider_id: number
  operatory_id: number | null
  begin_time: string
  end_time: string
  days: string[]
  specific_date: LocalDate | null
  custom_recurrence: { num: number; unit: string; ref: LocalDate } | null
  active: boolean
}

/** Inserts a working hour that was entered here, and answers its id. */
export async function insertWorkingHour(
  tx: Tenant,
  locationId: number,
  fields: WorkingHourFields,
): Promise<number> {
  const { custom_recurrence, ...rest } = fields
  const known = { locationId, knownAs: nameOfHour(fields) }
  const kept = (await keptNamed(tx, 'working_hour', [known]))(known)
  const row = await tx.db
    .insertInto('working_hours')
    .values({
      ...rest,
      ...(kept === null ? {} : { id: kept }),
      custom_recurrence: custom_recurrence === null ? null : JSON.stringify(custom_recurrence),
      institution_id: tx.institutionId,
      location_id: locationId,
      source: 'manual',
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return row.id
}

export async function updateWorkingHour(tx: Tenant, id: number, fields: WorkingHourFields): Promise<void> {
  const { custom_recurrence, ...rest } = fields
  await tx.db
    .updateTable('working_hours')
    .set({
      ...rest,
      custom_recurrence: custom_recurrence === null ? null : JSON.stringify(custom_recurrence),
      updated_at: sql<string>`app_now()`,
    })
    .where('institution_id', '=', tx.institutionId)
    .where('id', '=', id)
    .execute()
}

/** The types that a working hour names; nothing else of it changes. */
export async function replaceWorkingHourTypes(tx: Tenant, id: number, typeIds: number[]): Promise<void> {
  await sql`delete from working_hour_types
    where institution_id = ${tx.institutionId} and working_hour_id = ${id}`.execute(tx.db)
  await sql`insert into working_hour_types (institution_id, working_hour_id, appointment_type_id)
    select distinct ${tx.institutionId}::bigint, ${id}::bigint, t from unnest(${typeIds}::bigint[]) as t`.execute(
    tx.db,
  )
}

export async function deleteWorkingHour(tx: Tenant, id: number): Promise<void> {
  await sql`delete from working_hours where institution_id = ${tx.institutionId} and id = ${id}`.execute(
    tx.db,
  )
}
