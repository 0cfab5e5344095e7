/** What reads back otherwise than asked may have stood as asked before: the record system's own history tells. */
import type { Mirror } from '../model/appointment-state.ts'
import type { AppointmentRecord } from '../model/records.ts'
import type { Push } from './at-work.ts'
import { mirrorFor } from './mirror-for.ts'
import type { Prepared } from './prepare.ts'
import { differing } from './verify.ts'

/** A record in our ids, as a write of a patient who is new there would see it: its patient is then the one that was asked for. */
async function mirrorOf(push: Push, prepared: Prepared, record: AppointmentRecord): Promise<Mirror | null> {
  const { appointment, patient, write } = prepared
  const isNew = patient !== null && patient.foreign_id === null
  const mirror = await mirrorFor(push, isNew ? { ...record, patient: null } : record, appointment.mirror)
  return mirror && isNew ? { ...mirror, patient_id: write.asked.patient_id as number } : mirror
}

/** Whether the record is what was asked for. */
export async function standsAsAsked(
  push: Push,
  prepared: Prepared,
  record: AppointmentRecord,
): Promise<boolean> {
  const mirror = await mirrorOf(push, prepared, record)
  return mirror !== null && differing(prepared.write, mirror).length === 0
}

/**
 * Whether the record, which is not what was asked for, was it right after our write: the front desk changed it since.
 * False where the system keeps no history. Throws `Unavailable` where the history cannot be read now.
 */
export async function stoodAsAsked(
  push: Push,
  prepared: Prepared,
  record: AppointmentRecord,
): Promise<boolean> {
  const entries = (await push.system.history?.(record.foreignId)) ?? []
  const { kind, decided_on } = prepared.write
  const base = entries.findIndex((entry) => entry.record?.version === decided_on)
  // What stood before the change was decided says nothing about the change.
  if (kind !== 'insert' && base < 0) return false
  const since = kind === 'insert' ? entries : entries.slice(base + 1)
  for (const entry of since) {
    if (entry.by !== 'program' || entry.record === null) continue
    if (await standsAsAsked(push, prepared, entry.record)) return true
  }
  return false
}
