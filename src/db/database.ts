/**
 * Transactions by role. Every statement of ours runs in one of three kinds of transaction:
 * a tenant's (`slotbridge_app`, one institution set), a global one (`slotbridge_app`, no tenant: tenant tables raise),
 * and the work loop's (`slotbridge_work`, which sees units and nothing of the practice).
 */
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import type pg from 'pg'
import { beginAs } from './begin-as.ts'
import { newKey, openBytes, openJson, sealBytes, sealJson } from './seal.ts'
import type { DB } from './tables.ts'

export interface Database {
  /** Without a role: for what anyone may ask. */
  kysely: Kysely<DB>
  /** Transactions over the global tables, and those of the work loop. */
  global: Kysely<DB>
  work: Kysely<DB>
  /** Those over the global tables that only read. */
  globalReading: Kysely<DB>
  /** Transactions of each institution. */
  tenants: Map<number, Face>
  pool: pg.Pool
  masterKey: Buffer
  /** Unwrapped data keys by institution. */
  keys: Map<number, Buffer>
  /** Runs at the end of every tenant transaction, before it commits. */
  beforeCommit: (tx: Tenant) => Promise<unknown>
  /** Every transaction on this database is a part of this one (`inOneTransaction`). */
  within?: Transaction<DB>
  /** What is owed or told by its transactions goes on with this trace (`model/trace.ts`). */
  traceparent?: string | null
}

interface Face {
  writing: Kysely<DB>
  reading: Kysely<DB>
}

/** A transaction in which exactly one institution's rows can be seen. The first parameter of every store function. */
export interface Tenant {
  db: Transaction<DB>
  institutionId: number
  /** Where what is owed or told here stands in a trace; null where there is none. */
  traceparent: string | null
  /** Encrypts a JSON value under the institution's key. */
  seal(value: unknown): Buffer
  /** Decrypts what `seal` made. */
  open(sealed: Buffer): unknown
}

/** A transaction that sees the global tables only. */
export interface Global {
  db: Transaction<DB>
  /** Encrypts a JSON value under the installation's master key. */
  seal(value: unknown): Buffer
  open(sealed: Buffer): unknown
}

/** The work loop's transaction. */
export interface WorkTransaction {
  db: Transaction<DB>
}

/** @param beforeCommit runs at the end of every tenant transaction: it tells what the transaction changed */
export function openDatabase(
  pool: pg.Pool,
  masterKey: Buffer,
  beforeCommit: Database['beforeCommit'],
): Database {
  const kysely = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
  return {
    kysely,
    global: beginAs(pool, GLOBAL),
    globalReading: beginAs(pool, GLOBAL, 'reading'),
    work: beginAs(pool, WORK),
    tenants: new Map(),
    pool,
    masterKey,
    keys: new Map(),
    beforeCommit,
  }
}

const APP = 'slotbridge_app'
/** Without a tenant, where reading a tenant's table raises. */
const GLOBAL = { role: APP, 'app.institution_id': '' }
const WORK = { role: 'slotbridge_work' }
const ofTenant = (id: number) => ({ role: APP, 'app.institution_id': String(id) })

/** A deadlock's victim is rolled back whole: it is run again, this often at most. */
const DEADLOCK_TRIES = 3
const DEADLOCK_DETECTED = '40P01'

/**
 * Runs `run` in one transaction that sees the rows of one institution. Commits when it returns, rolls back when it throws.
 * `run` is called again where PostgreSQL broke a deadlock at its cost, so it must do nothing but work on `tx`.
 */
export async function inTenant<T>(
  database: Database,
  institutionId: number,
  run: (tx: Tenant) => Promise<T>,
): Promise<T> {
  // A part cannot be run again by itself: the whole is.
  if (database.within) return await inTenantOnce(database, institutionId, run)
  return await retryDeadlocks(() => inTenantOnce(database, institutionId, run))
}

async function retryDeadlocks<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null
      if (code !== DEADLOCK_DETECTED || attempt >= DEADLOCK_TRIES) throw error
    }
  }
}

/**
 * Runs `run` with a database whose transactions are parts of one: they commit together when `run` returns, and nothing of
 * them stays when it throws. Parts come one after another; each sees the rows of its own kind only. As with `inTenant`,
 * `run` may be called again.
 */
export async function inOneTransaction<T>(
  database: Database,
  run: (joined: Database) => Promise<T>,
): Promise<T> {
  return await retryDeadlocks(() =>
    database.kysely.transaction().execute((db) => run({ ...database, within: db })),
  )
}

/** Runs a part of a transaction: when it throws, what it did is rolled back and the transaction can go on. */
export async function inPart<T>(db: Transaction<DB>, run: () => Promise<T>): Promise<T> {
  await sql`savepoint part`.execute(db)
  try {
    return await run()
  } catch (error) {
    // Where this fails too, the connection is gone and the whole is rolled back.
    await sql`rollback to savepoint part`.execute(db).catch(() => undefined)
    throw error
  }
}

/** A transaction of `face`, which begins with its settings; or a part of the one at hand, which takes them on. */
async function transact<T>(
  { within }: Database,
  face: Kysely<DB>,
  settings: Record<string, string>,
  run: (db: Transaction<DB>) => Promise<T>,
): Promise<T> {
  if (!within) return await face.transaction().execute(run)
  return await inPart(within, async () => {
    for (const [name, value] of Object.entries(settings))
      await sql`select set_config(${name}, ${value}, true)`.execute(within)
    return await run(within)
  })
}

async function inTenantOnce<T>(
  database: Database,
  institutionId: number,
  run: (tx: Tenant) => Promise<T>,
): Promise<T> {
  const { writing } = faceOf(database, institutionId)
  return await transact(database, writing, ofTenant(institutionId), async (db) => {
    const tx = await tenantOf(database, db, institutionId)
    const result = await run(tx)
    await database.beforeCommit(tx)
    return result
  })
}

/** As `inTenant`, for a `run` that only reads: PostgreSQL refuses it everything else. */
export async function inTenantReading<T>(
  database: Database,
  institutionId: number,
  run: (tx: Tenant) => Promise<T>,
): Promise<T> {
  const { reading } = faceOf(database, institutionId)
  return await transact(database, reading, ofTenant(institutionId), async (db) =>
    run(await tenantOf(database, db, institutionId)),
  )
}

async function tenantOf(database: Database, db: Transaction<DB>, institutionId: number): Promise<Tenant> {
  const key = await dataKey(database, db, institutionId)
  return {
    db,
    institutionId,
    traceparent: database.traceparent ?? null,
    seal: (value) => sealJson(key, value),
    open: (sealed) => openJson(key, sealed),
  }
}

function faceOf({ tenants, pool }: Database, institutionId: number): Face {
  if (!Number.isSafeInteger(institutionId)) throw new Error('an institution is told by its id')
  const known = tenants.get(institutionId)
  if (known) return known
  const settings = ofTenant(institutionId)
  const made = { writing: beginAs(pool, settings), reading: beginAs(pool, settings, 'reading') }
  tenants.set(institutionId, made)
  return made
}

/** Runs `run` in one transaction over the global tables. */
export async function inGlobal<T>(database: Database, run: (tx: Global) => Promise<T>): Promise<T> {
  return await transact(database, database.global, GLOBAL, (db) => run(globalOf(database, db)))
}

/** As `inGlobal`, for a `run` that only reads. */
export async function inGlobalReading<T>(database: Database, run: (tx: Global) => Promise<T>): Promise<T> {
  return await transact(database, database.globalReading, GLOBAL, (db) => run(globalOf(database, db)))
}

function globalOf({ masterKey }: Database, db: Transaction<DB>): Global {
  return { db, seal: (value) => sealJson(masterKey, value), open: (sealed) => openJson(masterKey, sealed) }
}

/** Runs `run` in one transaction of the work loop. */
export async function inWork<T>(database: Database, run: (tx: WorkTransaction) => Promise<T>): Promise<T> {
  return await transact(database, database.work, WORK, (db) => run({ db }))
}

async function dataKey(database: Database, db: Transaction<DB>, institutionId: number): Promise<Buffer> {
  const known = database.keys.get(institutionId)
  if (known) return known
  const row = await db
    .selectFrom('institution_keys')
    .select('wrapped_key')
    .where('institution_id', '=', institutionId)
    .executeTakeFirst()
  if (!row) throw new Error(`institution ${institutionId} has no data key`)
  const key = openBytes(database.masterKey, row.wrapped_key)
  database.keys.set(institutionId, key)
  return key
}

/**
 * Makes an institution's data key where it has none, in the transaction that makes the institution: without its key no
 * tenant transaction of it can begin.
 */
export async function insertDataKey(database: Database, tx: Global, institutionId: number): Promise<void> {
  await sql`select set_config('app.institution_id', ${String(institutionId)}, true)`.execute(tx.db)
  await tx.db
    .insertInto('institution_keys')
    .values({ institution_id: institutionId, wrapped_key: sealBytes(database.masterKey, newKey()) })
    .onConflict((conflict) => conflict.column('institution_id').doNothing())
    .execute()
}

/** Refuses a login that row-level security would not bind. Called once at start-up. */
export async function refuseUnboundLogin(database: Database): Promise<void> {
  const { rows } = await sql<{ name: string; unbound: boolean }>`
    select rolname as name, rolsuper or rolbypassrls as unbound from pg_roles where rolname = session_user`.execute(
    database.kysely,
  )
  const login = rows[0]
  if (login?.unbound)
    throw new Error(
      `DATABASE_URL logs in as ${login.name}, which is a superuser or bypasses row-level security. Use the role made by ./slotbridge migrate.`,
    )
}
