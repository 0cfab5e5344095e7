/** The connection pool: one place that decides how values cross between PostgreSQL and us. */
import { createHash } from 'node:crypto'
import pg from 'pg'

const INT8 = 20
const INT8_LIST = 1016
const DATE = 1082
const TIMESTAMPTZ = 1184
const NUMERIC = 1700

/** `2026-12-07 19:00:00.123456+00` (PostgreSQL, zone UTC) → `2026-12-07T19:00:00.123Z`. */
export function readTimestamp(text: string): string {
  const seconds = `${text.slice(0, 10)}T${text.slice(11, 19)}`
  if (text[19] !== '.') return `${seconds}.000Z`
  const fraction = text.slice(20, text.indexOf('+')).slice(0, 3)
  return `${seconds}.${fraction.padEnd(3, '0')}Z`
}

/** Ids and counts stay below 2^53 (checked by the sequences), so a number holds them. */
function readInt8(text: string): number {
  return Number(text)
}

/** `{1,2}` → numbers; left to pg they would be texts, which equal no id. */
function readInt8List(text: string): number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(Number)
}

const asText = (text: string) => text
const parsers: Record<number, (text: string) => unknown> = {
  [INT8]: readInt8,
  [INT8_LIST]: readInt8List,
  [DATE]: asText,
  [TIMESTAMPTZ]: readTimestamp,
  [NUMERIC]: asText,
}

const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    return (format !== 'binary' && parsers[oid]) || pg.types.getTypeParser(oid, format as 'text')
  },
}

/** Texts beyond this many are sent unnamed: a name costs memory in every backend. */
const NAMED_STATEMENTS_MAX = 600

/** What PostgreSQL's code that waits for the standby is called: in a notice it is the same in every language. */
const WAIT_FOR_STANDBY = 'SyncRepWaitForLSN'
/** PostgreSQL's code for a transaction of which nobody knows how it ended, as when its connection is cut. */
const RESOLUTION_UNKNOWN = '08007'

/**
 * A commit whose wait for the synchronous standby was cancelled: PostgreSQL warns (01000), and calls it done. It stands on
 * the primary alone, and goes with it if that is lost.
 */
class NotReplicated extends Error {
  readonly code = RESOLUTION_UNKNOWN
  constructor() {
    super('committed here, but not known to be on the synchronous standby')
    this.name = 'NotReplicated'
  }
}

export interface PoolOptions {
  url: string
  /** Most connections this process opens. */
  max: number
  /** Named (prepared) statements; off behind a PgBouncer that cannot carry them. */
  prepare: boolean
  applicationName: string
}

/**
 * A pool whose queries are prepared under a name made from their text. All sessions speak UTC. A commit that is not known to
 * be on the synchronous standby, where there is to be one, fails as one whose connection was cut: nobody may promise it.
 */
export function openPool(options: PoolOptions): pg.Pool {
  const names = new Map<string, string>()
  const nameOf = (text: string) => {
    const known = names.get(text)
    if (known || names.size >= NAMED_STATEMENTS_MAX) return known
    const name = createHash('sha256').update(text).digest('base64url').slice(0, 24)
    names.set(text, name)
    return name
  }
  class NamingClient extends pg.Client {
    #notReplicated = 0
    #isGathering = false

    constructor(config?: string | pg.ClientConfig) {
      super(config)
      this.on('notice', ({ routine }) => {
        if (routine === WAIT_FOR_STANDBY) this.#notReplicated++
      })
    }

    // biome-ignore lint/suspicious/noExplicitAny: pg's query has a dozen overloads; we only add a name to one of them
    override query(...args: any[]): any {
      this.#gather()
      const [text, values] = args
      if (text === 'commit') return this.#commit()
      if (options.prepare && typeof text === 'string' && Array.isArray(values) && values.length > 0) {
        const name = nameOf(text)
        if (name) return super.query({ name, text, values })
      }
      return (super.query as (...rest: unknown[]) => unknown).apply(this, args)
    }

    /**
     * What is asked for before we wait for anything leaves in one write: each wakes the backend, and on a busy machine gives
     * it our processor, which cost more than all else that the driver does.
     */
    #gather(): void {
      if (this.#isGathering) return
      // Of its own: with TLS the connection exchanges its stream.
      const { stream } = this.connection
      this.#isGathering = true
      stream.cork()
      process.nextTick(() => {
        this.#isGathering = false
        stream.uncork()
      })
    }

    /** Counted, not flagged: the answers to what was sent before may arrive together with this one's. */
    async #commit(): Promise<pg.QueryResult> {
      const before = this.#notReplicated
      const committed = await super.query('commit')
      if (this.#notReplicated > before) throw new NotReplicated()
      return committed
    }
  }
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    types,
    Client: NamingClient,
    application_name: options.applicationName,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // What is asked without waiting is sent without waiting (`beginAs`).
    pipeline: true,
  })
  // An idle connection that breaks (a database restart) is dropped by the pool; without a listener it would end the process.
  pool.on('error', () => undefined)
  // One that breaks while it is in use fails its query, and says so a second time, to nobody.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
