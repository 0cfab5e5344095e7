/** The events of what was accepted; what the sync finds is told by the sync. */
import type { Tenant } from '../db/database.ts'
import type { ShownAppointment } from '../model/appointment.ts'
import { findAppointment } from '../store/appointments.ts'
import { recordEvent } from '../store/events.ts'

/** Tells that a POST or a PATCH was committed; answers the appointment as shown. */
export async function tellAccepted(
  tx: Tenant,
  appointmentId: number,
  previous: Record<string, unknown> | null,
): Promise<ShownAppointment> {
  const appointment = await findAppointment(tx, appointmentId)
  if (!appointment) throw new Error(`appointment ${appointmentId} was not saved`)
  await recordEvent(tx, {
    name: 'appointment_accepted',
    resourceType: 'Appointment',
    subjectId: appointmentId,
    body: previous ? { appointment, previous_attributes: previous } : { appointment },
  })
  return appointment
}
