/**
 * How a write goes on: every state meets every event in one table, and each pair has its next state or is impossible. The
 * store moves writes by this table and by nothing else; the database refuses what it has no way for (migration 0006).
 *
 * Not ended: `pending` (certainly not in effect), `sending` (an attempt is under way, or was when its worker died),
 * `unknown` (to be looked for before anything is sent), `needs_decision` (a person must say). The other four are ends.
 */
import type { WriteState } from './appointment.ts'
import type { WriteCode } from './writes.ts'

export const WRITE_EVENTS = [
  /** An attempt begins: the first, or one after a look that found nothing. */
  'begun',
  /** Certainly not in effect, and still owed: turned away, lost to a newer version, or a person said to go on. */
  'put_back',
  /** Perhaps in effect: no answer, or one that cannot be read back yet. */
  'unclear',
  /** Our own database may be older than what was done (a restored backup): looked for before anything is sent. */
  'doubted',
  /** Only a person can say how it goes on. */
  'person_needed',
  /** Read back as asked. */
  'stands',
  /** Read back with a field that differs. */
  'differs',
  /** The front desk had done the same before it was sent. */
  'stood_before',
  /** The record system refused it, or ours was withdrawn there again. */
  'refused',
  /** The front desk changed or removed what it was about. */
  'overtaken',
  /** Cancelled before anything was sent. */
  'stopped',
  /** What it was about is not written itself. */
  'superseded',
  /** A person gave it up. */
  'given_up',
  /** Its deadline passed, and it is known not to be in effect. */
  'expired',
  /** Its deadline passed, and whether it is in effect cannot be found out. */
  'not_found_out',
] as const
export type WriteEvent = (typeof WRITE_EVENTS)[number]

const impossible = 'impossible' as const
export type NextState = WriteState | typeof impossible

const ended: Record<WriteEvent, NextState> = {
  begun: impossible,
  put_back: impossible,
  unclear: impossible,
  doubted: impossible,
  person_needed: impossible,
  stands: impossible,
  differs: impossible,
  stood_before: impossible,
  refused: impossible,
  overtaken: impossible,
  stopped: impossible,
  superseded: impossible,
  given_up: impossible,
  expired: impossible,
  not_found_out: impossible,
}

const table: Record<WriteState, Record<WriteEvent, NextState>> = {
  pending: {
    begun: 'sending',
    put_back: impossible,
    unclear: impossible,
    doubted: 'unknown',
    person_needed: 'needs_decision',
    stands: impossible,
    differs: impossible,
    stood_before: 'complete',
    refused: impossible,
    overtaken: 'failed',
    stopped: 'failed',
    superseded: 'failed',
    given_up: impossible,
    expired: 'timed_out',
    not_found_out: impossible,
  },
  sending: {
    // Its worker died, and the look found nothing.
    begun: 'sending',
    put_back: 'pending',
    unclear: 'unknown',
    doubted: 'unknown',
    person_needed: 'needs_decision',
    stands: 'complete',
    differs: 'incomplete',
    stood_before: impossible,
    refused: 'failed',
    overtaken: 'failed',
    stopped: impossible,
    superseded: impossible,
    given_up: impossible,
    expired: 'timed_out',
    not_found_out: 'incomplete',
  },
  unknown: {
    begun: 'sending',
    // Only a look tells, and then it is sent at once.
    put_back: impossible,
    unclear: 'unknown',
    doubted: 'unknown',
    person_needed: 'needs_decision',
    stands: 'complete',
    differs: 'incomplete',
    stood_before: impossible,
    refused: 'failed',
    overtaken: 'failed',
    stopped: impossible,
    // Behind an insertion that is known not to be in effect.
    superseded: 'failed',
    given_up: impossible,
    expired: 'timed_out',
    not_found_out: 'incomplete',
  },
  needs_decision: {
    begun: impossible,
    put_back: 'pending',
    // One that crashed its worker is looked for at its deadline.
    unclear: 'unknown',
    doubted: 'unknown',
    person_needed: impossible,
    stands: impossible,
    differs: impossible,
    stood_before: impossible,
    refused: impossible,
    overtaken: impossible,
    stopped: 'failed',
    superseded: 'failed',
    given_up: 'failed',
    expired: 'timed_out',
    not_found_out: 'incomplete',
  },
  complete: ended,
  failed: ended,
  timed_out: ended,
  incomplete: ended,
}

/** What an event makes of a write in a state. */
export function nextState(state: WriteState, event: WriteEvent): NextState {
  return table[state][event]
}

/** The states in which an event may come. */
export function statesBefore(event: WriteEvent): WriteState[] {
  return (Object.keys(table) as WriteState[]).filter((state) => table[state][event] !== impossible)
}

type EndState = 'complete' | 'failed' | 'timed_out' | 'incomplete'

const endings: Record<WriteCode, WriteEvent> = {
  slot_taken: 'refused',
  invalid: 'refused',
  unsupported: 'refused',
  unauthorized: 'refused',
  refused: 'refused',
  not_found: 'overtaken',
  changed_meanwhile: 'overtaken',
  cancelled_first: 'stopped',
  superseded: 'superseded',
  crashed_repeatedly: 'given_up',
  patient_ambiguous: 'given_up',
  deadline_passed: 'expired',
  effect_unknown: 'not_found_out',
  fields_differ: 'differs',
  already_in_effect: 'stood_before',
  // Said of a write that is complete already: nothing ends by it.
  duplicate_repaired: 'stands',
}

/**
 * The event that ends a write in this state for this reason. Throws where the reason does not end a write so: a write that
 * is known not to be in effect is never called complete, and the other way round.
 */
export function endingOf(state: EndState, code: WriteCode | null): WriteEvent {
  const event = code === null ? 'stands' : endings[code]
  const [from] = statesBefore(event)
  if (from === undefined || nextState(from, event) !== state)
    throw new Error(`no write ends ${state} because of ${code ?? 'nothing'}`)
  return event
}

/** The event that leaves a write owed in this state. */
export const DEFERRALS = {
  pending: 'put_back',
  unknown: 'unclear',
  needs_decision: 'person_needed',
} as const satisfies Partial<Record<WriteState, WriteEvent>>
