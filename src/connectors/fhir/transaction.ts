/**
 * An Appointment and its Slots in one transaction (hl7.org/fhir/R4/http.html#transaction): all of it or nothing, each
 * resource under the version that was read. A conflict is never sent again blind: everything is read and decided anew.
 */
import { type Outcome, Unavailable } from '../connector.ts'
import { type NotWritten, sendWrite } from './answers.ts'
import type { Feeding } from './changes.ts'
import { creatingRequest, deleted, look, type Name } from './create.ts'
import type { Appointment, BundleEntry } from './resources.ts'
import type { SlotPlan } from './slot-plan.ts'
import { type SlotRequest, slotsFor } from './slots.ts'

/** After so many conflicts over free Slots the write waits. */
const TRIES = 4

export const slotTaken: Extract<Outcome, { kind: 'rejected' }> = {
  kind: 'rejected',
  code: 'slot_taken',
  message: 'The Slots of that time are taken, or none is offered.',
}

/** The bundle as a request. */
export function transactionOf(entry: BundleEntry[]) {
  const body = { resourceType: 'Bundle', type: 'transaction', entry }
  return { method: 'POST', path: '', body } as const
}

/** A busy Slot may be that of another copy of the same request, which committed both at once. */
export async function takenUnlessOurs(
  feeding: Feeding,
  name: Name,
): Promise<{ kind: 'here'; resource: Appointment } | NotWritten> {
  try {
    const now = await look(feeding.http, 'Appointment', name)
    return now.kind === 'here' ? now : slotTaken
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'unknown', message: error.message }
    throw error
  }
}

/** Creates the Appointment with the Slots of the plan, which must take some. */
export async function createWithSlots(
  feeding: Feeding,
  name: Name,
  body: Record<string, unknown>,
  request: SlotRequest,
  first: SlotPlan,
): Promise<{ kind: 'here'; resource: Appointment } | NotWritten> {
  let plan = first
  for (let tries = 0; tries < TRIES; tries++) {
    if (plan.kind === 'taken') return await takenUnlessOurs(feeding, name)
    const slot = plan.slots.map((id) => ({ reference: `Slot/${id}` }))
    const creating = creatingRequest(feeding.features, 'Appointment', name)
    const sent = await sendWrite(
      feeding.http,
      transactionOf([{ resource: { ...body, slot }, request: creating }, ...plan.entries]),
    )
    if (sent.kind !== 'success' && sent.kind !== 'conflict') return sent
    try {
      const now = await look(feeding.http, 'Appointment', name)
      if (now.kind === 'here') return now
      if (now.kind === 'deleted') return deleted('Appointment')
    } catch (error) {
      if (error instanceof Unavailable) return { kind: 'unknown', message: error.message }
      throw error
    }
    if (sent.kind === 'success')
      return { kind: 'unknown', message: 'The FHIR server took the transaction and does not show it.' }
    try {
      plan = await slotsFor(feeding, request)
    } catch (error) {
      // A conflict did nothing.
      if (error instanceof Unavailable) return { kind: 'unavailable', message: error.message }
      throw error
    }
  }
  return { kind: 'unavailable', message: 'The Slots of that time change faster than they can be taken.' }
}
