/** What `bench latency` measures on: practices of its own, an api and a worker process, and a receiver of webhooks. */
import { mkdirSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { type Database, inGlobal, inTenant } from '../db/database.ts'
import type { Installation } from '../installation.ts'
import { SANDBOX_KEY } from '../sandbox/key.ts'
import { createAccount, createKey } from '../store/accounts.ts'
import { createAppointmentType } from '../store/appointment-types.ts'
import { addDataSource } from '../store/data-sources.ts'
import { createInstitution } from '../store/institutions.ts'
import { createLocation } from '../store/locations.ts'
import { connectAsOwner, environmentOf, openOwn, ownFolder } from './bench-own.ts'
import type { Input } from './command.ts'
import { freePort, type OwnProcess, startOwn } from './own-process.ts'
import { startSandboxProcess } from './sandbox-process.ts'

const POLL_SECONDS = 2
const LOOK_MS = 20
const PATIENCE_MS = 60_000
const COMPLETE = 'appointment_insertion.complete'
const SCOPES = ['appointments:read', 'appointments:write', 'webhooks'] as const
const TYPE = { name: 'Visit', minutes: 30, bookable_online: true, location_id: null }

/** One institution with a practice of its own. */
export interface BenchPractice {
  institutionId: number
  subdomain: string
  locationId: number
  appointmentTypeId: number
  /** The simulated practice itself. */
  url: string
  rooms: { provider_id: number; operatory_id: number }[]
  patientIds: number[]
}

export interface LatencyBench {
  installation: Installation
  look: pg.Client
  practices: BenchPractice[]
  apiKey: string
  /** When the end of an insertion was told, by appointment; epoch milliseconds. */
  arrivals: Map<number, number>
  receiverPort: number
}

/** Everything but the processes of ours, which `startProcesses` starts; all of it goes with `stack`. */
export async function openLatencyBench(
  stack: AsyncDisposableStack,
  input: Input,
  count: number,
): Promise<LatencyBench> {
  const installation = await openOwn(stack, input)
  const look = await connectAsOwner(installation)
  stack.defer(() => look.end())
  const { accountId, apiKey } = await inGlobal(installation.database, async (tx) => {
    const accountId = await createAccount(tx, 'bench')
    const { key } = await createKey(tx, { accountId, name: 'bench', scopes: SCOPES, institutionIds: null })
    return { accountId, apiKey: key }
  })
  const practices: BenchPractice[] = []
  for (let n = 1; n <= count; n++) {
    const dataDir = ownFolder(stack)
    mkdirSync(dataDir, { recursive: true })
    const practice = await startSandboxProcess({ dataDir, deskSeconds: null, onRestart: () => undefined })
    stack.defer(() => practice.stop())
    practices.push(await setUp(installation.database, accountId, `practice-${n}`, practice.url))
  }
  const arrivals = new Map<number, number>()
  const receiverPort = await startReceiver(stack, (id, at) => arrivals.set(id, at))
  return { installation, look, practices, apiKey, arrivals, receiverPort }
}

async function setUp(
  database: Database,
  accountId: number,
  subdomain: string,
  url: string,
): Promise<BenchPractice> {
  const institutionId = await createInstitution(database, { accountId, subdomain, name: subdomain })
  const made = await inTenant(database, institutionId, async (tx) => {
    const source = await addDataSource(tx, {
      name: 'practice',
      connector: 'sandbox',
      foreignIdPrefix: 'bench',
      configuration: { url, key: SANDBOX_KEY },
      pollSeconds: POLL_SECONDS,
    })
    const location = { name: subdomain, tz: 'America/New_York', data_source_id: source }
    const locationId = await createLocation(tx, location)
    return { locationId, appointmentTypeId: await createAppointmentType(tx, TYPE, []) }
  })
  return { institutionId, subdomain, ...made, url, rooms: [], patientIds: [] }
}

/** Answers 200 to everything, and says which insertion was told to have ended, and when it came. */
async function startReceiver(
  stack: AsyncDisposableStack,
  onComplete: (appointmentId: number, at: number) => void,
): Promise<number> {
  const server: Server = createServer(async (request, response) => {
    const at = Date.now()
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    response.end('ok')
    const told = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      event_name: string
      data: { appointment: { id: number } }
    }
    if (told.event_name === COMPLETE) onComplete(told.data.appointment.id, at)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  stack.defer(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

export interface Serving extends AsyncDisposable {
  /** Of the API. */
  url: string
  token: string
}

/**
 * An api and a worker process, so that a wake has to come from one to the other. Without LISTEN their connection for it is
 * refused, as one through a transaction pooler would carry nothing: they live by the look every second.
 * @throws Error where the processes listen otherwise than was wanted
 */
export async function startProcesses(bench: LatencyBench, isListening: boolean): Promise<Serving> {
  await using stack = new AsyncDisposableStack()
  const { installation, look, apiKey, practices } = bench
  const env = { ...environmentOf(installation), SLOTBRIDGE_WEBHOOK_ALLOW: 'loopback' }
  const nowhere = new URL(installation.listenUrl)
  nowhere.searchParams.set('host', ownFolder(stack))
  const own = isListening ? env : { ...env, DATABASE_DIRECT_URL: nowhere.href }
  const port = await freePort()
  const dataDir = ownFolder(stack)
  const api = stack.use(startOwn(['serve', '--role', 'api', '--port', `${port}`, '--data-dir', dataDir], own))
  const worker = stack.use(startOwn(['serve', '--role', 'worker', '--data-dir', dataDir], own))
  const url = `http://127.0.0.1:${port}`
  await until('The server was not ready.', [api, worker], async () => {
    const ready = await fetch(`${url}/readyz`).catch(() => null)
    return ready?.ok === true
  })
  await until('The practices were not read.', [api, worker], async () => {
    const { rows } = await look.query('select 1 from data_sources where loaded_at is not null')
    return rows.length === practices.length
  })
  await until('The processes do not listen as they should.', [api, worker], async () => {
    const { rows } = await look.query(
      "select 1 from pg_stat_activity where application_name = 'slotbridge listen'",
    )
    return rows.length === (isListening ? 2 : 0)
  })
  const answer = await fetch(`${url}/authenticates`, { method: 'POST', headers: { authorization: apiKey } })
  const { data } = (await answer.json()) as { data: { token: string } }
  const moved = stack.move()
  return { url, token: data.token, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}

/** Whom and where to book, once the practices are in the mirror; and who is told of it. */
export async function chooseAndSubscribe(bench: LatencyBench, { url, token }: Serving): Promise<void> {
  const { look, practices, receiverPort } = bench
  const post = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`POST ${path} is answered ${answer.status}.`)
    return ((await answer.json()) as { data: { id: number } }).data
  }
  const { id } = await post('/webhook_endpoints', { target_url: `http://127.0.0.1:${receiverPort}/` })
  for (const practice of practices) {
    const told = { resource_type: 'Appointment', event: 'appointment_insertion' }
    await post(`/webhook_endpoints/${id}/webhook_subscriptions?subdomain=${practice.subdomain}`, told)
    const { institutionId } = practice
    const rooms = await look.query(
      `select distinct provider_id::int, operatory_id::int from working_hours
        where institution_id = $1 and operatory_id is not null order by 1, 2`,
      [institutionId],
    )
    const patients = await look.query(
      'select id::int from patients where institution_id = $1 and not inactive order by id',
      [institutionId],
    )
    practice.rooms = rooms.rows
    practice.patientIds = patients.rows.map((row) => row.id)
  }
}

export async function until(
  otherwise: string,
  processes: OwnProcess[],
  isSo: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    for (const process of processes) process.mustRun()
    if (performance.now() > end) throw new Error(otherwise)
    await sleep(LOOK_MS)
  }
}
