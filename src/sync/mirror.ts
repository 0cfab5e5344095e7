/** From what a record system says to our mirror: foreign ids become ours, and back for a write. Pure but for the maps. */
import { createHash } from 'node:crypto'
import type { Mirror } from '../model/appointment-state.ts'
import type { AppointmentRecord } from '../model/records.ts'
import { hours, type Instant, toMs } from '../model/time.ts'
import type { DirectoryMaps } from '../store/directory-mirror.ts'

/** Why a record has no place here: of a location that is not set up (skipped), or unreadable (set aside). */
export type Unplaced = { skipped: true } | { aside: string }

/**
 * A record in our ids. A patient that we do not know yet is left empty and the row noted as set aside: its time is taken all
 * the same, and the patient comes with a later read. A provider or operatory that the directory does not name is left empty
 * too: the time then blocks more than it must, never less.
 * @param previous the mirror before, whose `…_at` instants stay where the system keeps none
 * @param seenAt stands in for instants that the system does not tell
 */
export function toMirror(
  record: AppointmentRecord,
  maps: DirectoryMaps,
  patients: Map<string, number>,
  previous: Mirror | null,
  seenAt: Instant,
): Mirror | Unplaced {
  const operatory = record.operatory === null ? undefined : maps.operatories.get(record.operatory)
  const location =
    record.location === null
      ? (operatory?.locationId ?? maps.soleLocation)
      : maps.locations.get(record.location)
  if (location === undefined) return { skipped: true }
  if (location === null) return { aside: 'It names no location, and neither does its operatory.' }
  const misfit = misfitOf(record)
  if (misfit !== null) return { aside: misfit }
  const at = (flag: boolean, told: Instant | null, before: Instant | null | undefined) =>
    flag ? (told ?? before ?? seenAt) : null
  return {
    location_id: location,
    patient_id: record.patient === null ? null : (patients.get(record.patient) ?? null),
    provider_id: record.provider === null ? null : (maps.providers.get(record.provider) ?? null),
    operatory_id: operatory?.id ?? null,
    start_time: record.start,
    end_time: record.end,
    unavailable: record.unavailable,
    confirmed: record.confirmed,
    confirmed_at: at(record.confirmed, record.confirmedAt, previous?.confirmed_at),
    cancelled: record.cancelled,
    // Not cleared when a cancellation is taken back (reference 3.2).
    cancelled_at: record.cancelled
      ? at(true, record.cancelledAt, previous?.cancelled_at)
      : (previous?.cancelled_at ?? null),
    checkin_at: record.checkinAt,
    checked_out: record.checkedOut,
    checked_out_at: at(record.checkedOut, record.checkedOutAt, previous?.checked_out_at),
    patient_missed: record.missed,
    note: record.note === '' ? null : record.note,
    descriptor_ids: record.descriptors
      .flatMap((id) => maps.descriptors.get(`${location}:${id}`) ?? [])
      .sort((a, b) => a - b),
    gone: false,
    version: record.version,
    entered_at: record.enteredAt,
  }
}

/** Years are four digits here: instants are compared as text. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
/** Longer than any closure that a practice means: a slip of a digit must not take time for a century. */
const LONGEST_MS = hours(24 * 3660)

/** What is wrong with the times of a record, a sentence; null where nothing is. */
function misfitOf({ start, end }: AppointmentRecord): string | null {
  if (!INSTANT.test(start) || !INSTANT.test(end))
    return 'Its start or end is no instant of the years 0 to 9999.'
  if (end <= start) return 'It does not end after it starts.'
  return toMs(end) - toMs(start) > LONGEST_MS ? 'It lasts longer than ten years.' : null
}

/** What tells whether a record changed: all of it, and the ids that it was given here. */
export function hashOf(record: AppointmentRecord, mirror: Mirror): string {
  const { location_id, patient_id, provider_id, operatory_id, descriptor_ids } = mirror
  const ids = [location_id, patient_id, provider_id, operatory_id, descriptor_ids]
  return createHash('sha1')
    .update(JSON.stringify([record, ids]))
    .digest('base64')
}

export function isPlaced(mirror: Mirror | Unplaced): mirror is Mirror {
  return 'location_id' in mirror
}
