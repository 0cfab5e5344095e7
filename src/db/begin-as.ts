/**
 * Transactions that begin with their settings: role and tenant are set in the message that begins, and the first statement is
 * sent behind it without waiting, which saves each transaction two round trips; none can begin without.
 */
import { CompiledQuery, type DatabaseConnection, Kysely, PostgresDialect, PostgresDriver } from 'kysely'
import type pg from 'pg'
import type { DB } from './tables.ts'

/** `reading`: PostgreSQL refuses every write in it, so nothing hangs on how it ends, and its end is not waited for. */
type Kind = 'reading' | 'writing'

/** A face of the pool whose transactions begin with these settings, local to each; names and values are our own, never a client's. */
export function beginAs(pool: pg.Pool, settings: Record<string, string>, kind: Kind = 'writing'): Kysely<DB> {
  const set = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true)`)
  const begin = `begin${kind === 'reading' ? ' read only' : ''}; select ${set.join(', ')}`
  return new Kysely<DB>({ dialect: new BeginningDialect(pool, begin, kind) })
}

class BeginningDialect extends PostgresDialect {
  readonly #pool: pg.Pool
  readonly #begin: string
  readonly #kind: Kind

  constructor(pool: pg.Pool, begin: string, kind: Kind) {
    super({ pool })
    this.#pool = pool
    this.#begin = begin
    this.#kind = kind
  }

  override createDriver(): PostgresDriver {
    return new BeginningDriver(this.#pool, this.#begin, this.#kind)
  }
}

class BeginningDriver extends PostgresDriver {
  readonly #begin: string
  readonly #kind: Kind
  /** Connections whose login was seen to be allowed these settings. */
  readonly #proven = new WeakSet<DatabaseConnection>()

  constructor(pool: pg.Pool, begin: string, kind: Kind) {
    super({ pool })
    this.#begin = begin
    this.#kind = kind
  }

  /**
   * Waited for once on each connection, where a login without the role is told as that. Later beginnings fail with their
   * connection only, and then all that is sent behind them fails too.
   */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const begun = connection.executeQuery(CompiledQuery.raw(this.#begin))
    if (this.#proven.has(connection)) return void begun.catch(() => undefined)
    await begun
    this.#proven.add(connection)
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const committed = super.commitTransaction(connection)
    if (this.#kind === 'reading') return void committed.catch(() => undefined)
    await committed
  }
}
