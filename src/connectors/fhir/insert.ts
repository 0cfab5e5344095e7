/** An insertion: the patient where new, then the appointment, each created once however often this is called. */
import type { ForeignId } from '../../model/records.ts'
import { toInstant } from '../../model/time.ts'
import { type Insertion, type Outcome, Unavailable } from '../connector.ts'
import type { NotWritten } from './answers.ts'
import { bookByOperation } from './book.ts'
import type { Feeding } from './changes.ts'
import { create, deleted, look } from './create.ts'
import type { Appointment } from './resources.ts'
import { NO_SLOTS } from './slot-plan.ts'
import { slotsFor } from './slots.ts'
import { createWithSlots, takenUnlessOurs } from './transaction.ts'
import { patientIdFor } from './values.ts'
import { writeAppointment, writePatient } from './write-resources.ts'

/** `site`: where a block goes that names no one and no place; null where the server has several sites, or none. */
export async function insert(feeding: Feeding, request: Insertion, site: ForeignId | null): Promise<Outcome> {
  try {
    const name = { id: feeding.features.createGuard === null ? null : request.marker, marker: request.marker }
    const before = await look(feeding.http, 'Appointment', name)
    if (before.kind === 'here') return await written(feeding, request, before.resource)
    if (before.kind === 'deleted') return deleted('Appointment')
    // Before a patient is created for nothing.
    const wanted = { ...request, isBlock: request.patient === null }
    const books = feeding.features.operations.has.has('book')
    if (books && wanted.isBlock) return noBlocks
    const plan = books ? NO_SLOTS : await slotsFor(feeding, wanted)
    if (plan.kind === 'taken') {
      const other = await takenUnlessOurs(feeding, name)
      return other.kind === 'here' ? await written(feeding, request, other.resource) : other
    }
    const patient = await patientFor(feeding, request.patient)
    if (patient.kind !== 'here') return patient
    const createdAt = toInstant(feeding.context.now())
    const body = writeAppointment(
      request,
      { id: name.id, patient: patient.id, site, createdAt },
      feeding.settings.confirmation,
    )
    if (body.participant.length === 0) {
      return {
        kind: 'rejected',
        code: 'invalid',
        message: 'A FHIR Appointment needs a patient, a provider or a location.',
      }
    }
    const made = books
      ? await bookByOperation(feeding, request, name, body)
      : plan.entries.length > 0
        ? await createWithSlots(feeding, name, body, wanted, plan)
        : await create(feeding.http, feeding.features, 'Appointment', name, body)
    return made.kind === 'here' ? await written(feeding, request, made.resource) : made
  } catch (error) {
    // Only a look before the appointment was sent throws this far.
    if (error instanceof Unavailable) return unavailable(error)
    throw error
  }
}

const noBlocks: Outcome = {
  kind: 'rejected',
  code: 'unsupported',
  message: 'The FHIR server is booked by operation, and none of them closes a time.',
}

/** The patient's id, null for a block; a new one is created under an id made from its marker. @throws Unavailable */
async function patientFor(
  { http, features }: Feeding,
  wanted: Insertion['patient'],
): Promise<{ kind: 'here'; id: ForeignId | null } | NotWritten> {
  if (wanted === null) return { kind: 'here', id: null }
  if ('foreignId' in wanted) return { kind: 'here', id: wanted.foreignId }
  const { marker, draft } = wanted
  const name = { id: features.createGuard === null ? null : patientIdFor(marker), marker }
  const before = await look(http, 'Patient', name)
  if (before.kind === 'here') return { kind: 'here', id: before.resource.id }
  if (before.kind === 'deleted') return deleted('Patient')
  const made = await create(http, features, 'Patient', name, writePatient(draft, marker, name.id))
  return made.kind === 'here' ? { kind: 'here', id: made.resource.id } : made
}

/** The appointment as it stands, with its patient where the request brought one. */
async function written(feeding: Feeding, request: Insertion, appointment: Appointment): Promise<Outcome> {
  try {
    const reading = await feeding.reader.readOne(appointment, true)
    const record = reading.kind === 'records' ? reading.records[0] : undefined
    if (record === undefined) {
      const reason =
        reading.kind === 'unreadable' ? reading.reason : 'it lies outside the configured locations'
      return { kind: 'unknown', message: `The Appointment stands there and cannot be read back: ${reason}.` }
    }
    const isNew = request.patient !== null && 'draft' in request.patient
    if (!isNew || record.patient === null) return { kind: 'written', record }
    const patient = await look(feeding.http, 'Patient', { id: record.patient, marker: request.marker })
    if (patient.kind !== 'here') return { kind: 'written', record }
    return { kind: 'written', record, patient: await feeding.reader.readPatient(patient.resource) }
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unknown', message: error.message }
    throw error
  }
}

export function unavailable({ message, retryAfterMs }: Unavailable): Outcome {
  return { kind: 'unavailable', message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}
