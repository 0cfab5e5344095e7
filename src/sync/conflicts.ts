/** What the front desk books over an appointment of ours stays, and is told. */
import type { Tenant } from '../db/database.ts'
import { conflicts, occupiedBy } from '../scheduling/conflicts.ts'
import { type StoredAppointment, showAppointments } from '../store/appointments.ts'
import { listBusy } from '../store/busy.ts'
import { type Told, tellAppointments } from './tell.ts'

/** For rows that came from the record system: tells each appointment booked through us that one of them now overlaps. */
export async function tellConflicts(tx: Tenant, rows: StoredAppointment[]): Promise<void> {
  const told: Told[] = []
  for (const row of rows) {
    if (row.booked_by_api_key_id !== null || !row.mirror || row.mirror.gone || row.mirror.cancelled) continue
    for (const span of occupiedBy(row)) {
      const busy = await listBusy(tx, span.location_id, span.start_time, span.end_time)
      const over = busy.filter((other) => other.appointment_id !== row.id && conflicts(other, span))
      const ours = await showAppointments(tx, [...new Set(over.map((other) => other.appointment_id))])
      for (const appointment of ours)
        if (appointment.created_by_user_id !== null)
          told.push({ id: appointment.id, name: 'conflict_detected', more: { conflicts_with: row.id } })
    }
  }
  await tellAppointments(tx, told)
}
