/**
 * Keeps the high-water file: before a process hands out ids, and every few seconds after that, it looks how far the sequences
 * came and promises well ahead of them. Every process that serves keeps one, whichever handed the ids out.
 */
import { join } from 'node:path'
import type { Config } from './config.ts'
import { type Database, inGlobal } from './db/database.ts'
import { type HighWater, readHighWater, writeHighWater } from './high-water-file.ts'
import { Failure } from './model/failures.ts'
import { beatOnce, type HandedOut, listHandedOut, readLife } from './store/high-water.ts'

/** What is promised ahead. A new promise is made when half of it is used up: more than any noun hands out between two looks. */
const BLOCK = 500_000
const LOOK_MS = 5_000

export interface KeepOptions {
  database: Database
  /** Null: kept nowhere. */
  file: string | null
  log: { warn(fields: Record<string, unknown>, message: string): void }
}

/** Where it is kept; null: nowhere. */
export function highWaterFile(config: Pick<Config, 'highWater' | 'dataDir'>): string | null {
  return config.highWater === 'off' ? null : (config.highWater ?? join(config.dataDir, 'high-water.json'))
}

/**
 * Starts keeping the file. Ready when the first promise is written.
 * @throws Failure where the database went back behind what the file saw
 */
export async function keepHighWater({ database, file, log }: KeepOptions): Promise<AsyncDisposable> {
  if (file === null) return { [Symbol.asyncDispose]: async () => undefined }
  await refuseRestored(database, file)
  let hasFailed = false
  const look = async () => {
    try {
      await promiseAhead(database, file)
      hasFailed = false
    } catch (error) {
      if (!hasFailed)
        log.warn({ err: error }, 'ids that are handed out are promised nowhere: see SLOTBRIDGE_HIGH_WATER')
      hasFailed = true
    }
  }
  await look()
  let looking = Promise.resolve()
  const timer = setInterval(() => {
    looking = looking.then(look)
  }, LOOK_MS)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await looking
    },
  }
}

/** @throws Failure where a process saw more of this database than it holds now */
async function refuseRestored(database: Database, file: string): Promise<void> {
  const { id, epoch, beat } = await inGlobal(database, readLife)
  const seen = id === null ? undefined : readHighWater(file)[id]
  const wentBack = seen && (seen.epoch > epoch || (seen.epoch === epoch && seen.beat > beat))
  if (wentBack)
    throw new Failure(
      'invalid_request',
      `The database went back behind what ${file} saw of it: was a backup restored? Run ./slotbridge recover --restored first (docs/operations/recovery.md).`,
    )
}

/** Looks how far the sequences came, and promises ahead of them. */
export async function promiseAhead(database: Database, file: string): Promise<void> {
  // The beat is committed before the file tells of it: the file is never ahead of a database that did not go back.
  const { id, epoch, beat } = await inGlobal(database, beatOnce)
  const handedOut = await inGlobal(database, listHandedOut)
  const before = readHighWater(file)[id]
  const ids = promiseFor(handedOut, before)
  const isRaised = Object.entries(ids).some(([name, above]) => before?.ids[name] !== above)
  writeHighWater(file, id, { epoch, beat, ids }, isRaised)
}

/** A promise for each sequence: the one that stands, unless half of it is used up. */
export function promiseFor(handedOut: HandedOut, before: HighWater | undefined): HandedOut {
  return Object.fromEntries(
    Object.entries(handedOut).map(([name, last]) => {
      const stands = before?.ids[name] ?? 0
      return [name, stands >= last + BLOCK / 2 ? stands : last + BLOCK]
    }),
  )
}
