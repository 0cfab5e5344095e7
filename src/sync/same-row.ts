/** Which appointment of ours a row there is, where a foreign id alone does not tell. */
import type { Mirror } from '../model/appointment-state.ts'
import type { Instant } from '../model/time.ts'
import type { StoredAppointment } from '../store/appointments.ts'

/**
 * After a backup was restored, a foreign id may be given out a second time. A row of another patient that was entered at
 * another time is another appointment; with only one of the two it is the same, corrected or merged. Where we know of the
 * backup (`isRestored`), one of the two is enough: whoever was booked anew for the same patient is a new appointment.
 */
export function isAnother(known: StoredAppointment, mirror: Mirror, isRestored = false): boolean {
  const held = known.mirror
  if (!held || held.unavailable || mirror.unavailable || !held.entered_at || !mirror.entered_at) return false
  if (held.entered_at === mirror.entered_at) return false
  return isRestored || held.patient_id !== mirror.patient_id
}

/** Takes its foreign id from an appointment that the system holds no longer: someone else's row bears it now. */
export function release(row: StoredAppointment, seenAt: Instant): void {
  const gone = row.mirror && { ...row.mirror, gone: true, cancelled_at: row.mirror.cancelled_at ?? seenAt }
  Object.assign(row, { mirror: gone, foreign_id: null, mirror_hash: null, mirror_seen_at: seenAt })
}
