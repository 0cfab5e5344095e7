/** How many requests a key may send. Settable for each key; a key without limits may send what the server can bear. */

/** The limits there are, each with its window in milliseconds. A request counts against the first that fit it, and `all`. */
export const LIMIT_WINDOWS = {
  /** Every request. */
  all: 1_000,
  /** Lists of appointments and slots. */
  lists: 1_000,
  /** Whatever is about patients or appointments. */
  records: 60_000,
  /** Everything else. */
  others: 60_000,
} as const

export type LimitName = keyof typeof LIMIT_WINDOWS
/** Requests in the window of each; a name that is not there has no limit. */
export type Limits = Partial<Record<LimitName, number>>

/** NexHealth's, for each API key (reference, 2.6). */
export const NEXHEALTH_LIMITS: Limits = { all: 100, lists: 10, records: 1_000, others: 2_000 }

const LISTS = new Set(['/appointments', '/appointment_slots', '/available_slots'])

/** The limits that a request counts against, the narrowest first. */
export function limitsOf(method: string, path: string): LimitName[] {
  const isRecord = /^\/(patients|appointments|appointment_slots|available_slots|slot_holds)\b/.test(path)
  const byMinute = isRecord ? 'records' : 'others'
  return method === 'GET' && LISTS.has(path) ? ['lists', 'all', byMinute] : ['all', byMinute]
}

export function isLimitName(text: string): text is LimitName {
  return Object.hasOwn(LIMIT_WINDOWS, text)
}
