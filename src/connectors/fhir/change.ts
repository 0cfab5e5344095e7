/** A change of one appointment: read, decided on what stands there, written under `If-Match`, read back. */
import { type Change, type Outcome, Unavailable } from '../connector.ts'
import { sendWrite } from './answers.ts'
import type { Feeding } from './changes.ts'
import { look } from './create.ts'
import { unavailable } from './insert.ts'
import type { Places } from './places.ts'
import type { Appointment } from './resources.ts'
import { parseAppointmentId } from './values.ts'
import { applyChange } from './write-resources.ts'

export async function change(feeding: Feeding, places: Places, request: Change): Promise<Outcome> {
  const name = parseAppointmentId(request.foreignId)
  if (name === null) return rejected('not_found', 'No FHIR Appointment has such an id.')
  if (name.type === 'Slot' || name.actor !== null) {
    return rejected(
      'unsupported',
      'A busy Slot, or one part of a block of several, is changed in the record system only.',
    )
  }
  if (!feeding.features.versions) {
    return rejected(
      'unsupported',
      'The FHIR server keeps no versions, so a change could undo one made there.',
    )
  }
  let sent = false
  try {
    const before = await look(feeding.http, 'Appointment', { id: name.id, marker: name.id })
    if (before.kind !== 'here')
      return rejected('not_found', 'The FHIR Appointment is not there, or was deleted.')
    // Learns which of its Locations is the operatory.
    await feeding.reader.readOne(before.resource, true)
    const applied = apply(feeding, places, before.resource, request)
    if (applied.kind === 'already') return await written(feeding, before.resource)
    if (applied.kind === 'refused') return rejected('refused', applied.message)
    const version = before.resource.meta?.versionId
    if (version === undefined) return rejected('unsupported', 'The FHIR Appointment bears no version.')
    if (request.version !== null && request.version !== version) return changedMeanwhile()
    sent = true
    const reply = await sendWrite(feeding.http, {
      method: 'PUT',
      path: `Appointment/${name.id}`,
      body: applied.resource,
      headers: { 'if-match': `W/"${version}"` },
    })
    if (reply.kind !== 'success' && reply.kind !== 'conflict') return reply
    return await afterSending(feeding, places, name.id, request, reply.kind)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return sent ? { kind: 'unknown', message: error.message } : unavailable(error)
  }
}

/** What stands there now decides: a conflict may be our own earlier attempt. */
async function afterSending(
  feeding: Feeding,
  places: Places,
  id: string,
  request: Change,
  sent: 'success' | 'conflict',
): Promise<Outcome> {
  const now = await look(feeding.http, 'Appointment', { id, marker: id })
  if (now.kind !== 'here') return rejected('not_found', 'The FHIR Appointment was deleted meanwhile.')
  if (sent === 'success') return written(feeding, now.resource)
  const applied = apply(feeding, places, now.resource, request)
  return applied.kind === 'already' ? written(feeding, now.resource) : changedMeanwhile()
}

function apply(feeding: Feeding, places: Places, resource: Appointment, request: Change) {
  const isOperatory = (locationId: string) => places.placeOf(locationId)?.operatory === locationId
  return applyChange(resource, request, feeding.settings, isOperatory)
}

async function written(feeding: Feeding, resource: Appointment): Promise<Outcome> {
  const reading = await feeding.reader.readOne(resource, true)
  const record = reading.kind === 'records' ? reading.records[0] : undefined
  if (record !== undefined) return { kind: 'written', record }
  const reason = reading.kind === 'unreadable' ? reading.reason : 'it lies outside the configured locations'
  return { kind: 'unknown', message: `The Appointment stands there and cannot be read back: ${reason}.` }
}

function changedMeanwhile(): Outcome {
  return rejected('version_changed', 'The FHIR Appointment was changed meanwhile.')
}

function rejected(code: Extract<Outcome, { kind: 'rejected' }>['code'], message: string): Outcome {
  return { kind: 'rejected', code, message }
}
