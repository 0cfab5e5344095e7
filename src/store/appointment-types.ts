/** Appointment types: ours alone, never read from or written to a record system. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { AppointmentType } from '../model/wire-practice.ts'
import { refuseUnknownDescriptors } from './descriptors.ts'
import { keptNamed } from './stored-ids.ts'

const TYPES_MAX = 1000

export interface AppointmentTypeFields {
  name: string
  /** A multiple of five. */
  minutes: number
  bookable_online: boolean
  /** Null: of the whole institution. */
  location_id: number | null
}

const columns = sql`t.id, t.name, case when t.location_id is null then 'Institution' else 'Location' end as parent_type,
  coalesce(t.location_id, t.institution_id) as parent_id, t.minutes, t.bookable_online`

export interface TypeFilter {
  ids?: number[] | undefined
  /** Types of this location and those of the institution. */
  locationId?: number | undefined
}

function filtered(tx: Tenant, f: TypeFilter) {
  return sql`from appointment_types t where t.institution_id = ${tx.institutionId}
    and (${f.ids ?? null}::bigint[] is null or t.id = any(${f.ids ?? null}::bigint[]))
    and (${f.locationId ?? null}::bigint is null or t.location_id is null or t.location_id = ${f.locationId ?? null})`
}

/** Types in the order of their ids. */
export async function listAppointmentTypes(
  tx: Tenant,
  filter: TypeFilter,
  page: { limit: number; offset: number } = { limit: TYPES_MAX, offset: 0 },
): Promise<AppointmentType[]> {
  const { rows } = await sql<AppointmentType>`select ${columns} ${filtered(tx, filter)}
    order by t.id limit ${page.limit} offset ${page.offset}`.execute(tx.db)
  return rows
}

export async function countAppointmentTypes(tx: Tenant, filter: TypeFilter): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n ${filtered(tx, filter)}`.execute(tx.db)
  return rows[0]?.n ?? 0
}

/** Throws `not_found` where the institution has no such type. */
export async function getAppointmentType(tx: Tenant, id: number): Promise<AppointmentType> {
  const [row] = await listAppointmentTypes(tx, { ids: [id] })
  if (!row) throw new Failure('not_found', 'Appointment type not found')
  return row
}

/** Makes a type and answers its id. Throws `invalid_request` where the name is taken in its scope. */
export async function createAppointmentType(
  tx: Tenant,
  fields: AppointmentTypeFields,
  descriptorIds: number[],
): Promise<number> {
  refuseBad(fields)
  const known = { locationId: fields.location_id, knownAs: fields.name }
  const kept = (await keptNamed(tx, 'appointment_type', [known]))(known)
  const { rows } = await sql<{ id: number }>`
    insert into appointment_types (institution_id, id, location_id, name, minutes, bookable_online)
    values (${tx.institutionId}, coalesce(${kept}::bigint, nextval('appointment_type_ids')), ${fields.location_id}, ${fields.name}, ${fields.minutes}, ${fields.bookable_online})
    on conflict on constraint appointment_type_name_taken do nothing returning id`.execute(tx.db)
  const id = rows[0]?.id
  if (id === undefined) throw nameTaken()
  await replaceDescriptors(tx, id, descriptorIds)
  return id
}

/** Changes what is given; `descriptorIds` replaces the list. Throws `not_found`, or `invalid_request` naming what is wrong. */
export async function updateAppointmentType(
  tx: Tenant,
  id: number,
  change: { [K in keyof AppointmentTypeFields]?: AppointmentTypeFields[K] | undefined },
  descriptorIds: number[] | undefined,
): Promise<void> {
  refuseBad(change)
  await getAppointmentType(tx, id)
  if (await isNameTaken(tx, id, change)) throw nameTaken()
  await tx.db
    .updateTable('appointment_types')
    .set({ ...change, updated_at: sql<string>`app_now()` })
    .where('institution_id', '=', tx.institutionId)
    .where('id', '=', id)
    .execute()
  if (descriptorIds) await replaceDescriptors(tx, id, descriptorIds)
}

/** Deletes a type; working hours that named it name it no longer, appointments keep its number. */
export async function deleteAppointmentType(tx: Tenant, id: number): Promise<void> {
  await sql`delete from appointment_types where institution_id = ${tx.institutionId} and id = ${id}`.execute(
    tx.db,
  )
}

/** The types that the active working hours of each operatory name, by operatory. */
export async function typesOfOperatories(
  tx: Tenant,
  operatoryIds: number[],
): Promise<Map<number, AppointmentType[]>> {
  const { rows } = await sql<AppointmentType & { operatory_id: number }>`
    select distinct h.operatory_id, ${columns} from working_hours h
    join working_hour_types w on w.institution_id = h.institution_id and w.working_hour_id = h.id
    join appointment_types t on t.institution_id = w.institution_id and t.id = w.appointment_type_id
    where h.institution_id = ${tx.institutionId} and h.active and h.operatory_id = any(${operatoryIds}::bigint[])
    order by h.operatory_id, t.id`.execute(tx.db)
  const byOperatory = new Map<number, AppointmentType[]>(operatoryIds.map((id) => [id, []]))
  for (const { operatory_id: id, ...row } of rows) byOperatory.get(id)?.push(row)
  return byOperatory
}

async function replaceDescriptors(tx: Tenant, id: number, descriptorIds: number[]): Promise<void> {
  await refuseUnknownDescriptors(tx, descriptorIds, 'emr_appt_descriptor_ids')
  await sql`delete from appointment_type_descriptors
    where institution_id = ${tx.institutionId} and appointment_type_id = ${id}`.execute(tx.db)
  await sql`insert into appointment_type_descriptors (institution_id, appointment_type_id, descriptor_id)
    select distinct ${tx.institutionId}::bigint, ${id}::bigint, d from unnest(${descriptorIds}::bigint[]) as d`.execute(
    tx.db,
  )
}

async function isNameTaken(
  tx: Tenant,
  id: number,
  change: { name?: string | undefined; location_id?: number | null | undefined },
): Promise<boolean> {
  const moved = change.location_id !== undefined
  const { rows } = await sql`select 1 from appointment_types mine join appointment_types other
      on other.institution_id = mine.institution_id and other.id <> mine.id
    where mine.institution_id = ${tx.institutionId} and mine.id = ${id}
      and other.name = coalesce(${change.name ?? null}, mine.name)
      and other.location_id is not distinct from
        (case when ${moved} then ${change.location_id ?? null}::bigint else mine.location_id end)`.execute(
    tx.db,
  )
  return rows.length > 0
}

function refuseBad(fields: { minutes?: number | undefined }): void {
  const { minutes } = fields
  if (minutes !== undefined && !(minutes % 5 === 0 && minutes >= 5 && minutes <= 1440))
    throw new Failure('invalid_request', 'Parameter minutes must be a multiple of 5 from 5 to 1440')
}

function nameTaken(): Failure {
  return new Failure('invalid_request', 'Parameter name is taken by another appointment type')
}
