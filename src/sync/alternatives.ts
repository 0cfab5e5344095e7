/** Free times for an insertion or a move whose own was taken while it was on its way. */
import { Unavailable } from '../connectors/connector.ts'
import type { Tenant } from '../db/database.ts'
import { type Fields, shownOf } from '../model/appointment-state.ts'
import { addMs, hours, toMs } from '../model/time.ts'
import type { Span } from '../scheduling/conflicts.ts'
import type { TakenSpan } from '../scheduling/taken.ts'
import { findAlternatives } from '../store/alternatives.ts'
import { findMirrored, type StoredAppointment, showAppointments } from '../store/appointments.ts'
import { saveAlternatives, type Write } from '../store/writes.ts'
import type { Push } from './at-work.ts'
import { readTakenThere, type TakenThere } from './taken-there.ts'

/** So that the day before, the day itself and the day after are in it, whatever the zone. */
const NEAR_MS = hours(48)

/**
 * What the record system holds around a refused time: the mirror does not know yet who took its time. Where it cannot be
 * read now, the mirror alone must do: whatever is then booked is checked again.
 */
export async function readAround(push: Push, wanted: Span): Promise<TakenThere[]> {
  try {
    return await readTakenThere(push, addMs(wanted.start_time, -NEAR_MS), addMs(wanted.end_time, NEAR_MS))
  } catch (error) {
    if (error instanceof Unavailable) return []
    throw error
  }
}

/** Names the alternatives of a write that ended `slot_taken`; call it once its appointment was released. */
export async function nameAlternatives(
  tx: Tenant,
  appointment: StoredAppointment,
  write: Pick<Write, 'id' | 'kind' | 'asked'>,
  around: TakenThere[],
): Promise<void> {
  if (write.kind !== 'insert' && appointment.mirror === null) return
  const missed =
    write.kind === 'insert'
      ? appointment.draft
      : ({ ...shownOf(appointment, true), ...write.asked } as Fields)
  if (!missed) return
  const there: TakenSpan[] = await notMirrored(tx, appointment.data_source_id, around)
  // Whoever is there: not this time again.
  const { location_id, operatory_id, provider_id, start_time, end_time } = missed
  there.push({
    ...{ location_id, operatory_id, provider_id, unavailable: true, appointment_id: null, hold_id: null },
    ...{ start: toMs(start_time), end: toMs(end_time) },
  })
  await saveAlternatives(tx, write.id, await findAlternatives(tx, missed, null, there))
}

/** Those that our mirror does not show just so; the others are counted already. */
async function notMirrored(tx: Tenant, sourceId: number, around: TakenThere[]): Promise<TakenThere[]> {
  const ids = around.map(({ record }) => record.foreignId)
  const known = await findMirrored(tx, sourceId, ids, [])
  const rows = await showAppointments(
    tx,
    known.map(({ id }) => id),
  )
  const byForeignId = new Map(rows.map((row) => [row.foreign_id, row]))
  return around.filter(({ record, operatory_id, provider_id }) => {
    const row = byForeignId.get(record.foreignId)
    if (!row || row.cancelled) return true
    const isThere = row.operatory_id === operatory_id && row.provider_id === provider_id
    return !isThere || row.start_time !== record.start || row.end_time !== record.end
  })
}
