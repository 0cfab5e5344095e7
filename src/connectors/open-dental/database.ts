/**
 * The practice's MySQL or MariaDB, read over one connection: never two queries of ours at a time. Values come as text
 * where JavaScript would bend them (keys, dates). Errors leave as `Unavailable` with their code alone: a server's message
 * may quote a row.
 */
import type { Connection } from 'mysql2/promise'
import { Unavailable } from '../connector.ts'
import type { Settings } from './configuration.ts'

/** A row as the driver gives it: keys and dates as text, small numbers as numbers. */
export type Row = Record<string, string | number | null>
export type Value = string | number | readonly (string | number)[]

/** The server says that we may not read it, or that it is not there. */
export class NotReadable extends Unavailable {
  readonly code: string
  constructor(code: string) {
    super(`The database of Open Dental cannot be read (${code}).`)
    this.name = 'NotReadable'
    this.code = code
  }
}

const REFUSALS = new Set([
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_NO_SUCH_TABLE',
  'ER_BAD_FIELD_ERROR',
])

export class Database {
  readonly #settings: Settings
  #open: Promise<Connection> | null = null

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** Rows of one statement. @throws Unavailable, NotReadable */
  async rows(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    this.#open ??= this.#connect()
    const open = this.#open
    const connection = await this.#reached(open)
    try {
      const [rows] = await connection.query({
        sql,
        values: values.map((value) => (Array.isArray(value) ? [...value] : value)),
        timeout: this.#settings.timeoutMs,
      })
      return rows as Row[]
    } catch (error) {
      const code = codeOf(error)
      if (REFUSALS.has(code)) throw new NotReadable(code)
      // The connection may be of no more use: the next query makes another, unless one did already.
      if (this.#open === open) this.#open = null
      connection.destroy()
      throw new Unavailable(`The database of Open Dental did not answer (${code}).`)
    }
  }

  async #reached(open: Promise<Connection>): Promise<Connection> {
    try {
      return await open
    } catch (error) {
      if (this.#open === open) this.#open = null
      throw new Unavailable(`The database of Open Dental was not reached (${codeOf(error)}).`)
    }
  }

  async #connect(): Promise<Connection> {
    const { host, port, user, password, name, tls } = this.#settings.database
    // Loaded when the first such practice is read: most installations have none.
    const { createConnection } = await import('mysql2/promise')
    const connection = await createConnection({
      host,
      port,
      user,
      password,
      database: name,
      connectTimeout: this.#settings.timeoutMs,
      charset: 'utf8mb4',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      ...(tls ? { ssl: {} } : {}),
    })
    // An idle connection that the server closes is met by the next query.
    connection.on('error', () => undefined)
    try {
      // Timestamps in UTC; texts escaped as the driver does, whatever the practice's own mode.
      await connection.query("set time_zone = '+00:00', sql_mode = ''")
    } catch (error) {
      connection.destroy()
      throw error
    }
    return connection
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = null
    await open?.then((connection) => connection.end()).catch(() => undefined)
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'no code'
}
