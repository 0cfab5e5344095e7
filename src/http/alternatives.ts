/** A refusal for a taken time names up to three free ones. */
import { SlotTaken } from '../booking/check-time.ts'
import { type Database, inTenant, type Tenant } from '../db/database.ts'
import { findAlternatives } from '../store/alternatives.ts'

/**
 * Runs a request's transaction. Where it is refused for a taken time, free ones are looked for after it has let go of its
 * locks, and go with the refusal as its `data`.
 */
export async function withAlternatives<T>(
  database: Database,
  institutionId: number,
  run: () => Promise<T>,
): Promise<T> {
  return await naming((refused) => inTenant(database, institutionId, (tx) => nameIn(tx, refused)), run)
}

/** The same for a part of a transaction, which goes on after the part's locks were let go. */
export async function withAlternativesIn<T>(tx: Tenant, run: () => Promise<T>): Promise<T> {
  return await naming((refused) => nameIn(tx, refused), run)
}

async function naming<T>(name: (refused: SlotTaken) => Promise<void>, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof SlotTaken) await name(error)
    throw error
  }
}

async function nameIn(tx: Tenant, refused: SlotTaken): Promise<void> {
  refused.data = { alternatives: await findAlternatives(tx, refused.wanted, refused.perSlot) }
}
