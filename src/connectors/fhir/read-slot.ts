/** A Slot that is `busy-unavailable` as a block of its Schedule's actors. Pure. Other Slots are no concern of ours yet. */
import type { AppointmentRecord } from '../../model/records.ts'
import { actorsOf, blocksOf, type Reading, type ReadingContext } from './read-appointment.ts'
import type { Schedule, Slot } from './resources.ts'
import { parseInstant } from './values.ts'

/** `schedule` is null where it cannot be read: then nobody knows whose time this is. */
export function readSlot(slot: Slot, schedule: Schedule | null, context: ReadingContext): Reading {
  if (slot.status !== 'busy-unavailable') return { kind: 'gone' }
  const start = parseInstant(slot.start)
  const end = parseInstant(slot.end)
  if (start === null || end === null)
    return { kind: 'unreadable', reason: 'start or end is not an instant with a zone' }
  if (end <= start) return { kind: 'unreadable', reason: 'end is not after start' }
  const actors = actorsOf(
    (schedule?.actor ?? []).map((actor) => ({ actor })),
    context,
  )
  if (actors.elsewhere) return { kind: 'gone' }
  const record: AppointmentRecord = {
    foreignId: `slot~${slot.id}`,
    marker: null,
    patient: null,
    provider: actors.providers[0] ?? null,
    operatory: actors.operatories[0] ?? null,
    location: actors.site,
    start,
    end,
    unavailable: true,
    confirmed: false,
    confirmedAt: null,
    cancelled: false,
    cancelledAt: null,
    checkinAt: null,
    checkedOut: false,
    checkedOutAt: null,
    missed: false,
    note: slot.comment ?? null,
    descriptors: [],
    enteredAt: null,
    version: slot.meta?.versionId ?? null,
  }
  if (record.provider === null && record.operatory === null && record.location === null) {
    return { kind: 'unreadable', reason: 'a Slot whose Schedule names no provider or location' }
  }
  return { kind: 'records', records: blocksOf(record, actors) }
}
