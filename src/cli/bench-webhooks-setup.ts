/** What `bench webhooks` measures on: a database in a temporary folder, receivers, and workers as processes of their own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { type Database, inGlobal, inTenant, inWork } from '../db/database.ts'
import { asideFolder } from '../db/embedded-place.ts'
import { type Installation, openInstallation } from '../installation.ts'
import { createAccount } from '../store/accounts.ts'
import { recordEvent } from '../store/events.ts'
import { createInstitution } from '../store/institutions.ts'
import { createEndpoint } from '../store/webhook-endpoints.ts'
import { createSubscription } from '../store/webhook-subscriptions.ts'
import { openWake } from '../work/wake.ts'
import { startSilent } from './bench-silent.ts'
import type { Input } from './command.ts'
import { startOwn } from './own-process.ts'

const LOOK_MS = 5
const PATIENCE_MS = 300_000
const POOL_MAX = 20
const SETTLE_MS = 4_000

export interface Bench extends AsyncDisposable {
  institutions: number[]
  /** Told of each delivery that arrives at a living receiver. */
  onArrival: (appointmentId: number) => void
  /** Makes an institution with endpoints that are subscribed to its updates; the dead are not active yet. */
  institution(wanted: { endpoints: number; dead: number }): Promise<void>
  /** Switches all endpoints on or off, and wakes them. */
  setActive(active: boolean): Promise<void>
  /** Waits until every event so far has its deliveries, and some seconds for every worker to be up. */
  untilFannedOut(): Promise<void>
  /** Switches the dead endpoints on or off. */
  setDead(active: boolean): Promise<void>
  /** Commits one event, and wakes the workers as a route does. */
  commit(institutionId: number, appointmentId: number): Promise<void>
  startWorkers(count: number): Promise<void>
  /** Waits until so many have arrived since this was last asked. */
  untilArrived(count: number): Promise<void>
}

export async function openBench({ config, terminal }: Input): Promise<Bench> {
  const stack = new AsyncDisposableStack()
  const dataDir = mkdtempSync(join(tmpdir(), 'slotbridge-bench-'))
  stack.defer(() => {
    if (existsSync(dataDir)) rmSync(asideFolder(dataDir), { recursive: true, force: true })
    rmSync(dataDir, { recursive: true, force: true })
  })
  const own = { ...config, dataDir, databaseUrl: null, databaseDirectUrl: null, masterKey: null }
  const log = { info: () => undefined, warn: terminal.note }
  const installation = stack.use(
    await openInstallation({ config: { ...own, databasePoolMax: POOL_MAX }, log }),
  )
  const { database } = installation
  const wake = stack.use(openWake(database.pool, null))
  let arrived = 0
  const living = stack.use(
    await startReceiver((appointmentId) => {
      arrived += 1
      bench.onArrival(appointmentId)
    }),
  )
  const dead = stack.use(await startSilent())
  const accountId = await inGlobal(database, (tx) => createAccount(tx, 'bench'))
  const bench: Bench = {
    institutions: [],
    onArrival: () => undefined,
    async institution(wanted) {
      const subdomain = `bench-${bench.institutions.length + 1}`
      const id = await createInstitution(database, { accountId, subdomain, name: subdomain })
      bench.institutions.push(id)
      for (let n = 0; n < wanted.endpoints; n += 1)
        await addEndpoint(installation, accountId, id, living.port, true)
      for (let n = 0; n < wanted.dead; n += 1)
        await addEndpoint(installation, accountId, id, dead.port, false)
    },
    async setActive(active) {
      await inGlobal(database, async ({ db }) => {
        await sql`update webhook_endpoints set active = ${active}`.execute(db)
        await sql`insert into wakes (work_id) select id from work where kind = 'deliver'`.execute(db)
      })
      wake.wake()
    },
    untilFannedOut: () => untilFannedOut(database),
    setDead: (active) =>
      inGlobal(database, async ({ db }) => {
        const target = `http://127.0.0.1:${dead.port}/`
        await sql`update webhook_subscriptions s set active = ${active} from webhook_endpoints p
          where p.id = s.endpoint_id and p.target_url = ${target}`.execute(db)
      }),
    async commit(institutionId, appointmentId) {
      await inTenant(database, institutionId, (tx) =>
        recordEvent(tx, {
          name: 'appointment_updated',
          resourceType: 'Appointment',
          subjectId: appointmentId,
          body: { appointment: { id: appointmentId, note: 'x'.repeat(800), deleted: false } },
        }),
      )
      wake.wake()
    },
    async startWorkers(count) {
      const env = {
        DATABASE_URL: installation.listenUrl,
        SLOTBRIDGE_MASTER_KEY: database.masterKey.toString('base64'),
        SLOTBRIDGE_WEBHOOK_ALLOW: 'loopback',
        SLOTBRIDGE_LOG_LEVEL: 'error',
      }
      for (let n = 0; n < count; n += 1) stack.use(startOwn(['serve', '--role', 'worker'], env))
    },
    async untilArrived(count) {
      for (let waited = 0; arrived < count; waited += LOOK_MS) {
        if (waited > PATIENCE_MS) throw new Error(`Only ${arrived} of ${count} deliveries arrived.`)
        await sleep(LOOK_MS)
      }
      arrived -= count
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
  return bench
}

async function untilFannedOut(database: Database): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += SETTLE_MS) {
    await sleep(SETTLE_MS)
    const left = await inWork(database, async ({ db }) => {
      const { rows } = await sql`select from event_order where position is null union all
        select from event_progress where fanned_out < positioned`.execute(db)
      return rows.length
    })
    if (left === 0) return
  }
  throw new Error('The events were not fanned out in time.')
}

async function addEndpoint(
  { database }: Installation,
  accountId: number,
  institutionId: number,
  port: number,
  active: boolean,
): Promise<void> {
  await inGlobal(database, async (tx) => {
    const { id } = await createEndpoint(tx, {
      accountId,
      targetUrl: `http://127.0.0.1:${port}/`,
      active: true,
    })
    await createSubscription(tx, {
      endpointId: id,
      institutionId,
      resourceType: 'Appointment',
      event: 'appointment_updated',
      names: ['appointment_updated'],
      version: 'v3',
      active,
    })
  })
}

interface Receiver extends AsyncDisposable {
  port: number
}

/** Answers 200 to everything, at once. */
async function startReceiver(onArrival: (appointmentId: number) => void): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { data } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      data: { appointment: { id: number } }
    }
    onArrival(data.appointment.id)
    response.end('ok')
  })
  const port = await listen(server)
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port, [Symbol.asyncDispose]: close }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}
