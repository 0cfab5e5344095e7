/** What the server is given by whoever starts it. */
import type { Clock } from '../db/clock.ts'
import type { Database } from '../db/database.ts'
import type { Tracing } from '../model/trace.ts'

/** What the server may know of a connector, which stands on a floor it cannot see. */
export interface ConnectorFace {
  name: string
  /** For `foreign_id_type`: `<adapter>-<system>-DataSource-<n>`; `system` is also the institution's `emrs` entry. */
  adapter: string
  system: string
  displayName: string
  type: 'cloud' | 'onprem'
  /** What is wrong with a configuration, a sentence each; empty where it is good. */
  checkConfiguration(configuration: unknown): string[]
  /** The public keys that a record system verifies us by. */
  publishedKeys(configuration: unknown): Record<string, string | string[]>[]
}

/** The part of a pino logger that the server uses. */
export interface ServerLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A work loop of this process, as far as those who watch it need. */
export interface WatchedLoop {
  name: string
  /** Units it runs at once. */
  slots: number
  running(): number
  sinceLookMs(): number
  /** Told of each turn that ends from now on. */
  onTurn(told: (turn: WatchedTurn) => void): void
}

export interface WatchedTurn {
  kind: string
  result: 'ok' | 'failed' | 'taken_over'
  seconds: number
}

/** Beyond either, a request is answered 503 before anything of it is read. */
export interface Load {
  /** Requests being answered. */
  requestsMax: number
  /** Transactions that wait for a connection to the database. */
  waitingMax: number
}

export interface ServerContext {
  database: Database
  clock: Clock
  log?: ServerLog
  connectors: ConnectorFace[]
  /** How much is taken on at once; what the server can bear unless given. */
  load?: Load
  /** A request that takes longer to arrive than this, or an answer to be taken, in milliseconds, is cut; half a minute unless given. */
  arrivalMs?: number
  /** What is wrong with a webhook target, a sentence each. The floor that sends checks again at every attempt. */
  webhookTargetFaults?(url: string): string[]
  /** The highest migration this process knows. */
  schema?: number
  /** What whoever reads `/metrics` must show; not given: loopback alone may read them. */
  metricsToken?: string | null
  /** The work loops of this process; not given where it has none. */
  loops?: WatchedLoop[]
  /** How long a read with `max_staleness` waits for a pull; ten seconds unless given. */
  freshWaitMs?: number
  /** Where requests are traced. */
  tracing?: Tracing | null
  /** Called after a commit that owes a record system or a reader something. */
  wake(): void
}
