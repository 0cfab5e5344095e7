/** What the front desk books over an appointment of ours stays, and is noted, to be told. */
import type { Tenant } from '../db/database.ts'
import { conflicts, occupiedBy } from '../scheduling/conflicts.ts'
import { type StoredAppointment, showAppointments } from '../store/appointments.ts'
import { listBusy } from '../store/busy.ts'
import { noteConflict } from '../store/changes.ts'

/** For rows that came from the record system: notes each appointment booked through us that one of them now overlaps. */
export async function noteConflicts(tx: Tenant, rows: StoredAppointment[]): Promise<void> {
  for (const row of rows) {
    if (row.booked_by_api_key_id !== null || !row.mirror || row.mirror.gone || row.mirror.cancelled) continue
    for (const span of occupiedBy(row)) {
      const busy = await listBusy(tx, span.location_id, span.start_time, span.end_time)
      const over = busy.filter((other) => other.appointment_id !== row.id && conflicts(other, span))
      const ours = await showAppointments(tx, [...new Set(over.map((other) => other.appointment_id))])
      for (const appointment of ours)
        if (appointment.created_by_user_id !== null) noteConflict(tx, appointment.id, row.id)
    }
  }
}
