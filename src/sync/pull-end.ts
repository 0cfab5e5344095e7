/** How a pull ends: local edits undone, status green, the first load told; and what a restored backup looks like. */

import type { Tenant } from '../db/database.ts'
import { withoutEdits } from '../model/appointment-state.ts'
import type { Instant } from '../model/time.ts'
import { listEdited, lockAppointments } from '../store/appointments.ts'
import { noteLoaded } from '../store/changes.ts'
import { now, savePullProgress, setStatus } from '../store/data-sources.ts'
import { saveAppointments } from '../store/save-appointments.ts'
import type { Pull } from './at-work.ts'

/** Completes a pull in one transaction. */
export async function finishPull(pull: Pull): Promise<void> {
  const { hold, source, startedAt } = pull
  await hold.inTenant(async (tx) => {
    await undoEdits(tx, source.id, startedAt)
    const completedAt = await now(tx)
    await savePullProgress(tx, source.id, {
      pull_started_at: startedAt,
      pull_completed_at: completedAt,
      ...(pull.quiet ? { loaded_at: completedAt } : {}),
    })
    await setStatus(tx, source.id, 'read', 'green', null)
    const { appointments, patients } = pull
    if (pull.quiet) noteLoaded(tx, { id: source.id, appointments, patients })
  })
}

/**
 * A local edit ends with the first pull that begins after it and completes, whether or not its row came in that pull:
 * the record system is right.
 */
export async function undoEdits(tx: Tenant, sourceId: number, startedAt: Instant): Promise<void> {
  const rows = await lockAppointments(tx, await listEdited(tx, sourceId, startedAt))
  for (const row of rows) row.overlay = withoutEdits(row.overlay, startedAt)
  await saveAppointments(tx, rows)
}

/**
 * High-water marks only grow. One that went back means that the practice restored a backup: writing stops until someone
 * looked, and everything is read again.
 */
export async function checkMarks(pull: Pull, marks: Record<string, number>): Promise<void> {
  const { hold, source } = pull
  const back = Object.entries(source.marks).filter(([name, mark]) => (marks[name] ?? mark) < mark)
  if (back.length === 0) return
  source.cursor = null
  await hold.inTenant(async (tx) => {
    const at = await now(tx)
    source.writing_stopped_at = at
    // The window too is read after this: only then is it known what is gone.
    await savePullProgress(tx, source.id, {
      cursor: null,
      window_read_at: null,
      writing_stopped_at: at,
      restored_at: at,
    })
    const reason = `The record system went back behind what we had read (${back.map(([name]) => name).join(', ')}): was a backup restored? Writing has stopped.`
    await setStatus(tx, source.id, 'write', 'red', reason)
  })
}
