/** Looking before sending again: an earlier attempt may have taken effect. */
import { Unavailable } from '../connectors/connector.ts'
import type { AppointmentRecord } from '../model/records.ts'
import { addMs } from '../model/time.ts'
import { lockAppointments } from '../store/appointments.ts'
import { now } from '../store/data-sources.ts'
import { deferWrite, lockWrite } from '../store/writes.ts'
import type { Push } from './at-work.ts'
import { endBadly } from './end.ts'
import { noteOutcome, type Prepared } from './prepare.ts'
import { retryAt } from './retry.ts'
import { standsAsAsked, stoodAsAsked } from './stood-as-asked.ts'

/**
 * Asks the record system whether a write whose outcome we do not know is in effect. Answers its record where it is, null
 * where it may be sent (again), and `wait` where neither can be said yet, or where it has ended meanwhile.
 */
export async function lookFor(
  push: Push,
  prepared: Prepared,
): Promise<{ record: AppointmentRecord } | null | 'wait'> {
  const { write, marker, appointment } = prepared
  const key = write.kind === 'insert' ? { marker } : { foreignId: appointment.foreign_id ?? '' }
  try {
    const record = await push.system.find(key)
    if (record && (write.kind === 'insert' || (await inEffect(push, prepared, record)))) return { record }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    if (!(await giveUpIfLate(push, prepared))) await wait(push, prepared, error.message)
    throw error
  }
  const { effect, maxInFlightMs } = push.system.capabilities
  const landed = prepared.lastAttemptAt && addMs(prepared.lastAttemptAt, maxInFlightMs)
  // What we gave up on may still land: a second copy is not sent before it cannot, where nothing refuses that copy, and a
  // write is not called ended before it cannot, anywhere.
  if (
    landed &&
    (effect === 'detected' || prepared.deadlinePassed) &&
    (await push.hold.inTenant(now)) < landed
  ) {
    await wait(push, prepared, 'An earlier attempt may still take effect.', landed)
    return 'wait'
  }
  if (!prepared.deadlinePassed) return null
  await push.hold.inTenant(async (tx) => {
    const [row] = await lockAppointments(tx, [appointment.id])
    const current = await lockWrite(tx, write.id)
    if (!row || !current) return
    await noteOutcome(tx, prepared, {
      outcome: 'unknown',
      code: null,
      message: 'Looked for; not there.',
    })
    await endBadly(
      tx,
      row,
      current,
      'timed_out',
      'deadline_passed',
      'It was not in effect when its time ran out.',
    )
  })
  return 'wait'
}

/** Whether it is in effect, or was and was changed since by the front desk. */
async function inEffect(push: Push, prepared: Prepared, record: AppointmentRecord): Promise<boolean> {
  return (await standsAsAsked(push, prepared, record)) || (await stoodAsAsked(push, prepared, record))
}

async function wait(push: Push, prepared: Prepared, message: string, until?: string): Promise<void> {
  await push.hold.inTenant(async (tx) => {
    const at = until ?? (await retryAt(tx, prepared.write.attempts))
    await deferWrite(tx, prepared.write.id, 'unknown', at, null, message)
  })
}

/** A write still unknown at its deadline ends `incomplete` and keeps its time blocked. */
async function giveUpIfLate(push: Push, prepared: Prepared): Promise<boolean> {
  if (!prepared.deadlinePassed) return false
  await push.hold.inTenant(async (tx) => {
    const [row] = await lockAppointments(tx, [prepared.appointment.id])
    const current = await lockWrite(tx, prepared.write.id)
    if (!row || !current) return
    await noteOutcome(tx, prepared, { outcome: 'unknown', code: null, message: 'Not reached.' })
    const message =
      'Whether it is in effect could not be found out before its time ran out. Please look there.'
    await endBadly(tx, row, current, 'incomplete', 'effect_unknown', message)
  })
  return true
}
