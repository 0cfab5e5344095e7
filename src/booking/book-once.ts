/** Booking for a client that names no Idempotency-Key: the same booking again is answered with the appointment that stands. */
import type { Tenant } from '../db/database.ts'
import { Failure } from '../model/failures.ts'
import { findBookingLocation, findBookingType } from '../store/resources.ts'
import { answerSame } from './answer-same.ts'
import {
  type Booked,
  type Booking,
  bookAppointment,
  decidePatient,
  decideTimes,
  findPatientOf,
} from './book.ts'

/**
 * Books as `bookAppointment` does. However late the same booking comes again, and whatever it would be refused for by then
 * (its time is taken, by itself; its hold is gone; its start has passed), a live appointment wins over the refusal.
 */
export async function bookOnce(tx: Tenant, booking: Booking): Promise<Booked> {
  try {
    return await bookAppointment(tx, { ...booking, answersSame: true })
  } catch (error) {
    if (!(error instanceof Failure) || booking.unavailable) throw error
    const same = await findSame(tx, booking).catch(unlessRefused)
    if (same) return same
    throw error
  }
}

/** What cannot be read or found is not the same as anything. */
function unlessRefused(error: unknown): null {
  if (error instanceof Failure) return null
  throw error
}

async function findSame(tx: Tenant, booking: Booking): Promise<Booked | null> {
  const location = await findBookingLocation(tx, booking.locationId)
  if (!location) return null
  const typeId = booking.appointmentTypeId ?? booking.categoryId
  const type = typeId === null ? null : await findBookingType(tx, typeId, location.id)
  const times = decideTimes(location, booking, type?.minutes ?? null, null, true)
  // The end was the hold's, and the hold went with the first booking.
  const isEndOfHold = booking.end === null && typeId === null && (booking.holdId ?? null) !== null
  const patient = await decidePatient(tx, location, booking, await findPatientOf(tx, booking))
  return await answerSame(tx, {
    apiKeyId: booking.apiKeyId,
    locationId: location.id,
    patientId: patient?.id ?? null,
    providerId: booking.providerId,
    operatoryId: booking.operatoryId,
    start: times.start,
    end: isEndOfHold ? null : times.end,
  })
}
