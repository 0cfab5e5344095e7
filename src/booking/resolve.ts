/**
 * What a person decides of an insertion that waits to be told who its patient is: a patient whom the record system holds, a
 * new one, or neither. What is decided of a patient holds for every write of that patient that waits. And of a write that
 * crashed its workers: to go on with it, or to give it up.
 */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import type { WriteResolution } from '../model/wire-sync.ts'
import { isRetriable } from '../model/writes.ts'
import { lockAppointments } from '../store/appointments.ts'
import { resolveCrashed } from '../store/crashed-writes.ts'
import { now } from '../store/data-sources.ts'
import { foldPatient, listAppointmentsOf } from '../store/patient-merges.ts'
import { findPatientOf, lockPatients, markSurelyNew } from '../store/patients-mirror.ts'
import { findBookingPatient } from '../store/resources.ts'
import { saveAppointments } from '../store/save-appointments.ts'
import { endWrite, findWriteAppointment, lockOpenWrites, releaseDecided } from '../store/writes.ts'

/**
 * Resolves a write. Answers the appointments whose writes go on, or that ended by this.
 * Throws `not_found` for an unknown write or patient, `invalid_request` where nothing is to be decided, or not so.
 */
export async function resolveWrite(tx: Tenant, writeId: number, said: WriteResolution): Promise<number[]> {
  const { patient_id, create_new, retry, give_up } = said
  const ways = [patient_id, create_new, retry, give_up].filter((way) => way !== undefined)
  if (ways.length !== 1)
    throw new Failure('invalid_request', 'Give exactly one of patient_id, create_new, retry and give_up')
  const appointmentId = await findWriteAppointment(tx, writeId)
  if (appointmentId === null) throw new Failure('not_found', 'Write not found')
  if ((retry || give_up) && (await isCrashed(tx, appointmentId, writeId))) {
    await resolveCrashed(tx, writeId, retry ? 'retry' : 'give_up')
    return [appointmentId]
  }
  if (retry)
    throw new Failure('invalid_request', 'This write did not crash its workers: nothing is to be tried again')
  const patientId = await findPatientOf(tx, appointmentId)
  const chosen = said.patient_id === undefined ? null : await findChosen(tx, said.patient_id)
  await lockPatients(tx, [patientId, chosen?.id ?? null])
  const rows = await lockAppointments(tx, await listAppointmentsOf(tx, patientId === null ? [] : [patientId]))
  const row = rows.find(({ id }) => id === appointmentId)
  const write = (await lockOpenWrites(tx, appointmentId)).find(({ id }) => id === writeId)
  const waits = write?.state === 'needs_decision' && write.code === 'patient_ambiguous'
  if (!row || !write || !waits || patientId === null || row.draft?.patient_id !== patientId)
    throw new Failure('invalid_request', 'This write does not wait to be told who its patient is')
  if (said.give_up) {
    await giveUp(tx, appointmentId)
    return [appointmentId]
  }
  if (chosen && chosen.data_source_id !== row.data_source_id)
    throw new Failure('invalid_request', 'This patient belongs to another health record system.')
  if (chosen && (await findBookingPatient(tx, patientId))?.foreign_id)
    throw new Failure(
      'invalid_request',
      'The health record system holds this very patient by now: give create_new.',
    )
  const waiting = await releaseDecided(tx, patientId)
  if (chosen) await foldPatient(tx, patientId, chosen.id)
  else await markSurelyNew(tx, patientId)
  return waiting
}

/** Locks the appointment and its writes, in the order in which everybody does. */
async function isCrashed(tx: Tenant, appointmentId: number, writeId: number): Promise<boolean> {
  await lockPatients(tx, [await findPatientOf(tx, appointmentId)])
  await lockAppointments(tx, [appointmentId])
  const write = (await lockOpenWrites(tx, appointmentId)).find(({ id }) => id === writeId)
  return write?.state === 'needs_decision' && write.code === 'crashed_repeatedly'
}

async function findChosen(tx: Tenant, id: number): Promise<{ id: number; data_source_id: number }> {
  const chosen = await findBookingPatient(tx, id)
  if (!chosen) throw new Failure('not_found', 'Patient not found')
  if (chosen.foreign_id === null)
    throw new Failure(
      'invalid_request',
      'The health record system does not hold this patient: choose one that it holds.',
    )
  return chosen
}

/** Nothing was sent: the appointment ends as one that could not be written, and what waited behind it with it. */
async function giveUp(tx: Tenant, appointmentId: number): Promise<void> {
  const [row] = await lockAppointments(tx, [appointmentId])
  const [insertion, ...behind] = await lockOpenWrites(tx, appointmentId)
  if (!row?.draft || !insertion) throw new Error(`appointment ${appointmentId} has no insertion to give up`)
  const failed = { state: 'failed' as const, differing: [] }
  await endWrite(tx, insertion.id, {
    ...failed,
    code: 'patient_ambiguous',
    message: 'It was given up: nobody could say who the patient is.',
    retriable: isRetriable('patient_ambiguous'),
  })
  for (const one of behind)
    await endWrite(tx, one.id, {
      ...failed,
      code: 'superseded',
      message: 'The appointment itself could not be written.',
      retriable: isRetriable('superseded'),
    })
  row.draft = { ...row.draft, cancelled: true, cancelled_at: await now(tx) }
  row.overlay = {}
  await saveAppointments(tx, [row])
}
