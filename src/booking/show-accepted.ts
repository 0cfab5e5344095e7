/** What a POST or a PATCH answers: the appointment as it is told. */
import type { Tenant } from '../db/database.ts'
import type { ShownAppointment } from '../model/appointment.ts'
import { tellChanges } from '../store/tell-changes.ts'

/** Tells what the request changed, and answers the appointment as it was told. Call when all is saved. */
export async function showAccepted(tx: Tenant, appointmentId: number): Promise<ShownAppointment> {
  const appointment = (await tellChanges(tx, appointmentId)).find(({ id }) => id === appointmentId)
  if (!appointment) throw new Error(`appointment ${appointmentId} was not saved`)
  return appointment
}
