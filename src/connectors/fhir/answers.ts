/** What an answer, or the lack of one, means: for a read, and for a write. */
import { type Outcome, Unavailable } from '../connector.ts'
import { Cut, LeavesServer, NotSent } from './failures.ts'
import type { FhirHttp, Reply, Request } from './http.ts'
import { describeRefusal } from './outcome-text.ts'

export type NotWritten = Exclude<Outcome, { kind: 'written' }>

/** A read whose status must be one of these. @throws Unavailable */
export async function readAny(http: FhirHttp, request: Request, statuses: number[]): Promise<Reply> {
  let reply: Reply
  try {
    reply = await http.send(request)
  } catch (error) {
    throw isOfTransport(error) ? new Unavailable(error.message) : error
  }
  if (statuses.includes(reply.status)) return reply
  throw new Unavailable(describeRefusal(reply.status, reply.body), reply.retryAfterMs)
}

/** A read that must succeed. @throws Unavailable */
export function readReply(http: FhirHttp, request: Request): Promise<Reply> {
  return readAny(http, request, [200])
}

/** What is said where a resource stands there and does not fit: to say that nothing is there would be untrue. */
export function describeMisfit(type: string, reason: string): string {
  return `the ${type} stands there and cannot be read: ${reason}`
}

/**
 * Sends a write: its reply where it is a success, a conflict of versions as such, else how it ended. `meaningOf` may know
 * more of a refusal than its status says.
 */
export async function sendWrite(
  http: FhirHttp,
  request: Request,
  meaningOf?: (body: unknown) => NotWritten | null,
): Promise<{ kind: 'success'; reply: Reply } | { kind: 'conflict' } | NotWritten> {
  try {
    const reply = await http.send(request)
    if (reply.status === 200 || reply.status === 201) return { kind: 'success', reply }
    if (reply.status === 409 || reply.status === 412) return { kind: 'conflict' }
    const own = reply.status >= 400 && reply.status < 500 ? meaningOf?.(reply.body) : null
    return own ?? refusalOf(reply)
  } catch (error) {
    return failureOf(error)
  }
}

/** The outcome of a write whose request failed below HTTP, or before it. */
function failureOf(error: unknown): NotWritten {
  if (error instanceof NotSent || error instanceof LeavesServer)
    return { kind: 'unavailable', message: error.message }
  if (error instanceof Cut) return { kind: 'unknown', message: error.message }
  throw error
}

function refusalOf(reply: Reply): NotWritten {
  const message = describeRefusal(reply.status, reply.body)
  const rejected = (code: 'unauthorized' | 'not_found' | 'unsupported' | 'invalid' | 'refused') =>
    ({ kind: 'rejected', code, message }) as const
  switch (reply.status) {
    case 401:
    case 403:
      return rejected('unauthorized')
    case 404:
    case 410:
      return rejected('not_found')
    case 405:
    case 501:
      return rejected('unsupported')
    case 400:
    case 413:
    case 415:
    case 422:
      return rejected('invalid')
    case 429:
    case 503:
      return {
        kind: 'unavailable',
        message,
        ...(reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs }),
      }
    default:
      // 408 and the other 5xx: a gateway may have given up on a request that went through. Redirects did nothing.
      if (reply.status === 408 || reply.status >= 500) return { kind: 'unknown', message }
      return rejected('refused')
  }
}

function isOfTransport(error: unknown): error is Error {
  return error instanceof NotSent || error instanceof Cut || error instanceof LeavesServer
}
