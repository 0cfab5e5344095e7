/** One practice's database with what is known of it: read at first need, and anew with each directory. */
import type { ConnectorContext } from '../connector.ts'
import type { Settings } from './configuration.ts'
import { Database } from './database.ts'
import { type Facts, readFacts } from './facts.ts'
import type { Known } from './marker.ts'
import { readSchema, type Schema } from './schema.ts'
import { type Characters, charactersOf } from './text.ts'

export class Practice {
  readonly settings: Settings
  readonly context: ConnectorContext
  readonly database: Database
  #schema: Schema | null = null
  #facts: Facts | null = null
  #greatest: Known = { aptNum: '0', patNum: '0' }

  constructor(settings: Settings, context: ConnectorContext) {
    this.settings = settings
    this.context = context
    this.database = new Database(settings)
  }

  /** The greatest keys at the last look; what is entered later has greater ones. */
  get greatest(): Known {
    return this.#greatest
  }

  /** What was last read of the set-up; null before the first time. */
  get lastFacts(): Facts | null {
    return this.#facts
  }

  get lastSchema(): Schema | null {
    return this.#schema
  }

  /** @throws Unavailable */
  async schema(): Promise<Schema> {
    this.#schema ??= await readSchema(this.database)
    return this.#schema
  }

  /** @throws Unavailable, naming what cannot be read */
  async facts(): Promise<Facts> {
    this.#facts ??= await readFacts(this.database, await this.schema(), this.settings)
    return this.#facts
  }

  /** What letters it keeps. @throws Unavailable */
  async characters(): Promise<Characters> {
    return charactersOf((await this.schema()).noteCharset)
  }

  /** Reads schema and set-up anew. @throws Unavailable */
  async refresh(): Promise<void> {
    const schema = await readSchema(this.database)
    // What was known stays known until it is known anew.
    const facts = schema.missing.length > 0 ? null : await readFacts(this.database, schema, this.settings)
    this.#schema = schema
    this.#facts = facts
  }

  /** Looks at the greatest keys. @throws Unavailable */
  async look(): Promise<void> {
    const [row] = await this.database.rows(
      'select (select max(AptNum) from appointment) as apt, (select max(PatNum) from patient) as pat',
    )
    // As they are, also where they went back: after a restored backup the old ones would point behind what is new.
    this.#greatest = { aptNum: String(row?.apt ?? '0'), patNum: String(row?.pat ?? '0') }
  }
}
