/** The events of what the sync found or carried out. */
import type { Tenant } from '../db/database.ts'
import { baseOf, differences, type ShownFields, shownOf } from '../model/appointment-state.ts'
import type { EventName } from '../model/events.ts'
import { type StoredAppointment, showAppointments } from '../store/appointments.ts'
import { type NewEvent, recordEvents } from '../store/events.ts'

/** What was shown and what stood beneath it, before a change. */
export interface Before {
  base: ShownFields | null
  shown: ShownFields | null
}

/** Taken before a row is altered; null for a row that is new. */
export function before(row: StoredAppointment | null): Before {
  return { base: row?.mirror ? baseOf(row) : null, shown: row ? shownOf(row) : null }
}

/**
 * What changed, with the values from before: in what the record system says, and in what is shown. A confirmation of ours
 * that was read back changed the first, an undone local edit the second.
 */
export function previousAttributes(was: Before, row: StoredAppointment): Partial<ShownFields> {
  return {
    ...(was.base ? differences(was.base, baseOf(row)) : {}),
    ...(was.shown ? differences(was.shown, shownOf(row)) : {}),
  }
}

export interface Told {
  id: number
  name: EventName
  previous?: Record<string, unknown>
  more?: Record<string, unknown>
}

/** Records events about appointments as they are shown now. Call after they were saved. */
export async function tellAppointments(tx: Tenant, told: Told[]): Promise<void> {
  if (told.length === 0) return
  const shown = await showAppointments(tx, [...new Set(told.map((one) => one.id))])
  const byId = new Map(shown.map((appointment) => [appointment.id, appointment]))
  const events: NewEvent[] = told.map((one) => ({
    name: one.name,
    resourceType: 'Appointment',
    subjectId: one.id,
    body: {
      appointment: byId.get(one.id),
      ...(one.previous ? { previous_attributes: one.previous } : {}),
      ...one.more,
    },
  }))
  await recordEvents(tx, events)
}
