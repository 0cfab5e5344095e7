/** What an answer of the record system makes of a write, in one transaction. */
import type { Outcome, RejectionCode } from '../connectors/connector.ts'
import type { Tenant } from '../db/database.ts'
import { type Mirror, withoutWrite } from '../model/appointment-state.ts'
import type { AppointmentRecord, PatientRecord } from '../model/records.ts'
import type { Instant } from '../model/time.ts'
import type { Asked, WriteCode } from '../model/writes.ts'
import { findMirrored, lockAppointments, type StoredAppointment } from '../store/appointments.ts'
import { now } from '../store/data-sources.ts'
import { mapPatients } from '../store/patient-links.ts'
import { followMerges, mapSurvivors } from '../store/patient-merges.ts'
import { lockPatientOf, savePatients, tiePatient } from '../store/patients-mirror.ts'
import { saveAppointments } from '../store/save-appointments.ts'
import { deferWrite, endWrite, lockWrite, type Write } from '../store/writes.ts'
import { decideFrom } from '../store/writes-behind.ts'
import { readAround } from './alternatives.ts'
import type { Push } from './at-work.ts'
import { endBadly } from './end.ts'
import { planLook } from './look-again.ts'
import { hashOf, isPlaced, toMirror } from './mirror.ts'
import { noteOutcome, type Prepared } from './prepare.ts'
import { retryAt } from './retry.ts'
import { release } from './same-row.ts'
import { standsAsAsked, stoodAsAsked } from './stood-as-asked.ts'
import { differing } from './verify.ts'

interface WrittenAnswer {
  record: AppointmentRecord
  patient?: PatientRecord
}

/**
 * Settles a write that is in effect, as read back: complete, or incomplete where a field differs, unless the record
 * system's history shows that the front desk changed it after our write. Throws `Unavailable` where that cannot be read.
 */
export async function settleWritten(push: Push, prepared: Prepared, answer: WrittenAnswer): Promise<void> {
  const stood = await standsAsAsked(push, prepared, answer.record)
  let given = answer
  let seenAt = prepared.appointment.mirror_seen_at
  for (let round = 1; ; round++) {
    const stands = given === answer ? stood : await standsAsAsked(push, prepared, given.record)
    const excused = !stands && (stood || (await stoodAsAsked(push, prepared, given.record)))
    const younger = await settleAs(push, prepared, given, excused, round < ROUNDS ? seenAt : undefined)
    if (younger === null) return
    // A pull read it since it was prepared, perhaps later than we did: only the record system can say what stands.
    seenAt = younger
    const record = await push.system.find({ foreignId: answer.record.foreignId })
    if (record) given = { ...answer, record }
  }
}

/** Looks at most: after that what was read last is taken, and the next window reads it anyway. */
const ROUNDS = 3

/**
 * Settles it, and answers null; or when its mirror was read, where that was not at `seenAt`, and differs: nothing is then
 * settled.
 */
async function settleAs(
  push: Push,
  prepared: Prepared,
  answer: WrittenAnswer,
  excused: boolean,
  seenBefore: Instant | null | undefined,
): Promise<Instant | null> {
  const { record } = answer
  return await push.hold.inTenant(async (tx) => {
    await lockPatientOf(tx, prepared.appointment.id, prepared.patient?.id)
    // A pull that did not know the row by our marker may have taken it for someone else's.
    const bearers = await findMirrored(tx, push.source.id, [record.foreignId], [])
    const rows = await lockAppointments(tx, [prepared.appointment.id, ...bearers.map(({ id }) => id)])
    const row = rows.find(({ id }) => id === prepared.appointment.id)
    const write = await lockWrite(tx, prepared.write.id)
    if (!row || !write) return null
    const seenAt = await now(tx)
    const strangers = rows.filter(({ id, foreign_id }) => id !== row.id && foreign_id === record.foreignId)
    await settlePatient(tx, push, prepared, answer, seenAt)
    const patients = await mapPatients(
      tx,
      push.source.id,
      answer.record.patient === null ? [] : [answer.record.patient],
    )
    const mirror = toMirror(answer.record, push.maps, patients, row.mirror, seenAt)
    if (!isPlaced(mirror))
      throw new Error(
        `what was written of appointment ${row.id} does not read back as an appointment of ours`,
      )
    const hash = hashOf(answer.record, mirror)
    const isRead = seenBefore !== undefined && row.mirror_seen_at !== seenBefore
    if (isRead && row.mirror_seen_at && row.mirror_hash !== hash) return row.mirror_seen_at
    for (const stranger of strangers) release(stranger, seenAt)
    Object.assign(row, {
      mirror,
      foreign_id: answer.record.foreignId,
      mirror_hash: hash,
      mirror_seen_at: seenAt,
      last_sync_time: seenAt,
      overlay: withoutWrite(row.overlay, write.id),
    })
    await saveAppointments(tx, [...strangers, row])
    const outcome = prepared.attemptId === null ? 'found' : 'written'
    await noteOutcome(tx, prepared, { outcome, code: null, message: null })
    await endWritten(tx, write, excused ? [] : differing(await ofSurvivor(tx, write), mirror))
    // Where the front desk changed it since, what stands is theirs: the writes behind begin from what was asked.
    const made = madeOf(write, excused ? write.asked : mirror)
    await decideFrom(tx, write, made, excused ? write.decided_on : mirror.version)
    if (write.kind === 'insert') await planLook(push, tx, write.id)
    return null
  })
}

async function endWritten(tx: Tenant, write: Write, fields: string[]): Promise<void> {
  const state = fields.length === 0 ? 'complete' : 'incomplete'
  await endWrite(tx, write.id, {
    state,
    code: fields.length === 0 ? null : 'fields_differ',
    message:
      fields.length === 0 ? null : `The health record system holds it with another ${fields.join(', ')}.`,
    retriable: fields.length === 0 ? null : false,
    differing: fields,
  })
}

/** The fields that a write asks for, as they stand in what it made. */
function madeOf({ asked }: Write, stands: Asked | Mirror): Asked {
  return Object.fromEntries(Object.keys(asked).map((name) => [name, Reflect.get(stands, name)]))
}

/** A write with the patient it asks for as that one is known now. */
async function ofSurvivor(tx: Tenant, write: Write): Promise<Write> {
  const id = write.asked.patient_id
  if (typeof id !== 'number') return write
  return { ...write, asked: { ...write.asked, patient_id: (await mapSurvivors(tx, [id])).get(id) ?? id } }
}

/** The patient that was created, or found there, becomes the one we hold. */
async function settlePatient(
  tx: Tenant,
  push: Push,
  prepared: Prepared,
  answer: WrittenAnswer,
  seenAt: Instant,
): Promise<void> {
  const foreignId = answer.record.patient
  if (!prepared.patient || prepared.patient.foreign_id !== null || foreignId === null) return
  await tiePatient(tx, push.source.id, prepared.patient.id, foreignId)
  if (!answer.patient) return
  const place = { id: push.source.id, locationId: push.maps.soleLocation }
  const { merges } = await savePatients(tx, place, [answer.patient], seenAt)
  await followMerges(tx, push.source.id, merges)
}

const codes: Record<Exclude<RejectionCode, 'version_changed'>, WriteCode> = {
  slot_taken: 'slot_taken',
  not_found: 'not_found',
  invalid: 'invalid',
  unsupported: 'unsupported',
  unauthorized: 'unauthorized',
  refused: 'refused',
}

/** How often a change that lost a compare-and-set is decided anew before it ends. */
const VERSION_TRIES = 5

/**
 * Settles a write that the record system refused. One that lost to a newer version is read again and decided anew.
 * @param stands the row as it stands there after ours was withdrawn: a pull may have read it as it was for a moment
 */
export async function settleRejected(
  push: Push,
  prepared: Prepared,
  outcome: Extract<Outcome, { kind: 'rejected' }>,
  stands?: AppointmentRecord,
): Promise<void> {
  if (outcome.code === 'version_changed' && prepared.write.attempts < VERSION_TRIES)
    return await readAgain(push, prepared, outcome.message)
  const code = outcome.code === 'version_changed' ? 'changed_meanwhile' : codes[outcome.code]
  const isMissed = code === 'slot_taken'
  const around = isMissed ? await readAround(push, prepared.wanted) : []
  await push.hold.inTenant(async (tx) => {
    const [row] = await lockAppointments(tx, [prepared.appointment.id])
    const write = await lockWrite(tx, prepared.write.id)
    if (!row || !write) return
    if (stands) await takeStanding(tx, push, row, stands)
    await noteOutcome(tx, prepared, {
      outcome: 'rejected',
      code: outcome.code,
      message: outcome.message,
    })
    await endBadly(tx, row, write, 'failed', code, outcome.message, around)
  })
}

/**
 * What was withdrawn, as it stands after that. A page that was read before may be merged later: it is then older than this.
 * An insertion that no pull has met has no row there that is shown (decision 8), and needs none.
 */
async function takeStanding(
  tx: Tenant,
  push: Push,
  row: StoredAppointment,
  stands: AppointmentRecord,
): Promise<void> {
  if (row.mirror) await takeRecord(tx, push, row, stands)
  else row.mirror_seen_at = await now(tx)
}

async function readAgain(push: Push, prepared: Prepared, message: string): Promise<void> {
  const foreignId = prepared.appointment.foreign_id
  const record = foreignId === null ? null : await push.system.find({ foreignId })
  await push.hold.inTenant(async (tx) => {
    const [row] = await lockAppointments(tx, [prepared.appointment.id])
    if (!row) return
    if (record && (await takeRecord(tx, push, row, record))) await saveAppointments(tx, [row])
    await noteOutcome(tx, prepared, { outcome: 'rejected', code: 'version_changed', message })
    const at = await retryAt(tx, prepared.write.attempts)
    await deferWrite(tx, prepared.write.id, 'pending', at, null, message)
  })
}

/** The row's mirror becomes what was read just now. Alters `row` in place; false where the record has no place here. */
async function takeRecord(
  tx: Tenant,
  push: Push,
  row: StoredAppointment,
  record: AppointmentRecord,
): Promise<boolean> {
  const seenAt = await now(tx)
  const patients = await mapPatients(tx, push.source.id, record.patient === null ? [] : [record.patient])
  const mirror = toMirror(record, push.maps, patients, row.mirror, seenAt)
  if (!isPlaced(mirror)) return false
  Object.assign(row, { mirror, mirror_hash: hashOf(record, mirror), mirror_seen_at: seenAt })
  return true
}
