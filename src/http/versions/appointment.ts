/** Appointments in v2's shape: v3's fields and everything that the older object carries (decision 26). */
import type { Tenant } from '../../db/database.ts'
import type { ShownAppointment } from '../../model/appointment.ts'
import { type AppointmentV2, toAppointmentV3 } from '../../model/wire-appointment.ts'
import { type ShownPatient, toPerson } from '../../model/wire-people.ts'
import type { AppointmentType, Descriptor } from '../../model/wire-practice.ts'
import type { Procedure } from '../../model/wire-procedure.ts'
import { listAppointmentTypes } from '../../store/appointment-types.ts'
import { listDescriptors } from '../../store/descriptors.ts'
import { listOperatories, type OperatoryRow } from '../../store/operatories.ts'
import { showPatients } from '../../store/patients.ts'
import { listProcedures } from '../../store/procedures.ts'

/** Patient, procedures, descriptors and booking details always stand in v2; these are added. */
export const APPOINTMENT_INCLUDES = [
  'patient',
  'guarantor',
  'operatory',
  'appointment_type',
  'procedures',
  'descriptors',
  'booking_details',
] as const
export type AppointmentInclude = (typeof APPOINTMENT_INCLUDES)[number]

/** More procedures than this for one page of appointments are not shown with them. */
const PROCEDURES_MAX = 5000

interface Parts {
  patients: Map<number, ShownPatient>
  descriptors: Map<number, Descriptor>
  procedures: Map<number | null, Procedure[]>
  operatories: Map<number, OperatoryRow> | null
  types: Map<number, AppointmentType> | null
  withGuarantor: boolean
}

/** The v2 shapes of a page of appointments, with one statement for each kind of thing that stands in them. */
export async function showAppointmentsV2(
  tx: Tenant,
  rows: ShownAppointment[],
  includes: ReadonlySet<AppointmentInclude>,
): Promise<AppointmentV2[]> {
  const withGuarantor = includes.has('guarantor')
  const parts: Parts = {
    patients: await patientsOf(tx, rows, withGuarantor),
    descriptors: byId(await someDescriptors(tx, rows)),
    procedures: await proceduresOf(tx, rows),
    operatories: includes.has('operatory') ? byId(await operatoriesOf(tx, rows)) : null,
    types: includes.has('appointment_type') ? byId(await typesOf(tx, rows)) : null,
    withGuarantor,
  }
  return rows.map((row) => showOne(row, parts))
}

function showOne(row: ShownAppointment, parts: Parts): AppointmentV2 {
  const descriptors = row.descriptor_ids.flatMap((id) => parts.descriptors.get(id) ?? [])
  return {
    ...toAppointmentV3(row),
    deleted: row.deleted,
    patient: showPatient(row.patient_id, parts),
    ...(parts.operatories && { operatory: parts.operatories.get(row.operatory_id ?? 0) ?? null }),
    ...(parts.types && { appointment_type: parts.types.get(row.appointment_type_id ?? 0) ?? null }),
    procedures: parts.procedures.get(row.id) ?? [],
    descriptors,
    booking_details: null,
  }
}

function showPatient(id: number | null, parts: Parts): AppointmentV2['patient'] {
  const patient = id === null ? undefined : parts.patients.get(id)
  if (!patient) return null
  if (!parts.withGuarantor) return toPerson(patient)
  const guarantor = patient.guarantor_id === null ? undefined : parts.patients.get(patient.guarantor_id)
  return { ...toPerson(patient), guarantor: guarantor ? toPerson(guarantor) : null }
}

async function patientsOf(tx: Tenant, rows: ShownAppointment[], withGuarantor: boolean) {
  const patients = byId(await showPatients(tx, given(rows.map((row) => row.patient_id))))
  if (!withGuarantor) return patients
  const guarantors = given([...patients.values()].map((patient) => patient.guarantor_id))
  for (const guarantor of await showPatients(tx, guarantors)) patients.set(guarantor.id, guarantor)
  return patients
}

async function someDescriptors(tx: Tenant, rows: ShownAppointment[]): Promise<Descriptor[]> {
  const ids = given(rows.flatMap((row) => row.descriptor_ids))
  return ids.length > 0 ? await listDescriptors(tx, { ids }) : []
}

async function proceduresOf(tx: Tenant, rows: ShownAppointment[]) {
  const filter = { appointmentIds: rows.map((row) => row.id) }
  const found = rows.length > 0 ? await listProcedures(tx, filter, { limit: PROCEDURES_MAX, offset: 0 }) : []
  return Map.groupBy<number | null, Procedure>(found, (procedure) => procedure.appointment_id)
}

async function operatoriesOf(tx: Tenant, rows: ShownAppointment[]) {
  const ids = given(rows.map((row) => row.operatory_id))
  return await listOperatories(tx, { ids }, { limit: ids.length, offset: 0 })
}

async function typesOf(tx: Tenant, rows: ShownAppointment[]) {
  return await listAppointmentTypes(tx, { ids: given(rows.map((row) => row.appointment_type_id)) })
}

function byId<Row extends { id: number }>(rows: Row[]): Map<number, Row> {
  return new Map(rows.map((row) => [row.id, row]))
}

function given(ids: (number | null)[]): number[] {
  return [...new Set(ids.filter((id) => id !== null))]
}
