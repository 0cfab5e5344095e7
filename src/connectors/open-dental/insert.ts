/** An insertion: the patient where new, the appointment with our marker in its note, its procedures, and the look back. */
import type { ForeignId, PatientRecord } from '../../model/records.ts'
import { toMs } from '../../model/time.ts'
import { type Insertion, type Outcome, Unavailable } from '../connector.ts'
import { type Api, keyIn, refusalOf } from './api.ts'
import { clockOf, type Facts } from './facts.ts'
import { findAppointment } from './find.ts'
import { markNote } from './marker.ts'
import { enterPatient } from './new-patient.ts'
import type { Practice } from './practice.ts'
import { LONGEST_MS, patternOf } from './read-appointment.ts'
import { unkept } from './text.ts'

const CODE = 'code_'
const TYPE = 'type_'
/** How often a procedure is tried that was turned away for now. */
const TRIES = 3

const invalid = (message: string): Outcome => ({ kind: 'rejected', code: 'invalid', message })

interface Asked {
  operatory: ForeignId
  aptDateTime: string
  type: string | null
  codes: string[]
}

/** What the booking says in Open Dental's words; an outcome where it cannot be said. */
async function askedOf(practice: Practice, facts: Facts, request: Insertion): Promise<Asked | Outcome> {
  const { operatory, start, end, descriptors, note } = request
  if (request.unavailable)
    return { kind: 'rejected', code: 'unsupported', message: 'Open Dental takes no blockouts from others.' }
  if (operatory === null) return invalid('An appointment there needs an operatory.')
  if (toMs(end) - toMs(start) > LONGEST_MS) return invalid('An appointment there lasts 21 hours at most.')
  const aptDateTime = clockOf(practice.settings, facts.operatories.get(operatory)?.clinic ?? null).write(
    start,
  )
  if (aptDateTime === null)
    return invalid('That hour comes twice there, and only the first of the two can be booked.')
  if (unkept(note ?? '', await practice.characters()))
    return invalid('The note has letters that Open Dental cannot keep here.')
  const types = descriptors.filter((id) => id.startsWith(TYPE)).map((id) => id.slice(TYPE.length))
  const codes = descriptors.flatMap((id) => (id.startsWith(CODE) ? [id.slice(CODE.length)] : []))
  if (types.length > 1) return invalid('An appointment there has one appointment type at most.')
  return { operatory, aptDateTime, type: types[0] ?? null, codes }
}

/** The provider's part: a hygienist is booked beside the dentist of the operatory. */
function providersOf(
  facts: Facts,
  provider: ForeignId | null,
  operatory: ForeignId,
): Record<string, unknown> {
  if (provider === null) return {}
  if (!facts.hygienists.has(provider)) return { ProvNum: Number(provider), IsHygiene: 'false' }
  const dentist = facts.operatories.get(operatory)?.dentist
  return {
    ...(dentist ? { ProvNum: Number(dentist) } : {}),
    ProvHyg: Number(provider),
    IsHygiene: 'true',
  }
}

export async function insertInto(practice: Practice, api: Api, request: Insertion): Promise<Outcome> {
  try {
    const facts = await practice.facts()
    const asked = await askedOf(practice, facts, request)
    if ('kind' in asked) return asked
    if (request.patient === null) return invalid('An appointment there needs a patient.')
    let patient: PatientRecord | undefined
    if ('marker' in request.patient) {
      const entered = await enterPatient(practice, api, request.patient)
      if (entered.kind !== 'here') return entered
      patient = entered.record
    }
    const patNum = patient?.foreignId ?? ('foreignId' in request.patient ? request.patient.foreignId : '')
    const outcome = await book(practice, api, facts, request, asked, patNum)
    return outcome.kind === 'written' && patient ? { ...outcome, patient } : outcome
  } catch (error) {
    // Reads before the appointment was sent: of a patient who was entered the next attempt finds the row.
    if (error instanceof Unavailable) return { kind: 'unavailable', message: error.message }
    throw error
  }
}

async function book(
  practice: Practice,
  api: Api,
  facts: Facts,
  request: Insertion,
  asked: Asked,
  patNum: ForeignId,
): Promise<Outcome> {
  const clinic = facts.operatories.get(asked.operatory)?.clinic ?? '0'
  const reply = await api.call('POST', 'appointments', {
    PatNum: Number(patNum),
    Op: Number(asked.operatory),
    AptDateTime: asked.aptDateTime,
    Pattern: patternOf(request.start, request.end),
    ...providersOf(facts, request.provider, asked.operatory),
    AptStatus: 'Scheduled',
    Note: markNote(request.note, request.marker),
    ...(facts.clinics ? { ClinicNum: Number(clinic) } : {}),
    ...(asked.type === null ? {} : { AppointmentTypeNum: Number(asked.type) }),
  })
  if (reply.kind !== 'answer' || (reply.status !== 200 && reply.status !== 201)) return refusalOf(reply)
  const aptNum = keyIn(reply.json, 'AptNum')
  try {
    const written = aptNum === null ? null : await findAppointment(practice, { foreignId: aptNum })
    // A row without our marker is not this booking, whatever the answer says.
    if (written?.marker !== request.marker)
      return {
        kind: 'unknown',
        message: 'The API took the appointment, and it is not there under our mark yet.',
      }
    if (asked.codes.length === 0) return { kind: 'written', record: written }
    for (const num of asked.codes)
      await attach(api, facts, num, {
        patNum,
        aptNum: written.foreignId,
        request,
        day: asked.aptDateTime.slice(0, 10),
      })
    const whole = await findAppointment(practice, { foreignId: written.foreignId })
    return { kind: 'written', record: whole ?? written }
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unknown', message: error.message }
    throw error
  }
}

/**
 * Attaches one procedure to the appointment. One that could not be attached is missed when the row is read back, and the
 * write then ends incomplete, naming the descriptors: the appointment stands all the same.
 */
async function attach(
  api: Api,
  facts: Facts,
  codeNum: string,
  to: { patNum: string; aptNum: string; request: Insertion; day: string },
): Promise<void> {
  const procCode = facts.codes.get(codeNum)?.code
  if (procCode === undefined) return
  const { provider } = to.request
  const body = {
    PatNum: Number(to.patNum),
    AptNum: Number(to.aptNum),
    ProcDate: to.day,
    ProcStatus: 'TP',
    procCode,
    ...(provider === null ? {} : { ProvNum: Number(provider) }),
  }
  for (let tries = 1; tries <= TRIES; tries++) {
    const reply = await api.call('POST', 'procedurelogs', body)
    // Only what was certainly not done is sent again: a second copy would be a second procedure.
    const turnedAway = reply.kind === 'not_sent' || (reply.kind === 'answer' && reply.status === 429)
    if (!turnedAway) return
  }
}
