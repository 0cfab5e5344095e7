/** Local edits: shown at once, owed to nobody, undone by the first pull that begins after them. */
import type { Tenant } from '../db/database.ts'
import type { FieldName } from '../model/appointment-state.ts'
import { shownOf, withEdit } from '../model/appointment-state.ts'
import { Failure } from '../model/failures.ts'
import { toInstant, toMs } from '../model/time.ts'
import type { StoredAppointment } from '../store/appointments.ts'
import type { Intent } from './intent.ts'
import { checkEdit } from './local-edits.ts'

/** Lays the intent's edits over the appointment, with a warning that says what will become of them. Alters `row` in place. */
export async function editLocally(tx: Tenant, row: StoredAppointment, intent: Intent): Promise<void> {
  const names = Object.keys(intent.edits) as FieldName[]
  if (names.length === 0) return
  const edits: Partial<Record<FieldName, unknown>> = { ...intent.edits }
  const shown = shownOf(row)
  if (edits.start_time !== undefined && edits.end_time === undefined) {
    const length = toMs(shown.end_time) - toMs(shown.start_time)
    edits.end_time = toInstant(toMs(String(edits.start_time)) + length)
  }
  const start = String(edits.start_time ?? shown.start_time)
  if (String(edits.end_time ?? shown.end_time) <= start)
    throw new Failure('invalid_request', 'Parameter end_time must be after start_time')
  for (const [name, value] of Object.entries(edits) as [FieldName, unknown][]) {
    await checkEdit(tx, name, value)
    row.overlay = withEdit(row.overlay, name, value, intent.now)
  }
  intent.warnings.push(
    `${names.join(', ')}: changed here only. The health record system is right: the next sync undoes this.`,
  )
}
