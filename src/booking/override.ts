/** Booking over what is there, where the key may and says why. */
import type { Tenant } from '../db/database.ts'
import type { Span } from '../scheduling/conflicts.ts'
import { insertOverride } from '../store/overrides.ts'
import type { TakenTime } from './check-time.ts'

/** Asked with a booking or a move. */
export interface Overbook {
  reason: string
}

/**
 * Records an override beside its write; nothing where none was asked. It counts at the write too: what the front desk books
 * there meanwhile does not stop it.
 */
export async function recordOverride(
  tx: Tenant,
  writeId: number,
  span: Span,
  taken: TakenTime,
  asked: { apiKeyId: number; overbook: Overbook | null },
): Promise<string[]> {
  if (asked.overbook === null) return []
  const { appointmentIds, holdIds } = taken
  await insertOverride(tx, writeId, span, {
    api_key_id: asked.apiKeyId,
    reason: asked.overbook.reason,
    appointment_ids: appointmentIds,
    hold_ids: holdIds,
  })
  return [...appointmentIds, ...holdIds].length > 0
    ? [overbooked(appointmentIds, holdIds)]
    : ['overbook was not needed now: nothing is in the way. It counts when the appointment is written.']
}

function overbooked(appointmentIds: number[], holdIds: number[]): string {
  const rows = [...appointmentIds.map((id) => `appointment ${id}`), ...holdIds.map((id) => `hold ${id}`)]
  return `Booked over ${rows.join(', ')}, as overbook asked.`
}
