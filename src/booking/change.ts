/**
 * Changing an appointment: what the record system can be told is owed to it, anything else is a local edit that the next
 * pull undoes. Before the insertion was sent, a change alters what will be written.
 */
import type { Tenant } from '../db/database.ts'
import type { ShownAppointment } from '../model/appointment.ts'
import { shownOf } from '../model/appointment-state.ts'
import { Failure } from '../model/failures.ts'
import { findAppointment, lockAppointments } from '../store/appointments.ts'
import { findBookingLocation } from '../store/resources.ts'
import { saveAppointments } from '../store/save-appointments.ts'
import { lockOpenWrites } from '../store/writes.ts'
import { changeDraft } from './change-draft.ts'
import { editLocally } from './edit.ts'
import { type ChangeRequest, decideIntent } from './intent.ts'
import { fitNote, fitTimes } from './limits.ts'
import { oweChanges } from './owe.ts'
import { leaveOutSame } from './same-change.ts'
import { showAccepted } from './show-accepted.ts'

export interface Changed {
  id: number
  appointment: ShownAppointment
  warnings: string[]
}

/** Changes one appointment in the caller's transaction. Refuses with a `Failure`; nothing is then left. */
export async function changeAppointment(tx: Tenant, change: ChangeRequest): Promise<Changed> {
  const [row] = await lockAppointments(tx, [change.appointmentId])
  const shown = row && (await findAppointment(tx, row.id))
  if (!row || !shown) throw new Failure('not_found', 'Appointment not found')
  const location = await findBookingLocation(tx, shown.location_id)
  if (!location) throw new Error(`appointment ${row.id} has no location`)
  const open = await lockOpenWrites(tx, row.id)
  const insertion = open.find((write) => write.kind === 'insert')
  const unsent =
    (insertion?.state === 'pending' && insertion.attempts === 0) || insertion?.code === 'patient_ambiguous'
  const before = shownOf(row)
  const intent = decideIntent(change, shown, location.now, unsent)
  if (intent.note !== undefined) {
    const fitted = fitNote(intent.note, location.capabilities)
    intent.note = fitted.note
    intent.warnings.push(...fitted.warnings)
  }
  if (intent.move) {
    const fitted = fitTimes(intent.move, location.tz, location.capabilities, shown.unavailable)
    intent.move = { ...intent.move, start: fitted.start, end: fitted.end }
    intent.warnings.push(...fitted.warnings)
    if (intent.move.start <= location.now)
      throw new Failure('invalid_request', 'Parameter start_time must be in the future')
  }
  if (change.answersSame && !unsent) await leaveOutSame(tx, row.id, shownOf(row, true), intent)
  if (unsent && insertion) await changeDraft(tx, row, insertion, intent)
  else {
    await oweChanges(tx, row, location, intent)
    await editLocally(tx, row, intent)
  }
  const after = shownOf(row)
  if (JSON.stringify(before) === JSON.stringify(after))
    return { id: row.id, appointment: shown, warnings: intent.warnings }
  await saveAppointments(tx, [row])
  const appointment = await showAccepted(tx, row.id)
  return { id: row.id, appointment, warnings: intent.warnings }
}
