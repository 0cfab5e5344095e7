/** Changes that are owed to the record system: each becomes a write, and is shown from its commit on. */
import type { Tenant } from '../db/database.ts'
import { baseOf, shownOf } from '../model/appointment-state.ts'
import { Failure } from '../model/failures.ts'
import { addMs, hours, type Instant } from '../model/time.ts'
import type { Asked, WriteKind } from '../model/writes.ts'
import type { StoredAppointment } from '../store/appointments.ts'
import type { BookingLocation } from '../store/resources.ts'
import { insertWrite } from '../store/writes.ts'
import { checkOperatory, takeTime } from './check-time.ts'
import type { Intent } from './intent.ts'
import { recordOverride } from './override.ts'

/** A change of an appointment may still be written until a day after its end. */
export function changeDeadline(row: StoredAppointment): Instant {
  return addMs(shownOf(row).end_time, hours(24))
}

/** Owes what the intent asks of the record system. Alters `row` in place. */
export async function oweChanges(
  tx: Tenant,
  row: StoredAppointment,
  location: BookingLocation,
  intent: Intent,
): Promise<void> {
  const base = baseOf(row)
  const owe = async (kind: WriteKind, asked: Asked) => {
    refuseUnsupported(location, kind, Object.keys(asked))
    const write = await insertWrite(tx, {
      data_source_id: row.data_source_id,
      appointment_id: row.id,
      kind,
      asked,
      was: Object.fromEntries(Object.keys(asked).map((name) => [name, Reflect.get(base, name)])),
      decided_on: row.mirror?.version ?? null,
      deadline: changeDeadline(row),
      promised_at: null,
    })
    layOver(row, asked, write)
    return write
  }
  if (intent.cancel) {
    // Both may be asked at once (the seed's sample): both are kept, the cancellation alone is pushed.
    const confirmed = intent.confirm ? { confirmed: true, confirmed_at: intent.now } : {}
    await owe('cancel', { cancelled: true, cancelled_at: intent.now, ...confirmed })
    return
  }
  if (intent.move) {
    const { start, end, operatoryId } = intent.move
    refuseUnsupported(location, 'reschedule', ['start_time', 'end_time', 'operatory_id'])
    await checkOperatory(tx, operatoryId, location.id)
    const span = { ...shownOf(row, true), start_time: start, end_time: end, operatory_id: operatoryId }
    const taken = await takeTime(tx, span, { appointmentId: row.id, overbooks: intent.overbook !== null })
    const write = await owe('reschedule', { start_time: start, end_time: end, operatory_id: operatoryId })
    intent.warnings.push(...(await recordOverride(tx, write, span, taken, intent)))
  }
  if (intent.note !== undefined) await owe('note', { note: intent.note })
  if (intent.confirm) await owe('confirm', { confirmed: true, confirmed_at: intent.now })
  if (intent.checkinAt) await owe('check_in', { checkin_at: intent.checkinAt })
}

/** Shows what a write asks for until it ends. Alters `row` in place. */
export function layOver(row: StoredAppointment, asked: Asked, write: number): void {
  const entries = Object.entries(asked).map(([name, value]) => [name, { value, write }])
  row.overlay = { ...row.overlay, ...Object.fromEntries(entries) }
}

/** A change that the data source cannot make is refused, never answered with a hollow 200 (decision 29). */
function refuseUnsupported(location: BookingLocation, kind: WriteKind, fields: string[]): void {
  const writes = location.capabilities?.writes
  if (!writes || writes[kind]) return
  throw new Failure(
    'unsupported_by_source',
    `${location.source_name} cannot be told of a changed ${fields.join(', ')}.`,
  )
}
