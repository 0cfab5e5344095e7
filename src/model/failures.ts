/**
 * What is refused, and how it is said. A `Failure` is thrown by our own code and caught once, at the HTTP edge or by
 * the command line; everything else that is thrown is a fault of ours and answers 500.
 */

const failures = {
  invalid_request: { status: 400, retriable: false },
  slot_taken: { status: 400, retriable: false },
  outside_hours: { status: 400, retriable: false },
  unsupported_by_source: { status: 400, retriable: false },
  appointment_closed: { status: 400, retriable: false },
  patient_exists: { status: 400, retriable: false },
  unauthenticated: { status: 401, retriable: false },
  forbidden: { status: 403, retriable: false },
  not_found: { status: 404, retriable: false },
  method_not_allowed: { status: 405, retriable: false },
  idempotency_in_progress: { status: 409, retriable: true },
  too_large: { status: 413, retriable: false },
  idempotency_mismatch: { status: 422, retriable: false },
  rate_limited: { status: 429, retriable: true },
  internal: { status: 500, retriable: false },
  unavailable: { status: 503, retriable: true },
} as const

export type FailureCode = keyof typeof failures

/** The HTTP status of a code on NexHealth's routes (decisions 1 and 14 of the wire reference). */
export function statusOf(code: FailureCode): number {
  return failures[code].status
}

/** A refusal for people: one sentence for each thing that was wrong, without patient data. */
export class Failure extends Error {
  readonly code: FailureCode
  readonly sentences: string[]
  /** What goes with the refusal in the envelope's `data`, without patient data. */
  data: object | null = null
  constructor(code: FailureCode, sentences: string | string[]) {
    const list = typeof sentences === 'string' ? [sentences] : sentences
    super(list.join(' '))
    this.name = 'Failure'
    this.code = code
    this.sentences = list
  }
}
