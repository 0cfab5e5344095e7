/** A bridge of processes on a Debian PostgreSQL, and one simulated practice. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'vitest'
import { openDatabase } from '../../../src/db/database.ts'
import { openPool } from '../../../src/db/pool.ts'
import { startSandbox } from '../../../src/sandbox/start-sandbox.ts'
import { tellChanges } from '../../../src/store/tell-changes.ts'
import { type Practice, setUpPractice, until } from '../../support/bridge.ts'
import { type Said, type } from '../../support/command-line.ts'
import type { TestDatabase } from '../../support/database.ts'
import { atDatabase } from '../../support/database-url.ts'
import { type Client, openClient } from '../../support/demo-client.ts'
import { type ServeProcess, serveProcess } from '../../support/serve-process.ts'
import { type AskPractice, askPractice, type JournalEntry, journalOf } from '../../support/truth.ts'
import { ask, type Server } from './start-postgres.ts'

export interface DebianBridge extends AsyncDisposable {
  practice: Practice
  desk: AskPractice
  env: Record<string, string>
  command(line: string): Promise<Said>
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever columns they asked for
  look(text: string, values?: unknown[]): Promise<any[]>
  /** From here on everything goes to another server. */
  goTo(server: Server): void
  serve(): Promise<{ process: ServeProcess; client: Client }>
  /** What a client would send; a start of its own each time, far from whatever the practice has. */
  appointment(): Promise<Record<string, unknown>>
  booked(client: Client): Promise<number>
  ended(id: number): Promise<{ state: string }>
  /** Our bookings that took effect in the practice, once for each time. */
  bookings(): Promise<JournalEntry[]>
}

const SLOT_MS = 1_800_000

/** Migrates the server and sets a practice up there. */
export async function bridgeOn(first: Server, folder: string): Promise<DebianBridge> {
  const stack = new AsyncDisposableStack()
  const sandbox = stack.use(
    await startSandbox({
      file: join(folder, 'practice.db'),
      key: 'test-key',
      // It refuses nothing by itself: a second copy would stand.
      manner: { references: 'stored', times: 'unchecked' },
    }),
  )
  const masterKey = randomBytes(32)
  let server = first
  const urls = () => ({
    DATABASE_URL: atDatabase(server.url, { login: 'slotbridge' }),
    DATABASE_DIRECT_URL: server.url,
  })
  const env = {
    SLOTBRIDGE_MASTER_KEY: masterKey.toString('base64'),
    SLOTBRIDGE_HIGH_WATER: join(folder, 'high-water.json'),
    ...urls(),
  }
  const command = (line: string) => type(line, env)
  expect((await command('migrate')).code).toBe(0)
  const practice = await setUp(env.DATABASE_URL, masterKey, sandbox.url)
  const look = (text: string, values?: unknown[]) => ask(server.url, text, values)
  await look('update api_keys set limits = null')
  const desk = askPractice(sandbox.url)
  let slots = 0
  const appointment = async () => {
    const [place] = await look(
      'select provider_id::int, operatory_id::int from working_hours where operatory_id is not null order by id limit 1',
    )
    const [patient] = await look(
      'select id::int from patients where not inactive order by id offset $1 limit 1',
      [slots],
    )
    const start = Math.floor((Date.now() + 300 * 86_400_000) / SLOT_MS) * SLOT_MS + slots * SLOT_MS
    slots += 1
    return { patient_id: patient.id, ...place, start_time: new Date(start).toISOString() }
  }
  const path = `/appointments?location_id=${practice.locationId}`
  return {
    practice,
    desk,
    env,
    command,
    look,
    appointment,
    goTo(other) {
      server = other
      Object.assign(env, urls())
    },
    async serve() {
      const process = await serveProcess(env)
      const client = await openClient({
        url: process.url,
        api_key: practice.apiKey,
        subdomain: practice.subdomain,
      })
      return { process, client }
    },
    async booked(client) {
      const { status, body } = await client.post(path, { appt: await appointment() })
      expect([status, body.error]).toEqual([201, null])
      return body.data.appt.id
    },
    ended: (id) =>
      until(`the end of the insertion of ${id}`, [], async () => {
        const [write] = await look(
          'select state from writes where appointment_id = $1 and ended_at is not null',
          [id],
        )
        return write ?? null
      }),
    async bookings() {
      const entries = await journalOf(desk)
      return entries.filter(({ by, noun, act }) => by === 'interface' && noun === 'visit' && act === 'book')
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function setUp(url: string, masterKey: Buffer, sandboxUrl: string): Promise<Practice> {
  const pool = openPool({ url, max: 2, prepare: true, applicationName: 'test' })
  try {
    const database = openDatabase(pool, masterKey, tellChanges)
    const configuration = { url: sandboxUrl, key: 'test-key' }
    return await setUpPractice({ database } as TestDatabase, { connector: 'sandbox', configuration })
  } finally {
    await pool.end()
  }
}
