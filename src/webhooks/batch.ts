/** Some lanes of one endpoint and institution: their heads read, sent side by side with no transaction open, and settled. */
import type { Clock } from '../db/clock.ts'
import { type Database, inTenant, masterKeysOf, type Tenant } from '../db/database.ts'
import { openJson } from '../db/seal.ts'
import { patientsIn } from '../model/patient-ids.ts'
import { addMs, type Instant, toInstant, toMs } from '../model/time.ts'
import { inSpan, type Tracing } from '../model/trace.ts'
import { AppointmentTold } from '../model/wire-appointment.ts'
import { PatientTold } from '../model/wire-patient.ts'
import { eventOf } from '../model/wire-sync.ts'
import { appendAudit } from '../store/audit.ts'
import { type Head, listHeads, type Settled, settleHeads } from '../store/deliveries.ts'
import { type LocationRow, listLocations } from '../store/locations.ts'
import { noteExpired, noteHealth, type OpenEndpoint, openEndpoint } from '../store/webhook-endpoints.ts'
import type { Hold } from '../work/hold.ts'
import { nextAttempt, PAUSE_AFTER_MS } from './schedule.ts'
import type { Sender, Sent } from './send.ts'
import { signatureHeaders } from './sign.ts'

/** What an event is told as, in a subscription's version. The shapes are the HTTP floor's, which this one cannot see. */
export type ShapeDelivery = (told: {
  event: NonNullable<Head['event']>
  version: 'v2' | 'v3'
  subscriptionId: number
  institution: { id: number; subdomain: string }
  locations: LocationRow[]
}) => object

export interface DeliverOptions {
  database: Database
  clock: Clock
  sender: Sender
  shape: ShapeDelivery
  /** Each attempt is a span of its event's trace, and told to the receiver. */
  tracing?: Tracing | null
  /** In [0, 1), for the jitter of retries. */
  random?: () => number
}

const findTold = patientsIn(eventOf(AppointmentTold, PatientTold))

/** At a stop, what is on its way gets this long. */
const GRACE_MS = 4_000

/** How a lane came out; `settled` is null where it was owed nothing. */
export interface Outcome {
  lane: string
  settled: Settled | null
}

export interface Batch {
  outcomes: Promise<Outcome>[]
  /** Writes outcomes down; answers when the first of their lanes is due again. */
  settle(outcomes: Outcome[]): Promise<Instant | null>
}

/** Reads the heads of some lanes of one institution and sends them, with no transaction open. Null: the endpoint is inactive. */
export async function openBatch(
  options: DeliverOptions,
  hold: Hold,
  endpointId: number,
  institutionId: number,
  lanes: string[],
): Promise<Batch | null> {
  const { endpoint, heads, locations } = await inTenant(options.database, institutionId, async (tx) => {
    const endpoint = await openEndpoint(tx, endpointId, masterOf(options.database))
    const heads = endpoint?.active ? await listHeads(tx, endpointId, lanes) : []
    await auditDeliveries(tx, endpointId, heads)
    const isAboutSync = heads.some((head) => head.event?.resource_type === 'SyncStatus')
    return { endpoint, heads, locations: isAboutSync ? await listLocations(tx) : [] }
  })
  if (!endpoint?.active) return null
  const began = performance.now()
  const base = toMs(endpoint.now)
  const stop = stopAfter(hold.signal, GRACE_MS)
  const sending = lanes.map(async (lane): Promise<Outcome> => {
    const head = heads.find((one) => one.lane === lane)
    if (!head) return { lane, settled: null }
    // The database's time, carried on: no process's clock decides when a retry is due.
    const sentAt = Math.round(base + performance.now() - began)
    const sent = await sendHead(options, endpoint, head, {
      institutionId,
      locations,
      sentAt,
      stop: stop.signal,
    })
    return { lane, settled: judge(options, endpoint, head, sentAt, sent) }
  })
  void Promise.allSettled(sending).then(() => stop[Symbol.dispose]())
  return {
    outcomes: sending,
    settle: (outcomes) => hold.inTenantOf(institutionId, (tx) => settleOutcomes(tx, endpoint, outcomes)),
  }
}

/** Before anything of it leaves: whom each attempt tells of, and to which endpoint. How it went is in the log of deliveries. */
async function auditDeliveries(tx: Tenant, endpointId: number, heads: Head[]): Promise<void> {
  const told = heads.flatMap(({ id, version, event }) => (version && event ? [{ id, event }] : []))
  await appendAudit(
    tx,
    told.map(({ id, event }) => ({
      institutionId: tx.institutionId,
      kind: 'delivery',
      method: 'POST',
      route: null,
      status: null,
      apiKeyId: null,
      requestId: messageId(id),
      webhookEndpointId: endpointId,
      patientIds: patientsTold(event.body),
    })),
  )
}

function patientsTold(data: Record<string, unknown>): number[] {
  const found = new Set<number>()
  findTold?.({ data }, found)
  return [...found].sort((a, b) => a - b)
}

async function settleOutcomes(
  tx: Tenant,
  endpoint: OpenEndpoint,
  outcomes: Outcome[],
): Promise<Instant | null> {
  const settled = outcomes.flatMap((one) => one.settled ?? [])
  const emptied = outcomes.filter((one) => one.settled === null).map((one) => one.lane)
  const next = await settleHeads(tx, endpoint.id, settled, emptied)
  const expired = settled.filter((one) => one.state === 'expired').length
  if (expired > 0) await noteExpired(tx, endpoint.id, expired)
  const isHeard = settled.some((one) => one.attempt !== null && one.state === 'delivered')
  const [first = null] = settled.flatMap((one) => one.attempt?.startedAt ?? []).sort()
  if (isHeard ? endpoint.failing_since !== null : first !== null)
    await noteHealth(tx, endpoint.id, { failed: isHeard ? null : first, pauseMs: PAUSE_AFTER_MS })
  return next
}

/** Endpoints' secrets are sealed under the installation's key, not the institution's. */
function masterOf(database: Database): (sealed: Buffer) => string {
  return (sealed) => String(openJson(masterKeysOf(database), sealed))
}

interface Surroundings {
  institutionId: number
  locations: LocationRow[]
  /** Epoch milliseconds. */
  sentAt: number
  stop: AbortSignal
}

/** Shapes, signs and sends one delivery; null where there is nothing to send or nobody to send it to. */
async function sendHead(
  { sender, shape, tracing = null }: DeliverOptions,
  endpoint: OpenEndpoint,
  { id, subscription_id: subscriptionId, version, event, subdomain, tries }: Head,
  { institutionId, locations, sentAt, stop }: Surroundings,
): Promise<Sent | null> {
  if (!version || !event) return null
  const institution = { id: institutionId, subdomain }
  let body: Buffer
  try {
    body = Buffer.from(JSON.stringify(shape({ event, version, subscriptionId, institution, locations })))
  } catch {
    // A mistake of ours in one body must not hold up the endpoint; the delivery can be replayed once it is mended.
    return { status: null, error: 'unshapeable', durationMs: 0, answer: '' }
  }
  const secrets = { current: endpoint.secret, previous: endpoint.previous_secret }
  const signed = signatureHeaders(secrets, { id: messageId(id), body, sentAt })
  const headers = { ...signed, 'content-type': 'application/json', 'user-agent': 'Slotbridge-Webhooks' }
  const attributes = {
    'slotbridge.event.name': event.name,
    'slotbridge.event.id': event.id,
    'slotbridge.delivery.id': id,
    'slotbridge.delivery.tries_before': tries,
    'slotbridge.webhook_endpoint.id': endpoint.id,
    'slotbridge.institution.id': institutionId,
  }
  const start = { kind: 'client' as const, parent: event.traceparent, attributes }
  return await inSpan(tracing, `deliver ${event.name}`, start, async (span) => {
    const joined = span ? { ...headers, traceparent: span.traceparent } : headers
    const sent = await sender.send(endpoint.target_url, joined, body, stop)
    if (sent.status !== null) span?.set({ 'http.response.status_code': sent.status })
    if (sent.error !== null) span?.set({ 'error.type': sent.error })
    return sent
  })
}

/** The same over all attempts and replays, so that a receiver can tell what it has seen. */
export function messageId(deliveryId: number): string {
  return `msg_${deliveryId}`
}

function judge(
  options: DeliverOptions,
  endpoint: OpenEndpoint,
  head: Head,
  started: number,
  sent: Sent | null,
): Settled {
  const plain = { id: head.id, lane: head.lane, attempt: null, nextAt: null }
  if (!head.version) return { ...plain, state: 'withdrawn' }
  if (!sent) return { ...plain, state: 'expired' }
  if (sent.error === 'stopped') return { ...plain, state: 'pending' }
  // Attempts from before the endpoint was resumed count for nothing.
  const isSameRound = head.first_attempt_at !== null && head.first_attempt_at >= endpoint.resumed_at
  const firstAt = isSameRound && head.first_attempt_at ? toMs(head.first_attempt_at) : started
  const tries = isSameRound ? head.tries + 1 : 1
  const attempt = {
    startedAt: toInstant(started),
    firstAt: toInstant(firstAt),
    tries,
    durationMs: sent.durationMs,
    status: sent.status,
    error: sent.error,
    answer: sent.answer,
  }
  if (sent.status !== null && sent.status >= 200 && sent.status < 300)
    return { ...plain, state: 'delivered', attempt }
  const ended = toMs(addMs(attempt.startedAt, sent.durationMs))
  if (sent.error === 'unshapeable') return { ...plain, state: 'dead', attempt }
  const next = nextAttempt(firstAt, tries, ended, (options.random ?? Math.random)())
  if (next === null) return { ...plain, state: 'dead', attempt }
  return { ...plain, state: 'pending', attempt, nextAt: toInstant(next) }
}

/** A signal that is aborted some time after another: what is on its way may still arrive. */
function stopAfter(signal: AbortSignal, ms: number): { signal: AbortSignal } & Disposable {
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    timer = setTimeout(() => late.abort(), ms)
  }
  if (signal.aborted) begin()
  else signal.addEventListener('abort', begin, { once: true })
  return {
    signal: late.signal,
    [Symbol.dispose]() {
      signal.removeEventListener('abort', begin)
      clearTimeout(timer)
    },
  }
}
