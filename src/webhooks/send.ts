/** One attempt over the wire: a POST to the checked address, no redirects, TLS verified, an answer read up to a limit. */
import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { type Allowed, findTarget, type Refusal, type Resolve, type Target } from './target.ts'

/** Why there was no status; a word of ours. `stopped`: we cut it ourselves, and it counts for nothing. */
/** `unshapeable`: nothing was sent, since no body could be made of the event. */
export type SendError = Refusal | 'refused' | 'timeout' | 'tls' | 'no_answer' | 'stopped' | 'unshapeable'

export interface Sent {
  status: number | null
  error: SendError | null
  durationMs: number
  /** The beginning of the answer, as UTF-8. */
  answer: string
}

export interface SenderOptions {
  allowed: Allowed
  resolve: Resolve
  /** From the first look at the name to the status line (decision 11); the rest of the answer gets no more. */
  timeoutMs?: number
  /** Certificates trusted instead of the system's: tests have an authority of their own. */
  ca?: string
}

export interface Sender extends Disposable {
  send(target: string, headers: Record<string, string>, body: Buffer, stop: AbortSignal): Promise<Sent>
}

const TIMEOUT_MS = 15_000
const ANSWER_BYTES_MAX = 64 * 1024
/** What the log of deliveries keeps of an answer. */
const ANSWER_BYTES_KEPT = 1024
const IDLE_MS = 5_000

/** Keeps connections open between deliveries, by checked address. */
export function openSender(options: SenderOptions): Sender {
  const keeping = { keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 8 }
  const agents = { 'http:': new http.Agent(keeping), 'https:': new https.Agent(keeping) }
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  return {
    async send(text, headers, body, stop) {
      const began = performance.now()
      const took = () => Math.round(performance.now() - began)
      const late = AbortSignal.timeout(timeoutMs)
      const signal = AbortSignal.any([late, stop])
      const why = (error: unknown): SendError => {
        if (stop.aborted) return 'stopped'
        return late.aborted ? 'timeout' : wordFor(error)
      }
      const fail = (error: SendError): Sent => ({ status: null, error, durationMs: took(), answer: '' })
      try {
        const target = await unlessAborted(findTarget(text, options.allowed, options.resolve), signal)
        if (typeof target === 'string') return fail(target)
        const answer = await post(target, { headers, body, signal, ca: options.ca, agents })
        return { ...answer, error: null, durationMs: took() }
      } catch (error) {
        return fail(why(error))
      }
    },
    [Symbol.dispose]() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

interface Post {
  headers: Record<string, string>
  body: Buffer
  signal: AbortSignal
  ca: string | undefined
  agents: { 'http:': http.Agent; 'https:': https.Agent } | null
}

type Answer = Pick<Sent, 'status' | 'answer'>

async function post(target: Target, options: Post): Promise<Answer> {
  const request = open(target, options)
  try {
    return await new Promise<Answer>((resolve, reject) => {
      let isAnswered = false
      request.on('error', (error) => {
        if (!isAnswered) reject(error)
      })
      request.on('response', (response) => {
        isAnswered = true
        void read(response).then((answer) => resolve({ status: response.statusCode ?? null, answer }))
      })
      // Once the status has come, reading has the last word.
      request.on('close', () => {
        if (!isAnswered) reject(new Error('closed without an answer'))
      })
      request.end(options.body)
    })
  } catch (error) {
    // A kept connection that the receiver closed meanwhile is no failure of the receiver: once more, on a new one.
    if (!request.reusedSocket || options.agents === null || options.signal.aborted) throw error
    return await post(target, { ...options, agents: null })
  }
}

function open({ url, address }: Target, { headers, body, signal, ca, agents }: Post): http.ClientRequest {
  const isSecure = url.protocol === 'https:'
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const common = {
    method: 'POST',
    host: address,
    port: url.port || (isSecure ? 443 : 80),
    path: url.pathname + url.search,
    headers: { ...headers, host: url.host, 'content-length': String(body.length) },
    signal,
  }
  if (!isSecure) return http.request({ ...common, agent: agents?.['http:'] ?? false })
  return https.request({
    ...common,
    agent: agents?.['https:'] ?? false,
    // Verified against the name that was asked for, not the address; an address is no server name.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
  })
}

/** Reads to the end or to the limit, and then hangs up. Whatever goes wrong here, the status has been said. */
async function read(response: http.IncomingMessage): Promise<string> {
  const kept: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (bytes < ANSWER_BYTES_KEPT) kept.push(chunk.subarray(0, ANSWER_BYTES_KEPT - bytes))
      bytes += chunk.length
      if (bytes > ANSWER_BYTES_MAX) break
    }
  } catch {
    // Cut off or late.
  }
  response.destroy()
  return Buffer.concat(kept).toString('utf8')
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return await Promise.race([promise, aborted])
}

function wordFor(error: unknown): SendError {
  const code = String((error as { code?: unknown } | null)?.code ?? '')
  if (code === 'ECONNREFUSED') return 'refused'
  if (/^(ERR_TLS|ERR_SSL|EPROTO|CERT_)|CERT|SIGNATURE/.test(code)) return 'tls'
  return 'no_answer'
}
