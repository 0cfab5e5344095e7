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
import { startChanged } from './changed-server.ts'
import type { TestDatabase } from './database.ts'
import { atDatabase } from './database-url.ts'

export interface RestartableDatabase extends TestDatabase {
  /** Ends every session and the server. */
  stopServer(): Promise<void>
  /** Starts it again at the same address, with settings such as `wal_level=replica` where they are given. */
  startServer(settings?: string[]): Promise<void>
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
  const first = await start()
  let server: Pick<typeof first, 'stop'> = first
  stack.defer(() => server.stop('immediate'))
  const directUrl = first.url
  const opened = stack.use(await openMigrated(directUrl, atDatabase(directUrl, { login: 'slotbridge' })))
  return {
    ...opened,
    stopServer: () => server.stop('fast'),
    async startServer(settings) {
      server = settings ? await startChanged(dataDir, settings, directUrl) : await start()
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/**
 * Migrates a database, whosever server it is on, and opens it.
 * @param directUrl a superuser's
 * @param url for the login `slotbridge`, which has its password by `prepare` where it needs one
 */
export async function openMigrated(
  directUrl: string,
  url: string,
  prepare?: (look: TestDatabase['look']) => Promise<unknown>,
): Promise<TestDatabase> {
  const look = async (text: string, values: unknown[] = []) => {
    const client = new pg.Client({ connectionString: directUrl })
    // One that breaks says so in the query's failure too.
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }
  await migrate(directUrl, 'slotbridge', migrations)
  await prepare?.(look)
  const pool = openPool({ url, max: 4, prepare: true, applicationName: 'test' })
  const database = openDatabase(pool, newKey(), tellChanges)
  const clock = await openClock(database.kysely)
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
    [Symbol.asyncDispose]: () => pool.end(),
  }
}
