/** One request to a FHIR server, with its time limit, size limit and what a failure means for a write. */
import { type ConnectorContext, Unavailable } from '../connector.ts'
import type { Authorizer } from './authenticate.ts'
import { Cut, LeavesServer, NotSent } from './failures.ts'
import { readText } from './read-text.ts'
import { requestId } from './request-id.ts'

export interface Reply {
  status: number
  /** Parsed JSON; null where the answer has no body. */
  body: unknown
  etag: string | null
  /** The server's clock by its `Date` header, epoch milliseconds, null where it tells none. */
  dateMs: number | null
  retryAfterMs: number | undefined
}

export interface Request {
  method: 'GET' | 'POST' | 'PUT'
  /** Relative to the base (`Appointment/1`, empty for the base itself), or a whole URL of the same origin. */
  path: string
  body?: unknown
  /** Search parameters as a form: they may name patients, and URLs are logged. */
  form?: URLSearchParams
  headers?: Record<string, string>
}

const ACCEPT = 'application/fhir+json'
/** A bundle of a thousand resources is a few megabytes; more than this is a fault of the server. */
const MOST_BYTES = 64 * 1024 * 1024
/** Failures that come before a byte of the request was sent. */
const BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

export class FhirHttp {
  readonly #base: string
  readonly #timeoutMs: number
  readonly #authorizer: Authorizer
  readonly #paced: NonNullable<ConnectorContext['paced']>

  constructor(
    base: string,
    timeoutMs: number,
    authorizer: Authorizer,
    paced: ConnectorContext['paced'] = (call) => call(),
  ) {
    this.#base = base
    this.#timeoutMs = timeoutMs
    this.#authorizer = authorizer
    this.#paced = paced
  }

  /** @throws NotSent, Cut, LeavesServer */
  async send(request: Request): Promise<Reply> {
    const url = this.#urlOf(request.path)
    const authorization = await this.#authorizer.header()
    const reply = await this.#sendInTurn(request, url, authorization)
    if (reply.status !== 401 || !this.#authorizer.renews) return reply
    // A 401 did nothing; our token may have ended early. Once, with a new one.
    this.#authorizer.forget(authorization)
    return this.#sendInTurn(request, url, await this.#authorizer.header())
  }

  async #sendInTurn(request: Request, url: URL, authorization: string | null): Promise<Reply> {
    try {
      return await this.#paced(() => this.#sendOnce(request, url, authorization))
    } catch (error) {
      if (error instanceof Unavailable) throw new NotSent(error.message)
      throw error
    }
  }

  #urlOf(path: string): URL {
    const base = new URL(this.#base)
    const url = /^[a-z][a-z0-9+.-]*:/i.test(path)
      ? new URL(path)
      : new URL(path === '' ? this.#base : `${this.#base}/${path}`)
    if (url.origin !== base.origin)
      throw new LeavesServer(`a link leads from ${base.origin} to ${url.origin}`)
    return url
  }

  async #sendOnce(request: Request, url: URL, authorization: string | null): Promise<Reply> {
    // HAPI answers a search from one it made up to a minute ago, unless told not to.
    const fresh =
      request.method === 'GET' || request.form !== undefined ? { 'cache-control': 'no-cache' } : {}
    const named = request.method === 'GET' ? {} : { 'x-request-id': requestId() }
    const headers: Record<string, string> = { accept: ACCEPT, ...fresh, ...named, ...request.headers }
    if (authorization !== null) headers.authorization = authorization
    if (request.form !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded'
    else if (request.body !== undefined) headers['content-type'] ??= ACCEPT
    const body =
      request.form?.toString() ?? (request.body === undefined ? null : JSON.stringify(request.body))
    try {
      const answer = await fetch(url, {
        method: request.method,
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(this.#timeoutMs),
      })
      return await readReply(answer)
    } catch (error) {
      if (error instanceof Cut) throw error
      throw meaningOf(error)
    }
  }
}

async function readReply(answer: Response): Promise<Reply> {
  const text = await readText(answer, MOST_BYTES)
  const date = Date.parse(answer.headers.get('date') ?? '')
  return {
    status: answer.status,
    body: parseBody(text, answer),
    etag: answer.headers.get('etag'),
    dateMs: Number.isNaN(date) ? null : date,
    retryAfterMs: retryAfterMs(answer.headers.get('retry-after'), date),
  }
}

/** Errors may come as any text (a proxy's page); a success must be JSON. */
function parseBody(text: string, answer: Response): unknown {
  if (text === '') return null
  const isJson = /\bjson\b/.test(answer.headers.get('content-type') ?? '')
  if (!isJson && answer.ok) throw new Cut('the answer is not JSON')
  if (!isJson) return null
  try {
    return JSON.parse(text)
  } catch {
    if (answer.ok) throw new Cut('the answer is broken JSON')
    return null
  }
}

/** `Retry-After` as seconds or as a date, in milliseconds from now. */
function retryAfterMs(header: string | null, dateMs: number): number | undefined {
  if (header === null) return undefined
  if (/^\d+$/.test(header)) return Number(header) * 1000
  const until = Date.parse(header)
  if (Number.isNaN(until) || Number.isNaN(dateMs)) return undefined
  return Math.max(0, until - dateMs)
}

/** What a failed `fetch` means; the message names the kind of failure, never the URL. */
function meaningOf(error: unknown): Error {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const code = (cause as { code?: unknown } | null)?.code
  if (typeof code === 'string' && BEFORE_SENDING.has(code)) {
    return new NotSent(`the FHIR server cannot be reached (${code})`)
  }
  if (error instanceof Error && error.name === 'TimeoutError')
    return new Cut('the FHIR server did not answer in time')
  return new Cut(`the connection to the FHIR server broke (${typeof code === 'string' ? code : 'no code'})`)
}
