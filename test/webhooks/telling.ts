/** An account with endpoints, receivers on real sockets, and the work loop that tells them. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inGlobal, inTenant, type Tenant } from '../../src/db/database.ts'
import { deliveryBody } from '../../src/http/versions/webhooks.ts'
import type { EventName } from '../../src/model/events.ts'
import { readSubscribable } from '../../src/model/webhook-events.ts'
import { createAccount } from '../../src/store/accounts.ts'
import { recordEvent } from '../../src/store/events.ts'
import { createInstitution } from '../../src/store/institutions.ts'
import { createEndpoint } from '../../src/store/webhook-endpoints.ts'
import { createSubscription } from '../../src/store/webhook-subscriptions.ts'
import { sequenceHandler } from '../../src/sync/sequence.ts'
import { deliverHandler } from '../../src/webhooks/deliver.ts'
import { openSender } from '../../src/webhooks/send.ts'
import { type Allowed, openResolve, readAllowed } from '../../src/webhooks/target.ts'
import { startWork, type Work } from '../../src/work/loop.ts'
import { openWake } from '../../src/work/wake.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

export interface Received {
  path: string
  headers: IncomingHttpHeaders
  /** As it came over the wire. */
  raw: Buffer
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the wire holds
  body: any
  /** What was answered; null while it is not. */
  status: number | null
}

export interface Reply {
  status: number
  body?: string
  headers?: Record<string, string>
  afterMs?: number
}

export interface Receiver extends AsyncDisposable {
  url: string
  port: number
  received: Received[]
  /** Decides each answer; 200 until it is set. */
  answer(decide: (received: Received) => Reply | Promise<Reply> | 'never'): void
}

export async function startReceiver(host = '127.0.0.1', port = 0): Promise<Receiver> {
  const received: Received[] = []
  let decide: Parameters<Receiver['answer']>[0] = () => ({ status: 200 })
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const raw = Buffer.concat(chunks)
    const one: Received = {
      path: request.url ?? '',
      headers: request.headers,
      raw,
      body: raw.length > 0 ? JSON.parse(raw.toString('utf8')) : null,
      status: null,
    }
    received.push(one)
    const reply = await decide(one)
    if (reply === 'never') return
    if (reply.afterMs) await new Promise((resolve) => setTimeout(resolve, reply.afterMs))
    one.status = reply.status
    response.writeHead(reply.status, reply.headers).end(reply.body ?? '')
  })
  await listen(server, host, port)
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://${host}:${bound}/hook`,
    port: bound,
    received,
    answer(next) {
      decide = next
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}

export function allow(...parts: string[]): Allowed {
  const allowed = readAllowed(parts)
  if (typeof allowed === 'string') throw new Error(`no network: ${allowed}`)
  return allowed
}

export interface Telling extends AsyncDisposable {
  t: TestDatabase
  accountId: number
  institutionId: number
  errors: Record<string, unknown>[]
  tenant<T>(run: (tx: Tenant) => Promise<T>): Promise<T>
  /** Makes an endpoint with subscriptions, `appointment_updated` where none is named. */
  endpoint(targetUrl: string, events?: [string, string][], version?: 'v2' | 'v3'): Promise<Endpoint>
  /** Commits one change of an appointment, with its event. */
  change(appointmentId: number, mark: unknown, name?: EventName): Promise<void>
  /** Commits an event of any kind. */
  tell(event: Parameters<typeof recordEvent>[1]): Promise<void>
  start(): void
  stop(): Promise<void>
  wake(): void
  /** Moves the test clock to this much after the real time, and lets the workers look. */
  move(ms: number): Promise<void>
}

export interface Endpoint {
  id: number
  secret: string
  subscriptions: number[]
}

export interface TellingOptions {
  allowed?: Allowed
  timeoutMs?: number
  random?: () => number
}

export async function startTelling(options: TellingOptions = {}): Promise<Telling> {
  const stack = new AsyncDisposableStack()
  const t = stack.use(await testDatabase())
  const { database, clock } = t
  const wake = stack.use(openWake(database.pool, null))
  const accountId = await inGlobal(database, (tx) => createAccount(tx, 'Willow Creek'))
  const institutionId = await createInstitution(database, {
    accountId,
    subdomain: 'willow-creek',
    name: 'Willow Creek Dental',
  })
  const errors: Record<string, unknown>[] = []
  const log = { error: (fields: Record<string, unknown>) => void errors.push(fields) }
  const sender = stack.use(
    openSender({
      allowed: options.allowed ?? allow('loopback'),
      resolve: openResolve(),
      timeoutMs: options.timeoutMs ?? 5_000,
    }),
  )
  const handlers = {
    sequence: sequenceHandler({ wake: () => wake.wake(), log, clock }),
    deliver: deliverHandler({
      database,
      clock,
      sender,
      shape: (told) => deliveryBody(told, []),
      random: options.random ?? (() => 0),
    }),
  }
  let work: Work | undefined
  const telling: Telling = {
    t,
    accountId,
    institutionId,
    errors,
    tenant: (run) => inTenant(database, institutionId, run),
    async endpoint(targetUrl, events = [['Appointment', 'appointment_updated']], version = 'v3') {
      return await inGlobal(database, async (tx) => {
        const { id, secret } = await createEndpoint(tx, { accountId, targetUrl, active: true })
        const subscriptions: number[] = []
        for (const [resourceType, event] of events) {
          const wanted = readSubscribable(resourceType, event)
          if (Array.isArray(wanted)) throw new Error(wanted.join())
          const made = await createSubscription(tx, {
            ...wanted,
            endpointId: id,
            institutionId,
            version,
            active: true,
          })
          subscriptions.push(made?.id ?? 0)
        }
        return { id, secret, subscriptions }
      })
    },
    async change(appointmentId, mark, name = 'appointment_updated') {
      await telling.tell({
        name,
        resourceType: 'Appointment',
        subjectId: appointmentId,
        body: { appointment: { id: appointmentId, note: mark, deleted: false } },
      })
    },
    async tell(event) {
      await telling.tenant((tx) => recordEvent(tx, event))
      wake.wake()
    },
    start() {
      work = startWork({ database, clock, wake, log, handlers, slots: 16, leaseMs: 2_000 })
    },
    async stop() {
      await work?.stop(8_000)
      work = undefined
    },
    wake: () => wake.wake(),
    async move(ms) {
      await t.moveClock(ms)
      wake.wake()
    },
    async [Symbol.asyncDispose]() {
      await telling.stop()
      await stack.disposeAsync()
    },
  }
  telling.start()
  return telling
}
