/**
 * All writing to the practice. It keeps our marker as its external reference, which makes one row however often it is
 * sent, and compares versions on changes: a copy of a request that arrives late finds its work done, or loses.
 */
import type { AppointmentRecord, ForeignId } from '../../model/records.ts'
import {
  type Change,
  type Insertion,
  type Outcome,
  type PatientDraft,
  type RejectionCode,
  Unavailable,
} from '../connector.ts'
import type { PracticeClient, Reply } from './practice-client.ts'
import { personIn, readOne, reasonOf, rowIn, UNREADABLE } from './read-practice.ts'
import { rowMeant, SEXES, splitDescriptors } from './read-rows.ts'

type Row = Record<string, unknown>

function rejected(code: RejectionCode, message: string): Outcome {
  return { kind: 'rejected', code, message }
}

const REJECTIONS: Record<number, RejectionCode> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'not_found',
  409: 'refused',
  410: 'not_found',
  412: 'version_changed',
  413: 'invalid',
  422: 'invalid',
}

/** The practice's own sentence: it names fields and row ids, never a person. Cut, should another program answer. */
function sentence(json: unknown): string {
  const text = typeof json === 'object' && json !== null ? Reflect.get(json, 'sentence') : undefined
  return typeof text === 'string' ? text.slice(0, 200) : 'The practice refused.'
}

/** What a reply other than success means. A 5xx may have come after the commit. */
function failed(reply: Reply): Outcome {
  if (reply.kind === 'not_sent') {
    const wait = reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs }
    return { kind: 'unavailable', message: reply.message, ...wait }
  }
  if (reply.kind === 'cut') return { kind: 'unknown', message: reply.message }
  // 423: somebody at the desk has the row open; turned away before anything was stored.
  if ([423, 429, 503].includes(reply.status)) {
    const wait = reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs }
    return { kind: 'unavailable', message: `The practice answered ${reply.status}.`, ...wait }
  }
  if (reasonOf(reply.json) === 'time_taken') return rejected('slot_taken', sentence(reply.json))
  const code = REJECTIONS[reply.status]
  if (code !== undefined) return rejected(code, sentence(reply.json))
  return { kind: 'unknown', message: `The practice answered ${reply.status}.` }
}

function draftPerson(marker: string, draft: PatientDraft): Row {
  return {
    external_reference: marker,
    first_name: draft.firstName,
    middle_name: draft.middleName,
    last_name: draft.lastName,
    birth_date: draft.birthDate,
    sex: draft.gender === null ? null : SEXES[draft.gender],
    email: draft.email,
    phone: draft.phone,
  }
}

/** The booking as the practice wants it, or null where it cannot bear the descriptors or lacks a patient. */
function bookingOf(request: Insertion): { path: string; body: Row } | null {
  const place = {
    external_reference: request.marker,
    clinician_id: request.provider,
    chair_id: request.operatory,
    begins: request.start,
    finishes: request.end,
    overbook: request.overbook,
  }
  if (request.unavailable) return { path: '/closures', body: { ...place, reason: request.note } }
  const descriptors = splitDescriptors(request.descriptors)
  const patient = request.patient
  if (descriptors === null || patient === null) return null
  const person =
    'foreignId' in patient
      ? { person_id: patient.foreignId }
      : { person: draftPerson(patient.marker, patient.draft) }
  const { kind, codes } = descriptors
  const body = { ...place, ...person, kind_id: kind, procedure_codes: codes, remark: request.note }
  return { path: '/visits', body }
}

/** Looks at the row once more after writing: `written` means read back, not merely answered. */
async function readBack(client: PracticeClient, written: AppointmentRecord): Promise<Outcome> {
  const meant = rowMeant(written.foreignId)
  const reply = await client('GET', `/${meant?.noun}s/${meant?.id}`)
  if (reply.kind === 'answer' && (reply.status === 404 || reply.status === 410)) {
    return rejected('not_found', 'It was written, and deleted there at once.')
  }
  const record = reply.kind === 'answer' && reply.status === 200 ? rowIn(reply.json) : null
  if (record?.foreignId !== written.foreignId)
    return { kind: 'unknown', message: 'It was written, and could not be read back yet.' }
  return { kind: 'written', record }
}

export async function insertInto(client: PracticeClient, request: Insertion): Promise<Outcome> {
  const booking = bookingOf(request)
  if (booking === null) {
    return rejected('invalid', 'A visit there takes a patient, one kind and procedure codes.')
  }
  const reply = await client('POST', booking.path, booking.body)
  if (reply.kind !== 'answer' || reply.status > 201) return failed(reply)
  const written = rowIn(reply.json)
  // An answer about a row that does not bear our marker is not about this booking, whatever it says.
  if (written?.marker !== request.marker) return { kind: 'unknown', message: UNREADABLE }
  const outcome = await readBack(client, written)
  const patient = personIn(reply.json)
  const isNew = request.patient !== null && 'marker' in request.patient
  return outcome.kind === 'written' && isNew && patient !== null ? { ...outcome, patient } : outcome
}

/** The fields to send, or null where a closure cannot take this change. */
function changeOf(request: Change, noun: 'visit' | 'closure'): Row | null {
  switch (request.kind) {
    case 'confirm':
      return noun === 'closure' ? null : { confirmed: true }
    case 'cancel':
      return noun === 'closure' ? { lifted: true } : { cancelled: true }
    case 'check_in':
      return noun === 'closure' ? null : { arrived_at: request.at }
    case 'reschedule': {
      const chair = request.operatory === null ? {} : { chair_id: request.operatory }
      return { begins: request.start, finishes: request.end, overbook: request.overbook, ...chair }
    }
    case 'note':
      return noun === 'closure' ? { reason: request.note } : { remark: request.note }
  }
}

/** Whether the row already stands as the change wants it: an earlier copy of it arrived. */
function standsSo(record: AppointmentRecord, request: Change): boolean {
  switch (request.kind) {
    case 'confirm':
      return record.confirmed
    case 'cancel':
      return record.cancelled
    case 'check_in':
      return record.checkinAt === request.at
    case 'reschedule': {
      const samePlace = request.operatory === null || record.operatory === request.operatory
      return record.start === request.start && record.end === request.end && samePlace
    }
    case 'note':
      return record.note === request.note
  }
}

/** Looks at a row for a change; what keeps us from looking becomes the outcome `otherwise`. */
async function look(
  client: PracticeClient,
  path: string,
  foreignId: ForeignId,
  otherwise: 'unavailable' | 'unknown',
): Promise<AppointmentRecord | null | Outcome> {
  try {
    return await readOne(client, path, (record) => record.foreignId === foreignId)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return { kind: otherwise, message: error.message }
  }
}

function isOutcome(found: AppointmentRecord | Outcome): found is Outcome {
  return 'kind' in found
}

export async function changeIn(client: PracticeClient, request: Change): Promise<Outcome> {
  const meant = rowMeant(request.foreignId)
  if (meant === null) return rejected('not_found', 'The foreign id is none of this practice.')
  const fields = changeOf(request, meant.noun)
  if (fields === null) return rejected('unsupported', `A block there takes no ${request.kind}.`)
  const path = `/${meant.noun}s/${meant.id}`
  let version = request.version
  if (version === null) {
    const found = await look(client, path, request.foreignId, 'unavailable')
    if (found === null) return rejected('not_found', `There is no ${meant.noun} ${meant.id}.`)
    if (isOutcome(found)) return found
    version = found.version
  }
  const reply = await client('PATCH', path, { ...fields, version: Number(version) })
  if (reply.kind === 'answer' && reply.status === 200) {
    const written = rowIn(reply.json)
    if (written?.foreignId !== request.foreignId) return { kind: 'unknown', message: UNREADABLE }
    return readBack(client, written)
  }
  if (reply.kind === 'answer' && reply.status === 412) {
    // Lost to the desk, or to an earlier copy of this very change: only the row can tell.
    const found = await look(client, path, request.foreignId, 'unknown')
    if (found !== null && isOutcome(found)) return found
    if (found !== null && standsSo(found, request)) return { kind: 'written', record: found }
  }
  return failed(reply)
}
