/** Changes before anything was sent: they alter what will be written, and a cancellation stops it. */
import type { Tenant } from '../db/database.ts'
import { INSERTION_FIELDS, isRetriable } from '../model/writes.ts'
import type { StoredAppointment } from '../store/appointments.ts'
import { endWrite, insertWrite, updateAsked, type Write } from '../store/writes.ts'
import { checkOperatory, takeTime } from './check-time.ts'
import type { Intent } from './intent.ts'
import { checkEdit } from './local-edits.ts'
import { recordOverride } from './override.ts'
import { changeDeadline, layOver } from './owe.ts'

/** Applies a change to the draft of an appointment whose insertion was not sent yet. Alters `row` in place. */
export async function changeDraft(
  tx: Tenant,
  row: StoredAppointment,
  insertion: Write,
  intent: Intent,
): Promise<void> {
  if (!row.draft) throw new Error(`appointment ${row.id} owes an insertion and has no draft`)
  const draft = { ...row.draft }
  for (const [name, value] of Object.entries(intent.edits)) {
    await checkEdit(tx, name as keyof typeof draft, value)
    Object.assign(draft, { [name]: value })
  }
  if (intent.note !== undefined) draft.note = intent.note
  if (intent.move) {
    draft.start_time = intent.move.start
    draft.end_time = intent.move.end
    draft.operatory_id = intent.move.operatoryId
    await checkOperatory(tx, draft.operatory_id, draft.location_id)
  }
  const moved = intent.move !== null || intent.edits.provider_id !== undefined
  if (moved && !intent.cancel) {
    const taken = await takeTime(tx, draft, { appointmentId: row.id, overbooks: intent.overbook !== null })
    intent.warnings.push(...(await recordOverride(tx, insertion.id, draft, taken, intent)))
  }
  if (intent.confirm) Object.assign(draft, { confirmed: true, confirmed_at: intent.now })
  if (intent.checkinAt) draft.checkin_at = intent.checkinAt
  if (intent.cancel) Object.assign(draft, { cancelled: true, cancelled_at: intent.now })
  row.draft = draft
  if (intent.cancel) return await stopInsertion(tx, insertion)
  const asked = Object.fromEntries(INSERTION_FIELDS.map((name) => [name, draft[name]]))
  await updateAsked(tx, insertion.id, asked, draft.start_time)
  await oweBehind(tx, row, intent)
}

/**
 * An insertion carries no status: a confirmation or a check-in goes behind it as a write of its own, and is shown until that
 * one ends, also once the insertion has read back without it.
 */
async function oweBehind(tx: Tenant, row: StoredAppointment, intent: Intent): Promise<void> {
  const later = {
    data_source_id: row.data_source_id,
    appointment_id: row.id,
    was: {},
    decided_on: null,
    promised_at: null,
  }
  if (intent.confirm) {
    const asked = { confirmed: true, confirmed_at: intent.now }
    const write = await insertWrite(tx, { ...later, kind: 'confirm', asked, deadline: changeDeadline(row) })
    layOver(row, asked, write)
  }
  if (intent.checkinAt) {
    const asked = { checkin_at: intent.checkinAt }
    const write = await insertWrite(tx, { ...later, kind: 'check_in', asked, deadline: changeDeadline(row) })
    layOver(row, asked, write)
  }
}

async function stopInsertion(tx: Tenant, insertion: Write): Promise<void> {
  await endWrite(tx, insertion.id, {
    state: 'failed',
    code: 'cancelled_first',
    message: 'It was cancelled before it was sent to the health record system.',
    retriable: isRetriable('cancelled_first'),
    differing: [],
  })
}
