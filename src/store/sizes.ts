/** How large the tables are that a first load fills, as PostgreSQL's planner believes. */
import { sql } from 'kysely'
import type { Tenant } from '../db/database.ts'

/** What a load fills. */
export type Filled = 'patients' | 'appointments' | 'procedures'

/**
 * Has the planner look at a table again: it forgets the plans it kept of it. In a transaction of its own, since whoever asks
 * for the same waits for its end.
 */
export async function noteSize(tx: Tenant, noun: Filled): Promise<void> {
  await sql`select note_size(${noun})`.execute(tx.db)
}
