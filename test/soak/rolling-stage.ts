/** What many processes under load stand on: a practice, PgBouncer before a database, api and worker processes, a receiver. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inTenant } from '../../src/db/database.ts'
import { addMs, hours, minutes, toInstant } from '../../src/model/time.ts'
import { dice } from '../../src/sandbox/random.ts'
import { startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { allPlaces } from '../support/booking.ts'
import { setUpPractice } from '../support/bridge.ts'
import type { TestDatabase } from '../support/database.ts'
import { type AskPractice, askPractice } from '../support/truth.ts'
import { type Receiver, startReceiver } from '../webhooks/telling.ts'
import type { FreeTime, Supplies } from './crash-plan.ts'
import { type Body, type Ground, insist, newTally } from './rolling-client.ts'
import { type Serving, serving } from './serve-processes.ts'

export interface RollingStage {
  t: TestDatabase
  ask: AskPractice
  receiver: Receiver
  processes: Serving[]
  ground: Ground
  /** What the logs of the processes told of errors, and how often. */
  errors: Map<string, number>
}

export interface Running {
  /** The database through PgBouncer. */
  pooledUrl: string
  /** As many api processes as workers. */
  each: number
}

const KEY = 'test-key'
const PATIENCE_MS = 240_000

/** @param stack ends all of it */
export async function openRollingStage(
  t: TestDatabase,
  { pooledUrl, each }: Running,
  stack: AsyncDisposableStack,
): Promise<RollingStage> {
  const folder = mkdtempSync(join(tmpdir(), 'slotbridge-rolling-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const sandbox = stack.use(await startSandbox({ file: join(folder, 'practice.db'), key: KEY }))
  const configuration = { url: sandbox.url, key: KEY }
  const practice = await setUpPractice(t, { connector: 'sandbox', configuration, pollSeconds: 5 })
  await t.look('update api_keys set limits = null')
  const receiver = stack.use(await startReceiver())
  const env = {
    DATABASE_URL: pooledUrl,
    DATABASE_DIRECT_URL: t.url,
    DATABASE_PREPARE: 'off',
    SLOTBRIDGE_MASTER_KEY: t.database.masterKey.toString('base64'),
    SLOTBRIDGE_HIGH_WATER: join(folder, 'high-water.json'),
    SLOTBRIDGE_WEBHOOK_ALLOW: 'loopback',
  }
  const errors = new Map<string, number>()
  // In turn: an api process, a worker, an api process.
  const processes = Array.from({ length: each * 2 }, (_, at) =>
    stack.use(serving(at % 2 === 0 ? 'api' : 'worker', env, errors)),
  )
  for (const one of processes) await one.start()
  const ground: Ground = {
    practice,
    urls: () => processes.flatMap(({ role, url }) => (role === 'api' && url ? [url] : [])),
    away: { now: false, times: 0 },
    tally: newTally(),
  }
  await subscribe(ground, receiver)
  return { t, ask: askPractice(sandbox.url, KEY), receiver, processes, ground, errors }
}

/** What was accepted, and how each booking ended, is told. */
async function subscribe(ground: Ground, receiver: Receiver): Promise<void> {
  const throws = dice(0, 'set-up')
  const where = `subdomain=${ground.practice.subdomain}`
  const post = async (path: string, body: object): Promise<Body> =>
    (await insist(ground, throws, { method: 'POST', path: `${path}?${where}`, body })).data
  const { id } = await post('/webhook_endpoints', { target_url: receiver.url })
  for (const event of ['appointment_accepted', 'appointment_insertion'])
    await post(`/webhook_endpoints/${id}/webhook_subscriptions`, { resource_type: 'Appointment', event })
}

/** Times that nobody has asked for, months after whatever the practice has. */
export async function supplies({ t, ground }: RollingStage): Promise<Supplies> {
  const { practice } = ground
  const tenant: Parameters<typeof allPlaces>[0]['tenant'] = (run) =>
    inTenant(t.database, practice.institutionId, run)
  await until('the first load', async () => {
    const [source] = await t.look('select loaded_at from data_sources')
    return source?.loaded_at != null
  })
  const side = { ...practice, t, tenant }
  const day = Math.floor((Date.now() + hours(24 * 120)) / hours(24)) * hours(24)
  const times: FreeTime[] = []
  for (const place of await allPlaces(side))
    for (let at = 0; at < 1_600; at++)
      times.push({ ...place, start: addMs(toInstant(day), minutes(30) * at) })
  const known = await t.look('select id from patients where foreign_id is not null order by id limit 100')
  return { times, newPatients: [], knownPatients: known.map((row) => Number(row.id)) }
}

/** Polls until it is so; the patience only ends a run that would hang. */
export async function until<T>(what: string, look: () => Promise<T | null | false>): Promise<T> {
  for (const limit = Date.now() + PATIENCE_MS; ; await sleep(50)) {
    const found = await look()
    if (found !== null && found !== false) return found
    if (Date.now() > limit) throw new Error(`${what} did not come`)
  }
}
