/** The installation that a process works on: its database, master key and clock; embedded, or at DATABASE_URL. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import type { Config } from './config.ts'
import { type Clock, openClock } from './db/clock.ts'
import type { MasterKeys } from './db/data-keys.ts'
import { type Database, inGlobal, masterKeysOf, openDatabase, refuseUnboundLogin } from './db/database.ts'
import { type Embedded, type EmbeddedLog, findEmbedded, startEmbedded } from './db/embedded.ts'
import { migrate, readMigrations } from './db/migrate.ts'
import { holdDataDir, type OwnerLock } from './db/owner-lock.ts'
import { openPool } from './db/pool.ts'
import { markOf } from './db/seal.ts'
import { keepMasterKeys } from './master-key-file.ts'
import { Failure } from './model/failures.ts'
import { listForeignMarks } from './store/sealed-columns.ts'
import { tellChanges } from './store/tell-changes.ts'

export interface Installation extends AsyncDisposable {
  database: Database
  clock: Clock
  /** For LISTEN: never through a transaction pooler. */
  listenUrl: string
  /** The highest migration that this version knows. */
  schema: number
  /** The embedded server, where this process started it. */
  embedded: Embedded | null
}

export interface InstallationOptions {
  config: Config
  log: EmbeddedLog
  /** Held already by the caller, who then also releases it. */
  owner?: OwnerLock
  /** Work beside the program that runs on the data directory, where one does. */
  beside?: boolean
  /** Apply what is missing to the database at DATABASE_URL; an embedded one always gets it. */
  migrate?: boolean
  /** Keep the master key in the data directory also with DATABASE_URL: a demo's, never a practice's. */
  keepKey?: boolean
  /** When aborted, the embedded server is ended at once. */
  killed?: AbortSignal
}

/** The application's role in the embedded cluster and its database there. */
const APP_LOGIN = 'slotbridge'
const APP_DATABASE = 'slotbridge'
const migrations = join(import.meta.dirname, '..', 'migrations')

/**
 * Opens the installation: starts the embedded PostgreSQL where no DATABASE_URL is set, and brings its schema up to date.
 * @throws Failure where settings or the database are not fit, with what to do
 */
export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { config } = options
  if (config.databaseUrl) return await openAtUrl(options, config.databaseUrl)
  const running = options.beside ? findEmbeddedOf(config.dataDir) : null
  if (running)
    return await openEmbedded(config, givenKeys(config) ?? keepMasterKeys(config.dataDir), running, null)
  const owner = options.owner ?? holdDataDir(config.dataDir)
  const release = () => {
    if (!options.owner) owner.release()
  }
  try {
    // Before the cluster: a cluster without its key would be lost.
    const keys = givenKeys(config) ?? keepMasterKeys(owner.dataDir)
    const embedded = await startEmbedded({ dataDir: owner.dataDir, log: options.log, owner })
    options.killed?.addEventListener('abort', () => void embedded.stop('immediate'))
    const stop = async () => {
      await embedded.stop('fast')
      release()
    }
    try {
      const opened = await openEmbedded(config, keys, embedded.url, embedded)
      const close = async () => {
        await opened[Symbol.asyncDispose]()
        await stop()
      }
      return { ...opened, [Symbol.asyncDispose]: close }
    } catch (error) {
      await stop()
      throw error
    }
  } catch (error) {
    release()
    throw error
  }
}

/** What `migrate` does: brings the schema up to date. Answers the names of the migrations applied. */
export async function migrateInstallation(config: Config): Promise<string[]> {
  if (!config.databaseUrl)
    throw new Failure(
      'invalid_request',
      'Set DATABASE_URL: the embedded database migrates itself at every start.',
    )
  return await migrate(
    config.databaseDirectUrl ?? config.databaseUrl,
    loginOf(config.databaseUrl),
    migrations,
  )
}

async function openAtUrl(options: InstallationOptions, url: string): Promise<Installation> {
  const { config } = options
  const keys = givenKeys(config) ?? (options.keepKey ? keepMasterKeys(config.dataDir) : null)
  if (!keys)
    throw new Failure(
      'invalid_request',
      'SLOTBRIDGE_MASTER_KEY is not set: with DATABASE_URL it must be (make one with openssl rand -base64 32, and keep it as safe as the database).',
    )
  if (options.migrate) await migrateInstallation(config)
  const listenUrl = config.databaseDirectUrl ?? url
  return await connect(config, url, listenUrl, keys, null)
}

async function openEmbedded(
  config: Config,
  keys: MasterKeys,
  superuserUrl: string,
  embedded: Embedded | null,
): Promise<Installation> {
  const url = at(superuserUrl, APP_LOGIN)
  if (embedded) {
    await createDatabase(superuserUrl)
    await migrate(at(superuserUrl, null), APP_LOGIN, migrations)
    // We hold the data directory: whoever held a lease is dead. What it was at is due now, and nobody need wait for it to run out.
    await onServer(at(superuserUrl, null), (client) =>
      client.query(
        'update work set leased_until = null, run_at = least(run_at, app_now()) where leased_until is not null',
      ),
    )
  }
  return await connect(config, url, url, keys, embedded)
}

async function connect(
  config: Config,
  url: string,
  listenUrl: string,
  [masterKey, ...olderMasterKeys]: MasterKeys,
  embedded: Embedded | null,
): Promise<Installation> {
  const { databasePoolMax: max, databasePrepare: prepare } = config
  const pool = openPool({ url, max, prepare, applicationName: 'slotbridge' })
  const database = openDatabase(pool, masterKey, tellChanges, olderMasterKeys)
  try {
    await refuseUnboundLogin(database)
    await refuseOtherSchema(database)
    await refuseOtherMasterKey(database)
    const clock = await openClock(database.kysely)
    return {
      database,
      clock,
      listenUrl,
      schema: knownSchema(),
      embedded,
      [Symbol.asyncDispose]: async () => await pool.end(),
    }
  } catch (error) {
    await pool.end()
    throw error
  }
}

/** The superuser's URL of the server on a data directory, where a program of ours runs it. */
function findEmbeddedOf(dataDir: string): string | null {
  return existsSync(dataDir) ? findEmbedded(dataDir) : null
}

/** The keys that the setting lists; null where it is not set. */
function givenKeys({ masterKey, olderMasterKeys }: Config): MasterKeys | null {
  return masterKey && [masterKey, ...olderMasterKeys]
}

async function createDatabase(superuserUrl: string): Promise<void> {
  await onServer(superuserUrl, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [APP_DATABASE])
    if (!rowCount) await client.query(`create database ${APP_DATABASE}`)
  })
}

async function onServer(url: string, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await run(client)
  } finally {
    await client.end()
  }
}

/** The embedded server's URL in the application's database, as another login. */
function at(superuserUrl: string, login: string | null): string {
  const parts = new URL(superuserUrl)
  if (login) parts.username = login
  parts.pathname = `/${APP_DATABASE}`
  return parts.href
}

function loginOf(url: string): string {
  return decodeURIComponent(new URL(url).username)
}

/** The highest migration that this version knows. */
function knownSchema(): number {
  return Math.max(...readMigrations(migrations).map(({ number }) => number))
}

async function refuseOtherSchema(database: Database): Promise<void> {
  const wanted = readMigrations(migrations)
  const applied = await inGlobal(database, async ({ db }) => {
    const { rows } = await sql<{
      there: boolean
    }>`select to_regclass('schema_migrations') is not null as there`.execute(db)
    if (!rows[0]?.there) return []
    const done = await sql<{ number: number }>`select number from schema_migrations`.execute(db)
    return done.rows.map(({ number }) => number)
  }).catch((error) => {
    // No such role yet: never migrated.
    if (error instanceof Error && 'code' in error && (error.code === '22023' || error.code === '42501'))
      return []
    throw error
  })
  const unknown = applied.filter((one) => wanted.every(({ number }) => number !== one))
  if (unknown.length > 0)
    throw new Failure(
      'invalid_request',
      `The database has migration ${Math.max(...unknown)}, which this version does not know: run the newer version.`,
    )
  if (applied.length < wanted.length)
    throw new Failure(
      'invalid_request',
      `The database lacks ${wanted.length - applied.length} of ${wanted.length} migrations: run ./slotbridge migrate with DATABASE_DIRECT_URL set to a login that may create roles and owns the database, or start with --migrate.`,
    )
}

/** Refuses to run where anything would turn out later not to open. */
async function refuseOtherMasterKey(database: Database): Promise<void> {
  await inGlobal(database, async (tx) => {
    const row = await tx.db.selectFrom('token_secrets').select('secret_sealed').executeTakeFirst()
    try {
      if (row) tx.open(row.secret_sealed)
    } catch {
      throw new Failure(
        'invalid_request',
        'The master key is not the one this database was made with: set SLOTBRIDGE_MASTER_KEY to that one.',
      )
    }
    const foreign = await listForeignMarks(tx, masterKeysOf(database).map(markOf))
    if (foreign.length > 0)
      throw new Failure(
        'invalid_request',
        'Something in this database is still under an earlier master key: list that one in SLOTBRIDGE_MASTER_KEY behind the new one, with a comma between, and run ./slotbridge key rotate-master.',
      )
  })
}
