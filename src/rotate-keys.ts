/**
 * Exchanging keys while everything runs. What is sealed says under which key, so that a rotation that was cut short goes on
 * where it was when it is asked for again, and ends only when nothing is left under the old key.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { dropPreviousKey, exchangeKey, isLetGo, rewrapKeys } from './db/data-keys.ts'
import {
  type Database,
  type Global,
  inGlobal,
  inKeyless,
  inTenant,
  masterKeysOf,
  type Tenant,
} from './db/database.ts'
import { markOf } from './db/seal.ts'
import { Failure } from './model/failures.ts'
import { listInstitutionIds } from './store/institutions.ts'
import {
  type At,
  countNotUnder,
  listForeignMarks,
  listSealedColumns,
  resealBatch,
  type SealedColumn,
} from './store/sealed-columns.ts'

/** Values sealed anew in one transaction: its rows are locked as long. */
const BATCH = 200
const LOOK_MS = 50

/** Runs a transaction of one kind. */
type Run = <T>(run: (tx: Tenant | Global) => Promise<T>) => Promise<T>

/** What a rotation did: how many values, and of how many institutions. */
export interface Rotated {
  institutions: number
  values: number
}

/**
 * Puts everything that a master key seals or wraps under the first of them.
 * @throws Failure where a process seals under another one meanwhile
 */
export async function rotateMasterKey(database: Database): Promise<Rotated> {
  const masters = masterKeysOf(database)
  const values = await resealAll((run) => inGlobal(database, run))
  let institutions = 0
  for (const id of await inGlobal(database, listInstitutionIds))
    if (await inKeyless(database, id, (db) => rewrapKeys(db, masters, id))) institutions += 1
  const left = await inGlobal(database, (tx) => listForeignMarks(tx, [markOf(masters[0])]))
  if (left.length > 0)
    throw new Failure(
      'unavailable',
      'A process seals under another master key still: restart each with the new one first in SLOTBRIDGE_MASTER_KEY, and run this again.',
    )
  return { institutions, values }
}

/**
 * Gives an institution a new data key, and seals anew what is under the one before. Both open while it runs; in the end the old
 * one is forgotten.
 * @returns how many values were sealed anew
 */
export async function rotateDataKey(database: Database, institutionId: number): Promise<number> {
  const before = await inKeyless(database, institutionId, (db) =>
    exchangeKey(db, masterKeysOf(database), institutionId),
  )
  await untilLetGo(database, institutionId, before)
  const run: Run = (work) => inTenant(database, institutionId, work)
  const values = await resealAll(run)
  await inTenant(database, institutionId, async (tx) => {
    for (const column of await listSealedColumns(tx))
      if ((await countNotUnder(tx, column)) > 0)
        throw new Error(`values of ${column.table}.${column.column} were left under the old key`)
    await dropPreviousKey(tx.db, institutionId)
  })
  return values
}

/** Waits until no transaction holds the institution's key of this generation. Asks, and never queues: a queue would hold up others. */
export async function untilLetGo(
  database: Database,
  institutionId: number,
  generation: number,
): Promise<void> {
  while (!(await inKeyless(database, institutionId, (db) => isLetGo(db, institutionId, generation))))
    await sleep(LOOK_MS)
}

async function resealAll(run: Run): Promise<number> {
  let values = 0
  for (const column of await run(listSealedColumns)) values += await resealColumn(run, column)
  return values
}

async function resealColumn(run: Run, column: SealedColumn): Promise<number> {
  let at: At = null
  let values = 0
  for (;;) {
    const done: Awaited<ReturnType<typeof resealBatch>> = await run((tx) =>
      resealBatch(tx, column, at, BATCH),
    )
    if (!done) return values
    at = done.at
    values += done.count
  }
}
