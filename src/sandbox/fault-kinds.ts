/** All that can go wrong with the practice on demand: what each fault does, and which calls it meets unless told otherwise. */

/** A method and the beginning of a path; a call meets the fault where it begins so. */
const BOOKING = 'POST /visits'
const FEED = 'GET /changes'

export interface FaultMeaning {
  on: string
  /** One sentence for people. */
  about: string
  /** Only ever asked for by name: a mix leaves it out, because it outlives its call. */
  alone?: true
  /** Milliseconds that `ms` stands for where it is not given. */
  ms?: number
}

export const FAULTS = {
  refused: { on: BOOKING, about: 'refuses for a reason of its own; nothing is stored' },
  locked: { on: BOOKING, about: 'says that somebody has the row open (423); nothing is stored' },
  busy: { on: BOOKING, about: 'answers 503; nothing is stored' },
  rate_limited: { on: BOOKING, about: 'answers 429 with Retry-After; nothing is stored', ms: 2000 },
  rate_limited_bare: { on: BOOKING, about: 'answers 429 without Retry-After; nothing is stored' },
  error_before: { on: BOOKING, about: 'answers 500; nothing is stored' },
  error_after: { on: BOOKING, about: 'stores, then answers 500' },
  slow: { on: BOOKING, about: 'takes its time to answer', ms: 200 },
  cut_before_commit: { on: BOOKING, about: 'loses the connection; nothing is stored' },
  cut_after_commit: { on: BOOKING, about: 'stores, then loses the connection' },
  no_answer: { on: BOOKING, about: 'stores, and never answers' },
  applied_late: { on: BOOKING, about: 'loses the connection, and stores long after that', ms: 60_000 },
  applied_twice: { on: BOOKING, about: 'gets the request twice, as from a box on the way that retries' },
  duplicate_answer: { on: BOOKING, about: 'sends its answer twice' },
  other_answer: { on: BOOKING, about: 'stores, and answers with the row of somebody else' },
  torn_answer: { on: BOOKING, about: 'stores, and loses the connection in the middle of the answer' },
  restart: { on: BOOKING, about: 'stores, then ends and starts again', ms: 300 },
  wrong_time: { on: BOOKING, about: 'stores half an hour later than asked' },
  truncated_note: { on: BOOKING, about: 'stores the first ten characters of the remark' },
  other_provider: { on: BOOKING, about: 'stores another clinician' },
  other_chair: { on: BOOKING, about: 'stores another chair' },
  dropped_codes: { on: BOOKING, about: 'stores neither kind nor procedure codes' },
  person_renamed: { on: BOOKING, about: 'stores; the desk renames the person before the answer' },
  moved_meanwhile: { on: BOOKING, about: 'stores; the desk moves the row by four weeks before the answer' },
  remarked_meanwhile: { on: BOOKING, about: 'stores; the desk rewrites the remark before the answer' },
  cancelled_meanwhile: { on: BOOKING, about: 'stores; the desk cancels the row before the answer' },
  deleted_meanwhile: { on: BOOKING, about: 'stores; the desk deletes the row before the answer' },
  recreated: {
    on: BOOKING,
    about: 'stores; the desk deletes the row and enters it again under the same id, without a reference',
  },
  clock_skewed: {
    on: '',
    about: 'has a clock that is wrong for as long as this is set',
    alone: true,
    ms: 3_600_000,
  },
  half_page: { on: FEED, about: 'leaves out half of the rows, and moves the cursor past all of them' },
  torn_page: { on: FEED, about: 'loses the connection in the middle of the page' },
  repeated_page: { on: FEED, about: 'answers with the page before once more' },
  out_of_order: { on: FEED, about: 'sends the rows in the wrong order' },
  poisoned_row: { on: FEED, about: 'sends one row with an impossible date and without a person' },
  late_commit: {
    on: 'POST /desk/',
    about: 'commits the desk’s act later, under a revision that readers have passed by then',
    ms: 1000,
  },
  backup_restored: {
    on: BOOKING,
    about: 'stores and answers, then goes back to the backup taken when this was set',
    alone: true,
    ms: 5000,
  },
} as const satisfies Record<string, FaultMeaning>

export type FaultKind = keyof typeof FAULTS

export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[]

export function isFaultKind(value: string): value is FaultKind {
  return Object.hasOwn(FAULTS, value)
}

/** The meaning, with every field that some have and others lack. */
export function meaningOf(kind: FaultKind): FaultMeaning {
  return FAULTS[kind]
}
