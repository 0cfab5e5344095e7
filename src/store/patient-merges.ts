/**
 * Patients that turn out to be one: merged by the practice, or taken for one by a person or by all three of name, birth
 * date and phone. The id that loses lives on as an alias of the survivor; what pointed at it points at the survivor.
 */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { lockAppointments, type StoredAppointment } from './appointments.ts'
import { notePatients } from './changes.ts'
import { savePullProgress } from './data-sources.ts'
import { saveAppointments } from './save-appointments.ts'
import { lockOpenWrites } from './writes.ts'

export interface Merge {
  id: number
  /** The direct survivor; null where the merge was undone. */
  into: number | null
  /** The direct survivor before. */
  was: number | null
}

/**
 * Sets the survivors that the practice names, once both are known here, for the patients with these foreign ids and for
 * those who were merged into them earlier.
 * @returns what changed by this
 */
export async function linkSurvivors(
  tx: Tenant,
  dataSourceId: number,
  foreignIds: string[],
): Promise<Merge[]> {
  const { rows } = await sql<Merge>`
    with named as (
      select p.id, p.merged_into as was, (select s.id from patients s where s.institution_id = p.institution_id
        and s.data_source_id = p.data_source_id and s.foreign_id = p.merged_foreign_id) as into
      from patients p where p.institution_id = ${tx.institutionId} and p.data_source_id = ${dataSourceId}
        and (p.foreign_id = any(${foreignIds}::text[]) or p.merged_foreign_id = any(${foreignIds}::text[])))
    update patients p set merged_into = n.into, updated_at = app_now() from named n
    where p.institution_id = ${tx.institutionId} and p.id = n.id and n.into is distinct from n.was
      and n.into is distinct from p.id
    returning p.id, n.into, n.was`.execute(tx.db)
  const of = (undone: boolean) => rows.filter(({ into }) => (into === null) === undone).map(({ id }) => id)
  notePatients(tx, 'patient_merged', of(false))
  notePatients(tx, 'patient_updated', of(true))
  return rows.sort((a, b) => a.id - b.id)
}

/**
 * Points appointments, procedures and guarantors at the survivors. Where a merge was undone everything is read again: the
 * practice alone knows whose each appointment is.
 */
export async function followMerges(tx: Tenant, dataSourceId: number, merges: Merge[]): Promise<void> {
  if (merges.length === 0) return
  const undone = merges.filter((merge) => merge.was !== null)
  if (undone.length > 0) {
    await savePullProgress(tx, dataSourceId, { read_again: true })
    for (const { was } of undone) if (was !== null) await giveBack(tx, was)
  }
  await moveTo(
    tx,
    merges.flatMap(({ id, into }) => (into === null ? [] : [id])),
  )
}

/**
 * Makes a placeholder the alias of a patient that the record system holds. Both are locked by the caller.
 */
export async function foldPatient(tx: Tenant, id: number, into: number): Promise<void> {
  await sql`update patients set merged_into = ${into}, updated_at = app_now()
    where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  notePatients(tx, 'patient_merged', [id])
  await moveTo(tx, [id])
}

/** Whom these ids mean now. */
export async function mapSurvivors(tx: Tenant, ids: number[]): Promise<Map<number, number>> {
  const { rows } = await sql<{ id: number; survivor: number }>`
    select id, survivor_of(id) as survivor from unnest(${ids}::bigint[]) as asked(id)`.execute(tx.db)
  return new Map(rows.map((row) => [row.id, row.survivor]))
}

/** Points everything of the merged patients at their survivors. */
async function moveTo(tx: Tenant, ids: number[]): Promise<void> {
  if (ids.length === 0) return
  const survivors = await mapSurvivors(tx, ids)
  for (const table of ['procedures', 'patients'] as const) {
    const column = sql.ref(table === 'patients' ? 'guarantor_id' : 'patient_id')
    await sql`update ${sql.table(table)} set ${column} = survivor_of(${column})
      where institution_id = ${tx.institutionId} and ${column} = any(${ids}::bigint[])`.execute(tx.db)
  }
  const rows = await lockAppointments(tx, await listAppointmentsOf(tx, ids))
  await repoint(tx, rows, (patientId) => survivors.get(patientId) ?? patientId)
}

/** Bookings that are not written yet go back to whom they were asked for, now that this one is no alias any more. */
async function giveBack(tx: Tenant, was: number): Promise<void> {
  const holder = (await mapSurvivors(tx, [was])).get(was) ?? was
  const rows = await lockAppointments(tx, await listAppointmentsOf(tx, [holder]))
  for (const row of rows) {
    if (row.mirror !== null) continue
    const insertion = (await lockOpenWrites(tx, row.id)).find(({ kind }) => kind === 'insert')
    const asked = insertion?.asked.patient_id
    if (typeof asked !== 'number') continue
    const whose = (await mapSurvivors(tx, [asked])).get(asked) ?? asked
    await repoint(tx, [row], () => whose)
  }
}

/** Ids of the appointments that are shown with one of these patients. */
export async function listAppointmentsOf(tx: Tenant, patientIds: number[]): Promise<number[]> {
  const { rows } = await sql<{
    id: number
  }>`select id from appointments where institution_id = ${tx.institutionId}
    and patient_id = any(${patientIds}::bigint[])`.execute(tx.db)
  return rows.map((row) => row.id)
}

/** Changes whose the appointments are, in every layer. */
async function repoint(
  tx: Tenant,
  rows: StoredAppointment[],
  whose: (patientId: number) => number,
): Promise<void> {
  const of = (id: number | null) => (id === null ? null : whose(id))
  for (const row of rows) {
    if (row.draft) row.draft = { ...row.draft, patient_id: of(row.draft.patient_id) }
    if (row.mirror) row.mirror = { ...row.mirror, patient_id: of(row.mirror.patient_id) }
  }
  await saveAppointments(tx, rows)
}
