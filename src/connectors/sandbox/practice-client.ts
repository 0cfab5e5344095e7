/** One call to the practice, and what is certain about it afterwards: that decides between `unavailable` and `unknown`. */
import { type ConnectorContext, Unavailable } from '../connector.ts'
import type { SandboxConfiguration } from './configuration.ts'

export type Reply =
  /** It answered. `json` is null where the body was empty or not JSON. */
  | { kind: 'answer'; status: number; json: unknown; retryAfterMs: number | undefined }
  /** The request never left. */
  | { kind: 'not_sent'; message: string; retryAfterMs?: number | undefined }
  /** The request may have arrived; no whole answer came back. */
  | { kind: 'cut'; message: string }

export type PracticeClient = (method: string, path: string, body?: Record<string, unknown>) => Promise<Reply>

const TIMEOUT_MS = 10_000
/** More than a thousand rows with the longest texts they may hold. */
const ANSWER_MAX = 32 * 1024 * 1024

/** Failures before a connection stood, by the codes of the operating system and of fetch. */
const BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? code : ''
}

/** `Retry-After` in seconds or as a date → milliseconds from now. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}

async function readJson(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > ANSWER_MAX) throw new Error('answer too large')
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return null
  }
}

/** Calls do not throw for what the other side does: whatever happens is a reply. */
export function openClient(
  configuration: SandboxConfiguration,
  { paced = (call) => call() }: Pick<ConnectorContext, 'paced'>,
): PracticeClient {
  const call = makeCall(configuration)
  return async (method, path, body) => {
    try {
      return await paced(() => call(method, path, body))
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      return { kind: 'not_sent', message: error.message, retryAfterMs: error.retryAfterMs }
    }
  }
}

function makeCall(configuration: SandboxConfiguration): PracticeClient {
  const timeoutMs = configuration.timeout_ms ?? TIMEOUT_MS
  const origin = new URL(configuration.url).origin
  return async (method, path, body) => {
    try {
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: {
          'x-practice-key': configuration.key,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      const json = await readJson(response)
      const retryAfterMs = retryAfter(response.headers.get('retry-after'))
      return { kind: 'answer', status: response.status, json, retryAfterMs }
    } catch (error) {
      const code = codeOf(error)
      if (BEFORE_SENDING.has(code))
        return { kind: 'not_sent', message: `The practice was not reached (${code}).` }
      const timedOut = error instanceof Error && error.name === 'TimeoutError'
      const why = timedOut ? `no answer within ${timeoutMs} ms` : code || 'connection lost'
      return { kind: 'cut', message: `The practice did not answer in full (${why}).` }
    }
  }
}
