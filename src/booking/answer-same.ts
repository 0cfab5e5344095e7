/** A booking that stands already is answered with it: whoever asks again without an Idempotency-Key lost the first answer. */
import type { Tenant } from '../db/database.ts'
import type { ShownAppointment } from '../model/appointment.ts'
import { findAppointment } from '../store/appointments.ts'
import { findSameAppointment, type SameBooking } from '../store/same-appointment.ts'

/** The appointment that is the same booking, with a warning; null where there is none. */
export async function answerSame(
  tx: Tenant,
  same: Omit<SameBooking, 'patientId'> & { patientId: number | null },
): Promise<{ id: number; appointment: ShownAppointment; warnings: string[] } | null> {
  const { patientId } = same
  if (patientId === null) return null
  const id = await findSameAppointment(tx, { ...same, patientId })
  const appointment = id === null ? null : await findAppointment(tx, id)
  if (!appointment) return null
  const warning = `Nothing was booked: appointment ${appointment.id} is the same booking (patient, provider, operatory, start and end) and is answered here.`
  return { id: appointment.id, appointment, warnings: [warning] }
}
