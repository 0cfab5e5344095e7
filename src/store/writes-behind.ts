/** What waits behind a write of the same appointment. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { same } from '../model/appointment-state.ts'
import type { Asked } from '../model/writes.ts'
import { lockOpenWrites, type Write } from './writes.ts'

/**
 * Has the writes behind one that stands begin from what it made: they were decided while it was owed, on the mirror from
 * before it, and what it changed was not changed by the front desk.
 * @param made the fields that it asked for, as they stand by it
 */
export async function decideFrom(
  tx: Tenant,
  { appointment_id, was: before }: Pick<Write, 'appointment_id' | 'was'>,
  made: Asked,
  version: string | null,
): Promise<void> {
  for (const { id, asked, was } of await lockOpenWrites(tx, appointment_id)) {
    const now = Object.entries(was).map(([name, value]) => {
      const isBefore = !(name in before) || same(value, Reflect.get(before, name))
      return [name, name in made && isBefore ? Reflect.get(made, name) : value]
    })
    // One that may have been sent (before our database went back, perhaps) is looked for in the history from where it was decided.
    await sql`update writes set asked_sealed = ${tx.seal({ asked, was: Object.fromEntries(now) })},
        decided_on = case state when 'pending' then ${version} else decided_on end
      where institution_id = ${tx.institutionId} and id = ${id}`.execute(tx.db)
  }
}
