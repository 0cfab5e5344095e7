/** A database of one test's own, on the run's PostgreSQL. */

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { type Clock, openClock } from '../../src/db/clock.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { openPool } from '../../src/db/pool.ts'
import { newKey } from '../../src/db/seal.ts'
import { tellChanges } from '../../src/store/tell-changes.ts'
import { atDatabase } from './database-url.ts'

export interface TestDatabase extends AsyncDisposable {
  database: Database
  clock: Clock
  /** As the application logs in: under row-level security. */
  url: string
  /** As a superuser, to look at everything and to change what only tests change. */
  directUrl: string
  /** Moves `app_now()` to `ms` milliseconds after the real time, for everybody on this database, and measures `clock` again. */
  moveClock(ms: number): Promise<void>
  /** Runs a statement as the superuser. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever columns they asked for
  look(text: string, values?: unknown[]): Promise<any[]>
}

export interface OpenedDatabase extends TestDatabase {
  /** Ends every connection of ours to it, for good: what is copied has nobody connected. */
  leave(): Promise<void>
}

/** A PostgreSQL with a migrated database in it to copy. */
export interface Ground {
  /** A superuser's. */
  serverUrl: string
  template: string
}

/**
 * A fresh, migrated database: `await using t = await testDatabase()`. Dropped when the scope ends.
 * @param poolMax most connections of its pool
 */
export async function testDatabase(poolMax = 10): Promise<TestDatabase> {
  return await openTestDatabase({ serverUrl: inject('serverUrl'), template: inject('template') }, { poolMax })
}

interface Opening {
  poolMax?: number
  /** Copies of one database share its sealed rows, and so its master key. */
  masterKey?: Buffer
  /** Commits wait for no disk: for runs in which nothing crashes. */
  isHasty?: boolean
}

/** The same on any ground. */
export async function openTestDatabase(
  { serverUrl, template }: Ground,
  { poolMax = 10, masterKey = newKey(), isHasty = false }: Opening = {},
): Promise<OpenedDatabase> {
  const name = `${template}_${randomBytes(5).toString('hex')}`
  await onServer(serverUrl, (client) => client.query(`create database ${name} template ${template}`))
  const login = new URL(atDatabase(serverUrl, { login: 'slotbridge', database: name }))
  if (isHasty) login.searchParams.set('options', '-c synchronous_commit=off')
  const url = login.href
  const directUrl = atDatabase(serverUrl, { database: name })
  const pool = openPool({ url, max: poolMax, prepare: true, applicationName: 'test' })
  const database = openDatabase(pool, masterKey, tellChanges)
  const clock = await openClock(database.kysely)
  const looker = openLooker(directUrl)
  const { look } = looker
  const leave = async () => {
    await Promise.all([pool.end(), looker.end()])
  }
  let hasLeft: Promise<void> | undefined
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
    async leave() {
      hasLeft ??= leave()
      await hasLeft
    },
    async [Symbol.asyncDispose]() {
      hasLeft ??= leave()
      await hasLeft
      await onServer(serverUrl, (client) => client.query(`drop database ${name} with (force)`))
    },
  }
}

const TERMINATED = '57P01'
const LOOK_IDLE_MS = 2_000

/** A superuser's connections, kept for a while: tests look again and again. */
function openLooker(connectionString: string) {
  const pool = new pg.Pool({
    connectionString,
    max: 3,
    idleTimeoutMillis: LOOK_IDLE_MS,
    allowExitOnIdle: true,
  })
  // A server that restarts, and whoever throws everybody out, ends them while nobody looks.
  pool.on('error', () => undefined)
  const isGone = (error: unknown): boolean =>
    error instanceof pg.DatabaseError
      ? error.code === TERMINATED
      : error instanceof Error && error.message.startsWith('Connection terminated')
  const look = async (text: string, values: unknown[] = []) => {
    try {
      return (await pool.query(text, values)).rows
    } catch (error) {
      if (!isGone(error)) throw error
      return (await pool.query(text, values)).rows
    }
  }
  return { look, end: () => pool.end() }
}

async function onServer(serverUrl: string, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await run(client)
  } finally {
    await client.end()
  }
}
