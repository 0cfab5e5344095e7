/** Writes appointments: the one place that changes them. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { type AppointmentState, oldestEdit, shownOf } from '../model/appointment-state.ts'
import { occupiedBy } from '../scheduling/conflicts.ts'
import { among } from './among.ts'
import type { StoredAppointment } from './appointments.ts'
import { replaceBusy } from './busy.ts'
import { noteSaved } from './changes.ts'
import { inPieces } from './in-pieces.ts'
import { rowsOf } from './row-arrays.ts'

/** What is saved of an appointment: its layers, where it comes from, and what is shown of it. */
const COLUMNS = {
  id: 'bigint',
  data_source_id: 'bigint',
  booked_by_api_key_id: 'bigint',
  location_id: 'bigint',
  patient_id: 'bigint',
  provider_id: 'bigint',
  operatory_id: 'bigint',
  appointment_type_id: 'bigint',
  starts_at: 'timestamptz',
  ends_at: 'timestamptz',
  unavailable: 'boolean',
  confirmed: 'boolean',
  confirmed_at: 'timestamptz',
  cancelled: 'boolean',
  cancelled_at: 'timestamptz',
  checkin_at: 'timestamptz',
  checked_out: 'boolean',
  checked_out_at: 'timestamptz',
  patient_missed: 'boolean',
  note: 'text',
  referrer: 'text',
  is_guardian: 'boolean',
  is_new_clients_patient: 'boolean',
  sooner_if_possible: 'boolean',
  patient_confirmed: 'boolean',
  patient_confirmed_at: 'timestamptz',
  descriptor_ids: 'bigint[]',
  deleted: 'boolean',
  foreign_id: 'text',
  marker: 'text',
  insertion_write_id: 'bigint',
  draft: 'jsonb',
  mirror: 'jsonb',
  mirror_hash: 'text',
  mirror_seen_at: 'timestamptz',
  overlay: 'jsonb',
  edited_at: 'timestamptz',
  last_sync_time: 'timestamptz',
} as const

type Column = keyof typeof COLUMNS
const columns = Object.keys(COLUMNS) as Column[]
const columnNames = sql.raw(columns.join(', '))
/** These are what they were when the row was new. */
const lasting: Column[] = ['id', 'data_source_id', 'booked_by_api_key_id']
const columnsChanged = sql.raw(
  columns
    .filter((name) => !lasting.includes(name))
    .map((name) => `${name} = r.${name}`)
    .join(', '),
)

/**
 * Writes appointments and what they occupy, and notes what changed. The only statement of ours that changes them: what is
 * shown is computed here from the layers.
 */
export async function saveAppointments(tx: Tenant, appointments: StoredAppointment[]): Promise<void> {
  await inPieces(appointments, (piece) => savePiece(tx, piece))
}

async function savePiece(tx: Tenant, appointments: StoredAppointment[]): Promise<void> {
  const ids = appointments.map(({ id }) => id)
  const rows = appointments.map(columnsOf)
  const spans = appointments.flatMap((row) => {
    const own = { appointment_id: row.id, booked_by_us: row.booked_by_api_key_id !== null }
    return occupiedBy(row).map((span) => ({ ...span, ...own }))
  })
  const [before] = await Promise.all([upsertAppointments(tx, ids, rows), replaceBusy(tx, ids, spans)])
  const was = new Map(before.map((row) => [row.id, row]))
  for (const row of appointments) noteSaved(tx, row.id, was.get(row.id) ?? null, row)
}

function columnsOf(appointment: StoredAppointment): Record<Column, unknown> {
  const shown = shownOf(appointment)
  return {
    ...appointment,
    ...shown,
    starts_at: shown.start_time,
    ends_at: shown.end_time,
    edited_at: oldestEdit(appointment.overlay),
  }
}

/**
 * Answers the layers as they were; a new row is not among them. New rows are inserted without looking for a conflict: their
 * ids come from the sequence, and whoever changes a row has locked it.
 */
async function upsertAppointments(
  tx: Tenant,
  ids: number[],
  rows: Record<Column, unknown>[],
): Promise<(Pick<StoredAppointment, 'id'> & AppointmentState)[]> {
  const { rows: before } = await sql<Pick<StoredAppointment, 'id'> & AppointmentState>`
    with r as materialized (select * from ${rowsOf(COLUMNS, rows)} as r),
    was as (select id, draft, mirror, overlay from appointments
      where institution_id = ${tx.institutionId} and ${among(sql`id`, ids)}),
    made as (insert into appointments (institution_id, ${columnNames}, created_at, updated_at)
      select ${tx.institutionId}::bigint, ${columnNames}, (select app_now()), (select app_now())
      from r where id not in (select id from was)),
    changed as (update appointments a set ${columnsChanged}, updated_at = (select app_now())
      from r where a.institution_id = ${tx.institutionId} and ${among(sql`a.id`, ids)} and r.id = a.id)
    select id, draft, mirror, overlay from was`.execute(tx.db)
  return before
}
