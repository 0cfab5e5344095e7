/** A change of one appointment: read, decided on what stands there, written under `If-Match`, read back. */
import { type Change, type Outcome, Unavailable } from '../connector.ts'
import { sendWrite } from './answers.ts'
import { operationsFor } from './book.ts'
import type { Feeding } from './changes.ts'
import { look } from './create.ts'
import type { Request } from './http.ts'
import { unavailable } from './insert.ts'
import type { Appointment, Slot } from './resources.ts'
import { NO_SLOTS, type SlotPlan } from './slot-plan.ts'
import { lettingGo, slotsFor, slotsHeldBy } from './slots.ts'
import { slotTaken, transactionOf } from './transaction.ts'
import { parseAppointmentId } from './values.ts'
import { applyChange } from './write-resources.ts'

export async function change(feeding: Feeding, request: Change): Promise<Outcome> {
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
    const applied = apply(feeding, before.resource, request)
    if (applied.kind === 'already') return await written(feeding, before.resource)
    if (applied.kind === 'refused') return rejected('refused', applied.message)
    const version = before.resource.meta?.versionId
    if (version === undefined) return rejected('unsupported', 'The FHIR Appointment bears no version.')
    if (request.version !== null && request.version !== version) return changedMeanwhile()
    const write = await writeOf(feeding, before.resource, applied.resource, request, version)
    if (write === 'taken') return slotTaken
    sent = true
    const reply = await sendFirst(feeding, write)
    if (reply.kind !== 'success' && reply.kind !== 'conflict') return reply
    return await afterSending(feeding, name.id, request, reply.kind)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return sent ? { kind: 'unknown', message: error.message } : unavailable(error)
  }
}

/** The first of these requests that the server knows: one that it does not know did nothing. */
async function sendFirst({ http }: Feeding, requests: Request[]) {
  let reply: Awaited<ReturnType<typeof sendWrite>> = { kind: 'conflict' }
  for (const request of requests) {
    reply = await sendWrite(http, request)
    const isUnknown =
      reply.kind === 'rejected' && (reply.code === 'not_found' || reply.code === 'unsupported')
    if (!isUnknown) return reply
  }
  return reply
}

/** The Appointment alone, or in one transaction with the Slots that it lets go and takes. @throws Unavailable */
async function writeOf(
  feeding: Feeding,
  before: Appointment,
  after: Appointment,
  request: Change,
  version: string,
): Promise<Request[] | 'taken'> {
  const operations = operationsFor(feeding, before, request)
  if (operations.length > 0) return operations
  const path = `Appointment/${before.id}`
  const ifMatch = `W/"${version}"`
  const alone = { method: 'PUT', path, body: after, headers: { 'if-match': ifMatch } } as const
  const movesSlots = request.kind === 'cancel' || request.kind === 'reschedule'
  if (!movesSlots || feeding.features.slots === 'ignore') return [alone]
  const held = await slotsHeldBy(feeding, before)
  const plan = request.kind === 'reschedule' ? await slotsOfMove(feeding, after, request, held) : NO_SLOTS
  if (plan.kind === 'taken') return 'taken'
  const leaving = held.filter(({ id }) => !plan.slots.includes(id))
  const entries = [...(await lettingGo(feeding, leaving, before.id)), ...plan.entries]
  const slot = plan.slots.map((id) => ({ reference: `Slot/${id}` }))
  const resource = slot.length > 0 ? { ...after, slot } : after
  if (entries.length === 0) return [{ ...alone, body: resource }]
  return [transactionOf([{ resource, request: { method: 'PUT', url: path, ifMatch } }, ...entries])]
}

async function slotsOfMove(
  feeding: Feeding,
  after: Appointment,
  { start, end, overbook }: Extract<Change, { kind: 'reschedule' }>,
  held: Slot[],
): Promise<SlotPlan> {
  const reading = await feeding.reader.readOne(after, true)
  const record = reading.kind === 'records' ? reading.records[0] : undefined
  if (record === undefined) return NO_SLOTS
  const { provider, operatory, unavailable: isBlock } = record
  const own = new Set(held.map(({ id }) => id))
  return await slotsFor(feeding, { provider, operatory, start, end, overbook, isBlock }, own)
}

/** What stands there now decides: a conflict may be our own earlier attempt. */
async function afterSending(
  feeding: Feeding,
  id: string,
  request: Change,
  sent: 'success' | 'conflict',
): Promise<Outcome> {
  const now = await look(feeding.http, 'Appointment', { id, marker: id })
  if (now.kind !== 'here') return rejected('not_found', 'The FHIR Appointment was deleted meanwhile.')
  if (sent === 'success') return written(feeding, now.resource)
  const applied = apply(feeding, now.resource, request)
  return applied.kind === 'already' ? written(feeding, now.resource) : changedMeanwhile()
}

function apply(feeding: Feeding, resource: Appointment, request: Change) {
  const isOperatory = (locationId: string) => feeding.places.placeOf(locationId)?.operatory === locationId
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
