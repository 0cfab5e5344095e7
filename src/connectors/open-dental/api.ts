/** One request to the Open Dental API, at its pace, and what is certain afterwards. opendental.com/site/apispecification.html */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outcome } from '../connector.ts'
import type { ApiSettings } from './configuration.ts'

export type Reply =
  /** It answered; `json` is null where the body is empty or no JSON. */
  | { kind: 'answer'; status: number; json: unknown; text: string; retryAfterMs: number | undefined }
  /** The request never left. */
  | { kind: 'not_sent'; message: string }
  /** It may have arrived; no whole answer came back. */
  | { kind: 'cut'; message: string }

export type NotWritten = Exclude<Outcome, { kind: 'written' }>

/** Most of an answer that is read: one row has a few thousand characters. */
const ANSWER_MAX = 4 * 1024 * 1024
/** Between two requests of its slowest tier. */
const SLOWEST_MS = 5000
const LONGEST_WAIT_MS = 30_000
/** Failures before a connection stood. */
const BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])

export class Api {
  readonly settings: ApiSettings
  /** Who waits for a turn: bookings and changes, and behind all of these what merely asks. */
  readonly #waiting: { writes: (() => void)[]; others: (() => void)[] } = { writes: [], others: [] }
  #busy = false
  #freeAt = 0

  constructor(settings: ApiSettings) {
    this.settings = settings
  }

  /** Sends one request after the other, writes first, no sooner than the interval allows. Never throws. */
  async call(method: 'GET' | 'POST' | 'PUT', path: string, body?: Record<string, unknown>): Promise<Reply> {
    return await this.#inTurn('writes', () => this.#send(method, path, body))
  }

  /** The same for a request that can wait. */
  async ask(method: 'GET' | 'PUT', path: string, body?: Record<string, unknown>): Promise<Reply> {
    return await this.#inTurn('others', () => this.#send(method, path, body))
  }

  async #inTurn<T>(lane: 'writes' | 'others', run: () => Promise<T>): Promise<T> {
    if (this.#busy) await new Promise<void>((resolve) => this.#waiting[lane].push(resolve))
    this.#busy = true
    try {
      return await run()
    } finally {
      const next = this.#waiting.writes.shift() ?? this.#waiting.others.shift()
      // Whoever is next stays behind nobody: the turn goes over without falling free.
      if (next) next()
      else this.#busy = false
    }
  }

  async #send(method: string, path: string, body: Record<string, unknown> | undefined): Promise<Reply> {
    const { url, authorization, timeoutMs, intervalMs } = this.settings
    const wait = this.#freeAt - performance.now()
    if (wait > 0) await sleep(wait)
    let pauseMs = intervalMs
    try {
      const answer = await fetch(`${url}/${path}`, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = await readText(answer)
      const wanted = Number(answer.headers.get('retry-after') ?? Number.NaN)
      const retryAfterMs = Number.isFinite(wanted) ? wanted * 1000 : undefined
      // Throttled: the next request waits as it says, or as long as its slowest tier asks.
      if (answer.status === 429) pauseMs = Math.min(retryAfterMs ?? SLOWEST_MS, LONGEST_WAIT_MS)
      return { kind: 'answer', status: answer.status, json: parse(text), text, retryAfterMs }
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
      if (BEFORE_SENDING.has(code))
        return { kind: 'not_sent', message: `The Open Dental API was not reached (${code}).` }
      const timedOut = error instanceof Error && error.name === 'TimeoutError'
      const why = timedOut ? `no answer within ${timeoutMs} ms` : code || 'connection lost'
      return { kind: 'cut', message: `The Open Dental API did not answer in full (${why}).` }
    } finally {
      // From the answer on: of two requests that left in time the second may catch up on its way.
      this.#freeAt = performance.now() + pauseMs
    }
  }
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body ?? []) {
    size += chunk.length
    if (size > ANSWER_MAX) throw new Error('answer too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Fields that a refusal may be about: of its explanation nothing else is repeated, since it may quote a patient. */
const FIELDS = [
  'PatNum',
  'AptNum',
  'Op',
  'AptDateTime',
  'AptStatus',
  'Pattern',
  'ProvNum',
  'ProvHyg',
  'ClinicNum',
  'AppointmentTypeNum',
  'Note',
  'defNum',
  'Confirmed',
  'DateTimeArrived',
  'LName',
  'FName',
  'Birthdate',
  'Gender',
  'Email',
  'WirelessPhone',
  'procCode',
  'ProcStatus',
  'breakType',
  'sendToUnscheduledList',
]

/** What a reply other than success means for a write. */
export function refusalOf(reply: Reply): NotWritten {
  if (reply.kind === 'not_sent') return { kind: 'unavailable', message: reply.message }
  if (reply.kind === 'cut') return { kind: 'unknown', message: reply.message }
  const { status, text, retryAfterMs } = reply
  const named = FIELDS.filter((name) => new RegExp(`\\b${name}\\b`).test(text))
  const message = `The Open Dental API answered ${status}${named.length > 0 ? ` (${named.join(', ')})` : ''}.`
  // Turned away before anything was done: throttled, or its service is not up.
  if (status === 429 || status === 503) {
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
    return { kind: 'unavailable', message, ...wait }
  }
  if (status === 401 || status === 403) return { kind: 'rejected', code: 'unauthorized', message }
  if (status === 404) return { kind: 'rejected', code: 'not_found', message }
  if (status >= 400 && status < 500 && status !== 408)
    return { kind: 'rejected', code: /\boverlap/i.test(text) ? 'slot_taken' : 'invalid', message }
  // 504 is its cap of 60 seconds: what was asked may be done all the same.
  return { kind: 'unknown', message }
}

/** A key in an answer, `{"AptNum": 34}`; null where there is none. */
export function keyIn(json: unknown, name: string): string | null {
  const value = typeof json === 'object' && json !== null ? Reflect.get(json, name) : undefined
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : ''
  return /^[1-9]\d{0,18}$/.test(text) ? text : null
}
