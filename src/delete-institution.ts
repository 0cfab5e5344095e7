/**
 * Deleting an institution while others are served: the key goes first, in the commit with which nobody reaches it any more;
 * rows follow in small batches. Cut short, it goes on when it is asked for again.
 */
import { type Database, inGlobal, inKeyless, inOneTransaction, inWork } from './db/database.ts'
import { untilLetGo } from './rotate-keys.ts'
import {
  destroyKey,
  type Erasable,
  eraseBatch,
  forgetName,
  listErasedTables,
  stopWork,
} from './store/erase.ts'

/** Rows deleted in one transaction. */
const BATCH = 500

/** @returns how many rows were deleted, by table */
export async function deleteInstitution(
  database: Database,
  { id, generation }: Pick<Erasable, 'id' | 'generation'>,
): Promise<Record<string, number>> {
  await destroy(database, id)
  // Transactions that held the key may have told something, or owed it, until now.
  await untilLetGo(database, id, generation)
  await destroy(database, id)
  const erased: Record<string, number> = {}
  for (const table of await inGlobal(database, listErasedTables)) {
    for (;;) {
      const count = await inKeyless(database, id, (db) => eraseBatch(db, id, table, BATCH))
      if (count === 0) break
      erased[table] = (erased[table] ?? 0) + count
    }
  }
  await inGlobal(database, (tx) => forgetName(tx, id))
  return erased
}

async function destroy(database: Database, id: number): Promise<void> {
  await inOneTransaction(database, async (joined) => {
    await inWork(joined, (tx) => stopWork(tx, id))
    await inKeyless(joined, id, (db) => destroyKey(db, id))
  })
}
