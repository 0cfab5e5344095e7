/** How a pull ends: local edits undone, status green, the first load told; and what a restored backup looks like. */

import type { Tenant } from '../db/database.ts'
import { shownOf, withoutEdits } from '../model/appointment-state.ts'
import type { Instant } from '../model/time.ts'
import { listEdited, lockAppointments, saveAppointments } from '../store/appointments.ts'
import { now, savePullProgress, setStatus } from '../store/data-sources.ts'
import { recordEvent } from '../store/events.ts'
import type { Pull } from './at-work.ts'
import { before, previousAttributes, type Told, tellAppointments } from './tell.ts'
import { tellStatus } from './tell-source.ts'

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
    if (await setStatus(tx, source.id, 'read', 'green', null)) await tellStatus(tx, source.id, 'read')
    if (!pull.quiet) return
    await recordEvent(tx, {
      name: 'data_source_loaded',
      resourceType: 'DataSource',
      subjectId: source.id,
      body: { data_source: { id: source.id, appointments: pull.appointments, patients: pull.patients } },
    })
  })
}

/**
 * A local edit ends with the first pull that begins after it and completes, whether or not its row came in that pull:
 * the record system is right.
 */
export async function undoEdits(tx: Tenant, sourceId: number, startedAt: Instant): Promise<void> {
  const rows = await lockAppointments(tx, await listEdited(tx, sourceId, startedAt))
  const told: Told[] = []
  for (const row of rows) {
    const was = before(row)
    row.overlay = withoutEdits(row.overlay, startedAt)
    // Edits of what only we know stay as they were before, too: nothing of them reached the record system.
    const previous = previousAttributes(was, row)
    if (was.shown && JSON.stringify(was.shown) !== JSON.stringify(shownOf(row)))
      told.push({ id: row.id, name: 'appointment_updated', previous })
  }
  await saveAppointments(tx, rows)
  await tellAppointments(tx, told)
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
    await savePullProgress(tx, source.id, { cursor: null, writing_stopped_at: await now(tx) })
    const reason = `The record system went back behind what we had read (${back.map(([name]) => name).join(', ')}): was a backup restored? Writing has stopped.`
    if (await setStatus(tx, source.id, 'write', 'red', reason)) await tellStatus(tx, source.id, 'write')
  })
}
