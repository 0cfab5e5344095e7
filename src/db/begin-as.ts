/**
 * Transactions that begin with their settings: role and tenant are set in the message that begins, which saves each
 * transaction a round trip, and none can begin without.
 */
import { CompiledQuery, type DatabaseConnection, Kysely, PostgresDialect, PostgresDriver } from 'kysely'
import type pg from 'pg'
import type { DB } from './tables.ts'

/** A face of the pool whose transactions begin with these settings, local to each; names and values are our own, never a client's. */
export function beginAs(pool: pg.Pool, settings: Record<string, string>): Kysely<DB> {
  const set = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true)`)
  return new Kysely<DB>({ dialect: new BeginningDialect(pool, `begin; select ${set.join(', ')}`) })
}

class BeginningDialect extends PostgresDialect {
  readonly #pool: pg.Pool
  readonly #begin: string

  constructor(pool: pg.Pool, begin: string) {
    super({ pool })
    this.#pool = pool
    this.#begin = begin
  }

  override createDriver(): PostgresDriver {
    return new BeginningDriver(this.#pool, this.#begin)
  }
}

class BeginningDriver extends PostgresDriver {
  readonly #begin: string

  constructor(pool: pg.Pool, begin: string) {
    super({ pool })
    this.#begin = begin
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(this.#begin))
  }
}
