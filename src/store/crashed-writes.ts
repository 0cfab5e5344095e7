/** Writes that crashed their workers, and wait for a person. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'
import { nextState } from '../model/write-states.ts'

/**
 * Goes on with one: it is looked for again now, and sent again where it is not in effect (`retry`); or its time is over now,
 * so that it is looked for and ends as it stands (`give_up`). Wakes its push. Its appointment is locked before.
 */
export async function resolveCrashed(tx: Tenant, id: number, way: 'retry' | 'give_up'): Promise<void> {
  const said =
    way === 'retry'
      ? sql`state = ${nextState('needs_decision', 'doubted')}, crashes = 0, code = null, message = null`
      : sql`deadline = app_now()`
  const { rows } = await sql`
    with resolved as (
      update writes set ${said}, next_attempt_at = app_now() where institution_id = ${tx.institutionId} and id = ${id}
        and state = 'needs_decision' and code = 'crashed_repeatedly' returning data_source_id),
    woken as (
      insert into wakes (work_id) select k.id from work k join resolved on resolved.data_source_id = k.subject_id
      where k.kind = 'push' and k.institution_id = ${tx.institutionId})
    select from resolved`.execute(tx.db)
  if (rows.length === 0) throw new Error(`write ${id} waits for nobody because it crashed`)
}
