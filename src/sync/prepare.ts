/** Before a write is sent: is it still owed, and what exactly goes out? Ends what is not; reserves the marker; begins the attempt. */

import type { Tenant } from '../db/database.ts'
import type { FieldName, Mirror } from '../model/appointment-state.ts'
import { same } from '../model/appointment-state.ts'
import type { Instant } from '../model/time.ts'
import type { Policy } from '../scheduling/sharing.ts'
import { lockAppointments, type StoredAppointment } from '../store/appointments.ts'
import { now } from '../store/data-sources.ts'
import { type ForeignNames, findForeignNames } from '../store/directory-mirror.ts'
import { isOverridden } from '../store/overrides.ts'
import {
  lockPatientOf,
  lockPatientToWrite,
  type PatientToWrite,
  setPatientMarker,
} from '../store/patients-mirror.ts'
import { getPolicy } from '../store/policies.ts'
import { saveAppointments } from '../store/save-appointments.ts'
import {
  type AttemptEnd,
  beginAttempt,
  closeOpenAttempts,
  countCrash,
  deferWrite,
  endAttempt,
  lockWrite,
  recordLook,
  type Write,
} from '../store/writes.ts'
import type { Push } from './at-work.ts'
import { endBadly, endInEffect, supersede } from './end.ts'
import { endLate } from './overdue.ts'
import { refuseWhileClosed } from './pace.ts'
import { differing } from './verify.ts'

/** A write about to go out, with all that its call needs. */
export interface Prepared {
  write: Write
  /** Null while an earlier attempt is only looked for: looking sends nothing. */
  attemptId: number | null
  /** An earlier attempt may have taken effect, or still take it. */
  inFlight: boolean
  /** When the last attempt was begun. */
  lastAttemptAt: Instant | null
  appointment: StoredAppointment
  marker: string
  patient: PatientToWrite | null
  names: ForeignNames
  /** What is written, for a write that takes a time; its policy as it stood when the attempt began. */
  wanted: Mirror
  policy: Policy
  /** A key let it stand over what is there. */
  isOverridden: boolean
  deadlinePassed: boolean
}

const OPEN: ReadonlySet<string> = new Set(['pending', 'sending', 'unknown', 'needs_decision'])

/** A write that crashed its worker this often waits for a person. */
const CRASHES_MAX = 3

/** Answers null where there is nothing to send (any more). Throws `Unavailable` while the system wants to be left alone. */
export async function prepare(push: Push, writeId: number, appointmentId: number): Promise<Prepared | null> {
  return await push.hold.inTenant(async (tx) => {
    await refuseWhileClosed(tx, push.source.id)
    await lockPatientOf(tx, appointmentId)
    const [appointment] = await lockAppointments(tx, [appointmentId])
    const write = await lockWrite(tx, writeId)
    if (!appointment || !write || !OPEN.has(write.state)) return null
    const at = await now(tx)
    // A person may decide until the deadline. What waits for one to say who the patient is was not sent.
    if (write.state === 'needs_decision' && write.deadline > at) return null
    const inFlight = write.state !== 'pending' && write.code !== 'patient_ambiguous'
    if (write.state === 'sending') {
      await closeOpenAttempts(tx, write.id)
      await countCrash(tx, write.id)
      if (write.crashes + 1 >= CRASHES_MAX) {
        const message = 'The worker stopped three times while it sent this write: it waits for a person.'
        await deferWrite(tx, write.id, 'needs_decision', write.deadline, 'crashed_repeatedly', message)
        return null
      }
    }
    // Nobody decided in time: whether it is in effect is looked for now.
    if (write.state === 'needs_decision' && inFlight)
      await deferWrite(tx, write.id, 'unknown', at, 'crashed_repeatedly', null)
    const deadlinePassed = write.deadline <= at
    if (!inFlight && deadlinePassed) {
      await endLate(tx, appointment, write)
      return null
    }
    if (!inFlight && write.kind !== 'insert' && !(await stillOwed(tx, appointment, write))) return null
    return await begin(tx, push, appointment, write, inFlight, deadlinePassed)
  })
}

async function begin(
  tx: Tenant,
  push: Push,
  appointment: StoredAppointment,
  write: Write,
  inFlight: boolean,
  deadlinePassed: boolean,
): Promise<Prepared> {
  const fields = appointment.mirror ?? appointment.draft
  if (!fields) throw new Error(`appointment ${appointment.id} has neither mirror nor draft`)
  const marker = appointment.marker ?? push.system.reserve(write.seed ?? undefined, inFlight)
  // As asked for: a pull may have read the row by our marker, and know its patient by another id of ours.
  const asked = write.kind === 'insert' ? write.asked.patient_id : null
  const patient = typeof asked === 'number' ? await patientOf(tx, push, asked) : null
  if (write.kind === 'insert' && appointment.marker === null) {
    appointment.marker = marker
    await saveAppointments(tx, [appointment])
  }
  const wanted = { ...fields, ...write.asked } as Mirror
  return {
    write: {
      ...write,
      attempts: write.attempts + (inFlight ? 0 : 1),
      // The practice, or a person, may have merged the patient since it was asked for.
      asked: patient ? { ...write.asked, patient_id: patient.id } : write.asked,
    },
    attemptId: inFlight ? null : await beginAttempt(tx, write.id),
    inFlight,
    lastAttemptAt: write.last_attempt_at,
    appointment,
    marker,
    patient,
    names: await findForeignNames(tx, wanted),
    wanted,
    ...(await sharingOf(tx, write, wanted)),
    deadlinePassed,
  }
}

/** Under which rule a write takes its time; what takes none needs no rule. */
async function sharingOf(
  tx: Tenant,
  write: Write,
  wanted: Mirror,
): Promise<Pick<Prepared, 'policy' | 'isOverridden'>> {
  if (write.kind !== 'insert' && write.kind !== 'reschedule')
    return { policy: { kind: 'strict' }, isOverridden: false }
  const policy = await getPolicy(tx, wanted.location_id)
  return { policy, isOverridden: await isOverridden(tx, write.id, wanted) }
}

/** The patient, under a marker of its own where the record system does not hold it yet. */
async function patientOf(tx: Tenant, push: Push, id: number): Promise<PatientToWrite> {
  const patient = await lockPatientToWrite(tx, id)
  if (patient.foreign_id !== null || patient.marker !== null) return patient
  const marker = push.system.reserve()
  await setPatientMarker(tx, id, marker)
  return { ...patient, marker }
}

/**
 * Begins another attempt of a write that was looked for and is not in effect. Answers null where the front desk changed
 * meanwhile what it is about: as at a first attempt, that stands.
 */
export async function beginAgain(push: Push, prepared: Prepared): Promise<Prepared | null> {
  const { id } = prepared.write
  return await push.hold.inTenant(async (tx) => {
    await lockPatientOf(tx, prepared.appointment.id)
    const [row] = await lockAppointments(tx, [prepared.appointment.id])
    const write = await lockWrite(tx, id)
    if (!row || !write || !OPEN.has(write.state)) return null
    // A pull may have read our own, which took effect since the look: whoever is sent it again says so.
    if (row.mirror && isOvertaken(row.mirror, write) && !stands(row.mirror, write)) {
      await noteOutcome(tx, prepared, { outcome: 'unknown', code: null, message: 'Looked for; not there.' })
      await endOvertaken(tx, row, write)
      return null
    }
    const attemptId = await beginAttempt(tx, id)
    return { ...prepared, attemptId, write: { ...prepared.write, attempts: prepared.write.attempts + 1 } }
  })
}

/** Notes how an attempt went, or what a look found. */
export async function noteOutcome(tx: Tenant, prepared: Prepared, end: AttemptEnd): Promise<void> {
  if (prepared.attemptId === null) await recordLook(tx, prepared.write.id, end)
  else await endAttempt(tx, prepared.attemptId, end)
}

/**
 * The front desk may have been faster. A cancellation still goes unless it stands already; a confirmation or check-in
 * unless the appointment is cancelled; a move or a note ends when the same field was changed there meanwhile.
 */
async function stillOwed(tx: Tenant, appointment: StoredAppointment, write: Write): Promise<boolean> {
  const { mirror } = appointment
  if (!mirror) {
    await supersede(tx, appointment, write)
    return false
  }
  if (mirror.gone && write.kind !== 'cancel') {
    await endBadly(
      tx,
      appointment,
      write,
      'failed',
      'not_found',
      'The health record system holds it no longer.',
    )
    return false
  }
  if (write.kind === 'cancel') {
    if (!mirror.cancelled && !mirror.gone) return true
    await endInEffect(tx, appointment, write)
    return false
  }
  if (write.kind === 'confirm' && mirror.confirmed && !mirror.cancelled) {
    await endInEffect(tx, appointment, write)
    return false
  }
  if (!isOvertaken(mirror, write)) return true
  if (stands(mirror, write)) {
    await endInEffect(tx, appointment, write)
    return false
  }
  await endOvertaken(tx, appointment, write)
  return false
}

/** Whether the front desk cancelled what a change is about, or changed itself what a move or a note would change. */
function isOvertaken(mirror: Mirror, { kind, was }: Write): boolean {
  if (kind === 'insert' || kind === 'cancel') return false
  if (mirror.cancelled) return true
  if (kind !== 'reschedule' && kind !== 'note') return false
  return Object.entries(was).some(([name, value]) => !same(mirror[name as FieldName & keyof Mirror], value))
}

/** Whether all that a write asks for stands, whoever made it so. */
function stands(mirror: Mirror, write: Write): boolean {
  return !mirror.cancelled && differing(write, mirror).length === 0
}

async function endOvertaken(tx: Tenant, appointment: StoredAppointment, write: Write): Promise<void> {
  const message = 'The front desk changed it before this could be written.'
  await endBadly(tx, appointment, write, 'failed', 'changed_meanwhile', message)
}
