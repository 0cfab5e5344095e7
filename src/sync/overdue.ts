/** Writes whose time ran out before anything of them was sent: they end on time, also while the record system is away. */
import type { Tenant } from '../db/database.ts'
import { lockAppointments, type StoredAppointment } from '../store/appointments.ts'
import { now } from '../store/data-sources.ts'
import { listOverdue } from '../store/due-writes.ts'
import { lockPatientOf } from '../store/patients-mirror.ts'
import { lockWrite, type Write } from '../store/writes.ts'
import type { Hold } from '../work/hold.ts'
import { endBadly } from './end.ts'

const BATCH = 50

/** Ends the pending writes of a data source that passed their deadline, at most fifty; nothing is asked of the system. */
export async function endOverdue(hold: Hold, sourceId: number): Promise<void> {
  const overdue = await hold.inTenant((tx) => listOverdue(tx, sourceId, BATCH))
  for (const { id, appointment_id, traceparent } of overdue)
    await hold.inTrace(traceparent).inTenant(async (tx) => {
      await lockPatientOf(tx, appointment_id)
      const [appointment] = await lockAppointments(tx, [appointment_id])
      const write = await lockWrite(tx, id)
      if (!appointment || write?.state !== 'pending' || write.deadline > (await now(tx))) return
      await endLate(tx, appointment, write)
    })
}

/** Ends a write that is certainly not in effect, for its deadline. */
export async function endLate(tx: Tenant, appointment: StoredAppointment, write: Write): Promise<void> {
  const message =
    write.kind === 'insert'
      ? 'It could not be written before the appointment was to start.'
      : 'It could not be written within a day of the end of the appointment.'
  await endBadly(tx, appointment, write, 'timed_out', 'deadline_passed', message)
}
