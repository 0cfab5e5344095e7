/** The envelope: `{code, description, data, error}` around everything (reference, 2.1). */
import { NoDataKey } from '../db/data-keys.ts'
import { Failure, statusOf } from '../model/failures.ts'
import type { PageInfo } from '../model/wire-basics.ts'

export interface Answer {
  data: unknown
  /** 200 where not given; 204 answers without a body. */
  status?: 200 | 201 | 204
  /** Total of the collection; v2 lists. */
  count?: number
  /** v3 lists. */
  pageInfo?: PageInfo
  /** Something is owed to a record system or a reader: workers are woken after the commit. */
  owes?: boolean
}

/** A success. Warnings go to `description` as an array (decision 4), never to `error` (decision 19). */
export function success(answer: Answer, warnings: string[]): object {
  const description = warnings.length > 0 ? [...new Set(warnings)] : null
  const head = { code: true, description, error: null, data: answer.data }
  return answer.pageInfo ? { ...head, page_info: answer.pageInfo } : { ...head, count: answer.count ?? null }
}

export interface Refusal {
  status: number
  /** Integer seconds, as clients parse them (decision 20). */
  retryAfterSeconds: number | null
  body: { code: false; description: null; data: object | null; error: string[] }
}

const RETRY_AFTER_SECONDS = 1

/** What a thrown thing says to the caller. Only a `Failure` speaks for itself; the text of any other error stays here. */
export function refusal(error: unknown, requestId: string): Refusal {
  const failure = failureOf(error)
  const status = failure ? statusOf(failure.code) : 500
  const sentences = failure?.sentences ?? [`Something went wrong on our side (request ${requestId}).`]
  return {
    status,
    retryAfterSeconds: status === 429 || status === 503 ? RETRY_AFTER_SECONDS : null,
    body: { code: false, description: null, data: failure?.data ?? null, error: sentences },
  }
}

/**
 * PostgreSQL's codes for "not now": connection trouble, shutting down, a cut statement, too many clients, lost locks, and
 * read-only (25006), as it is while another server takes over.
 */
const NOT_NOW = /^(08...|57P0[123]|57014|53300|40001|40P01|55P03|25006)$/
/** What the driver says where a connection did not come, or ended: while it was opened, in a query, or after that. */
const CONNECTION_LOST =
  /^(timeout exceeded when trying to connect|Connection terminated|Client (has encountered a connection error|was closed))/
const NOT_REACHED = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'ENOTFOUND'])

function failureOf(error: unknown): Failure | null {
  if (error instanceof Failure) return error
  // Deleted after we had looked who may see it.
  if (error instanceof NoDataKey) return new Failure('not_found', 'Institution not found')
  const { code, statusCode, message } = (error ?? {}) as {
    code?: unknown
    statusCode?: unknown
    message?: unknown
  }
  if (typeof code === 'string' && (NOT_NOW.test(code) || NOT_REACHED.has(code))) return unreachable
  if (typeof message === 'string' && CONNECTION_LOST.test(message)) return unreachable
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new Failure('too_large', 'The body is larger than 1 MiB')
  if (statusCode === 400 || statusCode === 415)
    return new Failure('invalid_request', 'The request cannot be read')
  return null
}

const unreachable = new Failure('unavailable', 'The database cannot be reached for now; try again')
