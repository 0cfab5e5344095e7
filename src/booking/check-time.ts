/** Whether a time is free, and if not, what is in the way. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { conflicts, type Span } from '../scheduling/conflicts.ts'
import { showAppointments } from '../store/appointments.ts'
import { listBusy } from '../store/busy.ts'
import { findBookingOperatory, lockResources } from '../store/resources.ts'

/**
 * Locks the resources of a span and refuses with `slot_taken` where anything but `exceptId` occupies them. All that is in
 * the way is named: by id, kind and time, never by patient.
 */
export async function takeTime(tx: Tenant, span: Span, exceptId: number | null): Promise<void> {
  await lockResources(tx, {
    locationId: span.location_id,
    operatoryId: span.operatory_id,
    providerId: span.provider_id,
  })
  const busy = await listBusy(tx, span.location_id, span.start_time, span.end_time)
  const ids = busy
    .filter((row) => row.appointment_id !== exceptId && conflicts(row, span))
    .map((row) => row.appointment_id)
  if (ids.length === 0) return
  const inTheWay = await showAppointments(tx, [...new Set(ids)])
  throw new Failure(
    'slot_taken',
    inTheWay.map((row) => {
      const what = row.unavailable ? 'block' : 'appointment'
      return `The requested time is not available: ${what} ${row.id} is there from ${row.start_time} to ${row.end_time}.`
    }),
  )
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
