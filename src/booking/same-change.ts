/** The same change again, from a client that names no Idempotency-Key: it lost the first answer, and nothing more is owed. */
import type { Tenant } from '../db/database.ts'
import { type FieldName, type Fields, same } from '../model/appointment-state.ts'
import type { Asked, WriteKind } from '../model/writes.ts'
import { findLastAsked } from '../store/last-asked.ts'
import type { Intent } from './intent.ts'

/**
 * Takes out of an intent what the last write of its kind asks for already, while that is what is shown: it is still owed, or
 * was written and nobody changed it since. Warns of it.
 * @param owed what is shown without local edits
 */
export async function leaveOutSame(tx: Tenant, id: number, owed: Fields, intent: Intent): Promise<void> {
  if (intent.move) {
    const { start, end, operatoryId } = intent.move
    const asked = { start_time: start, end_time: end, operatory_id: operatoryId }
    if (await isOwed(tx, id, 'reschedule', asked, owed)) {
      intent.move = null
      warn(intent, 'move')
    }
  }
  if (intent.note !== undefined && (await isOwed(tx, id, 'note', { note: intent.note }, owed))) {
    intent.note = undefined
    warn(intent, 'note')
  }
}

async function isOwed(tx: Tenant, id: number, kind: WriteKind, asked: Asked, owed: Fields): Promise<boolean> {
  const names = Object.keys(asked) as FieldName[]
  if (!names.every((name) => same(owed[name], asked[name]))) return false
  const last = await findLastAsked(tx, id, kind)
  return last !== null && names.every((name) => same(last[name], asked[name]))
}

function warn(intent: Intent, what: string): void {
  intent.warnings.push(`The same ${what} is owed or was written already: nothing more is owed.`)
}
