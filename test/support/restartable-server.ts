/** A migrated database on a PostgreSQL of one test's own, which the test may stop and start again. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { openClock } from '../../src/db/clock.ts'
import { openDatabase } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { asideFolder } from '../../src/db/embedded-place.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openPool } from '../../src/db/pool.ts'
import { newKey } from '../../src/db/seal.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'
import type { TestDatabase } from './database.ts'
import { atDatabase } from './database-url.ts'

export interface RestartableDatabase extends TestDatabase {
  /** Ends every session and the server. */
  stopServer(): Promise<void>
  /** Starts it again at the same address. */
  startServer(): Promise<void>
}

const silent = { info: () => undefined, warn: () => undefined }
const migrations = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Starts it; ended and removed with the scope. */
export async function restartableDatabase(): Promise<RestartableDatabase> {
  const stack = new AsyncDisposableStack()
  // The prefix by which the next run finds what a killed one has left.
  const dataDir = mkdtempSync(join(tmpdir(), 'slotbridge-test-'))
  chmodSync(dataDir, 0o711)
  stack.defer(() => {
    for (const folder of [dataDir, asideFolder(dataDir)]) rmSync(folder, { recursive: true, force: true })
  })
  const start = () => startEmbedded({ dataDir, log: silent })
  let server = await start()
  stack.defer(() => server.stop('immediate'))
  const directUrl = server.url
  const url = atDatabase(directUrl, { login: 'slotbridge' })
  await migrate(directUrl, 'slotbridge', migrations)
  const pool = openPool({ url, max: 4, prepare: true, applicationName: 'test' })
  stack.defer(() => pool.end())
  const database = openDatabase(pool, newKey(), tellChanges)
  const clock = await openClock(database.kysely)
  const look = async (text: string, values: unknown[] = []) => {
    const client = new pg.Client({ connectionString: directUrl })
    await client.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }
  return {
    database,
    clock,
    url,
    directUrl,
    look,
    async moveClock(ms) {
      await look('update test_clock set offset_ms = $1', [ms])
      await clock.measure()
    },
    stopServer: () => server.stop('fast'),
    async startServer() {
      server = await start()
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
