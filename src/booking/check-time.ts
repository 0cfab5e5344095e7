/** Whether a time is free, and if not, what is in the way. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { toInstant, toMs } from '../model/time.ts'
import type { Span } from '../scheduling/conflicts.ts'
import { inTheWayOf } from '../scheduling/taken.ts'
import { showAppointments } from '../store/appointments.ts'
import { findBookingOperatory, lockResources } from '../store/resources.ts'
import { listTaken } from '../store/taken-time.ts'

/**
 * Locks the resources of a span and refuses with `slot_taken` where anything but the appointment `exceptId` and the hold
 * `exceptHoldId` occupies them. All that is in the way is named: by id, kind and time, never by patient.
 */
export async function takeTime(
  tx: Tenant,
  span: Span,
  exceptId: number | null,
  exceptHoldId: number | null = null,
): Promise<void> {
  await lockResources(tx, {
    locationId: span.location_id,
    operatoryId: span.operatory_id,
    providerId: span.provider_id,
  })
  const { start_time: from, end_time: to } = span
  const taken = await listTaken(tx, { locationIds: [span.location_id], from, to, of: null })
  const rows = inTheWayOf({ ...span, start: toMs(from), end: toMs(to) }, taken)
  const appointments = rows.flatMap((row) => row.appointment_id ?? []).filter((id) => id !== exceptId)
  const holds = rows.filter((row) => row.hold_id !== null && row.hold_id !== exceptHoldId)
  if (appointments.length + holds.length === 0) return
  const shown = await showAppointments(tx, [...new Set(appointments)])
  throw new Failure('slot_taken', [
    ...shown.map((row) => {
      const what = row.unavailable ? 'block' : 'appointment'
      return `The requested time is not available: ${what} ${row.id} is there from ${row.start_time} to ${row.end_time}.`
    }),
    ...holds.map(
      (row) =>
        `The requested time is not available: hold ${row.hold_id} is there from ${toInstant(row.start)} to ${toInstant(row.end)}.`,
    ),
  ])
}

/** Refuses an operatory of another location, or none that exists. */
export async function checkOperatory(
  tx: Tenant,
  operatoryId: number | null,
  locationId: number,
): Promise<void> {
  if (operatoryId === null) return
  const operatory = await findBookingOperatory(tx, operatoryId)
  if (operatory?.location_id !== locationId) throw new Failure('not_found', 'Operatory not found')
}
