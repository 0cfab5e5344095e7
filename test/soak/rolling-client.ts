/**
 * Clients of several api processes, as a careful program asks them: each change under its Idempotency-Key, again on another
 * process where the connection broke, and again where the answer is 503. Any other answer is a finding.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Instant } from '../../src/model/time.ts'
import type { Dice } from '../../src/sandbox/random.ts'
import type { Practice } from '../support/bridge.ts'
import { type Act, endOf, type PlannedAppointment } from './crash-plan.ts'

/** What all clients of one run share. */
export interface Ground {
  practice: Practice
  /** Where api processes answer now. */
  urls(): string[]
  /** Whether the database is away, and how often it was: an answer 503 belongs to one of these times. */
  away: { now: boolean; times: number }
  tally: Tally
}

export interface Tally {
  accepted: number
  reads: number
  /** Answers 503 while the database was away, connections that broke or were refused, and waits for an earlier try. */
  unavailable: number
  broken: number
  in_progress: number
  replayed: number
  findings: string[]
}

export const newTally = (): Tally => ({
  ...{ accepted: 0, reads: 0, unavailable: 0, broken: 0, in_progress: 0, replayed: 0, findings: [] },
})

// biome-ignore lint/suspicious/noExplicitAny: a client reads whatever the wire holds
export type Body = any

const ANSWER_MS = 60_000
const PATIENCE_MS = 240_000
const AGAIN_MS = 100

export interface Call {
  method: 'GET' | 'POST' | 'PATCH'
  path: string
  body?: object
  key?: string
}

/** Asks until there is an answer that is neither a broken connection nor 503. */
export async function insist(ground: Ground, throws: Dice, call: Call): Promise<Body> {
  const { tally, away } = ground
  for (const limit = Date.now() + PATIENCE_MS; Date.now() < limit; await sleep(AGAIN_MS)) {
    const urls = ground.urls()
    if (urls.length === 0) continue
    const before = { ...away }
    const answer = await ask(ground.practice.apiKey, throws.pick(urls), call)
    if (answer === null) {
      tally.broken++
      continue
    }
    const { status, body, isReplay } = answer
    if (isReplay) tally.replayed++
    if (status < 300) return body
    if (status === 503 && (before.now || away.now || away.times > before.times)) tally.unavailable++
    else if (status === 409 && call.key !== undefined) tally.in_progress++
    else {
      const path = call.path.replace(/\?.*$/, '')
      tally.findings.push(`${call.method} ${path} was answered ${status}: ${body?.error?.join(' ')}`)
      if (status !== 503) throw new Error(tally.findings.at(-1))
    }
  }
  throw new Error(`${call.method} ${call.path.replace(/\?.*$/, '')} found no answer`)
}

async function ask(apiKey: string, url: string, { method, path, body, key }: Call) {
  try {
    const answer = await fetch(url + path, {
      method,
      headers: {
        authorization: apiKey,
        'nex-api-version': 'v3.0.0',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const isReplay = answer.headers.get('idempotency-replayed') === 'true'
    return { status: answer.status, body: (await answer.json()) as Body, isReplay }
  } catch {
    return null
  }
}

/** Asks for everything of one appointment, and looks at it in between. Answers our id of it. */
export async function liveThrough(
  ground: Ground,
  throws: Dice,
  planned: PlannedAppointment,
  name: string,
): Promise<number> {
  const { practice, tally } = ground
  const where = `subdomain=${practice.subdomain}&location_id=${practice.locationId}`
  let id = 0
  for (const act of planned.acts) {
    const change = act.kind === 'book' ? bookingOf(planned) : changeOf(act)
    const body = await insist(ground, throws, {
      method: act.kind === 'book' ? 'POST' : 'PATCH',
      path: act.kind === 'book' ? `/appointments?${where}` : `/appointments/${id}?${where}`,
      body: { appt: change },
      key: `${name}-${act.kind}`,
    })
    id = body.data.appt.id
    tally.accepted++
    const shown = await insist(ground, throws, { method: 'GET', path: `/appointments/${id}?${where}` })
    if (shown.data.id !== id) tally.findings.push(`appointment ${id} is not what is read of it`)
    const list = `/appointments?${where}&start=${planned.start}&end=${endOf(planned.start)}`
    await insist(ground, throws, { method: 'GET', path: list })
    tally.reads += 2
  }
  return id
}

function bookingOf({ patientId, place, start }: PlannedAppointment): object {
  const { providerId: provider_id, operatoryId: operatory_id } = place
  return { patient_id: patientId, provider_id, operatory_id, start_time: start, end_time: endOf(start) }
}

function changeOf(act: Exclude<Act, { kind: 'book' }>): object {
  switch (act.kind) {
    case 'reschedule':
      return { start_time: act.start, end_time: endOf(act.start as Instant) }
    case 'confirm':
      return { confirmed: true }
    case 'note':
      return { note: act.note }
    case 'cancel':
      return { cancelled: true }
  }
}

/** Reads `/events` from a cursor on, until there is nothing new. */
export async function readOn(ground: Ground, throws: Dice, from: string | null): Promise<Body[]> {
  const events: Body[] = []
  for (let after = from; ; ) {
    const cursor = after === null ? '' : `&after=${encodeURIComponent(after)}`
    const path = `/events?subdomain=${ground.practice.subdomain}&per_page=100${cursor}`
    const { data } = await insist(ground, throws, { method: 'GET', path })
    if (data.length === 0) return events
    events.push(...data)
    after = data.at(-1).cursor
  }
}
