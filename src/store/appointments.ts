/** Appointments: read as shown, locked as stored; `save-appointments.ts` writes them. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { RecordText } from '../db/record-text.ts'
import type { ShownAppointment } from '../model/appointment.ts'
import type { AppointmentState, Draft, Mirror, Overlay } from '../model/appointment-state.ts'
import type { Instant } from '../model/time.ts'
import { among } from './among.ts'
import { inPieces } from './in-pieces.ts'

/** An appointment with its layers, as the store keeps it. */
export interface StoredAppointment extends AppointmentState {
  id: number
  data_source_id: number
  foreign_id: string | null
  marker: string | null
  booked_by_api_key_id: number | null
  insertion_write_id: number | null
  mirror_hash: string | null
  mirror_seen_at: Instant | null
  last_sync_time: Instant | null
}

const stored = sql`id, data_source_id, foreign_id, marker, booked_by_api_key_id, insertion_write_id, draft, mirror,
  mirror_hash, mirror_seen_at, overlay, last_sync_time`

/** Fresh appointment ids, in order. */
export async function nextAppointmentIds(tx: Tenant, count: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select nextval('appointment_ids') as id from generate_series(1, ${count}::int)`.execute(tx.db)
  return rows.map((row) => row.id)
}

/** Locks appointments for a change, in the order of their ids, so that two changers never wait for each other in a ring. */
export async function lockAppointments(tx: Tenant, ids: number[]): Promise<StoredAppointment[]> {
  const { rows } = await sql<
    StoredAppointment & { draft: Draft | null; mirror: Mirror | null; overlay: Overlay }
  >`
    select ${stored} from appointments where institution_id = ${tx.institutionId} and ${among(sql`id`, ids)}
    order by id for no key update`.execute(tx.db)
  return rows
}

/** What the merge compares before it locks anything: rows of a data source by foreign id or by our marker. */
export async function findMirrored(
  tx: Tenant,
  dataSourceId: number,
  foreignIds: string[],
  markers: string[],
): Promise<Pick<StoredAppointment, 'id' | 'foreign_id' | 'marker' | 'mirror_hash' | 'mirror_seen_at'>[]> {
  const { rows } = await sql<
    Pick<StoredAppointment, 'id' | 'foreign_id' | 'marker' | 'mirror_hash' | 'mirror_seen_at'>
  >`
    select id, foreign_id, marker, mirror_hash, mirror_seen_at from appointments
    where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId} and foreign_id = any(${foreignIds}::text[])
    union all
    select id, foreign_id, marker, mirror_hash, mirror_seen_at from appointments
    where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId} and marker = any(${markers}::text[])
      and foreign_id is null`.execute(tx.db)
  return rows
}

/** Our ids of appointments by their foreign ids. */
export async function mapAppointments(
  tx: Tenant,
  dataSourceId: number,
  foreignIds: string[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ foreign_id: string; id: number }>`
    select foreign_id, id from appointments where institution_id = ${tx.institutionId}
      and data_source_id = ${dataSourceId} and foreign_id = any(${foreignIds}::text[])`.execute(tx.db)
  return new Map(rows.map((row) => [row.foreign_id, row.id]))
}

/** Those of the markers that an appointment of the data source bears already. */
export async function listMarkersHeld(
  tx: Tenant,
  dataSourceId: number,
  markers: string[],
): Promise<string[]> {
  const { rows } = await sql<{ marker: string }>`
    select marker from appointments where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
      and marker = any(${markers}::text[])`.execute(tx.db)
  return rows.map((row) => row.marker)
}

/** Mirrored rows that start within `[from, to)`, are not gone, and were last seen before `before`. */
export async function listUnseen(
  tx: Tenant,
  dataSourceId: number,
  from: Instant,
  to: Instant,
  before: Instant,
): Promise<{ id: number; foreign_id: string }[]> {
  const { rows } = await sql<{ id: number; foreign_id: string }>`
    select id, foreign_id from appointments a
    where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId} and foreign_id is not null
      and starts_at >= ${from} and starts_at < ${to} and not deleted and mirror_seen_at < ${before}
      and not exists (select from writes w where w.institution_id = a.institution_id and w.appointment_id = a.id
        and w.state in ('sending', 'unknown'))`.execute(tx.db)
  return rows
}

/** Ids of appointments of a data source that bear local edits made before an instant. */
export async function listEdited(tx: Tenant, dataSourceId: number, before: Instant): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from appointments where institution_id = ${tx.institutionId} and data_source_id = ${dataSourceId}
      and edited_at is not null and edited_at < ${before} order by id`.execute(tx.db)
  return rows.map((row) => row.id)
}

export interface AppointmentFilter {
  /** Windows on the start: `start <= starts_at < end`. */
  start: Instant
  end: Instant
  locationId?: number | undefined
  foreignId?: string | undefined
  cancelled?: boolean | undefined
  unavailable?: boolean | undefined
  nexOnly?: boolean | undefined
  updatedSince?: Instant | undefined
  appointmentTypeId?: number | undefined
  createdBy?: number | undefined
  providerIds?: number[] | undefined
  operatoryIds?: number[] | undefined
  patientIds?: number[] | undefined
}

export interface AppointmentPaging {
  limit: number
  /** v2 pages; null with cursors. */
  offset: number
  sort: 'start_time' | 'updated_at' | '-updated_at'
  /** Rows beyond this (value of the sort key, id), or before it. */
  after?: [Instant, number] | undefined
  before?: [Instant, number] | undefined
}

/**
 * What has no comma in its text comes as one text of PostgreSQL's record form, `(17,,t,"2026-12-07 19:00:00+00")`: a page has
 * thousands of values, and to read each as a column of its own took a third of the server's time for a list. `show` reads
 * them in this order.
 */
const shownColumns = sql`
  row(a.id, a.patient_id, a.provider_id, a.starts_at, a.ends_at, a.confirmed, a.confirmed_at, a.patient_confirmed,
    a.patient_confirmed_at, a.patient_missed, a.cancelled, a.cancelled_at, a.checkin_at, a.checked_out, a.checked_out_at,
    a.created_at, a.updated_at, a.unavailable, a.institution_id, a.location_id, a.operatory_id, a.appointment_type_id,
    a.last_sync_time, a.booked_by_api_key_id, a.is_guardian, a.is_new_clients_patient,
    a.patient_id is not null and exists (select from appointments past where past.institution_id = a.institution_id
      and past.patient_id = a.patient_id and past.starts_at < least(a.starts_at, (select app_now()))
      and not past.cancelled and not past.unavailable),
    a.sooner_if_possible, a.deleted,
    (date_part('epoch', (a.starts_at at time zone l.tz) - (a.starts_at at time zone 'UTC')) / 60)::int)::text as plain,
  p.display_name as provider_name, a.note, l.tz as timezone, a.foreign_id,
  case when a.foreign_id is null then 'Nex-DataSource-0' else d.foreign_id_type end as foreign_id_type,
  a.referrer, a.descriptor_ids,
  case when w.id is null then null else jsonb_build_object('status', w.state, 'code', w.code, 'message', w.message,
    'retriable', w.retriable, 'attempts', w.attempts, 'alternatives', w.alternatives,
    'candidates', case w.state when 'needs_decision' then w.candidates end) end as insertion`

const shownFrom = sql`
  from appointments a
  join locations l on l.institution_id = a.institution_id and l.id = a.location_id
  join data_sources d on d.institution_id = a.institution_id and d.id = a.data_source_id
  left join providers p on p.institution_id = a.institution_id and p.id = a.provider_id
  left join writes w on w.institution_id = a.institution_id and w.id = a.insertion_write_id`

interface ShownRow
  extends Pick<
    ShownAppointment,
    | 'provider_name'
    | 'note'
    | 'timezone'
    | 'foreign_id'
    | 'foreign_id_type'
    | 'referrer'
    | 'descriptor_ids'
    | 'insertion'
  > {
  plain: string
}

function show(row: ShownRow): ShownAppointment {
  const record = new RecordText(row.plain)
  const shown: ShownAppointment = {
    id: record.number(),
    patient_id: record.numberOrNull(),
    provider_id: record.numberOrNull(),
    start_time: record.instant(),
    end_time: record.instant(),
    confirmed: record.flag(),
    confirmed_at: record.instantOrNull(),
    patient_confirmed: record.flag(),
    patient_confirmed_at: record.instantOrNull(),
    patient_missed: record.flag(),
    cancelled: record.flag(),
    cancelled_at: record.instantOrNull(),
    checkin_at: record.instantOrNull(),
    checked_out: record.flag(),
    checked_out_at: record.instantOrNull(),
    created_at: record.instant(),
    updated_at: record.instant(),
    unavailable: record.flag(),
    institution_id: record.number(),
    location_id: record.number(),
    operatory_id: record.numberOrNull(),
    appointment_type_id: record.numberOrNull(),
    last_sync_time: record.instantOrNull(),
    created_by_user_id: record.numberOrNull(),
    is_guardian: record.flag(),
    is_new_clients_patient: record.flag(),
    is_past_patient: record.flag(),
    sooner_if_possible: record.flag(),
    deleted: record.flag(),
    timezone_offset: offsetText(record.number()),
    provider_name: row.provider_name,
    note: row.note,
    timezone: row.timezone,
    foreign_id: row.foreign_id,
    foreign_id_type: row.foreign_id_type,
    referrer: row.referrer,
    descriptor_ids: row.descriptor_ids,
    insertion: row.insertion,
    misc: {},
  }
  const bookedBy = shown.created_by_user_id
  if (bookedBy !== null) shown.misc = { is_booked_on_nexhealth: true, booked_by_api_user_id: bookedBy }
  return shown
}

/** `-4:00` */
function offsetText(minutes: number): string {
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${Math.floor(size / 60)}:${String(size % 60).padStart(2, '0')}`
}

/** One appointment as shown, deleted ones included; null where there is none. */
export async function findAppointment(tx: Tenant, id: number): Promise<ShownAppointment | null> {
  const [row] = await showAppointments(tx, [id])
  return row ?? null
}

/** Appointments as shown, in the order of their ids. */
export async function showAppointments(tx: Tenant, ids: number[]): Promise<ShownAppointment[]> {
  const inOrder = [...new Set(ids)].sort((a, b) => a - b)
  const pieces = await inPieces(inOrder, async (piece) => {
    const { rows } = await sql<ShownRow>`select ${shownColumns} ${shownFrom}
      where a.institution_id = ${tx.institutionId} and ${among(sql`a.id`, piece)} order by a.id`.execute(
      tx.db,
    )
    return rows.map(show)
  })
  return pieces.flat()
}

/**
 * The conditions that a filter states, and no others: PostgreSQL plans a prepared statement once for all values, and for
 * conditions that may be void it would read and sort the whole window for each page.
 */
export function filtered(tx: Tenant, f: AppointmentFilter) {
  const conditions = [
    sql`a.institution_id = ${tx.institutionId} and not a.deleted and a.starts_at >= ${f.start} and a.starts_at < ${f.end}`,
  ]
  if (f.locationId !== undefined) conditions.push(sql`a.location_id = ${f.locationId}`)
  if (f.foreignId !== undefined) conditions.push(sql`a.foreign_id = ${f.foreignId}`)
  if (f.cancelled !== undefined) conditions.push(sql`a.cancelled = ${f.cancelled}`)
  if (f.unavailable !== undefined) conditions.push(sql`a.unavailable = ${f.unavailable}`)
  if (f.nexOnly) conditions.push(sql`a.booked_by_api_key_id is not null`)
  if (f.updatedSince !== undefined) conditions.push(sql`a.updated_at >= ${f.updatedSince}`)
  if (f.appointmentTypeId !== undefined) conditions.push(sql`a.appointment_type_id = ${f.appointmentTypeId}`)
  if (f.createdBy !== undefined) conditions.push(sql`a.booked_by_api_key_id = ${f.createdBy}`)
  if (f.providerIds !== undefined) conditions.push(sql`a.provider_id = any(${f.providerIds}::bigint[])`)
  if (f.operatoryIds !== undefined) conditions.push(sql`a.operatory_id = any(${f.operatoryIds}::bigint[])`)
  if (f.patientIds !== undefined)
    conditions.push(sql`a.patient_id = any(
      array(select survivor_of(id) from unnest(${f.patientIds}::bigint[]) as asked(id)))`)
  return sql`where ${sql.join(conditions, sql` and `)}`
}

/** A page of appointments as shown. Deleted ones are left out. */
export async function listAppointments(
  tx: Tenant,
  filter: AppointmentFilter,
  paging: AppointmentPaging,
): Promise<ShownAppointment[]> {
  const key = paging.sort === 'start_time' ? sql`a.starts_at` : sql`a.updated_at`
  const downward = paging.sort === '-updated_at'
  const cursor = paging.after ?? paging.before
  const forward = !paging.before
  // A page before a cursor is read backwards from it and turned round.
  const ascending = downward !== forward
  const beyond = cursor
    ? sql`and (${key}, a.id) ${ascending ? sql`>` : sql`<`} (${cursor[0]}::timestamptz, ${cursor[1]}::bigint)`
    : sql``
  const order = ascending ? sql`order by ${key}, a.id` : sql`order by ${key} desc, a.id desc`
  const { rows } = await sql<ShownRow>`select ${shownColumns} ${shownFrom} ${filtered(tx, filter)} ${beyond}
    ${order} limit ${paging.limit} offset ${paging.offset}`.execute(tx.db)
  const page = rows.map(show)
  return forward ? page : page.reverse()
}

/** How many appointments a filter finds. */
export async function countAppointments(tx: Tenant, filter: AppointmentFilter): Promise<number> {
  const { rows } = await sql<{
    n: number
  }>`select count(*) as n from appointments a ${filtered(tx, filter)}`.execute(tx.db)
  return rows[0]?.n ?? 0
}
