/** What every sequence of reading begins from: a practice and the bridge's mirror of it, both ready to be copied. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { inTenant } from '../../src/db/database.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { updateDataSource } from '../../src/store/data-sources.ts'
import { setUpPractice } from '../support/bridge.ts'
import { type Ground, openTestDatabase, type TestDatabase } from '../support/database.ts'
import { type AskPractice, askPractice, type Look } from '../support/truth.ts'
import { openPuller, type Puller } from './puller.ts'

/** The instant at which every sequence begins, by both clocks, so that a seed tells all of it. */
const BEGIN = Date.parse('2026-12-01T15:00:00.000Z')

export interface Reading extends AsyncDisposable {
  ask: AskPractice
  look: Look
  puller: Puller
  /** Both clocks go on by so many milliseconds. */
  pass(ms: number): Promise<void>
}

export interface ReadingGround extends AsyncDisposable {
  /** A copy of its own of the practice, and of its mirror. */
  open(): Promise<Reading>
}

export async function openReadingGround(ground: Ground): Promise<ReadingGround> {
  const stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-reading-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const seeded = join(folder, 'seeded.db')
  const base = await openTestDatabase(ground)
  stack.use(base)
  const { institutionId, sourceId } = await loadBase(base, seeded)
  // Nobody may be connected to what is copied.
  await base.database.pool.end()
  base.database.pool.end = () => Promise.resolve()
  const { masterKey } = base.database
  const template = new URL(base.directUrl).pathname.slice(1)
  let opened = 0
  return {
    async open() {
      opened += 1
      const file = join(folder, `practice-${opened}.db`)
      copyFileSync(seeded, file)
      const own = new AsyncDisposableStack()
      own.defer(() => rmSync(file, { force: true }))
      const t = own.use(
        await openTestDatabase({ ...ground, template }, { poolMax: 4, masterKey, isHasty: true }),
      )
      const sandbox = own.use(await serve(file))
      await inTenant(t.database, institutionId, (tx) =>
        updateDataSource(tx, sourceId, {
          configuration: { url: sandbox.url, key: 'test-key', timeout_ms: 2000 },
        }),
      )
      return await openReading(t, sandbox, own)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function serve(file: string): Promise<Sandbox> {
  return startSandbox({ file, key: 'test-key', deskTouches: 'all', clockOffsetMs: BEGIN - Date.now() })
}

/** A practice with two weeks in its book: a thousand sequences read it again and again. */
async function seedSmall(file: string): Promise<void> {
  const sandbox = await serve(file)
  await sandbox.close()
  const db = new DatabaseSync(file)
  const [from, to] = [BEGIN - 24 * 3_600_000, BEGIN + 15 * 24 * 3_600_000]
  for (const table of ['visits', 'closures'])
    db.prepare(`delete from ${table} where finishes < ? or begins > ?`).run(from, to)
  db.close()
}

/** Seeds the practice and loads it into the mirror, with one window cycle. */
async function loadBase(t: TestDatabase, file: string) {
  await seedSmall(file)
  await using sandbox = await serve(file)
  await t.moveClock(BEGIN - Date.now())
  const source = { connector: 'sandbox', configuration: { url: sandbox.url, key: 'test-key' } }
  const made = await setUpPractice(t, source)
  await using puller = openPuller(t)
  if (!(await puller.pull()) || !(await puller.pull())) throw new Error('the first load failed')
  return made
}

async function openReading(t: TestDatabase, sandbox: Sandbox, own: AsyncDisposableStack): Promise<Reading> {
  const client = new pg.Client({ connectionString: t.directUrl })
  await client.connect()
  own.defer(() => client.end())
  const ask = askPractice(sandbox.url)
  let offset = BEGIN - Date.now()
  const look: Look = async (text, values = []) => (await client.query(text, values)).rows
  const setClocks = async () => {
    await look('update test_clock set offset_ms = $1', [offset])
    await t.clock.measure()
    // While the practice restarts there is nobody to tell; whoever passes time next tells it all.
    await ask('PUT', '/clock', { offset_ms: offset }).catch(() => undefined)
  }
  await setClocks()
  return {
    ask,
    look,
    puller: own.use(openPuller(t)),
    async pass(ms) {
      offset += ms
      await setClocks()
    },
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  }
}
