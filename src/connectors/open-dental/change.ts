/**
 * Changes of one appointment. Open Dental compares no versions: the row is read, compared, written through the API and
 * read back. What the desk does within those milliseconds is seen by the look back, and not prevented.
 */
import type { AppointmentRecord } from '../../model/records.ts'
import { toMs } from '../../model/time.ts'
import { type Change, type Outcome, type RejectionCode, Unavailable } from '../connector.ts'
import { type Api, refusalOf } from './api.ts'
import type { Row } from './database.ts'
import { clockOf, type Facts, keyOf } from './facts.ts'
import { findAppointment, isAptNum } from './find.ts'
import { markNote } from './marker.ts'
import type { Practice } from './practice.ts'
import { LONGEST_MS, patternOf } from './read-appointment.ts'
import { scheduleMeant } from './read-schedule.ts'
import { unkept } from './text.ts'

function rejected(code: RejectionCode, message: string): Outcome {
  return { kind: 'rejected', code, message }
}

interface Call {
  path: string
  body: Record<string, unknown>
}

export async function changeIn(practice: Practice, api: Api, request: Change): Promise<Outcome> {
  const { foreignId } = request
  if (scheduleMeant(foreignId) !== null)
    return rejected('unsupported', 'Open Dental takes no changes of blockouts from others.')
  if (!isAptNum(foreignId)) return rejected('not_found', 'The foreign id is none of Open Dental.')
  let call: Call
  try {
    const found = await findAppointment(practice, { foreignId })
    if (found === null) return rejected('not_found', `There is no appointment ${foreignId}.`)
    if (standsSo(found, request)) return { kind: 'written', record: found }
    if (request.version !== null && request.version !== found.version)
      return rejected('version_changed', 'The appointment was changed there meanwhile.')
    const decided = await callOf(practice, found, request)
    if ('kind' in decided) return decided
    call = decided
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unavailable', message: error.message }
    throw error
  }
  const reply = await api.call('PUT', call.path, call.body)
  if (reply.kind !== 'answer' || reply.status < 200 || reply.status > 299) return refusalOf(reply)
  return await readBack(practice, request)
}

async function readBack(practice: Practice, { foreignId }: Change): Promise<Outcome> {
  try {
    const record = await findAppointment(practice, { foreignId })
    if (record === null) return rejected('not_found', 'It was changed, and deleted there at once.')
    return { kind: 'written', record }
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unknown', message: error.message }
    throw error
  }
}

/** Whether the row stands already as the change wants it: an earlier copy of it arrived, or the desk was faster. */
function standsSo(record: AppointmentRecord, request: Change): boolean {
  switch (request.kind) {
    case 'confirm':
      return record.confirmed && !record.cancelled
    case 'cancel':
      return record.cancelled
    case 'check_in':
      return record.checkinAt !== null && !record.cancelled
    case 'reschedule': {
      const samePlace = request.operatory === null || record.operatory === request.operatory
      return !record.cancelled && record.start === request.start && record.end === request.end && samePlace
    }
    case 'note':
      return (record.note ?? '') === (request.note ?? '')
  }
}

async function callOf(
  practice: Practice,
  record: AppointmentRecord,
  request: Change,
): Promise<Call | Outcome> {
  const facts = await practice.facts()
  const path = `appointments/${record.foreignId}`
  if (record.cancelled) return rejected('refused', 'The appointment is broken or off the schedule there.')
  switch (request.kind) {
    case 'confirm':
      if (facts.confirmAs === null)
        return rejected('unsupported', 'No definition for a confirmation is set up.')
      return { path: `${path}/Confirm`, body: { defNum: Number(facts.confirmAs) } }
    case 'cancel':
      // Only what is scheduled can be broken.
      if (record.checkedOut) return rejected('refused', 'The visit is complete there.')
      return { path: `${path}/Break`, body: { sendToUnscheduledList: 'false' } }
    case 'check_in':
      return { path, body: arrival(practice, facts, record, request.at, await rowOf(practice, record)) }
    case 'reschedule':
      return await moveOf(practice, facts, path, record, request)
    case 'note':
      if (unkept(request.note ?? '', await practice.characters()))
        return rejected('invalid', 'The note has letters that Open Dental cannot keep here.')
      // The update overwrites; PUT …/Note would append. Our marker stays with the row.
      return { path, body: { Note: markNote(request.note, record.marker) } }
  }
}

async function rowOf(practice: Practice, record: AppointmentRecord): Promise<Row> {
  const columns = (await practice.schema()).columns('appointment')
  const [row] = await practice.database.rows(`select ${columns} from appointment where AptNum = ?`, [
    record.foreignId,
  ])
  if (!row) throw new Unavailable('The appointment went away while it was looked at.')
  return row
}

/** The time of arrival, and the state that says so: never back from a later one. */
function arrival(
  practice: Practice,
  facts: Facts,
  record: AppointmentRecord,
  at: string,
  row: Row,
): Record<string, unknown> {
  const clinic = facts.operatories.get(record.operatory ?? '')?.clinic ?? keyOf(row.ClinicNum)
  const time = clockOf(practice.settings, clinic).show(at).slice(11)
  const moves = facts.arrivedAs !== null && !facts.beyondArrival.has(String(row.Confirmed))
  return {
    // Midnight means that nobody came: a minute past it does not.
    DateTimeArrived: time === '00:00:00' ? '00:00:01' : time,
    ...(moves ? { Confirmed: Number(facts.arrivedAs) } : {}),
  }
}

async function moveOf(
  practice: Practice,
  facts: Facts,
  path: string,
  record: AppointmentRecord,
  request: Extract<Change, { kind: 'reschedule' }>,
): Promise<Call | Outcome> {
  const operatory = request.operatory ?? record.operatory
  if (toMs(request.end) - toMs(request.start) > LONGEST_MS)
    return rejected('invalid', 'An appointment there lasts 21 hours at most.')
  const place = facts.operatories.get(operatory ?? '')
  const aptDateTime = clockOf(practice.settings, place?.clinic ?? null).write(request.start)
  if (aptDateTime === null)
    return rejected('invalid', 'That hour comes twice there, and only the first of the two can be booked.')
  const length = (span: { start: string; end: string }) => toMs(span.end) - toMs(span.start)
  const longer = length(request) !== length(record)
  const present = longer ? String((await rowOf(practice, record)).Pattern ?? '') : ''
  return {
    path,
    body: {
      AptDateTime: aptDateTime,
      ...(longer ? { Pattern: patternOf(request.start, request.end, present) } : {}),
      ...(operatory !== null && operatory !== record.operatory
        ? { Op: Number(operatory), ...(facts.clinics && place ? { ClinicNum: Number(place.clinic) } : {}) }
        : {}),
    },
  }
}
