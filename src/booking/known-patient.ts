/** Whether a person who is about to be added is there already: asked under the lock that adding them takes. */
import type { Tenant } from '../db/database.ts'
import type { Identity } from '../model/same-person.ts'
import { findMatches, lockPerson } from '../store/patients.ts'

export interface Known {
  /** Somebody is this person: name, birth date and a phone agree. */
  exists: boolean
  /** Who; null where the record system holds the person more than once: which one is decided when the patient is written. */
  known: { id: number; foreign_id: string | null } | null
}

/**
 * Looks for a person, and keeps everybody else from adding the same until the transaction ends. Of a person whom the
 * record system holds twice, the placeholder that waits for the decision is the one, where there is such.
 */
export async function findKnown(tx: Tenant, dataSourceId: number, person: Identity): Promise<Known> {
  await lockPerson(tx, person)
  const matches = await findMatches(tx, dataSourceId, person)
  const [only, ...others] = matches
  if (others.length === 0) return { exists: only !== undefined, known: only ?? null }
  return { exists: true, known: matches.find(({ foreign_id }) => foreign_id === null) ?? null }
}
