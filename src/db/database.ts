/**
 * Transactions by role. Every statement of ours runs in one of three kinds of transaction:
 * a tenant's (`slotbridge_app`, one institution set), a global one (`slotbridge_app`, no tenant: tenant tables raise),
 * and the work loop's (`slotbridge_work`, which sees units and nothing of the practice).
 */
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import type pg from 'pg'
import { beginAs, sendingAtOnce } from './begin-as.ts'
import { type DataKeys, holdKey, insertKey, type MasterKeys, OTHER_KEY, readDataKeys } from './data-keys.ts'
import { markOf, openJson, sealJson, UnknownKey } from './seal.ts'
import type { DB } from './tables.ts'

export interface Database {
  /** Without a role: for what anyone may ask. */
  kysely: Kysely<DB>
  /** Transactions over the global tables, and those of the work loop. */
  global: Kysely<DB>
  work: Kysely<DB>
  /** Those over the global tables that only read. */
  globalReading: Kysely<DB>
  /** The institutions that were met: transactions that begin in each and hold its key, and the key. */
  tenants: Map<number, { face: Face; keys: DataKeys }>
  pool: pg.Pool
  /** Wraps and seals. */
  masterKey: Buffer
  /** Open beside it: a rotation is under way. */
  olderMasterKeys: readonly Buffer[]
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
  /** What everything that `seal` makes begins with. */
  mark: Buffer
}

/** A transaction that sees the global tables only. */
export interface Global {
  db: Transaction<DB>
  /** Encrypts a JSON value under the installation's master key. */
  seal(value: unknown): Buffer
  open(sealed: Buffer): unknown
  mark: Buffer
}

/** The work loop's transaction. */
export interface WorkTransaction {
  db: Transaction<DB>
}

/** A transaction that sees the rows of one institution and opens nothing: all that reading its audit needs, also when its key is gone. */
export interface AuditChain {
  db: Transaction<DB>
  /** 0: the installation's own chain. */
  institutionId: number
}

/**
 * @param beforeCommit runs at the end of every tenant transaction: it tells what the transaction changed
 * @param olderMasterKeys open what is not under `masterKey` yet
 */
export function openDatabase(
  pool: pg.Pool,
  masterKey: Buffer,
  beforeCommit: Database['beforeCommit'],
  olderMasterKeys: readonly Buffer[] = [],
): Database {
  const kysely = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
  return {
    kysely,
    global: beginAs(pool, { settings: GLOBAL }),
    globalReading: beginAs(pool, { settings: GLOBAL, isReading: true }),
    work: beginAs(pool, { settings: WORK }),
    tenants: new Map(),
    pool,
    masterKey,
    olderMasterKeys,
    beforeCommit,
  }
}

/** The installation's keys: the first seals. */
export function masterKeysOf({ masterKey, olderMasterKeys }: Database): MasterKeys {
  return [masterKey, ...olderMasterKeys]
}

const APP = 'slotbridge_app'
/** Without a tenant, where reading a tenant's table raises. */
const GLOBAL = { role: APP, 'app.institution_id': '' }
const WORK = { role: 'slotbridge_work' }

/** Its id becomes a part of a statement. */
function ofTenant(id: number): Record<string, string> {
  if (!Number.isSafeInteger(id)) throw new Error('an institution is told by its id')
  return { role: APP, 'app.institution_id': String(id) }
}

/** What was rolled back whole, a deadlock's victim or one whose key was exchanged, is run again, this often at most. */
const TRIES = 3
const DEADLOCK_DETECTED = '40P01'

/**
 * Runs `run` in one transaction that sees the rows of one institution. Commits when it returns, rolls back when it throws.
 * `run` is called again where PostgreSQL broke a deadlock at its cost, or the institution's key was exchanged, so it must do
 * nothing but work on `tx`.
 * @throws NoDataKey where there is no such institution, or it was deleted
 */
export async function inTenant<T>(
  database: Database,
  institutionId: number,
  run: (tx: Tenant) => Promise<T>,
): Promise<T> {
  // A part cannot be run again by itself: the whole is.
  if (database.within) return await inTenantOnce(database, institutionId, run)
  return await tryAgain(() => inTenantOnce(database, institutionId, run))
}

async function tryAgain<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      const isOver = codeOf(error) !== DEADLOCK_DETECTED && !isOtherKey(error)
      if (isOver || attempt >= TRIES) throw error
    }
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}

/** The key at hand was exchanged: before the transaction began, or under its eyes. */
function isOtherKey(error: unknown): boolean {
  return codeOf(error) === OTHER_KEY || error instanceof UnknownKey
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
  return await tryAgain(() => database.kysely.transaction().execute((db) => run({ ...database, within: db })))
}

/** Runs `run` with a database whose transactions are parts of one that only reads, and sees what was committed when it began. */
export async function inSnapshot<T>(database: Database, run: (joined: Database) => Promise<T>): Promise<T> {
  const begin = database.kysely.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
  return await begin.execute((db) => run({ ...database, within: db }))
}

/** Runs a part of a transaction: when it throws, what it did is rolled back and the transaction can go on. */
export async function inPart<T>(db: Transaction<DB>, run: () => Promise<T>): Promise<T> {
  // What `run` sends travels behind it.
  const begun = sql`savepoint part`.execute(db)
  try {
    const [, result] = await Promise.all([begun, run()])
    return result
  } catch (error) {
    // Where this fails too, the connection is gone and the whole is rolled back.
    await sql`rollback to savepoint part`.execute(db).catch(() => undefined)
    throw error
  }
}

/** A transaction of `face`, which begins with its settings; or a part of the one at hand, which takes them on. */
async function transact<T>(
  { within, pool }: Database,
  face: Kysely<DB>,
  settings: Record<string, string>,
  run: (db: Transaction<DB>) => Promise<T>,
): Promise<T> {
  if (!within) return await face.transaction().execute(async (db) => await run(await sendingAtOnce(db, pool)))
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
  return await transactTenant(database, institutionId, 'writing', async (tx) => {
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
  if (database.within) return await transactTenant(database, institutionId, 'reading', run)
  return await tryAgain(() => transactTenant(database, institutionId, 'reading', run))
}

async function transactTenant<T>(
  database: Database,
  institutionId: number,
  kind: keyof Face,
  run: (tx: Tenant) => Promise<T>,
): Promise<T> {
  const { tenants, within, pool } = database
  const settings = ofTenant(institutionId)
  const known = within ? undefined : tenants.get(institutionId)
  const face = known?.face[kind] ?? beginAs(pool, { settings, isReading: kind === 'reading' })
  try {
    return await transact(database, face, settings, async (db) => {
      const keys = known?.keys ?? (await meetTenant(database, db, institutionId))
      return await run({
        db,
        institutionId,
        traceparent: database.traceparent ?? null,
        seal: (value) => sealJson(keys.current, value),
        open: (sealed) => openJson(keys.all, sealed),
        mark: markOf(keys.current),
      })
    })
  } catch (error) {
    if (isOtherKey(error)) tenants.delete(institutionId)
    throw error
  }
}

/** Reads the institution's keys; from now on its transactions hold them with the message in which they begin. */
async function meetTenant(database: Database, db: Transaction<DB>, institutionId: number): Promise<DataKeys> {
  const keys = await readDataKeys(db, masterKeysOf(database), institutionId)
  const beginning = { settings: ofTenant(institutionId), first: holdKey(institutionId, keys.generation) }
  const face = {
    writing: beginAs(database.pool, beginning),
    reading: beginAs(database.pool, { ...beginning, isReading: true }),
  }
  database.tenants.set(institutionId, { face, keys })
  return keys
}

/** A transaction among the rows of an institution that needs no key: to exchange it, or to delete what it sealed. */
export async function inKeyless<T>(
  database: Database,
  institutionId: number,
  run: (db: Transaction<DB>) => Promise<T>,
): Promise<T> {
  const settings = ofTenant(institutionId)
  return await tryAgain(() => transact(database, beginAs(database.pool, { settings }), settings, run))
}

/** Reads the audit of one institution, which need not be there any more, in one transaction. */
export async function inAuditChain<T>(
  database: Database,
  institutionId: number,
  run: (chain: AuditChain) => Promise<T>,
): Promise<T> {
  const settings = ofTenant(institutionId)
  const face = beginAs(database.pool, { settings, isReading: true })
  return await transact(database, face, settings, (db) => run({ db, institutionId }))
}

/** Runs `run` in one transaction over the global tables. */
export async function inGlobal<T>(database: Database, run: (tx: Global) => Promise<T>): Promise<T> {
  return await transact(database, database.global, GLOBAL, (db) => run(globalOf(database, db)))
}

/** As `inGlobal`, for a `run` that only reads. */
export async function inGlobalReading<T>(database: Database, run: (tx: Global) => Promise<T>): Promise<T> {
  return await transact(database, database.globalReading, GLOBAL, (db) => run(globalOf(database, db)))
}

function globalOf(database: Database, db: Transaction<DB>): Global {
  return {
    db,
    seal: (value) => sealJson(database.masterKey, value),
    open: (sealed) => openJson(masterKeysOf(database), sealed),
    mark: markOf(database.masterKey),
  }
}

/** Runs `run` in one transaction of the work loop. */
export async function inWork<T>(database: Database, run: (tx: WorkTransaction) => Promise<T>): Promise<T> {
  return await transact(database, database.work, WORK, (db) => run({ db }))
}

/**
 * Makes an institution's data key where it has none, in the transaction that makes the institution: without its key no
 * tenant transaction of it can begin.
 */
export async function insertDataKey(database: Database, tx: Global, institutionId: number): Promise<void> {
  await sql`select set_config('app.institution_id', ${String(institutionId)}, true)`.execute(tx.db)
  await insertKey(tx.db, database.masterKey, institutionId)
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
