/**
 * Transactions that begin with their settings: role and tenant are set in the message that begins, and the first statement is
 * sent behind it without waiting, which saves each transaction two round trips; none can begin without.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  PostgresDialect,
  PostgresDriver,
  Transaction,
} from 'kysely'
import type pg from 'pg'
import type { DB } from './tables.ts'

export interface Beginning {
  /** Local to each transaction; names and values are our own, never a client's. */
  settings: Record<string, string>
  /** PostgreSQL refuses every write in it, so nothing hangs on how it ends, and its end is not waited for. */
  isReading?: boolean
  /** A statement that is sent with the settings; where it fails, so does the transaction, with its reason. */
  first?: string
}

/** A face of the pool whose transactions begin so. */
export function beginAs(pool: pg.Pool, { settings, isReading = false, first }: Beginning): Kysely<DB> {
  const set = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true)`)
  const begin = `begin${isReading ? ' read only' : ''}; select ${set.join(', ')}${first ? `; ${first}` : ''}`
  return new Kysely<DB>({ dialect: new BeginningDialect(pool, begin, isReading) })
}

/**
 * A transaction whose statements are sent as soon as they are asked for; Kysely's own keeps each back until the one before it
 * is answered. They are carried out in the order asked for, and behind one that failed all fail.
 */
export async function sendingAtOnce(transaction: Transaction<DB>, pool: pg.Pool): Promise<Transaction<DB>> {
  const executor = transaction.getExecutor()
  const connection = await executor.provideConnection(async (given) => given)
  const dialect = new PostgresDialect({ pool })
  return new Transaction<DB>({
    config: { dialect },
    dialect,
    driver: new DummyDriver(),
    executor: executor.withConnectionProvider({ provideConnection: (use) => use(connection) }),
  })
}

class BeginningDialect extends PostgresDialect {
  readonly #pool: pg.Pool
  readonly #begin: string
  readonly #isReading: boolean

  constructor(pool: pg.Pool, begin: string, isReading: boolean) {
    super({ pool })
    this.#pool = pool
    this.#begin = begin
    this.#isReading = isReading
  }

  override createDriver(): PostgresDriver {
    return new BeginningDriver(this.#pool, this.#begin, this.#isReading)
  }
}

class BeginningDriver extends PostgresDriver {
  readonly #begin: string
  readonly #isReading: boolean
  readonly #begun = new WeakMap<DatabaseConnection, Promise<unknown>>()

  constructor(pool: pg.Pool, begin: string, isReading: boolean) {
    super({ pool })
    this.#begin = begin
    this.#isReading = isReading
  }

  /** Not waited for: where it fails, whatever is sent behind it fails too, and the reason is told at the end. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const begun = connection.executeQuery(CompiledQuery.raw(this.#begin))
    begun.catch(() => undefined)
    this.#begun.set(connection, begun)
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#begun.get(connection)
    const committed = super.commitTransaction(connection)
    if (this.#isReading) return void committed.catch(() => undefined)
    await committed
  }

  override async rollbackTransaction(
    connection: Parameters<PostgresDriver['rollbackTransaction']>[0],
  ): Promise<void> {
    await super.rollbackTransaction(connection)
    // Thrown in place of "the transaction is aborted", which is all that the statements behind it were told.
    await this.#begun.get(connection)
  }
}
