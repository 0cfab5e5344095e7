/** How a write ends other than written: what is shown goes back to what stands. */
import type { Tenant } from '../db/database.ts'
import { withoutWrite, withUnsure } from '../model/appointment-state.ts'
import { isRetriable, type WriteCode } from '../model/writes.ts'
import type { StoredAppointment } from '../store/appointments.ts'
import { now } from '../store/data-sources.ts'
import { saveAppointments } from '../store/save-appointments.ts'
import { endWrite, lockOpenWrites, type Write } from '../store/writes.ts'
import { nameAlternatives } from './alternatives.ts'
import type { TakenThere } from './taken-there.ts'

type BadEnd = 'failed' | 'timed_out' | 'incomplete'

/**
 * Ends a write that is known not to be in effect (`failed`, `timed_out`), or whose effect is not known (`incomplete`).
 * A failed insertion leaves a cancelled appointment without a foreign id (decision 8) and ends what waited behind it; one
 * whose effect is unknown keeps its time. A failed change is no longer shown; one whose effect is unknown is until the next pull.
 * @param around what the record system holds near a time that was taken
 */
export async function endBadly(
  tx: Tenant,
  appointment: StoredAppointment,
  write: Write,
  state: BadEnd,
  code: WriteCode,
  message: string,
  around: TakenThere[] = [],
): Promise<void> {
  await endWrite(tx, write.id, { state, code, message, retriable: isRetriable(code), differing: [] })
  if (write.kind === 'insert') {
    if (state !== 'incomplete' && appointment.draft)
      appointment.draft = { ...appointment.draft, cancelled: true, cancelled_at: await now(tx) }
    const behind = state === 'incomplete' ? [] : await lockOpenWrites(tx, appointment.id)
    for (const one of behind) {
      await endWrite(tx, one.id, {
        state: 'failed',
        code: 'superseded',
        message: 'The appointment itself could not be written.',
        retriable: isRetriable('superseded'),
        differing: [],
      })
      appointment.overlay = withoutWrite(appointment.overlay, one.id)
    }
  } else if (state === 'incomplete') {
    appointment.overlay = withUnsure(appointment.overlay, write.id, await now(tx))
  } else appointment.overlay = withoutWrite(appointment.overlay, write.id)
  await saveAppointments(tx, [appointment])
  if (code === 'slot_taken') await nameAlternatives(tx, appointment, write, around)
}

/** Ends a change that the front desk made before us: what was asked for stands. */
export async function endInEffect(tx: Tenant, appointment: StoredAppointment, write: Write): Promise<void> {
  await endWrite(tx, write.id, {
    state: 'complete',
    code: 'already_in_effect',
    message: 'The front desk had done the same already.',
    retriable: null,
    differing: [],
  })
  appointment.overlay = withoutWrite(appointment.overlay, write.id)
  await saveAppointments(tx, [appointment])
}

/** Ends a change whose appointment was never written. */
export async function supersede(tx: Tenant, appointment: StoredAppointment, write: Write): Promise<void> {
  const message = 'The appointment itself was not written.'
  await endBadly(tx, appointment, write, 'failed', 'superseded', message)
}
