/** What the front desk books over an appointment of ours stays, and is noted, to be told. */
import type { Tenant } from '../db/database.ts'
import { toMs } from '../model/time.ts'
import { occupiedBy } from '../scheduling/conflicts.ts'
import { inTheWayOf } from '../scheduling/taken.ts'
import { type StoredAppointment, showAppointments } from '../store/appointments.ts'
import { listBusy, listOnOurs } from '../store/busy.ts'
import { noteConflict } from '../store/changes.ts'
import { getPolicy } from '../store/policies.ts'

/**
 * For rows that the record system holds in a new place or time: notes each appointment booked through us that one of them is
 * there too, and that the location's policy would not have let it in.
 */
export async function noteConflicts(tx: Tenant, rows: StoredAppointment[]): Promise<void> {
  const spans = rows.flatMap((row) =>
    row.booked_by_api_key_id !== null || !row.mirror || row.mirror.gone || row.mirror.cancelled
      ? []
      : occupiedBy(row).map((span) => ({ ...span, appointment_id: row.id })),
  )
  for (const { appointment_id, ...span } of await listOnOurs(tx, spans)) {
    const { location_id, start_time, end_time } = span
    const busy = await listBusy(tx, location_id, start_time, end_time)
    const others = busy
      .filter((other) => other.appointment_id !== appointment_id)
      .map((other) => ({ ...other, ...timesOf(other), hold_id: null }))
    const sharing = { policy: await getPolicy(tx, location_id), perSlot: null }
    const over = inTheWayOf({ ...span, ...timesOf(span) }, others, sharing)
    const ids = over.flatMap((other) => other.appointment_id ?? [])
    if (ids.length === 0) continue
    const ours = await showAppointments(tx, [...new Set(ids)])
    for (const appointment of ours)
      if (appointment.created_by_user_id !== null) noteConflict(tx, appointment.id, appointment_id)
  }
}

function timesOf({ start_time, end_time }: { start_time: string; end_time: string }) {
  return { start: toMs(start_time), end: toMs(end_time) }
}
